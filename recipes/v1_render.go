package recipes

import (
	"path/filepath"
	"strings"

	"forge/internal/diag"
	"forge/recipes/internal/expr"
	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// maxSteps bounds the evaluation of one recipe over all its variants: seconds, not hours.
const maxSteps = 50_000_000

// v1Recipe is a recipe.yaml on its way to its outputs.
type v1Recipe struct {
	*program
	opts     *RenderOptions
	config   *variantConfig
	found    *findings
	path     string
	dir      string
	files    *folder // at dir
	platform *platform
	steps    int    // of evaluation so far
	format   string // of the file's name: Origin.Format
	// tree gives the tree of one variant where it depends on it (recipe.hcl); nil for recipe.yaml.
	tree func(v variant) (*program, diag.List)
}

// renderV1 renders a recipe.yaml (CEP 13, CEP 14) for all its variants.
func renderV1(path string, data []byte, opts RenderOptions) *Rendered {
	r := newV1(path, "recipe.yaml", &opts)
	r.load(data)
	var outputs []*Output
	if !r.found.list.HasErrors() {
		outputs = r.outputs()
	} else if r.config != nil {
		r.evaluationMistakes()
	}
	return r.rendered(outputs)
}

// rendered are the outputs, of a recipe without mistakes, or all that is wrong with it.
func (r *v1Recipe) rendered(outputs []*Output) *Rendered {
	if r.found.list.HasErrors() {
		outputs = nil
		r.suggestNames()
	}
	r.found.list.Sort()
	return &Rendered{Outputs: outputs, Diagnostics: r.found.list}
}

func newV1(path, format string, opts *RenderOptions) *v1Recipe {
	dir := recipeDir(path)
	return &v1Recipe{opts: opts, found: newFindings(), path: path, dir: dir, files: &folder{dir: dir}, format: format}
}

func recipeDir(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return filepath.Dir(path)
}

// load reads and checks the file and the variants.
func (r *v1Recipe) load(data []byte) {
	doc, list := yamlx.Load(r.path, data, yamlx.Options{})
	for _, d := range list {
		r.found.add(d)
	}
	if doc == nil {
		return
	}
	lang := v1Language()
	r.program = newProgram(doc)
	c := &checker{program: r.program, lang: lang}
	recipeShape(c, doc.Root)
	for _, d := range c.list {
		r.found.add(d)
	}
	r.readVariants(lang)
}

func (r *v1Recipe) readVariants(lang *expr.Dialect) {
	f := r.frame(variant{})
	config, list := readVariants(r.opts.Variants, r.opts.Set, variantEnv{
		Options: r.opts,
		Selector: func(condition string) (bool, error) {
			condition = strings.ReplaceAll(condition, "os.environ.get", "environ_get")
			x, err := lang.ParseExpr(strings.ReplaceAll(condition, ".startswith", " is startingwith"))
			if err != nil {
				return false, nil // as the peers have it: what cannot be decided is left out
			}
			yes, err := x.Test(f.env())
			return yes && err == nil, nil
		},
		If: func(doc *yamlx.Document, n *yaml.Node) (bool, *diag.Diagnostic) {
			x, err := lang.ParseExpr(n.Value)
			yes := false
			if err == nil {
				yes, err = x.Test(f.env())
			}
			return yes, problemAt(doc, n, err)
		},
		Fill: func(doc *yamlx.Document, n *yaml.Node) (string, *diag.Diagnostic) {
			t, err := lang.Parse(n.Value)
			s := ""
			if err == nil {
				s, err = t.Render(f.env())
			}
			return s, problemAt(doc, n, err)
		},
	})
	for _, d := range list {
		r.found.add(d)
	}
	for key, value := range map[string]string{"target_platform": r.opts.TargetPlatform.String(), "build_platform": r.opts.BuildPlatform.String()} {
		if _, set := r.opts.Set[key]; !set {
			config.set(key, []variantValue{{value, value}})
		}
	}
	r.config = config
}

func problemAt(doc *yamlx.Document, n *yaml.Node, err error) *diag.Diagnostic {
	if err == nil {
		return nil
	}
	d := exprDiagnostic(doc, n, err)
	return &d
}

// frame begins an evaluation with one variant.
func (r *v1Recipe) frame(v variant) *frame {
	f := &frame{program: r.program, opts: r.opts, variant: v, vars: map[string]expr.Value{}, read: map[string]bool{}, found: r.found, files: r.files, platform: r.forPlatform(), budget: expr.NewBudget()}
	for key, value := range v {
		f.vars[key] = expr.FromGo(value.Value)
	}
	return f
}

func (r *v1Recipe) forPlatform() *platform {
	if r.platform == nil {
		r.platform = newPlatform(r.opts)
		r.platform.dir = r.dir
	}
	return r.platform
}

func (r *v1Recipe) limit() int {
	if r.opts.MaxOutputs > 0 {
		return r.opts.MaxOutputs
	}
	return 10_000
}

// outputs renders all variants and settles their build strings.
func (r *v1Recipe) outputs() []*Output {
	all := r.renderings()
	if r.found.list.HasErrors() {
		return nil
	}
	return finish(all, r.opts, r.found)
}

// used are the keys that the recipe may use, as far as its text tells.
func (r *v1Recipe) used() map[string]bool {
	used := map[string]bool{"target_platform": true, "channel_targets": true, "channel_sources": true}
	for _, names := range []map[string]bool{r.names, r.free, r.forPlatform().vars} {
		for k := range names {
			used[k] = true
		}
	}
	for _, k := range r.useKeys {
		used[k] = true
	}
	return used
}

// renderings evaluates the recipe for all combinations of the keys that it may use. Which these are can
// depend on the variant (a dependency whose name is computed), so a variant that turns out to need more
// keys is replaced by its combinations with them.
func (r *v1Recipe) renderings() (all []*rendering) {
	variants, refused := r.config.expand([]variant{{}}, r.used(), r.limit())
	sortVariants(variants)
	seen := map[string]bool{}
	for round := 0; len(variants) > 0 && refused == nil; round++ {
		var next []variant
		for _, v := range variants {
			key := v.order()
			if seen[key] {
				continue
			}
			seen[key] = true
			found := newFindings()
			out := r.render(v, found)
			for _, x := range out {
				x.combo = key
			}
			if len(out) > 0 {
				r.steps += expr.NewBudget().Steps - out[0].frame.budget.Steps
			}
			if r.steps > maxSteps {
				r.found.add(diag.Diagnostic{Code: "too-expensive", Pos: diag.Pos{File: r.path}, Summary: "the expressions of all variants together take too many steps"})
				return nil
			}
			if more := r.moreKeys(v, out); len(more) > 0 && round < 10 {
				var wider []variant
				if wider, refused = r.config.expand([]variant{v}, more, r.limit()-len(next)); refused != nil {
					break
				}
				next = append(next, wider...)
				continue
			}
			for _, d := range found.list {
				r.found.add(d)
			}
			if all = append(all, out...); len(all) > r.limit() {
				r.found.add(tooManyOutputs(r.path, len(variants), r.limit()))
				return nil
			}
		}
		variants = next
	}
	if refused != nil {
		d := tooMany(refused, r.limit())
		atKey(d, r.path, r.opts.Variants, widestAxis(refused))
		r.found.add(*d)
	}
	return all
}

// moreKeys are variant keys that v lacks and that its outputs turn out to need.
func (r *v1Recipe) moreKeys(v variant, out []*rendering) map[string]bool {
	more := map[string]bool{}
	for _, x := range out {
		for key := range x.free {
			if _, has := v[key]; !has && r.config.get(key) != nil {
				more[key] = true
			}
		}
	}
	return more
}

// render evaluates the recipe for one variant.
func (r *v1Recipe) render(v variant, found *findings) []*rendering {
	f := r.frame(v)
	f.found = found
	if r.tree != nil {
		p, list := r.tree(v)
		for _, d := range list {
			found.add(d)
		}
		if list.HasErrors() && !r.opts.holes {
			return nil
		}
		f.program = p
		f.forget()
	}
	root := f.root
	context, read := f.setContext(yamlx.Get(root, "context"))
	if outputs := yamlx.Get(root, "outputs"); outputs != nil {
		return r.several(f, outputs, context, read)
	}
	return []*rendering{r.single(f, context, read)}
}

// packageName is a package's name in lower case, as rattler-build writes it and all clients ask for it; one that is
// written otherwise is said to be.
func (f *frame) packageName(n *yaml.Node) string {
	written := f.checked(n, checkName)
	name := strings.ToLower(written)
	if name != written {
		d := f.doc.At(n, "name-case", "the package name %q has capitals: the package is called %s", written, name)
		d.Severity, d.Suggestion = diag.Warning, "write "+name
		f.found.add(d)
	}
	return name
}

func (r *v1Recipe) single(f *frame, context map[string]any, duringContext map[string]bool) *rendering {
	root := f.root
	get := func(key string) *yaml.Node { return yamlx.Get(root, key) }
	o := r.newOutput(f, root, context, 0)
	o.Name = f.packageName(yamlx.Get(get("package"), "name"))
	o.Version = f.checked(yamlx.Get(get("package"), "version"), checkVersion)
	b := f.build(get("build"))
	o.About = f.about(get("about")).about()
	o.Requirements = f.requirements(get("requirements"))
	o.Extra = f.extraMap(get("extra"))
	o.Sources = f.sources(get("source"))
	o.Tests = f.tests(get("tests"))
	f.signatures(o, get("extra"))
	var scripts []Script
	if !b.skip {
		def, err := r.files.defaultScript(r.opts.BuildPlatform)
		if err != nil {
			f.errorf(root, "missing-file", "the build script cannot be read: %v", plainError(err))
		}
		scripts = f.plan(b, def)
	}
	f.settle(o, b, scripts)
	free := f.bareNames(o.Requirements.Build, o.Requirements.Host)
	used := f.usedVariant(free, duringContext, context, o.NoArch)
	return &rendering{out: o, frame: f, str: b.str, free: free, used: f.virtualPackages(o, f.keys(used, b))}
}

func (r *v1Recipe) newOutput(f *frame, n *yaml.Node, context map[string]any, index int) *Output {
	return &Output{BuildPlatform: r.opts.BuildPlatform, HostPlatform: r.opts.HostPlatform, TargetPlatform: r.opts.TargetPlatform,
		Full: f.variant.values(), Context: context, InheritRunExports: true, Pos: r.doc.Pos(n),
		Recipe: Origin{File: r.path, Dir: r.dir, Format: r.format, Index: index}}
}

// plan reads the scripts of a build section. def are those of a section without any.
func (f *frame) plan(b buildPart, def []Script) []Script {
	if b.steps != nil {
		return f.steps(b.steps, f.opts.BuildPlatform)
	}
	return f.scripts(b.script, f.opts.BuildPlatform, def)
}

// settle copies what a build section says to the output.
func (f *frame) settle(o *Output, b buildPart, scripts []Script) {
	o.Build = b.build
	o.Build.Scripts = scripts
	o.NoArch, o.Skip, o.Flags = b.noarch, b.skip, b.flags
	if b.number != nil {
		o.BuildNumber = *b.number
	}
	if f.opts.BuildNumber != nil {
		o.BuildNumber = *f.opts.BuildNumber
	}
	if b.down != nil {
		o.Build.DownPrioritize = *b.down
	}
	o.Build.words = &buildWords{number: b.number != nil || f.opts.BuildNumber != nil, script: b.script != nil,
		steps: b.steps != nil, rpaths: b.rpaths, useKeys: b.useKeys, ignoreKeys: b.ignore, down: b.down}
}

// keys applies build.variant.use_keys and ignore_keys.
func (f *frame) keys(used map[string]any, b buildPart) map[string]any {
	for _, k := range b.useKeys {
		if v, ok := f.variant[normalKey(k)]; ok {
			used[normalKey(k)] = v.Value
		}
	}
	for _, k := range b.ignore {
		delete(used, normalKey(k))
	}
	return used
}

// virtualPackages adds dependencies such as __unix: two noarch builds that differ in them differ.
func (f *frame) virtualPackages(o *Output, used map[string]any) map[string]any {
	for _, d := range o.Requirements.Run {
		if strings.HasPrefix(d.Spec, "__") {
			if s, err := f.spec(d.Spec); err == nil {
				used[normalKey(s.name)] = s.text
			}
		}
	}
	return used
}

func (f *frame) signatures(o *Output, extra *yaml.Node) {
	signatures(o.Sources, o.Extra, func(format string, args ...any) {
		f.errorf(yamlx.Get(yamlx.Get(extra, "forge"), "signatures"), "bad-signature", format, args...)
	})
}
