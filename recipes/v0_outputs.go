package recipes

import (
	"strconv"
	"strings"

	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// v0Output is one output of one variant before its hash, build string and pins are settled.
type v0Output struct {
	*v0Pass
	node  *yaml.Node // its entry under outputs; nil for the recipe itself
	index int
	name  string
	own   bool // its text is an entry of outputs: conda-build's is_output
	out   *Output
	used  []string // variant keys, sorted
	group string   // what the top of the recipe uses of the variant: one build of conda-build
	str   string   // build/string as rendered

	rawText, selectedText string // see texts
}

func (p *v0Pass) root(key string) *yaml.Node { return yamlx.Get(p.doc.Root, key) }

func (p *v0Pass) topName() string { return scalar(yamlx.Get(p.root("package"), "name")) }

// outputs are the packages that the recipe makes in this variant.
func (p *v0Pass) outputs() []*v0Output {
	if truthy(yamlx.Get(p.root("build"), "skip")) {
		return p.skipped()
	}
	entries := p.root("outputs")
	if entries == nil || entries.Kind != yaml.SequenceNode || len(entries.Content) == 0 {
		return p.built(&v0Output{v0Pass: p, name: p.topName()})
	}
	var list []*v0Output
	named := false
	for i, n := range entries.Content {
		o := &v0Output{v0Pass: p, node: n, index: i}
		switch {
		case n.Kind == yaml.ScalarNode:
			o.name = n.Value
		default:
			o.name = scalar(yamlx.Get(n, "name"))
		}
		if o.name == "" {
			o.name = p.topName()
		}
		named = named || o.name == p.topName()
		o.own = o.name != p.topName()
		list = append(list, o)
	}
	if !named && p.needsOwn(list) {
		list = append(list, &v0Output{v0Pass: p, name: p.topName(), index: len(list)})
	}
	var done []*v0Output
	staging := p.staging(list)
	if staging != nil {
		done = append(done, staging)
	}
	for _, o := range list {
		done = append(done, p.built(o)...)
		if staging != nil {
			o.inherit(staging)
		}
	}
	return done
}

// needsOwn reports whether the recipe itself is a package beside its outputs: one that needs some of
// them to run.
func (p *v0Pass) needsOwn(outputs []*v0Output) bool {
	for _, n := range list1(yamlx.Get(p.root("requirements"), "run")) {
		name := scalar(n)
		if pin := p.pin(name); pin != nil {
			name = pin.Name
		}
		name, _, _ = strings.Cut(strings.TrimSpace(name), " ")
		for _, o := range outputs {
			if o.name == name {
				return true
			}
		}
	}
	return false
}

// list1 is Python's ensure_list.
func list1(n *yaml.Node) []*yaml.Node {
	switch {
	case yamlx.IsNull(n):
		return nil
	case n.Kind == yaml.SequenceNode:
		return n.Content
	}
	return []*yaml.Node{n}
}

func (p *v0Pass) skipped() []*v0Output {
	o := &v0Output{v0Pass: p, name: p.topName()}
	o.out = p.newOutput(o.name)
	o.out.Version, o.out.Skip = scalar(yamlx.Get(p.root("package"), "version")), true
	return []*v0Output{o}
}

// key tells outputs of different variants apart, by what they use of the variant. The staging output is one for
// all the outputs of its group, and sees the first variant of it.
func (o *v0Output) key() string {
	keys := o.used
	if o.out.Staging {
		return "staging\n" + o.group
	}
	b := make([]byte, 0, 32+len(o.name)+32*len(keys))
	b = append(append(b, o.name...), '\n')
	b = append(strconv.AppendBool(b, o.out.Skip), '\n')
	for _, k := range keys {
		b = append(append(append(append(b, k...), '='), o.variant[k]...), '\n')
	}
	return string(b)
}

// get finds section/key for an output: its own, else what it takes over from the top of the recipe.
func (o *v0Output) get(section, key string) *yaml.Node {
	if o.node != nil {
		own := yamlx.Get(o.node, section)
		if section == "build" && o.own && own != nil && key != "number" {
			return yamlx.Get(own, key) // its own replaces the recipe's, but for the number (metadata.py, get_output_metadata)
		}
		if n := yamlx.Get(own, key); n != nil {
			return n
		}
		switch section {
		case "build":
			switch key {
			case "run_exports", "entry_points", "script", "number", "string", "noarch":
				if n := yamlx.Get(o.node, key); n != nil {
					return n
				}
			}
			switch key {
			case "run_exports", "entry_points", "script", "noarch", "noarch_python":
				if o.own {
					return nil
				}
			}
		case "requirements", "test", "app":
			if o.own {
				return nil
			}
		case "about":
			if own != nil {
				return nil // its own replaces the recipe's as a whole
			}
		}
	}
	return yamlx.Get(o.root(section), key)
}

func (p *v0Pass) noarch(build *yaml.Node) string {
	n := yamlx.Get(build, "noarch")
	switch v := strings.ToLower(scalar(n)); v {
	case "python", "generic":
		return v
	case "", "false", "no":
	default:
		d := p.at(p.doc, n, "bad-value", "noarch is python or generic, not %q", scalar(n))
		p.found.add(d)
	}
	return ""
}

// requirement lists of an output, build, host and run; a bare list counts for host and run.
func (o *v0Output) requirement(key string) []*yaml.Node {
	if o.node != nil && o.node.Kind == yaml.MappingNode {
		if r := yamlx.Get(o.node, "requirements"); !yamlx.IsNull(r) && r.Kind != yaml.MappingNode {
			if key == "host" || key == "run" {
				return list1(r)
			}
			return nil
		}
	}
	return list1(o.get("requirements", key))
}

// hasRequirement reports whether the section is there at all, be it empty.
func (o *v0Output) hasRequirement(key string) bool {
	if len(o.requirement(key)) > 0 {
		return true
	}
	return o.get("requirements", key) != nil
}
