package recipes

import (
	"strings"

	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// choice is a scalar that may be there several times, each with a condition.
type choice struct {
	key, value *yaml.Node
	condition  string
}

// fields gathers the keys of a mapping with their conditions.
func (c *metaConverter) fields(n *yaml.Node) (order []string, by map[string][]choice) {
	by = map[string][]choice{}
	for k, v := range yamlx.Pairs(n) {
		if len(by[k.Value]) == 0 {
			order = append(order, k.Value)
		}
		condition := c.condition(k.Line)
		if v.Line == k.Line || v.Kind == yaml.ScalarNode {
			by[k.Value] = append(by[k.Value], choice{k, v, condition})
			continue
		}
		if s := c.lineSelector(k.Line); s != "" && !c.allConditional(v) {
			c.lost(k, "%s depends on a selector, what is below it does not", k.Value)
		}
		by[k.Value] = append(by[k.Value], choice{k, v, ""})
	}
	return order, by
}

// allConditional reports whether every item of a list depends on a condition of its own.
func (c *metaConverter) allConditional(n *yaml.Node) bool {
	for _, e := range n.Content {
		if n.Kind != yaml.SequenceNode || c.condition(e.Line) == "" {
			return false
		}
	}
	return true
}

// scalar is a field that takes one text.
func (c *metaConverter) scalar(list []choice) *yaml.Node {
	if len(list) == 0 {
		return nil
	}
	last := list[len(list)-1]
	if last.condition == "" && (len(list) == 1 || allBare(list)) {
		return c.text(last.value)
	}
	s := `""`
	for _, ch := range list {
		if ch.value.Kind != yaml.ScalarNode {
			c.lost(ch.key, "%s depends on a selector and is no single text", ch.key.Value)
			return nil
		}
		v, err := c.w.asExpression(c.value(ch.value))
		if err != nil {
			c.lost(ch.value, "%q cannot be written: %v", c.value(ch.value), err)
		}
		if plainNumber.MatchString(c.value(ch.value)) && ch.value.Style == 0 {
			v = c.value(ch.value)
		}
		if ch.condition == "" {
			s = v
			continue
		}
		s = v + " if " + ch.condition + " else " + wrappedIf(s)
	}
	return plainNode("${{ " + s + " }}")
}

func wrappedIf(s string) string {
	if strings.Contains(s, " if ") {
		return "(" + s + ")"
	}
	return s
}

func allBare(list []choice) bool {
	for _, ch := range list {
		if ch.condition != "" {
			return false
		}
	}
	return true
}

// lists is a field that takes a list; several of them are put together.
func (c *metaConverter) lists(list []choice) *yaml.Node {
	out := listNode()
	for _, ch := range list {
		items := c.texts(ch.value)
		if items == nil {
			continue
		}
		if ch.condition == "" || ch.value.Kind == yaml.SequenceNode && ch.value.Line > ch.key.Line {
			out.Content = append(out.Content, items.Content...)
			continue
		}
		then := items
		if len(items.Content) == 1 {
			then = items.Content[0]
		}
		out.Content = append(out.Content, mapNode(plainNode("if"), plainNode(ch.condition), plainNode("then"), then))
	}
	if len(out.Content) == 0 {
		return nil
	}
	return out
}

func (c *metaConverter) packageNode(n *yaml.Node) *yaml.Node {
	out := mapNode()
	order, by := c.fields(n)
	for _, k := range order {
		v := c.scalar(by[k])
		if k == "version" && v != nil && !strings.Contains(v.Value, "${{") {
			v.Style, v.Tag = yaml.DoubleQuotedStyle, "!!str"
		}
		addPair(out, k, v)
	}
	return out
}

// free converts a tree of any content.
func (c *metaConverter) free(n *yaml.Node) *yaml.Node {
	switch n.Kind {
	case yaml.MappingNode:
		out := mapNode()
		for k, v := range yamlx.Pairs(n) {
			if condition := c.condition(k.Line); condition != "" {
				c.lost(k, "%s depends on [%s]", k.Value, condition)
			}
			addPair(out, c.source(k.Value), c.free(v))
		}
		c.comments(out, n)
		return out
	case yaml.SequenceNode:
		return emptyList(c.items(n, c.free))
	}
	return c.text(n)
}

func emptyList(n *yaml.Node) *yaml.Node {
	if n == nil {
		n = listNode()
		n.Style = yaml.FlowStyle
	}
	return n
}
