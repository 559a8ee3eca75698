package recipes

import (
	"path/filepath"
	"sort"
	"strings"
	"unicode/utf8"

	"forge/internal/diag"
	"forge/recipes/internal/yamlx"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"gopkg.in/yaml.v3"
)

// outline is a recipe file as it is written, not as it renders: its nodes with their true places and
// comments. Jinja in a meta.yaml is masked by as many private characters, so every place is the file's.
type outline struct {
	path, format, text string
	starts             []int           // byte offset of each line
	root               *yaml.Node      // of a YAML file; nil where it cannot be read
	body               *hclsyntax.Body // of an HCL file; nil where it cannot be read
	masked             string
	jinja              []jinjaPart
	known              string // the problem that kept it from being read, empty for none
}

// jinjaPart is one {{ … }}, {% … %} or {# … #} of a file.
type jinjaPart struct {
	from, to int  // byte offsets, brackets included
	kind     byte // '{', '%' or '#'
	inner    string
}

// formatOf is the format that a file's name tells, empty for none.
func formatOf(path string) string {
	switch base := filepath.Base(path); {
	case base == "meta.yaml" || base == "meta.yml" || base == "conda.yaml":
		return "meta.yaml"
	case strings.HasSuffix(base, ".hcl"):
		return "recipe.hcl"
	case strings.HasSuffix(base, ".yaml") || strings.HasSuffix(base, ".yml"):
		return "recipe.yaml"
	}
	return ""
}

// readOutline takes a file apart. It never fails: what cannot be read is left nil.
func readOutline(path string, data []byte) *outline {
	o := &outline{path: path, format: formatOf(path)}
	if o.text, o.known = yamlx.Text(data); o.known != "" || len(data) > maxRecipe {
		o.text = ""
	}
	for at := 0; at <= len(o.text); {
		o.starts = append(o.starts, at)
		n := strings.IndexByte(o.text[at:], '\n')
		if n < 0 {
			break
		}
		at += n + 1
	}
	o.masked = o.text
	switch o.format {
	case "recipe.hcl":
		o.body, _, _ = parseHCL(path, []byte(o.text))
		return o
	case "meta.yaml":
		o.jinja = findJinja(o.text, "{{")
		o.masked = o.mask()
	case "recipe.yaml":
		o.jinja = findJinja(o.text, "${{")
	}
	o.root = parseOutline(o.masked)
	return o
}

// findJinja lists the parts of a text that are for the template engine.
func findJinja(text, open string) (parts []jinjaPart) {
	for at := 0; at < len(text); {
		kind, from := byte(0), len(text)
		if n := strings.Index(text[at:], open); n >= 0 {
			kind, from = '{', at+n
		}
		if open == "{{" {
			for _, o := range []string{"{%", "{#"} {
				if n := strings.Index(text[at:], o); n >= 0 && at+n < from {
					kind, from = o[1], at+n
				}
			}
		}
		if kind == 0 {
			return parts
		}
		begin := from + 2
		if kind == '{' {
			begin = from + len(open)
		}
		n := closing(text[begin:], map[byte]string{'{': "}}", '%': "%}", '#': "#}"}[kind], kind != '#')
		if n < 0 {
			at = begin
			continue
		}
		parts = append(parts, jinjaPart{from, begin + n + 2, kind, text[begin : begin+n]})
		at = begin + n + 2
	}
	return parts
}

// closing finds the bracket that ends a part; brackets in quotes do not.
func closing(text, bracket string, quotes bool) int {
	quote := byte(0)
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quote != 0 && c == '\\':
			i++
		case quote != 0:
			if c == quote || c == '\n' {
				quote = 0
			}
		case quotes && (c == '"' || c == '\''):
			quote = c
		case strings.HasPrefix(text[i:], bracket):
			return i
		}
	}
	return -1
}

const (
	maskFirst = 0xE100 // a masked part begins with maskFirst plus its number and goes on with maskMore
	maskMost  = 0x1500
	maskMore  = '\uF7FF'
)

// mask replaces Jinja by characters that are plain text to YAML. Statements and comments become blank.
func (o *outline) mask() string {
	var b strings.Builder
	at := 0
	for i, p := range o.jinja {
		b.WriteString(o.text[at:p.from])
		for k, r := range o.text[p.from:p.to] {
			switch {
			case r == '\n' || r == '\r':
				b.WriteRune(r)
			case p.kind != '{':
				b.WriteByte(' ')
			case k == 0:
				b.WriteRune(rune(maskFirst + i%maskMost))
			default:
				b.WriteRune(maskMore)
			}
		}
		at = p.to
	}
	b.WriteString(o.text[at:])
	return b.String()
}

// source gives a masked text its Jinja back.
func (o *outline) source(masked string) string {
	if o.format != "meta.yaml" || strings.IndexFunc(masked, isMask) < 0 {
		return masked
	}
	var b strings.Builder
	for _, r := range masked {
		switch i := int(r) - maskFirst; {
		case r == maskMore:
		case isMask(r) && i < len(o.jinja):
			b.WriteString(o.text[o.jinja[i].from:o.jinja[i].to])
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func isMask(r rune) bool { return r >= maskFirst && r < maskFirst+maskMost || r == maskMore }

// value is the text of a scalar as the file has it, with its Jinja.
func (o *outline) value(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode {
		return ""
	}
	return o.source(n.Value)
}

// parseOutline reads YAML with comments; nil where that cannot be done.
func parseOutline(text string) (root *yaml.Node) {
	defer func() {
		if recover() != nil { // the library panics on some input
			root = nil
		}
	}()
	var doc yaml.Node
	if err := yaml.NewDecoder(strings.NewReader(text)).Decode(&doc); err != nil || len(doc.Content) == 0 {
		return nil
	}
	if !shallow(doc.Content[0], 200) {
		return nil
	}
	return doc.Content[0]
}

// shallow reports whether a tree can be walked: no aliases, no great depth.
func shallow(n *yaml.Node, depth int) bool {
	if depth == 0 || n.Kind == yaml.AliasNode {
		return depth != 0
	}
	for _, c := range n.Content {
		if !shallow(c, depth-1) {
			return false
		}
	}
	return true
}

// offset is the place in bytes of a line and a column, both from 1; columns count characters.
func (o *outline) offset(line, column int) int {
	if line < 1 || len(o.starts) == 0 {
		return 0
	}
	if line > len(o.starts) {
		return len(o.text)
	}
	at := o.starts[line-1]
	for ; column > 1 && at < len(o.text) && o.text[at] != '\n'; column-- {
		_, n := utf8.DecodeRuneInString(o.text[at:])
		at += n
	}
	return at
}

// place is the line and column of an offset.
func (o *outline) place(offset int) (line, column int) {
	line = sort.Search(len(o.starts), func(i int) bool { return o.starts[i] > offset })
	if line == 0 {
		return 1, 1
	}
	return line, utf8.RuneCountInString(o.text[o.starts[line-1]:min(max(offset, o.starts[line-1]), len(o.text))]) + 1
}

// line is a line's text without its end, counted from 1.
func (o *outline) line(n int) string {
	if n < 1 || n > len(o.starts) {
		return ""
	}
	end := len(o.text)
	if n < len(o.starts) {
		end = o.starts[n] - 1
	}
	return strings.TrimSuffix(o.text[o.starts[n-1]:end], "\r")
}

// lineSpan is a line with its end, as offsets.
func (o *outline) lineSpan(n int) (from, to int) {
	if n < len(o.starts) {
		return o.starts[n-1], o.starts[n]
	}
	return o.starts[n-1], len(o.text)
}

// pos is the place of an offset for a diagnostic.
func (o *outline) pos(offset int) diag.Pos {
	line, column := o.place(offset)
	return diag.Pos{File: o.path, Line: line, Column: column}
}

// span is where a scalar that stands in one line is, quotes included; ok is false for others.
func (o *outline) span(n *yaml.Node) (from, to int, ok bool) {
	if n == nil || n.Kind != yaml.ScalarNode || n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return 0, 0, false
	}
	from = o.offset(n.Line, n.Column)
	rest := o.text[from:]
	if i := strings.IndexByte(rest, '\n'); i >= 0 {
		rest = rest[:i]
	}
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		end := quoteEnd(rest)
		return from, from + end, end > 0
	}
	source := o.source(n.Value)
	return from, from + len(source), strings.HasPrefix(rest, source)
}

// quoteEnd is the length of the quoted text that s begins with, 0 where it does not end.
func quoteEnd(s string) int {
	if s == "" || s[0] != '"' && s[0] != '\'' {
		return 0
	}
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && s[0] == '"':
			i++
		case s[i] != s[0]:
		case s[0] == '\'' && i+1 < len(s) && s[i+1] == '\'':
			i++
		default:
			return i + 1
		}
	}
	return 0
}

// at walks down keys from the root; nil where one is missing.
func (o *outline) at(keys ...string) *yaml.Node {
	n := o.root
	for _, k := range keys {
		n = yamlx.Get(n, k)
	}
	return n
}

// each visits all nodes below n with the path of keys that leads to them.
func each(n *yaml.Node, path []string, visit func(path []string, n *yaml.Node)) {
	if n == nil {
		return
	}
	visit(path, n)
	switch n.Kind {
	case yaml.MappingNode:
		for k, v := range yamlx.Pairs(n) {
			each(v, append(path[:len(path):len(path)], k.Value), visit)
		}
	case yaml.SequenceNode:
		for _, e := range n.Content {
			each(e, append(path[:len(path):len(path)], "-"), visit)
		}
	}
}
