package recipes

import (
	"slices"
	"strings"

	"forge/internal/diag"
	"forge/recipes/internal/expr"
)

// syntax finds all mistakes of syntax at once where the reader stopped at the first. done is false where
// it did not stop.
func (m *mender) syntax(r *Rendered) (faults diag.List, done bool) {
	switch m.format {
	case "recipe.yaml":
		if !slices.ContainsFunc(r.Diagnostics, func(d diag.Diagnostic) bool { return d.Code == "yaml-syntax" && d.Pos.File == m.path }) {
			return nil, false
		}
		l, _ := mendYAML(m.path, slices.Clone(m.lines), m.hole(), &m.work)
		for _, f := range l.faults {
			faults = append(faults, f.d)
			for _, i := range f.holes {
				m.set(i+1, l.lines[i])
			}
		}
		return faults, true
	case "recipe.hcl":
		return m.hcl()
	}
	if r.stuck == nil {
		return nil, false
	}
	if r.stuck.filled != nil {
		return m.filled(r.stuck.filled), true
	}
	return m.jinja(r)
}

// jinja finds what is wrong with the template.
func (m *mender) jinja(r *Rendered) (faults diag.List, done bool) {
	s := r.stuck.selected
	if slices.ContainsFunc(r.Diagnostics, func(d diag.Diagnostic) bool { return d.Code == "bad-selector" }) {
		return nil, false // these first
	}
	var edits []expr.Edit
	for _, f := range v0Language.Faults(s.text) {
		if edits = append(edits, f.Edits...); f.Err != nil {
			faults = append(faults, m.templateFault(s, f.Err))
		}
	}
	if len(edits) > 0 {
		m.edit(s, edits, true)
		return faults, true
	}
	for _, d := range r.Diagnostics { // at most one: Jinja stops at it
		if isError(d) && d.Pos.File == m.path && d.Code != "too-expensive" {
			m.edit(s, v0Language.HoleAt(s.text, offsetIn(s, d.Pos)), !ofHole(d))
		}
	}
	return m.fresh(r.Diagnostics), true
}

func (m *mender) templateFault(s selection, e *expr.Error) diag.Diagnostic {
	line := mapLines(s.lines)(e.Line)
	return diag.Diagnostic{Code: "expression-syntax", Pos: diag.Pos{File: m.path, Line: line, Column: e.Column}, Length: e.Length,
		Line: m.source[line-1], Summary: e.Msg, Suggestion: e.Hint}
}

// offsetIn is where a place of the file is in the text after selectors; -1 where it is not.
func offsetIn(s selection, p diag.Pos) int {
	at := 0
	for i, line := range strings.SplitAfter(s.text, "\n") {
		if i < len(s.lines) && s.lines[i] == p.Line {
			runes := []rune(line)
			return at + len(string(runes[:min(max(p.Column-1, 0), len(runes))]))
		}
		at += len(line)
	}
	return -1
}

// edit makes edits of the text after selectors in the file, where the lines go on with their selectors. Where
// nothing is said of a line, it may have mistakes of its own.
func (m *mender) edit(s selection, edits []expr.Edit, said bool) {
	was, now := strings.Split(s.text, "\n"), strings.Split(expr.Apply(s.text, edits), "\n")
	for i := range min(len(was), len(now), len(s.lines)) {
		if was[i] == now[i] {
			continue
		}
		n := s.lines[i]
		rest, ok := strings.CutPrefix(m.lines[n-1], was[i])
		if !ok {
			rest = ""
		}
		if m.lines[n-1] = now[i] + rest; said {
			m.holes[n] = true
		}
	}
}

// filled finds what is wrong with the YAML that a template was filled in to.
func (m *mender) filled(s *selection) (faults diag.List) {
	lines := strings.Split(s.text, "\n")
	l, _ := mendYAML(m.path, slices.Clone(lines), m.hole(), &m.work)
	source := mapLines(s.lines)
	for _, f := range l.faults {
		n, made := source(f.d.Pos.Line), lines[min(f.d.Pos.Line, len(lines))-1]
		f.d.Pos.Line, f.d.Line = n, m.source[n-1]
		if made != m.lines[n-1] {
			f.d.Pos.Column, f.d.Length = 0, 0
		}
		if !m.holes[n] {
			faults = append(faults, f.d)
		}
		for _, i := range f.holes {
			at := source(i + 1)
			switch text := m.lines[at-1]; {
			case strings.Contains(text, "{%"):
			case l.lines[i] == "":
				m.set(at, "")
			default:
				m.set(at, punchYAML(text, m.hole()))
			}
		}
	}
	return faults
}
