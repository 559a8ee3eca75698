package recipes

import (
	"strings"

	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// outputs converts the outputs. What the recipe itself builds before them becomes a staging output.
func (c *metaConverter) outputs(root *yaml.Node, sections map[string]*yaml.Node) {
	top := mapNode()
	c.build(top, sections["build"], sections["requirements"], true)
	c.requirements(top, sections["requirements"])
	name := c.constant(c.value(yamlx.Get(sections["package"], "name")))
	list := sections["outputs"]
	o := &outputConverter{metaConverter: c, sections: sections, top: top, name: name}
	o.about = c.ownAbouts(list.Content, sections["about"])
	for k, v := range yamlx.Pairs(o.splitShared(list)) {
		addPair(root, k.Value, v)
	}
	out := listNode()
	o.staged = o.staging(out)
	for _, e := range list.Content {
		if e.Kind != yaml.MappingNode {
			e = mapNode(plainNode("name"), e)
			e.Line = e.Content[1].Line
		}
		if v := o.output(e); v != nil {
			out.Content = append(out.Content, v)
		}
	}
	if !o.named && o.needsOwn(list) {
		out.Content = append(out.Content, o.own())
	} else if sometimes := o.someOutput(list); !o.named && sometimes != "" {
		e := o.own()
		addSkip(e, sometimes)
		inOrder(e)
		out.Content = append(out.Content, e)
	} else if !o.named && !yamlx.IsNull(sections["test"]) {
		c.warn(sections["test"], "the tests of the recipe belong to an output of its name, which there is none; they are left out, as conda-build leaves them out")
	}
	addPair(root, "outputs", out)
	if o.about == nil {
		c.about(root, sections["about"])
	}
}

// own is the output that the recipe itself is.
func (o *outputConverter) own() *yaml.Node {
	e := mapNode(plainNode("name"), yamlx.Get(o.sections["package"], "name"))
	e.Content[0].Line, e.Line = e.Content[1].Line, e.Content[1].Line
	return o.output(e)
}

// someOutput is when there is any output, empty for always. Without one, the recipe itself is the package.
func (o *outputConverter) someOutput(list *yaml.Node) string {
	var all []string
	for _, e := range list.Content {
		if e.Kind != yaml.MappingNode || len(e.Content) == 0 {
			return ""
		}
		condition := o.condition(e.Content[0].Line)
		if condition == "" {
			return ""
		}
		if !contains(all, wrapped(condition)) {
			all = append(all, wrapped(condition))
		}
	}
	return bare(strings.Join(all, " or "))
}

// addSkip adds a condition to those under which an output is not made.
func addSkip(out *yaml.Node, condition string) {
	build := within(out, "build")
	old := yamlx.Get(build, "skip")
	if old == nil {
		old = listNode()
		addPair(build, "skip", old)
	}
	old.Content = append([]*yaml.Node{plainNode(condition)}, old.Content...)
}

// outputConverter converts the outputs of one recipe.
type outputConverter struct {
	*metaConverter
	sections map[string]*yaml.Node
	top      *yaml.Node // build and requirements of the recipe itself, converted
	name     string     // of the recipe
	named    bool       // there is an output of that name
	staged   string     // name of the staging output, empty for none
	about    *yaml.Node // of the recipe, where each output gets its own
	pushed   *yaml.Node // what of the recipe's build section each output without one gets
}

// ownAbouts is the recipe's about where outputs have one that says less: in meta.yaml theirs replaces
// it, in recipe.yaml theirs adds to it.
func (c *metaConverter) ownAbouts(outputs []*yaml.Node, about *yaml.Node) *yaml.Node {
	for _, e := range outputs {
		own := yamlx.Get(e, "about")
		if own == nil {
			continue
		}
		for k := range yamlx.Pairs(about) {
			if yamlx.Get(own, k.Value) == nil {
				return about
			}
		}
	}
	return nil
}

// output converts one output; nil where conda-build makes none of it.
func (o *outputConverter) output(e *yaml.Node) *yaml.Node {
	given := ""
	if first := e.Content[0]; first.Line > 0 {
		given = o.condition(first.Line)
		o.given = append(append([]string(nil), o.conditions[first.Line]...), o.lineSelector(first.Line))
		defer func() { o.given = nil }()
	}
	order, by := o.fields(e)
	if list := by["type"]; len(list) > 0 {
		if v := o.value(list[0].value); v != "conda" && v != "conda_v2" {
			o.lost(list[0].key, "an output of the type %s is not made", v)
			return nil
		}
	}
	name := o.constant(o.value(yamlx.Get(e, "name")))
	own := name != "" && name != o.name
	o.named = o.named || !own
	out, head := mapNode(), mapNode()
	o.comments(out, e)
	if v := o.scalar(by["name"]); v != nil {
		addPair(head, "name", v)
	} else {
		addPair(head, "name", o.text(yamlx.Get(o.sections["package"], "name")))
	}
	if v := o.scalar(by["version"]); v != nil {
		addPair(head, "version", quotedVersion(v))
	}
	addPair(out, "package", head)
	o.fill(out, e, order, by, own)
	if given != "" {
		addSkip(out, negated(given))
	}
	inOrder(out)
	return out
}

// inOrder puts the sections of an output in their usual order.
func inOrder(out *yaml.Node) {
	var pairs []*yaml.Node
	for _, name := range []string{"package", "inherit", "source", "build", "requirements", "tests", "about"} {
		for i := 0; i+1 < len(out.Content); i += 2 {
			if out.Content[i].Value == name {
				pairs = append(pairs, out.Content[i], out.Content[i+1])
			}
		}
	}
	out.Content = pairs
}

// section is a section of an output; one of the recipe's name takes over what it does not say itself.
func (o *outputConverter) section(by map[string][]choice, key string, own bool) *yaml.Node {
	var n *yaml.Node
	if list := by[key]; len(list) > 0 {
		n = list[0].value
		if len(list) > 1 && n.Kind == yaml.MappingNode {
			merged := *n
			for _, ch := range list[1:] {
				merged.Content = append(merged.Content[:len(merged.Content):len(merged.Content)], ch.value.Content...)
			}
			n = &merged
		}
	}
	if top := o.sections[key]; !own && top != nil && top.Kind == yaml.MappingNode {
		if n == nil || n.Kind != yaml.MappingNode {
			if n == nil || key != "requirements" {
				return top
			}
			return n
		}
		merged := *n
		for k, v := range yamlx.Pairs(top) {
			if yamlx.Get(n, k.Value) == nil {
				merged.Content = append(merged.Content[:len(merged.Content):len(merged.Content)], k, v)
			}
		}
		return &merged
	}
	return n
}

// fill converts the sections and keys of an output.
func (o *outputConverter) fill(out, e *yaml.Node, order []string, by map[string][]choice, own bool) {
	needs := o.section(by, "requirements", own)
	section := o.section(by, "build", true)
	if !own {
		section = o.ownBuild(section)
	}
	o.build(out, section, needs, false)
	build := func() *yaml.Node { return within(out, "build") }
	for _, k := range order {
		list := by[k]
		switch k {
		case "name", "version", "build", "requirements", "test", "about", "type":
		case "script":
			o.outputScript(build(), list, by["script_interpreter"])
		case "script_interpreter":
		case "files":
			if list[0].value.Kind == yaml.MappingNode {
				files := mapNode()
				for k, v := range yamlx.Pairs(list[0].value) {
					addPair(files, k.Value, o.globs([]choice{{k, v, ""}}, k.Value == "include"))
				}
				o.put(build(), "files", list, files)
			} else {
				o.put(build(), "files", list, o.globs(list, true))
			}
		case "run_exports":
			o.runExports(within(out, "requirements"), list)
		case "number":
			o.put(build(), k, list, o.scalarOr(list, "0"))
		case "string":
			o.inString = true
			o.put(build(), k, list, o.scalar(list))
			o.inString = false
		case "noarch":
			o.put(build(), k, list, o.scalar(list))
		case "entry_points":
			o.put(within(build(), "python"), k, list, o.lists(list))
		case "target", "extra":
			o.warn(list[0].key, "an output has no %s in recipe.yaml; it is left out", k)
		default:
			o.warn(list[0].key, "the key %s means nothing in an output; it is left out", k)
		}
	}
	if !own || len(by["build"]) == 0 {
		o.takeOver(out)
		if o.pushed != nil {
			mergeInto(build(), o.pushed)
		}
	}
	o.requirements(out, needs)
	name := o.constant(o.value(yamlx.Get(e, "name")))
	if name == "" {
		name = o.name
	}
	o.hints.keys(out, strings.ToLower(name))
	o.tests(out, o.section(by, "test", own), !own, o.constant(o.value(yamlx.Get(e, "name"))))
	switch about := o.section(by, "about", true); {
	case about != nil:
		o.metaConverter.about(out, about)
	case o.about != nil:
		o.metaConverter.about(out, o.about)
	}
	o.inherits(out, by, own)
}

// ownBuild is the build section of the output that has the recipe's name: its run_exports, entry points
// and noarch are the recipe's.
func (o *outputConverter) ownBuild(n *yaml.Node) *yaml.Node {
	merged := mapNode()
	if n != nil {
		*merged = *n
	}
	for k, v := range yamlx.Pairs(o.sections["build"]) {
		switch k.Value {
		case "run_exports", "entry_points", "noarch", "noarch_python":
			if yamlx.Get(n, k.Value) == nil {
				merged.Content = append(merged.Content[:len(merged.Content):len(merged.Content)], k, v)
			}
		}
	}
	return merged
}
