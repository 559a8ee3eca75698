package recipes

import (
	"slices"
	"strings"
	"unicode/utf8"

	"forge/internal/diag"
	"forge/recipes/internal/expr"
)

// hcl finds all mistakes of syntax of a recipe.hcl; done is false where it can be parsed.
func (m *mender) hcl() (faults diag.List, done bool) {
	if body, _, _ := parseHCL(m.path, []byte(strings.Join(m.lines, "\n"))); body != nil {
		return nil, false
	}
	l, _ := mendHCL(m.path, slices.Clone(m.lines), &m.work)
	for _, f := range l.faults {
		faults = append(faults, f.d)
		for _, i := range f.holes {
			m.set(i+1, l.lines[i])
		}
	}
	return faults, true
}

// hclMender finds what is wrong with the syntax of HCL.
type hclMender struct {
	*lineMender
	path   string
	inText []bool // lines of a text between <<EOT and EOT
}

var (
	hclAttribute = pattern{src: `^(\s*[\w-]+\s*=)(?:[^=].*)?$`}
	hclBlock     = pattern{src: `^\s*[A-Za-z_][\w-]*(?:\s+"[^"]*")*\s*\{`}
	hclText      = pattern{src: `<<-?(\w+)\s*$`}
)

func mendHCL(path string, lines []string, work *int) (*lineMender, bool) {
	h := &hclMender{path: path, inText: textsOf(lines)}
	whole := false // nothing is indented, so no line tells where a block begins
	for i, s := range lines {
		whole = whole || !h.inText[i] && depth(s) == 0 && hclAttribute.MatchString(s)
	}
	h.lineMender = &lineMender{lines: lines, work: work, choices: h.choices,
		first: func(text string) *diag.Diagnostic {
			body, _, list := parseHCL(path, []byte(text))
			if body != nil || len(list) == 0 {
				return nil
			}
			list.Sort()
			return &list[0]
		},
		begins: func(i int) bool {
			return !whole && !h.inText[i] && lines[i] != "" && isWord(lines[i][0])
		},
	}
	return h.lineMender, h.mend()
}

// textsOf marks the lines of long texts.
func textsOf(lines []string) []bool {
	in := make([]bool, len(lines))
	for i := 0; i < len(lines); i++ {
		m := hclText.FindStringSubmatch(lines[i])
		if m == nil {
			continue
		}
		end := i + 1
		for end < len(lines) && strings.TrimSpace(lines[end]) != m[1] {
			end++
		}
		if end == len(lines) {
			continue
		}
		for i++; i <= end; i++ {
			in[i] = true
		}
		i--
	}
	return in
}

// punchHCL makes a hole of the value of an attribute; the line is empty where there is none.
func punchHCL(line string) string {
	if m := hclAttribute.FindStringSubmatch(line); m != nil {
		return m[1] + " " + expr.HoleName
	}
	return ""
}

// value are the lines of an attribute or item that begins at line i: up to the next attribute, block or brace.
func (h *hclMender) value(i, to int) map[int]string {
	edits := map[int]string{i: punchHCL(h.lines[i])}
	for n := i + 1; n < to; n++ {
		s := h.lines[n]
		if !h.inText[n] && (hclAttribute.MatchString(s) || hclBlock.MatchString(s) || strings.HasPrefix(strings.TrimSpace(s), "}")) {
			break
		}
		edits[n] = ""
	}
	return edits
}

func (h *hclMender) choices(from, to, at int, d *diag.Diagnostic) (out []lineChoice) {
	for i := from; i <= at; i++ {
		if h.inText[i] {
			continue
		}
		column, kind := opensHCL(h.lines[i])
		switch kind {
		case '"':
			say := h.say(i, column, "a quoted text does not end on its line", "close the quote, or write a long text as <<-EOT … EOT")
			out = append(out, lineChoice{map[int]string{i: punchHCL(h.lines[i])}, i, say}, lineChoice{h.value(i, to), i, say})
		case '[', '(':
			say := h.say(i, column, "the `"+string(kind)+"` here is not closed", "close it with `"+string(closingOf(kind))+"`")
			out = append(out, lineChoice{h.value(i, to), i, say})
		}
	}
	out = append(out, h.braces(from, to)...)
	for i := at; i >= max(from, at-1); i-- {
		if h.lines[i] == "" {
			continue
		}
		out = append(out, lineChoice{map[int]string{i: punchHCL(h.lines[i])}, -1, nil}, lineChoice{map[int]string{i: ""}, -1, nil}, lineChoice{h.value(i, to), -1, nil})
	}
	return out
}

func (h *hclMender) say(i, column int, summary, suggestion string) *diag.Diagnostic {
	return &diag.Diagnostic{Code: "hcl", Pos: diag.Pos{File: h.path, Line: i + 1, Column: 1 + utf8.RuneCountInString(h.lines[i][:column])}, Line: h.lines[i], Summary: summary, Suggestion: suggestion}
}

func closingOf(c byte) byte {
	if c == '[' {
		return ']'
	}
	return ')'
}

// braces closes the block whose brace is missing, as far as indentation tells which.
func (h *hclMender) braces(from, to int) []lineChoice {
	var open []int
	for i := from; i < to; i++ {
		k := depth(h.lines[i])
		if k < 0 || h.inText[i] {
			continue
		}
		s := strings.TrimSpace(h.lines[i])
		for len(open) > 0 && depth(h.lines[open[len(open)-1]]) > k || s != "}" && len(open) > 0 && depth(h.lines[open[len(open)-1]]) == k {
			o := open[len(open)-1]
			return []lineChoice{{map[int]string{i: "}\n" + h.lines[i]}, -1, h.say(o, strings.LastIndexByte(h.lines[o], '{'), "the block that begins here is not closed", "close it with `}`")}}
		}
		switch {
		case s == "}" && len(open) > 0:
			open = open[:len(open)-1]
		case strings.HasSuffix(s, "{") && hclBlock.MatchString(h.lines[i]):
			open = append(open, i)
		}
	}
	if len(open) == 0 {
		return nil
	}
	o := open[len(open)-1]
	return []lineChoice{{map[int]string{to - 1: h.lines[to-1] + "\n}"}, -1, h.say(o, strings.LastIndexByte(h.lines[o], '{'), "the block that begins here is not closed", "close it with `}`")}}
}

// opensHCL finds a quote that does not end on its line, or the first list or call that does not.
func opensHCL(line string) (column int, kind byte) {
	var open []int
	quote, fill := -1, 0 // where a text began, and how many ${ are open in it
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case quote >= 0 && fill == 0 && c == '\\':
			i++
		case quote >= 0 && fill == 0 && c == '"':
			quote = -1
		case quote >= 0 && c == '$' && strings.HasPrefix(line[i:], "${") && !strings.HasSuffix(line[:i], "$"):
			fill++
			i++
		case fill > 0:
			if c == '}' {
				fill--
			}
		case quote >= 0:
		case c == '"':
			quote = i
		case c == '#', strings.HasPrefix(line[i:], "//"):
			i = len(line)
		case c == '[' || c == '(':
			open = append(open, i)
		case (c == ']' || c == ')') && len(open) > 0:
			open = open[:len(open)-1]
		}
	}
	if quote >= 0 {
		return quote, '"'
	}
	if len(open) > 0 {
		return open[0], line[open[0]]
	}
	return 0, 0
}
