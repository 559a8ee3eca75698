package recipes

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// hclScan is what one look at the whole tree of a file tells, for all variants.
type hclScan struct {
	reads     map[hclsyntax.Expression]*exprReads // of the attributes; those that read nothing are left out
	calls     map[string]bool                     // functions
	pipelines bool                                // there are some, which may call any function
	loops     []hcl.Range                         // of `for` inside of `for` inside of `for`
}

// exprReads is what the text of an expression names.
type exprReads struct {
	keys     []string // of the variant
	refs     []string // locals and the package's attributes
	branches bool     // it has conditions, which say what of it counts
}

func scanHCL(body *hclsyntax.Body) *hclScan {
	w := &hclWalker{hclScan: hclScan{reads: map[hclsyntax.Expression]*exprReads{}, calls: map[string]bool{}}}
	_ = hclsyntax.Walk(body, w)
	return &w.hclScan
}

type hclWalker struct {
	hclScan
	at    hclsyntax.Expression // of the attribute that the walk is in
	found *exprReads
	depth int // of `for`
}

// Enter is called for each node before those inside of it.
func (w *hclWalker) Enter(n hclsyntax.Node) hcl.Diagnostics {
	switch n := n.(type) {
	case *hclsyntax.Attribute:
		w.at, w.found = n.Expr, nil
	case *hclsyntax.Block:
		w.pipelines = w.pipelines || n.Type == "pipeline"
	case *hclsyntax.ScopeTraversalExpr:
		name := traversalName(n.Traversal)
		r := w.read()
		if r.refs = append(r.refs, name); nodeReads(n) != nil {
			r.keys = append(r.keys, nodeReads(n)...)
		}
	case *hclsyntax.FunctionCallExpr:
		w.calls[n.Name] = true
		if keys := nodeReads(n); keys != nil {
			w.read().keys = append(w.read().keys, keys...)
		}
	case *hclsyntax.ForExpr:
		if w.depth++; w.depth == 3 {
			w.loops = append(w.loops, n.Range())
		}
	}
	if isBranch(n) {
		w.read().branches = true
	}
	return nil
}

// Exit is called after them.
func (w *hclWalker) Exit(n hclsyntax.Node) hcl.Diagnostics {
	if _, ok := n.(*hclsyntax.ForExpr); ok {
		w.depth--
	}
	return nil
}

func (w *hclWalker) read() *exprReads {
	if w.found == nil {
		w.found = &exprReads{}
		w.reads[w.at] = w.found
	}
	return w.found
}
