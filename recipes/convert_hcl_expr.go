package recipes

import (
	"fmt"
	"strings"

	"forge/recipes/internal/expr"
)

// hclWriter writes expressions of recipe.yaml in HCL.
type hclWriter struct {
	c         *hclConverter
	platforms map[string]expr.Value
	condition bool // what is written decides, it is no text
	inString  bool // the build string is written
	inSkip    bool // what cannot be evaluated is false
	problem
}

// truth is an expression as a condition.
func (w *hclWriter) truth(n *expr.Node) string {
	switch n.Kind {
	case "and":
		return "(" + w.truth(n.Args[0]) + " && " + w.truth(n.Args[1]) + ")"
	case "or":
		return "(" + w.truth(n.Args[0]) + " || " + w.truth(n.Args[1]) + ")"
	case "not":
		return "!" + w.truth(n.Args[0])
	}
	if w.mayBeText(n) {
		return "truthy(" + bare(w.write(n)) + ")"
	}
	return w.write(n)
}

// mayBeText reports whether a condition is a text, which HCL does not take for one: it is known to be, or
// rendering told that some are and this one may.
func (w *hclWriter) mayBeText(n *expr.Node) bool {
	switch n.Kind {
	case "concat":
		return true
	case "name":
		v, known := w.c.literals[n.Name]
		_, truth := v.(bool)
		if known && w.c.context[n.Name] {
			return !truth
		}
		return w.c.hints.textual && !w.platform(n.Name)
	case "filter":
		return n.Name != "bool" && w.c.hints.textual
	}
	return false
}

func (w *hclWriter) write(n *expr.Node) string {
	if n == nil {
		return "null"
	}
	arg := w.operand(n, w.write)
	switch n.Kind {
	case "const":
		return w.constant(n.Value)
	case "name":
		return w.name(n.Name)
	case "list", "tuple":
		return listText(n, w.write)
	case "cond":
		if n.Args[2] == nil {
			return "(" + w.truth(n.Args[0]) + " ? " + arg(1) + ` : "")`
		}
		return "(" + w.truth(n.Args[0]) + " ? " + arg(1) + " : " + arg(2) + ")"
	case "and", "or", "not":
		return w.truth(n)
	case "compare":
		return w.compare(n, arg(0), arg(1))
	case "bin":
		if n.Op == "+" && (isText(n.Args[0]) || isText(n.Args[1])) {
			return w.joined(n.Args)
		}
		if n.Op == "//" {
			return "floor(" + arg(0) + " / " + arg(1) + ")"
		}
		if strings.Contains("+ - * / %", n.Op) {
			return "(" + arg(0) + " " + n.Op + " " + arg(1) + ")"
		}
	case "concat":
		return w.joined(n.Args)
	case "unary":
		return n.Op + arg(0)
	case "item":
		if n.Args[1].Kind == "slice" {
			return w.slice(n)
		}
		if last := n.Args[1]; last.Kind == "unary" && last.Op == "-" && last.Args[0].Value == int64(1) {
			if w.textual(n.Args[0]) {
				return "substr(" + arg(0) + ", -1, 1)"
			}
			return "reverse(" + arg(0) + ")[0]"
		}
		if v, ok := n.Args[1].Value.(string); ok && n.Args[1].Kind == "const" {
			return arg(0) + "[" + hclQuote(v) + "]"
		}
		if v, ok := n.Args[1].Value.(int64); ok && n.Args[1].Kind == "const" && v >= 0 {
			if w.textual(n.Args[0]) {
				return fmt.Sprintf("substr(%s, %d, 1)", arg(0), v)
			}
			return arg(0) + "[" + fmt.Sprint(v) + "]"
		}
	case "attr":
		if n.Args[0].Kind == "name" && (n.Args[0].Name == "env") {
			return w.fail("env.%s", n.Name)
		}
		return arg(0) + "[" + hclQuote(n.Name) + "]"
	case "call":
		return w.call(n)
	case "filter":
		return w.filter(n)
	case "test":
		return w.test(n)
	}
	return w.fail("recipe.hcl has nothing for %s", describeNode(n))
}

func (w *hclWriter) constant(v expr.Value) string {
	switch v := v.(type) {
	case string:
		return hclQuote(v)
	case nil:
		return "null"
	case bool:
		return fmt.Sprint(v)
	}
	return expr.Str(v)
}

func (w *hclWriter) name(name string) string {
	if name == "build_number" && w.inString && w.c.context[name] && w.c.number != nil { // the build's number hides the variable
		w.inString = false
		defer func() { w.inString = true }()
		return "(" + w.c.data(w.c.number) + ")"
	}
	if (name == "hash" || name == "build_number") && (w.inString || !w.c.context[name]) {
		return name
	}
	switch {
	case w.c.context[name] && !w.c.later[name]:
		return "local." + name
	case w.platform(name):
		return name
	}
	if name == "MACOSX_DEPLOYMENT_TARGET" || name == "CONDA_BUILD_SYSROOT" { // the variant's, or the shell's
		return "try(variant." + name + ", " + hclQuote("$"+name) + ")"
	}
	if isBuildVariable(name) || isLateVariable(name) { // of the script's shell
		if w.c.hints.cmd {
			return `(win ? ` + hclQuote("%"+name+"%") + " : " + hclQuote("$"+name) + ")"
		}
		return hclQuote("$" + name)
	}
	if w.c.hints.optional[name] && w.inSkip {
		return "variant." + name
	}
	if w.c.hints.optional[name] && strings.ToUpper(name) == name && !w.condition { // no variant has it: the shell's
		return hclQuote("$" + name)
	}
	if w.c.hints.optional[name] {
		return "try(variant." + name + ", " + w.absent() + ")"
	}
	return "variant." + name
}

// absent stands for a variant key that is missing: false in a condition, else the empty text.
func (w *hclWriter) absent() string {
	if w.condition {
		return "false"
	}
	return `""`
}

func (w *hclWriter) platform(name string) bool {
	if w.platforms == nil {
		o := (RenderOptions{}).withDefaults()
		w.platforms = newPlatform(&o).names()
	}
	switch w.platforms[name].(type) {
	case bool, string:
		return true
	}
	return false
}

func (w *hclWriter) compare(n *expr.Node, a, b string) string {
	switch n.Op {
	case "in", "not in":
		s := "contains(" + b + ", " + a + ")"
		if w.textual(n.Args[1]) || n.Args[1].Kind == "const" { // a part of a text
			s = "(replace(" + b + ", " + a + `, "") != ` + b + ")"
		}
		if n.Op == "in" {
			return s
		}
		return "!" + s
	}
	return "(" + a + " " + n.Op + " " + b + ")"
}

// joined writes parts of a text as a template. One part alone becomes a text by tostring: "${x}" would be x.
func (w *hclWriter) joined(parts []*expr.Node) string {
	parts = flatParts(parts)
	if len(parts) == 1 {
		return "tostring(" + bare(w.write(parts[0])) + ")"
	}
	var b strings.Builder
	for _, p := range parts {
		if s, ok := p.Value.(string); ok && p.Kind == "const" {
			b.WriteString(strings.Trim(hclQuote(s), `"`))
			continue
		}
		b.WriteString("${" + bare(w.write(p)) + "}")
	}
	return `"` + b.String() + `"`
}

// flatParts are the parts of a text, without empty ones and without texts made of parts.
func flatParts(parts []*expr.Node) (out []*expr.Node) {
	for _, p := range parts {
		switch {
		case p.Kind == "concat":
			out = append(out, flatParts(p.Args)...)
		case p.Kind == "const" && p.Value == "" && len(parts) > 1:
		default:
			out = append(out, p)
		}
	}
	return out
}

// textual reports whether an expression is a text, as far as can be told.
func (w *hclWriter) textual(n *expr.Node) bool {
	if w.c.listExpression(n) {
		return false
	}
	switch n.Kind {
	case "name":
		v, known := w.c.literals[n.Name]
		_, text := v.(string)
		return text || !known
	case "filter":
		return contains([]string{"lower", "upper", "replace", "trim", "join", "version_to_buildstring"}, n.Name)
	case "concat":
		return true
	case "item":
		return n.Args[1].Kind == "slice" && w.textual(n.Args[0])
	}
	return false
}

// slice writes x[:2] of a list with slice(), of a text with substr().
func (w *hclWriter) slice(n *expr.Node) string {
	s, x := n.Args[1], w.write(n.Args[0])
	bound := func(i int) (v int64, ok bool) {
		if s.Args[i] == nil {
			return 0, true
		}
		if u := s.Args[i]; u.Kind == "unary" && u.Op == "-" {
			v, ok = u.Args[0].Value.(int64)
			return -v, ok
		}
		v, ok = s.Args[i].Value.(int64)
		return v, ok
	}
	from, ok1 := bound(0)
	to, ok2 := bound(1)
	if !ok1 || !ok2 || s.Args[2] != nil {
		return w.fail("a slice cannot be written")
	}
	if w.textual(n.Args[0]) {
		switch {
		case s.Args[1] == nil:
			return fmt.Sprintf("substr(%s, %d, -1)", x, from)
		case from >= 0 && to >= 0:
			return fmt.Sprintf("substr(%s, %d, %d)", x, from, to-from)
		case from >= 0:
			return fmt.Sprintf("substr(%s, %d, strlen(%s) - %d)", x, from, x, from-to)
		}
		return w.fail("a slice cannot be written")
	}
	at := func(v int64, open bool) string {
		if open {
			return "length(" + x + ")"
		}
		if v < 0 {
			return fmt.Sprintf("length(%s) - %d", x, -v)
		}
		return fmt.Sprint(v)
	}
	return "slice(" + x + ", " + at(from, false) + ", " + at(to, s.Args[1] == nil) + ")"
}
