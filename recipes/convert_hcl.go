package recipes

import (
	"strings"

	"forge/internal/diag"
	"forge/recipes/internal/expr"
	"forge/recipes/internal/yamlx"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"gopkg.in/yaml.v3"
)

// recipeToHCL writes a recipe.yaml as recipe.hcl.
func recipeToHCL(path string, data []byte, h *hints) ([]byte, diag.List) {
	o := readOutline(path, data)
	o.format = "recipe.yaml"
	if o.root == nil || o.root.Kind != yaml.MappingNode {
		return nil, o.unreadable(data)
	}
	c := &hclConverter{metaConverter: metaConverter{outline: o, hints: h}, lang: v1Dialect(), context: map[string]bool{}, later: map[string]bool{}, lists: map[string]bool{}, unused: map[string]bool{}, literals: map[string]expr.Value{}}
	c.w.c = c
	c.names()
	c.file()
	if c.nameless(); len(c.unused) > 0 {
		again := *c
		again.b, again.list = strings.Builder{}, nil
		again.w.c = &again
		again.names()
		again.file()
		c = &again
	}
	c.list.Sort()
	return hclwrite.Format([]byte(c.b.String())), c.list
}

// hclConverter is one conversion of a recipe.yaml.
type hclConverter struct {
	metaConverter
	b        strings.Builder
	w        hclWriter
	number   *yaml.Node // of the build that is written
	inList   int        // a heredoc needs its line end, which a list has not
	lang     *expr.Dialect
	context  map[string]bool
	later    map[string]bool       // context variables that are not defined yet: the name means the variant's
	lists    map[string]bool       // context variables that are lists
	unused   map[string]bool       // context variables that are not written
	literals map[string]expr.Value // context variables that are constants
}

// nameless finds variables that only names of blocks read: those are constants in HCL.
func (c *hclConverter) nameless() {
	text := c.b.String()
	for _, name := range sortedNames(c.context) {
		if !mentions(strings.ReplaceAll(text, "local.", " "), name) {
			continue
		}
		read := false
		for _, x := range expressionIn.FindAllString(c.outline.text, -1) {
			read = read || mentions(x, name)
		}
		if read && !strings.Contains(text, "local."+name) {
			c.unused[name] = true
		}
	}
}

func (c *hclConverter) names() {
	for k, v := range yamlx.Pairs(c.at("context")) {
		c.context[k.Value], c.later[k.Value] = true, true
		c.lists[k.Value] = c.isList(v)
		if v.Kind == yaml.ScalarNode && !isTemplate(v.Value) {
			c.literals[k.Value] = expr.FromGo(typed(v))
		} else if v.Kind == yaml.ScalarNode {
			if s, ok := c.constant(v.Value); ok {
				c.literals[k.Value] = s
			}
		}
	}
}

// isList reports whether a value of the context is a list, as far as its expression tells.
func (c *hclConverter) isList(v *yaml.Node) bool {
	if v.Kind == yaml.SequenceNode {
		return true
	}
	t, err := c.lang.Parse(v.Value)
	if err != nil || !isTemplate(v.Value) {
		return false
	}
	parts, ok := t.Parts()
	return ok && len(parts) == 1 && parts[0].Expr != nil && c.listExpression(parts[0].Expr)
}

func (c *hclConverter) listExpression(n *expr.Node) bool {
	switch n.Kind {
	case "list", "tuple":
		return true
	case "name":
		return c.lists[n.Name]
	case "filter":
		return contains([]string{"split", "list", "sort", "unique"}, n.Name) || n.Name == "reverse" && c.listExpression(n.Args[0])
	case "item":
		return n.Args[1].Kind == "slice" && c.listExpression(n.Args[0])
	}
	return false
}

// constant fills a template in from constants alone.
func (c *hclConverter) constant(text string) (string, bool) {
	t, err := c.lang.Parse(text)
	if err != nil {
		return "", false
	}
	whole := true
	s, err := t.Render(&expr.Env{Lookup: func(name string) (expr.Value, bool) {
		v, ok := c.literals[name]
		whole = whole && ok
		return v, ok
	}})
	return s, err == nil && whole
}

// file writes the sections in their usual order.
func (c *hclConverter) file() {
	head := c.at("package")
	if head == nil {
		head = c.at("recipe")
	}
	name, computed := c.label(yamlx.Get(head, "name"))
	if name == "" && c.at("outputs") != nil {
		name = "recipe"
	}
	if c.at("outputs") == nil {
		c.hints.keys(c.root, c.filled(yamlx.Get(head, "name")))
	}
	later := c.later
	c.later = nil
	c.firstComment()
	c.keyed(c.root, "schema_version", func() {})
	key := "package"
	if c.at(key) == nil {
		key = "recipe"
	}
	if head == nil {
		c.block("package", name, func() {})
	}
	c.keyed(c.root, key, func() { c.block("package", name, func() { c.head(head, computed) }) })
	c.later = later
	if context := c.at("context"); context != nil && len(context.Content) > 0 {
		c.line1("")
		c.keyed(c.root, "context", func() { c.locals(context) })
	}
	c.sections(c.root, true)
	if outputs := c.at("outputs"); outputs != nil && outputs.Kind == yaml.SequenceNode {
		for _, e := range outputs.Content {
			c.line1("")
			c.output(e)
		}
	}
	for _, key := range []string{"about", "extra"} {
		if v := c.at(key); v != nil {
			c.line1("")
			c.keyed(c.root, key, func() { c.section(key, v) })
		}
	}
}
