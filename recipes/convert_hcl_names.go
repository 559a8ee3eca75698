package recipes

import (
	"regexp"
	"strings"

	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// locals writes the variables of the context.
func (c *hclConverter) locals(context *yaml.Node) {
	c.block("locals", "", func() {
		for k, v := range yamlx.Pairs(context) {
			c.pair(k, v, func() {
				if c.unused[k.Value] {
					c.comments1(v.LineComment)
					return
				}
				c.assign(k.Value, c.local(v), v)
			})
			delete(c.later, k.Value)
		}
	})
}

// head writes the name, where it is computed, and the version of a package.
func (c *hclConverter) head(n, computed *yaml.Node) {
	for k, v := range yamlx.Pairs(n) {
		c.pair(k, v, func() {
			if k.Value == "name" && computed == nil {
				c.comments1(v.LineComment)
				return
			}
			c.attribute(k.Value, v)
		})
	}
}

// label is the name of a block. One that depends on the variant is computed beside it.
func (c *hclConverter) label(n *yaml.Node) (label string, computed *yaml.Node) {
	name, ok := c.constant(valueOf(n))
	if ok {
		return name, nil
	}
	label = strings.Trim(regexp.MustCompile(`[^A-Za-z0-9._-]+`).ReplaceAllString(expressionIn.ReplaceAllString(valueOf(n), "-"), "-"), "-_.")
	if label == "" {
		label = "computed"
	}
	return label, n
}

// filled is a text with its constants filled in, where that is possible.
func (c *hclConverter) filled(n *yaml.Node) string {
	if s, ok := c.constant(valueOf(n)); ok {
		return s
	}
	return valueOf(n)
}

func valueOf(n *yaml.Node) string {
	if n == nil {
		return ""
	}
	return n.Value
}

// local is a value of the context: text that looks like a number stays a number only where it is one.
func (c *hclConverter) local(n *yaml.Node) string {
	if n.Kind == yaml.SequenceNode {
		return c.listOf(n)
	}
	if n.Kind == yaml.ScalarNode && !isTemplate(n.Value) && !yamlx.IsQuoted(n) {
		switch typed(n).(type) {
		case int, bool:
			return n.Value
		}
	}
	return c.text1(n)
}
