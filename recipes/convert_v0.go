package recipes

import (
	"strings"

	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// recipe converts the sections.
func (c *metaConverter) recipe() *yaml.Node {
	root := mapNode()
	root.HeadComment = c.firstComments()
	addPair(root, "schema_version", plainNode("1"))
	sections, keys := c.gather()
	get := func(name string) *yaml.Node { return sections[name] }
	section := func(name, old string, v *yaml.Node) {
		addPair(root, name, v)
		if v != nil && keys[old] != nil {
			c.comments(root.Content[len(root.Content)-2], keys[old])
		}
	}
	c.packageNames(get("package"), get("build"))
	if len(c.context) > 0 {
		addPair(root, "context", mapNode(c.context...))
	}
	outputs := get("outputs")
	if many := outputs != nil && outputs.Kind == yaml.SequenceNode && len(outputs.Content) > 0; many {
		section("recipe", "package", c.packageNode(get("package")))
		section("source", "source", c.sources(get("source")))
		c.outputs(root, sections)
	} else {
		section("package", "package", c.packageNode(get("package")))
		section("source", "source", c.sources(get("source")))
		top := mapNode()
		c.build(top, get("build"), get("requirements"), true)
		c.requirements(top, get("requirements"))
		c.hints.keys(top, c.constant(c.value(yamlx.Get(get("package"), "name"))))
		c.tests(top, get("test"), true, c.constant(c.value(yamlx.Get(get("package"), "name"))))
		c.about(top, get("about"))
		for k, v := range yamlx.Pairs(top) {
			section(k.Value, strings.Replace(k.Value, "tests", "test", 1), v)
		}
	}
	if extra := get("extra"); !yamlx.IsNull(extra) {
		section("extra", "extra", c.free(extra))
	}
	return root
}

// firstComments are those at the top of the file that belong to no variable and no section.
func (c *metaConverter) firstComments() string {
	var block, all []string
	for i := 1; i <= len(c.starts); i++ {
		line := strings.TrimSpace(c.line(i))
		switch {
		case strings.HasPrefix(line, "#"):
			if !c.taken[line] {
				block = append(block, line)
			}
			continue
		case line == "" || strings.HasPrefix(line, "{%"):
			all = append(all, block...)
			block = nil
			continue
		}
		break
	}
	for _, l := range all {
		c.taken[l] = true
	}
	return strings.Join(all, "\n")
}

// gather finds the sections; one that is there in several arms of an {% if %} is put together.
func (c *metaConverter) gather() (sections, keys map[string]*yaml.Node) {
	sections, keys = map[string]*yaml.Node{}, map[string]*yaml.Node{}
	for k, v := range yamlx.Pairs(c.root) {
		v = plainTree(v, 0)
		if k.Value == "app" || !contains(v0Sections(), k.Value) {
			c.warn(k, "the section %s has no counterpart; it is left out", c.outline.source(k.Value))
			continue
		}
		if s := c.lineSelector(k.Line); s != "" && !c.allConditional(v) {
			c.lost(k, "the section %s depends on [%s], what is below it does not", k.Value, s)
		}
		if old := sections[k.Value]; old != nil && old.Kind == v.Kind && v.Kind != yaml.ScalarNode {
			if c.condition(k.Line) == "" {
				c.lost(k, "the section %s is here twice", k.Value)
			}
			merged := *old
			merged.Content = append(append([]*yaml.Node(nil), old.Content...), v.Content...)
			sections[k.Value] = &merged
			continue
		}
		sections[k.Value], keys[k.Value] = v, k
	}
	return sections, keys
}

// plainTree puts copies in for aliases, which recipe.yaml does not take.
func plainTree(n *yaml.Node, depth int) *yaml.Node {
	if depth > 50 {
		return n
	}
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	out := *n
	out.Anchor, out.Content = "", nil
	for _, e := range n.Content {
		out.Content = append(out.Content, plainTree(e, depth+1))
	}
	return &out
}

// packageNames lets PKG_NAME and the like be written as what they stand for.
func (c *metaConverter) packageNames(pkg, build *yaml.Node) {
	for name, n := range map[string]*yaml.Node{"PKG_NAME": yamlx.Get(pkg, "name"), "PKG_VERSION": yamlx.Get(pkg, "version"), "PKG_BUILDNUM": yamlx.Get(build, "number")} {
		if s, err := c.asExpression(n); err == nil && s != `""` {
			c.w.known[name] = s
		}
		if v := c.constant(c.value(n)); v != "" && !strings.Contains(v, "{{") {
			c.w.consts[name] = v
		}
	}
}

var selectorInComment = pattern{src: `#?\s*\[[^\[\]]*\][^()]*$`}

// withoutSelector is a comment without the selector it may hold.
func (c *metaConverter) withoutSelector(s string) string {
	var out []string
	for _, l := range strings.Split(c.source(s), "\n") {
		if c.taken[strings.TrimSpace(l)] {
			continue
		}
		if strings.HasPrefix(strings.TrimSpace(l), "#") {
			l = strings.TrimRight(selectorInComment.ReplaceAllString(l, ""), " ")
		}
		if strings.Trim(l, "# ") != "" {
			out = append(out, l)
		}
	}
	return strings.Join(out, "\n")
}

// comments carries comments over, without selectors.
func (c *metaConverter) comments(to, from *yaml.Node) {
	join := func(a, b string) string {
		if a == "" || b == "" || a == b {
			return max(a, b)
		}
		return a + "\n" + b
	}
	to.HeadComment = join(to.HeadComment, c.headComment(from.HeadComment))
	to.FootComment = join(to.FootComment, c.headComment(from.FootComment))
	if to.Kind == yaml.ScalarNode && to.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0 {
		to.LineComment = c.withoutSelector(from.LineComment)
	}
}

// headComment is a comment on lines of its own, which holds no selectors that count.
func (c *metaConverter) headComment(s string) string {
	var out []string
	for _, l := range strings.Split(c.source(s), "\n") {
		if l != "" && !c.taken[strings.TrimSpace(l)] {
			out = append(out, l)
		}
	}
	return strings.Join(out, "\n")
}

// items converts a list (or one value); what has a condition becomes if/then, neighbours of one together.
func (c *metaConverter) items(n *yaml.Node, item func(n *yaml.Node) *yaml.Node) *yaml.Node {
	b := &itemList{out: listNode()}
	c.comments(b.out, n)
	for _, e := range list1(n) {
		v := item(e)
		if v == nil {
			continue
		}
		condition := ""
		if n.Kind == yaml.SequenceNode {
			condition = c.condition(e.Line)
		}
		b.add(condition, v)
	}
	if len(b.out.Content) == 0 {
		return nil
	}
	return b.out
}

// itemList puts neighbours of one condition together, and those of the opposite one under else.
type itemList struct {
	out  *yaml.Node
	last string // condition of the last entry
	arm  string // "then" or "else": where the last item went
}

func (b *itemList) add(condition string, v *yaml.Node) {
	if condition == "" {
		b.out.Content = append(b.out.Content, v)
		b.last = ""
		return
	}
	var entry *yaml.Node
	if b.last != "" {
		entry = b.out.Content[len(b.out.Content)-1]
	}
	switch {
	case b.last == condition && b.arm == "then", entry != nil && b.arm == "else" && opposite(b.last, condition):
		addTo(entry, b.arm, v)
		return
	case entry != nil && b.arm == "then" && opposite(b.last, condition):
		b.arm = "else"
		addPair(entry, "else", v)
		return
	}
	b.last, b.arm = condition, "then"
	m := mapNode()
	m.HeadComment = v.HeadComment
	v.HeadComment = ""
	addPair(m, "if", plainNode(bare(condition)))
	addPair(m, "then", v)
	b.out.Content = append(b.out.Content, m)
}

// addTo adds an item to an arm, which becomes a list with the second one.
func addTo(entry *yaml.Node, arm string, v *yaml.Node) {
	then := yamlx.Get(entry, arm)
	if then.Kind != yaml.SequenceNode {
		one := *then
		*then = *listNode(&one)
	}
	then.Content = append(then.Content, v)
}

func (c *metaConverter) texts(n *yaml.Node) *yaml.Node {
	if yamlx.IsNull(n) {
		return nil
	}
	return c.items(n, c.text)
}
