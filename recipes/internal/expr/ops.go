package expr

import (
	"math"
	"math/bits"
	"strings"
)

const unordered = 2

// equal is Equal within the budget.
func (st *state) equal(off int, a, b Value) bool {
	f := &fuel{steps: st.budget.Steps}
	eq := f.equal(a, b)
	st.spend(off, f)
	return eq
}

func toInt(v Value) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case bool:
		return boolInt(v), true
	}
	return 0, false
}

func toFloat(v Value) float64 {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case bool:
		return float64(boolInt(v))
	case float64:
		return v
	}
	return 0
}

func (x *unaryExpr) eval(st *state) Value {
	st.step(x.off)
	switch v := x.x.eval(st).(type) {
	case int64:
		if x.neg {
			return -v
		}
		return v
	case float64:
		if x.neg {
			return -v
		}
		return v
	case bool:
		if x.neg {
			return -boolInt(v)
		}
		return boolInt(v)
	case *Missing:
		if st.policy != NeverFail {
			st.undefined(x.x.at(), v)
		}
		return v
	default:
		st.fail(x.off, "a %s has no sign", TypeName(v))
	}
	return nil
}

func (x *binExpr) eval(st *state) Value {
	st.step(x.off)
	a, b := x.a.eval(st), x.b.eval(st)
	if s, ok := a.(string); ok && x.op == "%" {
		return st.percent(x.off, s, b)
	}
	if m, ok := b.(*Missing); ok {
		return st.arithMissing(x.b, m)
	}
	if m, ok := a.(*Missing); ok {
		return st.arithMissing(x.a, m)
	}
	switch x.op {
	case "+":
		if v, ok := st.add(x.off, a, b); ok {
			return v
		}
	case "*":
		if v, ok := st.repeat(x.off, a, b); ok {
			return v
		}
	}
	if !isNumber(a) || !isNumber(b) {
		st.fail(x.off, "%q does not work between %s and %s", x.op, TypeName(a), TypeName(b))
	}
	return st.arith(x.off, x.op, a, b)
}

func (st *state) arithMissing(x expr, m *Missing) Value {
	if st.policy != NeverFail {
		st.undefined(x.at(), m)
	}
	return &Missing{Name: m.Name}
}

func (st *state) add(off int, a, b Value) (Value, bool) {
	switch x := a.(type) {
	case string:
		if y, ok := b.(string); ok {
			st.charge(off, len(x)+len(y))
			return x + y, true
		}
	case *List:
		if y, ok := b.(*List); ok {
			st.charge(off, 16*(len(x.Items)+len(y.Items)))
			return &List{Items: append(append([]Value(nil), x.Items...), y.Items...)}, true
		}
	case Tuple:
		if y, ok := b.(Tuple); ok {
			st.charge(off, 16*(len(x)+len(y)))
			return append(append(Tuple(nil), x...), y...), true
		}
	}
	return nil, false
}

func (st *state) repeat(off int, a, b Value) (Value, bool) {
	n, ok := toInt(b)
	if !ok {
		if n, ok = toInt(a); !ok {
			return nil, false
		}
		a = b
	}
	n = max(n, 0)
	size := func(one int) {
		if hi, lo := bits.Mul64(uint64(one), uint64(n)); hi != 0 || lo > 1<<40 {
			st.charge(off, math.MaxInt)
		} else {
			st.charge(off, int(lo))
		}
	}
	items := func(in []Value) []Value {
		size(16 * len(in))
		out := make([]Value, 0, int(n)*len(in))
		for range n {
			if len(in) == 0 {
				break
			}
			out = append(out, in...)
		}
		return out
	}
	switch x := a.(type) {
	case string:
		size(len(x))
		if x == "" {
			return "", true
		}
		return strings.Repeat(x, int(n)), true
	case *List:
		return &List{Items: items(x.Items)}, true
	case Tuple:
		return Tuple(items(x)), true
	}
	return nil, false
}

func (st *state) arith(off int, op string, a, b Value) Value {
	i, aInt := toInt(a)
	j, bInt := toInt(b)
	if aInt && bInt && op != "/" {
		return st.intArith(off, op, i, j)
	}
	x, y := toFloat(a), toFloat(b)
	if y == 0 && (op == "/" || op == "//" || op == "%") {
		st.fail(off, "division by zero")
	}
	switch op {
	case "+":
		return x + y
	case "-":
		return x - y
	case "*":
		return x * y
	case "/":
		return x / y
	case "//":
		return math.Floor(x / y)
	case "%":
		return x - y*math.Floor(x/y)
	}
	return math.Pow(x, y)
}

func (st *state) intArith(off int, op string, i, j int64) Value {
	over := func() { st.fail(off, "the number is too large") }
	switch op {
	case "+":
		s := i + j
		if (s > i) != (j > 0) && j != 0 {
			over()
		}
		return s
	case "-":
		s := i - j
		if (s < i) != (j > 0) && j != 0 {
			over()
		}
		return s
	case "*":
		s, ok := mulInt(i, j)
		if !ok {
			over()
		}
		return s
	case "**":
		if j < 0 {
			return math.Pow(float64(i), float64(j))
		}
		r := int64(1)
		for range j {
			var ok bool
			if r, ok = mulInt(r, i); !ok {
				over()
			}
			if r == 0 || r == 1 && i == 1 {
				break
			}
			st.step(off)
		}
		return r
	}
	if j == 0 {
		st.fail(off, "division by zero")
	}
	q, m := i/j, i%j
	if m != 0 && (m < 0) != (j < 0) {
		q, m = q-1, m+j
	}
	if op == "//" {
		return q
	}
	return m
}

func mulInt(a, b int64) (int64, bool) {
	if a == 0 || b == 0 {
		return 0, true
	}
	r := a * b
	return r, r/b == a && !(a == -1 && b == math.MinInt64) && !(b == -1 && a == math.MinInt64)
}
