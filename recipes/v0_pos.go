package recipes

import (
	"strings"
	"unicode/utf8"

	"forge/internal/diag"
	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// place is where n stands in the file. Selectors and Jinja move text, so the line comes from the map of
// lines and the column from looking for the text in that line.
func (v *v0) place(doc *yamlx.Document, n *yaml.Node) diag.Pos {
	p := doc.Pos(n)
	if p.Line > 0 && p.Column == 0 && n != nil {
		p.Column, _ = findText(v.line(p.Line), n)
	}
	return p
}

// at makes an error about n.
func (v *v0) at(doc *yamlx.Document, n *yaml.Node, code, format string, args ...any) diag.Diagnostic {
	d := doc.At(n, code, format, args...)
	if d.Pos.Line > 0 && d.Pos.Column == 0 && n != nil {
		d.Pos.Column, d.Length = findText(v.line(d.Pos.Line), n)
	}
	return d
}

// findText is the column and length of n's text in a line of the file, or of what it was made from.
func findText(line string, n *yaml.Node) (column, length int) {
	text := ""
	if n.Kind == yaml.ScalarNode {
		text, _, _ = strings.Cut(n.Value, "\n")
	}
	i := -1
	if text = strings.TrimSpace(text); text != "" {
		i = strings.Index(line, text)
	}
	if i < 0 {
		text = ""
		if i = strings.Index(line, "{{"); i >= 0 && n.Kind == yaml.ScalarNode {
			if end := strings.Index(line[i:], "}}"); end > 0 {
				text = line[i : i+end+2]
			}
		} else {
			i = len(line) - len(strings.TrimLeft(line, " -\t"))
		}
	}
	return 1 + utf8.RuneCountInString(line[:i]), utf8.RuneCountInString(text)
}

// findWord finds name where it stands alone within {{ }}, or anywhere; -1 where it does not.
func findWord(line, name string) int {
	for _, from := range []int{max(0, strings.Index(line, "{{")), 0} {
		for at := from; name != ""; at++ {
			i := strings.Index(line[at:], name)
			if i < 0 {
				break
			}
			at += i
			end := at + len(name)
			if (at == 0 || !isWord(line[at-1])) && (end == len(line) || !isWord(line[end])) {
				return at
			}
		}
	}
	return -1
}
