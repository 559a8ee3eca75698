package expr

import (
	"strings"
)

// bounds are the indices that a Python slice of a sequence of length n goes through.
func bounds(n int, lo, hi, step *int64) (from, to, by int) {
	by = 1
	if step != nil {
		by = int(max(min(*step, int64(n)+1), -int64(n)-1))
	}
	clamp := func(v int64, low, high int) int {
		if v < 0 {
			v += int64(n)
		}
		return int(max(int64(low), min(v, int64(high))))
	}
	low, high := 0, n
	from, to = 0, n
	if by < 0 {
		low, high = -1, n-1
		from, to = n-1, -1
	}
	if lo != nil {
		from = clamp(*lo, low, high)
	}
	if hi != nil {
		to = clamp(*hi, low, high)
	}
	return from, to, by
}

func (st *state) slice(x *sliceExpr, v Value) Value {
	var p [3]*int64
	for i, e := range x.parts {
		if e == nil {
			continue
		}
		switch k := e.eval(st).(type) {
		case nil:
		case int64:
			p[i] = &k
		case bool:
			n := boolInt(k)
			p[i] = &n
		case *Missing:
			if st.policy != NeverFail {
				st.undefined(e.at(), k)
			}
			return k
		default:
			st.fail(e.at(), "slice indices are integers, not %s", TypeName(k))
		}
	}
	if p[2] != nil && *p[2] == 0 {
		st.fail(x.off, "slice step cannot be zero")
	}
	switch v := v.(type) {
	case string:
		st.charge(x.off, len(v))
		return sliceString(v, p)
	case *List:
		st.charge(x.off, 16*len(v.Items))
		return &List{Items: sliceItems(v.Items, p)}
	case Tuple:
		st.charge(x.off, 16*len(v))
		return Tuple(sliceItems(v, p))
	case *Missing:
		if st.policy == NeverFail {
			return v
		}
		st.undefined(x.off, v)
	}
	if st.d.Style == Python {
		return &Missing{Name: "slice"}
	}
	st.fail(x.off, "a %s cannot be sliced", TypeName(v))
	return nil
}

func sliceItems(in []Value, p [3]*int64) []Value {
	from, to, by := bounds(len(in), p[0], p[1], p[2])
	var out []Value
	for i := from; by > 0 && i < to || by < 0 && i > to; i += by {
		out = append(out, in[i])
	}
	return out
}

func sliceString(s string, p [3]*int64) string {
	if isASCII(s) && (p[2] == nil || *p[2] == 1) {
		from, to, _ := bounds(len(s), p[0], p[1], nil)
		if from >= to {
			return ""
		}
		return s[from:to]
	}
	r := []rune(s)
	from, to, by := bounds(len(r), p[0], p[1], p[2])
	var b strings.Builder
	for i := from; by > 0 && i < to || by < 0 && i > to; i += by {
		b.WriteRune(r[i])
	}
	return b.String()
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
