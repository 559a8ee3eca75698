package packages

import (
	"errors"
	"fmt"
	"strings"
)

// The kinds of component, in their order. A missing component counts as the number zero.
const (
	kindDev byte = iota
	kindText
	kindNumber
	kindPost
)

// component is a run of digits or of other characters within a segment.
type component struct {
	kind byte
	last bool   // ends its segment
	text string // the letters, or the digits without leading zeros: "" is zero
}

// sign says how c compares with zero.
func (c component) sign() int {
	switch {
	case c.kind < kindNumber:
		return -1
	case c.kind == kindPost || c.text != "":
		return 1
	}
	return 0
}

// compare orders components: dev, letters, numbers, post.
func (c component) compare(d component) int {
	if c.kind != d.kind {
		return int(c.kind) - int(d.kind)
	}
	if c.kind == kindNumber && len(c.text) != len(d.text) {
		return len(c.text) - len(d.text)
	}
	return strings.Compare(c.text, d.text)
}

var (
	errNoComponent  = errors.New("expected a number or letters between separators")
	errMixed        = errors.New(`cannot use both "_" and "-" as separators`)
	errEmptyVersion = errors.New("empty string")
)

// splitVersion appends the components of a lower-case version to buf: the epoch's, the segments', then
// those of the local part, which are also returned apart.
func splitVersion(buf []component, text string) (parts, local []component, err error) {
	if text == "" {
		return nil, nil, errEmptyVersion
	}
	if strings.IndexByte(text, '_') >= 0 && strings.IndexByte(text, '-') >= 0 {
		return nil, nil, errMixed
	}
	epoch, rest, found := strings.Cut(text, "!")
	if !found {
		epoch, rest = "0", text
	}
	if epoch == "" || strings.Trim(epoch, "0123456789") != "" {
		return nil, nil, fmt.Errorf("epoch %q is not a number", epoch)
	}
	buf = append(buf, component{kindNumber, true, strings.TrimLeft(epoch, "0")})
	public, after, hasLocal := strings.Cut(rest, "+")
	if buf, err = appendSegments(buf, public, true); err != nil || !hasLocal {
		return buf, nil, err
	}
	n := len(buf)
	if buf, err = appendSegments(buf, after, false); err != nil {
		return nil, nil, err
	}
	return buf[:n], buf[n:], nil
}

// appendSegments splits s at ". _ -". A separator at the very end belongs to the last segment where
// trailing says so: OpenSSL's 1.0.1_ sorts before 1.0.1a.
func appendSegments(buf []component, s string, trailing bool) ([]component, error) {
	end := len(s)
	trailing = trailing && end > 1 && (s[end-1] == '_' || s[end-1] == '-')
	if trailing {
		end--
	}
	for start := 0; ; {
		stop := start
		for stop < end && !isSeparator(s[stop]) {
			if !isWord(s[stop]) {
				return nil, fmt.Errorf("character %q does not belong in a version", s[stop])
			}
			stop++
		}
		lastSegment := stop >= end
		tail := trailing && lastSegment
		if stop == start && !tail {
			return nil, errNoComponent
		}
		buf = appendSegment(buf, s[start:stop], tail)
		if lastSegment {
			return buf, nil
		}
		start = stop + 1
	}
}

func isSeparator(b byte) bool { return b == '.' || b == '_' || b == '-' }

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

func isWord(b byte) bool { return isDigit(b) || b >= 'a' && b <= 'z' }

// appendSegment splits one segment into runs; a zero goes before leading letters.
func appendSegment(buf []component, s string, tail bool) []component {
	if s == "" || !isDigit(s[0]) {
		buf = append(buf, component{kind: kindNumber})
	}
	for s != "" {
		n := 1
		for n < len(s) && isDigit(s[n]) == isDigit(s[0]) {
			n++
		}
		run := s[:n]
		s = s[n:]
		switch {
		case isDigit(run[0]):
			buf = append(buf, component{kind: kindNumber, text: strings.TrimLeft(run, "0")})
		case run == "post":
			buf = append(buf, component{kind: kindPost})
		case run == "dev":
			buf = append(buf, component{kind: kindDev})
		default:
			buf = append(buf, component{kind: kindText, text: run})
		}
	}
	if tail {
		buf = append(buf, component{kind: kindText, text: "_"})
	}
	buf[len(buf)-1].last = true
	return buf
}

// segment cuts the first segment off parts; nil stands for zeros.
func segment(parts []component) (first, rest []component) {
	for i, c := range parts {
		if c.last {
			return parts[:i+1], parts[i+1:]
		}
	}
	return nil, nil
}

// at is the component i of a segment, zero where it ends before.
func at(seg []component, i int) component {
	if i < len(seg) {
		return seg[i]
	}
	return component{kind: kindNumber}
}

func compareSegment(a, b []component) int {
	for i := 0; i < len(a) || i < len(b); i++ {
		if c := at(a, i).compare(at(b, i)); c != 0 {
			return c
		}
	}
	return 0
}

// dropSegment cuts the last segment off parts.
func dropSegment(parts []component) []component {
	n := len(parts) - 1
	for n > 0 && !parts[n-1].last {
		n--
	}
	return parts[:max(n, 0)]
}

// hasPrefix reports whether all segments of want are those of parts, and the last one a beginning.
// Zero segments at the end of want that parts does not have do not count.
func hasPrefix(parts, want []component) bool {
	for missing := countSegments(want) - countSegments(parts); missing > 0; missing-- {
		if n := len(want); want[n-1].sign() != 0 || n > 1 && !want[n-2].last {
			break
		}
		want = dropSegment(want)
	}
	if len(want) == 0 {
		return true
	}
	head := dropSegment(want)
	for range countSegments(head) {
		var a, b []component
		a, parts = segment(parts)
		b, want = segment(want)
		if compareSegment(a, b) != 0 {
			return false
		}
	}
	a, _ := segment(parts)
	for i, c := range want {
		if c.compare(at(a, i)) != 0 {
			return false
		}
	}
	return true
}

func countSegments(parts []component) int {
	n := 0
	for _, c := range parts {
		if c.last {
			n++
		}
	}
	return n
}
