package recipes

import (
	"strings"

	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// choice is a value that may be there several times, each with a condition.
type choice struct {
	key, value *yaml.Node
	condition  string
}

// fields gathers the keys of a mapping with their conditions.
func (c *metaConverter) fields(n *yaml.Node) (order []string, by map[string][]choice) {
	by = map[string][]choice{}
	for k, v := range yamlx.Pairs(n) {
		key := c.constant(c.outline.source(k.Value))
		if len(by[key]) == 0 {
			order = append(order, key)
		}
		condition := c.condition(k.Line)
		if v.Line == k.Line || v.Kind == yaml.ScalarNode {
			by[key] = append(by[key], choice{k, v, condition})
			continue
		}
		if s := c.lineSelector(k.Line); s != "" && !c.allConditional(v) {
			c.lost(k, "%s depends on a selector, what is below it does not", key)
		}
		by[key] = append(by[key], choice{k, v, ""})
	}
	return order, by
}

// allConditional reports whether all that is below depends on conditions of its own.
func (c *metaConverter) allConditional(n *yaml.Node) bool {
	switch n.Kind {
	case yaml.SequenceNode:
		for _, e := range n.Content {
			if c.lineSelector(e.Line) == "" {
				return false
			}
		}
	case yaml.MappingNode:
		for k, v := range yamlx.Pairs(n) {
			if c.lineSelector(k.Line) == "" || v.Kind != yaml.ScalarNode && v.Line != k.Line && !c.allConditional(v) {
				return false
			}
		}
	default:
		return yamlx.IsNull(n)
	}
	return true
}

// put adds what a key became, with the comments above the key.
func (c *metaConverter) put(to *yaml.Node, key string, list []choice, v *yaml.Node) {
	if v == nil {
		return
	}
	addPair(to, key, v)
	c.comments(to.Content[len(to.Content)-2], list[0].key)
}

// scalar is a field that takes one text.
func (c *metaConverter) scalar(list []choice) *yaml.Node { return c.scalarOr(list, `""`) }

// scalarOr is scalar with what an absent value stands for.
func (c *metaConverter) scalarOr(list []choice, absent string) *yaml.Node {
	if len(list) == 0 {
		return nil
	}
	last := list[len(list)-1]
	if last.condition == "" {
		return c.text(last.value)
	}
	s := absent
	for _, ch := range list {
		if ch.value.Kind != yaml.ScalarNode {
			c.lost(ch.key, "%s depends on a selector and is no single text", ch.key.Value)
			return nil
		}
		v, err := c.asExpression(ch.value)
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
		s = chosen(v, ch.condition, s)
	}
	out := plainNode("${{ " + s + " }}")
	c.comments(out, last.value)
	return out
}

func wrappedIf(s string) string {
	if strings.Contains(s, " if ") {
		return "(" + s + ")"
	}
	return s
}

// lists is a field that takes a list; several of them are put together.
func (c *metaConverter) lists(list []choice) *yaml.Node {
	b := &itemList{out: listNode()}
	for _, ch := range list {
		items := c.texts(ch.value)
		if items == nil {
			continue
		}
		if b.out.HeadComment == "" {
			b.out.HeadComment = items.HeadComment
		}
		if ch.condition == "" || ch.value.Kind == yaml.SequenceNode && ch.value.Line > ch.key.Line {
			b.out.Content = append(b.out.Content, items.Content...)
			b.last = ""
			continue
		}
		for _, e := range items.Content {
			b.add(ch.condition, e)
		}
	}
	if len(b.out.Content) == 0 {
		return nil
	}
	return b.out
}

func (c *metaConverter) packageNode(n *yaml.Node) *yaml.Node {
	out := mapNode()
	order, by := c.fields(n)
	for _, k := range order {
		v := c.scalar(by[k])
		if k == "version" {
			v = quotedVersion(v)
		}
		c.put(out, k, by[k], v)
	}
	return out
}

// quotedVersion keeps a version a text.
func quotedVersion(v *yaml.Node) *yaml.Node {
	if v != nil && !strings.Contains(v.Value, "${{") {
		v.Style, v.Tag = yaml.DoubleQuotedStyle, "!!str"
	}
	return v
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
			c.comments(out.Content[len(out.Content)-2], k)
		}
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
