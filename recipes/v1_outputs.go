package recipes

import (
	"strings"

	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// several renders a recipe with outputs: staging ones first, for the others may inherit from them.
func (r *v1Recipe) several(f *frame, outputs *yaml.Node, context map[string]any, duringContext map[string]bool) []*rendering {
	staged := map[string]*rendering{}
	byNode := map[*yaml.Node]*rendering{}
	for i, n := range outputs.Content {
		if yamlx.Get(n, "staging") != nil {
			f.forget()
			s := r.staging(f, n, i, context, duringContext, staged)
			staged[s.out.Name], byNode[n] = s, s
		}
	}
	for i, n := range outputs.Content {
		if yamlx.Get(n, "package") != nil {
			f.forget()
			byNode[n] = r.output(f, n, i, context, duringContext, staged)
		}
	}
	var out []*rendering
	for _, n := range outputs.Content {
		if x := byNode[n]; x != nil {
			out = append(out, x)
		}
	}
	return out
}

// staging renders a staging output. It may start from one that stands before it, which is Forge's own.
func (r *v1Recipe) staging(f *frame, n *yaml.Node, i int, context map[string]any, duringContext map[string]bool, staged map[string]*rendering) *rendering {
	get := func(key string) *yaml.Node { return yamlx.Get(n, key) }
	o := r.newOutput(f, n, context, i)
	o.Staging = true
	o.Name = f.text(yamlx.Get(get("staging"), "name"))
	inherit := f.inherit(o, get("inherit"), staged)
	b := f.build(get("build"))
	o.Requirements = f.requirements(get("requirements"))
	if inherit == nil {
		o.Sources = f.sources(yamlx.Get(f.root, "source"))
	}
	o.Sources = append(o.Sources, f.sources(get("source"))...)
	o.Extra = f.extraMap(yamlx.Get(f.root, "extra"))
	f.signatures(o, yamlx.Get(f.root, "extra"))
	def, err := r.files.defaultScript(r.opts.BuildPlatform)
	if err != nil {
		f.errorf(n, "missing-file", "the build script cannot be read: %v", plainError(err))
	}
	f.settle(o, b, f.plan(b, def))
	free := f.bareNames(o.Requirements.Build, o.Requirements.Host)
	used := f.usedVariantOf(free, duringContext, context, "")
	inherited(o, used, inherit)
	return &rendering{out: o, frame: f, free: free, used: used}
}

func (r *v1Recipe) output(f *frame, n *yaml.Node, i int, context map[string]any, duringContext map[string]bool, staged map[string]*rendering) *rendering {
	root := f.root
	get := func(key string) *yaml.Node { return yamlx.Get(n, key) }
	o := r.newOutput(f, n, context, i)
	o.Name = f.packageName(yamlx.Get(get("package"), "name"))
	o.Version = f.outputVersion(n, root)
	inherit := f.inherit(o, get("inherit"), staged)
	toplevel := o.Inherit == ""
	b := f.build(get("build")).over(f.build(yamlx.Get(root, "build")), toplevel)
	if b.skip {
		o.Skip = true
		return &rendering{out: o, frame: f, used: map[string]any{}}
	}
	o.About = f.about(get("about")).over(f.about(yamlx.Get(root, "about"))).about()
	o.Requirements = f.requirements(get("requirements"))
	o.Extra = f.extraMap(yamlx.Get(root, "extra"))
	if toplevel {
		o.Sources = f.sources(yamlx.Get(root, "source"))
		o.Tests = f.tests(yamlx.Get(root, "tests"))
	}
	o.Sources = append(o.Sources, f.sources(get("source"))...)
	o.Tests = append(o.Tests, f.tests(get("tests"))...)
	if len(o.Sources) > 0 {
		f.signatures(o, yamlx.Get(root, "extra"))
	}
	f.settle(o, b, f.plan(b, nil))
	o.Build.words.script = true // an output never takes the build.sh beside the recipe
	free := f.bareNames(o.Requirements.Build, o.Requirements.Host)
	if inherit != nil {
		for k := range inherit.free {
			free[k] = true
		}
	}
	used := f.virtualPackages(o, f.usedVariantOf(free, duringContext, context, o.NoArch))
	inherited(o, used, inherit)
	return &rendering{out: o, frame: f, str: b.str, free: free, used: f.keys(used, b)}
}

// inherited notes the staging output that o starts from; what that depends on, o does.
func inherited(o *Output, used map[string]any, from *rendering) {
	if from == nil {
		return
	}
	o.InheritFrom = from.out
	for k, v := range from.used {
		if _, has := used[k]; !has {
			used[k] = v
		}
	}
}

// usedVariantOf is usedVariant for a recipe with outputs. There a variant key that the context
// replaced is hashed with the context's value.
func (f *frame) usedVariantOf(free, duringContext map[string]bool, context map[string]any, noarch string) map[string]any {
	used := f.usedVariant(free, duringContext, context, noarch)
	for k := range used {
		if v, ok := context[k]; ok {
			used[k] = v
		}
	}
	return used
}

func (f *frame) outputVersion(n, root *yaml.Node) string {
	for _, v := range []*yaml.Node{yamlx.Get(yamlx.Get(n, "package"), "version"), yamlx.Get(yamlx.Get(root, "recipe"), "version"), yamlx.Get(root, "version")} {
		if v != nil {
			return f.checked(v, checkVersion)
		}
	}
	f.errorf(yamlx.Get(n, "package"), "missing-key", "the output has no version, and the recipe has none for all of them")
	return ""
}

func (f *frame) inherit(o *Output, n *yaml.Node, staged map[string]*rendering) *rendering {
	if yamlx.IsNull(n) {
		return nil
	}
	from := n
	if n.Kind == yaml.MappingNode {
		from = yamlx.Get(n, "from")
		o.InheritRunExports = f.boolean(yamlx.Get(n, "run_exports"), true)
	}
	o.Inherit = f.text(from)
	s := staged[o.Inherit]
	if s == nil {
		names := sortedNames(staged)
		d := f.doc.At(from, "unknown-staging", "there is no staging output %q", o.Inherit)
		if d.Suggestion = didYouMean(o.Inherit, names); d.Suggestion == "" && len(names) > 0 {
			d.Suggestion = "staging outputs: " + strings.Join(names, ", ")
		}
		f.found.add(d)
	}
	return s
}
