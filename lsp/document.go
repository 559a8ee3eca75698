package lsp

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"forge/recipes"
)

// document is a file that is open in the editor.
type document struct {
	uri, path string
	version   int
	text      string
}

// pathOf is the file that a URI names; of another scheme than file it is the last part of its path.
func pathOf(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "file" {
		return filepath.Base(uri)
	}
	path := u.Path
	if len(path) > 2 && path[0] == '/' && path[2] == ':' { // file:///C:/x
		path = path[1:]
	}
	return filepath.FromSlash(path)
}

func uriOf(path string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}

// offsetIn is the place of a position in a text, in bytes. One behind the end of a line is its end.
func offsetIn(text string, p position) int {
	at := 0
	for range p.Line {
		n := strings.IndexByte(text[at:], '\n')
		if n < 0 {
			return len(text)
		}
		at += n + 1
	}
	for units := 0; units < p.Character && at < len(text) && text[at] != '\n'; {
		r, n := utf8.DecodeRuneInString(text[at:])
		units += max(1, utf16.RuneLen(r))
		at += n
	}
	return at
}

// positionIn is the position of a place in a text.
func positionIn(text string, offset int) position {
	offset = max(0, min(offset, len(text)))
	line := strings.Count(text[:offset], "\n")
	start := strings.LastIndexByte(text[:offset], '\n') + 1
	units := 0
	for _, r := range text[start:offset] {
		units += max(1, utf16.RuneLen(r))
	}
	return position{line, units}
}

func rangeIn(text string, r recipes.Range) textRange {
	return textRange{positionIn(text, r.From), positionIn(text, r.To)}
}

func editsIn(text string, edits []recipes.Edit) []textEdit {
	out := []textEdit{}
	for _, e := range edits {
		out = append(out, textEdit{rangeIn(text, recipes.Range{From: e.From, To: e.To}), e.Text})
	}
	return out
}

// change applies what the editor changed.
func (d *document) change(p didChange) error {
	if p.TextDocument.Version < d.version {
		return fmt.Errorf("change %s: version %d is older than %d", d.uri, p.TextDocument.Version, d.version)
	}
	d.version = p.TextDocument.Version
	for _, c := range p.ContentChanges {
		if c.Range == nil {
			d.text = c.Text
			continue
		}
		from, to := offsetIn(d.text, c.Range.Start), offsetIn(d.text, c.Range.End)
		if to < from {
			return fmt.Errorf("change %s: a range ends before it begins", d.uri)
		}
		d.text = d.text[:from] + c.Text + d.text[to:]
	}
	return nil
}
