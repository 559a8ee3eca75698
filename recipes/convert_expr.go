package recipes

import (
	"fmt"
	"regexp"
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
	line     int             // of the file, that is written
	selector bool            // it is a selector, not Jinja
	err      error
}

func (w *v1Writer) fail(format string, args ...any) string {
	if w.err == nil {
		w.err = fmt.Errorf(format, args...)
	}
	return "none"
}

// write is the text of an expression, in brackets where it is no single term.
func (w *v1Writer) write(n *expr.Node) string {
	if n == nil {
		return "none"
	}
	if n.Star {
		return w.fail("arguments cannot be unpacked with *")
	}
	arg := func(i int) string {
		if i >= len(n.Args) {
			return w.fail("an argument is missing")
		}
		return w.write(n.Args[i])
	}
	if s, ok := w.entry(n); ok {
		return s
	}
	switch n.Kind {
	case "const":
		return w.constant(n.Value)
	case "name":
		return w.name(n.Name)
	case "list", "tuple":
		var items []string
		for i := range n.Args {
			items = append(items, bare(arg(i)))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case "cond":
		if n.Args[2] == nil {
			return "(" + arg(1) + " if " + bare(arg(0)) + ` else "")`
		}
		return "(" + arg(1) + " if " + bare(arg(0)) + " else " + arg(2) + ")"
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
			return "env.get(" + quote(n.Name) + ")"
		}
		if s := arg(0); strings.HasPrefix(s, "load_from_file(") {
			return s + "[" + quote(n.Name) + "]"
		}
	}
	return w.fail("recipe.yaml has nothing for %s", describeNode(n))
}

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
	var out []string
	at := 0
	for i, p := range places {
		if p[0] > at {
			out = append(out, quote(format[at:p[0]]))
		}
		out = append(out, padded(w.write(list[i]), format[p[2]:p[3]]))
		at = p[1]
	}
	if at < len(format) {
		out = append(out, quote(format[at:]))
	}
	return joined(out)
}

var formatPlace = regexp.MustCompile(`%(0?[1-9]?)[sdi]`)

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
	var out []string
	at := 0
	for i, p := range places {
		if p[0] > at {
			out = append(out, quote(format[at:p[0]]))
		}
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
		out = append(out, padded(w.write(a), width))
		at = p[1]
	}
	if at < len(format) {
		out = append(out, quote(format[at:]))
	}
	return joined(out)
}

var bracePlace = regexp.MustCompile(`\{(\w*)(?::(0[1-9])d?)?\}`)

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

// call writes calls: functions that both have, and methods as filters.
func (w *v1Writer) call(n *expr.Node) string {
	fn := n.Args[0]
	if fn.Kind == "attr" {
		return w.method(fn, n)
	}
	if fn.Name == "int" && len(n.Args) == 2 && n.Args[1].Kind == "call" && n.Args[1].Args[0].Name == "float" && len(n.Args[1].Args) == 2 {
		return w.python("int", w.write(n.Args[1].Args[1]))
	}
	var args []string
	for _, a := range n.Args[1:] {
		args = append(args, bare(w.write(a)))
	}
	switch fn.Name {
	case "compiler", "stdlib", "cdt":
	case "pin_subpackage", "pin_compatible":
		return w.pin(fn.Name, n)
	case "ccache":
		return `"ccache"`
	case "int", "bool", "len", "str", "list", "min", "max", "abs":
		if len(args) == 1 {
			return w.python(fn.Name, args[0])
		}
		return w.fail("%s() takes one argument", fn.Name)
	case "load_file_data":
		if len(args) > 0 {
			return "load_from_file(" + args[0] + ")"
		}
		return w.fail("load_file_data() without a file")
	case "load_setup_py_data", "load_setuptools":
		return w.fail("recipe.yaml has no function %s(); write name and version in the recipe, or read pyproject.toml with load_from_file()", fn.Name)
	default:
		return w.fail("recipe.yaml has no function %s()", fn.Name)
	}
	if len(n.Named) > 0 {
		return w.fail("%s() takes no arguments with names there", fn.Name)
	}
	return fn.Name + "(" + strings.Join(args, ", ") + ")"
}

// python writes a builtin function of selectors as the filter that does the same.
func (w *v1Writer) python(name, arg string) string {
	switch name {
	case "str":
		return "(" + arg + ` ~ "")`
	case "len":
		name = "length"
	}
	return "(" + arg + " | " + name + ")"
}

func (w *v1Writer) pin(name string, n *expr.Node) string {
	if len(n.Args) < 2 {
		return w.fail("%s() without a name", name)
	}
	args := []string{bare(w.write(n.Args[1]))}
	if call := n.Args[1]; call.Kind == "call" && (call.Args[0].Name == "compiler" || call.Args[0].Name == "stdlib") {
		args[0] += " | split | first" // without the version
	}
	order := []string{"min_pin", "max_pin", "lower_bound", "upper_bound", "exact"}
	given := map[string]*expr.Node{}
	positional := []string{"min_pin", "max_pin", "exact"}
	if name == "pin_compatible" {
		positional = []string{"lower_bound", "upper_bound", "min_pin", "max_pin", "permit_undefined_jinja", "exact"}
	}
	for i, a := range n.Args[2:] {
		if i < len(positional) {
			given[positional[i]] = a
		}
	}
	for k, v := range n.Named {
		given[k] = v
	}
	now := map[string]string{"min_pin": "lower_bound", "max_pin": "upper_bound"}
	if exact := given["exact"]; exact != nil {
		if exact.Value == false || exact.Kind == "name" && exact.Name == "False" {
			delete(given, "exact")
		} else if exact.Value != true { // where it turns out false, recipe.yaml has no bounds but those given
			for key, def := range map[string]string{"min_pin": "x.x.x.x.x.x", "max_pin": "x"} {
				if given[key] == nil && given[now[key]] == nil {
					given[key] = &expr.Node{Kind: "const", Value: def}
				}
			}
		}
	}
	for _, k := range order {
		v, ok := given[k]
		if _, other := given[now[k]]; !ok || other && now[k] != "" { // a bound wins over a pin
			continue
		}
		key := k
		if now[k] != "" {
			key = now[k]
		}
		args = append(args, key+"="+w.write(v))
		delete(given, k)
	}
	for k := range given {
		if k != "min_pin" && k != "max_pin" && k != "permit_undefined_jinja" && k != "allow_no_other_outputs" {
			return w.fail("%s() has no %s there", name, k)
		}
	}
	return name + "(" + strings.Join(args, ", ") + ")"
}

// method writes x.split(".") as x | split(".").
func (w *v1Writer) method(fn, n *expr.Node) string {
	self := fn.Args[0]
	var args []string
	for _, a := range n.Args[1:] {
		args = append(args, w.write(a))
	}
	if text, ok := self.Value.(string); ok && self.Kind == "const" && fn.Name == "format" {
		return w.format(text, n)
	}
	if len(n.Named) > 0 && !(self.Kind == "name" && self.Name == "environ") {
		return w.fail("%s() has no arguments with names there", fn.Name)
	}
	if self.Kind == "name" && (self.Name == "environ" || self.Name == "os") {
		return w.environ(fn.Name, args)
	}
	if self.Kind == "attr" && self.Name == "environ" {
		return w.environ(fn.Name, args)
	}
	call := func(filter string, args ...string) string {
		if len(args) > 0 {
			filter += "(" + strings.Join(args, ", ") + ")"
		}
		return "(" + w.write(self) + " | " + filter + ")"
	}
	switch fn.Name {
	case "split", "lower", "upper":
		return call(fn.Name, args...)
	case "replace":
		if len(args) == 2 {
			return call(fn.Name, args...)
		}
	case "get":
		if s := w.write(self); strings.HasPrefix(s, "load_from_file(") && len(args) > 0 {
			return s + "[" + args[0] + "]"
		}
	case "strip":
		return call("trim", args...)
	case "rsplit":
		if len(args) == 1 {
			return call("split", args...)
		}
	case "zfill":
		if len(args) == 1 && len(args[0]) == 1 && args[0] >= "1" {
			return padded(w.write(self), "0"+args[0])
		}
	case "join":
		if len(n.Args) == 2 {
			return "(" + args[0] + " | join(" + w.write(self) + "))"
		}
	case "startswith", "endswith":
		if len(args) == 1 {
			return "(" + w.write(self) + " is " + map[string]string{"startswith": "startingwith", "endswith": "endingwith"}[fn.Name] + "(" + args[0] + "))"
		}
	}
	return w.fail("recipe.yaml has nothing for the method %s()", fn.Name)
}

func (w *v1Writer) environ(method string, args []string) string {
	switch {
	case (method == "get" || method == "getenv") && len(args) == 1:
		return "env.get(" + args[0] + `, default="")`
	case (method == "get" || method == "getenv") && len(args) == 2:
		return "env.get(" + args[0] + ", default=" + args[1] + ")"
	}
	return w.fail("`environ.%s` has nothing there", method)
}

func (w *v1Writer) filter(n *expr.Node) string {
	if v1Dialect().Filters[n.Name] == nil || len(n.Named) > 0 {
		if n.Name == "string" {
			return "(" + w.write(n.Args[0]) + ` ~ "")`
		}
		return w.fail("recipe.yaml has no filter %s", n.Name)
	}
	var args []string
	for _, a := range n.Args[1:] {
		args = append(args, w.write(a))
	}
	s := "(" + w.write(n.Args[0]) + " | " + n.Name
	if len(args) > 0 {
		s += "(" + strings.Join(args, ", ") + ")"
	}
	return s + ")"
}

func (w *v1Writer) test(n *expr.Node) string {
	if v1Dialect().Tests[n.Name] == nil {
		return w.fail("recipe.yaml has no test `is %s`", n.Name)
	}
	s := "(" + w.write(n.Args[0]) + " is " + n.Name
	for _, a := range n.Args[1:] {
		s += "(" + w.write(a) + ")"
	}
	return s + ")"
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
