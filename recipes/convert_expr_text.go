package recipes

import (
	"strings"

	"forge/recipes/internal/expr"
)

// cut writes x.rsplit(".", 1)[0] and x.partition(".")[0], for which recipe.yaml has only split.
func (w *v1Writer) cut(n *expr.Node) (string, bool) {
	call := n.Args[0]
	i, isInt := n.Args[1].Value.(int64)
	if n.Args[1].Kind == "unary" && n.Args[1].Op == "-" {
		if i, isInt = n.Args[1].Args[0].Value.(int64); isInt {
			i = -i
		}
	}
	if call.Kind != "call" || call.Args[0].Kind != "attr" || !isInt || len(call.Args) < 2 {
		return "", false
	}
	self, sep := w.write(call.Args[0].Args[0]), w.write(call.Args[1])
	all := "(" + self + " | split(" + sep + "))"
	switch name := call.Args[0].Name; {
	case name == "rsplit" && len(call.Args) == 3 && call.Args[2].Value == int64(1), name == "rpartition":
		if i == 0 {
			return "(" + all + "[:-1] | join(" + sep + "))", true
		}
		if i == -1 || i == 1 && name == "rsplit" || i == 2 {
			return all + "[-1]", true
		}
	case name == "partition" && i == 0:
		return all + "[0]", true
	case name == "partition" && (i == 2 || i == -1):
		return "(" + all + "[1:] | join(" + sep + "))", true
	}
	return "", false
}

func (w *v1Writer) binary(n *expr.Node) string {
	if n.Op == "%" && n.Args[0].Kind == "const" {
		if format, ok := n.Args[0].Value.(string); ok {
			return w.percent(format, n.Args[1])
		}
	}
	if n.Op == "+" && (isText(n.Args[0]) || isText(n.Args[1])) {
		return "(" + w.write(n.Args[0]) + " ~ " + w.write(n.Args[1]) + ")"
	}
	if n.Op == "**" {
		return w.fail("there is no power there")
	}
	return "(" + w.write(n.Args[0]) + " " + n.Op + " " + w.write(n.Args[1]) + ")"
}

func isText(n *expr.Node) bool {
	if n.Kind == "bin" && n.Op == "+" {
		return isText(n.Args[0]) || isText(n.Args[1])
	}
	_, text := n.Value.(string)
	return n.Kind == "const" && text || n.Kind == "concat" || n.Kind == "filter" && (n.Name == "string" || n.Name == "replace" || n.Name == "join")
}

// percent writes "%s.%s" % (a, b) with ~.
func (w *v1Writer) percent(format string, args *expr.Node) string {
	list := []*expr.Node{args}
	if args.Kind == "tuple" {
		list = args.Args
	}
	places := formatPlace.FindAllStringSubmatchIndex(format, -1)
	if len(places) != len(list) || strings.Contains(formatPlace.ReplaceAllString(format, ""), "%") {
		return w.fail("the format %q cannot be written there", format)
	}
	return between(format, places, func(i int) string {
		return padded(w.write(list[i]), format[places[i][2]:places[i][3]])
	})
}

// between joins the text of a format with what stands in its places.
func between(format string, places [][]int, fill func(i int) string) string {
	var out []string
	at := 0
	for i, p := range places {
		if p[0] > at {
			out = append(out, quote(format[at:p[0]]))
		}
		out = append(out, fill(i))
		at = p[1]
	}
	if at < len(format) {
		out = append(out, quote(format[at:]))
	}
	return joined(out)
}

var formatPlace = pattern{src: `%(0?[1-9]?)[sdi]`}

// padded writes a number with leading zeros, as %03d does.
func padded(s, width string) string {
	n, ok := strings.CutPrefix(width, "0")
	if !ok || n == "" {
		return s
	}
	zeros := strings.Repeat("0", int(n[0]-'0')-1)
	return "(" + quote(zeros) + " ~ " + s + ")[-" + n + ":]"
}

func joined(parts []string) string {
	if len(parts) == 1 {
		return "(" + parts[0] + ` ~ "")`
	}
	return "(" + strings.Join(parts, " ~ ") + ")"
}

// format writes "{}.{}".format(a, b) with ~.
func (w *v1Writer) format(format string, n *expr.Node) string {
	places := bracePlace.FindAllStringSubmatchIndex(format, -1)
	if strings.ContainsAny(bracePlace.ReplaceAllString(format, ""), "{}") {
		return w.fail("the format %q cannot be written there", format)
	}
	return between(format, places, func(i int) string {
		p := places[i]
		var a *expr.Node
		if name := format[p[2]:p[3]]; name == "" && i+1 < len(n.Args) {
			a = n.Args[i+1]
		} else if k := strings.IndexByte("0123456789", (name + "x")[0]); k >= 0 && k+1 < len(n.Args) {
			a = n.Args[k+1]
		} else if a = n.Named[name]; a == nil {
			return w.fail("the format %q asks for what is not given", format)
		}
		width := ""
		if p[4] >= 0 {
			width = format[p[4]:p[5]]
		}
		return padded(w.write(a), width)
	})
}

var bracePlace = pattern{src: `\{(\w*)(?::(0[1-9])d?)?\}`}

// entry writes an entry of a table that a {% set %} has: recipe.yaml has no tables in its context.
func (w *v1Writer) entry(n *expr.Node) (string, bool) {
	if n.Kind == "name" {
		return "", false
	}
	table, key, def := n, (*expr.Node)(nil), `""`
	switch {
	case n.Kind == "item" && n.Args[1].Kind != "slice":
		table, key = n.Args[0], n.Args[1]
	case n.Kind == "attr":
		table, key = n.Args[0], &expr.Node{Kind: "const", Value: n.Name}
	case n.Kind == "call" && n.Args[0].Kind == "attr" && n.Args[0].Name == "get" && len(n.Args) > 1:
		table, key = n.Args[0].Args[0], n.Args[1]
		if len(n.Args) > 2 {
			def = w.write(n.Args[2])
		}
	default:
		return "", false
	}
	v, ok := w.constValue(table)
	d, isDict := v.(*expr.Dict)
	if !ok || !isDict {
		return "", false
	}
	if k, ok := w.constValue(key); ok {
		if v, ok := d.Get(k); ok {
			return literal(v)
		}
		return def, true
	}
	out := def
	keys := d.Keys()
	for i := len(keys) - 1; i >= 0; i-- {
		value, _ := d.Get(keys[i])
		lit, ok := literal(value)
		k, ok2 := literal(keys[i])
		if !ok || !ok2 {
			return "", false
		}
		out = lit + " if " + w.write(key) + " == " + k + " else " + out
	}
	return "(" + out + ")", true
}

// constValue is the value of an expression that depends on nothing, as far as tables are made of such.
func (w *v1Writer) constValue(n *expr.Node) (expr.Value, bool) {
	switch n.Kind {
	case "const":
		return n.Value, true
	case "name":
		v, ok := w.consts[n.Name]
		return v, ok
	case "item", "attr":
		table, ok := w.constValue(n.Args[0])
		d, isDict := table.(*expr.Dict)
		if !ok || !isDict {
			return nil, false
		}
		key := expr.Value(n.Name)
		if n.Kind == "item" {
			if key, ok = w.constValue(n.Args[1]); !ok {
				return nil, false
			}
		}
		return d.Get(key)
	case "dict":
		d := expr.NewDict()
		for i := 0; i+1 < len(n.Args); i += 2 {
			k, ok := w.constValue(n.Args[i])
			v, ok2 := w.constValue(n.Args[i+1])
			if !ok || !ok2 {
				return nil, false
			}
			d.Set(k, v)
		}
		return d, true
	}
	return nil, false
}

func (w *v1Writer) slice(n *expr.Node) string {
	part := func(i int) string {
		if n.Args[i] == nil {
			return ""
		}
		return bare(w.write(n.Args[i]))
	}
	if n.Args[2] != nil {
		return part(0) + ":" + part(1) + ":" + part(2)
	}
	return part(0) + ":" + part(1)
}
