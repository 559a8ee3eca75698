package expr

import (
	"fmt"
	"math"
	"slices"
	"sort"
)

// Value is one of: nil (None), bool, int64, float64, string, *List, Tuple, *Dict, *Missing, *Func or
// an Object.
type Value = any

// List is a Python list.
type List struct{ Items []Value }

// Tuple is a Python tuple.
type Tuple []Value

// Missing is an undefined value; Name is what was looked up and Of the type of what it was looked up in,
// empty for a variable, both for messages.
type Missing struct {
	Name, Of string
	// soft is the result of an `if` without `else`: Jinja2 lets it print as nothing even where undefined
	// names are errors.
	soft bool
}

// NoFunction is the Of of what was called and is no function.
const NoFunction = "()"

// Func is something that can be called.
type Func struct {
	Name string
	Call func(c *Context, args Args) (Value, error)
}

// Object has attributes of its own, such as environ, env or git. Item access asks Attr too where the
// key is a string.
type Object interface {
	Attr(name string) (Value, bool)
	String() string
}

// Filter is `in|name(args)`.
type Filter func(c *Context, in Value, args Args) (Value, error)

// Test is `in is name(args)`.
type Test func(c *Context, in Value, args Args) (bool, error)

// Args are the arguments of one call.
type Args struct {
	Pos   []Value
	Names []string // of keyword arguments
	Named []Value  // their values, same order
}

// Absent stands for an optional argument that was not given; see Args.Bind.
type Absent struct{}

// Get returns the argument at position i or named name.
func (a Args) Get(i int, name string) (Value, bool) {
	if i < len(a.Pos) {
		return a.Pos[i], true
	}
	for k, n := range a.Names {
		if n == name {
			return a.Named[k], true
		}
	}
	return nil, false
}

// Bind matches arguments with parameters as Python does and returns one value a parameter. A
// parameter whose name ends in "?" is optional and gives Absent{} where it is missing. fn is the
// function's name, for messages.
func (a Args) Bind(fn string, params ...string) ([]Value, error) {
	if len(a.Pos) > len(params) {
		return nil, fmt.Errorf("%s() takes at most %d arguments, %d given", fn, len(params), len(a.Pos))
	}
	out := make([]Value, len(params))
	for i := copy(out, a.Pos); i < len(out); i++ {
		out[i] = Absent{}
	}
	for k, n := range a.Names {
		i := slices.IndexFunc(params, func(p string) bool { return trimOptional(p) == n })
		if i < 0 {
			return nil, fmt.Errorf("%s() got an unexpected argument %q", fn, n)
		}
		if out[i] != (Absent{}) {
			return nil, fmt.Errorf("%s() got several values for argument %q", fn, n)
		}
		out[i] = a.Named[k]
	}
	for i, p := range params {
		if _, absent := out[i].(Absent); absent && trimOptional(p) == p {
			return nil, fmt.Errorf("%s() lacks the argument %q", fn, p)
		}
	}
	return out, nil
}

func trimOptional(p string) string {
	if n := len(p) - 1; n >= 0 && p[n] == '?' {
		return p[:n]
	}
	return p
}

// Dict is a Python dict: it keeps the order of insertion.
type Dict struct {
	keys, vals []Value
	index      map[any]int
}

// NewDict returns an empty dict.
func NewDict() *Dict { return &Dict{index: map[any]int{}} }

type tupleKey string

// hashable returns the map key that equal values share.
func hashable(v Value) (any, bool) {
	switch v := v.(type) {
	case nil, string, int64:
		return v, true
	case bool:
		return boolInt(v), true
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<62 {
			return int64(v), true
		}
		return v, true
	case Tuple:
		return tupleKey(Repr(v)), true
	case *List, *Dict:
		return nil, false
	default:
		return v, true
	}
}

// Get returns the value of a key.
func (d *Dict) Get(key Value) (Value, bool) {
	h, ok := hashable(key)
	if !ok {
		return nil, false
	}
	i, ok := d.index[h]
	if !ok {
		return nil, false
	}
	return d.vals[i], true
}

// Set adds or replaces a key; it reports false where the key cannot be one (a list or dict).
func (d *Dict) Set(key, val Value) bool {
	h, ok := hashable(key)
	if !ok {
		return false
	}
	if i, ok := d.index[h]; ok {
		d.vals[i] = val
		return true
	}
	d.index[h] = len(d.keys)
	d.keys, d.vals = append(d.keys, key), append(d.vals, val)
	return true
}

// Delete removes a key.
func (d *Dict) Delete(key Value) {
	h, _ := hashable(key)
	i, ok := d.index[h]
	if !ok {
		return
	}
	d.keys, d.vals = append(d.keys[:i], d.keys[i+1:]...), append(d.vals[:i], d.vals[i+1:]...)
	delete(d.index, h)
	for k, j := range d.index {
		if j > i {
			d.index[k] = j - 1
		}
	}
}

// Len is the number of keys.
func (d *Dict) Len() int { return len(d.keys) }

// Keys returns the keys in order; do not change the slice.
func (d *Dict) Keys() []Value { return d.keys }

// Values returns the values in the order of Keys.
func (d *Dict) Values() []Value { return d.vals }

// FromGo makes a Value of plain Go data: nil, bools, ints, floats, strings, []any, []string,
// map[string]any and map[string]string (keys sorted). Values pass unchanged.
func FromGo(v any) Value {
	switch v := v.(type) {
	case int:
		return int64(v)
	case int32:
		return int64(v)
	case []string:
		l := &List{Items: make([]Value, len(v))}
		for i, s := range v {
			l.Items[i] = s
		}
		return l
	case []any:
		l := &List{Items: make([]Value, len(v))}
		for i, s := range v {
			l.Items[i] = FromGo(s)
		}
		return l
	case map[string]string:
		return mapValue(v, func(s string) Value { return s })
	case map[string]any:
		return mapValue(v, FromGo)
	}
	return v
}

func mapValue[T any](m map[string]T, conv func(T) Value) Value {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	d := NewDict()
	for _, k := range keys {
		d.Set(k, conv(m[k]))
	}
	return d
}

// ToGo is the reverse of FromGo: int64 becomes int, lists and tuples []any, dicts map[string]any,
// undefined nil. Functions and objects become their text.
func ToGo(v Value) any { return newFuel().toGo(v) }

func (f *fuel) toGo(v Value) any {
	defer f.up()
	if !f.burn() {
		return nil
	}
	switch v := v.(type) {
	case nil, bool, float64, string:
		return v
	case int64:
		return int(v)
	case *List:
		return f.goSlice(v.Items)
	case Tuple:
		return f.goSlice(v)
	case *Dict:
		m := make(map[string]any, v.Len())
		for i, k := range v.keys {
			m[Str(k)] = f.toGo(v.vals[i])
		}
		return m
	case *Missing:
		return nil
	}
	return Str(v)
}

func (f *fuel) goSlice(items []Value) []any {
	out := make([]any, len(items))
	for i, it := range items {
		out[i] = f.toGo(it)
	}
	return out
}

// TypeName is the Python name of v's type.
func TypeName(v Value) string {
	switch v.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case int64:
		return "int"
	case float64:
		return "float"
	case string:
		return "str"
	case *List:
		return "list"
	case Tuple:
		return "tuple"
	case *Dict:
		return "dict"
	case *Missing:
		return "Undefined"
	case *Func:
		return "function"
	}
	return "object"
}

// Truth is Python's bool(v), undefined being false.
func Truth(v Value) bool {
	switch v := v.(type) {
	case nil, *Missing, Absent:
		return false
	case bool:
		return v
	case int64:
		return v != 0
	case float64:
		return v != 0
	case string:
		return v != ""
	case *List:
		return len(v.Items) > 0
	case Tuple:
		return len(v) > 0
	case *Dict:
		return v.Len() > 0
	}
	return true
}

func boolInt(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
