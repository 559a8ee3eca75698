package expr

// Template is parsed template text. It may be evaluated many times, also concurrently.
type Template struct {
	d     *Dialect
	src   string
	body  []node
	names []string
	set   []string
}

// Expr is a parsed bare expression. It may be evaluated many times, also concurrently.
type Expr struct {
	d     *Dialect
	src   string
	root  expr
	names []string
}

// Context is what functions, filters and tests see of the evaluation that calls them.
type Context struct{ st *state }

// Parse reads template text. Errors are *Error.
func (d *Dialect) Parse(src string) (*Template, error) { return d.parseTemplate(src) }

// ParseExpr reads one bare expression, as in `if:` and `skip:`. Errors are *Error.
func (d *Dialect) ParseExpr(src string) (*Expr, error) { return d.parseBare(src) }

// Plain reports whether the text holds no delimiters at all, so that it renders as itself.
func (t *Template) Plain() bool {
	for _, n := range t.body {
		if _, ok := n.(*textNode); !ok {
			return false
		}
	}
	return true
}

// Single reports whether the template is exactly one `{{ expression }}`.
func (t *Template) Single() bool {
	if len(t.body) != 1 {
		return false
	}
	_, ok := t.body[0].(*outputNode)
	return ok
}

// Names lists the variables that the template reads and never sets, in order of appearance.
func (t *Template) Names() []string { return t.names }

// Names lists the variables that the expression reads, in order of appearance.
func (x *Expr) Names() []string { return x.names }

// Source is the text that was parsed.
func (x *Expr) Source() string { return x.src }

// Render evaluates the template to text. Errors are *Error.
func (t *Template) Render(env *Env) (string, error) {
	s, _, err := t.render(env, false)
	return s, err
}

// RenderLines is Render, and for every line of the result the line of the source it came from.
func (t *Template) RenderLines(env *Env) (string, []int, error) { return t.render(env, true) }

// Value evaluates a template that is exactly one `{{ expression }}` to that expression's value, and
// any other to its text. Errors are *Error.
func (t *Template) Value(env *Env) (Value, error) {
	if !t.Single() {
		return t.Render(env)
	}
	return run(t.d, t.src, env, func(st *state) Value { return t.body[0].(*outputNode).x.eval(st) })
}

// Eval evaluates the expression. An undefined result is a *Missing. Errors are *Error.
func (x *Expr) Eval(env *Env) (Value, error) {
	return run(x.d, x.src, env, x.root.eval)
}

// Test evaluates the expression to its truth; an undefined result is an error under Strict.
func (x *Expr) Test(env *Env) (bool, error) {
	v, err := run(x.d, x.src, env, func(st *state) Value { return st.truth(x.root, x.root.eval(st)) })
	b, _ := v.(bool)
	return b, err
}

// Assigned lists the names that the template sets itself, in no particular order.
func (t *Template) Assigned() []string { return t.set }
