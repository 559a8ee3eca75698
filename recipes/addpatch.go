package recipes

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"forge/internal/diag"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"gopkg.in/yaml.v3"
)

// errNotSafe tells that a recipe is written in a way that is left to its author.
var errNotSafe = errors.New("the recipe writes its patches in a way that forge does not change")

// AddPatch returns the text of a recipe file with one more patch at the end of the source that stands at
// pos. Nothing else changes, comments stay. Where the source writes its patches as an expression, a
// condition or a block that was not found, the error says that it has to be done by hand.
func AddPatch(path string, data []byte, pos diag.Pos, patch string) ([]byte, error) {
	o := readOutline(path, data)
	var edit Edit
	ok := false
	switch {
	case o.body != nil:
		edit, ok = o.hclPatch(pos, patch)
	case o.root != nil:
		edit, ok = o.yamlPatch(pos, patch)
	}
	if !ok {
		return nil, errNotSafe
	}
	out, made := ApplyEdits(o.text, []Edit{edit})
	if made != 1 {
		return nil, errNotSafe
	}
	return []byte(out), nil
}

// yamlPatch finds the mapping of the source and the place for the new line in it.
func (o *outline) yamlPatch(pos diag.Pos, patch string) (Edit, bool) {
	var source *yaml.Node
	each(o.root, nil, func(_ []string, n *yaml.Node) {
		if n.Kind == yaml.MappingNode && isSource(n) && n.Line <= pos.Line && (source == nil || n.Line >= source.Line) {
			source = n
		}
	})
	if source == nil || source.Style&yaml.FlowStyle != 0 || len(source.Content) == 0 {
		return Edit{}, false
	}
	indent := strings.Repeat(" ", source.Content[0].Column-1)
	for i := 0; i+1 < len(source.Content); i += 2 {
		if source.Content[i].Value == "patches" {
			return o.appendItem(source.Content[i+1], yamlWord(patch))
		}
	}
	last, ok := o.lastLine(source)
	if !ok {
		return Edit{}, false
	}
	return o.lineAfter(last, indent+"patches:\n"+indent+"  - "+yamlWord(patch)), true
}

// appendItem adds an item to a list that is all plain text.
func (o *outline) appendItem(list *yaml.Node, word string) (Edit, bool) {
	if list.Kind != yaml.SequenceNode || len(list.Content) == 0 {
		return Edit{}, false
	}
	for _, item := range list.Content {
		if item.Kind != yaml.ScalarNode || item.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
			return Edit{}, false
		}
	}
	last := list.Content[len(list.Content)-1]
	_, to, ok := o.span(last)
	if !ok {
		return Edit{}, false
	}
	if list.Style&yaml.FlowStyle != 0 {
		return Edit{From: to, To: to, Text: ", " + word}, true
	}
	dash := strings.LastIndexByte(o.line(last.Line)[:last.Column-1], '-')
	if dash < 0 {
		return Edit{}, false
	}
	return o.lineAfter(last.Line, o.line(last.Line)[:dash]+"- "+word), true
}

// lastLine is the line that the last value of a block ends on.
func (o *outline) lastLine(n *yaml.Node) (int, bool) {
	last := 0
	ok := true
	each(n, nil, func(_ []string, n *yaml.Node) {
		last = max(last, n.Line)
		if n.Kind == yaml.ScalarNode {
			if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 || strings.Contains(n.Value, "\n") {
				ok = false
			}
			if _, to, found := o.span(n); found {
				line, _ := o.place(to)
				last = max(last, line)
			}
		} else if n.Style&yaml.FlowStyle != 0 && n.Line != last {
			ok = false
		}
	})
	return last, ok && last > 0
}

// lineAfter puts text on lines of its own after line n.
func (o *outline) lineAfter(n int, text string) Edit {
	_, to := o.lineSpan(n)
	if to >= len(o.text) && !strings.HasSuffix(o.text, "\n") {
		return Edit{From: to, To: to, Text: "\n" + text}
	}
	if to > 0 && to <= len(o.text) && o.text[to-1] == '\n' {
		return Edit{From: to, To: to, Text: text + "\n"}
	}
	return Edit{From: to, To: to, Text: "\n" + text}
}

func isSource(n *yaml.Node) bool {
	for i := 0; i < len(n.Content); i += 2 {
		if slices.Contains([]string{"url", "git", "path", "git_url", "hg_url", "svn_url"}, n.Content[i].Value) {
			return true
		}
	}
	return false
}

// yamlWord writes a file name as a YAML scalar.
func yamlWord(name string) string {
	if strings.IndexFunc(name, func(r rune) bool {
		return !(r == '/' || r == '.' || r == '-' || r == '_' || r == '+' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	}) < 0 && name != "" && name[0] >= 'A' {
		return name
	}
	return strconv.Quote(name)
}

// hclPatch does the same for a source block.
func (o *outline) hclPatch(pos diag.Pos, patch string) (Edit, bool) {
	var source *hclsyntax.Block
	var find func(b *hclsyntax.Body)
	find = func(b *hclsyntax.Body) {
		for _, block := range b.Blocks {
			if r := block.Range(); block.Type == "source" && r.Start.Line <= pos.Line && pos.Line <= block.CloseBraceRange.End.Line {
				source = block
			}
			find(block.Body)
		}
	}
	find(o.body)
	if source == nil {
		return Edit{}, false
	}
	word := strconv.Quote(patch)
	if attribute := source.Body.Attributes["patches"]; attribute != nil {
		list, ok := attribute.Expr.(*hclsyntax.TupleConsExpr)
		if !ok || len(list.Exprs) == 0 {
			return Edit{}, false
		}
		at := list.Exprs[len(list.Exprs)-1].Range().End.Byte
		if at < len(o.text) && o.text[at] == '"' { // the range of a quoted template may end inside its quotes
			at++
		}
		return Edit{From: at, To: at, Text: ", " + word}, true
	}
	at := source.CloseBraceRange.Start.Byte
	for at > 0 && (o.text[at-1] == ' ' || o.text[at-1] == '\t') {
		at--
	}
	if at == 0 || o.text[at-1] != '\n' {
		return Edit{}, false
	}
	indent := strings.Repeat(" ", source.CloseBraceRange.Start.Column+1)
	return Edit{From: at, To: at, Text: indent + "patches = [" + word + "]\n"}, true
}
