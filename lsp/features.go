package lsp

import (
	"fmt"
	"path/filepath"
	"slices"

	"forge/internal/diag"
	"forge/recipes"
)

// findings lints an open recipe.
func (s *server) findings(d *document) []recipes.Finding {
	if !isRecipe(d.path) {
		return nil
	}
	return recipes.Lint(d.path, []byte(d.text), s.o.Render)
}

// publish tells the editor what there is to say about a recipe.
func (s *server) publish(d *document) error {
	found, _ := s.guarded("lint", func() (any, error) { return s.findings(d), nil })
	p := published{URI: d.uri, Version: &d.version, Diagnostics: []diagnostic{}}
	list, _ := found.([]recipes.Finding)
	for _, f := range list {
		p.Diagnostics = append(p.Diagnostics, toDiagnostic(d, f.Diagnostic))
	}
	return s.conn.notify("textDocument/publishDiagnostics", p)
}

// toDiagnostic is a finding as the protocol has it. One about another file is put at the top.
func toDiagnostic(d *document, f diag.Diagnostic) diagnostic {
	out := diagnostic{Severity: int(f.Severity) + 1, Code: f.Code, Source: "forge", Message: f.Summary}
	if f.Severity == diag.Note {
		out.Severity = 3
	}
	if f.Pos.File != d.path && f.Pos.File != "" {
		out.Message = f.Pos.String() + ": " + out.Message
	} else if f.Pos.Line > 0 {
		out.Range = rangeIn(d.text, spanOf(d.text, f))
	}
	if f.Detail != "" {
		out.Message += "\n" + f.Detail
	}
	if f.Suggestion != "" {
		out.Message += "\nhelp: " + f.Suggestion
	}
	return out
}

// spanOf is the stretch of text that a diagnostic underlines, the whole line where no column is known.
func spanOf(text string, f diag.Diagnostic) recipes.Range {
	from := offsetIn(text, position{f.Pos.Line - 1, 0})
	end := offsetIn(text, position{f.Pos.Line - 1, 1 << 30})
	if f.Pos.Column == 0 {
		return recipes.Range{From: from, To: end}
	}
	runes := func(at, n int) int {
		for range text[at:end] {
			if n == 0 {
				break
			}
			n--
			at += len(string([]rune(text[at:end])[:1]))
		}
		return at
	}
	start := runes(from, f.Pos.Column-1)
	return recipes.Range{From: start, To: runes(start, max(1, f.Length))}
}

func (s *server) completion(p positionParams) (any, error) {
	d, a, at, err := s.at(p)
	if err != nil {
		return nil, err
	}
	var packages []string
	if s.o.Packages != nil {
		packages = s.o.Packages(filepath.Dir(d.path))
	}
	list, replaces := a.Complete(at, packages)
	kinds := map[string]int{"key": 10, "value": 12, "function": 3, "variable": 6, "filter": 24, "package": 9}
	items := []completionItem{}
	for i, c := range list {
		insert := c.Insert
		if insert == "" {
			insert = c.Label
		}
		items = append(items, completionItem{Label: c.Label, Kind: kinds[c.Kind], Detail: c.Detail, SortText: fmt.Sprintf("%05d", i),
			TextEdit: &textEdit{rangeIn(d.text, replaces), insert}})
	}
	return map[string]any{"isIncomplete": false, "items": items}, nil
}

func (s *server) hover(p positionParams) (any, error) {
	d, a, at, err := s.at(p)
	if err != nil {
		return nil, err
	}
	text, where := a.Hover(at)
	if text == "" {
		return nil, nil
	}
	h := hover{Range: rangeIn(d.text, where)}
	h.Contents.Kind, h.Contents.Value = "markdown", text
	return h, nil
}

func (s *server) definition(p positionParams) (any, error) {
	d, a, at, err := s.at(p)
	if err != nil {
		return nil, err
	}
	l, ok := a.Define(at)
	if !ok {
		return nil, nil
	}
	uri := d.uri
	if l.Path != d.path {
		path := l.Path
		if abs, err := filepath.Abs(path); err == nil {
			path = abs
		}
		uri = uriOf(path)
	}
	return location{uri, rangeIn(l.Text, l.Range)}, nil
}

func (s *server) prepareRename(p positionParams) (any, error) {
	d, a, at, err := s.at(p)
	if err != nil {
		return nil, err
	}
	r, name, ok := a.Renamable(at)
	if !ok {
		return nil, nil
	}
	return map[string]any{"range": rangeIn(d.text, r), "placeholder": name}, nil
}

func (s *server) rename(p positionParams) (any, error) {
	d, a, at, err := s.at(p)
	if err != nil {
		return nil, err
	}
	edits, err := a.Rename(at, p.NewName)
	if err != nil {
		return nil, err
	}
	return workspaceEdit{map[string][]textEdit{d.uri: editsIn(d.text, edits)}}, nil
}

func (s *server) formatting(p documentParams) (any, error) {
	d, err := s.document(p.TextDocument.URI)
	if err != nil {
		return nil, err
	}
	out, list := recipes.Format(d.path, []byte(d.text))
	if list.HasErrors() {
		return nil, fmt.Errorf("the recipe cannot be laid out: %s", list[0].Summary)
	}
	if string(out) == d.text {
		return []textEdit{}, nil
	}
	return []textEdit{{rangeIn(d.text, recipes.Range{From: 0, To: len(d.text)}), string(out)}}, nil
}

// codeActions offers the fixes of what is underlined in a range, and all fixes of the file at once.
func (s *server) codeActions(p codeActionParams) (any, error) {
	d, err := s.document(p.TextDocument.URI)
	if err != nil {
		return nil, err
	}
	wants := func(kind string) bool {
		return len(p.Context.Only) == 0 || slices.ContainsFunc(p.Context.Only, func(o string) bool {
			return o == kind || len(kind) > len(o) && kind[:len(o)+1] == o+"."
		})
	}
	from, to := offsetIn(d.text, p.Range.Start), offsetIn(d.text, p.Range.End)
	actions := []codeAction{}
	findings := s.findings(d)
	for _, f := range findings {
		at := spanOf(d.text, f.Diagnostic)
		if len(f.Fix) == 0 || f.Pos.File != d.path || at.To < from || to < at.From || !wants("quickfix") {
			continue
		}
		actions = append(actions, codeAction{Title: fixTitle(f), Kind: "quickfix", IsPreferred: true, Diagnostics: []diagnostic{toDiagnostic(d, f.Diagnostic)},
			Edit: &workspaceEdit{map[string][]textEdit{d.uri: editsIn(d.text, f.Fix)}}})
	}
	if out, n := recipes.FixAll([]byte(d.text), findings); n > 0 && wants("source.fixAll") {
		actions = append(actions, codeAction{Title: fmt.Sprintf("Fix all that lint can fix (%d)", n), Kind: "source.fixAll",
			Edit: &workspaceEdit{map[string][]textEdit{d.uri: {{rangeIn(d.text, recipes.Range{From: 0, To: len(d.text)}), string(out)}}}}})
	}
	return actions, nil
}

func fixTitle(f recipes.Finding) string {
	if f.Suggestion != "" {
		return fmt.Sprintf("Fix %s: %s", f.Code, f.Suggestion)
	}
	return "Fix " + f.Code
}

func (s *server) symbols(p documentParams) (any, error) {
	d, a, err := s.assist(p.TextDocument.URI)
	if err != nil {
		return nil, err
	}
	out := []documentSymbol{}
	for _, y := range a.Symbols() {
		r := rangeIn(d.text, y.Def)
		out = append(out, documentSymbol{Name: y.Name, Kind: 13, Range: r, SelectionRange: r})
	}
	return out, nil
}
