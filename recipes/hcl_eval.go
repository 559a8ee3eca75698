package recipes

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"forge/internal/diag"
	"forge/recipes/internal/expr"
	"forge/recipes/internal/yamlx"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"gopkg.in/yaml.v3"
)

// hclEval evaluates the expressions of one file for one variant.
type hclEval struct {
	path, dir string
	doc       *yamlx.Document
	frame     *frame // for compiler() and its like
	scan      *hclScan
	ctx       *hcl.EvalContext
	names     *hclNames            // nil where quick may not look
	one       map[string]cty.Value // each.key and each.value
	local     map[string][]string  // what each local reads
	reads     map[*yaml.Node][]string
	slab      []yaml.Node // to be handed out
	always    []string
	needs     []string // tools that pipelines call
	each      bool     // inside of a block with for_each
	list      diag.List
}

func (e *hclEval) errorf(r hcl.Range, code, suggestion, format string, args ...any) {
	p := hclPos(e.path, r)
	e.list = append(e.list, diag.Diagnostic{Code: code, Pos: p, Line: e.doc.Line(p.Line), Length: max(0, r.End.Column-r.Start.Column),
		Summary: fmt.Sprintf(format, args...), Suggestion: suggestion})
}

// tooBig reports whether a value was too big to go on with, or refers to itself.
func (e *hclEval) tooBig() bool {
	return slices.ContainsFunc(e.list, func(d diag.Diagnostic) bool {
		return d.Code == "too-big" || d.Code == "cycle" || d.Code == "duplicate-key"
	})
}

// traversalName is the first two parts of a reference: local.x, package.version, variant.python.
func traversalName(t hcl.Traversal) string {
	name := t.RootName()
	if len(t) > 1 {
		switch step := t[1].(type) {
		case hcl.TraverseAttr:
			name += "." + step.Name
		case hcl.TraverseIndex:
			if step.Key.Type() == cty.String {
				name += "." + step.Key.AsString()
			}
		}
	}
	return name
}

func (e *hclEval) variantValues() map[string]cty.Value {
	out := map[string]cty.Value{}
	for k, v := range e.frame.variant {
		switch x := v.Value.(type) {
		case bool:
			out[k] = cty.BoolVal(x)
		default:
			out[k] = cty.StringVal(v.Text) // a version is compared as text, never as a number
		}
	}
	return out
}

// diagnostics rewords what the library says about variants that are not set.
func (e *hclEval) diagnostics(problems hcl.Diagnostics) diag.List {
	list := hclDiagnostics(e.doc, problems)
	for i, p := range problems {
		if p.Summary == "Unknown variable" {
			list[i].Code, list[i].Suggestion = "undefined", e.unknownName(p)
			if x, ok := p.Expression.(*hclsyntax.ScopeTraversalExpr); ok {
				list[i].Summary, list[i].Detail = fmt.Sprintf("%q is undefined", x.Traversal.RootName()), ""
			}
		}
		if p.Expression == nil {
			continue
		}
		for _, t := range p.Expression.Variables() {
			key, ok := strings.CutPrefix(traversalName(t), "variant.")
			if _, set := e.frame.variant[key]; ok && !set && p.Summary == "Unsupported attribute" {
				list[i].Code, list[i].Summary, list[i].Detail = "undefined", fmt.Sprintf("the variant key %q is not set", key), ""
				list[i].Suggestion = "set it in variants.yaml, with --variant " + key + "=VALUE, or write try(variant." + key + ", \"default\")"
			}
		}
	}
	return list
}

// unknownName is what to do about a name that means nothing.
func (e *hclEval) unknownName(p *hcl.Diagnostic) string {
	t, ok := p.Expression.(*hclsyntax.ScopeTraversalExpr)
	if !ok {
		return ""
	}
	name := t.Traversal.RootName()
	_, isLocal := e.local["local."+name]
	switch {
	case isBuildVariable(name) || strings.ToUpper(name) == name:
		return "a variable of the shell is written $" + name + ", without braces"
	case isLocal:
		return "write local." + name
	case e.frame.variant[name].Text != "":
		return "write variant." + name
	}
	known := maps.Clone(e.scope().Variables)
	if outer := e.scope().Parent(); outer != nil {
		maps.Copy(known, outer.Variables)
	}
	if near := diag.Nearest(name, sortedNames(known)); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return ""
}

// block evaluates a block as a mapping.
func (e *hclEval) block(b *hclsyntax.Block) *yaml.Node {
	node := &yaml.Node{Kind: yaml.MappingNode, Line: b.TypeRange.Start.Line, Column: b.TypeRange.Start.Column}
	e.body(node, b.Body)
	return node
}

// body adds the attributes and inner blocks of a body to a mapping, but for blocks named in skip.
func (e *hclEval) body(node *yaml.Node, body *hclsyntax.Body, skip ...string) {
	attributes := make([]*hclsyntax.Attribute, 0, len(body.Attributes))
	for _, a := range body.Attributes {
		attributes = append(attributes, a)
	}
	slices.SortFunc(attributes, func(a, b *hclsyntax.Attribute) int { return a.NameRange.Start.Byte - b.NameRange.Start.Byte })
	for _, a := range attributes {
		if a.Name == "for_each" && e.each {
			continue
		}
		v := e.attribute(a)
		if v == nil {
			continue
		}
		key := e.newNode(a.NameRange.Start)
		key.Kind, key.Tag, key.Value = yaml.ScalarNode, "!!str", a.Name
		node.Content = append(node.Content, key, v)
	}
	for _, b := range body.Blocks {
		if contains(skip, b.Type) {
			continue
		}
		e.inner(node, b)
	}
}

func (e *hclEval) inner(node *yaml.Node, b *hclsyntax.Block) {
	switch {
	case b.Type == "pipeline":
		e.pipeline(node, b)
	case len(b.Labels) > 0:
		e.errorf(b.TypeRange, "bad-block", "", "the block %q takes no name", b.Type)
	case b.Type == "post_process":
		list := yamlx.Get(node, "post_process")
		if list == nil {
			list = &yaml.Node{Kind: yaml.SequenceNode, Line: b.TypeRange.Start.Line, Column: b.TypeRange.Start.Column}
			put(node, "post_process", list, b)
		}
		list.Content = append(list.Content, e.block(b))
	case yamlx.Get(node, b.Type) != nil:
		e.errorf(b.TypeRange, "duplicate-key", "", "%q is here twice", b.Type)
	default:
		put(node, b.Type, e.block(b), b)
	}
}

// attribute evaluates one attribute; null means that it is not there.
func (e *hclEval) attribute(a *hclsyntax.Attribute) *yaml.Node {
	reads := e.readsOf(a.Expr)
	if name := fileCall(a); name != nil {
		return e.fileNode(a, name)
	}
	n, known := e.quickNode(a.Expr, nil, reads)
	if !known {
		v, problems := e.evaluate(a.Expr)
		e.list = append(e.list, e.diagnostics(problems)...)
		if problems.HasErrors() {
			return nil
		}
		n = e.node(v, a.Expr, reads)
	}
	if n == nil {
		e.always = append(e.always, reads...)
	}
	return n
}

// fileCall is the argument of `script = file("…")`, so that the script is known by its file.
func fileCall(a *hclsyntax.Attribute) hclsyntax.Expression {
	call, ok := a.Expr.(*hclsyntax.FunctionCallExpr)
	if ok && a.Name == "script" && call.Name == "file" && len(call.Args) == 1 {
		return call.Args[0]
	}
	return nil
}

func (e *hclEval) fileNode(a *hclsyntax.Attribute, arg hclsyntax.Expression) *yaml.Node {
	v, problems := e.value(arg)
	e.list = append(e.list, e.diagnostics(problems)...)
	if problems.HasErrors() {
		return nil
	}
	value := e.node(v, arg, e.readsOf(a.Expr))
	if value == nil {
		return nil
	}
	at := a.Expr.Range().Start
	return &yaml.Node{Kind: yaml.MappingNode, Line: at.Line, Column: at.Column, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: "file", Line: at.Line, Column: at.Column}, value}}
}

// newNode is an empty node; they are made many at a time.
func (e *hclEval) newNode(at hcl.Pos) *yaml.Node {
	if len(e.slab) == cap(e.slab) {
		e.slab = make([]yaml.Node, 0, 24)
	}
	e.slab = append(e.slab, yaml.Node{Line: at.Line, Column: at.Column})
	return &e.slab[len(e.slab)-1]
}

// node is a value as a tree with places; nil for null.
func (e *hclEval) node(v cty.Value, x hclsyntax.Expression, reads []string) *yaml.Node {
	if e.frame.opts.holes && !v.IsKnown() {
		return e.unknown(x)
	}
	if v.IsNull() || !v.IsWhollyKnown() && !e.frame.opts.holes {
		return nil
	}
	at := x.Range().Start
	n := e.newNode(at)
	e.noteReads(n, reads)
	switch t := v.Type(); {
	case t == cty.String:
		n.Kind, n.Tag, n.Style, n.Value = yaml.ScalarNode, "!!str", yaml.DoubleQuotedStyle, v.AsString()
	case t == cty.Bool:
		n.Kind, n.Tag, n.Value = yaml.ScalarNode, "!!bool", fmt.Sprint(v.True())
	case t == cty.Number:
		n.Kind, n.Tag, n.Value = yaml.ScalarNode, "!!int", v.AsBigFloat().Text('f', -1)
		if !v.AsBigFloat().IsInt() {
			e.errorf(x.Range(), "wrong-type", "put it in quotes", "a number with a fraction loses its last zeros")
		}
	case t.IsObjectType() || t.IsMapType():
		e.mapNode(n, v, x, reads)
	case t.IsTupleType() || t.IsListType() || t.IsSetType():
		e.listNode(n, v, x, reads)
	default:
		e.errorf(x.Range(), "wrong-type", "", "a value of the type %s has no meaning here", t.FriendlyName())
		return nil
	}
	return n
}

// unknown stands for a text of which a mistake elsewhere keeps a part from being known; nil where it may be no
// text.
func (e *hclEval) unknown(x hclsyntax.Expression) *yaml.Node {
	if _, text := x.(*hclsyntax.TemplateExpr); !text {
		return nil
	}
	n := e.newNode(x.Range().Start)
	n.Kind, n.Tag, n.Style, n.Value = yaml.ScalarNode, "!!str", yaml.DoubleQuotedStyle, expr.HoleName
	return n
}

func (e *hclEval) mapNode(n *yaml.Node, v cty.Value, x hclsyntax.Expression, reads []string) {
	n.Kind = yaml.MappingNode
	for it := v.ElementIterator(); it.Next(); {
		k, item := it.Element()
		if c := e.node(item, x, reads); c != nil {
			n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: k.AsString(), Line: n.Line, Column: n.Column}, c)
		}
	}
}

func (e *hclEval) listNode(n *yaml.Node, v cty.Value, x hclsyntax.Expression, reads []string) {
	n.Kind = yaml.SequenceNode
	tuple, _ := x.(*hclsyntax.TupleConsExpr)
	i := 0
	for it := v.ElementIterator(); it.Next(); i++ {
		_, item := it.Element()
		at := x
		if tuple != nil && i < len(tuple.Exprs) {
			at = tuple.Exprs[i]
		}
		c := e.node(item, at, reads)
		if c != nil && c.Kind == yaml.SequenceNode { // [["a"], "b"]: lists in lists are laid out flat
			n.Content = append(n.Content, c.Content...)
		} else if c != nil {
			n.Content = append(n.Content, c)
		}
	}
}

// The marks stand for what is only known once everything else is: the hash is over it.
const (
	hashMark   = "\uE000hash\uE000"
	numberMark = "\uE000number\uE000"
)

// bare is a frame that only serves functions.
func (r *v1Recipe) bare(v variant) *frame {
	return &frame{program: r.program, opts: r.opts, variant: v, vars: map[string]expr.Value{}, read: map[string]bool{}, found: r.found, files: r.files, platform: r.forPlatform(), budget: expr.NewBudget()}
}
