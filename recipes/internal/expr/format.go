package expr

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

const maxWidth = 10000

// spec is a width, precision and verb of either kind of formatting.
type spec struct {
	fill             string
	align, sign      byte
	alt, zero, comma bool
	width, prec      int // prec -1: none
	verb             byte
}

func (s *spec) pad(text string) string {
	n := s.width - utf8.RuneCountInString(text)
	if n <= 0 {
		return text
	}
	fill := s.fill
	if fill == "" {
		fill = " "
	}
	switch s.align {
	case '<':
		return text + strings.Repeat(fill, n)
	case '^':
		return strings.Repeat(fill, n/2) + text + strings.Repeat(fill, n-n/2)
	}
	return strings.Repeat(fill, n) + text
}

// number formats an int64, bool or float64.
func (s *spec) number(v Value) string {
	neg := false
	var digits string
	if i, ok := toInt(v); ok && strings.IndexByte("dxXobn\x00", s.verb) >= 0 {
		neg = i < 0
		u := uint64(i)
		if neg {
			u = -u
		}
		digits = s.integer(u)
	} else {
		f := toFloat(v)
		neg = math.Signbit(f) && !math.IsNaN(f)
		digits = s.float(math.Abs(f))
	}
	if s.comma {
		digits = group(digits)
	}
	sign := ""
	if neg {
		sign = "-"
	} else if s.sign == '+' || s.sign == ' ' {
		sign = string(s.sign)
	}
	if (s.zero && s.align == '>') || s.align == '=' {
		fill := "0"
		if !s.zero && s.fill != "" {
			fill = s.fill
		}
		prefix := ""
		if s.alt && len(digits) > 2 && digits[0] == '0' && strings.IndexByte("xXob", s.verb) >= 0 {
			prefix, digits = digits[:2], digits[2:]
		}
		if n := s.width - len(sign) - len(prefix) - len(digits); n > 0 {
			digits = strings.Repeat(fill, n) + digits
		}
		return sign + prefix + digits
	}
	return s.pad(sign + digits)
}

func (s *spec) integer(u uint64) string {
	base, prefix := 10, ""
	switch s.verb {
	case 'x', 'X':
		base, prefix = 16, "0x"
	case 'o':
		base, prefix = 8, "0o"
	case 'b':
		base, prefix = 2, "0b"
	}
	d := strconv.FormatUint(u, base)
	if s.prec > len(d) {
		d = strings.Repeat("0", s.prec-len(d)) + d
	}
	if s.alt {
		d = prefix + d
	}
	if s.verb == 'X' {
		d = strings.ToUpper(d)
	}
	return d
}

func (s *spec) float(f float64) string {
	if math.IsInf(f, 0) {
		return "inf"
	}
	if math.IsNaN(f) {
		return "nan"
	}
	prec := s.prec
	percent := ""
	switch s.verb {
	case 0, 'n':
		if prec < 0 {
			return floatText(f)
		}
		return general(f, max(prec, 1), false, true)
	case '%':
		f, percent = f*100, "%"
		if prec < 0 {
			prec = 6
		}
		return strconv.FormatFloat(f, 'f', prec, 64) + percent
	case 'g', 'G':
		if prec < 0 {
			prec = 6
		}
		return general(f, max(prec, 1), s.verb == 'G', false)
	}
	if prec < 0 {
		prec = 6
	}
	verb := s.verb
	if verb == 'F' {
		verb = 'f'
	}
	return strconv.FormatFloat(f, verb, prec, 64)
}

// general is %g: fixed or with an exponent, without trailing zeros; plain keeps ".0".
func general(f float64, prec int, upper, plain bool) string {
	e := strconv.FormatFloat(f, 'e', prec-1, 64)
	mant, exp, _ := strings.Cut(e, "e")
	n, _ := strconv.Atoi(exp)
	var out string
	if n < -4 || n >= prec {
		if strings.Contains(mant, ".") {
			mant = strings.TrimRight(strings.TrimRight(mant, "0"), ".")
		}
		out = mant + "e" + exp
	} else {
		out = strconv.FormatFloat(f, 'f', max(prec-1-n, 0), 64)
		if strings.Contains(out, ".") {
			out = strings.TrimRight(strings.TrimRight(out, "0"), ".")
		}
		if plain && !strings.Contains(out, ".") {
			out += ".0"
		}
	}
	if upper {
		out = strings.ToUpper(out)
	}
	return out
}

func group(d string) string {
	whole, rest := d, ""
	if i := strings.IndexAny(d, ".e"); i >= 0 {
		whole, rest = d[:i], d[i:]
	}
	var b strings.Builder
	for i, c := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(c)
	}
	return b.String() + rest
}

// format is Python's str.format.
func (st *state) format(off int, f string, args Args) string {
	auto := 0
	return st.formatLevel(off, f, args, &auto, 0)
}

func (st *state) formatLevel(off int, f string, args Args, auto *int, level int) string {
	if level > 2 {
		st.fail(off, "format fields are nested too deep")
	}
	var b strings.Builder
	for i := 0; i < len(f); i++ {
		c := f[i]
		if c != '{' && c != '}' {
			b.WriteByte(c)
			continue
		}
		if i+1 < len(f) && f[i+1] == c {
			b.WriteByte(c)
			i++
			continue
		}
		if c == '}' {
			st.fail(off, "single } in the format string %q", f)
		}
		j, nest := i+1, 1
		for ; j < len(f); j++ {
			if f[j] == '{' {
				nest++
			} else if f[j] == '}' {
				if nest--; nest == 0 {
					break
				}
			}
		}
		if j >= len(f) {
			st.fail(off, "{ is not closed in the format string %q", f)
		}
		text := st.field(off, f[i+1:j], args, auto, level)
		st.charge(off, len(text))
		b.WriteString(text)
		i = j
	}
	return b.String()
}

func (st *state) field(off int, field string, args Args, auto *int, level int) string {
	ref, sp := field, ""
	for i := 0; i < len(field); i++ { // a colon within brackets belongs to the key
		if field[i] == '[' {
			if k := strings.IndexByte(field[i:], ']'); k > 0 {
				i += k
			}
		} else if field[i] == ':' {
			ref, sp = field[:i], field[i+1:]
			break
		}
	}
	conv := byte(0)
	if n := len(ref); n >= 2 && ref[n-2] == '!' {
		conv, ref = ref[n-1], ref[:n-2]
	}
	v := st.fieldValue(off, ref, args, auto)
	sp = st.formatLevel(off, sp, args, auto, level+1)
	if m, ok := v.(*Missing); ok {
		if st.policy == Strict {
			st.undefined(off, m)
		}
		return ""
	}
	switch conv {
	case 's':
		v = st.str(v)
	case 'r', 'a':
		v = Repr(v)
	}
	text, err := st.formatSpec(v, sp)
	if err != "" {
		st.fail(off, "format field {%s}: %s", field, err)
	}
	return text
}

func (st *state) fieldValue(off int, ref string, args Args, auto *int) Value {
	end := strings.IndexAny(ref, ".[")
	if end < 0 {
		end = len(ref)
	}
	name, rest := ref[:end], ref[end:]
	var v Value
	n, err := strconv.Atoi(name)
	switch {
	case name == "":
		n = *auto
		*auto++
		fallthrough
	case err == nil:
		if n < 0 || n >= len(args.Pos) {
			st.fail(off, "format field {%s} has no argument", ref)
		}
		v = args.Pos[n]
	default:
		var ok bool
		if v, ok = args.Get(len(args.Pos), name); !ok {
			st.fail(off, "format field {%s} has no argument", ref)
		}
	}
	for rest != "" {
		if rest[0] == '.' {
			end := strings.IndexAny(rest[1:], ".[")
			if end < 0 {
				end = len(rest) - 1
			}
			v, rest = st.attr(off, v, rest[1:1+end]), rest[1+end:]
			continue
		}
		end := strings.IndexByte(rest, ']')
		if rest[0] != '[' || end < 0 {
			st.fail(off, "malformed format field {%s}", ref)
		}
		var key Value = rest[1:end]
		if n, err := strconv.ParseInt(rest[1:end], 10, 64); err == nil {
			key = n
		}
		v, rest = st.item(off, v, key), rest[end+1:]
	}
	return v
}

// formatSpec is Python's format(v, spec).
func (st *state) formatSpec(v Value, text string) (string, string) {
	if text == "" {
		return st.str(v), ""
	}
	s, err := parseSpec(text)
	if err != "" {
		return "", err
	}
	_, isBool := v.(bool)
	if isNumber(v) && !(isBool && s.verb == 's') {
		if s.align == 0 {
			s.align = '>'
		}
		if strings.IndexByte("\x00dxXobneEfFgG%c", s.verb) < 0 {
			return "", fmt.Sprintf("unknown format %q for a number", s.verb)
		}
		return s.number(v), ""
	}
	str := st.str(v)
	if s.verb != 0 && s.verb != 's' {
		return "", fmt.Sprintf("format %q needs a number, not %s", s.verb, TypeName(v))
	}
	if s.align == 0 || s.align == '=' {
		s.align = '<'
	}
	if s.zero && s.fill == "" {
		s.fill = "0"
	}
	if s.prec >= 0 {
		str = cutRunes(str, s.prec)
	}
	return s.pad(str), ""
}

func parseSpec(t string) (spec, string) {
	s := spec{prec: -1}
	if r, n := utf8.DecodeRuneInString(t); n < len(t) && strings.IndexByte("<>^=", t[n]) >= 0 {
		s.fill, s.align, t = string(r), t[n], t[n+1:]
	} else if strings.IndexByte("<>^=", t[0]) >= 0 {
		s.align, t = t[0], t[1:]
	}
	eat := func(set string) byte {
		if t != "" && strings.IndexByte(set, t[0]) >= 0 {
			c := t[0]
			t = t[1:]
			return c
		}
		return 0
	}
	number := func() int {
		n := 0
		for t != "" && t[0] >= '0' && t[0] <= '9' && n <= maxWidth {
			n, t = n*10+int(t[0]-'0'), t[1:]
		}
		return n
	}
	if c := eat("+- "); c != '-' {
		s.sign = c
	}
	s.alt = eat("#") != 0
	if eat("0") != 0 {
		s.zero = true
	}
	s.width = number()
	s.comma = eat(",_") != 0
	if eat(".") != 0 {
		s.prec = number()
	}
	if s.width > maxWidth || s.prec > maxWidth {
		return s, "width is too large"
	}
	if t != "" {
		s.verb, t = t[0], t[1:]
	}
	if t != "" {
		return s, fmt.Sprintf("malformed format %q", t)
	}
	return s, ""
}
