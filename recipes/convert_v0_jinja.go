package recipes

import (
	"slices"
	"strings"

	"forge/recipes/internal/expr"

	"gopkg.in/yaml.v3"
)

// branch is one arm of an {% if %} of the file.
type branch struct{ of, arm int }

// openIf is an {% if %} that is not closed yet.
type openIf struct {
	now, before string // the condition of this arm; that no arm before it was taken
	branch
}

// statements reads the {% %} of a meta.yaml: sets become the context, ifs conditions of the lines inside.
func (c *metaConverter) statements() {
	var stack []openIf
	from, ifs := 0, 0
	flush := func(to int) {
		for i := from + 1; i <= to; i++ {
			c.conditions[i] = stackConditions(stack)
			c.paths[i] = stackPath(stack)
		}
		from = max(from, to)
	}
	for _, p := range c.jinja {
		if p.kind != '%' {
			continue
		}
		line, _ := c.place(p.from)
		w, rest := statement(p)
		at := &yaml.Node{Line: line, Column: 1}
		c.w.line = line
		flush(line - 1)
		switch n := len(stack) - 1; w {
		case "set":
			condition := joinConditions(append(stackConditions(stack), c.lineSelector(line))...)
			c.set(at, rest, condition, stackPath(stack))
		case "if":
			ifs++
			now := wrapped(c.ifCondition(at, w, rest))
			stack = append(stack, openIf{now, negated(now), branch{ifs, 0}})
		case "elif", "else":
			if n < 0 {
				continue
			}
			s := &stack[n]
			s.arm++
			s.now = s.before
			if w == "elif" {
				now := wrapped(c.ifCondition(at, w, rest))
				s.now, s.before = joinConditions(s.before, now), joinConditions(s.before, negated(now))
			}
		case "endif":
			if n >= 0 {
				stack = stack[:n]
			}
		case "do", "import", "from", "include", "filter", "call", "with", "block", "extends", "raw", "macro":
			c.lost(at, "{%% %s %%} has no counterpart: write out what it makes", w)
		}
	}
	flush(len(c.starts))
	c.resolve()
}

// ifCondition is the condition of an {% if %}.
func (c *metaConverter) ifCondition(at *yaml.Node, w, text string) string {
	s, err := c.expression(at, text)
	if err != nil {
		c.lost(at, "{%% %s %%}: %v", w, err)
	}
	return s
}

// expression writes an expression. What recipe.yaml has no words for is written as its value, where that
// depends on nothing, and this is said.
func (c *metaConverter) expression(at *yaml.Node, text string) (string, error) {
	c.w.texts = nil
	s, err := c.w.expression(text)
	for _, name := range c.w.texts {
		c.warn(at, "%s is a text in meta.yaml, of which false counts as true, too; it is written so that it goes on doing so: write `%s` alone if you mean its value", name, name)
	}
	if err == nil {
		return s, nil
	}
	if v, ok := evaluateWith(text, c.w.consts, c.load); ok {
		if lit, ok := literal(v); ok {
			c.warn(at, "`%s` is written as its value %s (%v); change it by hand from now on", strings.TrimSpace(text), lit, err)
			return lit, nil
		}
	}
	return s, err
}

// literal writes a value; ok is false for dictionaries and lists in lists.
func literal(v expr.Value) (string, bool) {
	w := &v1Writer{}
	switch v := v.(type) {
	case string, bool, nil, int64, float64:
		return w.constant(v), true
	case *expr.List, expr.Tuple:
		items, _ := itemsOf(v)
		var parts []string
		for _, it := range items {
			s, ok := literal(it)
			if !ok || strings.HasPrefix(s, "[") {
				return "", false
			}
			parts = append(parts, s)
		}
		return "[" + strings.Join(parts, ", ") + "]", true
	}
	return "", false
}

func stackConditions(stack []openIf) (out []string) {
	for _, s := range stack {
		out = append(out, s.now)
	}
	return out
}

func stackPath(stack []openIf) (out []branch) {
	for _, s := range stack {
		out = append(out, s.branch)
	}
	return out
}

// exclusive reports whether two places are in different arms of one {% if %}.
func exclusive(a, b []branch) bool {
	for _, x := range a {
		for _, y := range b {
			if x.of == y.of && x.arm != y.arm {
				return true
			}
		}
	}
	return false
}

// negated writes the opposite of a condition.
func negated(s string) string {
	if inner, ok := strings.CutPrefix(s, "not "); ok && !strings.Contains(inner, " ") {
		return inner
	}
	if m := comparison.FindStringSubmatch(bare(s)); m != nil {
		return m[1] + map[string]string{"==": " != ", "!=": " == "}[m[2]] + m[3]
	}
	return "not " + wrapped(s)
}

var comparison = pattern{src: `^(\w+) (==|!=) ("[^"]*"|\w+)$`}

// opposite reports whether exactly one of two conditions holds.
func opposite(a, b string) bool {
	a, b = bare(a), bare(b)
	return negated(a) == b || negated(b) == a || a == "unix" && b == "win" || a == "win" && b == "unix"
}

var (
	plainNumber = pattern{src: `^(0|[1-9][0-9]*)$`}
	plainFloat  = pattern{src: `^[0-9]+\.[0-9]+$`}
	someNumber  = pattern{src: `^[-+.0-9][-+._0-9a-zA-Z]*$`}
)

// lineSelector is the selector of a line, as recipe.yaml writes it; empty for none.
func (c *metaConverter) lineSelector(line int) string {
	_, condition, at, ok := cutSelector(strings.TrimRight(c.line(line), " \t\r"))
	if !ok {
		return ""
	}
	if s, known := c.selectors[condition]; known {
		return s
	}
	c.w.selector = true
	s, err := c.w.expression(condition)
	c.w.selector = false
	if err != nil {
		c.lost(&yaml.Node{Line: line, Column: at + 1}, "the selector [%s] cannot be written: %v", condition, err)
	}
	c.selectors[condition] = s
	return s
}

// condition is what decides about a line: its selector and the {% if %} it is in.
func (c *metaConverter) condition(line int) string {
	var all []string
	for _, s := range append(slices.Clone(c.conditions[line]), c.lineSelector(line)) {
		if !contains(c.given, s) {
			all = append(all, s)
		}
	}
	return joinConditions(all...)
}

func joinConditions(all ...string) string {
	var parts []string
	for _, s := range all {
		if s != "" && !contains(parts, s) {
			parts = append(parts, s)
		}
	}
	if len(parts) == 1 {
		return parts[0]
	}
	for i, s := range parts {
		parts[i] = wrapped(s)
	}
	return strings.Join(parts, " and ")
}

// wrapped puts brackets around an expression of several words.
func wrapped(s string) string {
	if strings.Contains(s, " ") && bare(s) == s && quoteEnd(s) != len(s) {
		return "(" + s + ")"
	}
	return s
}
