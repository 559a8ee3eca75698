package recipes

import (
	"fmt"
	"strings"
	"sync"

	"forge/internal/diag"
	"forge/recipes/internal/expr"
	"forge/recipes/internal/yamlx"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"gopkg.in/yaml.v3"
)

// hclRecipe is a recipe.hcl. For each variant its expressions are evaluated into the tree that a
// recipe.yaml would have, so both have the same keys, checks and meaning.
type hclRecipe struct {
	*v1Recipe
	body *hclsyntax.Body
	scan *hclScan
}

// renderHCL renders a recipe.hcl for all its variants.
func renderHCL(path string, data []byte, opts RenderOptions) *Rendered {
	if opts.Cache == nil { // its variants and outputs share pipelines
		opts.Cache = NewCache()
	}
	r := newV1(path, "recipe.hcl", &opts)
	body, doc, list := parseHCL(path, data)
	for _, d := range list {
		r.found.add(d)
	}
	r.program = newProgram(doc)
	if body == nil {
		r.found.list.Sort()
		return &Rendered{Diagnostics: r.found.list}
	}
	r.readVariants(v1Language())
	h := &hclRecipe{v1Recipe: r, body: body, scan: scanHCL(body)}
	for _, x := range h.scan.reads {
		for _, name := range x.keys {
			r.names[name] = true
		}
	}
	for _, key := range staticUseKeys(body) {
		r.names[key] = true
	}
	h.findFree(body)
	r.tree = h.tree
	var outputs []*Output
	if !r.found.list.HasErrors() {
		outputs = r.outputs()
	}
	return r.rendered(outputs)
}

// staticUseKeys are the keys of build.variant.use_keys, which add to the variants there are.
func staticUseKeys(body *hclsyntax.Body) (keys []string) {
	for _, b := range body.Blocks {
		keys = append(keys, staticUseKeys(b.Body)...)
		if a := b.Body.Attributes["use_keys"]; a != nil && b.Type == "variant" {
			v, problems := a.Expr.Value(&hcl.EvalContext{})
			if problems.HasErrors() || v.IsNull() || !v.CanIterateElements() {
				continue
			}
			for it := v.ElementIterator(); it.Next(); {
				if _, e := it.Element(); !e.IsNull() && e.Type() == cty.String {
					keys = append(keys, normalKey(e.AsString()))
				}
			}
		}
	}
	return keys
}

// findFree counts the names of dependencies without any condition among those that variants may decide about,
// so that most files are evaluated once: what is not found here, evaluation finds.
func (h *hclRecipe) findFree(body *hclsyntax.Body) {
	for _, b := range body.Blocks {
		if h.findFree(b.Body); b.Type != "requirements" {
			continue
		}
		for _, name := range []string{"build", "host"} {
			if a := b.Body.Attributes[name]; a != nil {
				h.freeIn(a.Expr)
			}
		}
	}
}

func (h *hclRecipe) freeIn(x hclsyntax.Expression) {
	switch x := x.(type) {
	case *hclsyntax.TupleConsExpr:
		for _, item := range x.Exprs {
			h.freeIn(item)
		}
	case *hclsyntax.ConditionalExpr:
		h.freeIn(x.TrueResult)
		h.freeIn(x.FalseResult)
	case *hclsyntax.FunctionCallExpr:
		if x.Name == "concat" || x.Name == "flatten" {
			for _, arg := range x.Args {
				h.freeIn(arg)
			}
		}
	case *hclsyntax.TemplateExpr:
		if v, ok := quotedText(x); ok {
			if s, err := h.spec(v); err == nil && s.bare {
				h.free[normalKey(s.name)] = true
			}
		}
	}
}

// quotedText is a text in quotes in which nothing is filled in.
func quotedText(x *hclsyntax.TemplateExpr) (string, bool) {
	if len(x.Parts) != 1 {
		return "", false
	}
	part, ok := x.Parts[0].(*hclsyntax.LiteralValueExpr)
	if !ok || part.Val.Type() != cty.String || part.Val.IsNull() || !part.Val.IsKnown() || part.Val.IsMarked() {
		return "", false
	}
	return part.Val.AsString(), true
}

// tree evaluates the file for one variant and checks what comes out.
func (h *hclRecipe) tree(v variant) (*program, diag.List) {
	e := &hclEval{path: h.path, doc: h.doc, dir: h.dir, scan: h.scan, reads: map[*yaml.Node][]string{}}
	frame := h.bare(v)
	e.frame = frame
	root := e.recipe(h.body)
	p := newProgram(h.doc)
	p.root, p.reads, p.always, p.literal, p.specs = root, e.reads, e.always, true, h.specs
	c := &checker{program: p, lang: v1Language()}
	recipeShape(c, root)
	return p, append(e.list, otherLines(c.list, e.list)...)
}

func newProgram(doc *yamlx.Document) *program {
	return &program{doc: doc, root: doc.Root, tmpl: map[*yaml.Node]*expr.Template{}, conds: map[*yaml.Node]*expr.Expr{}, names: map[string]bool{}, free: map[string]bool{}, specs: map[string]readSpec{}}
}

// otherLines are those of more that stand on no line which list has a mistake on: one mistake would be
// said twice. What is missing may stand where something could not be read, so it is left out then, too.
func otherLines(more, list diag.List) (out diag.List) {
	taken := map[int]bool{}
	for _, d := range list {
		taken[d.Pos.Line] = taken[d.Pos.Line] || d.Severity == diag.Error
	}
	for _, d := range more {
		if !taken[d.Pos.Line] && !(list.HasErrors() && d.Code == "missing-key") {
			out = append(out, d)
		}
	}
	return out
}

// hclBlocks are the blocks of a recipe.hcl, and whether each may be repeated and has a name.
var hclBlocks = sync.OnceValue(func() map[string]struct{ many, named bool } {
	return map[string]struct{ many, named bool }{
		"package": {named: true}, "source": {many: true}, "build": {}, "requirements": {}, "output": {many: true, named: true},
		"staging": {many: true, named: true}, "test": {many: true}, "about": {}, "extra": {}, "locals": {many: true},
	}
})

// recipe makes the tree of a recipe.yaml out of the blocks of the file.
func (e *hclEval) recipe(body *hclsyntax.Body) *yaml.Node {
	root := &yaml.Node{Kind: yaml.MappingNode, Line: 1, Column: 1}
	for _, a := range body.Attributes {
		e.errorf(a.NameRange, "unknown-key", "", "%q stands outside of any block; values of your own go into `locals {}`", a.Name)
	}
	for _, r := range e.scan.loops { // their product has no bound
		e.errorf(r, "too-deep", "", "`for` is nested more than two deep")
	}
	if e.list.HasErrors() {
		return root
	}
	if e.locals(body); e.tooBig() {
		return root
	}
	seen := map[string]bool{}
	var good []*hclsyntax.Block
	for _, b := range body.Blocks {
		kind, known := hclBlocks()[b.Type]
		if !known {
			e.errorf(b.TypeRange, "unknown-key", didYouMean(b.Type, sortedNames(hclBlocks())), "unknown block %q", b.Type)
			continue
		}
		if kind.named != (len(b.Labels) == 1) || len(b.Labels) > 1 {
			want := "no name"
			if kind.named {
				want = "one name, as in `" + b.Type + " \"name\" {`"
			}
			e.errorf(b.TypeRange, "bad-block", "", "the block %q takes %s", b.Type, want)
			continue
		}
		if seen[b.Type] && !kind.many {
			e.errorf(b.TypeRange, "duplicate-key", "", "the block %q is here twice", b.Type)
			continue
		}
		seen[b.Type] = true
		good = append(good, b)
	}
	e.fill(root, good, seen)
	return root
}

func (e *hclEval) fill(root *yaml.Node, blocks []*hclsyntax.Block, seen map[string]bool) {
	multi := seen["output"] || seen["staging"]
	var outputs *yaml.Node
	var signatures []*yaml.Node
	for _, b := range blocks {
		switch b.Type {
		case "locals":
		case "package":
			p := e.packageNode(b)
			if multi {
				put(root, "recipe", p, b)
			} else {
				put(root, "package", p, b)
			}
		case "output", "staging":
			if outputs == nil {
				outputs = &yaml.Node{Kind: yaml.SequenceNode, Line: b.TypeRange.Start.Line, Column: b.TypeRange.Start.Column}
				put(root, "outputs", outputs, b)
			}
			e.forEach(b, func() { outputs.Content = append(outputs.Content, e.outputNode(b)) })
		case "source", "test":
			e.forEach(b, func() { signatures = e.listed(root, b, signatures) })
		default:
			put(root, b.Type, e.block(b), b)
		}
	}
	if len(signatures) > 0 {
		e.addSignatures(root, signatures)
	}
	if !multi {
		e.addNeeds(root)
	}
}

// listed adds a block to the list of its kind: source or test.
func (e *hclEval) listed(into *yaml.Node, b *hclsyntax.Block, signatures []*yaml.Node) []*yaml.Node {
	key := b.Type
	if key == "test" {
		key = "tests"
	}
	list := yamlx.Get(into, key)
	if list == nil {
		list = &yaml.Node{Kind: yaml.SequenceNode, Line: b.TypeRange.Start.Line, Column: b.TypeRange.Start.Column}
		put(into, key, list, b)
	}
	node := &yaml.Node{Kind: yaml.MappingNode, Line: b.TypeRange.Start.Line, Column: b.TypeRange.Start.Column}
	for _, inner := range b.Body.Blocks {
		if b.Type == "source" && inner.Type == "signature" {
			s := e.block(inner)
			s.Content = append(s.Content, scalarNode("source", inner), &yaml.Node{Kind: yaml.ScalarNode, Value: fmt.Sprint(len(list.Content)), Tag: "!!int"})
			signatures = append(signatures, s)
		}
	}
	e.body(node, b.Body, "signature")
	list.Content = append(list.Content, node)
	return signatures
}

// addSignatures hands signature blocks on as extra.forge.signatures, where YAML has them.
func (e *hclEval) addSignatures(root *yaml.Node, signatures []*yaml.Node) {
	extra := yamlx.Get(root, "extra")
	if extra == nil {
		extra = &yaml.Node{Kind: yaml.MappingNode, Line: signatures[0].Line, Column: signatures[0].Column}
		root.Content = append(root.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: "extra"}, extra)
	}
	list := &yaml.Node{Kind: yaml.SequenceNode, Line: signatures[0].Line, Column: signatures[0].Column, Content: signatures}
	forge := &yaml.Node{Kind: yaml.MappingNode, Line: list.Line, Column: list.Column, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: "signatures"}, list}}
	extra.Content = append(extra.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: "forge"}, forge)
}

func (e *hclEval) packageNode(b *hclsyntax.Block) *yaml.Node {
	node := &yaml.Node{Kind: yaml.MappingNode, Line: b.TypeRange.Start.Line, Column: b.TypeRange.Start.Column}
	e.body(node, b.Body)
	if yamlx.Get(node, "name") == nil { // a label cannot be computed, `name = …` can
		node.Content = append([]*yaml.Node{scalarNode("name", b), labelNode(b)}, node.Content...)
	}
	return node
}

// outputNode is an output or staging block. Its `version` stands beside the other keys.
func (e *hclEval) outputNode(b *hclsyntax.Block) *yaml.Node {
	node := &yaml.Node{Kind: yaml.MappingNode, Line: b.TypeRange.Start.Line, Column: b.TypeRange.Start.Column}
	head := &yaml.Node{Kind: yaml.MappingNode, Line: node.Line, Column: node.Column, Content: []*yaml.Node{scalarNode("name", b), labelNode(b)}}
	key := "package"
	if b.Type == "staging" {
		key = "staging"
	}
	put(node, key, head, b)
	for _, inner := range b.Body.Blocks {
		if inner.Type == "source" || inner.Type == "test" {
			e.forEach(inner, func() {
				if len(e.listed(node, inner, nil)) > 0 {
					e.errorf(inner.TypeRange, "bad-block", "move the source to the top of the file", "a signature can only be asked of a source of the whole recipe")
				}
			})
		}
	}
	e.body(node, b.Body, "source", "test")
	e.addNeeds(node)
	e.needs = nil
	if v := yamlx.Get(node, "version"); v != nil && key == "package" {
		head.Content = append(head.Content, scalarNode("version", b), v)
		remove(node, "version")
	}
	if v := yamlx.Get(node, "name"); v != nil { // of one out of a for_each: a label cannot be computed
		head.Content[1] = v
		remove(node, "name")
	}
	return node
}

func put(m *yaml.Node, key string, value *yaml.Node, b *hclsyntax.Block) {
	m.Content = append(m.Content, scalarNode(key, b), value)
}

func remove(m *yaml.Node, key string) {
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == key {
			m.Content = append(m.Content[:i:i], m.Content[i+2:]...)
			return
		}
	}
}

func scalarNode(value string, b *hclsyntax.Block) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value, Line: b.TypeRange.Start.Line, Column: b.TypeRange.Start.Column}
}

func labelNode(b *hclsyntax.Block) *yaml.Node {
	n := scalarNode(strings.Join(b.Labels, " "), b)
	n.Style = yaml.DoubleQuotedStyle
	if len(b.LabelRanges) > 0 {
		n.Line, n.Column = b.LabelRanges[0].Start.Line, b.LabelRanges[0].Start.Column
	}
	return n
}
