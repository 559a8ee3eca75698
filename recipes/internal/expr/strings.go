package expr

import (
	"fmt"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"
)

func lower(s string) string { return strings.ToLower(s) }

const pySpace = " \t\n\r\v\f\x1c\x1d\x1e\x1f\u0085\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\u1680"

// stringMethods are the parameters of each method of strings.
func stringParams(name string) ([]string, bool) {
	switch name {
	case "capitalize", "casefold", "lower", "swapcase", "title", "upper", "isalnum", "isalpha", "isascii",
		"isdecimal", "isdigit", "isidentifier", "islower", "isnumeric", "isprintable", "isspace", "istitle", "isupper":
		return nil, true
	case "center", "ljust", "rjust":
		return []string{"width", "fillchar?"}, true
	case "zfill":
		return []string{"width"}, true
	case "count", "find", "index", "rfind", "rindex", "startswith", "endswith":
		return []string{"sub", "start?", "end?"}, true
	case "strip", "lstrip", "rstrip":
		return []string{"chars?"}, true
	case "split", "rsplit":
		return []string{"sep?", "maxsplit?"}, true
	case "splitlines":
		return []string{"keepends?"}, true
	case "partition", "rpartition":
		return []string{"sep"}, true
	case "replace":
		return []string{"old", "new", "count?"}, true
	case "removeprefix", "removesuffix":
		return []string{"fix"}, true
	case "join":
		return []string{"iterable"}, true
	case "expandtabs":
		return []string{"tabsize?"}, true
	case "encode", "decode":
		return []string{"encoding?", "errors?"}, true
	case "format_map":
		return []string{"mapping"}, true
	}
	return nil, false
}

func stringMethod(name string) func(*state, int, Value, Args) (Value, error) {
	if name == "format" {
		return func(st *state, off int, self Value, a Args) (Value, error) {
			return st.format(off, self.(string), a), nil
		}
	}
	params, ok := stringParams(name)
	if !ok {
		return nil
	}
	return func(st *state, off int, self Value, a Args) (Value, error) {
		v, err := a.Bind(name, params...)
		if err != nil {
			return nil, err
		}
		s := self.(string)
		st.charge(off, len(s))
		c := &strCall{st: st, off: off, name: name, v: v}
		return c.call(s)
	}
}

type strCall struct {
	st   *state
	off  int
	name string
	v    []Value
}

// text is argument i as a string; def where it is absent or None.
func (c *strCall) text(i int, def string) string {
	switch v := c.v[i].(type) {
	case string:
		return v
	case nil, Absent:
		return def
	case *Missing:
		if c.st.policy == NeverFail {
			return def
		}
		c.st.undefined(c.off, v)
	default:
		c.st.fail(c.off, "%s() needs a string, not %s", c.name, TypeName(v))
	}
	return ""
}

func (c *strCall) num(i int, def int64) int64 {
	switch v := c.v[i].(type) {
	case nil, Absent:
		return def
	case *Missing:
		if c.st.policy == NeverFail {
			return def
		}
		c.st.undefined(c.off, v)
	default:
		n, ok := toInt(v)
		if !ok {
			c.st.fail(c.off, "%s() needs an integer, not %s", c.name, TypeName(v))
		}
		return n
	}
	return 0
}

func (c *strCall) call(s string) (Value, error) {
	switch c.name {
	case "lower", "casefold":
		return lower(s), nil
	case "upper":
		return strings.ToUpper(s), nil
	case "capitalize":
		return capitalize(s), nil
	case "title":
		return title(s), nil
	case "swapcase":
		return strings.Map(swapCase, s), nil
	case "center", "ljust", "rjust", "zfill":
		return c.justify(s)
	case "count", "find", "index", "rfind", "rindex", "startswith", "endswith":
		return c.find(s)
	case "strip":
		return strings.Trim(s, c.text(0, pySpace)), nil
	case "lstrip":
		return strings.TrimLeft(s, c.text(0, pySpace)), nil
	case "rstrip":
		return strings.TrimRight(s, c.text(0, pySpace)), nil
	case "split", "rsplit":
		return c.split(s)
	case "splitlines":
		return c.lines(s), nil
	case "partition", "rpartition":
		return c.partition(s)
	case "replace":
		return c.replace(s), nil
	case "removeprefix":
		return strings.TrimPrefix(s, c.text(0, "")), nil
	case "removesuffix":
		return strings.TrimSuffix(s, c.text(0, "")), nil
	case "join":
		return c.join(s)
	case "expandtabs":
		return c.tabs(s), nil
	case "encode", "decode":
		return s, nil
	case "format_map":
		d, ok := c.v[0].(*Dict)
		if !ok {
			return nil, fmt.Errorf("format_map() needs a dict")
		}
		var a Args
		for i, k := range d.keys {
			a.Names, a.Named = append(a.Names, Str(k)), append(a.Named, d.vals[i])
		}
		return c.st.format(c.off, s, a), nil
	}
	return isMethod(c.name, s), nil
}

func capitalize(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToUpper(r)) + lower(s[n:])
}

func title(s string) string {
	prev := false
	return strings.Map(func(r rune) rune {
		was := prev
		prev = unicode.IsLetter(r)
		if was {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, s)
}

func swapCase(r rune) rune {
	if unicode.IsUpper(r) {
		return unicode.ToLower(r)
	}
	return unicode.ToUpper(r)
}

func (c *strCall) justify(s string) (Value, error) {
	w := c.num(0, 0)
	fill := " "
	if c.name == "zfill" {
		fill = "0"
	} else {
		fill = c.text(1, " ")
	}
	if utf8.RuneCountInString(fill) != 1 {
		return nil, fmt.Errorf("%s() fills with exactly one character", c.name)
	}
	n := w - int64(utf8.RuneCountInString(s))
	if n <= 0 {
		return s, nil
	}
	if n > math.MaxInt32 {
		n = math.MaxInt32
	}
	c.st.charge(c.off, int(n)*len(fill)+len(s))
	pad := func(n int64) string { return strings.Repeat(fill, int(n)) }
	switch c.name {
	case "ljust":
		return s + pad(n), nil
	case "center":
		left := n / 2
		if n%2 == 1 && w%2 == 1 {
			left++
		}
		return pad(left) + s + pad(n-left), nil
	case "zfill":
		if s != "" && (s[0] == '-' || s[0] == '+') {
			return s[:1] + pad(n) + s[1:], nil
		}
	}
	return pad(n) + s, nil
}

// find does count, find, index, rfind, rindex, startswith and endswith.
func (c *strCall) find(s string) (Value, error) {
	lo, hi := c.num(1, 0), c.num(2, math.MaxInt32)
	from, to, _ := bounds(utf8.RuneCountInString(s), &lo, &hi, nil)
	if c.name == "startswith" || c.name == "endswith" {
		return c.affix(s, from, to)
	}
	sub := c.text(0, "")
	if from > to {
		if c.name == "count" {
			return int64(0), nil
		}
		return c.notFound(sub)
	}
	part := sliceRunes(s, from, to)
	i := 0
	switch c.name {
	case "count":
		return int64(strings.Count(part, sub)), nil
	case "find", "index":
		i = strings.Index(part, sub)
	default:
		i = strings.LastIndex(part, sub)
	}
	if i < 0 {
		return c.notFound(sub)
	}
	return int64(from + utf8.RuneCountInString(part[:i])), nil
}

func (c *strCall) notFound(sub string) (Value, error) {
	if strings.HasSuffix(c.name, "index") {
		return nil, fmt.Errorf("%s(): %q is not in the string", c.name, sub)
	}
	return int64(-1), nil
}

func sliceRunes(s string, from, to int) string {
	if isASCII(s) {
		return s[from:to]
	}
	return string([]rune(s)[from:to])
}

func (c *strCall) affix(s string, from, to int) (Value, error) {
	if from > to {
		return false, nil
	}
	s = sliceRunes(s, from, to)
	has := strings.HasPrefix
	if c.name == "endswith" {
		has = strings.HasSuffix
	}
	if t, ok := c.v[0].(Tuple); ok {
		for _, v := range t {
			if a, ok := v.(string); ok && has(s, a) {
				return true, nil
			}
		}
		return false, nil
	}
	return has(s, c.text(0, "")), nil
}

func (c *strCall) split(s string) (Value, error) {
	limit := int(max(-1, min(c.num(1, -1), math.MaxInt32)))
	var parts []string
	sep := c.text(0, "")
	if _, given := c.v[0].(string); given {
		if sep == "" {
			return nil, fmt.Errorf("%s(): the separator is empty", c.name)
		}
		parts = splitSep(s, sep, limit, c.name == "rsplit")
	} else {
		parts = splitSpace(s, limit, c.name == "rsplit")
	}
	c.st.charge(c.off, 32*len(parts))
	return stringList(parts), nil
}

func stringList(parts []string) *List {
	l := &List{Items: make([]Value, len(parts))}
	for i, p := range parts {
		l.Items[i] = p
	}
	return l
}

func splitSep(s, sep string, limit int, right bool) []string {
	if limit < 0 {
		return strings.Split(s, sep)
	}
	if !right {
		return strings.SplitN(s, sep, limit+1)
	}
	var tail []string
	for ; limit > 0; limit-- {
		i := strings.LastIndex(s, sep)
		if i < 0 {
			break
		}
		tail = append(tail, s[i+len(sep):])
		s = s[:i]
	}
	out := []string{s}
	for i := len(tail) - 1; i >= 0; i-- {
		out = append(out, tail[i])
	}
	return out
}

func splitSpace(s string, limit int, right bool) []string {
	var out []string
	if right && limit >= 0 {
		for s = strings.TrimRight(s, pySpace); s != ""; s = strings.TrimRight(s, pySpace) {
			i := strings.LastIndexAny(s, pySpace)
			if limit == 0 || i < 0 {
				out = append(out, s)
				break
			}
			_, n := utf8.DecodeRuneInString(s[i:])
			out = append(out, s[i+n:])
			s, limit = s[:i], limit-1
		}
		for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
			out[i], out[j] = out[j], out[i]
		}
		return out
	}
	for s = strings.TrimLeft(s, pySpace); s != ""; s = strings.TrimLeft(s, pySpace) {
		i := strings.IndexAny(s, pySpace)
		if limit == 0 || i < 0 {
			if limit != 0 {
				s = strings.TrimRight(s, pySpace)
			}
			return append(out, s)
		}
		out = append(out, s[:i])
		s, limit = s[i:], limit-1
	}
	return out
}

func (c *strCall) lines(s string) Value {
	keep := Truth(c.v[0])
	l := &List{}
	for s != "" {
		i := strings.IndexAny(s, "\n\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029")
		end, next := len(s), len(s)
		if i >= 0 {
			_, n := utf8.DecodeRuneInString(s[i:])
			end, next = i, i+n
			if strings.HasPrefix(s[i:], "\r\n") {
				next = i + 2
			}
		}
		if keep {
			end = next
		}
		c.st.charge(c.off, 32)
		l.Items = append(l.Items, s[:end])
		s = s[next:]
	}
	return l
}

func (c *strCall) partition(s string) (Value, error) {
	sep := c.text(0, "")
	if sep == "" {
		return nil, fmt.Errorf("%s(): the separator is empty", c.name)
	}
	if c.name == "partition" {
		if a, b, ok := strings.Cut(s, sep); ok {
			return Tuple{a, sep, b}, nil
		}
		return Tuple{s, "", ""}, nil
	}
	if i := strings.LastIndex(s, sep); i >= 0 {
		return Tuple{s[:i], sep, s[i+len(sep):]}, nil
	}
	return Tuple{"", "", s}, nil
}

func (c *strCall) replace(s string) string {
	old, repl := c.text(0, ""), c.text(1, "")
	n := strings.Count(s, old)
	if limit := c.num(2, -1); limit >= 0 && int64(n) > limit {
		n = int(limit)
	}
	c.st.charge(c.off, len(s)+n*len(repl))
	return strings.Replace(s, old, repl, n)
}

func (c *strCall) join(s string) (Value, error) {
	items := c.st.iterate(c.off, c.v[0])
	var b strings.Builder
	for i, it := range items {
		text, ok := it.(string)
		if _, missing := it.(*Missing); !ok && !(missing && c.st.policy == NeverFail) {
			return nil, fmt.Errorf("join() needs strings, item %d is %s", i, TypeName(it))
		}
		if i > 0 {
			b.WriteString(s)
		}
		c.st.charge(c.off, len(s)+len(text))
		b.WriteString(text)
	}
	return b.String(), nil
}

func (c *strCall) tabs(s string) string {
	size := int(min(c.num(0, 8), 100))
	var b strings.Builder
	col := 0
	for _, r := range s {
		switch {
		case r == '\t' && size > 0:
			n := size - col%size
			c.st.charge(c.off, n)
			b.WriteString(strings.Repeat(" ", n))
			col += n
		case r == '\t':
		case r == '\n' || r == '\r':
			b.WriteRune(r)
			col = 0
		default:
			b.WriteRune(r)
			col++
		}
	}
	return b.String()
}

func isMethod(name, s string) bool {
	cased := func(is, other func(rune) bool) bool {
		any := false
		for _, r := range s {
			if other(r) {
				return false
			}
			any = any || is(r)
		}
		return any
	}
	all := func(is func(rune) bool) bool {
		return s != "" && strings.IndexFunc(s, func(r rune) bool { return !is(r) }) < 0
	}
	switch name {
	case "islower":
		return cased(unicode.IsLower, func(r rune) bool { return unicode.IsUpper(r) || unicode.IsTitle(r) })
	case "isupper":
		return cased(unicode.IsUpper, func(r rune) bool { return unicode.IsLower(r) || unicode.IsTitle(r) })
	case "istitle":
		return s != "" && title(s) == s && lower(s) != strings.ToUpper(s)
	case "isalnum":
		return all(func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) })
	case "isalpha":
		return all(unicode.IsLetter)
	case "isascii":
		return isASCII(s)
	case "isdecimal":
		return all(unicode.IsDigit)
	case "isdigit":
		return all(func(r rune) bool {
			return unicode.IsDigit(r) || strings.ContainsRune("²³¹⁰⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉", r)
		})
	case "isnumeric":
		return all(unicode.IsNumber)
	case "isspace":
		return all(func(r rune) bool { return strings.ContainsRune(pySpace, r) })
	case "isprintable":
		return s == "" || all(unicode.IsPrint)
	}
	return s != "" && nameLen(s) == len(s) // isidentifier
}
