package recipes

import (
	"strings"

	"forge/recipes/internal/expr"
)

// environment is a variable of the environment: one of the build's, or the caller's.
func environment(name string) string {
	if isBuildVariable(name) {
		return name
	}
	return "env.get(" + quote(name) + `, default="")`
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
	case "cdt":
		if w.cdt && len(args) == 1 {
			return coreTree(args[0])
		}
	case "compiler", "stdlib":
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
	case "load_npm":
		return `load_from_file("package.json")`
	case "load_setup_py_data", "load_setuptools":
		return w.fail("recipe.yaml has no function %s(), and what it reads cannot be told without running it; write name and version in the recipe, or read pyproject.toml with load_from_file()", fn.Name)
	default:
		return w.fail("recipe.yaml has no function %s()", fn.Name)
	}
	if len(n.Named) > 0 {
		return w.fail("%s() takes no arguments with names there", fn.Name)
	}
	return fn.Name + "(" + strings.Join(args, ", ") + ")"
}

// coreTree writes cdt() out as conda-build has it, whose defaults and keys are not those of recipe.yaml.
func coreTree(name string) string {
	return "(" + name + ` ~ "-" ~ (cdt_name | default("cos6" if x86 or x86_64 else "cos7")) ~ "-" ~ ` +
		`(cdt_arch | default("x86_64" if x86_64 else "i686" if x86 else (target_platform | split("-") | last))))`
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
		} else if exact.Value != true { // recipe.yaml takes exact or bounds
			yes, no := *n, *n
			yes.Args, no.Args = n.Args[:2], n.Args[:2]
			yes.Named, no.Named = map[string]*expr.Node{"exact": {Kind: "const", Value: true}}, map[string]*expr.Node{}
			for k, v := range given {
				if k != "exact" {
					no.Named[k] = v
				}
			}
			return "(" + w.pin(name, &yes) + " if " + bare(w.truth(exact)) + " else " + w.pin(name, &no) + ")"
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
			if text, ok := v.Value.(string); ok && v.Kind == "const" {
				v = &expr.Node{Kind: "const", Value: pinParts(text)}
			}
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
			if s := w.write(n.Args[0]); strings.HasSuffix(s, ` ~ "")`) { // a text already
				return s
			}
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
