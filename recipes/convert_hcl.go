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
