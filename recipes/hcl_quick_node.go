package recipes

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"gopkg.in/yaml.v3"
)

// quickNode is what node makes of the value of an expression; nil for null. Of a list chosen by a
// condition, or put together by a function, all stands at the place of that expression.
func (e *hclEval) quickNode(x hclsyntax.Expression, at *hcl.Pos, reads []string) (n *yaml.Node, known bool) {
	if v, ok := e.quick(x); ok {
		return e.plainNode(v, placed(x, at), reads), true
	}
	if e.names.slow {
		return nil, false
	}
	switch x := x.(type) {
	case *hclsyntax.LiteralValueExpr:
		return nil, x.Val.IsNull()
	case *hclsyntax.ParenthesesExpr:
		start := placed(x, at)
		return e.quickNode(x.Expression, &start, reads)
	case *hclsyntax.TupleConsExpr:
		return e.quickList(x.Exprs, placed(x, at), at, reads)
	case *hclsyntax.ConditionalExpr:
		return e.quickArm(x, placed(x, at), reads)
	case *hclsyntax.ObjectConsExpr:
		return e.quickObject(x, placed(x, at), reads)
	case *hclsyntax.FunctionCallExpr:
		if x.Name == "concat" && len(x.Args) > 0 && !x.ExpandFinal {
			return e.quickConcat(x, placed(x, at), reads)
		}
	}
	return nil, false
}

// placed is where a value stands: at the place that is given, or else at its own.
func placed(x hclsyntax.Expression, at *hcl.Pos) hcl.Pos {
	if at != nil {
		return *at
	}
	return x.Range().Start
}

// quickList is a list. Lists in lists are laid out flat.
func (e *hclEval) quickList(items []hclsyntax.Expression, place hcl.Pos, at *hcl.Pos, reads []string) (*yaml.Node, bool) {
	n := e.listAt(place, reads)
	n.Content = make([]*yaml.Node, 0, len(items))
	for _, item := range items {
		c, ok := e.quickNode(item, at, reads)
		switch {
		case !ok:
			return nil, false
		case c == nil:
		case c.Kind == yaml.SequenceNode:
			n.Content = append(n.Content, c.Content...)
		default:
			n.Content = append(n.Content, c)
		}
	}
	return n, true
}

func (e *hclEval) quickConcat(x *hclsyntax.FunctionCallExpr, place hcl.Pos, reads []string) (*yaml.Node, bool) {
	n := e.listAt(place, reads)
	for _, arg := range x.Args {
		c, ok := e.quickNode(arg, &place, reads)
		if !ok || c == nil || c.Kind != yaml.SequenceNode {
			return nil, false
		}
		n.Content = append(n.Content, c.Content...)
	}
	return n, true
}

// quickObject is a mapping, whose keys come in the order of the alphabet.
func (e *hclEval) quickObject(x *hclsyntax.ObjectConsExpr, place hcl.Pos, reads []string) (*yaml.Node, bool) {
	values := make(map[string]*yaml.Node, len(x.Items))
	for _, item := range x.Items {
		key := hcl.ExprAsKeyword(item.KeyExpr)
		if _, twice := values[key]; key == "" || twice {
			return nil, false
		}
		v, ok := e.quickNode(item.ValueExpr, &place, reads)
		if !ok {
			return nil, false
		}
		values[key] = v
	}
	n := e.newNode(place)
	n.Kind = yaml.MappingNode
	e.noteReads(n, reads)
	for _, key := range sortedNames(values) {
		if v := values[key]; v != nil {
			n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key, Line: place.Line, Column: place.Column}, v)
		}
	}
	return n, true
}

// quickArm is a condition between two lists of texts, or between such a list or a value and null.
func (e *hclEval) quickArm(x *hclsyntax.ConditionalExpr, place hcl.Pos, reads []string) (*yaml.Node, bool) {
	yes, ok := e.quickBool(x.Condition)
	if !ok {
		return nil, false
	}
	arm, other := x.FalseResult, x.TrueResult
	if yes {
		arm, other = other, arm
	}
	switch {
	case e.isTexts(arm) && e.isTexts(other), e.isTexts(arm) && isNull(other):
		return e.quickList(arm.(*hclsyntax.TupleConsExpr).Exprs, place, &place, reads)
	case isNull(arm) && (e.isTexts(other) || isNull(other)):
		return nil, true
	case isNull(arm):
		_, ok := e.quick(other)
		return nil, ok
	case isNull(other):
		v, ok := e.quick(arm)
		if !ok {
			return nil, false
		}
		return e.plainNode(v, place, reads), true
	}
	return nil, false
}

func isNull(x hclsyntax.Expression) bool {
	v, ok := x.(*hclsyntax.LiteralValueExpr)
	return ok && v.Val.IsNull()
}

// isTexts reports whether an expression is a list of texts, whatever they are.
func (e *hclEval) isTexts(x hclsyntax.Expression) bool {
	list, ok := x.(*hclsyntax.TupleConsExpr)
	if !ok {
		return false
	}
	for _, item := range list.Exprs {
		if _, text := item.(*hclsyntax.TemplateExpr); text {
			continue
		}
		if v, ok := e.quick(item); !ok {
			return false
		} else if _, text := v.(string); !text {
			return false
		}
	}
	return true
}

func (e *hclEval) listAt(at hcl.Pos, reads []string) *yaml.Node {
	n := e.newNode(at)
	n.Kind = yaml.SequenceNode
	e.noteReads(n, reads)
	return n
}

// plainNode is a value as a tree with its place.
func (e *hclEval) plainNode(v any, at hcl.Pos, reads []string) *yaml.Node {
	n := e.newNode(at)
	e.noteReads(n, reads)
	n.Kind, n.Value = yaml.ScalarNode, quickPrint(v)
	switch v.(type) {
	case string:
		n.Tag, n.Style = "!!str", yaml.DoubleQuotedStyle
	case bool:
		n.Tag = "!!bool"
	default:
		n.Tag = "!!int"
	}
	return n
}

func (e *hclEval) noteReads(n *yaml.Node, reads []string) {
	if len(reads) > 0 {
		e.reads[n] = reads
	}
}
