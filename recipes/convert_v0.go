package recipes

import (
	"regexp"
	"strings"

	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// recipe converts the sections.
func (c *metaConverter) recipe() *yaml.Node {
	root := mapNode()
	addPair(root, "schema_version", plainNode("1"))
	if len(c.context) > 0 {
		addPair(root, "context", mapNode(c.context...))
	}
	sections := map[string][]*yaml.Node{}
	for k, v := range yamlx.Pairs(c.root) {
		if contains(v0Sections(), k.Value) && k.Value != "app" {
			if condition := c.condition(k.Line); condition != "" {
				c.lost(k, "the section %s depends on [%s]", k.Value, condition)
			}
			sections[k.Value] = append(sections[k.Value], v)
			if len(sections[k.Value]) > 1 {
				c.lost(k, "the section %s is here twice", k.Value)
			}
			continue
		}
		c.lost(k, "the section %s has no counterpart", k.Value)
	}
	get := func(name string) *yaml.Node {
		if len(sections[name]) == 0 {
			return nil
		}
		return sections[name][0]
	}
	outputs := get("outputs")
	many := outputs != nil && outputs.Kind == yaml.SequenceNode && len(outputs.Content) > 0
	name := c.value(yamlx.Get(get("package"), "name"))
	if many {
		addPair(root, "recipe", c.packageNode(get("package")))
	} else {
		addPair(root, "package", c.packageNode(get("package")))
	}
	c.packageNames(get("package"))
	addPair(root, "source", c.sources(get("source")))
	top := mapNode()
	c.build(top, get("build"))
	c.requirements(top, get("requirements"))
	c.tests(top, get("test"), true)
	c.about(top, get("about"))
	if many {
		c.outputs(root, top, outputs, name)
	} else {
		root.Content = append(root.Content, top.Content...)
	}
	if extra := get("extra"); extra != nil {
		addPair(root, "extra", c.free(extra))
	}
	return root
}

// packageNames lets PKG_NAME and PKG_VERSION be written as what they stand for.
func (c *metaConverter) packageNames(n *yaml.Node) {
	for key, name := range map[string]string{"PKG_NAME": "name", "PKG_VERSION": "version"} {
		if s, err := c.w.asExpression(c.value(yamlx.Get(n, name))); err == nil && s != `""` {
			c.w.known[key] = s
		}
	}
}

// text converts a scalar.
func (c *metaConverter) text(n *yaml.Node) *yaml.Node {
	if n == nil || n.Kind != yaml.ScalarNode {
		return nil
	}
	s, err := c.w.template(c.value(n))
	if err != nil {
		c.lost(n, "%q cannot be written: %v", c.value(n), err)
	}
	if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		for i := n.Line + 1; i <= c.blockEnd(n.Line); i++ {
			if condition := c.lineSelector(i); condition != "" {
				c.lost(&yaml.Node{Line: i, Column: 1}, "a line inside of a text depends on [%s]; make the text a list of lines", condition)
			}
		}
	}
	if c.specs {
		if s = strictSpec(s); strings.HasSuffix(s, " x.x") {
			c.lost(n, "x.x is taken from the variant in meta.yaml alone; write pin_compatible() or the version")
		}
	}
	out := &yaml.Node{Kind: yaml.ScalarNode, Tag: n.Tag, Value: s, Style: n.Style &^ yaml.TaggedStyle}
	if strings.Contains(s, "${{") || out.Style != 0 {
		out.Tag = "!!str"
	}
	if strings.HasPrefix(s, "${{") && out.Style == 0 {
		out.Tag = ""
	}
	if yamlx.IsNull(n) {
		out = plainNode("")
	}
	c.comments(out, n)
	return out
}

// strictSpec writes a match spec as recipe.yaml wants it: conda-build takes `zlib 1.2` for 1.2.*.
func strictSpec(s string) string {
	masked := regexp.MustCompile(`\$\{\{.*?\}\}`).ReplaceAllStringFunc(s, func(m string) string { return strings.Repeat("0", len(m)) })
	fields := strings.Fields(masked)
	if len(fields) < 2 || strings.ContainsAny(fields[1], "<>=!~*|,x") {
		return s
	}
	name, rest := strings.TrimSpace(s[:len(fields[0])]), strings.TrimSpace(s[len(fields[0]):])
	switch {
	case strings.Contains(rest, "${{ "+name+" }}"): // a variant's value is a spec already
		return s
	case len(fields) == 2:
		return name + " " + rest + ".*"
	}
	return name + " ==" + rest
}

// specLists is lists for requirements.
func (c *metaConverter) specLists(list []choice) *yaml.Node {
	c.specs = true
	defer func() { c.specs = false }()
	return c.lists(list)
}

var selectorInComment = regexp.MustCompile(`#?\s*\[[^\[\]]*\][^()]*$`)

// comments carries comments over, without selectors.
func (c *metaConverter) comments(to, from *yaml.Node) {
	strip := func(s string) string {
		s = c.source(s)
		return strings.TrimRight(selectorInComment.ReplaceAllString(s, ""), " #\n")
	}
	to.HeadComment, to.LineComment = strip(from.HeadComment), strip(from.LineComment)
}

// items converts a list (or one value); what has a condition becomes if/then, neighbours of one together.
func (c *metaConverter) items(n *yaml.Node, item func(n *yaml.Node) *yaml.Node) *yaml.Node {
	out := listNode()
	c.comments(out, n)
	last := ""
	for _, e := range list1(n) {
		v := item(e)
		if v == nil {
			continue
		}
		condition := ""
		if n.Kind == yaml.SequenceNode {
			condition = c.condition(c.itemLine(e))
		}
		if condition == "" {
			out.Content = append(out.Content, v)
			last = ""
			continue
		}
		if condition == last {
			then := yamlx.Get(out.Content[len(out.Content)-1], "then")
			if then.Kind != yaml.SequenceNode {
				one := *then
				*then = *listNode(&one)
			}
			then.Content = append(then.Content, v)
			continue
		}
		last = condition
		m := mapNode()
		m.HeadComment = v.HeadComment
		v.HeadComment = ""
		addPair(m, "if", plainNode(condition))
		addPair(m, "then", v)
		out.Content = append(out.Content, m)
	}
	if len(out.Content) == 0 {
		return nil
	}
	return out
}

// itemLine is the line that carries an item's selector.
func (c *metaConverter) itemLine(e *yaml.Node) int { return e.Line }

func (c *metaConverter) texts(n *yaml.Node) *yaml.Node {
	if yamlx.IsNull(n) {
		return nil
	}
	return c.items(n, c.text)
}
