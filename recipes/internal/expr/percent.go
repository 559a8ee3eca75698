package expr

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// percent is Python's str % args.
func (st *state) percent(off int, format string, arg Value) Value {
	args, isTuple := arg.(Tuple)
	if !isTuple {
		args = Tuple{arg}
	}
	var b strings.Builder
	used := 0
	take := func() Value {
		if used >= len(args) {
			st.fail(off, "not enough arguments for the format string %q", format)
		}
		used++
		return args[used-1]
	}
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			b.WriteByte(format[i])
			continue
		}
		i++
		var v Value
		named := false
		if i < len(format) && format[i] == '(' {
			j := strings.IndexByte(format[i:], ')')
			d, ok := arg.(*Dict)
			if j < 0 || !ok {
				st.fail(off, "format %q needs a dict", format)
			}
			if v, ok = d.Get(format[i+1 : i+j]); !ok {
				st.fail(off, "format %q: no key %q", format, format[i+1:i+j])
			}
			named, used = true, len(args)
			i += j + 1
		}
		s := spec{prec: -1, align: '>', fill: " "}
		i = s.percentFlags(st, off, format, i, take)
		if i >= len(format) {
			st.fail(off, "format string %q ends within a placeholder", format)
		}
		s.verb = format[i]
		if s.verb == '%' {
			b.WriteByte('%')
			continue
		}
		if !named {
			v = take()
		}
		text, err := st.one(s, v)
		if err != "" {
			st.fail(off, "format %q: %s", format, err)
		}
		st.charge(off, len(text))
		b.WriteString(text)
	}
	if _, isDict := arg.(*Dict); used < len(args) && (isTuple || !isDict) {
		if m, ok := arg.(*Missing); ok && st.policy == NeverFail {
			return &Missing{Name: m.Name}
		}
		st.fail(off, "not all arguments are used by the format string %q", format)
	}
	return b.String()
}

func (s *spec) percentFlags(st *state, off int, f string, i int, take func() Value) int {
	for ; i < len(f) && strings.IndexByte("-+ #0", f[i]) >= 0; i++ {
		switch f[i] {
		case '-':
			s.align = '<'
		case '0':
			s.zero = true
		case '#':
			s.alt = true
		default:
			if s.sign != '+' {
				s.sign = f[i]
			}
		}
	}
	number := func() int {
		if i < len(f) && f[i] == '*' {
			i++
			n, ok := toInt(take())
			if !ok || n > maxWidth || n < -maxWidth {
				st.fail(off, "format width is no integer or too large")
			}
			return int(n)
		}
		n := 0
		for ; i < len(f) && f[i] >= '0' && f[i] <= '9'; i++ {
			if n = n*10 + int(f[i]-'0'); n > maxWidth {
				st.fail(off, "format width is too large")
			}
		}
		return n
	}
	if s.width = number(); s.width < 0 {
		s.width, s.align = -s.width, '<'
	}
	if i < len(f) && f[i] == '.' {
		i++
		s.prec = max(0, number())
	}
	for i < len(f) && strings.IndexByte("hlL", f[i]) >= 0 {
		i++
	}
	return i
}

// one formats one value for %; the second result says what is wrong.
func (st *state) one(s spec, v Value) (string, string) {
	if m, ok := v.(*Missing); ok {
		switch {
		case st.policy == Strict:
			return "", m.Message()
		case s.verb != 's' && s.verb != 'r' && st.policy == NeverFail:
			v = int64(0)
		}
	}
	switch s.verb {
	case 's', 'r', 'a':
		text := st.str(v)
		if s.verb != 's' {
			text = Repr(v)
		}
		if s.prec >= 0 {
			text = cutRunes(text, s.prec)
		}
		s.zero = false
		return s.pad(text), ""
	case 'c':
		if n, ok := toInt(v); ok && n >= 0 && n <= utf8.MaxRune {
			return s.pad(string(rune(n))), ""
		}
		if t, ok := v.(string); ok && utf8.RuneCountInString(t) == 1 {
			return s.pad(t), ""
		}
		return "", "%c needs a character"
	}
	if !isNumber(v) {
		return "", fmt.Sprintf("%%%c needs a number, not %s", s.verb, TypeName(v))
	}
	switch s.verb {
	case 'd', 'i', 'u':
		if f, ok := v.(float64); ok {
			v = int64(f)
		}
		s.verb = 'd'
	case 'x', 'X', 'o':
		if _, ok := toInt(v); !ok {
			return "", "needs an integer"
		}
	case 'e', 'E', 'f', 'F', 'g', 'G':
		v = toFloat(v)
		if s.prec < 0 {
			s.prec = 6
		}
	default:
		return "", fmt.Sprintf("unknown placeholder %%%c", s.verb)
	}
	return s.number(v), ""
}

func cutRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
