package expr

import (
	"errors"
	"fmt"
)

// state is one evaluation.
type state struct {
	d      *Dialect
	src    string
	env    *Env
	budget *Budget
	policy Policy
	scopes []*scope
	depth  int
	out    *writer
}

// scope holds names that the template sets.
type scope struct{ vars map[string]Value }

func (s *scope) set(name string, v Value) {
	if s.vars == nil {
		s.vars = map[string]Value{}
	}
	s.vars[name] = v
}

// run evaluates f and turns its panics of *Error into an error.
func run(d *Dialect, src string, env *Env, f func(*state) Value) (v Value, err error) {
	if env == nil {
		env = &Env{}
	}
	own := &struct { // in one piece, since most evaluations are short
		state
		first  scope
		scopes [4]*scope
		budget Budget
	}{state: state{d: d, src: src, env: env, budget: env.Budget, policy: d.Undefined}}
	st := &own.state
	own.scopes[0] = &own.first
	st.scopes = own.scopes[:1]
	if st.budget == nil {
		own.budget = newBudget()
		st.budget = &own.budget
	}
	if env.Undefined != nil {
		st.policy = *env.Undefined
	}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *Error:
			v, err = nil, r
		default:
			panic(r)
		}
	}()
	return f(st), nil
}

func (st *state) fail(off int, format string, args ...any) {
	panic(at(Runtime, st.src, off, format, args...))
}

// check panics with err, placed at off unless it has a place already.
func (st *state) check(off int, err error) {
	if err == nil {
		return
	}
	var e *Error
	if errors.As(err, &e) {
		if e.Line == 0 {
			e.place(st.src, off)
		}
		panic(e)
	}
	e = at(Runtime, st.src, off, "%s", err.Error())
	e.Err = err
	panic(e)
}

func (st *state) undefined(off int, m *Missing) {
	e := m.err()
	e.place(st.src, off)
	e.Length = len(m.Name)
	panic(e)
}

// err says that m is undefined, without a place.
func (m *Missing) err() *Error { return &Error{Kind: Undefined, Name: m.Name, Msg: m.Message()} }

// Message says what is undefined.
func (m *Missing) Message() string {
	switch {
	case m.Of == NoFunction:
		return fmt.Sprintf("there is no function %q", m.Name)
	case m.Name == "":
		return "an undefined value is used"
	case m.Of != "":
		return fmt.Sprintf("a value of type %s has no %q", m.Of, m.Name)
	}
	return fmt.Sprintf("%q is undefined", m.Name)
}

func (st *state) step(off int) {
	if st.budget.Steps--; st.budget.Steps < 0 {
		panic(at(Limit, st.src, off, "evaluation takes too many steps"))
	}
}

func (st *state) charge(off, n int) {
	if n > st.budget.Bytes || n < 0 {
		panic(at(Limit, st.src, off, "evaluation takes too much memory"))
	}
	st.budget.Bytes -= n
}

const maxCalls = 200

func (st *state) enter(off int) {
	if st.depth++; st.depth > maxCalls {
		panic(at(Limit, st.src, off, "calls are nested more than %d deep", maxCalls))
	}
}

func (st *state) leave() { st.depth-- }

func (st *state) push() { st.scopes = append(st.scopes[:len(st.scopes):len(st.scopes)], &scope{}) }
func (st *state) pop()  { st.scopes = st.scopes[:len(st.scopes)-1] }

func (st *state) set(name string, v Value) { st.scopes[len(st.scopes)-1].set(name, v) }

func (st *state) local(name string) (Value, bool) {
	for i := len(st.scopes) - 1; i >= 0; i-- {
		if v, ok := st.scopes[i].vars[name]; ok {
			return v, true
		}
	}
	return nil, false
}

func (st *state) lookup(name string) Value {
	if v, ok := st.local(name); ok {
		return v
	}
	if st.env.Looked != nil {
		st.env.Looked(name)
	}
	if st.env.Lookup != nil {
		if v, ok := st.env.Lookup(name); ok {
			return v
		}
	}
	if v, ok := st.d.Globals[name]; ok {
		return v
	}
	if st.d.Style == Python {
		if v := pyGlobal(name); v != nil {
			return v
		}
	}
	return &Missing{Name: name}
}

// truth is Truth, strict about undefined values.
func (st *state) truth(x expr, v Value) bool {
	if m, ok := v.(*Missing); ok && st.policy == Strict && !(m.soft && st.d.Style == Python) {
		st.undefined(x.at(), m)
	}
	return Truth(v)
}

// text is Str, strict about undefined values.
func (st *state) text(off int, v Value) string {
	if s, ok := v.(string); ok {
		return s
	}
	if m, ok := v.(*Missing); ok && !m.soft {
		if st.env.Print != nil {
			return st.env.Print(m)
		}
		if st.policy == Strict && m.Name != "" { // `x if no` without else prints as nothing
			st.undefined(off, m)
		}
	}
	s := st.str(v)
	st.charge(off, len(s))
	return s
}

func (st *state) str(v Value) string {
	if s, ok := v.(string); ok {
		return s
	}
	p := &printer{style: st.d.Style, max: st.budget.Bytes}
	s := p.str(v)
	if p.over {
		panic(&Error{Kind: Limit, Msg: "evaluation takes too much memory", Line: 1, Column: 1})
	}
	return s
}

// Charge takes n bytes from the budget.
func (c *Context) Charge(n int) error {
	if n > c.st.budget.Bytes || n < 0 {
		return &Error{Kind: Limit, Msg: "evaluation takes too much memory"}
	}
	c.st.budget.Bytes -= n
	return nil
}

// Policy is how undefined values are treated now.
func (c *Context) Policy() Policy { return c.st.policy }

// Lookup finds a variable as the template would, and tells Env.Looked.
func (c *Context) Lookup(name string) (Value, bool) {
	v := c.st.lookup(name)
	if _, missing := v.(*Missing); missing {
		return nil, false
	}
	return v, true
}

// Str is the text of a value in the dialect's style; an undefined one is an error under Strict.
func (c *Context) Str(v Value) (string, error) {
	if m, ok := v.(*Missing); ok && c.st.policy == Strict {
		return "", m.err()
	}
	s := c.st.str(v)
	return s, c.Charge(len(s))
}
