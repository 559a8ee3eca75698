package recipes

import (
	"fmt"
	"strings"

	"forge/recipes/internal/expr"
	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// data is a value as an expression.
func (c *hclConverter) data(v *yaml.Node) string {
	switch v.Kind {
	case yaml.SequenceNode:
		return c.listOf(v)
	case yaml.MappingNode:
		var b strings.Builder
		b.WriteString("{\n")
		for k, e := range yamlx.Pairs(v) {
			fmt.Fprintf(&b, "%s = %s\n", hclKey(k.Value), c.data(e))
		}
		return b.String() + "}"
	}
	if !yamlx.IsQuoted(v) && !isTemplate(v.Value) {
		switch typed(v).(type) {
		case int, bool:
			if v.Value == "true" || v.Value == "false" || plainNumber.MatchString(v.Value) && (v.Value == "0" || v.Value[0] != '0') {
				return v.Value
			}
		}
	}
	return c.text1(v)
}

// listOf writes a list; items under a condition become `condition ? [items] : [others]`.
func (c *hclConverter) listOf(v *yaml.Node) string {
	c.inList++
	defer func() { c.inList-- }()
	var items []string
	for _, e := range v.Content {
		items = append(items, commentLines(e.HeadComment)...)
		item := c.item1(e) + ","
		if e.Kind == yaml.ScalarNode && e.LineComment != "" {
			if strings.Contains(item, "\n") {
				items = append(items, e.LineComment)
			} else {
				item += " " + e.LineComment
			}
		}
		items = append(append(items, item), commentLines(e.FootComment)...)
	}
	if len(items) == 0 {
		return "[]"
	}
	if len(items) == 1 && strings.HasSuffix(items[0], ",") {
		return "[" + strings.TrimSuffix(items[0], ",") + "]"
	}
	return "[\n" + strings.Join(items, "\n") + "\n]"
}

// commentLines are the lines of a comment.
func commentLines(s string) (out []string) {
	for _, l := range strings.Split(s, "\n") {
		if l != "" {
			out = append(out, l)
		}
	}
	return out
}

func (c *hclConverter) item1(e *yaml.Node) string {
	condition := yamlx.Get(e, "if")
	if condition == nil {
		if s, ok := c.maybe(e); ok {
			return s
		}
		return c.data(e)
	}
	branch := func(n *yaml.Node) string {
		if n == nil || yamlx.IsNull(n) {
			return "[]"
		}
		if n.Kind == yaml.SequenceNode {
			s := c.listOf(n)
			if strings.Contains(s, " ? ") { // lists in it: both arms of a condition must have one type
				s = "flatten(" + s + ")"
			}
			return s
		}
		return "[" + c.item1(n) + "]"
	}
	return c.condition1(condition) + " ? " + branch(yamlx.Get(e, "then")) + " : " + branch(yamlx.Get(e, "else"))
}

// maybe writes an item that is there under a condition alone, `x if c else ""`, as a list of one or none.
func (c *hclConverter) maybe(e *yaml.Node) (string, bool) {
	text := strings.TrimSpace(e.Value)
	if e.Kind != yaml.ScalarNode || !strings.HasPrefix(text, "${{") || !strings.HasSuffix(text, "}}") || strings.Count(text, "${{") > 1 {
		return "", false
	}
	x, err := c.lang.ParseExpr(strings.TrimSpace(text[3 : len(text)-2]))
	if err != nil {
		return "", false
	}
	n := x.Tree()
	if n.Kind != "cond" || n.Args[2] != nil && n.Args[2].Value != "" {
		return "", false
	}
	c.w.err = nil
	s := c.w.truth(n.Args[0]) + " ? [" + bare(c.w.write(n.Args[1])) + "] : []"
	return s, c.w.err == nil
}

func (c *hclConverter) condition1(n *yaml.Node) string {
	text := strings.TrimSpace(n.Value)
	if strings.HasPrefix(text, "${{") && strings.HasSuffix(text, "}}") && strings.Count(text, "${{") == 1 {
		text = text[3 : len(text)-2]
	}
	x, err := c.lang.ParseExpr(strings.TrimSpace(text))
	if err != nil {
		c.lost(n, "the condition cannot be read: %v", err)
		return "false"
	}
	c.w.err, c.w.condition = nil, true
	s := c.w.truth(x.Tree())
	c.w.condition = false
	if c.w.err != nil {
		c.lost(n, "the condition %q cannot be written: %v", n.Value, c.w.err)
	}
	return s
}

// text1 is a text, with its expressions.
func (c *hclConverter) text1(n *yaml.Node) string {
	if !isTemplate(n.Value) {
		return c.hclText(n.Value)
	}
	t, err := c.lang.Parse(n.Value)
	parts, ok := []expr.Part(nil), false
	if err == nil {
		parts, ok = t.Parts()
	}
	if !ok {
		c.lost(n, "the text %q cannot be read", n.Value)
		return c.hclText(n.Value)
	}
	c.w.err = nil
	var b strings.Builder
	for _, p := range parts {
		if p.Expr == nil {
			b.WriteString(hclEscape(p.Text))
		} else {
			s := c.w.write(p.Expr)
			if strings.HasPrefix(s, `"$`) && quoteEnd(s) == len(s) && !strings.ContainsAny(s, `{\`) {
				b.WriteString(strings.Trim(s, `"`))
				continue
			}
			if len(parts) == 1 {
				b.Reset()
				b.WriteString("\x00" + bare(s))
				break
			}
			b.WriteString("${" + bare(s) + "}")
		}
	}
	if c.w.err != nil {
		c.lost(n, "%q cannot be written: %v", n.Value, c.w.err)
	}
	if s, single := strings.CutPrefix(b.String(), "\x00"); single {
		return s
	}
	return c.hclDocument(b.String())
}

// hclText is a constant text.
func (c *hclConverter) hclText(s string) string { return c.hclDocument(hclEscape(s)) }

// hclDocument writes a template: several lines as a heredoc, where that is the same text, else in quotes.
func (c *hclConverter) hclDocument(escaped string) string {
	if c.inList == 0 && strings.HasSuffix(escaped, "\n") && !strings.Contains("\n"+escaped, "\nEOT") && !strings.Contains(escaped, "\r") {
		return "<<EOT\n" + escaped + "EOT"
	}
	return `"` + escapeOutside(escaped) + `"`
}

// escapeOutside escapes what quotes need, but inside of ${ }.
func escapeOutside(s string) string {
	escapes := map[byte]string{'"': `\"`, '\\': `\\`, '\n': `\n`, '\t': `\t`, '\r': `\r`}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case strings.HasPrefix(s[i:], "$${"), strings.HasPrefix(s[i:], "%%{"):
			b.WriteString(s[i : i+3])
			i += 2
		case strings.HasPrefix(s[i:], "${"):
			end := i + expressionLength(s[i:])
			b.WriteString(s[i:end])
			i = end - 1
		case escapes[s[i]] != "":
			b.WriteString(escapes[s[i]])
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// expressionLength is the length of the ${ … } that s begins with.
func expressionLength(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			if n := quoteEnd(s[i:]); n > 0 {
				i += n - 1
			}
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

func hclEscape(s string) string {
	return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(s)
}

func hclQuote(s string) string { return `"` + escapeOutside(hclEscape(s)) + `"` }
