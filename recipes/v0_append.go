package recipes

import (
	"path/filepath"
	"slices"

	"forge/internal/diag"
	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// beside merges recipe_append.yaml and recipe_clobber.yaml into the recipe (metadata.py,
// append_metadata_sections): the first lengthens lists, the second replaces them; both set what is no
// list. Selectors apply to them, Jinja does not, and they do not count for what of the variant is used.
func (p *v0Pass) beside(doc *yamlx.Document, d *decider) *yamlx.Document {
	for _, f := range []struct {
		name   string
		extend bool
	}{{"recipe_append.yaml", true}, {"recipe_clobber.yaml", false}} {
		s := p.script(f.name)
		if !s.found || s.text == "" {
			continue
		}
		more := p.sections(filepath.Join(filepath.Dir(p.path), f.name), s.text, d)
		if more == nil {
			continue
		}
		merged := *doc
		merged.Root = mergeSections(doc.Root, placeless(more.Root), f.extend)
		doc = &merged
	}
	return doc
}

// sections reads such a file.
func (p *v0Pass) sections(path, text string, d *decider) *yamlx.Document {
	sel, bad := selectMeta(text, d.decide)
	for _, e := range bad {
		p.found.add(e.diagnostic(path, ""))
	}
	doc, list := yamlx.Load(path, []byte(sel.text), yamlx.Options{Aliases: yamlx.ExpandAliases, Duplicates: diag.Warning,
		MapLine: mapLines(sel.lines), Source: text})
	for _, found := range list {
		p.found.add(found)
	}
	if len(bad) > 0 || list.HasErrors() || doc == nil || yamlx.IsNull(doc.Root) {
		return nil
	}
	if doc.Root.Kind != yaml.MappingNode {
		p.found.add(doc.At(doc.Root, "wrong-type", "it is a mapping with the keys of a recipe, this is %s", yamlx.Kind(doc.Root)))
		return nil
	}
	p.checkFields(doc)
	return doc
}

// mergeSections lays more over base; neither is changed.
func mergeSections(base, more *yaml.Node, extend bool) *yaml.Node {
	out := *base
	out.Content = slices.Clone(base.Content)
	for k, v := range yamlx.Pairs(more) {
		i := 0
		for i < len(out.Content) && out.Content[i].Value != k.Value {
			i += 2
		}
		if i >= len(out.Content) {
			out.Content = append(out.Content, k, v)
			continue
		}
		switch old := out.Content[i+1]; {
		case v.Kind == yaml.MappingNode && old.Kind == yaml.MappingNode:
			out.Content[i+1] = mergeSections(old, v, extend)
		case v.Kind == yaml.SequenceNode && old.Kind == yaml.SequenceNode && extend:
			longer := *old
			longer.Content = append(slices.Clone(old.Content), v.Content...)
			out.Content[i+1] = &longer
		default:
			out.Content[i+1] = v
		}
	}
	return &out
}

// placeless takes the places away, which are of another file than the recipe's.
func placeless(n *yaml.Node) *yaml.Node {
	c := *n
	c.Line, c.Column, c.Content = 0, 0, make([]*yaml.Node, len(n.Content))
	for i, e := range n.Content {
		c.Content[i] = placeless(e)
	}
	return &c
}
