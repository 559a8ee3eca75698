package recipes

import (
	"strings"
	"unicode/utf8"

	"forge/internal/diag"
	"forge/recipes/internal/yamlx"
)

// yamlMender finds what is wrong with the syntax of YAML. Lines become holes.
type yamlMender struct {
	*lineMender
	hole string
}

// mendYAML makes holes in lines until they can be parsed, and reports whether they can.
func mendYAML(path string, lines []string, hole string, work *int) (*lineMender, bool) {
	y := &yamlMender{hole: hole}
	y.lineMender = &lineMender{lines: lines, work: work, choices: y.choices,
		first: func(text string) *diag.Diagnostic {
			doc, list := yamlx.LoadText(path, text, yamlx.Options{Aliases: yamlx.ExpandAliases})
			if doc != nil || len(list) == 0 {
				return nil
			}
			return &list[0]
		},
		begins: func(i int) bool {
			return depth(lines[i]) == 0 && yamlEntry.MatchString(lines[i]) && lines[i][0] != '-'
		},
	}
	return y.lineMender, y.mend()
}

var yamlEntry = pattern{src: `^([ \t]*(?:- +)*)((?:"[^"]*"|'[^']*'|[^\s#"'\[\]{}&*!|>%@:-][^:#]*?) *:)(?:\s.*)?$`}

// punch makes a hole of the value in a line; the line is empty where there is none.
func punchYAML(line, hole string) string {
	if m := yamlEntry.FindStringSubmatch(line); m != nil && !strings.Contains(m[1], "\t") {
		return m[1] + m[2] + " " + hole
	}
	if at := depth(line); at >= 0 && strings.HasPrefix(line[at:], "- ") && !strings.Contains(line[:at], "\t") {
		return line[:keyDepth(line)] + hole
	}
	return ""
}

// children are the lines below line i that are indented more than its key.
func children(lines []string, i, to int) (below []int) {
	own := keyDepth(lines[i])
	for n := i + 1; n < to; n++ {
		if strings.TrimSpace(lines[n]) == "" {
			continue
		}
		k := len(lines[n]) - len(strings.TrimLeft(lines[n], " \t"))
		if k <= own && !(k == own && closesBracket(strings.TrimSpace(lines[n]))) {
			break
		}
		below = append(below, n)
	}
	return below
}

func (y *yamlMender) edits(i, to int, text string, deep bool) map[int]string {
	edits := map[int]string{i: text}
	if deep {
		for _, n := range children(y.lines, i, to) {
			edits[n] = ""
		}
	}
	return edits
}

func (y *yamlMender) choices(from, to, at int, d *diag.Diagnostic) (out []lineChoice) {
	for i := from; i <= at; i++ {
		column, kind := opensYAML(y.lines[i])
		if kind == 0 {
			continue
		}
		say := &diag.Diagnostic{Code: d.Code, Pos: diag.Pos{File: d.Pos.File, Line: i + 1, Column: 1 + utf8.RuneCountInString(y.lines[i][:column])}, Line: y.lines[i],
			Summary: "the quoted text that begins here is not closed", Suggestion: "close it with " + string(kind)}
		if kind == '[' || kind == '{' {
			say.Summary, say.Suggestion = map[byte]string{'[': "the list opened by `[` is not closed", '{': "the mapping opened by `{` is not closed"}[kind], ""
		}
		text := punchYAML(y.lines[i], y.hole)
		out = append(out, lineChoice{y.edits(i, to, text, false), i, say}, lineChoice{y.edits(i, to, text, true), i, say})
	}
	line := y.lines[at]
	if text := punchYAML(line, y.hole); text != "" && text != line {
		out = append(out, lineChoice{y.edits(at, to, text, false), -1, nil}, lineChoice{y.edits(at, to, text, true), -1, nil})
	}
	out = append(out, lineChoice{y.edits(at, to, "", false), -1, nil}, lineChoice{y.edits(at, to, "", true), -1, nil})
	before := at - 1
	for before > from && depth(y.lines[before]) < 0 {
		before--
	}
	if before >= from {
		text := punchYAML(y.lines[before], y.hole)
		out = append(out, lineChoice{y.edits(before, to, text, false), -1, nil}, lineChoice{y.edits(before, to, text, true), -1, nil}, lineChoice{y.edits(before, to, "", true), -1, nil})
	}
	return out
}

// opensYAML finds what the value of a line opens without closing it: a quote or a bracket; 0 for nothing.
func opensYAML(line string) (column int, kind byte) {
	at := keyDepth(line)
	if m := yamlEntry.FindStringSubmatch(line); m != nil {
		at = len(m[1]) + len(m[2])
	}
	for at < len(line) && line[at] == ' ' {
		at++
	}
	if at == len(line) {
		return 0, 0
	}
	switch c := line[at]; c {
	case '"', '\'':
		if endOfQuote(line, at) < 0 {
			return at, c
		}
	case '[', '{':
		return opensFlow(line, at)
	}
	return 0, 0
}

// endOfQuote is where the quoted text that begins at an offset ends; -1 where it does not.
func endOfQuote(line string, at int) int {
	for i := at + 1; i < len(line); i++ {
		switch {
		case line[i] == '\\' && line[at] == '"':
			i++
		case line[i] == line[at]:
			if line[at] == '\'' && i+1 < len(line) && line[i+1] == '\'' {
				i++
				continue
			}
			return i
		}
	}
	return -1
}

// opensFlow finds the innermost bracket or quote of a flow collection that is not closed.
func opensFlow(line string, at int) (column int, kind byte) {
	var open []int
	for i := at; i < len(line); i++ {
		switch c := line[i]; c {
		case '[', '{':
			open = append(open, i)
		case ']', '}':
			if len(open) > 0 {
				open = open[:len(open)-1]
			}
		case '"', '\'':
			if prev := strings.TrimRight(line[:i], " "); !strings.ContainsAny(prev[len(prev)-1:], "[{,:") {
				continue
			}
			end := endOfQuote(line, i)
			if end < 0 {
				return i, c
			}
			i = end
		case '#':
			if line[i-1] == ' ' {
				i = len(line)
			}
		}
	}
	if len(open) == 0 {
		return 0, 0
	}
	return open[0], line[open[0]]
}
