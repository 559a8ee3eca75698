package recipes

import (
	"fmt"
	"path/filepath"
	"strings"

	"forge/internal/diag"
	"forge/recipes/internal/yamlx"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"gopkg.in/yaml.v3"
)

// Symbol is a variable of a recipe: where it is set, and where it is read.
type Symbol struct {
	Name  string
	Kind  string // "context", "set", "local" or "variant"
	Def   Range  // of the name where it is set
	Whole Range  // of all that sets it, its line or lines
	Uses  []Range
}

// Range is a stretch of a file in bytes of its text.
type Range struct{ From, To int }

// symbols lists the variables of a file with their uses.
func (o *outline) symbols() []*Symbol {
	var list []*Symbol
	switch o.format {
	case "recipe.yaml":
		list = o.contextSymbols()
	case "meta.yaml":
		list = o.setSymbols()
	case "recipe.hcl":
		return o.localSymbols()
	}
	by := map[string]*Symbol{}
	for _, s := range list {
		by[s.Name] = s
	}
	for _, r := range o.names() {
		if s := by[o.text[r.From:r.To]]; s != nil && r != s.Def {
			s.Uses = append(s.Uses, r)
		}
	}
	return list
}

func (o *outline) contextSymbols() (list []*Symbol) {
	for k, v := range yamlx.Pairs(o.at("context")) {
		from := o.offset(k.Line, k.Column)
		s := &Symbol{Name: k.Value, Kind: "context", Def: Range{from, from + len(k.Value)}}
		s.Whole.From, s.Whole.To = o.lineSpan(k.Line)
		if v.Kind != yaml.ScalarNode || v.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 || v.Line != k.Line {
			s.Whole = Range{}
		}
		list = append(list, s)
	}
	return list
}

var setStatement = pattern{src: `^[-+]?\s*set\s+([A-Za-z_]\w*)\s*=`}

func (o *outline) setSymbols() (list []*Symbol) {
	by := map[string]*Symbol{}
	for _, p := range o.jinja {
		m := setStatement.FindStringSubmatchIndex(p.inner)
		if p.kind != '%' || m == nil {
			continue
		}
		name := p.inner[m[2]:m[3]]
		def := Range{p.from + 2 + m[2], p.from + 2 + m[3]}
		if s := by[name]; s != nil {
			s.Uses = append(s.Uses, def)
			s.Whole = Range{}
			continue
		}
		s := &Symbol{Name: name, Kind: "set", Def: def}
		line, _ := o.place(p.from)
		from, to := o.lineSpan(line)
		if strings.TrimSpace(o.text[from:p.from]) == "" && p.to <= to && strings.TrimSpace(o.text[p.to:to]) == "" {
			s.Whole = Range{from, to}
		}
		by[name] = s
		list = append(list, s)
	}
	return list
}

var word = pattern{src: `[A-Za-z_]\w*`}

// names lists every place in an expression where a name is read: not in quotes, not after a dot, not
// the name of an argument or a filter.
func (o *outline) names() (out []Range) {
	add := func(from int, text string) {
		for _, r := range namesIn(text) {
			out = append(out, Range{from + r.From, from + r.To})
		}
	}
	for _, p := range o.jinja {
		if p.kind != '#' {
			add(p.to-2-len(p.inner), p.inner)
		}
	}
	switch o.format {
	case "meta.yaml":
		for i := range o.starts {
			if m := selectorComment.FindStringSubmatchIndex(o.line(i + 1)); m != nil {
				add(o.starts[i]+m[8], o.line(i + 1)[m[8]:m[9]])
			}
		}
	case "recipe.yaml":
		each(o.root, nil, func(path []string, n *yaml.Node) {
			for k, v := range yamlx.Pairs(n) {
				if k.Value == "if" {
					o.addScalar(v, add)
				}
				if k.Value == "skip" && (len(path) == 0 || path[len(path)-1] == "build") {
					o.addScalar(v, add)
					for _, e := range v.Content {
						o.addScalar(e, add)
					}
				}
			}
		})
	}
	return out
}

func (o *outline) addScalar(n *yaml.Node, add func(from int, text string)) {
	if from, to, ok := o.span(n); ok && !strings.Contains(n.Value, "${{") {
		add(from, o.text[from:to])
	}
}

func namesIn(text string) (out []Range) {
	quote, open := byte(0), 0
	before := byte(0) // the last character that is no blank
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quote != 0:
			if c == '\\' {
				i++
			} else if c == quote {
				quote, before = 0, c
			}
		case (c == '"' || c == '\'') && i > 0: // a condition that is quoted as a whole begins with one
			quote = c
		case c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z':
			end := i + wordLength(text[i:])
			after := strings.TrimLeft(text[end:], " \t")
			argument := open > 0 && strings.HasPrefix(after, "=") && !strings.HasPrefix(after, "==")
			if before != '.' && before != '|' && !argument {
				out = append(out, Range{i, end})
			}
			before = text[end-1]
			i = end - 1
		default:
			switch c {
			case '(':
				open++
			case ')':
				open--
			}
			if c != ' ' && c != '\t' {
				before = c
			}
		}
	}
	return out
}

// wordLength is the length of the word that a text begins with.
func wordLength(text string) int {
	for i, r := range text {
		if r != '_' && (r|0x20 < 'a' || r|0x20 > 'z') && (r < '0' || r > '9') {
			return i
		}
	}
	return len(text)
}

// localSymbols are the locals of a recipe.hcl.
func (o *outline) localSymbols() (list []*Symbol) {
	if o.body == nil {
		return nil
	}
	by := map[string]*Symbol{}
	for _, b := range o.body.Blocks {
		if b.Type != "locals" {
			continue
		}
		for _, name := range sortedNames(b.Body.Attributes) {
			a := b.Body.Attributes[name]
			s := &Symbol{Name: name, Kind: "local", Def: Range{a.NameRange.Start.Byte, a.NameRange.End.Byte}}
			from, _ := o.lineSpan(a.NameRange.Start.Line)
			_, to := o.lineSpan(a.Expr.Range().End.Line)
			if strings.TrimSpace(o.text[from:s.Def.From]) == "" {
				s.Whole = Range{from, to}
			}
			by[name] = s
			list = append(list, s)
		}
	}
	for _, r := range o.traversals() {
		if name, ok := strings.CutPrefix(r.name, "local."); ok && by[name] != nil {
			by[name].Uses = append(by[name].Uses, Range{r.to - len(name), r.to})
		}
	}
	return list
}

type traversal struct {
	name     string
	from, to int // of the first two parts
}

func (o *outline) traversals() (out []traversal) {
	_ = hclsyntax.VisitAll(o.body, func(n hclsyntax.Node) hcl.Diagnostics {
		if t, ok := n.(*hclsyntax.ScopeTraversalExpr); ok && len(t.Traversal) > 1 {
			r := t.Traversal[1].SourceRange()
			out = append(out, traversal{traversalName(t.Traversal), t.Traversal[0].SourceRange().Start.Byte, r.End.Byte})
		}
		return nil
	})
	return out
}

// variableRules look for what nothing reads.
func (l *linter) variableRules() {
	symbols := l.symbols()
	unused := 0
	for _, s := range symbols {
		if l.unused(s) {
			unused++
		}
	}
	for _, s := range symbols {
		if !l.unused(s) {
			continue
		}
		var fix []Edit
		if s.Whole.To > 0 && l.literalValue(s) {
			from := s.Whole.From
			if key := l.at("context"); unused == len(symbols) && s == symbols[0] && key != nil { // with the last one goes its section
				from, _ = l.lineSpan(l.top("context").Line)
			}
			fix = []Edit{{from, s.Whole.To, ""}}
		}
		l.sayAt("unused-variable", s.Def.From, s.Def.To, fmt.Sprintf("nothing reads the variable %s", s.Name), "remove it", fix...)
	}
	l.variantKeys()
}

var literalText = pattern{src: `^\s*["']?[^{}"'()$%]*["']?\s*$`}

// literalValue reports whether a variable's value reads nothing, so that removing it changes no hash.
func (l *linter) literalValue(s *Symbol) bool {
	_, value, ok := strings.Cut(l.text[s.Def.To:s.Whole.To], "=")
	if s.Kind == "context" {
		_, value, ok = strings.Cut(l.text[s.Def.To:s.Whole.To], ":")
	}
	value = strings.TrimSuffix(strings.TrimRight(value, " \n-"), "%}")
	return ok && literalText.MatchString(value) && (s.Kind == "context" || len(namesIn(value)) == 0)
}

// unused reports whether nothing reads a variable, as far as can be told. compiler() and stdlib() read
// some by themselves, and some are set to make a variant key count.
func (l *linter) unused(s *Symbol) bool {
	switch {
	case len(s.Uses) > 0, strings.HasPrefix(s.Name, "_"), strings.HasPrefix(s.Name, "touch"), strings.Contains(s.Name, "_compiler"), strings.Contains(s.Name, "_stdlib"):
		return false
	}
	return s.Kind != "set" || !strings.Contains(l.text, "{% include") && !strings.Contains(l.text, "{% import")
}

// variantKeys looks for keys of the recipe's own variants file that no output depends on.
func (l *linter) variantKeys() {
	if len(l.outputs) == 0 || l.opts.IgnoreRecipeVariants {
		return
	}
	beside, err := variantsBeside(l.path)
	if err != nil || len(beside) == 0 {
		return
	}
	used := map[string]bool{}
	for _, o := range l.outputs {
		for k := range o.Variant {
			used[normalKey(k)] = true
		}
	}
	v := readOutline("x.yaml", beside[0].Data)
	for k := range yamlx.Pairs(v.root) {
		switch k.Value {
		case "zip_keys", "pin_run_as_build", "extend_keys", "ignore_version", "ignore_build_only_deps":
			continue
		}
		if name := normalKey(k.Value); !used[name] && !strings.Contains(l.text, k.Value) && !strings.Contains(l.text, name) && !strings.HasSuffix(name, "_compiler_version") && !strings.HasSuffix(name, "_stdlib_version") &&
			!strings.HasSuffix(name, "_compiler") && !strings.HasSuffix(name, "_stdlib") && strings.ToUpper(name) != name && name != "docker_image" {
			at := diag.Pos{File: l.inFolder(filepath.Base(beside[0].Path)), Line: k.Line, Column: k.Column}
			l.say("unused-variant-key", at, len(k.Value), fmt.Sprintf("no output depends on the variant key %s", k.Value), "remove it if no script reads it either")
		}
	}
}
