package recipes

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// maxEach bounds how often one block is repeated.
const maxEach = 200

// forEach runs make once, or for a block with `for_each` once for each of its values, which the block
// sees as each.key and each.value.
func (e *hclEval) forEach(b *hclsyntax.Block, make func()) {
	a := b.Body.Attributes["for_each"]
	if a == nil {
		make()
		return
	}
	v, problems := e.value(a.Expr)
	e.list = append(e.list, e.diagnostics(problems)...)
	e.always = append(e.always, e.readsOf(a.Expr)...)
	if problems.HasErrors() {
		return
	}
	if v.IsNull() || !v.CanIterateElements() {
		e.errorf(a.Expr.Range(), "wrong-type", "", "for_each takes a list or a mapping")
		return
	}
	if v.LengthInt() > maxEach {
		e.errorf(a.Expr.Range(), "too-big", "", "for_each has %d values, more than %d", v.LengthInt(), maxEach)
		return
	}
	e.repeat(v, make)
}

func (e *hclEval) repeat(v cty.Value, make func()) {
	outer, one, was := e.ctx, e.one, e.each
	defer func() { e.ctx, e.one, e.each = outer, one, was }()
	for it := v.ElementIterator(); it.Next(); {
		key, value := it.Element()
		if key.Type() != cty.String {
			key = cty.StringVal(fmt.Sprint(key.AsBigFloat()))
		}
		e.ctx, e.each = outer.NewChild(), true
		e.one = map[string]cty.Value{"key": key, "value": value}
		e.ctx.Variables = map[string]cty.Value{"each": cty.ObjectVal(e.one)}
		make()
	}
}

// scope is the names that the file's own expressions see, without those of an inner scope.
func (e *hclEval) scope() *hcl.EvalContext {
	c := e.ctx
	for c.Parent() != nil && c.Parent().Parent() != nil { // the outermost is that of all files
		c = c.Parent()
	}
	return c
}
