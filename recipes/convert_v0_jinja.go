package recipes

import (
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
)

// statements reads the {% %} of a meta.yaml: sets become the context, ifs conditions of the lines inside.
func (c *metaConverter) statements() {
	type open struct{ now, before string }
	var stack []open
	sets := map[string]string{} // what a name has been set to so far, as an expression
	order := []string{}
	from := 0
	flush := func(to int) {
		for i := from + 1; i <= to; i++ {
			var all []string
			for _, s := range stack {
				all = append(all, s.now)
			}
			if len(all) > 0 {
				c.conditions[i] = joinConditions(all...)
			}
		}
		from = max(from, to)
	}
	for _, p := range c.jinja {
		if p.kind != '%' {
			continue
		}
		line, _ := c.place(p.from)
		word, rest, _ := strings.Cut(strings.Trim(p.inner, "-+ \n"), " ")
		at := &yaml.Node{Line: line, Column: 1}
		expression := func(text string) string {
			s, err := c.w.expression(text)
			if err != nil {
				c.lost(at, "{%% %s %%}: %v", word, err)
			}
			return wrapped(s)
		}
		switch word {
		case "set":
			flush(line - 1)
			c.set(at, rest, sets, &order, joinConditions(append(stackNow(stack, func(o open) string { return o.now }), c.lineSelector(line))...))
		case "if":
			flush(line - 1)
			now := expression(rest)
			stack = append(stack, open{now, "not " + now})
		case "elif", "else":
			flush(line - 1)
			if n := len(stack) - 1; n >= 0 {
				s := stack[n]
				if word == "elif" {
					now := expression(rest)
					stack[n] = open{joinConditions(s.before, now), joinConditions(s.before, "not "+now)}
				} else {
					stack[n] = open{s.before, s.before}
				}
			}
		case "endif":
			flush(line - 1)
			if len(stack) > 0 {
				stack = stack[:len(stack)-1]
			}
		default:
			if !strings.HasPrefix(word, "end") {
				c.lost(at, "{%% %s %%} has no counterpart: write out what it makes", word)
			}
		}
	}
	for _, name := range order {
		c.context = append(c.context, plainNode(name), contextNode(sets[name]))
	}
}

func stackNow[T any](stack []T, now func(T) string) (out []string) {
	for _, s := range stack {
		out = append(out, now(s))
	}
	return out
}

var selfReference = regexp.MustCompile(`[A-Za-z_]\w*`)

// set takes one {% set name = value %} over.
func (c *metaConverter) set(at *yaml.Node, text string, sets map[string]string, order *[]string, condition string) {
	name, value, ok := strings.Cut(text, "=")
	name = strings.TrimSpace(name)
	if !ok || !word.MatchString(name) || strings.ContainsAny(name, ", .") {
		c.lost(at, "{%% set %s %%} sets no single name", strings.TrimSpace(text))
		return
	}
	s, err := c.w.expression(strings.TrimSpace(value))
	if err != nil {
		c.lost(at, "the value of %s cannot be written: %v", name, err)
	}
	before, again := sets[name]
	if !again {
		*order = append(*order, name)
		before = `""`
	}
	if again {
		for _, m := range selfReference.FindAllString(s, -1) {
			if m == name {
				c.lost(at, "the variable %s changes its value on the way; in recipe.yaml it has one", name)
				return
			}
		}
		if condition == "" && before != s {
			c.lost(at, "the variable %s is set twice; in recipe.yaml it has one value", name)
		}
	}
	if condition != "" {
		if !again {
			s = wrapped(s) + " if " + condition + " else " + before
		} else {
			s = wrapped(s) + " if " + condition + " else (" + before + ")"
		}
	}
	sets[name] = s
}

// contextNode is an expression as a value of the context: plain where it is a constant.
func contextNode(s string) *yaml.Node {
	if strings.HasPrefix(s, `"`) && quoteEnd(s) == len(s) {
		var v yaml.Node
		if yaml.Unmarshal([]byte(s), &v) == nil && len(v.Content) == 1 && !strings.Contains(v.Content[0].Value, "\n") {
			return quotedNode(v.Content[0].Value)
		}
	}
	if plainNumber.MatchString(s) || s == "true" || s == "false" {
		return plainNode(s)
	}
	return plainNode("${{ " + s + " }}")
}

var plainNumber = regexp.MustCompile(`^[0-9]+$`)

// lineSelector is the selector of a line, as recipe.yaml writes it; empty for none.
func (c *metaConverter) lineSelector(line int) string {
	_, condition, _, ok := cutSelector(strings.TrimRight(c.line(line), " \t\r"))
	if !ok || selectorComment.FindString(strings.TrimRight(c.line(line), " \t\r")) == "" && !strings.Contains(c.line(line), "#") {
		return ""
	}
	s, err := c.w.expression(condition)
	if err != nil {
		c.lost(&yaml.Node{Line: line, Column: 1}, "the selector [%s] cannot be written: %v", condition, err)
	}
	return s
}

// condition is what decides about a line: its selector and the {% if %} it is in.
func (c *metaConverter) condition(line int) string {
	return joinConditions(c.conditions[line], c.lineSelector(line))
}

func joinConditions(all ...string) string {
	var parts []string
	for _, s := range all {
		if s != "" {
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
	if strings.Contains(s, " ") && bare(s) == s {
		return "(" + s + ")"
	}
	return s
}
