package expr

import (
	"fmt"
	"sort"
)

// method is a method of a built-in type; self has that type.
type method struct {
	name string
	call func(st *state, off int, self Value, a Args) (Value, error)
}

// findMethod returns the method of v's type, or nil.
func (st *state) findMethod(v Value, name string) *method {
	if st.d.NoMethods {
		return nil
	}
	var f func(*state, int, Value, Args) (Value, error)
	switch v.(type) {
	case string:
		f = stringMethod(name)
	case *List:
		f = listMethod(name)
	case Tuple:
		f = tupleMethod(name)
	case *Dict:
		f = dictMethod(name)
	}
	if f == nil {
		return nil
	}
	return &method{name, f}
}

// method returns a bound method as a value, or nil where there is none.
func (st *state) method(off int, v Value, name string) Value {
	m := st.findMethod(v, name)
	if m == nil {
		return nil
	}
	return &Func{Name: name, Call: func(c *Context, a Args) (Value, error) { return m.call(c.st, off, v, a) }}
}

func (st *state) callMethod(off int, m *method, self Value, a Args) Value {
	v, err := m.call(st, off, self, a)
	st.check(off, err)
	return v
}

func tupleMethod(name string) func(*state, int, Value, Args) (Value, error) {
	if name == "count" || name == "index" {
		return func(st *state, off int, self Value, a Args) (Value, error) {
			return search(st, off, self.(Tuple), name, a)
		}
	}
	return nil
}

func search(st *state, off int, items []Value, name string, a Args) (Value, error) {
	v, err := a.Bind(name, "value")
	if err != nil {
		return nil, err
	}
	n := int64(0)
	for i, it := range items {
		st.step(off)
		if st.equal(off, it, v[0]) {
			if name == "index" {
				return int64(i), nil
			}
			n++
		}
	}
	if name == "index" {
		return nil, fmt.Errorf("%s is not in the list", Repr(v[0]))
	}
	return n, nil
}

func listMethod(name string) func(*state, int, Value, Args) (Value, error) {
	var params []string
	switch name {
	case "append", "extend", "remove", "count", "index":
		params = []string{"value"}
	case "insert":
		params = []string{"index", "value"}
	case "pop":
		params = []string{"index?"}
	case "clear", "copy", "reverse":
	case "sort":
		params = []string{"key?", "reverse?"}
	default:
		return nil
	}
	return func(st *state, off int, self Value, a Args) (Value, error) {
		v, err := a.Bind(name, params...)
		if err != nil {
			return nil, err
		}
		return listCall(st, off, self.(*List), name, v, a)
	}
}

func listCall(st *state, off int, l *List, name string, v []Value, a Args) (Value, error) {
	switch name {
	case "append":
		st.charge(off, 16)
		l.Items = append(l.Items, v[0])
	case "extend":
		more := st.iterate(off, v[0])
		st.charge(off, 16*len(more))
		l.Items = append(l.Items, more...)
	case "insert":
		st.charge(off, 16)
		i, ok := toInt(v[0])
		if !ok {
			return nil, fmt.Errorf("insert() needs an index")
		}
		n := int64(len(l.Items))
		if i < 0 {
			i = max(0, i+n)
		}
		i = min(i, n)
		l.Items = append(l.Items[:i:i], append([]Value{v[1]}, l.Items[i:]...)...)
	case "pop":
		i := int64(-1)
		if _, absent := v[0].(Absent); !absent {
			i, _ = toInt(v[0])
		}
		if i < 0 {
			i += int64(len(l.Items))
		}
		if i < 0 || i >= int64(len(l.Items)) {
			return nil, fmt.Errorf("pop() from an empty list or beyond its end")
		}
		r := l.Items[i]
		l.Items = append(l.Items[:i:i], l.Items[i+1:]...)
		return r, nil
	case "remove":
		i, err := search(st, off, l.Items, "index", a)
		if err != nil {
			return nil, err
		}
		l.Items = append(l.Items[:i.(int64):i.(int64)], l.Items[i.(int64)+1:]...)
	case "clear":
		l.Items = nil
	case "copy":
		st.charge(off, 16*len(l.Items))
		return &List{Items: append([]Value(nil), l.Items...)}, nil
	case "reverse":
		for i, j := 0, len(l.Items)-1; i < j; i, j = i+1, j-1 {
			l.Items[i], l.Items[j] = l.Items[j], l.Items[i]
		}
	case "sort":
		return nil, st.sortBy(off, l.Items, l.Items, false, Truth(v[1]))
	default:
		return search(st, off, l.Items, name, a)
	}
	return nil, nil
}

// sortBy sorts items by keys, stably and in place; fold compares strings without regard to case.
func (st *state) sortBy(off int, items, keys []Value, fold, reverse bool) error {
	type pair struct{ item, key Value }
	ps := make([]pair, len(items))
	for i := range items {
		k := keys[i]
		if s, ok := k.(string); ok && fold {
			k = lower(s)
		}
		ps[i] = pair{items[i], k}
	}
	var bad error
	sort.SliceStable(ps, func(i, j int) bool {
		if reverse {
			i, j = j, i
		}
		n, ok := st.order(off, ps[i].key, ps[j].key)
		if !ok {
			bad = fmt.Errorf("%s and %s cannot be ordered", TypeName(ps[i].key), TypeName(ps[j].key))
		}
		return n < 0
	})
	for i := range ps {
		items[i] = ps[i].item
	}
	return bad
}

func dictMethod(name string) func(*state, int, Value, Args) (Value, error) {
	var params []string
	switch name {
	case "keys", "values", "items", "copy", "clear", "popitem":
	case "get", "pop", "setdefault":
		params = []string{"key", "default?"}
	case "update":
		return dictUpdate
	default:
		return nil
	}
	return func(st *state, off int, self Value, a Args) (Value, error) {
		v, err := a.Bind(name, params...)
		if err != nil {
			return nil, err
		}
		return dictCall(st, off, self.(*Dict), name, v)
	}
}

func dictUpdate(st *state, off int, self Value, a Args) (Value, error) {
	more, err := pyDict(&Context{st}, a)
	if err != nil {
		return nil, err
	}
	for i, k := range more.(*Dict).keys {
		self.(*Dict).Set(k, more.(*Dict).vals[i])
	}
	return nil, nil
}

func dictCall(st *state, off int, d *Dict, name string, v []Value) (Value, error) {
	st.charge(off, 40*d.Len())
	switch name {
	case "keys":
		return &List{Items: append([]Value(nil), d.keys...)}, nil
	case "values":
		return &List{Items: append([]Value(nil), d.vals...)}, nil
	case "items":
		l := &List{Items: make([]Value, d.Len())}
		for i, k := range d.keys {
			l.Items[i] = Tuple{k, d.vals[i]}
		}
		return l, nil
	case "copy":
		c := NewDict()
		for i, k := range d.keys {
			c.Set(k, d.vals[i])
		}
		return c, nil
	case "clear":
		*d = *NewDict()
		return nil, nil
	case "popitem":
		if d.Len() == 0 {
			return nil, fmt.Errorf("popitem(): the dict is empty")
		}
		k, val := d.keys[d.Len()-1], d.vals[d.Len()-1]
		d.Delete(k)
		return Tuple{k, val}, nil
	}
	r, ok := d.Get(v[0])
	_, absent := v[1].(Absent)
	switch {
	case ok:
		if name == "pop" {
			d.Delete(v[0])
		}
		return r, nil
	case name == "pop" && absent:
		return nil, fmt.Errorf("there is no key %s", Repr(v[0]))
	case absent:
		r = nil
	default:
		r = v[1]
	}
	if name == "setdefault" {
		d.Set(v[0], r)
	}
	return r, nil
}
