package recipes

import (
	"fmt"
	"sort"
	"strings"

	"forge/recipes/internal/expr"
)

func (w *hclWriter) call(n *expr.Node) string {
	fn := n.Args[0]
	var args []string
	for _, a := range n.Args[1:] {
		args = append(args, w.write(a))
	}
	if fn.Kind == "attr" && fn.Name == "get" && fn.Args[0].Name == "env" {
		if d := n.Named["default"]; d != nil {
			args = append(args, w.write(d))
		}
		if len(args) == 1 && !w.inSkip { // recipe.yaml leaves it to the shell
			args = append(args, hclQuote("$"+strings.Trim(args[0], `"`)))
		}
		return "env(" + strings.Join(args, ", ") + ")"
	}
	switch fn.Name {
	case "compiler", "stdlib", "cdt", "match", "load_from_file":
		return fn.Name + "(" + strings.Join(args, ", ") + ")"
	case "pin_subpackage", "pin_compatible":
		var bounds []string
		for k, v := range n.Named {
			bounds = append(bounds, k+" = "+w.write(v))
		}
		sort.Strings(bounds)
		if len(bounds) > 0 {
			args = append(args, "{ "+strings.Join(bounds, ", ")+" }")
		}
		return fn.Name + "(" + strings.Join(args, ", ") + ")"
	}
	return w.fail("recipe.hcl has no function %s()", fn.Name)
}

func (w *hclWriter) filter(n *expr.Node) string {
	x := w.write(n.Args[0])
	arg := func(i int) string {
		if i+1 >= len(n.Args) {
			return w.fail("%s without an argument", n.Name)
		}
		return w.write(n.Args[i+1])
	}
	switch n.Name {
	case "lower", "upper", "length", "reverse", "sort":
		return n.Name + "(" + x + ")"
	case "trim":
		return "trimspace(" + x + ")"
	case "unique":
		return "distinct(" + x + ")"
	case "replace":
		return "replace(" + x + ", " + arg(0) + ", " + arg(1) + ")"
	case "split":
		if len(n.Args) == 2 {
			return "split(" + arg(0) + ", " + x + ")"
		}
		if len(n.Args) == 1 { // at white space, of which there is one here
			return `split(" ", ` + x + ")"
		}
	case "join":
		if len(n.Args) == 1 {
			return `join("", ` + x + ")"
		}
		return "join(" + arg(0) + ", " + x + ")"
	case "first":
		return x + "[0]"
	case "last":
		return "reverse(" + x + ")[0]"
	case "int":
		switch n.Args[0].Kind {
		case "compare", "not", "test":
			return "(" + x + " ? 1 : 0)"
		}
		return "tonumber(" + x + ")"
	case "bool":
		return "(" + x + " ? true : false)"
	case "abs", "min", "max", "version_to_buildstring":
		return n.Name + "(" + x + ")"
	case "default":
		if len(n.Args) > 2 {
			return "(try(" + x + `, "") != "" ? ` + x + " : " + arg(0) + ")"
		}
		if inner, ok := strings.CutPrefix(x, "try("); ok && w.c.hints.optional[n.Args[0].Name] {
			x, _, _ = strings.Cut(inner, ",")
		}
		return "try(" + x + ", " + arg(0) + ")"
	}
	return w.fail("recipe.hcl has nothing for the filter %s", n.Name)
}

func (w *hclWriter) test(n *expr.Node) string {
	x := w.write(n.Args[0])
	switch n.Name {
	case "defined":
		return "can(" + x + ")"
	case "undefined":
		return "!can(" + x + ")"
	case "none":
		return "(" + x + " == null)"
	case "endingwith":
		if s, ok := n.Args[1].Value.(string); ok {
			return fmt.Sprintf("(trimsuffix(%s, %s) != %s)", x, hclQuote(s), x)
		}
	case "eq", "==":
		return "(" + x + " == " + w.write(n.Args[1]) + ")"
	case "startingwith":
		if s, ok := n.Args[1].Value.(string); ok {
			return fmt.Sprintf("(substr(%s, 0, %d) == %s)", x, len([]rune(s)), hclQuote(s))
		}
	}
	return w.fail("recipe.hcl has nothing for the test `is %s`", n.Name)
}
