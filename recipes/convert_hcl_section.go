package recipes

import (
	"strings"

	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

func (c *hclConverter) sections(n *yaml.Node, top bool) {
	for _, key := range []string{"source", "build", "requirements", "tests"} {
		if v := yamlx.Get(n, key); v != nil {
			if top {
				c.line1("")
			}
			c.keyed(n, key, func() { c.section(key, v) })
		}
	}
}

func (c *hclConverter) section(key string, v *yaml.Node) {
	switch key {
	case "source":
		c.repeated("source", v, "")
	case "tests":
		c.repeated("test", v, "")
	case "extra":
		c.block("extra", "", func() {
			for k, e := range yamlx.Pairs(v) {
				c.pair(k, e, func() { c.assign(hclKey(k.Value), c.data(e), e) })
			}
		})
	default:
		if len(v.Content) > 0 {
			c.block(key, "", func() { c.body(v, key) })
		}
	}
}

func hclKey(k string) string {
	if hclIdentifier.MatchString(k) {
		return k
	}
	return hclQuote(k)
}

var hclIdentifier = pattern{src: `^[A-Za-z_][A-Za-z0-9_-]*$`}

// repeated writes a list as blocks; what is there under a condition gets a for_each.
func (c *hclConverter) repeated(name string, v *yaml.Node, when string) {
	for _, e := range list1(v) {
		if condition := yamlx.Get(e, "if"); condition != nil {
			now := c.condition1(condition)
			c.repeated(name, orNothing(yamlx.Get(e, "then")), hclAnd(when, now))
			c.repeated(name, orNothing(yamlx.Get(e, "else")), hclAnd(when, "!"+now))
			continue
		}
		if e.Kind != yaml.MappingNode {
			continue
		}
		c.comment(e)
		c.block(name, "", func() {
			if when != "" {
				c.line1("for_each = %s ? [1] : []", when)
			}
			c.body(e, name)
		})
	}
}

func orNothing(n *yaml.Node) *yaml.Node {
	if n == nil {
		return &yaml.Node{Kind: yaml.SequenceNode}
	}
	return n
}

func hclAnd(a, b string) string {
	if a == "" {
		return b
	}
	return "(" + a + " && " + b + ")"
}

// body writes the keys of a mapping: blocks for mappings, attributes for the rest.
func (c *hclConverter) body(n *yaml.Node, where string) {
	if where == "build" {
		if c.number = yamlx.Get(n, "number"); c.number == nil {
			c.number = yamlx.Get(c.at("build"), "number")
		}
	}
	for k, v := range yamlx.Pairs(n) {
		c.pair(k, v, func() { c.key(k, v) })
	}
}

// key writes one key of a mapping.
func (c *hclConverter) key(k, v *yaml.Node) {
	switch {
	case v.Kind == yaml.MappingNode && yamlx.Get(v, "if") != nil:
		c.line1("%s = %s", k.Value, c.listOf(&yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{v}}))
	case k.Value == "env" || k.Value == "extras":
		c.line1("%s = %s", k.Value, c.data(v))
	case v.Kind == yaml.MappingNode:
		c.block(k.Value, "", func() { c.body(v, k.Value) })
	case k.Value == "post_process" && v.Kind == yaml.SequenceNode:
		for _, e := range v.Content {
			c.block(k.Value, "", func() { c.body(e, k.Value) })
		}
	case k.Value == "skip":
		c.skip(v)
	case k.Value == "steps":
		c.line1("steps = %s", c.listOf(conditionalSteps(v)))
	default:
		c.attribute(k.Value, v)
	}
}

// conditionalSteps are steps whose own `if` is written as that of a list's item.
func conditionalSteps(v *yaml.Node) *yaml.Node {
	out := listNode()
	for _, e := range list1(v) {
		condition := yamlx.Get(e, "if")
		if condition == nil || yamlx.Get(e, "then") != nil {
			out.Content = append(out.Content, e)
			continue
		}
		step := mapNode()
		step.HeadComment = e.HeadComment
		for k, v := range yamlx.Pairs(e) {
			if k.Value != "if" {
				step.Content = append(step.Content, k, v)
			}
		}
		out.Content = append(out.Content, mapNode(plainNode("if"), condition, plainNode("then"), step))
	}
	return out
}

func (c *hclConverter) skip(v *yaml.Node) {
	var all []string
	remarks := false
	for _, e := range list1(v) {
		text := e.Value
		if t, err := c.lang.Parse(text); err == nil && t.Single() && strings.HasPrefix(text, "${{") {
			text = strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(text, "${{"), "}}"))
		}
		if _, err := c.lang.ParseExpr(text); err != nil {
			c.lost(e, "the condition is put together from text, which recipe.hcl does not do: write %s without ${{ }}", e.Value)
			continue
		}
		c.w.inSkip = true
		s := c.condition1(&yaml.Node{Kind: yaml.ScalarNode, Value: text, Line: e.Line, Column: e.Column})
		c.w.inSkip = false
		if c.mayFail(s) {
			s = "try(" + s + ", false)"
		}
		comments := append(commentLines(e.HeadComment), commentLines(e.LineComment)...)
		remarks = remarks || len(comments) > 0
		all = append(append(all, comments...), s+",")
	}
	if remarks {
		c.line1("skip = [\n%s\n]", strings.Join(all, "\n"))
		return
	}
	c.line1("skip = [%s]", strings.TrimSuffix(strings.Join(all, " "), ","))
}

// mayFail reports whether a condition reads what may not be set, which in skip makes it false.
func (c *hclConverter) mayFail(s string) bool {
	for name := range c.hints.optional {
		if mentions(strings.ReplaceAll(s, "variant.", ""), name) {
			return true
		}
	}
	return strings.Contains(s, "env(") && !strings.Contains(s, `", `)
}

func (c *hclConverter) attribute(key string, v *yaml.Node) {
	if v == nil || v.Kind == yaml.ScalarNode && yamlx.IsNull(v) && v.Value == "" {
		return
	}
	c.w.inString = key == "string"
	c.assign(key, c.data(v), v)
	c.w.inString = false
}

// output writes an output or a staging output.
func (c *hclConverter) output(e *yaml.Node) {
	kind, head := "output", yamlx.Get(e, "package")
	if s := yamlx.Get(e, "staging"); s != nil {
		kind, head = "staging", s
	}
	name, computed := c.label(yamlx.Get(head, "name"))
	if kind == "output" {
		c.hints.keys(e, c.filled(yamlx.Get(head, "name")))
	}
	c.comment(e)
	c.block(kind, name, func() {
		c.head(head, computed)
		switch inherit := yamlx.Get(e, "inherit"); {
		case inherit == nil:
		case inherit.Kind == yaml.MappingNode:
			c.block("inherit", "", func() { c.body(inherit, "inherit") })
		default:
			c.attribute("inherit", inherit)
		}
		c.sections(e, false)
		if about := yamlx.Get(e, "about"); about != nil {
			c.keyed(e, "about", func() { c.section("about", about) })
		}
	})
}
