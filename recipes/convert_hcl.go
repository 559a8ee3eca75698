package recipes

import (
	"fmt"
	"regexp"
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
	c := &hclConverter{metaConverter: metaConverter{outline: o, hints: h}, lang: v1Dialect(), context: map[string]bool{}, later: map[string]bool{}, lists: map[string]bool{}, literals: map[string]expr.Value{}}
	c.w.c = c
	c.names()
	c.file()
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
	literals map[string]expr.Value // context variables that are constants
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

func (c *hclConverter) line1(format string, args ...any) { fmt.Fprintf(&c.b, format+"\n", args...) }

func (c *hclConverter) comment(n *yaml.Node) {
	for _, l := range strings.Split(n.HeadComment, "\n") {
		if l != "" {
			c.line1("%s", l)
		}
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
	c.block("package", name, func() {
		c.attribute("name", computed)
		c.attribute("version", yamlx.Get(head, "version"))
	})
	c.later = later
	if context := c.at("context"); context != nil && len(context.Content) > 0 {
		c.line1("")
		c.block("locals", "", func() {
			for k, v := range yamlx.Pairs(context) {
				c.comment(k)
				c.line1("%s = %s", k.Value, c.local(v))
				delete(c.later, k.Value)
			}
		})
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
			c.section(key, v)
		}
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

func (c *hclConverter) sections(n *yaml.Node, top bool) {
	for _, key := range []string{"source", "build", "requirements", "tests"} {
		if v := yamlx.Get(n, key); v != nil {
			if top {
				c.line1("")
			}
			c.section(key, v)
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
				c.line1("%s = %s", hclKey(k.Value), c.data(e))
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
		c.comment(k)
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
			c.lost(k, "steps become a list of objects; write it by hand")
		default:
			c.attribute(k.Value, v)
		}
	}
}

func (c *hclConverter) skip(v *yaml.Node) {
	var all []string
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
		all = append(all, s)
	}
	c.line1("skip = [%s]", strings.Join(all, ", "))
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
	c.line1("%s = %s", key, c.data(v))
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
		c.attribute("name", computed)
		c.attribute("version", yamlx.Get(head, "version"))
		switch inherit := yamlx.Get(e, "inherit"); {
		case inherit == nil:
		case inherit.Kind == yaml.MappingNode:
			c.block("inherit", "", func() { c.body(inherit, "inherit") })
		default:
			c.attribute("inherit", inherit)
		}
		c.sections(e, false)
		if about := yamlx.Get(e, "about"); about != nil {
			c.section("about", about)
		}
	})
}
