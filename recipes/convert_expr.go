package recipes

import (
	"fmt"
	"strings"

	"forge/recipes/internal/expr"
)

// v1Writer writes expressions of meta.yaml (Jinja and selectors) as those of recipe.yaml.
type v1Writer struct {
	known    map[string]string         // names that are called otherwise: PKG_VERSION → version
	consts   map[string]expr.Value     // names that have one value, which depends on nothing
	self     map[string]string         // names whose earlier value is put in
	versions map[string]map[int]string // what the n-th value of a name is called, where it is not the last
	version  func(name string, line int) int
	optional map[string]bool // variant keys that may be missing, which selectors take for false
	truths   map[string]bool // variant keys whose values are the texts true and false
	bools    map[string]bool // variant keys that are true or false there, always true as texts here
	cdt      bool            // cdt() is written as what it makes
	texts    []string        // of bools, those that decided something
	line     int             // of the file, that is written
	selector bool            // it is a selector, not Jinja
	problem
}

// problem is the first thing that a writer of expressions could not write.
type problem struct{ err error }

// fail notes it; what is written in its place counts for nothing.
func (p *problem) fail(format string, args ...any) string {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
	return "none"
}

// operand writes an argument of an expression that may lack it.
func (p *problem) operand(n *expr.Node, write func(*expr.Node) string) func(i int) string {
	return func(i int) string {
		if i >= len(n.Args) {
			return p.fail("an argument is missing")
		}
		return write(n.Args[i])
	}
}

// listText writes the operands in square brackets.
func listText(n *expr.Node, write func(*expr.Node) string) string {
	var items []string
	for _, a := range n.Args {
		items = append(items, bare(write(a)))
	}
	return "[" + strings.Join(items, ", ") + "]"
}

// write is the text of an expression, in brackets where it is no single term.
func (w *v1Writer) write(n *expr.Node) string {
	if n == nil {
		return "none"
	}
	if n.Star {
		return w.fail("arguments cannot be unpacked with *")
	}
	arg := w.operand(n, w.write)
	if s, ok := w.entry(n); ok {
		return s
	}
	switch n.Kind {
	case "const":
		return w.constant(n.Value)
	case "name":
		return w.name(n.Name)
	case "list", "tuple":
		return listText(n, w.write)
	case "cond":
		if n.Args[2] == nil {
			return "(" + arg(1) + " if " + bare(w.truth(n.Args[0])) + ` else "")`
		}
		return "(" + arg(1) + " if " + bare(w.truth(n.Args[0])) + " else " + arg(2) + ")"
	case "or", "and":
		return w.logic(n)
	case "not":
		return "(not " + w.truth(n.Args[0]) + ")"
	case "compare":
		return w.compare(n)
	case "bin":
		return w.binary(n)
	case "concat":
		var items []string
		for i := range n.Args {
			items = append(items, arg(i))
		}
		return "(" + strings.Join(items, " ~ ") + ")"
	case "unary":
		return "(" + n.Op + arg(0) + ")"
	case "item":
		if name, ok := n.Args[1].Value.(string); ok && n.Args[0].Kind == "name" && n.Args[0].Name == "environ" {
			return environment(name)
		}
		if s, ok := w.cut(n); ok {
			return s
		}
		if n.Args[1].Kind == "slice" {
			return arg(0) + "[" + w.slice(n.Args[1]) + "]"
		}
		return arg(0) + "[" + bare(arg(1)) + "]"
	case "call":
		return w.call(n)
	case "filter":
		return w.filter(n)
	case "test":
		return w.test(n)
	case "attr":
		if n.Args[0].Kind == "name" && n.Args[0].Name == "environ" {
			return environment(n.Name)
		}
		if s := arg(0); strings.HasPrefix(s, "load_from_file(") {
			return s + "[" + quote(n.Name) + "]"
		}
	}
	return w.fail("recipe.yaml has nothing for %s", describeNode(n))
}

func describeNode(n *expr.Node) string {
	if n.Name != "" {
		return "`" + n.Name + "`"
	}
	return "this kind of expression (" + n.Kind + ")"
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

func (w *v1Writer) constant(v expr.Value) string {
	switch v := v.(type) {
	case string:
		return quote(v)
	case bool:
		return fmt.Sprint(v)
	case nil:
		return "none"
	}
	return expr.Str(v)
}

// selectorNames are words of selectors that recipe.yaml writes as an expression.
func selectorNames() map[string]string {
	return map[string]string{"x86": "(x86 or x86_64)", "py3k": `match(python, ">=3")`, "py2k": `match(python, "<3")`, "py27": `match(python, "2.7.*")`,
		"py35": `match(python, "3.5.*")`, "py36": `match(python, "3.6.*")`, "py34": `match(python, "3.4.*")`, "arm": "(armv6l or armv7l)"}
}

func (w *v1Writer) name(name string) string {
	if now, ok := w.self[name]; ok {
		return now
	}
	if names := w.versions[name]; names != nil && !w.selector {
		if now := names[w.version(name, w.line)]; now != "" {
			return now
		}
	}
	if now, ok := w.known[name]; ok && !w.selector {
		return now
	}
	if w.optional[name] && w.selector {
		return "(" + name + " | default(false))"
	}
	if w.optional[name] {
		return "(" + name + ` | default(""))`
	}
	switch name {
	case "CONDA_PY":
		return "(python | version_to_buildstring)"
	case "CONDA_NPY":
		return "(numpy | version_to_buildstring)"
	case "py", "np":
		if !w.selector {
			return "(" + map[string]string{"py": "python", "np": "numpy"}[name] + " | version_to_buildstring)"
		}
		return w.fail("`%s` is no name there; compare versions with match(python, \">=3.10\")", name)
	case "PY_VER", "NPY_VER":
		return "((" + map[string]string{"PY_VER": "python", "NPY_VER": "numpy"}[name] + ` | split(" ") | first | split("."))[:2] | join("."))`
	case "pl", "lua", "luajit":
		return w.fail("`%s` is no name there; compare versions with match(python, \">=3.10\")", name)
	case "PKG_NAME", "PKG_VERSION", "PKG_BUILDNUM", "PKG_HASH", "PKG_BUILD_STRING":
		return w.fail("`%s` is no name there", name)
	case "environ", "os":
		return w.fail("`%s` is there as env.get(\"NAME\") only", name)
	case "true", "True":
		return "true"
	case "false", "False":
		return "false"
	case "none", "None":
		return "none"
	}
	if now := selectorNames()[name]; now != "" {
		return now
	}
	return name
}

// logic writes and, or. `x or "default"` is the way of meta.yaml to give a default.
func (w *v1Writer) logic(n *expr.Node) string {
	a, b := n.Args[0], n.Args[1]
	if n.Kind == "or" && a.Kind == "name" && b.Kind == "const" {
		if _, text := b.Value.(string); text {
			return "(" + w.name(a.Name) + " | default(" + w.constant(b.Value) + ", true))"
		}
	}
	return "(" + w.truth(a) + " " + n.Kind + " " + w.truth(b) + ")"
}

// truth writes a condition. Selectors take the text false of a variant for what it says, other texts are
// true.
func (w *v1Writer) truth(n *expr.Node) string {
	if w.selector && n.Kind == "name" && w.truths[n.Name] {
		return "((" + n.Name + ` | lower) == "true")`
	}
	if _, set := w.consts[n.Name]; !set && !w.selector && n.Kind == "name" && w.bools[n.Name] {
		w.texts = append(w.texts, n.Name)
		return "(" + n.Name + ` ~ "")`
	}
	if v, ok := w.constValue(n); ok && n.Kind == "name" {
		if _, writable := literal(v); !writable { // a table
			return fmt.Sprint(expr.Truth(v))
		}
	}
	return w.write(n)
}

func (w *v1Writer) compare(n *expr.Node) string {
	a, b := n.Args[0], n.Args[1]
	if a.Kind == "name" && b.Kind == "const" {
		for name, key := range map[string]string{"py": "python", "np": "numpy"} {
			if v, ok := b.Value.(int64); ok && a.Name == name {
				return w.versionMatch(key, n.Op, v)
			}
		}
	}
	if a.Kind == "call" && len(a.Args) == 2 && a.Args[0].Name == "float" && b.Kind == "const" { // a version, most likely
		switch n.Op {
		case "<", "<=", ">", ">=":
			return fmt.Sprintf("match(%s, %q)", bare(w.write(a.Args[1])), n.Op+expr.Str(b.Value))
		}
	}
	if w.selector && a.Kind == "name" && b.Kind == "const" {
		if v, ok := b.Value.(int64); ok { // the values of a variant are texts, which selectors take for numbers
			return "((" + w.write(a) + " | int) " + n.Op + " " + fmt.Sprint(v) + ")"
		}
	}
	return "(" + w.write(a) + " " + n.Op + " " + w.write(b) + ")"
}

// versionMatch writes py >= 310 as match(python, ">=3.10").
func (w *v1Writer) versionMatch(key, op string, v int64) string {
	s := fmt.Sprint(v)
	if len(s) < 2 {
		return w.fail("`%s` is compared with %d", key, v)
	}
	version := s[:1] + "." + s[1:]
	switch op {
	case "==":
		return fmt.Sprintf("match(%s, %q)", key, version+".*")
	case "!=":
		return fmt.Sprintf("(not match(%s, %q))", key, version+".*")
	case ">": // py > 310 is 3.11 and newer
		return fmt.Sprintf("match(%s, %q)", key, ">="+s[:1]+"."+fmt.Sprint(v%pow10(len(s)-1)+1))
	case "<=":
		return fmt.Sprintf("match(%s, %q)", key, "<"+s[:1]+"."+fmt.Sprint(v%pow10(len(s)-1)+1))
	case ">=", "<":
		return fmt.Sprintf("match(%s, %q)", key, op+version)
	}
	return w.fail("`%s %s` cannot be written there", key, op)
}

func pow10(n int) int64 {
	p := int64(1)
	for range n {
		p *= 10
	}
	return p
}

// bare drops the brackets around a whole expression.
func bare(s string) string {
	for strings.HasPrefix(s, "(") && strings.HasSuffix(s, ")") {
		depth := 0
		quote := false
		for i := 0; i < len(s); i++ {
			switch {
			case s[i] == '\\' && quote:
				i++
			case s[i] == '"':
				quote = !quote
			case quote:
			case s[i] == '(':
				depth++
			case s[i] == ')':
				depth--
			}
			if depth == 0 && i < len(s)-1 {
				return s
			}
		}
		s = s[1 : len(s)-1]
	}
	return s
}

// expression writes one Jinja or selector expression; an error says what cannot be written.
func (w *v1Writer) expression(text string) (string, error) {
	w.err = nil
	x, err := v0Language.ParseExpr(strings.TrimSpace(text))
	if err != nil {
		return "", err
	}
	s := bare(w.truth(x.Tree()))
	return s, w.err
}
