package expr

import (
	"math"
	"math/bits"
	"strings"
)

const unordered = 2

// fuel bounds a walk over values, which may share parts without end or hold themselves.
type fuel struct{ steps, depth int }

func newFuel() *fuel { return &fuel{steps: 1_000_000} }

const maxWalk = 1000

// burn takes one step and goes one level down; false where there is nothing left.
func (f *fuel) burn() bool {
	f.steps--
	f.depth++
	return f.steps >= 0 && f.depth <= maxWalk
}

func (f *fuel) up() { f.depth-- }

// Equal is Python's ==. Values too large to walk through are not equal.
func Equal(a, b Value) bool { return newFuel().equal(a, b) }

func (f *fuel) equal(a, b Value) bool {
	defer f.up()
	if !f.burn() {
		return false
	}
	switch x := a.(type) {
	case string:
		y, ok := b.(string)
		return ok && x == y
	case nil:
		return b == nil
	case *List:
		y, ok := b.(*List)
		return ok && (x == y || f.equalItems(x.Items, y.Items))
	case Tuple:
		y, ok := b.(Tuple)
		return ok && f.equalItems(x, y)
	case *Dict:
		y, ok := b.(*Dict)
		return ok && (x == y || f.equalDicts(x, y))
	case *Missing:
		_, ok := b.(*Missing)
		return ok
	case bool, int64, float64:
		return isNumber(b) && compareNumbers(a, b) == 0
	case *Func:
		return a == b
	}
	return false
}

func (f *fuel) equalDicts(x, y *Dict) bool {
	if x.Len() != y.Len() {
		return false
	}
	for i, k := range x.keys {
		if v, ok := y.Get(k); !ok || !f.equal(x.vals[i], v) {
			return false
		}
	}
	return true
}

func (f *fuel) equalItems(a, b []Value) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !f.equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

// equal is Equal within the budget.
func (st *state) equal(off int, a, b Value) bool {
	f := &fuel{steps: st.budget.Steps}
	eq := f.equal(a, b)
	st.spend(off, f)
	return eq
}

// spend takes from the budget what f used.
func (st *state) spend(off int, f *fuel) {
	st.budget.Steps = f.steps
	if f.steps < 0 {
		st.step(off)
	}
}

func (st *state) order(off int, a, b Value) (int, bool) {
	f := &fuel{steps: st.budget.Steps}
	n, ok := f.compare(a, b)
	st.spend(off, f)
	return n, ok
}

func isNumber(v Value) bool {
	switch v.(type) {
	case bool, int64, float64:
		return true
	}
	return false
}

// Compare orders a and b as Python's < does; false where the types have no order. NaN gives 2.
func Compare(a, b Value) (int, bool) { return newFuel().compare(a, b) }

func (f *fuel) compare(a, b Value) (int, bool) {
	defer f.up()
	if !f.burn() {
		return 0, false
	}
	switch x := a.(type) {
	case string:
		y, ok := b.(string)
		return strings.Compare(x, y), ok
	case *List:
		if y, ok := b.(*List); ok {
			return f.compareItems(x.Items, y.Items)
		}
	case Tuple:
		if y, ok := b.(Tuple); ok {
			return f.compareItems(x, y)
		}
	case bool, int64, float64:
		if isNumber(b) {
			return compareNumbers(a, b), true
		}
	}
	return 0, false
}

func (f *fuel) compareItems(a, b []Value) (int, bool) {
	for i := 0; i < len(a) && i < len(b); i++ {
		if !f.equal(a[i], b[i]) {
			return f.compare(a[i], b[i])
		}
	}
	return len(a) - len(b), true
}

func compareNumbers(a, b Value) int {
	i, aInt := toInt(a)
	j, bInt := toInt(b)
	if aInt && bInt {
		switch {
		case i < j:
			return -1
		case i > j:
			return 1
		}
		return 0
	}
	x, y := toFloat(a), toFloat(b)
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	case x == y:
		return 0
	}
	return unordered
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
