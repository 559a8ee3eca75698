package expr

import (
	"sort"
	"strings"
)

// writer collects output, and for each of its lines the line of the source it came from.
type writer struct {
	b      strings.Builder
	lines  []int
	fresh  bool  // the current output line has no text yet
	starts []int // offsets of the source's lines, where positions are wanted
	at     int   // the line that was asked for last
}

// line is the line of an offset. Most come in order, so it is looked for from the last one on.
func (w *writer) line(off int) int {
	const near = 8
	i := w.at
	for n := 0; i > 0 && w.starts[i-1] <= off && n < near; n++ {
		if i == len(w.starts) || w.starts[i] > off {
			w.at = i
			return i
		}
		i++
	}
	w.at = sort.SearchInts(w.starts, off+1)
	return w.at
}

// write adds text that came from offset off; verbatim text moves on with its newlines.
func (w *writer) write(s string, off int, verbatim bool) {
	if s == "" {
		return
	}
	w.b.WriteString(s)
	if w.starts == nil {
		return
	}
	line := 0
	if w.fresh {
		line = w.line(off)
		w.lines = append(w.lines, line)
		w.fresh = false
	}
	for i := 0; ; {
		j := strings.IndexByte(s[i:], '\n')
		if j < 0 {
			return
		}
		i += j + 1
		if i == len(s) {
			w.fresh = true
			return
		}
		if line == 0 {
			if line = w.line(off); verbatim {
				line = w.line(off+i) - 1
			}
		}
		if verbatim {
			line++
		}
		w.lines = append(w.lines, line)
	}
}

func (t *Template) render(env *Env, lines bool) (string, []int, error) {
	w := &writer{fresh: true}
	if lines {
		w.starts = lineStarts(t.src)
		w.lines = make([]int, 0, len(w.starts))
		w.b.Grow(len(t.src))
	}
	_, err := run(t.d, t.src, env, func(st *state) Value {
		st.out = w
		st.nodes(t.body)
		return nil
	})
	if err != nil {
		return "", nil, err
	}
	return w.b.String(), w.lines, nil
}

func lineStarts(s string) []int {
	out := append(make([]int, 0, 1+strings.Count(s, "\n")), 0)
	for i := 0; ; {
		j := strings.IndexByte(s[i:], '\n')
		if j < 0 {
			return out
		}
		i += j + 1
		out = append(out, i)
	}
}

func (st *state) nodes(ns []node) {
	for _, n := range ns {
		n.render(st)
	}
}

// capture renders into a string of its own.
func (st *state) capture(body []node) string {
	old := st.out
	st.out = &writer{}
	st.nodes(body)
	s := st.out.b.String()
	st.out = old
	return s
}

func (n *textNode) render(st *state) {
	st.charge(n.off, len(n.text))
	st.out.write(n.text, n.off, true)
}

func (n *outputNode) render(st *state) {
	v := n.x.eval(st)
	s := st.text(n.x.at(), v)
	st.charge(n.off, len(s))
	st.out.write(s, n.off, false)
}

func (n *setNode) render(st *state) {
	st.step(n.off)
	st.assign(n.to, n.x.eval(st))
}

func (st *state) assign(t target, v Value) {
	switch {
	case t.many:
		items := st.iterate(t.off, v)
		if len(items) != len(t.parts) {
			st.fail(t.off, "%d values for %d names", len(items), len(t.parts))
		}
		for i, p := range t.parts {
			st.assign(p, items[i])
		}
	case t.attr != "":
		ns, ok := st.lookup(t.name).(*Namespace)
		if !ok {
			st.fail(t.off, "cannot set an attribute of %q, which is no namespace()", t.name)
		}
		ns.vars[t.attr] = v
	default:
		st.set(t.name, v)
	}
}

func (n *setBlockNode) render(st *state) {
	st.step(n.off)
	st.push()
	s := st.capture(n.body)
	st.pop()
	v := Value(s)
	if n.filter != nil {
		v = st.refilter(n.filter, s)
	}
	if n.output {
		st.out.write(st.text(n.off, v), n.off, false)
		return
	}
	st.assign(n.to, v)
}

// refilter applies the chain of filters whose innermost input stands for in.
func (st *state) refilter(x expr, in Value) Value {
	f, ok := x.(*filterExpr)
	if !ok {
		return in
	}
	v, err := f.f(&Context{st}, st.refilter(f.x, in), st.args(f.args))
	st.check(f.off, err)
	return v
}

func (n *ifNode) render(st *state) {
	st.step(n.off)
	for i, t := range n.tests {
		if st.truth(t, t.eval(st)) {
			st.nodes(n.bodies[i])
			return
		}
	}
	st.nodes(n.other)
}

func (n *forNode) render(st *state) { st.loop(n, n.over.eval(st), 0) }

func (st *state) loop(n *forNode, over Value, depth int) {
	st.enter(n.off)
	defer st.leave()
	items := st.iterate(n.over.at(), over)
	if n.cond != nil {
		items = st.filterItems(n, items)
	}
	if len(items) == 0 {
		st.nodes(n.other)
		return
	}
	items = append([]Value(nil), items...)
	st.charge(n.off, 16*len(items))
	lp := &Loop{items: items, depth: depth}
	if n.recursive {
		lp.again = &Func{Name: "loop", Call: func(c *Context, a Args) (Value, error) {
			v, err := a.Bind("loop", "iterable")
			if err != nil {
				return nil, err
			}
			old := st.out
			st.out = &writer{}
			st.loop(n, v[0], depth+1)
			s := st.out.b.String()
			st.out = old
			return s, nil
		}}
	}
	for i, it := range items {
		st.step(n.off)
		lp.i = i
		st.push()
		if lp.again != nil {
			st.set("loop", &callableLoop{lp})
		} else {
			st.set("loop", lp)
		}
		st.assign(n.to, it)
		st.nodes(n.body)
		st.pop()
	}
}

func (st *state) filterItems(n *forNode, items []Value) []Value {
	var keep []Value
	for _, it := range items {
		st.step(n.off)
		st.push()
		st.assign(n.to, it)
		if st.truth(n.cond, n.cond.eval(st)) {
			keep = append(keep, it)
		}
		st.pop()
	}
	return keep
}

func (n *macroNode) render(st *state) {
	st.set(n.name, st.macro(n))
}

// macro makes a callable of a macro, which sees the scopes around its definition.
func (st *state) macro(n *macroNode) *Func {
	scopes := st.scopes[:len(st.scopes):len(st.scopes)]
	return &Func{Name: n.name, Call: func(c *Context, a Args) (Value, error) {
		in := c.st
		in.step(n.off)
		oldScopes, oldOut, oldSrc := in.scopes, in.out, in.src
		in.scopes, in.out, in.src = scopes, &writer{}, st.src
		in.push()
		in.bind(n, a)
		in.nodes(n.body)
		s := in.out.b.String()
		in.scopes, in.out, in.src = oldScopes, oldOut, oldSrc
		return s, nil
	}}
}

func (st *state) bind(n *macroNode, a Args) {
	kw := NewDict()
	for i, name := range a.Names {
		if name == "caller" {
			st.set("caller", a.Named[i])
			continue
		}
		kw.Set(name, a.Named[i])
	}
	for i, p := range n.params {
		v, named := kw.Get(p)
		kw.Delete(p)
		switch {
		case i < len(a.Pos):
			if named {
				st.fail(n.off, "macro %q got several values for %q", n.name, p)
			}
			v = a.Pos[i]
		case named:
		case n.defaults[i] != nil:
			v = n.defaults[i].eval(st)
		default:
			v = &Missing{Name: p}
		}
		st.set(p, v)
	}
	var rest Tuple
	if len(a.Pos) > len(n.params) {
		rest = Tuple(a.Pos[len(n.params):])
	}
	st.set("varargs", rest)
	st.set("kwargs", kw)
}

func (n *callNode) render(st *state) {
	st.step(n.off)
	args := st.args(n.call.args)
	args.Names = append(append([]string(nil), args.Names...), "caller")
	args.Named = append(args.Named, st.macro(n.caller))
	f, ok := n.call.fn.eval(st).(*Func)
	if !ok {
		st.fail(n.off, "only macros can be called with {%% call %%}")
	}
	st.out.write(st.text(n.off, st.callFunc(n.off, f, args)), n.off, false)
}

func (n *scopeNode) render(st *state) {
	vals := st.all(n.vals)
	st.push()
	for i, t := range n.to {
		st.assign(t, vals[i])
	}
	st.nodes(n.body)
	st.pop()
}

// load parses another file and runs its body with the given scopes.
func (st *state) load(off int, file Value, withContext bool) (text string, vars map[string]Value, err error) {
	name := st.text(off, file)
	if st.env.Include == nil {
		st.fail(off, "%q cannot be included here", name)
	}
	src, err := st.env.Include(name)
	if err != nil {
		return "", nil, err
	}
	st.charge(off, len(src))
	t, err := st.d.parseTemplate(src)
	st.check(off, err)
	st.enter(off)
	defer st.leave()
	oldScopes, oldOut, oldSrc := st.scopes, st.out, st.src
	if !withContext {
		st.scopes = nil
	}
	st.push()
	st.out, st.src = &writer{}, t.src
	st.nodes(t.body)
	text, vars = st.out.b.String(), st.scopes[len(st.scopes)-1].vars
	st.scopes, st.out, st.src = oldScopes, oldOut, oldSrc
	return text, vars, nil
}

func (n *includeNode) render(st *state) {
	names := []Value{n.file.eval(st)}
	if l, ok := names[0].(*List); ok {
		names = l.Items
	}
	var failed error
	for _, name := range names {
		text, _, err := st.load(n.off, name, n.context)
		if err == nil {
			st.out.write(text, n.off, false)
			return
		}
		failed = err
	}
	if !n.optional {
		st.check(n.off, failed)
	}
}

func (n *importNode) render(st *state) {
	_, vars, err := st.load(n.off, n.file.eval(st), n.context)
	st.check(n.off, err)
	if n.as != "" {
		ns := &Namespace{vars: map[string]Value{}}
		for k, v := range vars {
			ns.vars[k] = v
		}
		st.set(n.as, ns)
		return
	}
	for i, name := range n.names {
		v, ok := vars[name]
		if !ok {
			v = &Missing{Name: name}
		}
		st.set(n.asNames[i], v)
	}
}
