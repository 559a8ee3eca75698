package recipes

import (
	"slices"
	"strings"

	"forge/internal/diag"
	"forge/recipes/internal/yamlx"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"gopkg.in/yaml.v3"
)

// Format lays a recipe out in the usual way: two spaces of indentation, one space after `:` and `-`, no
// spaces at line ends, at most one empty line. Comments, quotes and order stay, and so does the meaning:
// where the result would read as anything else, the text is left as it is. A file that cannot be read is
// an error. Formatting a formatted file changes nothing.
func Format(path string, data []byte) ([]byte, diag.List) {
	o := readOutline(path, data)
	switch {
	case o.format == "":
		return nil, failed(path, "the name of a recipe is one of %s", strings.Join(recipeNames(), ", ")).Diagnostics
	case o.known != "":
		return nil, failed(path, "%s", o.known).Diagnostics
	case strings.TrimSpace(o.text) == "":
		return []byte(o.text), nil
	case o.format == "recipe.hcl":
		return formatHCL(o, data)
	}
	if o.root == nil {
		return nil, o.unreadable(data)
	}
	for range 4 { // laying one thing out may make room for another
		next := o.formatYAML()
		if next == o.text {
			break
		}
		o = readOutline(path, []byte(next))
	}
	return []byte(o.text), nil
}

// unreadable says why a YAML file cannot be taken apart.
func (o *outline) unreadable(data []byte) diag.List {
	options := yamlx.Options{}
	if o.format == "meta.yaml" {
		options = yamlx.Options{Aliases: yamlx.ExpandAliases, Duplicates: diag.Warning, Source: string(data)}
	}
	doc, list := yamlx.Load(o.path, []byte(o.masked), options)
	if doc == nil && list.HasErrors() {
		return o.allSyntax(list, func(lines []string, work *int) *lineMender {
			l, _ := mendYAML(o.path, lines, "x", work)
			return l
		})
	}
	if !list.HasErrors() {
		list = failed(o.path, "the file cannot be laid out: its Jinja decides about its structure, or it has aliases").Diagnostics
	}
	return list
}

// allSyntax finds all mistakes of syntax where a reader stopped at the first.
func (o *outline) allSyntax(first diag.List, mend func(lines []string, work *int) *lineMender) (list diag.List) {
	if slices.ContainsFunc(first, isLimit) || len(o.masked) > maxMended {
		return first
	}
	work := maxMendWork
	source := strings.Split(o.text, "\n")
	for _, f := range mend(strings.Split(o.masked, "\n"), &work).faults {
		f.d.Line = source[f.d.Pos.Line-1]
		list = append(list, f.d)
	}
	if list == nil {
		return first
	}
	return list
}

func formatHCL(o *outline, data []byte) ([]byte, diag.List) {
	if o.body == nil {
		_, _, list := parseHCL(o.path, data)
		return nil, o.allSyntax(list, func(lines []string, work *int) *lineMender {
			l, _ := mendHCL(o.path, lines, work)
			return l
		})
	}
	out := hclwrite.Format([]byte(o.text))
	again := readOutline(o.path, out)
	if again.body == nil {
		return []byte(o.text), nil
	}
	return []byte(again.tidy()), nil
}

// formatYAML is one round. Each step is undone where it changed what the file says.
func (o *outline) formatYAML() string {
	text := o.text
	for _, step := range []func(*outline) string{(*outline).spaced, (*outline).tidy, (*outline).indented} {
		now := readOutline(o.path, []byte(text))
		if next := step(now); next != text && now.same(readOutline(o.path, []byte(next))) {
			text = next
		}
	}
	return text
}

// spaced puts the spaces of Jinja and selectors right, as lint does.
func (o *outline) spaced() string {
	l := &linter{outline: o, rules: map[string]Rule{}, seen: map[string]bool{}}
	for _, r := range Rules() {
		l.rules[r.ID] = r
	}
	l.jinjaRules()
	var edits []Edit
	for _, f := range l.found {
		edits = append(edits, f.Fix...)
	}
	text, _ := ApplyEdits(o.text, append(edits, o.colons()...))
	return text
}

// colons are edits that leave one space between a key and a value of the same line.
func (o *outline) colons() (edits []Edit) {
	each(o.root, nil, func(_ []string, n *yaml.Node) {
		if n.Style&yaml.FlowStyle != 0 {
			return
		}
		for k, v := range yamlx.Pairs(n) {
			_, end, ok := o.span(k)
			if !ok || v.Line != k.Line || v.Kind == yaml.ScalarNode && v.Value == "" && v.Style == 0 {
				continue
			}
			from := o.offset(v.Line, v.Column)
			if from <= end || from > len(o.text) || v.Anchor != "" || v.Style&yaml.TaggedStyle != 0 {
				continue
			}
			if between := o.text[end:from]; strings.TrimLeft(between, " ") != between || strings.TrimSpace(between) == ":" && between != ": " {
				edits = append(edits, Edit{end, from, ": "})
			}
		}
	})
	return edits
}

// tidy removes spaces at line ends and empty lines that are more than one, and ends the file once.
func (o *outline) tidy() string {
	block := (&linter{outline: o}).blockLines()
	var b strings.Builder
	empty := 0
	for i := range o.starts {
		line := o.line(i + 1)
		if !block[i+1] {
			line = strings.TrimRight(line, " \t")
		}
		if line == "" && !block[i+1] {
			empty++
			continue
		}
		if empty > 0 && b.Len() > 0 {
			b.WriteByte('\n')
		}
		empty = 0
		b.WriteString(line + "\n")
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// same reports whether two files say the same: nodes, texts, quotes, comments.
func (o *outline) same(other *outline) bool {
	if o.root == nil || other.root == nil {
		return o.root == other.root
	}
	return sameNode(o, o.root, other, other.root)
}

func sameNode(a *outline, x *yaml.Node, b *outline, y *yaml.Node) bool {
	if x.Kind != y.Kind || x.Style != y.Style || x.Tag != y.Tag || x.Anchor != y.Anchor || len(x.Content) != len(y.Content) ||
		squeeze(a.source(x.Value)) != squeeze(b.source(y.Value)) ||
		commentText(a, x) != commentText(b, y) {
		return false
	}
	for i := range x.Content {
		if !sameNode(a, x.Content[i], b, y.Content[i]) {
			return false
		}
	}
	return true
}

// squeeze leaves out the spaces that formatting puts into Jinja.
func squeeze(s string) string {
	if !strings.Contains(s, "{{") {
		return s
	}
	var b strings.Builder
	at := 0
	for _, p := range findJinja(s, "{{") {
		b.WriteString(s[at:p.from] + "{{" + strings.TrimSpace(p.inner) + "}}")
		at = p.to
	}
	return b.String() + s[at:]
}

func commentText(o *outline, n *yaml.Node) string {
	text := strings.Join(strings.Fields(o.source(n.HeadComment+" "+n.LineComment+" "+n.FootComment)), "")
	return text
}
