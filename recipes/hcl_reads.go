package recipes

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// readsOf lists the variant keys that the expression of an attribute reads for this variant, through
// locals too: none that stand only in the arm of a condition that is not taken, after a false && or a
// true ||.
func (e *hclEval) readsOf(x hclsyntax.Expression) []string {
	if e.scan == nil {
		return nil
	}
	r := e.scan.reads[x]
	if r == nil {
		return nil
	}
	if r.branches {
		r = &exprReads{}
		e.taken(x, r)
	}
	found := slices.Clone(r.keys)
	for _, ref := range r.refs {
		found = append(found, e.local[ref]...)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// taken adds what an expression names without what its conditions pass over.
func (e *hclEval) taken(x hclsyntax.Expression, into *exprReads) {
	switch x := x.(type) {
	case *hclsyntax.LiteralValueExpr:
	case *hclsyntax.TemplateExpr:
		for _, part := range x.Parts {
			e.taken(part, into)
		}
	case *hclsyntax.TemplateWrapExpr:
		e.taken(x.Wrapped, into)
	case *hclsyntax.ParenthesesExpr:
		e.taken(x.Expression, into)
	case *hclsyntax.TupleConsExpr:
		for _, item := range x.Exprs {
			e.taken(item, into)
		}
	case *hclsyntax.UnaryOpExpr:
		e.taken(x.Val, into)
	case *hclsyntax.ScopeTraversalExpr:
		into.keys, into.refs = append(into.keys, nodeReads(x)...), append(into.refs, traversalName(x.Traversal))
	case *hclsyntax.FunctionCallExpr:
		into.keys = append(into.keys, nodeReads(x)...)
		for _, arg := range x.Args {
			e.taken(arg, into)
		}
	case *hclsyntax.ConditionalExpr, *hclsyntax.BinaryOpExpr:
		for _, part := range e.counting(x) {
			e.taken(part, into)
		}
	default:
		e.takenWithin(x, into)
	}
}

// counting are the parts of an operation that count for its value, as far as its condition tells.
func (e *hclEval) counting(x hclsyntax.Expression) []hclsyntax.Expression {
	switch x := x.(type) {
	case *hclsyntax.ConditionalExpr:
		switch yes, known := e.truth(x.Condition); {
		case known && yes:
			return []hclsyntax.Expression{x.Condition, x.TrueResult}
		case known:
			return []hclsyntax.Expression{x.Condition, x.FalseResult}
		}
		return []hclsyntax.Expression{x.Condition, x.TrueResult, x.FalseResult}
	case *hclsyntax.BinaryOpExpr:
		if isBranch(x) {
			if yes, known := e.truth(x.LHS); known && yes == (x.Op == hclsyntax.OpLogicalOr) {
				return []hclsyntax.Expression{x.LHS}
			}
		}
		return []hclsyntax.Expression{x.LHS, x.RHS}
	}
	return nil
}

// takenWithin is taken for all other expressions: objects, loops, values indexed.
func (e *hclEval) takenWithin(x hclsyntax.Expression, into *exprReads) {
	var passed []hcl.Range
	_ = hclsyntax.VisitAll(x, func(n hclsyntax.Node) hcl.Diagnostics {
		for _, r := range passed {
			if r.Start.Byte <= n.Range().Start.Byte && n.Range().End.Byte <= r.End.Byte {
				return nil
			}
		}
		if r, ok := e.passedOver(n); ok {
			passed = append(passed, r)
		}
		into.keys = append(into.keys, nodeReads(n)...)
		if t, ok := n.(*hclsyntax.ScopeTraversalExpr); ok {
			into.refs = append(into.refs, traversalName(t.Traversal))
		}
		return nil
	})
}

// isBranch reports whether only one part of the node counts, depending on another.
func isBranch(n hclsyntax.Node) bool {
	switch n := n.(type) {
	case *hclsyntax.ConditionalExpr:
		return true
	case *hclsyntax.BinaryOpExpr:
		return n.Op == hclsyntax.OpLogicalAnd || n.Op == hclsyntax.OpLogicalOr
	}
	return false
}

// passedOver is the part of an expression that does not count for its value, where a condition tells.
func (e *hclEval) passedOver(n hclsyntax.Node) (hcl.Range, bool) {
	switch n := n.(type) {
	case *hclsyntax.ConditionalExpr:
		if yes, known := e.truth(n.Condition); known && yes {
			return n.FalseResult.Range(), true
		} else if known {
			return n.TrueResult.Range(), true
		}
	case *hclsyntax.BinaryOpExpr:
		if n.Op != hclsyntax.OpLogicalAnd && n.Op != hclsyntax.OpLogicalOr {
			return hcl.Range{}, false
		}
		if yes, known := e.truth(n.LHS); known && yes == (n.Op == hclsyntax.OpLogicalOr) {
			return n.RHS.Range(), true
		}
	}
	return hcl.Range{}, false
}

// truth evaluates a condition; known is false where it cannot be told.
func (e *hclEval) truth(x hclsyntax.Expression) (yes, known bool) {
	if yes, known = e.quickBool(x); known {
		return yes, true
	}
	v, problems := e.evaluate(x)
	if problems.HasErrors() {
		return false, false
	}
	v, err := convert.Convert(v, cty.Bool)
	if err != nil || v.IsNull() || !v.IsKnown() {
		return false, false
	}
	return v.True(), true
}

// nodeReads are the variant keys that a node of an expression names.
func nodeReads(n hclsyntax.Node) []string {
	switch n := n.(type) {
	case *hclsyntax.ScopeTraversalExpr:
		name := traversalName(n.Traversal)
		if key, ok := strings.CutPrefix(name, "variant."); ok {
			return []string{normalKey(key)}
		} else if name == "target_platform" || name == "build_platform" || name == "host_platform" {
			return []string{name}
		}
	case *hclsyntax.FunctionCallExpr:
		return callReads(n)
	}
	return nil
}

func callReads(n *hclsyntax.FunctionCallExpr) []string {
	switch n.Name {
	case "cdt":
		return []string{"cdt_name", "cdt_arch"}
	case "compiler", "stdlib":
		if len(n.Args) == 1 {
			if v, problems := n.Args[0].Value(nil); !problems.HasErrors() && v.Type() == cty.String && v.IsKnown() && !v.IsNull() {
				return toolKeys(n.Name, normalKey(v.AsString()))
			}
		}
	}
	return nil
}
