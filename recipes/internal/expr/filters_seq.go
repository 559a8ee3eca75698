package expr

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

func seqFilters() map[string]Filter {
	return map[string]Filter{
		"list":   func(c *Context, in Value, _ Args) (Value, error) { return c.copyOf(in) },
		"length": filterLength,
		"count":  filterLength,
		"first":  func(c *Context, in Value, _ Args) (Value, error) { return c.edge(in, "first") },
		"last":   func(c *Context, in Value, _ Args) (Value, error) { return c.edge(in, "last") },
		"random": func(c *Context, in Value, _ Args) (Value, error) {
			return nil, fmt.Errorf("random is not allowed: rendering has to give the same result each time")
		},
		"join":       bound("join", []string{"d?", "attribute?"}, filterJoin),
		"reverse":    filterReverse,
		"sort":       bound("sort", []string{"reverse?", "case_sensitive?", "attribute?"}, filterSort),
		"unique":     bound("unique", []string{"case_sensitive?", "attribute?"}, filterUnique),
		"min":        bound("min", []string{"case_sensitive?", "attribute?"}, func(c *Context, in Value, v []Value) (Value, error) { return extreme(c, in, v, -1) }),
		"max":        bound("max", []string{"case_sensitive?", "attribute?"}, func(c *Context, in Value, v []Value) (Value, error) { return extreme(c, in, v, 1) }),
		"sum":        bound("sum", []string{"attribute?", "start?"}, filterSum),
		"map":        filterMap,
		"select":     func(c *Context, in Value, a Args) (Value, error) { return selectItems(c, in, a, false, true) },
		"reject":     func(c *Context, in Value, a Args) (Value, error) { return selectItems(c, in, a, false, false) },
		"selectattr": func(c *Context, in Value, a Args) (Value, error) { return selectItems(c, in, a, true, true) },
		"rejectattr": func(c *Context, in Value, a Args) (Value, error) { return selectItems(c, in, a, true, false) },
		"batch":      bound("batch", []string{"linecount", "fill_with?"}, filterBatch),
		"slice":      bound("slice", []string{"slices", "fill_with?"}, filterSlice),
		"groupby":    bound("groupby", []string{"attribute", "default?", "case_sensitive?"}, filterGroupBy),
		"dictsort":   bound("dictsort", []string{"case_sensitive?", "by?", "reverse?"}, filterDictSort),
		"items":      filterItems,
		"attr":       bound("attr", []string{"name"}, func(c *Context, in Value, v []Value) (Value, error) { return c.st.attr(0, in, Str(v[0])), nil }),
		"split":      bound("split", []string{"sep?", "maxsplit?"}, filterSplit),
	}
}

func (c *Context) copyOf(v Value) (*List, error) {
	items, err := c.Iterate(v)
	if err != nil {
		return nil, err
	}
	return &List{Items: append([]Value(nil), items...)}, c.Charge(16 * len(items))
}

func filterLength(c *Context, in Value, _ Args) (Value, error) {
	if s, ok := in.(string); ok {
		return int64(utf8.RuneCountInString(s)), nil
	}
	items, err := c.Iterate(in)
	return int64(len(items)), err
}

func (c *Context) edge(v Value, which string) (Value, error) {
	items, err := c.Iterate(v)
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return &Missing{Name: which}, nil
	}
	if which == "last" {
		return items[len(items)-1], nil
	}
	return items[0], nil
}

// getter follows a dotted attribute, whose parts may be indices.
func (c *Context) getter(attr Value, item Value, def Value) Value {
	if n, ok := toInt(attr); ok {
		return c.st.item(0, item, n)
	}
	for _, part := range strings.Split(Str(attr), ".") {
		var key Value = part
		if n, err := strconv.ParseInt(part, 10, 64); err == nil {
			key = n
		}
		item = c.st.item(0, item, key)
		if _, missing := item.(*Missing); missing {
			if _, absent := def.(Absent); !absent {
				return def
			}
		}
	}
	return item
}

// keysOf are the sort keys of items.
func (c *Context) keysOf(items []Value, attr Value) []Value {
	if _, absent := attr.(Absent); absent || attr == nil {
		return append([]Value(nil), items...)
	}
	keys := make([]Value, len(items))
	for i, it := range items {
		keys[i] = c.getter(attr, it, Absent{})
	}
	return keys
}

func filterJoin(c *Context, in Value, v []Value) (Value, error) {
	items, err := c.Iterate(in)
	if err != nil {
		return nil, err
	}
	sep, err := c.Str(orAbsent(v[0], ""))
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	for i, it := range c.keysOf(items, v[1]) {
		if i > 0 {
			b.WriteString(sep)
		}
		s, err := c.Str(it)
		if err != nil {
			return nil, err
		}
		if err := c.Charge(len(s) + len(sep)); err != nil {
			return nil, err
		}
		b.WriteString(s)
	}
	return b.String(), nil
}

func filterReverse(c *Context, in Value, _ Args) (Value, error) {
	items, err := c.Iterate(in)
	if err != nil {
		return nil, err
	}
	out := make([]Value, len(items))
	for i, it := range items {
		out[len(items)-1-i] = it
	}
	if _, ok := in.(string); ok {
		var b strings.Builder
		for _, r := range out {
			b.WriteString(r.(string))
		}
		return b.String(), nil
	}
	return &List{Items: out}, c.Charge(16 * len(out))
}

func filterSort(c *Context, in Value, v []Value) (Value, error) {
	l, err := c.copyOf(in)
	if err != nil {
		return nil, err
	}
	return l, c.st.sortBy(0, l.Items, c.keysOf(l.Items, v[2]), !Truth(v[1]), Truth(v[0]))
}

func filterUnique(c *Context, in Value, v []Value) (Value, error) {
	items, err := c.Iterate(in)
	if err != nil {
		return nil, err
	}
	seen, out := NewDict(), &List{}
	keys := c.keysOf(items, v[1])
	for i, it := range items {
		k := keys[i]
		if s, ok := k.(string); ok && !Truth(v[0]) {
			k = lower(s)
		}
		if _, dup := seen.Get(k); dup {
			continue
		}
		if !seen.Set(k, true) {
			return nil, fmt.Errorf("unique: a %s cannot be compared", TypeName(k))
		}
		out.Items = append(out.Items, it)
	}
	return out, c.Charge(100 * len(items))
}

func extreme(c *Context, in Value, v []Value, sign int) (Value, error) {
	l, err := c.copyOf(in)
	if err != nil {
		return nil, err
	}
	if len(l.Items) == 0 {
		return &Missing{Name: "min or max of nothing"}, nil
	}
	if err := c.st.sortBy(0, l.Items, c.keysOf(l.Items, v[1]), !Truth(v[0]), sign > 0); err != nil {
		return nil, err
	}
	return l.Items[0], nil
}

func filterSum(c *Context, in Value, v []Value) (Value, error) {
	items, err := c.Iterate(in)
	if err != nil {
		return nil, err
	}
	total := orAbsent(v[1], int64(0))
	for _, it := range c.keysOf(items, v[0]) {
		if s, ok := c.st.add(0, total, it); ok {
			total = s
			continue
		}
		if !isNumber(total) || !isNumber(it) {
			return nil, fmt.Errorf("sum needs numbers, not %s", TypeName(it))
		}
		total = c.st.arith(0, "+", total, it)
	}
	return total, nil
}

func filterMap(c *Context, in Value, a Args) (Value, error) {
	items, err := c.Iterate(in)
	if err != nil {
		return nil, err
	}
	out := &List{Items: make([]Value, len(items))}
	if err := c.Charge(16 * len(items)); err != nil {
		return nil, err
	}
	if attr, ok := a.Get(math.MaxInt, "attribute"); ok && len(a.Pos) == 0 {
		def, ok := a.Get(math.MaxInt, "default")
		if !ok {
			def = Absent{}
		}
		for i, it := range items {
			out.Items[i] = c.getter(attr, it, def)
		}
		return out, nil
	}
	if len(a.Pos) == 0 {
		return nil, fmt.Errorf("map needs a filter's name or attribute=")
	}
	name := Str(a.Pos[0])
	f, ok := c.st.d.filter(name)
	if !ok || f == nil {
		return nil, fmt.Errorf("map: there is no filter %q", name)
	}
	a.Pos = a.Pos[1:]
	for i, it := range items {
		c.st.step(0)
		if out.Items[i], err = f(c, it, a); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func selectItems(c *Context, in Value, a Args, byAttr, want bool) (Value, error) {
	items, err := c.Iterate(in)
	if err != nil {
		return nil, err
	}
	get := func(v Value) Value { return v }
	if byAttr {
		if len(a.Pos) == 0 {
			return nil, fmt.Errorf("selectattr needs the name of an attribute")
		}
		attr := a.Pos[0]
		get = func(v Value) Value { return c.getter(attr, v, Absent{}) }
		a.Pos = a.Pos[1:]
	}
	test := func(_ *Context, v Value, _ Args) (bool, error) { return Truth(v), nil }
	if len(a.Pos) > 0 {
		name := Str(a.Pos[0])
		f, ok := c.st.d.test(name)
		if !ok {
			return nil, fmt.Errorf("there is no test %q", name)
		}
		test = f
		a.Pos = a.Pos[1:]
	}
	out := &List{}
	for _, it := range items {
		c.st.step(0)
		ok, err := test(c, get(it), a)
		if err != nil {
			return nil, err
		}
		if ok == want {
			out.Items = append(out.Items, it)
		}
	}
	return out, c.Charge(16 * len(items))
}

func filterBatch(c *Context, in Value, v []Value) (Value, error) {
	l, err := c.copyOf(in)
	n, ok := toInt(v[0])
	if err != nil || !ok || n < 1 || n > maxWidth {
		return nil, fmt.Errorf("batch needs a sequence and a positive number")
	}
	out := &List{}
	for i := 0; i < len(l.Items); i += int(n) {
		part := append([]Value(nil), l.Items[i:min(i+int(n), len(l.Items))]...)
		for _, absent := v[1].(Absent); !absent && v[1] != nil && len(part) < int(n); {
			part = append(part, v[1])
		}
		out.Items = append(out.Items, &List{Items: part})
	}
	return out, c.Charge(16*len(l.Items) + 16*int(n))
}

func filterSlice(c *Context, in Value, v []Value) (Value, error) {
	l, err := c.copyOf(in)
	n64, ok := toInt(v[0])
	if err != nil || !ok || n64 < 1 || n64 > maxWidth {
		return nil, fmt.Errorf("slice needs a sequence and a positive number")
	}
	n := int(n64)
	per, extra := len(l.Items)/n, len(l.Items)%n
	out, pos := &List{}, 0
	for i := range n {
		size := per
		if i < extra {
			size++
		}
		part := append([]Value(nil), l.Items[pos:pos+size]...)
		if _, absent := v[1].(Absent); !absent && v[1] != nil && i >= extra {
			part = append(part, v[1])
		}
		pos += size
		out.Items = append(out.Items, &List{Items: part})
	}
	return out, c.Charge(16*len(l.Items) + 24*n)
}

func filterGroupBy(c *Context, in Value, v []Value) (Value, error) {
	l, err := c.copyOf(in)
	if err != nil {
		return nil, err
	}
	key := func(it Value) Value { return c.getter(v[0], it, v[1]) }
	keys := make([]Value, len(l.Items))
	for i, it := range l.Items {
		keys[i] = key(it)
	}
	if err := c.st.sortBy(0, l.Items, keys, !Truth(v[2]), false); err != nil {
		return nil, err
	}
	out := &List{}
	var last *List
	var lastKey Value
	for _, it := range l.Items {
		k := key(it)
		same := k
		if s, ok := k.(string); ok && !Truth(v[2]) {
			same = lower(s)
		}
		if last == nil || !Equal(lastKey, same) {
			last, lastKey = &List{}, same
			out.Items = append(out.Items, Tuple{k, last})
		}
		last.Items = append(last.Items, it)
	}
	return out, c.Charge(64 * len(l.Items))
}

func filterDictSort(c *Context, in Value, v []Value) (Value, error) {
	d, ok := in.(*Dict)
	if !ok {
		return nil, fmt.Errorf("dictsort needs a dict, not %s", TypeName(in))
	}
	pos := 0
	switch by := Str(orAbsent(v[1], "key")); by {
	case "key":
	case "value":
		pos = 1
	default:
		return nil, fmt.Errorf("dictsort: by is key or value, not %q", by)
	}
	items, keys := make([]Value, d.Len()), make([]Value, d.Len())
	for i, k := range d.keys {
		pair := Tuple{k, d.vals[i]}
		items[i], keys[i] = pair, pair[pos]
	}
	return &List{Items: items}, c.st.sortBy(0, items, keys, !Truth(v[0]), Truth(v[2]))
}

func filterItems(c *Context, in Value, _ Args) (Value, error) {
	switch d := in.(type) {
	case *Missing:
		return &List{}, nil
	case *Dict:
		return dictCall(c.st, 0, d, "items", nil)
	}
	return nil, fmt.Errorf("items needs a dict, not %s", TypeName(in))
}

// filterSplit is minijinja's split; Jinja2 has none.
func filterSplit(c *Context, in Value, v []Value) (Value, error) {
	s, err := c.Str(in)
	if err != nil {
		return nil, err
	}
	return stringMethod("split")(c.st, 0, s, Args{Pos: []Value{orAbsent(v[0], nil), orAbsent(v[1], int64(-1))}})
}
