package recipes

import (
	"math"
	"strconv"

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
		return e.quickUnary(x)
	case *hclsyntax.BinaryOpExpr:
		return e.quickBinary(x)
	case *hclsyntax.ConditionalExpr:
		return e.quickChoice(x)
	case *hclsyntax.FunctionCallExpr:
		return e.quickCall(x)
	case *hclsyntax.RelativeTraversalExpr:
		return e.quickItem(x)
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

func (e *hclEval) quickUnary(x *hclsyntax.UnaryOpExpr) (any, bool) {
	v, ok := e.quick(x.Val)
	switch v := v.(type) {
	case bool:
		return !v, ok && x.Op == hclsyntax.OpLogicalNot
	case int64:
		return -v, ok && x.Op == hclsyntax.OpNegate && v > math.MinInt64
	}
	return nil, false
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
	if isOrder(x.Op) {
		a, b = quickNumeral(a), quickNumeral(b)
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

// isOrder reports whether an operation compares numbers.
func isOrder(op *hclsyntax.Operation) bool {
	return op == hclsyntax.OpLessThan || op == hclsyntax.OpLessThanOrEqual || op == hclsyntax.OpGreaterThan || op == hclsyntax.OpGreaterThanOrEqual
}

// quickNumeral is a text as the number that it is written as; all else is as it was.
func quickNumeral(v any) any {
	if s, isText := v.(string); isText {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil && strconv.FormatInt(n, 10) == s {
			return n
		}
	}
	return v
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
