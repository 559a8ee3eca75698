// Package yamlx reads recipe YAML into nodes with places, and says clearly what it does not take.
//
// Scalars stay text: version 1.10 is never a number (YAML 1.2 core schema would make it 1.1).
package yamlx

import (
	"fmt"
	"strings"

	"forge/internal/diag"

	"gopkg.in/yaml.v3"
)

// Aliases says what is done with anchors, aliases and merge keys.
type Aliases int

// RefuseAliases is what recipe.yaml does (rattler-build refuses them); ExpandAliases is for files that
// conda-build reads with PyYAML.
const (
	RefuseAliases Aliases = iota
	ExpandAliases
)

// Options of Load. The zero value is right for recipe.yaml.
type Options struct {
	Aliases Aliases
	// Duplicates is the severity of a repeated key; the zero value is diag.Error. With anything less
	// the later value stays, as PyYAML has it.
	Duplicates diag.Severity
	// MapLine gives the source line of a line of data where data was made from a template; nil for none.
	MapLine func(line int) int
	// Source is the text that lines are quoted from where data was made from a template.
	Source string

	MaxBytes  int // of the file; 0 for 16 MiB
	MaxScalar int // bytes of one scalar; 0 for 4 MiB
	MaxDepth  int // of nesting; 0 for 200
	MaxNodes  int // after aliases are expanded; 0 for 1,000,000
}

func (o Options) withDefaults() Options {
	for _, d := range []struct {
		field *int
		value int
	}{{&o.MaxBytes, 16 << 20}, {&o.MaxScalar, 4 << 20}, {&o.MaxDepth, 200}, {&o.MaxNodes, 1_000_000}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	return o
}

// Document is one YAML document with the text it came from.
type Document struct {
	File string
	Root *yaml.Node // nil where the document is empty; never a DocumentNode or AliasNode

	source  string   // that lines are quoted from
	lines   []string // of source, cut when the first is asked for
	mapLine func(int) int
}

// Load reads the first document of data. It returns what could be read, and nil where nothing could;
// the document is fit for use unless the list has errors. Mistakes are all reported, not the first.
func Load(file string, data []byte, o Options) (*Document, diag.List) {
	o = o.withDefaults()
	doc := &Document{File: file, mapLine: o.MapLine}
	if list := tooBig(file, len(data), o); list != nil {
		return nil, list
	}
	text, bad := decode(data)
	if bad != "" {
		return nil, diag.List{{Code: "encoding", Pos: diag.Pos{File: file}, Summary: bad}}
	}
	return doc.load(text, o)
}

// LoadText is Load for text that was decoded already.
func LoadText(file, text string, o Options) (*Document, diag.List) {
	o = o.withDefaults()
	if list := tooBig(file, len(text), o); list != nil {
		return nil, list
	}
	return (&Document{File: file, mapLine: o.MapLine}).load(text, o)
}

func tooBig(file string, size int, o Options) diag.List {
	if size <= o.MaxBytes {
		return nil
	}
	return diag.List{{Code: "too-big", Pos: diag.Pos{File: file},
		Summary: fmt.Sprintf("the file has %d bytes, more than the %d a YAML file may have", size, o.MaxBytes)}}
}

func (doc *Document) load(text string, o Options) (*Document, diag.List) {
	if doc.source = o.Source; o.Source == "" {
		doc.source = text
	}
	if l := doc.unprintable(text); l.HasErrors() {
		return nil, l
	}
	if isPlain(text) && len(text) <= o.MaxScalar {
		lines := strings.Split(text, "\n")
		if o.Source == "" {
			doc.lines = lines
		}
		if root, ok := readPlain(text, lines, o.MaxNodes); ok {
			doc.Root = root
			return doc, nil
		}
	}
	root, more, list := doc.parse(text)
	if list.HasErrors() {
		return nil, list
	}
	w := &walker{doc: doc, o: o, list: list}
	doc.Root = w.clean(root, 0)
	if more && !w.list.HasErrors() {
		w.list = append(w.list, diag.Diagnostic{Severity: diag.Warning, Code: "second-document", Pos: diag.Pos{File: doc.File},
			Summary: "the file holds more than one YAML document; only the first is read"})
	}
	return doc, w.list
}

// parse runs the YAML library, which panics on some input it does not expect.
func (d *Document) parse(text string) (root *yaml.Node, more bool, list diag.List) {
	defer func() {
		if r := recover(); r != nil {
			root, list = nil, diag.List{{Code: "yaml-syntax", Pos: diag.Pos{File: d.File}, Summary: "this is not YAML that can be read"}}
		}
	}()
	dec := yaml.NewDecoder(strings.NewReader(text))
	var node yaml.Node
	switch err := dec.Decode(&node); {
	case err != nil && err.Error() == "EOF":
		return nil, false, nil
	case err != nil:
		return nil, false, diag.List{d.syntax(text, err)}
	}
	var next yaml.Node
	more = dec.Decode(&next) == nil
	if len(node.Content) > 0 {
		root = node.Content[0]
	}
	return root, more, nil
}

// Pos is the place of n.
func (d *Document) Pos(n *yaml.Node) diag.Pos {
	if n == nil || n.Line == 0 {
		return diag.Pos{File: d.File}
	}
	if d.mapLine != nil {
		return diag.Pos{File: d.File, Line: d.mapLine(n.Line)} // columns move when a template is filled in
	}
	return diag.Pos{File: d.File, Line: n.Line, Column: n.Column}
}

// Line is the text of a source line, counted from 1; empty where there is none.
func (d *Document) Line(n int) string {
	if d.lines == nil {
		source, _ := decode([]byte(d.source))
		d.lines = splitLines(source)
	}
	if n < 1 || n > len(d.lines) {
		return ""
	}
	return d.lines[n-1]
}

// At makes an error about n. The caller fills in what else there is to say.
func (d *Document) At(n *yaml.Node, code, format string, args ...any) diag.Diagnostic {
	p := d.Pos(n)
	length := 0
	if n != nil && n.Kind == yaml.ScalarNode && d.mapLine == nil {
		length = len([]rune(n.Value))
		if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
			length += 2
		}
	}
	return diag.Diagnostic{Code: code, Pos: p, Length: length, Line: d.Line(p.Line), Summary: fmt.Sprintf(format, args...)}
}

// Foreign is a document of another language: only places and lines are of use, Root is the caller's.
func Foreign(file string, data []byte) *Document {
	text, _ := decode(data)
	return &Document{File: file, source: text}
}
