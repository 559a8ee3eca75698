package recipes

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"forge/internal/diag"
	"forge/recipes/internal/expr"
)

// selectorLanguage is the Python of `# [selector]` comments.
var selectorLanguage = &expr.Dialect{}

// cutSelector splits a line of meta.yaml at its selector, as conda-build's
//
//	(.+?)\s*(#.*)?\[([^\[\]]+)\](?(2)[^\(\)]*)$
//
// does: the text before, and the condition. The comment mark is optional in it. But for `key: [a, b]` and
// `- [a, b]`, whose lists conda-build mistakes for selectors, so that the line loses its value: here they
// are lists.
func cutSelector(line string) (text, condition string, at int, ok bool) {
	if strings.IndexByte(line, ']') < 0 {
		return "", "", 0, false
	}
	open, end := lastBrackets(line)
	for p := 1; p < len(line); p++ {
		q := p
		for q < len(line) && isBlank(line[q]) {
			q++
		}
		if q >= len(line) {
			return "", "", 0, false
		}
		if line[q] == '#' && open > q {
			return line[:p], line[open+1 : end], open + 1, true
		}
		if line[q] == '[' && line[len(line)-1] == ']' {
			if inner := line[q+1 : len(line)-1]; inner != "" && !introducesList(line[:p]) && !strings.ContainsAny(inner, "[]") {
				return line[:p], inner, q + 1, true
			}
		}
		p = max(p, q-1) // the other blanks before q lead to the same place
	}
	return "", "", 0, false
}

// introducesList tells a key and the dash of a list: after these a bracket begins a list.
func introducesList(before string) bool {
	before = strings.TrimSpace(before)
	return before == "-" || strings.HasSuffix(before, ":")
}

// lostLists warns of the lists at the ends of lines, which conda-build takes for selectors.
func lostLists(f VariantFile, sel selection) (list diag.List) {
	if !strings.Contains(sel.text, "]\n") || f.Path == BuiltInVariants || filepath.Base(f.Path) == "forge.hcl" {
		return nil
	}
	lines := strings.Split(string(f.Data), "\n")
	for _, n := range sel.lines {
		line := trimBlanks(lines[n-1])
		open := strings.LastIndexByte(line, '[')
		if open < 1 || len(line) < open+3 || strings.IndexByte(line[open:], ']') != len(line)-open-1 || !introducesList(line[:open]) {
			continue
		}
		list = append(list, diag.Diagnostic{Severity: diag.Warning, Code: "list-as-selector", Line: line,
			Pos:    diag.Pos{File: f.Path, Line: n, Column: utf8.RuneCountInString(line[:open]) + 1},
			Length: utf8.RuneCountInString(line[open:]), Summary: "conda-build takes " + shortened(line[open:]) + " for a selector, since the line ends with it, and reads no list here; Forge reads one",
			Suggestion: "write each value on a line of its own, after `- `"})
	}
	return list
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v' }

// lastBrackets finds the last [condition] that only text without parentheses follows; -1 where there is
// none.
func lastBrackets(line string) (open, end int) {
	for end = len(line) - 1; end > 0; end-- {
		switch line[end] {
		case '(', ')':
			return -1, -1
		case ']':
			open = strings.LastIndexAny(line[:end], "[]")
			if open >= 0 && line[open] == '[' && open+1 < end {
				return open, end
			}
		}
	}
	return -1, -1
}

// selection is meta.yaml text after its selectors, with the source line of each of its lines.
type selection struct {
	text  string
	lines []int
}

// trimBlanks cuts the blanks at the end of a line.
func trimBlanks(line string) string {
	for line != "" && isBlank(line[len(line)-1]) {
		line = line[:len(line)-1]
	}
	return line
}

func isComment(line string) bool {
	i := 0
	for i < len(line) && (line[i] == ' ' || line[i] == '\t') {
		i++
	}
	return i < len(line) && line[i] == '#'
}

// selectorError is a selector that cannot be decided.
type selectorError struct {
	line, column int // of the condition, from 1
	condition    string
	err          error
}

// diagnostic places the mistake within the condition.
func (e *selectorError) diagnostic(file, line string) diag.Diagnostic {
	d := diag.Diagnostic{Code: "bad-selector", Pos: diag.Pos{File: file, Line: e.line, Column: e.column}, Line: line,
		Length: utf8.RuneCountInString(e.condition), Summary: fmt.Sprintf("selector [%s]: %v", shortened(e.condition), e.err)}
	var x *expr.Error
	if errors.As(e.err, &x) {
		d.Summary = fmt.Sprintf("selector [%s]: %s", shortened(e.condition), x.Msg)
		d.Pos.Column, d.Length = e.column+x.Column-1, max(1, x.Length)
	}
	return d
}

// shortened is a text of which no more is shown than a message has room for.
func shortened(s string) string {
	if r := []rune(s); len(r) > 80 {
		return string(r[:80]) + "…"
	}
	return s
}

// selectMeta drops the lines whose selector is false, and comment lines. Lines whose selector cannot be
// decided are listed and dropped.
func selectMeta(text string, decide func(condition string) (bool, error)) (selection, []*selectorError) {
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	c := &selectorCut{text: text, decide: decide}
	c.lines = make([]int, 0, strings.Count(text, "\n"))
	bracket := -1 // the next ]: lines without one have no selector
	for at, n := 0, 1; at < len(text); n++ {
		end := at + strings.IndexByte(text[at:], '\n')
		if bracket < at {
			if bracket = strings.IndexByte(text[at:], ']'); bracket < 0 {
				bracket = len(text)
			} else {
				bracket += at
			}
		}
		c.line(at, end, n, bracket < end)
		at = end + 1
	}
	if c.from == 0 && c.b.Len() == 0 { // nothing was dropped
		return selection{text, c.lines}, c.bad
	}
	c.flush(len(text), len(text))
	return selection{c.b.String(), c.lines}, c.bad
}

// selects reports whether selectMeta may change a text: by a comment, a bracket or a blank at the end of a line.
func selects(text string) bool {
	if strings.IndexByte(text, '#') >= 0 || strings.Contains(text, " \n") || strings.ContainsAny(text, "\t\r\f\v") {
		return true
	}
	for at := 0; ; {
		i := strings.IndexByte(text[at:], ']')
		if i < 0 {
			return false
		}
		from := at + strings.LastIndexByte(text[at:at+i], '\n') + 1
		at = nextByte(text, at+i, '\n')
		if _, _, _, ok := cutSelector(text[from:at]); ok {
			return true
		}
	}
}

// selectorCut goes through a text; what stays as it is, is copied in one piece.
type selectorCut struct {
	text   string
	decide func(condition string) (bool, error)
	from   int // of the text not copied yet
	b      strings.Builder
	lines  []int
	bad    []*selectorError
}

// flush copies the text up to a place and goes on at another.
func (c *selectorCut) flush(to, next int) {
	if c.b.Len() == 0 {
		c.b.Grow(len(c.text))
	}
	c.b.WriteString(c.text[c.from:to])
	c.from = next
}

// line decides about line n, which is text[at:end].
func (c *selectorCut) line(at, end, n int, bracket bool) {
	line := c.text[at:end]
	if line != "" && isBlank(line[len(line)-1]) {
		line = trimBlanks(line)
	}
	if isComment(line) {
		c.flush(at, end+1)
		return
	}
	var before, condition string
	column, ok := 0, false
	if bracket {
		before, condition, column, ok = cutSelector(line)
	}
	if !ok {
		if len(line) < end-at {
			c.flush(at+len(line), end)
		}
		c.lines = append(c.lines, n)
		return
	}
	yes, err := c.decide(condition)
	if err != nil {
		c.bad = append(c.bad, &selectorError{n, 1 + utf8.RuneCountInString(line[:column]), condition, err})
	}
	if !yes {
		c.flush(at, end+1)
		return
	}
	c.flush(at+len(before), end)
	if q := line[len(line)-1]; q == '\'' || q == '"' {
		c.b.WriteByte(q)
	}
	c.lines = append(c.lines, n)
}

// decider evaluates selectors; a name that nothing defines is False, as in conda-build.
type decider struct {
	env    *expr.Env
	parsed parsedSelectors // shared between variants
}

// parsedSelectors are conditions that were read, with what was decided last.
type parsedSelectors map[string]*parsedSelector

type parsedSelector struct {
	x     *expr.Expr
	by    *decider // whose decision this is
	value bool
}

func newDecider(lookup func(name string) (expr.Value, bool), parsed parsedSelectors) *decider {
	return &decider{parsed: parsed, env: &expr.Env{Lookup: func(name string) (expr.Value, bool) {
		if v, ok := lookup(name); ok {
			return v, true
		}
		if v, ok := pythonBuiltin(name); ok {
			return v, true
		}
		return false, true
	}}}
}

func (d *decider) decide(condition string) (bool, error) {
	s := d.parsed[condition]
	if s == nil {
		x, err := selectorLanguage.ParseExpr(condition)
		if err != nil {
			return false, err
		}
		s = &parsedSelector{x: x}
		d.parsed[condition] = s
	}
	if s.by == d {
		return s.value, nil
	}
	v, err := s.x.Test(d.env)
	if err == nil {
		s.by, s.value = d, v
	}
	return v, err
}

// pythonBuiltin are the builtins that selectors use.
func pythonBuiltin(name string) (expr.Value, bool) {
	one := func(f func(c *expr.Context, v expr.Value) (expr.Value, error)) (expr.Value, bool) {
		return &expr.Func{Name: name, Call: func(c *expr.Context, a expr.Args) (expr.Value, error) {
			v, err := a.Bind(name, "x")
			if err != nil {
				return nil, err
			}
			return f(c, v[0])
		}}, true
	}
	filters := func(filter string) (expr.Value, bool) {
		f := expr.AllFilters()[filter]
		return &expr.Func{Name: name, Call: func(c *expr.Context, a expr.Args) (expr.Value, error) {
			if len(a.Pos) != 1 {
				return nil, fmt.Errorf("%s() takes one argument", name)
			}
			return f(c, a.Pos[0], expr.Args{})
		}}, true
	}
	switch name {
	case "int", "float", "abs", "list", "min", "max", "sum":
		return filters(name)
	case "len":
		return filters("length")
	case "str":
		return one(func(c *expr.Context, v expr.Value) (expr.Value, error) { return c.Str(v) })
	case "bool":
		return one(func(_ *expr.Context, v expr.Value) (expr.Value, error) { return expr.Truth(v), nil })
	case "sorted":
		return filters("sort")
	case "any", "all":
		return one(func(c *expr.Context, v expr.Value) (expr.Value, error) {
			items, err := c.Iterate(v)
			for _, it := range items {
				if expr.Truth(it) == (name == "any") {
					return name == "any", err
				}
			}
			return name == "all", err
		})
	}
	return nil, false
}
