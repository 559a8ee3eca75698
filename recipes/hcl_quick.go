package recipes

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"forge/recipes/internal/expr"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// What recipes are made of (texts with names filled in, conditions on the variant and the platform, calls
// of compiler() and pins) is evaluated here, in a fraction of the library's time: it makes types, marks and
// conversions for every value. At anything else, mistakes included, quick says that it does not know, and
// the library evaluates the whole expression. A test holds the two equal on every file of the corpus.

// quick gives the value of an expression, which is a string, bool or int64; known is false where the
// library has to be asked.
func (e *hclEval) quick(x hclsyntax.Expression) (value any, known bool) {
	if e.names == nil || e.names.slow {
		return nil, false
	}
	switch x := x.(type) {
	case *hclsyntax.LiteralValueExpr:
		return plainCty(x.Val)
	case *hclsyntax.TemplateExpr:
		return e.quickText(x)
	case *hclsyntax.TemplateWrapExpr:
		return e.quick(x.Wrapped)
	case *hclsyntax.ParenthesesExpr:
		return e.quick(x.Expression)
	case *hclsyntax.ScopeTraversalExpr:
		return e.quickName(x.Traversal)
	case *hclsyntax.UnaryOpExpr:
		yes, isBool := e.quickBool(x.Val)
		return !yes, isBool && x.Op == hclsyntax.OpLogicalNot
	case *hclsyntax.BinaryOpExpr:
		return e.quickBinary(x)
	case *hclsyntax.ConditionalExpr:
		return e.quickChoice(x)
	case *hclsyntax.FunctionCallExpr:
		return e.quickCall(x)
	}
	return nil, false
}

// plainCty is a value of the library's as quick has it.
func plainCty(v cty.Value) (any, bool) {
	if v == cty.NilVal || v.IsMarked() || !v.IsKnown() || v.IsNull() {
		return nil, false
	}
	switch v.Type() {
	case cty.String:
		return v.AsString(), true
	case cty.Bool:
		return v.True(), true
	case cty.Number:
		if f := v.AsBigFloat(); f.IsInt() {
			n, accuracy := f.Int64()
			return n, accuracy == 0
		}
	}
	return nil, false
}

// ctyOf is a value of quick's as the library has it.
func ctyOf(v any) cty.Value {
	switch v := v.(type) {
	case string:
		return cty.StringVal(v)
	case bool:
		return cty.BoolVal(v)
	case int64:
		return cty.NumberIntVal(v)
	}
	return v.(cty.Value)
}

// quickPrint is a value in a text.
func quickPrint(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	}
	return strconv.FormatInt(v.(int64), 10)
}

// normalText is a text that was put together as the library has it, which normalizes all of Unicode.
func normalText(s string) string {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return cty.NormalizeString(s)
		}
	}
	return s
}

func (e *hclEval) quickText(x *hclsyntax.TemplateExpr) (any, bool) {
	if text, ok := quotedText(x); ok {
		return text, true
	}
	var buffer [128]byte
	text := buffer[:0]
	for _, part := range x.Parts {
		v, ok := e.quick(part)
		if !ok {
			return nil, false
		}
		text = append(text, quickPrint(v)...)
	}
	return normalText(string(text)), true
}

// quickName is what a name of one or two parts stands for.
func (e *hclEval) quickName(t hcl.Traversal) (any, bool) {
	if len(t) > 2 {
		return nil, false
	}
	root, ok := t[0].(hcl.TraverseRoot)
	if !ok {
		return nil, false
	}
	if len(t) == 1 {
		return plainCty(e.names.outer.Variables[root.Name])
	}
	part, ok := t[1].(hcl.TraverseAttr)
	if !ok {
		return nil, false
	}
	switch root.Name {
	case "variant":
		v, ok := e.frame.variant[part.Name]
		if b, isBool := v.Value.(bool); isBool {
			return b, true
		}
		return normalText(v.Text), ok
	case "local", "package":
		v, ok := e.names.known[root.Name][part.Name]
		if _, isCty := v.(cty.Value); isCty {
			return nil, false
		}
		return v, ok
	case "each":
		return plainCty(e.one[part.Name])
	}
	return nil, false
}

func (e *hclEval) quickBool(x hclsyntax.Expression) (yes, known bool) {
	v, ok := e.quick(x)
	yes, known = v.(bool)
	return yes, ok && known
}

// quickBinary is an operation on two values of one type.
func (e *hclEval) quickBinary(x *hclsyntax.BinaryOpExpr) (any, bool) {
	a, ok := e.quick(x.LHS)
	if !ok {
		return nil, false
	}
	if x.Op == hclsyntax.OpLogicalAnd || x.Op == hclsyntax.OpLogicalOr {
		return e.quickLogic(x, a)
	}
	b, ok := e.quick(x.RHS)
	if !ok {
		return nil, false
	}
	switch a := a.(type) {
	case string:
		if b, same := b.(string); same {
			return quickEqual(x.Op, a == b)
		}
	case bool:
		if b, same := b.(bool); same {
			return quickEqual(x.Op, a == b)
		}
	case int64:
		if b, same := b.(int64); same {
			return quickNumber(x.Op, a, b)
		}
	}
	return nil, false
}

// quickLogic is && or ||. Where the left side decides, nothing that is wrong with the right one counts, as
// long as that is no value that could not be a truth value at all.
func (e *hclEval) quickLogic(x *hclsyntax.BinaryOpExpr, left any) (any, bool) {
	a, ok := left.(bool)
	if !ok {
		return nil, false
	}
	if a == (x.Op == hclsyntax.OpLogicalOr) && isCondition(x.RHS) {
		return a, true
	}
	b, ok := e.quickBool(x.RHS)
	if x.Op == hclsyntax.OpLogicalOr {
		return a || b, ok
	}
	return a && b, ok
}

// isCondition reports whether an expression can be nothing but a truth value.
func isCondition(x hclsyntax.Expression) bool {
	switch x := x.(type) {
	case *hclsyntax.ParenthesesExpr:
		return isCondition(x.Expression)
	case *hclsyntax.BinaryOpExpr:
		return x.Op.Type == cty.Bool
	case *hclsyntax.UnaryOpExpr:
		return x.Op.Type == cty.Bool
	}
	return false
}

func quickEqual(op *hclsyntax.Operation, same bool) (any, bool) {
	return same == (op == hclsyntax.OpEqual), op == hclsyntax.OpEqual || op == hclsyntax.OpNotEqual
}

// quickNumber is arithmetic that cannot leave the range of an int64.
func quickNumber(op *hclsyntax.Operation, a, b int64) (any, bool) {
	if max(a, b) > math.MaxInt32 || min(a, b) < math.MinInt32 {
		return nil, false
	}
	switch op {
	case hclsyntax.OpAdd:
		return a + b, true
	case hclsyntax.OpSubtract:
		return a - b, true
	case hclsyntax.OpMultiply:
		return a * b, true
	case hclsyntax.OpLessThan:
		return a < b, true
	case hclsyntax.OpLessThanOrEqual:
		return a <= b, true
	case hclsyntax.OpGreaterThan:
		return a > b, true
	case hclsyntax.OpGreaterThanOrEqual:
		return a >= b, true
	}
	return quickEqual(op, a == b)
}

// quickChoice is a condition between two values of one type: others are converted.
func (e *hclEval) quickChoice(x *hclsyntax.ConditionalExpr) (any, bool) {
	yes, ok := e.quickBool(x.Condition)
	if !ok {
		return nil, false
	}
	a, okA := e.quick(x.TrueResult)
	b, okB := e.quick(x.FalseResult)
	if !okA || !okB || !sameType(a, b) {
		return nil, false
	}
	if yes {
		return a, true
	}
	return b, true
}

func sameType(a, b any) bool {
	switch a.(type) {
	case string:
		_, same := b.(string)
		return same
	case bool:
		_, same := b.(bool)
		return same
	}
	_, same := b.(int64)
	return same
}

// quickCall is a call of one of the functions that recipes call most.
func (e *hclEval) quickCall(x *hclsyntax.FunctionCallExpr) (any, bool) {
	if x.ExpandFinal || len(x.Args) == 0 || len(x.Args) > 3 {
		return nil, false
	}
	var args [3]any
	texts := true
	for i, arg := range x.Args {
		if i == 1 && (x.Name == "pin_subpackage" || x.Name == "pin_compatible") {
			break
		}
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
	first, n := args[0].(string), len(x.Args)
	switch {
	case x.Name == "compiler" && n == 1, x.Name == "stdlib" && n == 1:
		return quickAnswer(e.frame.tool(expr.Args{Pos: []expr.Value{first}}, x.Name))
	case x.Name == "cdt" && n == 1:
		return quickAnswer(e.frame.cdt(expr.Args{Pos: []expr.Value{first}}))
	case x.Name == "match" && n == 2:
		return quickAnswer(matchVersion(expr.Args{Pos: []expr.Value{first, args[1]}}))
	case x.Name == "replace" && n == 3:
		return normalText(strings.ReplaceAll(first, args[1].(string), args[2].(string))), true
	case x.Name == "version_to_buildstring" && n == 1:
		return shortBuildString(first), true
	case x.Name == "pin_subpackage" && n <= 2, x.Name == "pin_compatible" && n <= 2:
		return e.quickPin(x, first)
	}
	return quickConvert(x.Name, n, first)
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
		if s, isText := v.(string); isText {
			number, err := strconv.ParseInt(s, 10, 64)
			return number, err == nil && strconv.FormatInt(number, 10) == s
		}
		_, isNumber := v.(int64)
		return v, isNumber
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

func (e *hclEval) quickPin(x *hclsyntax.FunctionCallExpr, name string) (any, bool) {
	a := expr.Args{Pos: []expr.Value{name}}
	if len(x.Args) == 2 {
		bounds, ok := x.Args[1].(*hclsyntax.ObjectConsExpr)
		if !ok {
			return nil, false
		}
		for _, item := range bounds.Items {
			key := hcl.ExprAsKeyword(item.KeyExpr)
			v, ok := e.quick(item.ValueExpr)
			if _, number := v.(int64); !ok || number || key == "" || slices.Contains(a.Names, key) {
				return nil, false
			}
			a.Names, a.Named = append(a.Names, key), append(a.Named, v)
		}
	}
	return quickAnswer(pinCall(x.Name, a))
}
