package expr

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
)

// Str is Python's str(v); undefined is the empty string.
func Str(v Value) string { return (&printer{max: maxText}).str(v) }

// Repr is Python's repr(v).
func Repr(v Value) string {
	var b strings.Builder
	(&printer{max: maxText}).repr(&b, v, 0)
	return b.String()
}

// printer writes values; what is longer than max bytes is cut off and marks it as over.
type printer struct {
	style Style
	max   int
	over  bool
	open  []Value // lists and dicts being written
}

const maxText = 4 << 20

func (p *printer) str(v Value) string {
	switch v := v.(type) {
	case string:
		return v
	case *Missing, Absent:
		return ""
	}
	var b strings.Builder
	p.repr(&b, v, 0)
	return b.String()
}

const maxPrint = 100

func (p *printer) repr(b *strings.Builder, v Value, depth int) {
	if depth > maxPrint || b.Len() > p.max {
		p.over = p.over || b.Len() > p.max
		b.WriteString("...")
		return
	}
	switch v.(type) {
	case *List, *Dict:
		for _, o := range p.open {
			if o == v {
				b.WriteString("[...]")
				return
			}
		}
		p.open = append(p.open, v)
		defer func() { p.open = p.open[:len(p.open)-1] }()
	}
	switch v := v.(type) {
	case nil:
		b.WriteString(p.word("None", "none"))
	case bool:
		if v {
			b.WriteString(p.word("True", "true"))
		} else {
			b.WriteString(p.word("False", "false"))
		}
	case int64:
		b.WriteString(strconv.FormatInt(v, 10))
	case float64:
		b.WriteString(floatText(v))
	case string:
		if p.style == MiniJinja {
			b.WriteString(strconv.Quote(v))
		} else {
			reprString(b, v)
		}
	case *List:
		b.WriteByte('[')
		p.items(b, v.Items, depth)
		b.WriteByte(']')
	case Tuple:
		if p.style == MiniJinja {
			p.repr(b, &List{Items: v}, depth)
			return
		}
		b.WriteByte('(')
		p.items(b, v, depth)
		if len(v) == 1 {
			b.WriteByte(',')
		}
		b.WriteByte(')')
	case *Dict:
		b.WriteByte('{')
		for i, k := range v.keys {
			if i > 0 {
				b.WriteString(", ")
			}
			p.repr(b, k, depth+1)
			b.WriteString(": ")
			p.repr(b, v.vals[i], depth+1)
			if p.over {
				break
			}
		}
		b.WriteByte('}')
	case *Missing:
		b.WriteString(p.word("Undefined", "undefined"))
	case *Func:
		b.WriteString("<function " + v.Name + ">")
	case Object:
		b.WriteString(v.String())
	default:
		fmt.Fprintf(b, "<%T>", v)
	}
}

func (p *printer) word(python, mini string) string {
	if p.style == MiniJinja {
		return mini
	}
	return python
}

func (p *printer) items(b *strings.Builder, items []Value, depth int) {
	for i, it := range items {
		if i > 0 {
			b.WriteString(", ")
		}
		p.repr(b, it, depth+1)
		if p.over {
			return
		}
	}
}

// floatText is Python's repr of a float.
func floatText(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	s := strconv.FormatFloat(f, 'e', -1, 64)
	mant, exp, _ := strings.Cut(s, "e")
	n, _ := strconv.Atoi(exp)
	if n >= -4 && n < 16 {
		s = strconv.FormatFloat(f, 'f', -1, 64)
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		return s
	}
	return mant + "e" + exp
}

func reprString(b *strings.Builder, s string) {
	q := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, "\"") {
		q = '"'
	}
	b.WriteByte(q)
	for _, r := range s {
		switch {
		case r == '\\' || r == rune(q):
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x20 || r == 0x7f:
			fmt.Fprintf(b, `\x%02x`, r)
		case r > 0x7f && !unicode.IsPrint(r):
			switch {
			case r <= 0xff:
				fmt.Fprintf(b, `\x%02x`, r)
			case r <= 0xffff:
				fmt.Fprintf(b, `\u%04x`, r)
			default:
				fmt.Fprintf(b, `\U%08x`, r)
			}
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte(q)
}
