package recipes

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// setting is one {% set %}.
type setting struct {
	name, value string
	condition   string // as recipe.yaml writes it
	path        []branch
	line        int
	number      int // of the assignments of its name, from 1
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
				if m := projectCall.FindString(a.value); m != "" {
					c.warn(at, "what %s) reads is written down as it is now; correct it with each version", m)
				}
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
		if v, ok := evaluate(s, nil); ok && self && again { // 0 + 100
			s, _ = literal(v)
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

var projectCall = pattern{src: `load_\w+\(`}

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

var loadedFile = pattern{src: `^load_from_file\(`}

// chosen writes a value under a condition, else another; the two arms of one condition stay one.
func chosen(s, condition, other string) string {
	condition = bare(condition)
	if then, rest, ok := strings.Cut(other, " if "); ok && !strings.Contains(then, `"if`) {
		if when, _, ok := strings.Cut(rest, " else "); ok && opposite(when, condition) {
			if strings.HasPrefix(condition, "not ") {
				return then + " if " + when + " else " + wrappedIf(s)
			}
			return wrappedIf(s) + " if " + condition + " else " + then
		}
	}
	return wrappedIf(s) + " if " + condition + " else " + other
}

func mentions(text, name string) bool {
	for at := 0; name != ""; {
		i := strings.Index(text[at:], name)
		if i < 0 {
			return false
		}
		from, to := at+i, at+i+len(name)
		before := from == 0 || !isAlnum(rune(text[from-1])) && !strings.ContainsRune(`_."'`, rune(text[from-1]))
		after := to == len(text) || !isAlnum(rune(text[to])) && text[to] != '_'
		if before && after {
			return true
		}
		at = to
	}
	return false
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
	i := line - 1
	for i > 0 && len(c.conditions[i+1]) > 0 && strings.HasPrefix(strings.TrimSpace(c.line(i)), "{% if") { // a comment above the {% if %} is about what it sets
		i--
	}
	for ; i > 0 && strings.HasPrefix(strings.TrimSpace(c.line(i)), "#"); i-- {
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
