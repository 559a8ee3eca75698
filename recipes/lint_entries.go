package recipes

import (
	"fmt"
	"strings"

	"forge/recipes/internal/yamlx"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"gopkg.in/yaml.v3"
)

// entry is one requirement as a recipe writes it.
type entry struct {
	section  string // build, host, run, run_constrained, …, or "test"
	list     string // which list it is in: the same for all entries of one
	output   int    // -1 for the top of the recipe
	text     string // with its Jinja, without quotes
	from, to int    // where it is, quotes included
	line     int
	when     string // selector or condition, empty for none
}

// name is the package's name in lower case; empty where an expression makes it.
func (e entry) name() string {
	if strings.ContainsAny(e.text, "{}$(") {
		return ""
	}
	name, _, _ := strings.Cut(strings.TrimSpace(e.text), " ")
	if i := strings.IndexAny(name, "<>=!~["); i >= 0 {
		name = name[:i]
	}
	if i := strings.LastIndex(name, "::"); i >= 0 {
		name = name[i+2:]
	}
	return strings.ToLower(name)
}

// tool is the language of a compiler() or stdlib() call.
func (e entry) tool(kind string) string {
	for _, m := range toolCall.FindAllStringSubmatch(e.text, -1) {
		if m[1] == kind {
			return m[2]
		}
	}
	return ""
}

// requirementEntries lists what the file requires, as written.
func (o *outline) requirementEntries() []entry {
	c := &entryCollector{outline: o}
	if o.format == "recipe.hcl" {
		if o.body != nil {
			c.hcl(o.body, -1)
		}
		return c.out
	}
	c.yaml(o.root, -1)
	outputs := yamlx.Get(o.root, "outputs")
	if outputs != nil && outputs.Kind == yaml.SequenceNode {
		for i, out := range outputs.Content {
			c.yaml(out, i)
		}
	}
	return c.out
}

type entryCollector struct {
	*outline
	out []entry
}

func (c *entryCollector) yaml(n *yaml.Node, output int) {
	reqs := yamlx.Get(n, "requirements")
	if reqs != nil && reqs.Kind == yaml.SequenceNode { // an output's list is its run requirements
		c.list(reqs, "run", "", output)
	}
	for k, v := range yamlx.Pairs(reqs) {
		switch {
		case k.Value == "run_exports" || k.Value == "ignore_run_exports" || k.Value == "extras":
			for kind, l := range yamlx.Pairs(v) {
				c.list(l, k.Value+"."+kind.Value, "", output)
			}
			c.list(v, k.Value, "", output)
		default:
			c.list(v, k.Value, "", output)
		}
	}
	c.list(yamlx.Get(yamlx.Get(n, "test"), "requires"), "test", "", output)
	if tests := yamlx.Get(n, "tests"); tests != nil && tests.Kind == yaml.SequenceNode {
		for i, t := range tests.Content {
			c.list(yamlx.Get(yamlx.Get(t, "requirements"), "run"), fmt.Sprintf("test %d", i), "", output)
		}
	}
}

func (c *entryCollector) list(n *yaml.Node, section, when string, output int) {
	if n == nil || n.Kind != yaml.SequenceNode {
		return
	}
	for _, e := range n.Content {
		c.item(e, section, when, output, fmt.Sprintf("%d:%s:%d", output, section, n.Line))
	}
}

func (c *entryCollector) item(e *yaml.Node, section, when string, output int, list string) {
	if condition := yamlx.Get(e, "if"); condition != nil {
		for _, branch := range []string{"then", "else"} {
			w := strings.TrimSpace(when + " " + branch + " " + condition.Value)
			switch b := yamlx.Get(e, branch); {
			case b == nil:
			case b.Kind == yaml.SequenceNode:
				c.list(b, section, w, output)
			default:
				c.item(b, section, w, output, list+w)
			}
		}
		return
	}
	if e.Kind != yaml.ScalarNode {
		return
	}
	from, to, ok := c.span(e)
	if !ok {
		return
	}
	x := entry{section: section, list: list, output: output, text: c.value(e), from: from, to: to, line: e.Line, when: when}
	if c.format == "meta.yaml" {
		_, condition, _, _ := cutSelector(strings.TrimRight(c.line(e.Line), " \t\r"))
		if m := selectorComment.FindStringSubmatch(c.line(e.Line)); m != nil {
			condition = m[4]
		}
		x.when = strings.TrimSpace(when + " " + condition)
		for _, p := range c.jinja { // what Jinja repeats or leaves out is not compared
			if p.kind == '%' && p.from < from && !strings.HasPrefix(strings.TrimLeft(p.inner, "-+ "), "set ") {
				x.when += " jinja"
				break
			}
		}
	}
	c.out = append(c.out, x)
}

func (c *entryCollector) hcl(body *hclsyntax.Body, output int) {
	outputs := 0
	for _, b := range body.Blocks {
		switch b.Type {
		case "requirements":
			for _, name := range sortedNames(b.Body.Attributes) {
				c.hclList(b.Body.Attributes[name].Expr, name, output)
			}
			for _, inner := range b.Body.Blocks {
				for _, name := range sortedNames(inner.Body.Attributes) {
					c.hclList(inner.Body.Attributes[name].Expr, inner.Type+"."+name, output)
				}
			}
		case "output", "staging":
			c.hcl(b.Body, outputs)
			outputs++
		}
	}
}

func (c *entryCollector) hclList(x hclsyntax.Expression, section string, output int) {
	tuple, ok := x.(*hclsyntax.TupleConsExpr)
	if !ok {
		return
	}
	for _, e := range tuple.Exprs {
		r := e.Range()
		text := c.text[r.Start.Byte:r.End.Byte]
		if t, ok := e.(*hclsyntax.TemplateExpr); ok && t.IsStringLiteral() {
			if v, problems := t.Value(nil); !problems.HasErrors() && v.Type() == cty.String {
				text = v.AsString()
			}
		}
		c.out = append(c.out, entry{section: section, list: fmt.Sprintf("%d:%s", output, section), output: output, text: text,
			from: r.Start.Byte, to: r.End.Byte, line: r.Start.Line})
	}
}
