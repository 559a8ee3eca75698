package yamlx

import (
	"path/filepath"
	"strings"

	"forge/internal/diag"

	"gopkg.in/yaml.v3"
)

// walker checks a tree and expands its aliases within limits: nine lines of YAML can stand for
// 10^9 nodes, and an anchor may hold itself.
type walker struct {
	doc   *Document
	o     Options
	list  diag.List
	nodes int
	open  []*yaml.Node // anchored nodes that are being expanded
	full  bool         // a limit was met and reported
}

func (w *walker) errorf(n *yaml.Node, code, suggestion, format string, args ...any) {
	d := w.doc.At(n, code, format, args...)
	d.Suggestion = suggestion
	w.list = append(w.list, d)
}

// clean returns n checked, with aliases and merge keys replaced. It never returns an AliasNode.
func (w *walker) clean(n *yaml.Node, depth int) *yaml.Node {
	if n == nil || w.full {
		return nil
	}
	if w.nodes++; w.nodes > w.o.MaxNodes {
		w.full = true
		w.errorf(n, "too-big", "", "the document has more than %d values once its aliases are expanded", w.o.MaxNodes)
		return nil
	}
	if depth > w.o.MaxDepth {
		w.full = true
		w.errorf(n, "too-deep", "no recipe needs this; look for a bracket that is not closed", "values are nested more than %d deep", w.o.MaxDepth)
		return nil
	}
	w.tag(n)
	if n.Anchor != "" && w.o.Aliases == RefuseAliases {
		w.errorf(n, "yaml-alias", w.instead(), "anchors (&%s) are not allowed in %s", n.Anchor, filepath.Base(w.doc.File))
	}
	switch n.Kind {
	case yaml.AliasNode:
		return w.alias(n, depth)
	case yaml.ScalarNode:
		if len(n.Value) > w.o.MaxScalar {
			w.errorf(n, "too-big", "", "this text has %d bytes, more than the %d one may have", len(n.Value), w.o.MaxScalar)
		}
		return n
	case yaml.MappingNode:
		return w.mapping(n, depth)
	}
	out := *n
	out.Content = make([]*yaml.Node, 0, len(n.Content))
	for _, c := range n.Content {
		if c = w.clean(c, depth+1); c != nil {
			out.Content = append(out.Content, c)
		}
	}
	return &out
}

// instead is what to write where aliases are not allowed.
func (w *walker) instead() string {
	if strings.HasPrefix(filepath.Base(w.doc.File), "recipe.") {
		return "write the value out, or use `context:`"
	}
	return "write the value out"
}

func (w *walker) tag(n *yaml.Node) {
	if n.Style&yaml.TaggedStyle == 0 {
		return
	}
	switch n.ShortTag() {
	case "!!str", "!!int", "!!float", "!!bool", "!!null", "!!seq", "!!map", "!!timestamp", "!!merge":
	default:
		w.errorf(n, "yaml-tag", "remove the tag", "the tag %s means nothing in a recipe", n.Tag)
	}
}

func (w *walker) alias(n *yaml.Node, depth int) *yaml.Node {
	if w.o.Aliases == RefuseAliases {
		w.errorf(n, "yaml-alias", w.instead(), "aliases (*%s) are not allowed in %s", n.Value, filepath.Base(w.doc.File))
		return nil
	}
	for _, o := range w.open {
		if o == n.Alias {
			w.errorf(n, "yaml-alias", "write out what is meant here", "the anchor &%s holds itself", n.Value)
			return nil
		}
	}
	w.open = append(w.open, n.Alias)
	defer func() { w.open = w.open[:len(w.open)-1] }()
	c := w.clean(n.Alias, depth+1)
	if c == nil {
		return nil
	}
	out := *c
	out.Line, out.Column, out.Anchor = n.Line, n.Column, ""
	return &out
}

func (w *walker) mapping(n *yaml.Node, depth int) *yaml.Node {
	if n.Anchor != "" {
		w.open = append(w.open, n)
		defer func() { w.open = w.open[:len(w.open)-1] }()
	}
	out := *n
	out.Content = make([]*yaml.Node, 0, len(n.Content))
	var merges []*yaml.Node
	at := map[string]int{}
	for i := 0; i+1 < len(n.Content) && !w.full; i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if isMerge(key) {
			if w.o.Aliases == RefuseAliases {
				w.errorf(key, "yaml-alias", "write the keys out", "merge keys (<<) are not allowed in %s", filepath.Base(w.doc.File))
				continue
			}
			merges = append(merges, value)
			continue
		}
		if key = w.key(key, depth); key == nil {
			continue
		}
		first, dup := at[key.Value]
		if dup {
			d := w.doc.At(key, "duplicate-key", "the key %q is here twice; it was first given in line %d", key.Value, w.doc.Pos(out.Content[first]).Line)
			d.Severity = w.o.Duplicates
			w.list = append(w.list, d)
		}
		if value = w.clean(value, depth+1); value == nil {
			continue
		}
		if dup {
			out.Content[first], out.Content[first+1] = key, value
			continue
		}
		at[key.Value] = len(out.Content)
		out.Content = append(out.Content, key, value)
	}
	for _, m := range merges {
		w.merge(&out, at, m, depth)
	}
	return &out
}

func isMerge(key *yaml.Node) bool {
	return key.Kind == yaml.ScalarNode && key.Value == "<<" && key.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) == 0
}

// key returns a mapping's key as a scalar, or nil where it is none.
func (w *walker) key(key *yaml.Node, depth int) *yaml.Node {
	c := w.clean(key, depth+1)
	if c == nil || c.Kind == yaml.ScalarNode {
		return c
	}
	suggestion := "put the key in quotes"
	if key.Kind == yaml.MappingNode {
		suggestion = "recipe.yaml writes expressions as ${{ … }}; meta.yaml puts a value that begins with {{ in quotes"
	}
	w.errorf(key, "bad-key", suggestion, "a key must be a text")
	return nil
}

// merge adds the keys of m that out lacks (https://yaml.org/type/merge.html).
func (w *walker) merge(out *yaml.Node, at map[string]int, m *yaml.Node, depth int) {
	c := w.clean(m, depth+1)
	if c == nil {
		return
	}
	switch c.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(c.Content); i += 2 {
			if _, ok := at[c.Content[i].Value]; !ok {
				at[c.Content[i].Value] = len(out.Content)
				out.Content = append(out.Content, c.Content[i], c.Content[i+1])
			}
		}
	case yaml.SequenceNode:
		for _, item := range c.Content {
			if item.Kind != yaml.MappingNode {
				w.errorf(item, "yaml-alias", "", "a merge key (<<) takes mappings")
				return
			}
			w.merge(out, at, item, depth+1)
		}
	default:
		w.errorf(m, "yaml-alias", "", "a merge key (<<) takes a mapping or a list of mappings")
	}
}
