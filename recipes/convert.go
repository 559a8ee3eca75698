package recipes

import (
	"bytes"
	"fmt"
	"strings"

	"forge/internal/diag"

	"gopkg.in/yaml.v3"
)

// Convert writes a recipe in a newer format: meta.yaml as recipe.yaml, either as recipe.hcl. What cannot
// be carried is a diagnostic at its place: an error where the result would build something else, a warning
// where only a word is lost. There is a result even with errors, to go on from by hand; none where the file
// cannot be read.
func Convert(path string, data []byte, to string) ([]byte, diag.List) {
	from := formatOf(path)
	switch {
	case from == to:
		out, list := Format(path, data)
		return out, list
	case from == "meta.yaml" && to == "recipe.yaml":
		return metaToRecipe(path, data)
	case from == "recipe.yaml" && to == "recipe.hcl":
		return recipeToHCL(path, data)
	case from == "meta.yaml" && to == "recipe.hcl":
		out, list := metaToRecipe(path, data)
		if out == nil {
			return nil, list
		}
		hcl, more := recipeToHCL(path+" as recipe.yaml", out)
		return hcl, append(list, more...)
	case to != "recipe.yaml" && to != "recipe.hcl" && to != "meta.yaml":
		return nil, failed(path, "%q is no format of recipes: want recipe.yaml or recipe.hcl", to).Diagnostics
	}
	return nil, failed(path, "a %s cannot be written as %s: the older format lacks too much of it", from, to).Diagnostics
}

// metaToRecipe writes a meta.yaml as recipe.yaml (CEP 13, CEP 14).
func metaToRecipe(path string, data []byte) ([]byte, diag.List) {
	o := readOutline(path, data)
	if o.root == nil || o.root.Kind != yaml.MappingNode {
		return nil, o.unreadable(data)
	}
	c := &metaConverter{outline: o, w: &v1Writer{known: map[string]string{}}, conditions: map[int]string{}}
	c.statements()
	root := c.recipe()
	text := ""
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(root); err != nil {
		return nil, failed(path, "the result cannot be written: %v", err).Diagnostics
	}
	c.list.Sort()
	out := []byte(text + sectionGaps(b.String()))
	if laid, list := Format("recipe.yaml", out); !list.HasErrors() {
		out = laid
	}
	return out, c.list
}

// sectionGaps puts an empty line before each section.
func sectionGaps(text string) string {
	var b strings.Builder
	for i, line := range strings.SplitAfter(text, "\n") {
		if i > 0 && line != "" && line[0] != ' ' && line[0] != '-' && line[0] != '#' && !strings.HasSuffix(b.String(), "\n\n") {
			b.WriteByte('\n')
		}
		b.WriteString(line)
	}
	return b.String()
}

// metaConverter is one conversion of a meta.yaml.
type metaConverter struct {
	*outline
	w          *v1Writer
	list       diag.List
	conditions map[int]string // line → condition of the {% if %} it is in, as recipe.yaml writes it
	context    []*yaml.Node   // pairs
}

func (c *metaConverter) say(severity diag.Severity, n *yaml.Node, format string, args ...any) {
	d := diag.Diagnostic{Severity: severity, Code: "not-carried", Pos: diag.Pos{File: c.path, Line: n.Line, Column: n.Column}, Line: c.line(n.Line), Summary: fmt.Sprintf(format, args...)}
	if n.Kind == yaml.ScalarNode {
		d.Length = len([]rune(n.Value))
	}
	c.list = append(c.list, d)
}

func (c *metaConverter) lost(n *yaml.Node, format string, args ...any) {
	c.say(diag.Error, n, format, args...)
}

// text is a text node.
func textNode(value string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value}
	if strings.Contains(value, "\n") {
		n.Style = yaml.LiteralStyle
	}
	return n
}

func plainNode(value string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: value} }

func quotedNode(value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value, Style: yaml.DoubleQuotedStyle}
}

func mapNode(pairs ...*yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.MappingNode, Content: pairs}
}

func listNode(items ...*yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.SequenceNode, Content: items}
}

func addPair(m *yaml.Node, key string, value *yaml.Node) {
	if value != nil {
		m.Content = append(m.Content, plainNode(key), value)
	}
}

// within returns the mapping under a key, making it where it is missing.
func within(m *yaml.Node, keys ...string) *yaml.Node {
	for _, k := range keys {
		var next *yaml.Node
		for i := 0; i+1 < len(m.Content); i += 2 {
			if m.Content[i].Value == k {
				next = m.Content[i+1]
			}
		}
		if next == nil {
			next = mapNode()
			addPair(m, k, next)
		}
		m = next
	}
	return m
}
