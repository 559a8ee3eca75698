package packages

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Pin returns the version condition that pin_subpackage and pin_compatible make of a version
// (CEP 13, https://github.com/conda/ceps; the results are rattler-build's): Pin("1.2.13", "x.x.x", "x.x")
// is ">=1.2.13,<1.3.0a0". A bound is an expression of x's, of which each stands for a segment, or a
// version to take as it is; an empty bound is none, and without both the condition is empty.
func Pin(version, lower, upper string) (string, error) {
	v, err := ParseVersion(version)
	if err != nil {
		return "", err
	}
	var out []string
	if lower != "" {
		bound, err := pinBound(lower, v.truncated)
		if err != nil {
			return "", fmt.Errorf("lower bound of the pin: %w", err)
		}
		out = append(out, ">="+bound)
	}
	if upper != "" {
		bound, err := pinBound(upper, v.bumped)
		if err != nil {
			return "", fmt.Errorf("upper bound of the pin: %w", err)
		}
		out = append(out, "<"+bound)
	}
	return strings.Join(out, ","), nil
}

// pinBound reads a bound; of applies an expression with so many x's.
func pinBound(bound string, of func(segments int) string) (string, error) {
	if strings.Trim(bound, "x.") != "" {
		v, err := ParseVersion(bound)
		return v.Normal(), err
	}
	n := strings.Count(bound, "x")
	if bound != strings.TrimSuffix(strings.Repeat("x.", n), ".") || n > 100 {
		return "", fmt.Errorf("%q is neither an expression like %q nor a version", bound, "x.x")
	}
	v, err := ParseVersion(of(n))
	return v.Normal(), err
}

// publicSegments cuts a version into epoch with its "!", segments each with the separator before it,
// and local part with its "+".
func (v Version) publicSegments() (epoch string, segments []string, local string) {
	text := v.text
	if i := strings.IndexByte(text, '!'); i >= 0 {
		epoch, text = text[:i+1], text[i+1:]
	}
	if i := strings.IndexByte(text, '+'); i >= 0 {
		text, local = text[:i], text[i:]
	}
	start := 0
	for i := 1; i+1 < len(text); i++ {
		if isSeparator(text[i]) {
			segments = append(segments, text[start:i])
			start = i
		}
	}
	return epoch, append(segments, text[start:]), local
}

// truncated is v up to n segments.
func (v Version) truncated(n int) string {
	epoch, segments, local := v.publicSegments()
	return epoch + strings.Join(segments[:min(n, len(segments))], "") + local
}

// bumped is the first version that differs from v in segment n, before all its pre-releases: 1.3.0a0
// of 1.2.13 and 2. Segments that v does not have are zeros.
func (v Version) bumped(n int) string {
	epoch, segments, _ := v.publicSegments()
	for len(segments) < n {
		segments = append(segments, ".0")
	}
	last, isAlpha := bumpSegment(segments[n-1])
	out := epoch + strings.Join(segments[:n-1], "") + last
	if isAlpha {
		return out
	}
	return out + ".0a0"
}

// bumpSegment adds one to the last number of a segment. Letters become "a", the first of all, so that
// no pre-release mark need follow.
func bumpSegment(s string) (bumped string, isAlpha bool) {
	separator := ""
	if isSeparator(s[0]) {
		separator, s = s[:1], s[1:]
	}
	body := strings.TrimRight(s, "_-")
	parts := appendSegment(nil, body, false)
	number := len(parts) - 1
	for parts[number].kind != kindNumber {
		number--
	}
	var b strings.Builder
	b.WriteString(separator)
	for i, c := range parts {
		switch {
		case i == number:
			b.WriteString(addOne(c.text))
		case c.kind == kindText:
			b.WriteString("a")
			isAlpha = true
		case c.kind == kindDev:
			b.WriteString("dev")
		case c.kind == kindPost:
			b.WriteString("post")
		case i > 0 || isDigit(body[0]):
			b.WriteString(cmp.Or(c.text, "0"))
		}
	}
	return b.String(), isAlpha
}

// addOne adds one to a decimal number of any length; "" is zero.
func addOne(digits string) string {
	if n, err := strconv.ParseUint("0"+digits, 10, 63); err == nil {
		return strconv.FormatUint(n+1, 10)
	}
	b := []byte(digits)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] != '9' {
			b[i]++
			return string(b)
		}
		b[i] = '0'
	}
	return "1" + string(b)
}

// PinV0 is Pin as meta.yaml means it (conda-build, apply_pin_expressions): each x stands for a run of digits
// or letters, so "x.x.x.x" of 1.1.1g reaches the g, and an expression longer than the version ends with it:
// "x.x.x" of 1.2 raises the 2.
func PinV0(version, lower, upper string) (string, error) {
	v, err := ParseVersion(strings.TrimRight(version, ".*"))
	if err != nil {
		return "", err
	}
	var out []string
	if lower != "" {
		bound, err := v.boundV0(lower, false)
		if err != nil {
			return "", fmt.Errorf("lower bound of the pin: %w", err)
		}
		out = append(out, ">="+bound)
	}
	if upper != "" {
		bound, err := v.boundV0(upper, true)
		if err != nil {
			return "", fmt.Errorf("upper bound of the pin: %w", err)
		}
		out = append(out, "<"+bound)
	}
	return strings.Join(out, ","), nil
}

// boundV0 reads a bound: an expression of x's, or a version to take as it is.
func (v Version) boundV0(bound string, upper bool) (string, error) {
	if strings.Trim(bound, "x.") != "" {
		_, err := ParseVersion(bound)
		return bound, err
	}
	n := strings.Count(bound, "x")
	if bound != strings.TrimSuffix(strings.Repeat("x.", n), ".") {
		return "", fmt.Errorf("%q is neither an expression like %q nor a version", bound, "x.x")
	}
	flat := v.flat(n, upper)
	if low, err := ParseVersion(flat); !upper && (err != nil || v.Compare(low) < 0) {
		return v.source, nil // a pre-release of its own bound
	}
	return flat, nil
}

// flat writes the first n components of v, the last of them raised by one where bump is set.
// A component follows the one before it without a dot only in the last segment, as in 1.1.1g.
func (v Version) flat(n int, bump bool) string {
	epoch, _, _ := v.publicSegments()
	parts, _, _ := splitVersion(nil, v.text)
	parts = parts[1:]
	joint := countSegments(parts) - 1
	n = min(n, len(parts))
	out := epoch
	for i, c := range parts[:n] {
		text := c.text
		switch c.kind {
		case kindNumber:
			text = cmp.Or(c.text, "0")
		case kindDev:
			text = "dev"
		case kindPost:
			text = "post"
		}
		if bump && i == n-1 {
			next := parts[min(n, len(parts)-1)]
			text = raise(c, text, next.kind == kindText || next.kind == kindDev)
		}
		out += text
		if i != joint {
			out += "."
		}
	}
	return strings.TrimSuffix(out, ".")
}

// raise gives the first pre-release of what follows c.
func raise(c component, text string, alpha bool) string {
	switch {
	case c.kind != kindNumber:
		return text[:len(text)-1] + string(text[len(text)-1]+1)
	case alpha:
		return addOne(c.text) + "a"
	}
	return addOne(c.text) + ".0a0"
}
