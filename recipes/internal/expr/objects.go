package expr

import "fmt"

// Namespace is Jinja2's namespace(): an object whose attributes {% set ns.x = … %} changes.
type Namespace struct{ vars map[string]Value }

// Attr returns an attribute.
func (n *Namespace) Attr(name string) (Value, bool) { v, ok := n.vars[name]; return v, ok }
func (n *Namespace) String() string                 { return "<Namespace>" }

// Loop is the `loop` of a for statement.
type Loop struct {
	items    []Value
	i, depth int
	again    *Func
	last     Value
	changed  bool
}

func (l *Loop) String() string { return fmt.Sprintf("<LoopContext %d/%d>", l.i+1, len(l.items)) }

// Attr returns index, index0, first, last, length and their like.
func (l *Loop) Attr(name string) (Value, bool) {
	n := len(l.items)
	num := func(i int) (Value, bool) { return int64(i), true }
	switch name {
	case "index":
		return num(l.i + 1)
	case "index0":
		return num(l.i)
	case "revindex":
		return num(n - l.i)
	case "revindex0":
		return num(n - l.i - 1)
	case "first":
		return l.i == 0, true
	case "last":
		return l.i == n-1, true
	case "length":
		return num(n)
	case "depth":
		return num(l.depth + 1)
	case "depth0":
		return num(l.depth)
	case "previtem":
		if l.i > 0 {
			return l.items[l.i-1], true
		}
	case "nextitem":
		if l.i < n-1 {
			return l.items[l.i+1], true
		}
	case "cycle":
		return &Func{Name: "cycle", Call: func(_ *Context, a Args) (Value, error) {
			if len(a.Pos) == 0 {
				return nil, fmt.Errorf("cycle() needs something to cycle through")
			}
			return a.Pos[l.i%len(a.Pos)], nil
		}}, true
	case "changed":
		return &Func{Name: "changed", Call: func(_ *Context, a Args) (Value, error) {
			now := Tuple(a.Pos)
			same := l.changed && Equal(l.last, now)
			l.last, l.changed = now, true
			return !same, nil
		}}, true
	}
	return nil, false
}

type callableLoop struct{ *Loop }

func pyGlobal(name string) Value {
	switch name {
	case "range":
		return &Func{Name: name, Call: pyRange}
	case "dict":
		return &Func{Name: name, Call: pyDict}
	case "namespace":
		return &Func{Name: name, Call: func(c *Context, a Args) (Value, error) {
			d, err := pyDict(c, a)
			if err != nil {
				return nil, err
			}
			ns := &Namespace{vars: map[string]Value{}}
			for i, k := range d.(*Dict).keys {
				ns.vars[Str(k)] = d.(*Dict).vals[i]
			}
			return ns, nil
		}}
	case "cycler":
		return &Func{Name: name, Call: func(_ *Context, a Args) (Value, error) {
			if len(a.Pos) == 0 {
				return nil, fmt.Errorf("cycler() needs at least one item")
			}
			return &cycler{items: a.Pos}, nil
		}}
	case "joiner":
		return &Func{Name: name, Call: func(_ *Context, a Args) (Value, error) {
			v, err := a.Bind(name, "sep?")
			if err != nil {
				return nil, err
			}
			used := false
			return &Func{Name: "joiner", Call: func(*Context, Args) (Value, error) {
				if !used {
					used = true
					return "", nil
				}
				if _, absent := v[0].(Absent); absent {
					return ", ", nil
				}
				return v[0], nil
			}}, nil
		}}
	}
	return nil
}

type cycler struct {
	items []Value
	i     int
}

func (c *cycler) String() string { return "<Cycler>" }

func (c *cycler) Attr(name string) (Value, bool) {
	fn := func(f func() Value) (Value, bool) {
		return &Func{Name: name, Call: func(*Context, Args) (Value, error) { return f(), nil }}, true
	}
	switch name {
	case "current":
		return c.items[c.i], true
	case "next":
		return fn(func() Value {
			v := c.items[c.i]
			c.i = (c.i + 1) % len(c.items)
			return v
		})
	case "reset":
		return fn(func() Value { c.i = 0; return nil })
	}
	return nil, false
}

func pyRange(c *Context, a Args) (Value, error) {
	var n [3]int64
	if len(a.Pos) < 1 || len(a.Pos) > 3 || len(a.Names) > 0 {
		return nil, fmt.Errorf("range() takes one to three integers")
	}
	for i, v := range a.Pos {
		k, ok := toInt(v)
		if !ok {
			if _, missing := v.(*Missing); missing && c.st.policy == NeverFail {
				return &List{}, nil
			}
			return nil, fmt.Errorf("range() takes integers, not %s", TypeName(v))
		}
		n[i] = k
	}
	lo, hi, step := int64(0), n[0], int64(1)
	if len(a.Pos) > 1 {
		lo, hi = n[0], n[1]
	}
	if len(a.Pos) == 3 {
		step = n[2]
	}
	if step == 0 {
		return nil, fmt.Errorf("range() step cannot be zero")
	}
	out := &List{}
	for i := lo; step > 0 && i < hi || step < 0 && i > hi; i += step {
		if err := c.Charge(16); err != nil {
			return nil, err
		}
		out.Items = append(out.Items, i)
	}
	return out, nil
}

func pyDict(c *Context, a Args) (Value, error) {
	d := NewDict()
	if len(a.Pos) > 1 {
		return nil, fmt.Errorf("dict() takes at most one positional argument")
	}
	if len(a.Pos) == 1 {
		if src, ok := a.Pos[0].(*Dict); ok {
			for i, k := range src.keys {
				d.Set(k, src.vals[i])
			}
		} else {
			pairs, err := c.Iterate(a.Pos[0])
			if err != nil {
				return nil, err
			}
			for _, p := range pairs {
				kv, err := c.Iterate(p)
				if err != nil || len(kv) != 2 || !d.Set(kv[0], kv[1]) {
					return nil, fmt.Errorf("dict() needs pairs")
				}
			}
		}
	}
	for i, k := range a.Names {
		d.Set(k, a.Named[i])
	}
	return d, c.Charge(64 + 80*d.Len())
}
