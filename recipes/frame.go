package recipes

import (
	"errors"
	"fmt"
	"sort"
	"strings"

	"forge/internal/diag"
	"forge/recipes/internal/expr"
	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// frame is one evaluation of a program: one variant, with the context as far as it is known. It
// remembers which names were read, for they decide the hash.
type frame struct {
	*program
	opts    *RenderOptions
	variant variant               // the combination, before any context
	vars    map[string]expr.Value // the variant's values, and the context's over them
	*platform
	read   map[string]bool
	budget *expr.Budget // of this variant, shared by all its expressions
	found  *findings
	files  *folder   // of the recipe
	known  *expr.Env // see env
}

// findings collects diagnostics of all variants; what several variants say is kept once.
type findings struct {
	list diag.List
	seen map[string]bool
}

func newFindings() *findings { return &findings{} }

func (f *findings) add(d diag.Diagnostic) {
	key := d.Pos.String() + d.Code + d.Summary
	if !f.seen[key] {
		if f.seen == nil {
			f.seen = map[string]bool{}
		}
		f.seen[key] = true
		f.list = append(f.list, d)
	}
}

func (f *frame) errorf(n *yaml.Node, code, format string, args ...any) {
	f.found.add(f.doc.At(n, code, format, args...))
}

func (f *frame) lookup(name string) (expr.Value, bool) {
	if v, ok := f.vars[name]; ok {
		return v, true
	}
	if v, ok := f.platform.name(name); ok {
		return v, true
	}
	if fn := f.function(name); fn != nil {
		return fn, true
	}
	return nil, false
}

// env is what expressions see; it may be copied, not changed.
func (f *frame) env() *expr.Env {
	if f.known == nil {
		f.known = f.newEnv()
	}
	return f.known
}

func (f *frame) newEnv() *expr.Env {
	return &expr.Env{Lookup: f.lookup, Looked: func(name string) { f.read[name] = true }, Budget: f.budget}
}

// text is a scalar filled in; empty, with the mistake recorded, where that fails. A nil node is empty.
func (f *frame) text(n *yaml.Node) string {
	s, _ := f.good(n)
	return s
}

// good is text, and whether it could be filled in.
func (f *frame) good(n *yaml.Node) (string, bool) {
	s, err := f.try(n, f.env())
	if err != nil {
		f.found.add(exprDiagnostic(f.doc, n, err))
	}
	return s, err == nil
}

func (f *frame) try(n *yaml.Node, env *expr.Env) (string, error) {
	if n == nil {
		return "", nil
	}
	f.reading(n)
	t := f.tmpl[n]
	if t == nil {
		return n.Value, nil
	}
	return t.Render(env)
}

// reading counts what the expression behind a value of a recipe.hcl reads.
func (f *frame) reading(n *yaml.Node) {
	for _, name := range f.reads[n] {
		f.read[name] = true
	}
}

// forget begins the count of read names anew, for the next output.
func (f *frame) forget() {
	f.read = map[string]bool{}
	for _, name := range f.always {
		f.read[name] = true
	}
}

func (f *frame) trimmed(n *yaml.Node) string { return strings.TrimSpace(f.text(n)) }

// checked is text, judged when there was something to fill in; plain text was judged before.
func (f *frame) checked(n *yaml.Node, check func(string) error) string {
	s, ok := f.good(n)
	if ok && n != nil && f.tmpl[n] != nil && check != nil {
		if err := check(s); err != nil {
			f.errorf(n, "bad-value", "%s", err)
		}
	}
	return s
}

func (f *frame) boolean(n *yaml.Node, def bool) bool {
	if n == nil {
		return def
	}
	s := f.text(n)
	if s == "" {
		return def
	}
	v, ok := parseBool(s)
	if !ok {
		f.errorf(n, "bad-value", "%q is neither true nor false", s)
	}
	return v
}

// truth decides an `if:`. An undefined name is a mistake there.
func (f *frame) truth(n *yaml.Node) bool {
	x := f.conds[n]
	if x == nil {
		return false
	}
	v, err := x.Test(f.env())
	if err != nil {
		f.found.add(exprDiagnostic(f.doc, n, err))
	}
	return v
}

// items are the values of a list, or the one value, after its conditions.
func (f *frame) items(n *yaml.Node) []*yaml.Node {
	if n == nil {
		return nil
	}
	f.reading(n)
	if n.Kind == yaml.SequenceNode {
		var out []*yaml.Node
		for _, e := range n.Content {
			out = append(out, f.item(e)...)
		}
		return out
	}
	return f.item(n)
}

func (f *frame) item(n *yaml.Node) []*yaml.Node {
	condition := yamlx.Get(n, "if")
	if condition == nil {
		return []*yaml.Node{n}
	}
	if f.truth(condition) {
		return f.items(yamlx.Get(n, "then"))
	}
	return f.items(yamlx.Get(n, "else"))
}

// texts are the entries of a list of texts; empty ones fall out.
func (f *frame) texts(n *yaml.Node) []string {
	if yamlx.IsNull(n) {
		return nil
	}
	var out []string
	for _, e := range f.items(n) {
		if s := f.text(e); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// readAll counts every name in a script as read, in branches not taken too: scripts are filled in
// when they are run, so what they need is not known to be less.
func (f *frame) readAll(n *yaml.Node) {
	if n == nil {
		return
	}
	f.reading(n)
	if t := f.tmpl[n]; t != nil {
		f.readNames(t.Names(), n.Value)
	}
	if x := f.conds[n]; x != nil {
		f.readNames(x.Names(), n.Value)
	}
	for _, e := range n.Content {
		f.readAll(e)
	}
}

func (f *frame) readNames(names []string, source string) {
	for _, name := range names {
		f.read[name] = true
	}
	for _, m := range toolCalls(source) {
		for _, k := range toolKeys(m[1], normalKey(m[2])) {
			f.read[k] = true
		}
	}
}

// setContext evaluates `context:` in order, each entry seeing those before it. It returns the entries
// and which variant keys were read on the way.
func (f *frame) setContext(n *yaml.Node) (context map[string]any, read map[string]bool) {
	context = map[string]any{}
	for k, v := range yamlx.Pairs(n) {
		value := f.contextValue(v)
		f.vars[k.Value] = value
		context[k.Value] = expr.ToGo(value)
	}
	read = map[string]bool{}
	for name := range f.read {
		if _, ok := f.variant[name]; ok {
			read[name] = true
		}
	}
	return context, read
}

func (f *frame) contextValue(n *yaml.Node) expr.Value {
	if n.Kind == yaml.SequenceNode {
		l := &expr.List{}
		for _, e := range n.Content {
			l.Items = append(l.Items, f.contextValue(e))
		}
		return l
	}
	t := f.tmpl[n]
	if t == nil && !f.literal && isTemplate(n.Value) { // it could not be read
		return &expr.Missing{Name: expr.HoleName}
	}
	if t == nil {
		return expr.FromGo(typed(n))
	}
	v, err := t.Value(f.env())
	if m, undefined := v.(*expr.Missing); undefined && err == nil {
		err = &expr.Error{Kind: expr.Undefined, Name: m.Name, Line: 1, Column: 1, Msg: "the name " + quoted(m.Name) + " is not defined"}
	}
	if err != nil {
		f.found.add(exprDiagnostic(f.doc, n, err))
		return &expr.Missing{Name: expr.HoleName} // what reads it is no mistake of its own
	}
	if yamlx.IsQuoted(n) {
		return printed(v)
	}
	if s, ok := v.(string); ok && !t.Single() {
		return guess(s)
	}
	return v
}

// guess types the text of a template with more than one part.
func guess(s string) expr.Value {
	trimmed := strings.TrimSpace(s)
	switch strings.ToLower(trimmed) {
	case "true":
		return true
	case "false":
		return false
	}
	n := yaml.Node{Kind: yaml.ScalarNode, Value: trimmed}
	if i, ok := typed(&n).(int); ok {
		return int64(i)
	}
	return s
}

func quoted(s string) string { return "`" + s + "`" }

// usedVariant is the part of the variant that the output depends on: what is hashed. duringContext
// are the variant keys that the context read, shadowed those that it replaced.
func (f *frame) usedVariant(free, duringContext map[string]bool, context map[string]any, noarch string) map[string]any {
	used := map[string]any{}
	for key, value := range f.variant {
		_, shadowed := context[key]
		switch {
		case shadowed && !duringContext[key], noarch == "python" && key == "python":
			continue
		case f.read[key], duringContext[key], free[key], alwaysHashed(key), f.platform.vars[key]:
			used[key] = value.Value
		}
	}
	if noarch != "" {
		used["target_platform"] = "noarch"
	}
	return used
}

// alwaysHashed are keys that are part of every hash.
func alwaysHashed(key string) bool {
	return key == "target_platform" || key == "channel_targets" || key == "channel_sources"
}

// undefinedHelp says where a name that is not defined could come from.
func undefinedHelp(name string) string {
	return fmt.Sprintf("define it in context; if it is a key of variants, give it with --variant %s=VALUE or a file with -m", name)
}

// exprDiagnostic places an expression's mistake in the file: in the text of the scalar where that can
// be told, else at the scalar.
func exprDiagnostic(doc *yamlx.Document, n *yaml.Node, err error) diag.Diagnostic {
	d := doc.At(n, "expression", "%s", err)
	var e *expr.Error
	if !errors.As(err, &e) {
		return d
	}
	d.Summary, d.Suggestion = e.Msg, e.Hint
	switch e.Kind {
	case expr.Syntax:
		d.Code = "expression-syntax"
	case expr.Undefined:
		d.Code = "undefined"
	case expr.Limit:
		d.Code, d.Suggestion = "too-expensive", tooExpensive(e)
	}
	if d.Pos.Column == 0 || e.Line == 0 {
		return d
	}
	block := n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0
	switch {
	case n.Style&yaml.LiteralStyle != 0:
		d.Pos.Line += e.Line
		line := doc.Line(d.Pos.Line)
		d.Pos.Column = len(line) - len(strings.TrimLeft(line, " ")) + e.Column
		if d.Pos.Column > len([]rune(line))+1 {
			d.Pos.Column = 1
		}
	case !block && e.Line == 1 && !strings.Contains(n.Value, "\n"):
		d.Pos.Column += e.Column - 1
		if yamlx.IsQuoted(n) {
			d.Pos.Column++
		}
	}
	d.Line, d.Length = doc.Line(d.Pos.Line), e.Length
	return d
}

func sortedNames[T any](m map[string]T) []string {
	names := make([]string, 0, len(m))
	for k := range m {
		names = append(names, k)
	}
	sort.Strings(names)
	return names
}
