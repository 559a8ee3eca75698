package recipes

import (
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"forge/internal/diag"
	"forge/recipes/internal/expr"
	"forge/recipes/internal/yamlx"
)

// v0Language is Jinja2 as conda-build sets it up.
var v0Language = &expr.Dialect{Undefined: expr.Strict}

// v0 is one meta.yaml with what its variants share.
type v0 struct {
	path, dir string
	folder    *folder // at dir
	file      string  // its text
	lines     []string
	opts      *RenderOptions
	found     *findings
	base      *v0Base
	cfg       *v0Config // of base
	usage     *v0Usage
	selectors parsedSelectors
	templates map[string]*expr.Template
	docs      map[string]*v0Doc
	specs     map[string]error // requirements that were read
	scripts   map[string]scriptFile
	raw       *v0Parts // of the text before selectors
	first     *v0Pass
	stuck     *stuckAt
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
	if v.found.list.HasErrors() {
		outputs = nil
		v.found.list = withoutSequels(v.found.list)
	}
	v.found.list.Sort()
	return &Rendered{Outputs: outputs, Diagnostics: v.found.list, stuck: v.stuck}
}

// withoutSequels drops what is only said because a name on the same line is undefined.
func withoutSequels(list diag.List) diag.List {
	lines := map[int]bool{}
	for _, d := range list {
		lines[d.Pos.Line] = lines[d.Pos.Line] || d.Code == "undefined" && d.Severity == diag.Error
	}
	return slices.DeleteFunc(list, func(d diag.Diagnostic) bool {
		return lines[d.Pos.Line] && slices.Contains([]string{"missing-key", "bad-spec", "bad-value"}, d.Code)
	})
}

func newV0(path, text string, opts RenderOptions) *v0 {
	v := &v0{path: path, dir: filepath.Dir(path), file: text, lines: strings.Split(text, "\n"), opts: &opts, found: newFindings(),
		selectors: parsedSelectors{}, templates: map[string]*expr.Template{}, docs: map[string]*v0Doc{}, specs: map[string]error{}, scripts: map[string]scriptFile{}}
	if abs, err := filepath.Abs(v.dir); err == nil {
		v.dir = abs
	}
	v.folder = &folder{dir: v.dir, asked: askBeforeListing} // it will be asked for many names
	return v
}

func (v *v0) limit() int {
	if v.opts.MaxOutputs > 0 {
		return v.opts.MaxOutputs
	}
	return 10_000
}

// checkBeside speaks of files beside the recipe that conda-build would use.
func (v *v0) checkBeside() {
	for _, name := range []string{"pre-link.sh", "post-link.sh", "pre-unlink.sh", "post-link.bat", "pre-unlink.bat"} {
		if v.script(name).found && !v.opts.noScripts {
			v.found.add(diag.Diagnostic{Severity: diag.Warning, Code: "unsupported", Pos: diag.Pos{File: filepath.Join(filepath.Dir(v.path), name)},
				Summary: name + " does not become part of the package: nothing is run when a package is installed"})
		}
	}
}

func (v *v0) render() []*Output {
	if !v.configured() {
		return nil
	}
	v.checkBeside()
	loop := v.loopKeys()
	all, refused := v.cfg.expand(v.base.plain, v.among(loop), v.limit())
	if refused != nil {
		d := tooMany(refused, v.limit())
		atKey(d, v.path, v.opts.Variants, widestAxis(refused))
		v.found.add(*d)
		return nil
	}
	all = v.reduceNoarch(all)
	top := v.topLoop(all, loop)
	var done []*v0Output
	seen := map[string]bool{}
	for i, variant := range all {
		p := v.pass(variant)
		if p == nil {
			return nil
		}
		group := ""
		for _, k := range top {
			group += k + "=" + variant[k] + "\n"
		}
		for _, o := range p.outputs() {
			o.group = group
			key := group + o.key()
			if seen[key] {
				continue
			}
			seen[key] = true
			done = append(done, o)
		}
		if len(done) > v.limit() {
			v.found.add(tooManyOutputs(v.path, len(all), v.limit()))
			return nil
		}
		if v.found.list.HasErrors() && !(v.opts.holes && i < maxMendVariants) { // most have the same mistakes
			break
		}
	}
	outputs := v.finish(done)
	v.checkRows(outputs)
	return outputs
}

// loopKeys are the keys that have several values and may be used.
func (v *v0) loopKeys() keySet {
	loop := v.everUsed()
	for n, used := range loop {
		loop[n] = used && len(v.cfg.vals[v.usage.keys[n]]) > 1
	}
	return loop
}

// among reports whether a key is in the set.
func (v *v0) among(set keySet) func(key string) bool {
	return func(key string) bool {
		n, ok := v.usage.number[key]
		return ok && set[n]
	}
}

// topLoop lists the keys with several values that the top of the recipe uses. conda-build renders the
// recipe for each of their combinations on its own; within one, outputs that use the same are one.
func (v *v0) topLoop(all []v0Variant, loop keySet) (keys []string) {
	if len(all) == 0 {
		return nil
	}
	p := v.pass(all[0])
	if p == nil || len(all) == 1 && !p.undefined { // but what is undefined there is a mistake
		return nil
	}
	for _, k := range v.topKeys() {
		if loop[v.usage.number[k]] {
			keys = append(keys, k)
		}
	}
	return keys
}

// topKeys are the keys that the top of the recipe uses.
func (v *v0) topKeys() []string {
	p := v.first
	if p == nil {
		return nil
	}
	top := &v0Output{v0Pass: p, name: p.topName(), out: &Output{NoArch: p.noarch(p.root("build"))}}
	return top.usedKeys()
}

// firstSelectors lists the keys in selectors of the first output, but for its tests.
func (v *v0) firstSelectors() []string {
	text := v.rawParts().output(0)
	if i := strings.Index(text, "\n    test:"); i >= 0 {
		text = text[:i]
	}
	used := newKeySet(v.usage)
	used.add(v.usage.in(text).selector)
	return v.usage.names(used)
}

// everUsed are the keys that any variant may use: what the whole text names, and scripts.
func (v *v0) everUsed() keySet {
	used := newKeySet(v.usage)
	if n, ok := v.usage.number["target_platform"]; ok {
		used[n] = true
	}
	in := v.usage.in(v.file)
	used.add(in.selector)
	used.add(in.all)
	used.add(v.scriptKeys("build.sh"))
	used.add(v.scriptKeys("bld.bat"))
	for at, rest := 0, v.file; ; rest = v.file[at:] {
		i := strings.Index(rest, "script:")
		if i < 0 {
			return used
		}
		i += len("script:")
		at += i
		line, _, _ := strings.Cut(rest[i:], "\n")
		if fields := strings.Fields(line); len(fields) > 0 {
			used.add(v.scriptKeys(strings.Trim(fields[0], "\"'")))
		}
		at += len(line)
	}
}

// scriptFile is a script of the recipe's folder, and the keys it uses.
type scriptFile struct {
	text  string
	found bool
	keys  []int // of v0Usage
}

func (v *v0) script(name string) scriptFile {
	if s, ok := v.scripts[name]; ok {
		return s
	}
	missing := scriptFile{found: v.opts.noScripts && name != "build.sh" && name != "bld.bat" && name != "build.bat" && !strings.HasPrefix(name, "run_test.")}
	path := filepath.ToSlash(filepath.Clean(name))
	if v.folder.lacks(path) { // as most; to ask again costs less than to remember
		return missing
	}
	text, err := readScript(v.dir, path)
	if err != nil {
		v.scripts[name] = missing
		return missing
	}
	s := scriptFile{text: text, found: true}
	if strings.HasSuffix(name, ".sh") {
		s.keys = v.usage.inShell(text)
	} else if strings.HasSuffix(name, ".bat") {
		s.keys = v.usage.inBatch(text)
	}
	v.scripts[name] = s
	return s
}

func (v *v0) scriptKeys(name string) []int { return v.script(name).keys }

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
	doc, list := yamlx.LoadText(v.path, s.text, yamlx.Options{Aliases: yamlx.ExpandAliases, Duplicates: diag.Warning,
		MapLine: mapLines(s.lines), Source: v.file})
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
