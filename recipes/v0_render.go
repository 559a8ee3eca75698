package recipes

import (
	"errors"
	"path/filepath"
	"reflect"
	"sort"
	"strings"

	"forge/internal/diag"
	"forge/recipes/internal/expr"
	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// v0Language is Jinja2 as conda-build sets it up.
var v0Language = &expr.Dialect{Undefined: expr.Strict}

// v0 is one meta.yaml with what its variants share.
type v0 struct {
	path, dir string
	file      string // its text
	lines     []string
	opts      *RenderOptions
	found     *findings
	cfg       *v0Config
	usage     *v0Usage
	selectors map[string]*expr.Expr
	templates map[string]*expr.Template
	docs      map[string]*v0Doc
	scripts   map[string]scriptFile
	raw       *v0Parts // of the text before selectors
	first     *v0Pass
	firstID   uintptr
	fields    map[string][]string
}

// v0Doc is rendered text as YAML.
type v0Doc struct {
	doc  *yamlx.Document
	list diag.List
}

// renderV0 renders a meta.yaml of conda-build. It follows conda-build 26.7: selectors, Jinja, YAML, and
// which variants there are and what is hashed of them.
func renderV0(path string, data []byte, opts RenderOptions) *Rendered {
	text, problem := yamlx.Text(data)
	if problem != "" {
		return failed(path, "%s", problem)
	}
	v := newV0(path, text, opts)
	outputs := v.render()
	v.found.list.Sort()
	if v.found.list.HasErrors() {
		outputs = nil
	}
	return &Rendered{Outputs: outputs, Diagnostics: v.found.list}
}

func newV0(path, text string, opts RenderOptions) *v0 {
	v := &v0{path: path, dir: filepath.Dir(path), file: text, lines: strings.Split(text, "\n"), opts: &opts, found: newFindings(),
		selectors: map[string]*expr.Expr{}, templates: map[string]*expr.Template{}, docs: map[string]*v0Doc{}, scripts: map[string]scriptFile{}, fields: map[string][]string{}}
	if abs, err := filepath.Abs(v.dir); err == nil {
		v.dir = abs
	}
	return v
}

// config reads the variant files. The recipe's own was put last by the dispatcher; conda-build takes it
// before those given with -m, which win.
func (v *v0) config() bool {
	v.cfg = defaultV0Config(v.opts.TargetPlatform)
	files := v.opts.Variants
	if n := len(files); n > 1 && !v.opts.exclusive && filepath.Dir(files[n-1].Path) == filepath.Dir(v.path) {
		files = append([]VariantFile{files[n-1]}, files[:n-1]...)
	}
	for _, f := range files {
		base := newScope(v.opts, v.cfg.first())
		d := &decider{lookup: base.selector, parsed: v.selectors, known: map[string]bool{}}
		for _, found := range v.cfg.read(f, d.decide) {
			v.found.add(found)
		}
	}
	for _, k := range sortedNames(v.opts.Set) {
		v.cfg.choose(k, v.opts.Set[k])
	}
	return !v.found.list.HasErrors()
}

func (v *v0) limit() int {
	if v.opts.MaxOutputs > 0 {
		return v.opts.MaxOutputs
	}
	return 10_000
}

// checkBeside speaks of files beside the recipe that conda-build would use.
func (v *v0) checkBeside() {
	for _, name := range []string{"recipe_append.yaml", "recipe_clobber.yaml"} {
		if v.script(name).found && !v.opts.noScripts {
			v.found.add(diag.Diagnostic{Code: "unsupported", Pos: diag.Pos{File: filepath.Join(filepath.Dir(v.path), name)},
				Summary: name + " is not merged into the recipe", Suggestion: "write its keys in " + filepath.Base(v.path)})
		}
	}
	for _, name := range []string{"pre-link.sh", "post-link.sh", "pre-unlink.sh", "post-link.bat", "pre-unlink.bat"} {
		if v.script(name).found && !v.opts.noScripts {
			v.found.add(diag.Diagnostic{Severity: diag.Warning, Code: "unsupported", Pos: diag.Pos{File: filepath.Join(filepath.Dir(v.path), name)},
				Summary: name + " does not become part of the package: nothing is run when a package is installed"})
		}
	}
}

func (v *v0) render() []*Output {
	if !v.config() {
		return nil
	}
	v.usage = newUsage(v.cfg.sorted())
	v.checkBeside()
	loop := map[string]bool{}
	for _, k := range v.everUsed() {
		if len(v.cfg.vals[k]) > 1 {
			loop[k] = true
		}
	}
	all, problem := v.cfg.expand(loop, v.limit())
	if problem != nil {
		problem.Pos = diag.Pos{File: v.path}
		v.found.add(*problem)
		return nil
	}
	all = v.reduceNoarch(all)
	top := v.topLoop(all, loop)
	var done []*v0Output
	seen := map[string]bool{}
	for _, variant := range all {
		p := v.pass(variant)
		if p == nil {
			return nil
		}
		group := ""
		for _, k := range top {
			group += k + "=" + variant[k] + "\n"
		}
		for _, o := range p.outputs() {
			key := group + o.key()
			if seen[key] {
				continue
			}
			seen[key] = true
			done = append(done, o)
		}
		if v.found.list.HasErrors() { // further variants have the same mistakes
			break
		}
	}
	return v.finish(done)
}

// topLoop lists the keys with several values that the top of the recipe uses. conda-build renders the
// recipe for each of their combinations on its own; within one, outputs that use the same are one.
func (v *v0) topLoop(all []v0Variant, loop map[string]bool) []string {
	if len(all) < 2 {
		return nil
	}
	p := v.pass(all[0])
	if p == nil {
		return nil
	}
	top := &v0Output{v0Pass: p, name: p.topName(), out: &Output{NoArch: p.noarch(p.root("build"))}}
	var keys []string
	for _, k := range top.usedKeys() {
		if loop[k] {
			keys = append(keys, k)
		}
	}
	return keys
}

// everUsed lists the keys that any variant may use: what the whole text names, and scripts.
func (v *v0) everUsed() []string {
	used := map[string]bool{"target_platform": true}
	for _, selectorsOnly := range []bool{true, false} {
		for _, k := range v.usage.in(v.file, selectorsOnly) {
			used[k] = true
		}
	}
	for _, k := range v.scriptKeys("build.sh") {
		used[k] = true
	}
	for _, k := range v.scriptKeys("bld.bat") {
		used[k] = true
	}
	for _, line := range v.lines {
		if _, value, ok := strings.Cut(line, "script:"); ok {
			if fields := strings.Fields(value); len(fields) > 0 {
				for _, k := range v.scriptKeys(strings.Trim(fields[0], `"'`)) {
					used[k] = true
				}
			}
		}
	}
	return sortedNames(used)
}

// scriptFile is a script of the recipe's folder, and the keys it uses.
type scriptFile struct {
	text  string
	found bool
	keys  []string
}

func (v *v0) script(name string) scriptFile {
	if s, ok := v.scripts[name]; ok {
		return s
	}
	var s scriptFile
	text, err := readScript(v.dir, filepath.ToSlash(filepath.Clean(name)))
	switch {
	case err == nil:
		s = scriptFile{text: text, found: true}
		if strings.HasSuffix(name, ".sh") {
			s.keys = v.usage.inShell(text)
		} else if strings.HasSuffix(name, ".bat") {
			s.keys = v.usage.inBatch(text)
		}
	case v.opts.noScripts:
		s.found = name != "build.sh" && name != "bld.bat" && name != "build.bat" && !strings.HasPrefix(name, "run_test.")
	}
	v.scripts[name] = s
	return s
}

func (v *v0) scriptKeys(name string) []string { return v.script(name).keys }

// reduceNoarch keeps the newest Python for a recipe that is noarch at its top.
func (v *v0) reduceNoarch(all []v0Variant) []v0Variant {
	if len(all) < 2 || len(v.cfg.vals["python"]) < 2 {
		return all
	}
	p := v.pass(all[0])
	if p == nil || p.noarch(yamlx.Get(p.doc.Root, "build")) == "" && !truthy(yamlx.Get(yamlx.Get(p.doc.Root, "build"), "noarch_python")) {
		return all
	}
	versions := append([]string(nil), v.cfg.vals["python"]...)
	sort.SliceStable(versions, func(i, j int) bool { return olderVersion(versions[i], versions[j]) })
	var keep []v0Variant
	for _, variant := range all {
		if variant["python"] == versions[len(versions)-1] {
			keep = append(keep, variant)
		}
	}
	return keep
}

// v0Pass is the recipe in one variant.
type v0Pass struct {
	*v0
	variant    v0Variant
	scope      *v0Scope
	selected   selection
	doc        *yamlx.Document
	pins       []*Pin
	permissive bool
	early      *v0Early
	cut        *v0Parts // of the selected text
	full       map[string]any
}

// v0Early is what the permissive pass learns for PKG_NAME and its like.
type v0Early struct{ name, version, number, str, path string }

// pass renders one variant; the first one, which decides about the others, only once.
func (v *v0) pass(variant v0Variant) *v0Pass {
	if id := reflect.ValueOf(variant).Pointer(); v.first == nil || v.firstID != id {
		p := v.newPass(variant)
		if v.first == nil {
			v.first, v.firstID = p, id
		}
		return p
	}
	return v.first
}

func (v *v0) newPass(variant v0Variant) *v0Pass {
	p := &v0Pass{v0: v, variant: variant, scope: newScope(v.opts, variant)}
	d := &decider{lookup: p.scope.selector, parsed: v.selectors, known: map[string]bool{}}
	var bad []*selectorError
	if p.selected, bad = selectMeta(v.file, d.decide); len(bad) > 0 {
		for _, e := range bad {
			v.found.add(e.diagnostic(v.path, v.line(e.line)))
		}
		if _, err := p.template(); err != nil { // say what else is wrong, too
			v.found.add(p.jinjaDiagnostic(err))
		}
		return nil
	}
	text, lines, ok := p.fill()
	if !ok {
		return nil
	}
	again, bad := selectMeta(text, d.decide) // conda-build selects once more, for selectors that Jinja made
	if len(bad) == 0 {
		for i, n := range again.lines {
			again.lines[i] = mapLines(lines)(n)
		}
	} else {
		again = selection{text, lines}
	}
	doc := v.load(again)
	if doc.list.HasErrors() || doc.doc == nil {
		return nil
	}
	p.doc = doc.doc
	if doc.doc.Root == nil || doc.doc.Root.Kind != yaml.MappingNode {
		v.found.add(diag.Diagnostic{Code: "wrong-type", Pos: diag.Pos{File: v.path}, Summary: "a recipe is a mapping with the keys package, source, build, …"})
		return nil
	}
	return p
}

func (v *v0) line(n int) string {
	if n < 1 || n > len(v.lines) {
		return ""
	}
	return v.lines[n-1]
}

// load reads rendered text, once for all variants that render the same.
func (v *v0) load(s selection) *v0Doc {
	if d, ok := v.docs[s.text]; ok {
		return d
	}
	doc, list := yamlx.Load(v.path, []byte(s.text), yamlx.Options{Aliases: yamlx.ExpandAliases, Duplicates: diag.Warning,
		MapLine: mapLines(s.lines), Source: []byte(v.file)})
	for _, found := range list {
		v.found.add(found)
	}
	d := &v0Doc{doc, list}
	v.docs[s.text] = d
	if doc != nil && !list.HasErrors() && doc.Root != nil {
		v.checkFields(doc)
	}
	return d
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
	text, err := readScript(p.dir, filepath.ToSlash(filepath.Clean(name)))
	if err != nil {
		return "", plainError(err)
	}
	d := &decider{lookup: p.scope.selector, parsed: p.selectors, known: map[string]bool{}}
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
	known := append([]string{"compiler", "stdlib", "cdt", "pin_subpackage", "pin_compatible", "environ", "load_file_data", "load_file_regex",
		"PKG_NAME", "PKG_VERSION", "PKG_BUILDNUM", "PKG_HASH", "SHLIB_EXT", "PYTHON", "PREFIX", "SRC_DIR", "RECIPE_DIR"}, p.cfg.keys...)
	for _, n := range v0Names(p.templates[p.selected.text]) {
		known = append(known, n)
	}
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
	doc, list := yamlx.Load(p.path, []byte(text), yamlx.Options{Aliases: yamlx.ExpandAliases, Duplicates: diag.Warning})
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
