package recipes

import (
	"slices"
	"strings"

	"forge/recipes/internal/expr"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// quickCall is a call of one of the functions that recipes call most.
func (e *hclEval) quickCall(x *hclsyntax.FunctionCallExpr) (any, bool) {
	if x.ExpandFinal || len(x.Args) == 0 || len(x.Args) > 3 {
		return nil, false
	}
	switch n := len(x.Args); {
	case n == 2 && x.Name == "contains":
		return e.quickContains(x.Args[0], x.Args[1])
	case n == 2 && x.Name == "try":
		return e.quickTry(x.Args[0], x.Args[1])
	case n == 2 && x.Name == "join":
		return e.quickJoin(x.Args[0], x.Args[1])
	case n <= 2 && (x.Name == "pin_subpackage" || x.Name == "pin_compatible"):
		return e.quickPin(x)
	}
	var args [3]any
	texts := true
	for i, arg := range x.Args {
		v, ok := e.quick(arg)
		if !ok {
			return nil, false
		}
		_, isText := v.(string)
		args[i], texts = v, texts && isText
	}
	if !texts {
		return quickConvert(x.Name, len(x.Args), args[0])
	}
	return e.quickTextCall(x.Name, len(x.Args), args)
}

// quickTextCall is a function of n texts.
func (e *hclEval) quickTextCall(name string, n int, args [3]any) (any, bool) {
	first := args[0].(string)
	switch {
	case name == "compiler" && n == 1, name == "stdlib" && n == 1:
		return quickAnswer(e.frame.tool(expr.Args{Pos: []expr.Value{first}}, name))
	case name == "cdt" && n == 1:
		return quickAnswer(e.frame.cdt(expr.Args{Pos: []expr.Value{first}}))
	case name == "match" && n == 2:
		return quickAnswer(matchVersion(expr.Args{Pos: []expr.Value{first, args[1]}}))
	case name == "replace" && n == 3:
		return normalText(strings.ReplaceAll(first, args[1].(string), args[2].(string))), true
	case name == "version_to_buildstring" && n == 1:
		return shortBuildString(first), true
	case name == "trimspace" && n == 1:
		return strings.TrimSpace(first), true
	case name == "env" && n == 2:
		if look := e.frame.opts.Env; look != nil {
			if v, ok := look(first); ok {
				return normalText(v), true
			}
		}
		return args[1], true
	}
	return quickConvert(name, n, first)
}

// quickConvert is a function of one value of any type.
func quickConvert(name string, n int, v any) (any, bool) {
	if n != 1 {
		return nil, false
	}
	switch name {
	case "tostring":
		return quickPrint(v), true
	case "tonumber":
		n, isNumber := quickNumeral(v).(int64)
		return n, isNumber
	case "truthy":
		return v != false && v != "" && v != int64(0), true
	}
	return nil, false
}

// quickAnswer is what a function of recipe.yaml gave, if that is no mistake.
func quickAnswer(v expr.Value, err error) (any, bool) {
	if err != nil {
		return nil, false
	}
	if yes, isBool := v.(bool); isBool {
		return yes, true
	}
	return normalText(printed(v)), true
}

func (e *hclEval) quickPin(x *hclsyntax.FunctionCallExpr) (any, bool) {
	name, ok := e.quick(x.Args[0])
	if _, isText := name.(string); !ok || !isText {
		return nil, false
	}
	a := expr.Args{Pos: []expr.Value{name}}
	if len(x.Args) == 2 {
		bounds, ok := x.Args[1].(*hclsyntax.ObjectConsExpr)
		if !ok {
			return nil, false
		}
		for _, item := range bounds.Items {
			key := hcl.ExprAsKeyword(item.KeyExpr)
			v, ok := e.quick(item.ValueExpr)
			if _, number := v.(int64); !ok && !isNull(item.ValueExpr) || number || key == "" || slices.Contains(a.Names, key) {
				return nil, false
			}
			a.Names, a.Named = append(a.Names, key), append(a.Named, v)
		}
	}
	return quickAnswer(pinCall(x.Name, a))
}

// quickContains tells whether a list of values of one type has one of that type.
func (e *hclEval) quickContains(list, value hclsyntax.Expression) (any, bool) {
	items, isList := list.(*hclsyntax.TupleConsExpr)
	want, ok := e.quick(value)
	if !isList || !ok || len(items.Exprs) == 0 {
		return nil, false
	}
	found := false
	for _, item := range items.Exprs {
		v, ok := e.quick(item)
		if !ok || !sameType(v, want) {
			return nil, false
		}
		found = found || v == want
	}
	return found, true
}

// quickTry is a value, or a second one where the first is a key that the variant does not have.
func (e *hclEval) quickTry(first, second hclsyntax.Expression) (any, bool) {
	if v, ok := e.quick(first); ok {
		return v, true
	}
	x, ok := first.(*hclsyntax.ScopeTraversalExpr)
	if !ok || len(x.Traversal) != 2 || x.Traversal.RootName() != "variant" {
		return nil, false
	}
	key, ok := x.Traversal[1].(hcl.TraverseAttr)
	if _, has := e.frame.variant[key.Name]; !ok || has {
		return nil, false
	}
	return e.quick(second)
}

func (e *hclEval) quickJoin(separator, list hclsyntax.Expression) (any, bool) {
	s, ok := e.quick(separator)
	with, isText := s.(string)
	words, isList := e.quickTexts(list)
	if !ok || !isText || !isList {
		return nil, false
	}
	return normalText(strings.Join(words, with)), true
}

// quickTexts is what split, slice and reverse make of texts.
func (e *hclEval) quickTexts(x hclsyntax.Expression) ([]string, bool) {
	call, ok := x.(*hclsyntax.FunctionCallExpr)
	if !ok || call.ExpandFinal {
		return nil, false
	}
	switch n := len(call.Args); {
	case call.Name == "split" && n == 2:
		separator, ok := e.quick(call.Args[0])
		with, isText := separator.(string)
		text, okText := e.quick(call.Args[1])
		whole, isWhole := text.(string)
		if !ok || !isText || !okText || !isWhole {
			return nil, false
		}
		return strings.Split(whole, with), true
	case call.Name == "reverse" && n == 1:
		words, ok := e.quickTexts(call.Args[0])
		slices.Reverse(words)
		return words, ok
	case call.Name == "slice" && n == 3:
		words, ok := e.quickTexts(call.Args[0])
		from, okFrom := e.quick(call.Args[1])
		to, okTo := e.quick(call.Args[2])
		a, isA := from.(int64)
		b, isB := to.(int64)
		if !ok || !okFrom || !okTo || !isA || !isB || a < 0 || a > b || b > int64(len(words)) {
			return nil, false
		}
		return words[a:b], true
	}
	return nil, false
}

// quickItem is one of the words of a text, as in split(".", local.version)[0].
func (e *hclEval) quickItem(x *hclsyntax.RelativeTraversalExpr) (any, bool) {
	if len(x.Traversal) != 1 {
		return nil, false
	}
	step, ok := x.Traversal[0].(hcl.TraverseIndex)
	if !ok || step.Key.Type() != cty.Number {
		return nil, false
	}
	n, isNumber := plainCty(step.Key)
	words, ok := e.quickTexts(x.Source)
	if i, isInt := n.(int64); ok && isNumber && isInt && i >= 0 && i < int64(len(words)) {
		return words[i], true
	}
	return nil, false
}
