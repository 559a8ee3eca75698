package recipes

import (
	"fmt"
	"sort"
	"strings"

	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// Assist answers an editor's questions about one recipe that is open in it. Offsets are bytes of its text.
type Assist struct {
	*outline
	data []byte
	opts RenderOptions
}

// NewAssist takes a file apart; it never fails.
func NewAssist(path string, data []byte, opts RenderOptions) *Assist {
	return &Assist{readOutline(path, data), data, opts}
}

// Location is a stretch of a file.
type Location struct {
	Path  string
	Text  string // of that file
	Range Range
}

// word is the name that an offset is in or behind.
func (a *Assist) word(offset int) (Range, string) {
	isWord := func(c byte) bool {
		return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
	}
	from, to := min(offset, len(a.text)), min(offset, len(a.text))
	for from > 0 && isWord(a.text[from-1]) {
		from--
	}
	for to < len(a.text) && isWord(a.text[to]) {
		to++
	}
	return Range{from, to}, a.text[from:to]
}

// symbolAt is the variable that an offset names.
func (a *Assist) symbolAt(offset int) (*Symbol, Range) {
	for _, s := range a.symbols() {
		for _, r := range append([]Range{s.Def}, s.Uses...) {
			if r.From <= offset && offset <= r.To {
				return s, r
			}
		}
	}
	return nil, Range{}
}

// Define finds where the variable or variant key at an offset is set; ok is false where that is nowhere.
func (a *Assist) Define(offset int) (l Location, ok bool) {
	if s, _ := a.symbolAt(offset); s != nil {
		return Location{a.path, a.text, s.Def}, true
	}
	_, name := a.word(offset)
	if name == "" {
		return Location{}, false
	}
	beside, err := variantsBeside(a.path)
	if err != nil {
		return Location{}, false
	}
	for _, f := range append(beside, a.opts.Variants...) {
		o := readOutline("x.yaml", f.Data)
		for k := range yamlx.Pairs(o.root) {
			if normalKey(k.Value) == normalKey(name) || k.Value == name+"_compiler" {
				from := o.offset(k.Line, k.Column)
				return Location{f.Path, o.text, Range{from, from + len(k.Value)}}, true
			}
		}
	}
	return Location{}, false
}

// Renamable is the variable at an offset that Rename can rename.
func (a *Assist) Renamable(offset int) (Range, string, bool) {
	s, r := a.symbolAt(offset)
	if s == nil {
		return Range{}, "", false
	}
	return r, s.Name, true
}

// Rename gives the edits that call the variable at an offset otherwise, everywhere in the file. A name
// that is none, or is taken, is an error.
func (a *Assist) Rename(offset int, name string) ([]Edit, error) {
	s, _ := a.symbolAt(offset)
	if s == nil {
		return nil, fmt.Errorf("there is no variable of this recipe here")
	}
	if word.FindString(name) != name || name == "" {
		return nil, fmt.Errorf("%q cannot be a variable's name", name)
	}
	for _, other := range a.symbols() {
		if other.Name == name && other != s {
			return nil, fmt.Errorf("there is a variable %s already", name)
		}
	}
	if _, taken := newPlatform(ptr(a.opts.withDefaults())).name(name); taken && a.format != "recipe.hcl" {
		return nil, fmt.Errorf("%s is a name that every recipe has", name)
	}
	edits := []Edit{{s.Def.From, s.Def.To, name}}
	for _, u := range s.Uses {
		edits = append(edits, Edit{u.From, u.To, name})
	}
	return edits, nil
}

func ptr[T any](v T) *T { return &v }

// Hover says what stands at an offset: a key's meaning, or a value in each variant. It is Markdown; empty
// where there is nothing to say.
func (a *Assist) Hover(offset int) (text string, at Range) {
	if s, r := a.symbolAt(offset); s != nil {
		return a.values(s.Name, a.expressionFor(s.Name)), r
	}
	for _, p := range a.jinja {
		if p.kind == '{' && p.from <= offset && offset <= p.to {
			inner := strings.TrimSpace(p.inner)
			return a.values(inner, inner), Range{p.from, p.to}
		}
	}
	at, name := a.word(offset)
	if path := a.pathAt(offset); len(path) > 0 && path[len(path)-1] == name {
		if doc := keyDoc(path); doc != "" {
			return "**" + strings.Join(path, ".") + "** — " + doc, at
		}
		if doc := keyDoc([]string{"meta", name}); doc != "" && a.format == "meta.yaml" {
			return "**" + strings.Join(path, ".") + "** — " + doc, at
		}
	}
	return "", Range{}
}

func (a *Assist) expressionFor(name string) string {
	if a.format == "recipe.hcl" {
		return "local." + name
	}
	return name
}

// values evaluates an expression in every variant, by rendering the recipe with one value more.
func (a *Assist) values(title, expression string) string {
	r := Render(a.path, []byte(a.withProbe(expression)), a.opts.forReading(a.path))
	by := map[string][]string{}
	for _, o := range r.Outputs {
		v, ok := o.Context[probeKey]
		if !ok {
			v, ok = o.Extra[probeKey]
		}
		if ok {
			text := fmt.Sprint(v)
			by[text] = append(by[text], variantName(o))
		}
	}
	if len(by) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "`%s`", title)
	if len(by) == 1 {
		for v := range by {
			fmt.Fprintf(&b, " = `%s`", v)
		}
		return b.String()
	}
	b.WriteString("\n")
	for _, v := range sortedNames(by) {
		fmt.Fprintf(&b, "\n- `%s`: %s", v, strings.Join(firstOf(by[v], 8), "; "))
	}
	return b.String()
}

func firstOf(list []string, n int) []string {
	var out []string
	for _, s := range list {
		if !contains(out, s) {
			out = append(out, s)
		}
	}
	if len(out) > n {
		out = append(out[:n:n], fmt.Sprintf("%d more", len(out)-n))
	}
	return out
}

func variantName(o *Output) string {
	var parts []string
	for _, k := range sortedNames(o.Variant) {
		if k != "target_platform" || len(o.Variant) == 1 {
			parts = append(parts, fmt.Sprintf("%s %v", k, o.Variant[k]))
		}
	}
	return strings.Join(parts, ", ")
}

// withProbe is the recipe with one value more, the expression.
func (a *Assist) withProbe(expression string) string {
	switch a.format {
	case "meta.yaml":
		return strings.TrimRight(a.text, "\n") + "\nextra:\n  " + probeKey + ": \"{{ " + strings.ReplaceAll(expression, `"`, `'`) + " }}\"\n"
	case "recipe.hcl":
		return a.text + "\nextra {\n  " + probeKey + " = " + expression + "\n}\n"
	}
	line := "  " + probeKey + ": ${{ " + expression + " }}\n"
	last := 0
	each(a.at("context"), nil, func(_ []string, n *yaml.Node) { last = max(last, n.Line) })
	if last == 0 || a.at("context").Style&yaml.FlowStyle != 0 {
		return "context:\n" + line + a.text
	}
	for _, k := range sortedKeys(a.at("context")) {
		line = strings.Repeat(" ", max(0, k.Column-1)) + strings.TrimLeft(line, " ")
		break
	}
	_, end := a.lineSpan(last)
	text := a.text[:end]
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return text + line + a.text[end:]
}

func sortedKeys(n *yaml.Node) (keys []*yaml.Node) {
	for k := range yamlx.Pairs(n) {
		keys = append(keys, k)
	}
	sort.SliceStable(keys, func(i, j int) bool { return keys[i].Line < keys[j].Line })
	return keys
}

// pathAt is the path of keys to the key that an offset is in.
func (a *Assist) pathAt(offset int) (found []string) {
	each(a.root, nil, func(path []string, n *yaml.Node) {
		for k := range yamlx.Pairs(n) {
			from := a.offset(k.Line, k.Column)
			if from <= offset && offset <= from+len(k.Value) {
				for _, p := range append(path[:len(path):len(path)], k.Value) {
					if p != "-" {
						found = append(found, p)
					}
				}
			}
		}
	})
	return found
}

// Symbols lists the variables of the recipe.
func (a *Assist) Symbols() []*Symbol { return a.symbols() }
