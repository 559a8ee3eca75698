package expr

import (
	"strings"
)

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

// compare orders a and b as Python's < does; false where the types have no order. NaN gives 2.
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
