package recipes

import (
	"fmt"
	"strings"

	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

func (c *hclConverter) line1(format string, args ...any) { fmt.Fprintf(&c.b, format+"\n", args...) }

func (c *hclConverter) comment(n *yaml.Node) { c.comments1(n.HeadComment) }

func (c *hclConverter) comments1(text string) {
	for _, l := range commentLines(text) {
		c.line1("%s", l)
	}
}

// pair writes what a key became, with the comments of the key and of its value.
func (c *hclConverter) pair(k, v *yaml.Node, write func()) {
	c.comment(k)
	if v.Kind != yaml.ScalarNode {
		c.comments1(k.LineComment)
		c.comment(v)
	}
	write()
	if v.Kind != yaml.ScalarNode {
		c.comments1(v.FootComment)
	}
	c.comments1(k.FootComment)
}

// assign writes an attribute; a comment behind the value stays there where the value has one line.
func (c *hclConverter) assign(key, value string, v *yaml.Node) {
	switch comment := v.LineComment; {
	case comment == "" || v.Kind != yaml.ScalarNode:
		c.line1("%s = %s", key, value)
	case strings.Contains(value, "\n"):
		c.comments1(comment)
		c.line1("%s = %s", key, value)
	default:
		c.line1("%s = %s %s", key, value, comment)
	}
}

func (c *hclConverter) block(name, label string, fill func()) {
	if label != "" {
		name += " " + hclQuote(label)
	}
	c.line1("%s {", name)
	fill()
	c.line1("}")
}

// keyed writes the block that a key becomes, with the key's comments.
func (c *hclConverter) keyed(n *yaml.Node, key string, write func()) {
	for k, v := range yamlx.Pairs(n) {
		if k.Value == key {
			c.comment(k)
			c.comments1(k.LineComment)
			if v.Kind == yaml.MappingNode {
				c.comment(v)
			}
			write()
			c.comments1(k.FootComment)
		}
	}
}

// firstComment is the comment at the top of the file, where it belongs to no key.
func (c *hclConverter) firstComment() {
	var lines []string
	for _, l := range strings.Split(c.outline.text, "\n") {
		if l = strings.TrimSpace(l); l != "" && l[0] != '#' {
			break
		} else if l != "" {
			lines = append(lines, l)
		}
	}
	if len(lines) > 0 && len(c.root.Content) > 0 && !strings.Contains(c.root.Content[0].HeadComment, lines[0]) {
		c.comments1(strings.Join(lines, "\n"))
	}
}
