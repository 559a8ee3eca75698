package expr

import "strings"

func (x *constExpr) eval(st *state) Value { return x.v }
func (x *nameExpr) eval(st *state) Value  { st.step(x.off); return st.lookup(x.name) }

func (st *state) all(items []expr) []Value {
	out := make([]Value, len(items))
	for i, x := range items {
		out[i] = x.eval(st)
	}
	return out
}

func (x *listExpr) eval(st *state) Value {
	st.step(x.off)
	st.charge(x.off, 24+16*len(x.items))
	return &List{Items: st.all(x.items)}
}

func (x *tupleExpr) eval(st *state) Value {
	st.step(x.off)
	st.charge(x.off, 24+16*len(x.items))
	return Tuple(st.all(x.items))
}

func (x *dictExpr) eval(st *state) Value {
	st.step(x.off)
	st.charge(x.off, 64+80*len(x.keys))
	d := NewDict()
	for i, k := range x.keys {
		if key := k.eval(st); !d.Set(key, x.vals[i].eval(st)) {
			st.fail(k.at(), "a %s cannot be a key", TypeName(key))
		}
	}
	return d
}

func (x *condExpr) eval(st *state) Value {
	st.step(x.off)
	if st.truth(x.test, x.test.eval(st)) {
		return x.then.eval(st)
	}
	if x.other == nil {
		return &Missing{soft: true}
	}
	return x.other.eval(st)
}

func (x *orExpr) eval(st *state) Value {
	if v := x.a.eval(st); st.truth(x.a, v) {
		return v
	}
	return x.b.eval(st)
}

func (x *andExpr) eval(st *state) Value {
	if v := x.a.eval(st); !st.truth(x.a, v) {
		return v
	}
	return x.b.eval(st)
}

func (x *notExpr) eval(st *state) Value {
	st.step(x.off)
	return !st.truth(x.x, x.x.eval(st))
}

func (x *compareExpr) eval(st *state) Value {
	left := x.first.eval(st)
	var last Value
	for i, op := range x.ops {
		st.step(x.off)
		right := x.rest[i].eval(st)
		last = st.compare(x, op, left, right)
		if !Truth(last) {
			return last
		}
		left = right
	}
	return last
}

// compare is one comparison; under NeverFail its result may be undefined.
func (st *state) compare(x *compareExpr, op string, a, b Value) Value {
	if res, done := st.compareMissing(x, op, a, b); done {
		return res
	}
	switch op {
	case "==":
		return st.equal(x.off, a, b)
	case "!=":
		return !st.equal(x.off, a, b)
	case "in":
		return st.contains(x.off, b, a)
	case "not in":
		return !st.contains(x.off, b, a)
	}
	n, ok := st.order(x.off, a, b)
	if !ok && st.d.Style == MiniJinja { // unlike values are ordered by their kinds
		n, ok = kindRank(a)-kindRank(b), true
	}
	if !ok {
		st.fail(x.off, "%q does not work between %s and %s", op, TypeName(a), TypeName(b))
	}
	if n == unordered {
		return false
	}
	switch op {
	case "<":
		return n < 0
	case "<=":
		return n <= 0
	case ">":
		return n > 0
	}
	return n >= 0
}

// kindRank is the order of minijinja's kinds of values.
func kindRank(v Value) int {
	switch v.(type) {
	case *Missing:
		return 0
	case nil:
		return 1
	case bool:
		return 2
	case int64, float64:
		return 3
	case string:
		return 4
	case *List, Tuple:
		return 5
	case *Dict:
		return 6
	}
	return 7
}

func (st *state) compareMissing(x *compareExpr, op string, a, b Value) (Value, bool) {
	ma, aMissing := a.(*Missing)
	mb, bMissing := b.(*Missing)
	if !aMissing && !bMissing {
		return nil, false
	}
	if st.policy == Strict && st.d.Style == MiniJinja {
		for _, m := range []*Missing{ma, mb} {
			if m != nil && m.Name != "" { // that of `x if no` without else compares as nothing
				st.undefined(x.off, m)
			}
		}
	}
	m := ma
	if !aMissing {
		m = mb
	}
	equality := op == "==" || op == "!="
	if st.policy == Strict && !(equality && st.d.Style == MiniJinja) {
		if op == "in" || op == "not in" {
			if !bMissing {
				return nil, false // a tuple or list may hold anything; equality decides
			}
			m = mb
		}
		st.undefined(x.off, m)
	}
	switch {
	case equality:
		return (aMissing && bMissing) == (op == "=="), true
	case op == "in", op == "not in":
		if bMissing {
			return op == "not in", true
		}
		return nil, false
	case st.policy == NeverFail:
		return &Missing{Name: m.Name}, true
	}
	st.undefined(x.off, m)
	return nil, true
}

func (st *state) contains(off int, box, item Value) bool {
	switch box := box.(type) {
	case string:
		s, ok := item.(string)
		if !ok && st.d.Style == MiniJinja {
			s, ok = st.str(item), true
		}
		if !ok {
			st.fail(off, "\"in\" of a string needs a string on its left, not %s", TypeName(item))
		}
		return strings.Contains(box, s)
	case *List:
		return st.holds(off, box.Items, item)
	case Tuple:
		return st.holds(off, box, item)
	case *Dict:
		_, ok := box.Get(item)
		return ok
	case Object:
		if s, ok := item.(string); ok {
			_, ok = box.Attr(s)
			return ok
		}
		return false
	}
	st.fail(off, "\"in\" needs a string, list or dict on its right, not %s", TypeName(box))
	return false
}

func (st *state) holds(off int, items []Value, item Value) bool {
	for _, v := range items {
		st.step(off)
		if st.equal(off, v, item) {
			return true
		}
	}
	return false
}

func (x *concatExpr) eval(st *state) Value {
	st.step(x.off)
	var b strings.Builder
	for _, p := range x.parts {
		s := st.text(p.at(), p.eval(st))
		st.charge(x.off, len(s))
		b.WriteString(s)
	}
	return b.String()
}

func (x *attrExpr) eval(st *state) Value {
	st.step(x.off)
	return st.attr(x.off, st.defined(x.x, x.x.eval(st)), x.name)
}

// defined fails at x where v is undefined, unless nothing fails.
func (st *state) defined(x expr, v Value) Value {
	if m, ok := v.(*Missing); ok && st.policy != NeverFail {
		st.undefined(x.at(), m)
	}
	return v
}

func (st *state) attr(off int, v Value, name string) Value {
	switch v := v.(type) {
	case *Missing:
		if st.policy == NeverFail {
			return &Missing{Name: v.Name + "." + name}
		}
		st.undefined(off, v)
	case Object:
		if r, ok := v.Attr(name); ok {
			return r
		}
		return &Missing{Name: name, Of: TypeName(v)}
	case *Dict:
		if st.d.Style == MiniJinja {
			if r, ok := v.Get(name); ok {
				return r
			}
		}
		if m := st.method(off, v, name); m != nil {
			return m
		}
		if r, ok := v.Get(name); ok {
			return r
		}
		return &Missing{Name: name, Of: TypeName(v)}
	}
	if m := st.method(off, v, name); m != nil {
		return m
	}
	return &Missing{Name: name, Of: TypeName(v)}
}

func (x *itemExpr) eval(st *state) Value {
	st.step(x.off)
	v := st.defined(x.x, x.x.eval(st))
	if s, ok := x.key.(*sliceExpr); ok {
		return st.slice(s, v)
	}
	return st.item(x.off, v, x.key.eval(st))
}

func (x *sliceExpr) eval(st *state) Value {
	st.fail(x.off, "a slice stands only in brackets")
	return nil
}

func (st *state) item(off int, v, key Value) Value {
	switch v := v.(type) {
	case *Missing:
		if st.policy == NeverFail {
			return &Missing{Name: v.Name}
		}
		st.undefined(off, v)
	case *Dict:
		if r, ok := v.Get(key); ok {
			return r
		}
		if s, ok := key.(string); ok && st.d.Style == Python {
			if m := st.method(off, v, s); m != nil {
				return m
			}
		}
		return &Missing{Name: Str(key), Of: TypeName(v)}
	case Object:
		if s, ok := key.(string); ok {
			if r, ok := v.Attr(s); ok {
				return r
			}
		}
		return &Missing{Name: Str(key), Of: TypeName(v)}
	}
	if i, ok := asIndex(key); ok {
		if r, ok := st.index(off, v, i); ok {
			return r
		}
		return &Missing{Name: Str(key), Of: TypeName(v)}
	}
	if s, ok := key.(string); ok && st.d.Style == Python {
		if m := st.method(off, v, s); m != nil {
			return m
		}
	}
	return &Missing{Name: Str(key), Of: TypeName(v)}
}

func asIndex(v Value) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case bool:
		return boolInt(v), true
	}
	return 0, false
}

func (st *state) index(off int, v Value, i int64) (Value, bool) {
	pick := func(n int) bool {
		if i < 0 {
			i += int64(n)
		}
		return i >= 0 && i < int64(n)
	}
	switch v := v.(type) {
	case string:
		if isASCII(v) {
			if pick(len(v)) {
				return v[i : i+1], true
			}
			return nil, false
		}
		r := []rune(v)
		st.charge(off, 4*len(r))
		if pick(len(r)) {
			return string(r[i]), true
		}
	case *List:
		if pick(len(v.Items)) {
			return v.Items[i], true
		}
	case Tuple:
		if pick(len(v)) {
			return v[i], true
		}
	}
	return nil, false
}

func (x *callExpr) eval(st *state) Value {
	st.step(x.off)
	if a, ok := x.fn.(*attrExpr); ok {
		obj := st.defined(a.x, a.x.eval(st))
		if d, isDict := obj.(*Dict); !isDict || st.d.Style == Python || !d.has(a.name) {
			if m := st.findMethod(obj, a.name); m != nil {
				return st.callMethod(x.off, m, obj, st.args(x.args))
			}
		}
		return st.call(x, st.attr(a.off, obj, a.name), a.name)
	}
	name := ""
	if n, ok := x.fn.(*nameExpr); ok {
		name = n.name
	}
	return st.call(x, x.fn.eval(st), name)
}

func (d *Dict) has(name string) bool {
	_, ok := d.Get(name)
	return ok
}

func (st *state) call(x *callExpr, fn Value, name string) Value {
	switch f := fn.(type) {
	case *Func:
		return st.callFunc(x.fn.at(), f, st.args(x.args))
	case *callableLoop:
		return st.callFunc(x.fn.at(), f.again, st.args(x.args))
	case *Missing:
		if st.policy == NeverFail {
			st.args(x.args)
			return &Missing{Name: f.Name}
		}
		if name == "" {
			name = f.Name
		}
		if _, ok := x.fn.(*nameExpr); ok && st.env.Print != nil { // a mistake where it is printed, as any undefined name
			st.args(x.args)
			return &Missing{Name: name, Of: NoFunction}
		}
		e := at(Undefined, st.src, x.fn.at(), "%s", "there is no function "+quote(name))
		if a, ok := x.fn.(*attrExpr); ok {
			e = at(Undefined, st.src, a.off, "%s", "there is no method "+quote(name))
		}
		e.Name, e.Length = name, len(name)
		panic(e)
	}
	st.fail(x.fn.at(), "a %s cannot be called", TypeName(fn))
	return nil
}

func quote(s string) string { return "\"" + s + "\"" }

func (st *state) callFunc(off int, f *Func, args Args) Value {
	st.enter(off)
	defer st.leave()
	v, err := f.Call(&Context{st}, args)
	st.check(off, err)
	return v
}

func (st *state) args(a argList) Args {
	out := Args{Pos: st.all(a.pos), Names: a.names, Named: st.all(a.named)}
	if a.star != nil {
		out.Pos = append(out.Pos, st.iterate(a.star.at(), a.star.eval(st))...)
	}
	if a.starStar != nil {
		d, ok := a.starStar.eval(st).(*Dict)
		if !ok {
			st.fail(a.starStar.at(), "\"**\" needs a dict")
		}
		out.Names = append([]string(nil), a.names...)
		for i, k := range d.keys {
			out.Names, out.Named = append(out.Names, Str(k)), append(out.Named, d.vals[i])
		}
	}
	return out
}

func (x *filterExpr) eval(st *state) Value {
	st.step(x.off)
	in := x.x.eval(st)
	v, err := x.f(&Context{st}, in, st.args(x.args))
	st.check(x.off, err)
	return v
}

func (x *testExpr) eval(st *state) Value {
	st.step(x.off)
	in := x.x.eval(st)
	v, err := x.f(&Context{st}, in, st.args(x.args))
	st.check(x.off, err)
	return v
}

// iterate lists what a for loop would go through.
func (st *state) iterate(off int, v Value) []Value {
	items, err := (&Context{st}).Iterate(v)
	st.check(off, err)
	return items
}

// Iterate lists what a for loop over v goes through; do not change the result.
func (c *Context) Iterate(v Value) ([]Value, error) {
	switch v := v.(type) {
	case *List:
		return v.Items, nil
	case Tuple:
		return v, nil
	case *Dict:
		return v.keys, nil
	case string:
		if err := c.Charge(20 * len(v)); err != nil {
			return nil, err
		}
		out := make([]Value, 0, len(v))
		for _, r := range v {
			out = append(out, string(r))
		}
		return out, nil
	case *Missing:
		if c.st.policy == Strict {
			return nil, v.err()
		}
		return nil, nil
	}
	return nil, &Error{Kind: Runtime, Msg: "a " + TypeName(v) + " cannot be iterated over"}
}
