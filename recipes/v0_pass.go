package recipes

import (
	"errors"
	"path/filepath"
	"strings"

	"forge/internal/diag"
	"forge/recipes/internal/expr"
	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// v0Pass is the recipe in one variant.
type v0Pass struct {
	*v0
	variant    v0Variant
	scope      *v0Scope
	selected   selection
	doc        *yamlx.Document
	pins       []*Pin
	permissive bool
	undefined  bool // the text has names that are not defined
	early      *v0Early
	cut        *v0Parts // of the selected text
	full       map[string]any
}

// v0Early is what the permissive pass learns for PKG_NAME and its like.
type v0Early struct{ name, version, number, str, path string }

// pass renders one variant; the first one, which decides about the others, only once.
func (v *v0) pass(variant v0Variant) *v0Pass {
	if v.first != nil && sameVariant(v.first.variant, variant) {
		return v.first
	}
	p := v.newPass(variant)
	if v.first == nil {
		v.first = p
	}
	return p
}

func (v *v0) newPass(variant v0Variant) *v0Pass {
	p := &v0Pass{v0: v, variant: variant, scope: newScope(v.opts, variant)}
	d := newDecider(p.scope.selector, v.selectors)
	var bad []*selectorError
	if p.selected, bad = selectMeta(v.file, d.decide); len(bad) > 0 {
		for _, e := range bad {
			v.found.add(e.diagnostic(v.path, v.line(e.line)))
		}
		v.stuck = &stuckAt{selected: p.selected}
		if _, err := p.template(); err != nil { // say what else is wrong, too
			v.found.add(p.jinjaDiagnostic(err))
		}
		return nil
	}
	text, lines, ok := p.fill()
	if !ok {
		v.stuck = &stuckAt{selected: p.selected}
		return nil
	}
	p.undefined = strings.Contains(text, undefOpen)
	again := p.reselected(text, lines, d)
	doc := v.load(again)
	if doc.doc == nil {
		v.stuck = &stuckAt{selected: p.selected, filled: &again}
	}
	if doc.list.HasErrors() || doc.doc == nil {
		return nil
	}
	p.doc = doc.doc
	if doc.doc.Root == nil || doc.doc.Root.Kind != yaml.MappingNode {
		what := "this is something else"
		if strings.TrimSpace(text) == "" {
			what = "this one is empty"
		}
		v.found.add(diag.Diagnostic{Code: "wrong-type", Pos: diag.Pos{File: v.path, Line: 1, Column: 1}, Line: v.line(1), Summary: "a recipe is a mapping with the keys package, source, build, …; " + what})
		return nil
	}
	p.doc = p.beside(p.doc, d)
	return p
}

// reselected selects once more, as conda-build does, for selectors that Jinja made.
func (p *v0Pass) reselected(text string, lines []int, d *decider) selection {
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	if !selects(text) {
		return selection{text, lines}
	}
	again, bad := selectMeta(text, d.decide)
	if len(bad) > 0 {
		return selection{text, lines}
	}
	for i, n := range again.lines {
		again.lines[i] = mapLines(lines)(n)
	}
	return again
}

// fill renders the template strictly, and gives each line its place in the file.
func (p *v0Pass) fill() (string, []int, bool) {
	t, err := p.template()
	var text string
	var lines []int
	if err == nil {
		text, lines, err = t.RenderLines(&expr.Env{Lookup: p.lookup, Include: p.include, Print: printUndefined})
	}
	if err != nil {
		p.found.add(p.jinjaDiagnostic(err))
		return "", nil, false
	}
	for i, n := range lines {
		lines[i] = mapLines(p.selected.lines)(n)
	}
	if len(lines) == 0 { // an empty text has a line, too
		lines = []int{1}
	}
	return text, lines, true
}

func (p *v0Pass) template() (*expr.Template, error) {
	if t := p.templates[p.selected.text]; t != nil {
		return t, nil
	}
	t, err := v0Language.Parse(p.selected.text)
	if err == nil {
		p.templates[p.selected.text] = t
	}
	return t, err
}

// include reads a file of the recipe's folder for {% include %}; selectors apply to it, too.
func (p *v0Pass) include(name string) (string, error) {
	text, err := p.folder.read(filepath.ToSlash(filepath.Clean(name)))
	if err != nil {
		return "", plainError(err)
	}
	d := newDecider(p.scope.selector, p.selectors)
	s, bad := selectMeta(text, d.decide)
	if len(bad) > 0 {
		d := bad[0].diagnostic(name, "")
		return "", errors.New(d.Pos.String() + ": " + d.Summary)
	}
	return s.text, nil
}

func (p *v0Pass) jinjaDiagnostic(err error) diag.Diagnostic {
	d := diag.Diagnostic{Code: "expression", Pos: diag.Pos{File: p.path}, Summary: err.Error()}
	var e *expr.Error
	if !errors.As(err, &e) {
		return d
	}
	d.Summary, d.Suggestion, d.Length = e.Msg, e.Hint, e.Length
	switch e.Kind {
	case expr.Syntax:
		d.Code = "expression-syntax"
	case expr.Limit:
		d.Code, d.Suggestion = "too-expensive", tooExpensive(e)
	case expr.Undefined:
		d.Code = "undefined"
		if e.Name != "" && strings.HasPrefix(e.Msg, "\"") {
			d.Suggestion = p.nearestName(e.Name)
		}
	}
	if n := len(p.selected.lines); e.Line > 0 && n > 0 {
		d.Pos.Line, d.Pos.Column = mapLines(p.selected.lines)(e.Line), e.Column
		d.Line = p.line(d.Pos.Line)
	}
	return d
}

func (p *v0Pass) nearestName(name string) string {
	if strings.HasPrefix(name, "GIT_") || strings.HasPrefix(name, "HG_") {
		return "variables of the source's repository are not known before it is fetched; write the version in the recipe"
	}
	if name == "time" || name == "datetime" {
		return "rendering reads no clock, so that it gives the same result each time; write the date in the recipe"
	}
	if name == "cran_mirror" {
		return "give the mirror of R's archive as cran_mirror in conda_build_config.yaml"
	}
	known := append([]string{"compiler", "stdlib", "cdt", "pin_subpackage", "pin_compatible", "environ", "load_file_data", "load_file_regex",
		"PKG_NAME", "PKG_VERSION", "PKG_BUILDNUM", "PKG_HASH", "SHLIB_EXT", "PYTHON", "PREFIX", "SRC_DIR", "RECIPE_DIR"}, p.cfg.keys...)
	known = append(known, v0Names(p.templates[p.selected.text])...)
	if near := diag.Nearest(name, known); near != "" {
		return "did you mean " + quoted(near) + "?"
	}
	return ""
}

func v0Names(t *expr.Template) []string {
	if t == nil {
		return nil
	}
	return t.Assigned()
}

// lookup finds what a name means in the template.
func (p *v0Pass) lookup(name string) (expr.Value, bool) {
	if f, ok := p.function(name); ok {
		return f, true
	}
	switch name {
	case "PKG_NAME", "PKG_VERSION", "PKG_BUILDNUM", "PKG_BUILD_STRING", "PKG_HASH", "TOP_PKG_NAME", "TOP_PKG_VERSION":
		return p.pkg(name)
	case "environ":
		return envObject{p.environ}, true
	}
	return p.scope.jinja(name)
}

// environ finds a variable of the build's environment, or of the caller's that the options let in.
func (p *v0Pass) environ(name string) (string, bool) {
	v, ok := expr.Value(nil), false
	if strings.HasPrefix(name, "PKG_") || strings.HasPrefix(name, "TOP_PKG_") {
		v, ok = p.pkg(name)
	} else {
		v, ok = p.scope.environ(name)
	}
	if s, isText := v.(string); ok && isText && s != "" {
		return s, true
	}
	if s, ok := p.variant[name]; ok && name == strings.ToUpper(name) {
		return s, true
	}
	return p.scope.env(name)
}

// pkg are the recipe's own name and version, which a first pass that never fails has found out.
func (p *v0Pass) pkg(name string) (expr.Value, bool) {
	if name == "PKG_HASH" {
		return markHash, true
	}
	if p.permissive {
		return nil, false
	}
	if p.early == nil {
		p.early = p.firstPass()
	}
	switch name {
	case "PKG_NAME", "TOP_PKG_NAME":
		return p.early.name, true
	case "PKG_VERSION", "TOP_PKG_VERSION":
		return p.early.version, true
	case "PKG_BUILDNUM":
		if p.early.number == "" {
			return "0", true
		}
		return p.early.number, true
	}
	return p.early.str, true
}

// firstPass renders with undefined names allowed, as conda-build does before it knows anything.
func (p *v0Pass) firstPass() *v0Early {
	q := *p
	q.permissive, q.pins = true, nil
	e := &v0Early{}
	t, err := q.template()
	if err != nil {
		return e
	}
	never := expr.NeverFail
	text, err := t.Render(&expr.Env{Lookup: q.lookup, Include: q.include, Undefined: &never})
	if err != nil {
		return e
	}
	if head := packageAndBuildText(text); strings.Contains(head, "package:") { // the rest has nothing to say here
		text = head
	}
	doc, list := yamlx.LoadText(p.path, text, yamlx.Options{Aliases: yamlx.ExpandAliases, Duplicates: diag.Warning})
	if list.HasErrors() || doc == nil {
		return e
	}
	pkg, build := yamlx.Get(doc.Root, "package"), yamlx.Get(doc.Root, "build")
	e.name, e.version = scalar(yamlx.Get(pkg, "name")), scalar(yamlx.Get(pkg, "version"))
	e.path = earlyPath(doc)
	e.number, e.str = scalar(yamlx.Get(build, "number")), scalar(yamlx.Get(build, "string"))
	return e
}

// scalar is the text of a node as rendered, marks included; empty where there is none.
func scalar(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode || yamlx.IsNull(n) {
		return ""
	}
	return n.Value
}

// truthy is Python's bool of what PyYAML makes of n.
func truthy(n *yaml.Node) bool {
	if yamlx.IsNull(n) {
		return false
	}
	if n.Kind != yaml.ScalarNode {
		return len(n.Content) > 0
	}
	if !yamlx.IsQuoted(n) {
		switch strings.ToLower(n.Value) {
		case "false", "no", "off", "n":
			return false
		}
	}
	return n.Value != ""
}
