package recipes

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"forge/internal/diag"
	"forge/recipes/internal/expr"
	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// convertWith writes a recipe in a newer format: meta.yaml as recipe.yaml, either as recipe.hcl. What cannot
// be carried is a diagnostic at its place: an error where the result would build something else, a warning
// where only a word is lost. There is a result even with errors, to go on from by hand; none where the file
// cannot be read. It compares nothing: see ConvertChecked.
func convertWith(path string, data []byte, to string, h *hints) ([]byte, diag.List) {
	from := formatOf(path)
	switch {
	case from == "":
		return nil, failed(path, "%s", "it is no recipe: its name is not one of "+strings.Join(recipeNames(), ", ")).Diagnostics
	case from == to:
		out, list := Format(path, data)
		return out, list
	case from == "meta.yaml" && to == "recipe.yaml":
		return metaToRecipe(path, data, h)
	case from == "recipe.yaml" && to == "recipe.hcl":
		return recipeToHCL(path, data, h)
	case from == "meta.yaml" && to == "recipe.hcl":
		out, list := metaToRecipe(path, data, h)
		if out == nil {
			return nil, list
		}
		hcl, more := recipeToHCL(path+" as recipe.yaml", out, h)
		return hcl, append(list, more...)
	case to != "recipe.yaml" && to != "recipe.hcl" && to != "meta.yaml":
		return nil, failed(path, "%q is no format of recipes: want recipe.yaml or recipe.hcl", to).Diagnostics
	}
	return nil, failed(path, "a %s cannot be written as %s: the older format lacks too much of it; keep both files, or go on with the %s, which forge builds as it is", from, to, from).Diagnostics
}

// metaToRecipe writes a meta.yaml as recipe.yaml (CEP 13, CEP 14).
func metaToRecipe(path string, data []byte, h *hints) ([]byte, diag.List) {
	c := newMetaConverter(path, data)
	if c.root == nil || c.root.Kind != yaml.MappingNode {
		return nil, c.unreadable(data)
	}
	c.hints, c.w.optional, c.w.truths, c.w.bools, c.w.cdt = h, h.optional, h.truths, h.bools, h.cdt
	c.statements()
	root := c.recipe()
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(root); err != nil {
		return nil, failed(path, "the result cannot be written: %v", err).Diagnostics
	}
	c.list.Sort()
	out := []byte(sectionGaps(b.String()))
	if laid, list := Format("recipe.yaml", out); !list.HasErrors() {
		out = laid
	}
	return out, c.list
}

func newMetaConverter(path string, data []byte) *metaConverter {
	o := readOutline(path, data)
	c := &metaConverter{file: o, w: &v1Writer{known: map[string]string{}, versions: map[string]map[int]string{}},
		conditions: map[int][]string{}, paths: map[int][]branch{}, taken: map[string]bool{}, selectors: map[string]string{}}
	u := unroll(o, func(line int, format string, args ...any) {
		c.outline = o
		c.lines = nil
		c.lost(&yaml.Node{Line: line, Column: 1}, format, args...)
	})
	c.outline, c.lines, c.w.consts, c.looped = readOutline(path, []byte(commented(u.out.String()))), u.lines, u.consts, u.looped
	c.known, c.load = o.known, projectLoader(o)
	return c
}

// commented gives selectors without a comment mark one, so that they are not part of the value.
func commented(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		line = strings.TrimRight(line, " \t\r")
		before, condition, at, ok := cutSelector(line)
		if n := len(line); ok && (line[n-1] == '"' || line[n-1] == '\'') && !strings.HasPrefix(strings.TrimSpace(line), "#") { // a selector inside of the quotes
			lines[i] = strings.TrimRight(before, " ") + line[n-1:] + "  # [" + condition + "]"
			continue
		}
		if ok && !strings.Contains(line[len(before):at], "#") && !strings.HasPrefix(strings.TrimSpace(line), "#") {
			lines[i] = before + "  # " + strings.TrimLeft(line[len(before):], " ")
		}
	}
	return strings.Join(lines, "\n")
}

// sectionGaps puts an empty line before each section, and before each output with its comments.
func sectionGaps(text string) string {
	var out []string
	gap := func() {
		at := len(out)
		for at > 0 && strings.HasPrefix(out[at-1], "  #") {
			at--
		}
		if at > 0 && out[at-1] != "\n" && out[at-1] != "outputs:\n" {
			out = slices.Insert(out, at, "\n")
		}
	}
	for i, line := range strings.SplitAfter(text, "\n") {
		switch {
		case strings.HasPrefix(line, "  - package:"), strings.HasPrefix(line, "  - staging:"):
			gap()
		case i > 0 && line != "" && line[0] != ' ' && line[0] != '\n' && line[0] != '-' && line[0] != '#' && out[len(out)-1] != "\n":
			out = append(out, "\n")
		}
		out = append(out, line)
	}
	return strings.Join(out, "")
}

// metaConverter is one conversion of a meta.yaml.
type metaConverter struct {
	*outline              // loops and macros written out
	file         *outline // as it is
	lines        []int    // line of file, for each line of the outline
	w            *v1Writer
	list         diag.List
	conditions   map[int][]string // line → conditions of the {% if %} it is in, as recipe.yaml writes them
	given        []string         // conditions that hold where it is written, anyway
	inString     bool             // the build string is written
	onlyNames    bool             // what is written are names of packages, which pins stand for
	firstWord    bool             // of specs, the name alone is written
	inScript     bool             // what is written is run by a shell
	paths        map[int][]branch
	sets         []setting
	context      []*yaml.Node      // pairs
	taken        map[string]bool   // comments that went to the context
	selectors    map[string]string // selector → as recipe.yaml writes it
	hints        *hints
	load         func(name string) (expr.Value, bool) // functions that read a project's files
	looped       map[string]bool                      // lists that loops went over
	specs, inRun bool                                 // texts are match specs, of what is needed to run
}

func (c *metaConverter) say(severity diag.Severity, n *yaml.Node, format string, args ...any) {
	line, column := n.Line, max(1, n.Column)
	if line >= 1 && line <= len(c.lines) {
		line = c.lines[line-1]
	}
	o := c.outline
	if c.file != nil {
		o = c.file
	}
	d := diag.Diagnostic{Severity: severity, Code: "not-carried", Pos: diag.Pos{File: c.path, Line: line, Column: column}, Line: o.line(line), Summary: fmt.Sprintf(format, args...)}
	if n.Kind == yaml.ScalarNode {
		d.Length = len([]rune(n.Value))
	}
	for _, other := range c.list { // a loop says it once
		if other.Pos == d.Pos && other.Summary == d.Summary {
			return
		}
	}
	c.list = append(c.list, d)
}

func (c *metaConverter) warn(n *yaml.Node, format string, args ...any) {
	c.say(diag.Warning, n, format, args...)
}

// value is the text of a scalar; what is written next stands there.
func (c *metaConverter) value(n *yaml.Node) string {
	if n != nil {
		c.w.line = n.Line
	}
	return c.outline.value(n)
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

// clone copies a tree.
func clone(n *yaml.Node) *yaml.Node {
	if n == nil {
		return nil
	}
	out := *n
	out.Content = nil
	for _, e := range n.Content {
		out.Content = append(out.Content, clone(e))
	}
	return &out
}

// addItems adds items to the list under a key, making it where it is missing.
func addItems(m *yaml.Node, key string, items *yaml.Node) {
	if items == nil {
		return
	}
	if old := yamlx.Get(m, key); old != nil {
		old.Content = append(old.Content, items.Content...)
		return
	}
	addPair(m, key, items)
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
