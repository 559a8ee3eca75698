package recipes

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"forge/recipes/internal/expr"

	"gopkg.in/yaml.v3"
)

// branch is one arm of an {% if %} of the file.
type branch struct{ of, arm int }

// setting is one {% set %}.
type setting struct {
	name, value string
	condition   string // as recipe.yaml writes it
	path        []branch
	line        int
	number      int // of the assignments of its name, from 1
}

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
			now := wrapped(c.condition0(at, w, rest))
			stack = append(stack, openIf{now, negated(now), branch{ifs, 0}})
		case "elif", "else":
			if n < 0 {
				continue
			}
			s := &stack[n]
			s.arm++
			s.now = s.before
			if w == "elif" {
				now := wrapped(c.condition0(at, w, rest))
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

// condition0 is the condition of an {% if %}.
func (c *metaConverter) condition0(at *yaml.Node, w, text string) string {
	s, err := c.expression(at, text)
	if err != nil {
		c.lost(at, "{%% %s %%}: %v", w, err)
	}
	return s
}

// expression writes an expression. What recipe.yaml has no words for is written as its value, where that
// depends on nothing, and this is said.
func (c *metaConverter) expression(at *yaml.Node, text string) (string, error) {
	s, err := c.w.expression(text)
	if err == nil {
		return s, nil
	}
	if v, ok := evaluate(text, c.w.consts); ok {
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

// set takes one {% set name = value %} over.
func (c *metaConverter) set(at *yaml.Node, text, condition string, path []branch) {
	left, value, ok := strings.Cut(text, "=")
	var names []string
	for _, n := range strings.Split(strings.Trim(left, " ()"), ",") {
		n = strings.TrimSpace(n)
		if !wholeWord.MatchString(n) {
			ok = false
		}
		names = append(names, n)
	}
	if !ok {
		c.lost(at, "{%% set %s %%} sets no single name", text)
		return
	}
	add := func(name, value string) {
		n := 1
		for _, a := range c.sets {
			if a.name == name {
				n++
			}
		}
		c.sets = append(c.sets, setting{name, value, condition, path, at.Line, n})
	}
	value = strings.TrimSpace(value)
	if len(names) == 1 {
		add(names[0], value)
		return
	}
	parts := topLevel(strings.Trim(value, "()"))
	for i, n := range names {
		if len(parts) == len(names) && !strings.Contains(value, ").") {
			add(n, strings.TrimSpace(parts[i]))
		} else {
			add(n, fmt.Sprintf("(%s)[%d]", value, i))
		}
	}
}

// resolve makes the context of the assignments. A variable of recipe.yaml has one value: of several
// assignments the last one counts, and an earlier value that is read in between gets a name of its own.
func (c *metaConverter) resolve() {
	total := map[string]int{}
	for _, a := range c.sets {
		total[a.name] = a.number
	}
	needed := c.intermediate(total)
	now, plain := map[string]string{}, map[string]bool{} // values so far; those that are one term
	for _, a := range c.sets {
		if c.looped[a.name] && !c.isRead(a.name) {
			continue
		}
		at := &yaml.Node{Line: a.line, Column: 1}
		if v, ok := c.w.consts[a.name]; ok {
			if _, writable := literal(v); !writable {
				continue // a table: its entries are put in where they are read
			}
		}
		before, again := now[a.name]
		self := mentions(a.value, a.name)
		if again && self && !plain[a.name] {
			helper := c.unused(fmt.Sprintf("%s_%d", a.name, a.number-1))
			c.contextVar(helper, before, a.line)
			before = helper
		}
		c.w.line, c.w.self = a.line, map[string]string{}
		if again {
			c.w.self[a.name] = wrapped(before)
		}
		s, err := c.expression(at, a.value)
		c.w.self = nil
		if err != nil {
			c.lost(at, "the value of %s cannot be written: %v", a.name, err)
		}
		if file := loadedFile.FindString(s); file != "" {
			c.w.known[a.name] = s // what is read from a file is put in where it is used
			continue
		}
		switch {
		case a.condition == "":
		case !again && absent(a.condition, a.name): // the variant's value, if there is one
			s = "(" + a.name + " | default(" + s + "))"
			s = bare(s)
		default:
			if !again {
				before = `""`
			}
			s = chosen(s, a.condition, before)
		}
		now[a.name], plain[a.name] = s, !strings.Contains(s, " if ")
		switch {
		case a.number == total[a.name]:
			c.contextVar(a.name, s, a.line)
		case needed[a.name][a.number]:
			name := c.unused(fmt.Sprintf("%s_%d", a.name, a.number))
			c.contextVar(name, s, a.line)
			if c.w.versions[a.name] == nil {
				c.w.versions[a.name] = map[int]string{}
			}
			c.w.versions[a.name][a.number] = name
		}
	}
}

// absent reports whether a condition says that a name is not defined.
func absent(condition, name string) bool {
	switch bare(strings.ReplaceAll(strings.ReplaceAll(condition, "(", ""), ")", "")) {
	case "not " + name + " is defined", name + " is undefined", name + " is not defined":
		return true
	}
	return false
}

// isRead reports whether an expression other than its own value reads a name.
func (c *metaConverter) isRead(name string) bool {
	for _, p := range c.jinja {
		if p.kind == '#' || !mentions(p.inner, name) {
			continue
		}
		if w, rest := statement(p); p.kind == '%' && w == "set" {
			if left, _, _ := strings.Cut(rest, "="); mentions(left, name) {
				continue
			}
		}
		return true
	}
	return false
}

var loadedFile = regexp.MustCompile(`^load_from_file\(`)

// chosen writes a value under a condition, else another; the two arms of one condition stay one.
func chosen(s, condition, other string) string {
	if then, rest, ok := strings.Cut(other, " if "); ok && !strings.Contains(then, `"if`) {
		if when, _, ok := strings.Cut(rest, " else "); ok && opposite(when, condition) {
			return wrappedIf(s) + " if " + condition + " else " + then
		}
	}
	return wrappedIf(s) + " if " + condition + " else " + other
}

// negated writes the opposite of a condition.
func negated(s string) string {
	if inner, ok := strings.CutPrefix(s, "not "); ok && !strings.Contains(inner, " ") {
		return inner
	}
	return "not " + wrapped(s)
}

// opposite reports whether exactly one of two conditions holds.
func opposite(a, b string) bool {
	a, b = bare(a), bare(b)
	return negated(a) == b || negated(b) == a || a == "unix" && b == "win" || a == "win" && b == "unix"
}

func mentions(text, name string) bool {
	return regexp.MustCompile(`(^|[^\w."'])` + regexp.QuoteMeta(name) + `\b`).MatchString(text)
}

// unused is a name that the file does not have.
func (c *metaConverter) unused(name string) string {
	for strings.Contains(c.outline.text, name) {
		name += "_"
	}
	return name
}

// intermediate finds the values that are read before the variable gets its last one.
func (c *metaConverter) intermediate(total map[string]int) map[string]map[int]bool {
	needed := map[string]map[int]bool{}
	for name, n := range total {
		if n < 2 {
			continue
		}
		needed[name] = map[int]bool{}
		for _, p := range c.jinja {
			line, _ := c.place(p.from)
			if w, rest := statement(p); p.kind == '%' && w == "set" {
				if left, _, _ := strings.Cut(rest, "="); mentions(left, name) { // its own value is put in
					continue
				}
			}
			if p.kind == '#' || !mentions(p.inner, name) {
				continue
			}
			if k := c.version(name, line); k > 0 && k < n {
				needed[name][k] = true
			}
		}
	}
	c.w.version = c.version
	return needed
}

// version is the number of the assignment of a name whose value a line reads; the last one also where
// those that follow are in other arms of an {% if %}.
func (c *metaConverter) version(name string, line int) int {
	k, last := 0, 0
	for _, a := range c.sets {
		if a.name != name {
			continue
		}
		if last = a.number; a.line < line {
			k = a.number
		}
	}
	for _, a := range c.sets {
		if a.name == name && a.number > k && !exclusive(a.path, c.paths[line]) {
			return k
		}
	}
	return last
}

// contextVar adds a variable, with the comments of the line that sets it.
func (c *metaConverter) contextVar(name, s string, line int) {
	key := plainNode(name)
	var above []string
	for i := line - 1; i > 0 && strings.HasPrefix(strings.TrimSpace(c.line(i)), "#"); i-- {
		above = append([]string{strings.TrimSpace(c.line(i))}, above...)
	}
	if len(above) > 0 && !c.taken[above[0]] {
		for _, l := range above {
			c.taken[l] = true
		}
		key.HeadComment = strings.Join(above, "\n")
	}
	value := contextNode(s)
	if _, after, ok := strings.Cut(c.line(line), "%}"); ok && value.Kind == yaml.ScalarNode {
		value.LineComment = c.withoutSelector(strings.TrimSpace(after))
	}
	c.context = append(c.context, key, value)
}

// contextNode is an expression as a value of the context: plain where it is a constant.
func contextNode(s string) *yaml.Node {
	if strings.HasPrefix(s, `"`) && quoteEnd(s) == len(s) {
		var v yaml.Node
		if yaml.Unmarshal([]byte(s), &v) == nil && len(v.Content) == 1 && !strings.Contains(v.Content[0].Value, "\n") {
			return plainText(v.Content[0].Value)
		}
	}
	if v, ok := evaluate(s, nil); ok {
		if items, list := itemsOf(v); list && len(items) > 0 {
			out := listNode()
			for _, it := range items {
				e, _ := literal(it)
				out.Content = append(out.Content, contextNode(e))
			}
			return out
		}
	}
	switch {
	case plainNumber.MatchString(s), s == "true", s == "false":
		return plainNode(s)
	case plainFloat.MatchString(s):
		return quotedNode(s)
	}
	return plainNode("${{ " + s + " }}")
}

// plainText is a text without quotes where it stays a text.
func plainText(s string) *yaml.Node {
	if someNumber.MatchString(s) || s == "" {
		return quotedNode(s)
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
}

var (
	plainNumber = regexp.MustCompile(`^(0|[1-9][0-9]*)$`)
	plainFloat  = regexp.MustCompile(`^[0-9]+\.[0-9]+$`)
	someNumber  = regexp.MustCompile(`^[-+.0-9][-+._0-9a-zA-Z]*$`)
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
