package channels

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"forge/packages"
)

// recordParser reads one record of repodata.json out of a string, of which the fields become parts.
type recordParser struct {
	s string
	i int
}

var errShort = errors.New("the text ends in the middle")

// parseRecord reads `"FILE": {…}`; the extension is added to FILE.
func parseRecord(text, extension string) (*packages.Record, error) {
	p := &recordParser{s: text}
	file, err := p.str()
	if err != nil {
		return nil, err
	}
	r := &packages.Record{FileName: file + extension}
	if err := p.expect(':'); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if err := p.object(func(key string) error { return p.field(r, key) }); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if r.Timestamp > 0 && r.Timestamp < 253402300800 { // seconds up to the year 9999, as old entries have
		r.Timestamp *= 1000
	}
	return r, nil
}

// field reads the value of one key into the record.
func (p *recordParser) field(r *packages.Record, key string) (err error) {
	switch key {
	case "name":
		err = p.text(&r.Name)
	case "version":
		err = p.text(&r.Version)
	case "build":
		err = p.text(&r.Build)
	case "build_number":
		var n int64
		err = p.number(&n)
		r.BuildNumber = int(n)
	case "subdir":
		err = p.text(&r.Subdir)
	case "depends":
		err = p.list(&r.Depends)
	case "constrains":
		err = p.list(&r.Constrains)
	case "track_features":
		err = p.words(&r.TrackFeatures)
	case "features":
		err = p.words(&r.Features)
	case "noarch":
		err = p.noarch(r)
	case "license":
		err = p.text(&r.License)
	case "license_family":
		err = p.text(&r.LicenseFamily)
	case "timestamp":
		err = p.number(&r.Timestamp)
	case "arch":
		err = p.text(&r.Arch)
	case "platform":
		err = p.text(&r.Platform)
	case "md5":
		err = p.text(&r.MD5)
	case "sha256":
		err = p.text(&r.SHA256)
	case "size":
		err = p.number(&r.Size)
	case "flags":
		err = p.list(&r.Flags)
	case "extra_depends":
		err = p.object(func(group string) error {
			var list []string
			err := p.list(&list)
			if r.ExtraDepends == nil {
				r.ExtraDepends = map[string][]string{}
			}
			r.ExtraDepends[group] = list
			return err
		})
	default:
		err = p.skip(0)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}

func (p *recordParser) next() (byte, error) {
	for ; p.i < len(p.s); p.i++ {
		switch b := p.s[p.i]; b {
		case ' ', '\t', '\r', '\n':
		default:
			return b, nil
		}
	}
	return 0, errShort
}

func (p *recordParser) expect(b byte) error {
	got, err := p.next()
	if err == nil && got != b {
		err = fmt.Errorf("expected %q instead of %q", b, got)
	}
	p.i++
	return err
}

// str reads a string; one without escapes is a part of the text.
func (p *recordParser) str() (string, error) {
	if err := p.expect('"'); err != nil {
		return "", err
	}
	end := strings.IndexByte(p.s[p.i:], '"')
	if end < 0 {
		return "", errShort
	}
	if s := p.s[p.i : p.i+end]; strings.IndexByte(s, '\\') < 0 {
		p.i += end + 1
		return s, nil
	}
	begin := p.i - 1
	for ; p.i < len(p.s); p.i++ {
		switch p.s[p.i] {
		case '\\':
			p.i++
		case '"':
			p.i++
			var out string
			err := json.Unmarshal([]byte(p.s[begin:p.i]), &out)
			return out, err
		}
	}
	return "", errShort
}

// null passes the word null.
func (p *recordParser) null() bool {
	if b, _ := p.next(); b == 'n' && strings.HasPrefix(p.s[p.i:], "null") {
		p.i += 4
		return true
	}
	return false
}

func (p *recordParser) text(out *string) (err error) {
	if p.null() {
		return nil
	}
	*out, err = p.str()
	return err
}

func (p *recordParser) number(out *int64) error {
	if p.null() {
		return nil
	}
	if _, err := p.next(); err != nil {
		return err
	}
	begin := p.i
	for p.i < len(p.s) && strings.IndexByte("+-.0123456789eE", p.s[p.i]) >= 0 {
		p.i++
	}
	n, err := strconv.ParseInt(p.s[begin:p.i], 10, 64)
	if err != nil {
		f, ferr := strconv.ParseFloat(p.s[begin:p.i], 64) // some timestamps are 1.5e12 or end in .0
		if ferr != nil || f < -1<<53 || f > 1<<53 {
			return fmt.Errorf("%.40q is no number", p.s[begin:min(len(p.s), p.i+20)])
		}
		n = int64(f)
	}
	*out = n
	return nil
}

// list reads a list of strings.
func (p *recordParser) list(out *[]string) error {
	if p.null() {
		return nil
	}
	if err := p.expect('['); err != nil {
		return err
	}
	if b, err := p.next(); err != nil || b == ']' {
		p.i++
		return err
	}
	// Count the strings first: a list of exactly the right size is half the memory.
	if end := strings.IndexByte(p.s[p.i:], ']'); end > 0 {
		*out = make([]string, 0, strings.Count(p.s[p.i:p.i+end], `"`)/2)
	}
	for {
		s, err := p.str()
		if err != nil {
			return err
		}
		*out = append(*out, s)
		b, err := p.next()
		if err != nil {
			return err
		}
		p.i++
		switch b {
		case ']':
			return nil
		case ',':
		default:
			return fmt.Errorf("expected %q or %q instead of %q", ',', ']', b)
		}
	}
}

// words reads a string or a list of strings, which is joined by spaces.
func (p *recordParser) words(out *string) error {
	if b, err := p.next(); err != nil || b != '[' {
		return p.text(out)
	}
	var list []string
	err := p.list(&list)
	*out = strings.Join(list, " ")
	return err
}

// noarch reads "generic", "python" or, from old entries, true, which means generic.
func (p *recordParser) noarch(r *packages.Record) error {
	b, err := p.next()
	if err != nil || b == '"' || b == 'n' {
		err = errors.Join(err, p.text(&r.NoArch))
		if err == nil && !slices.Contains([]string{"", "generic", "python"}, r.NoArch) {
			err = fmt.Errorf("%.40q is neither generic nor python", r.NoArch)
		}
		return err
	}
	if b == 't' {
		r.NoArch = "generic"
	}
	return p.skip(0)
}

func (p *recordParser) object(f func(key string) error) error {
	if err := p.expect('{'); err != nil {
		return err
	}
	if b, err := p.next(); err != nil || b == '}' {
		p.i++
		return err
	}
	for {
		key, err := p.str()
		if err != nil {
			return err
		}
		if err := p.expect(':'); err != nil {
			return err
		}
		if err := f(key); err != nil {
			return err
		}
		b, err := p.next()
		if err != nil {
			return err
		}
		p.i++
		switch b {
		case '}':
			return nil
		case ',':
		default:
			return fmt.Errorf("expected %q or %q instead of %q", ',', '}', b)
		}
	}
}

// skip passes any value.
func (p *recordParser) skip(depth int) error {
	b, err := p.next()
	switch {
	case err != nil:
		return err
	case depth > maxNesting:
		return fmt.Errorf("brackets are nested deeper than %d", maxNesting)
	case b == '"':
		_, err = p.str()
		return err
	case b == '{':
		return p.object(func(string) error { return p.skip(depth + 1) })
	case b == '[':
		return p.skipList(depth)
	}
	begin := p.i
	for p.i < len(p.s) && strings.IndexByte(",]} \t\r\n", p.s[p.i]) < 0 {
		p.i++
	}
	if p.i == begin || !json.Valid([]byte(p.s[begin:p.i])) {
		return fmt.Errorf("%.40q is no value", p.s[begin:])
	}
	return nil
}

func (p *recordParser) skipList(depth int) error {
	p.i++
	if b, err := p.next(); err != nil || b == ']' {
		p.i++
		return err
	}
	for {
		if err := p.skip(depth + 1); err != nil {
			return err
		}
		b, err := p.next()
		if err != nil {
			return err
		}
		p.i++
		if b == ']' {
			return nil
		}
		if b != ',' {
			return fmt.Errorf("expected %q or %q instead of %q", ',', ']', b)
		}
	}
}
