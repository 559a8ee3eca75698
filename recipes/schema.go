package recipes

import (
	"fmt"
	"strings"

	"forge/internal/diag"
	"forge/recipes/internal/expr"
	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// program is a recipe.yaml that was checked: its nodes, and what was prepared for each of them.
type program struct {
	doc   *yamlx.Document
	root  *yaml.Node
	tmpl  map[*yaml.Node]*expr.Template // scalars that hold ${{ … }}
	conds map[*yaml.Node]*expr.Expr     // of `if:` and of plain `skip:` entries

	names   map[string]bool // variables that any expression reads, whether or not it will be evaluated
	free    map[string]bool // build and host dependencies that are bare names
	useKeys []string        // of build.variant.use_keys

	specs map[string]readSpec // dependencies that were read, by their text

	// A recipe.hcl comes evaluated: its texts are no templates, and what its expressions read is known.
	literal bool
	reads   map[*yaml.Node][]string
	always  []string // read by all outputs
}

// checker walks a file against the shapes of its keys. It reports every mistake that does not depend
// on the variant and prepares all expressions on the way.
type checker struct {
	*program
	lang   *expr.Dialect
	shapes *shapes
	same   map[string]*expr.Template // by their text
	list   diag.List
}

// shape says what may stand at one place of the file.
type shape func(c *checker, n *yaml.Node)

// field is one key of a mapping.
type field struct {
	name  string
	shape shape
	must  bool
}

func (c *checker) report(d diag.Diagnostic) { c.list = append(c.list, d) }

func (c *checker) errorf(n *yaml.Node, code, format string, args ...any) {
	c.report(c.doc.At(n, code, format, args...))
}

func (c *checker) wrongType(n *yaml.Node, what string) {
	d := c.doc.At(n, "wrong-type", "%s is expected here, this is %s", what, yamlx.Kind(n))
	if what == "a list" && n.Kind == yaml.ScalarNode && !strings.Contains(n.Value, "\n") && n.Value != "" && !c.literal {
		d.Suggestion = "write it as an item of a list: `- " + shortened(n.Value) + "`"
	}
	c.report(d)
}

// isTemplate reports whether a text has something to fill in; what never closes is plain text.
func isTemplate(s string) bool { return strings.Contains(s, "${{") && strings.Contains(s, "}}") }

var toolCall = pattern{src: `\b(compiler|stdlib)\s*\(\s*["']([^"']*)["']`}

// toolCalls finds the calls of compiler and stdlib with a literal language: kind and language.
func toolCalls(source string) [][]string {
	if !strings.Contains(source, "compiler") && !strings.Contains(source, "stdlib") {
		return nil
	}
	return toolCall.FindAllStringSubmatch(source, -1)
}

// saw records the variables that an expression reads, with those that the tool functions read.
func (c *checker) saw(names []string, source string) {
	for _, n := range names {
		c.names[normalKey(n)] = true
		if n == "cdt" {
			c.names["cdt_name"] = true
		}
	}
	for _, m := range toolCalls(source) {
		for _, k := range toolKeys(m[1], normalKey(m[2])) {
			c.names[k] = true
		}
	}
}

// unread is a shape whose expressions do not make the recipe depend on the variant.
func unread(s shape) shape {
	return func(c *checker, n *yaml.Node) {
		names, same := c.names, c.same
		c.names, c.same = map[string]bool{}, nil // what is read here and elsewhere, too, is seen there
		s(c, n)
		c.names, c.same = names, same
	}
}

// template prepares a scalar and reports whether it is plain text, to be checked as it stands.
func (c *checker) template(n *yaml.Node) bool {
	if c.literal || !isTemplate(n.Value) {
		if !c.literal && strings.Contains(n.Value, "${{") {
			d := c.doc.At(n, "unclosed", "the `${{` in this text is not closed by a `}}`, so it stays as it is")
			d.Severity = diag.Warning
			c.report(d)
		}
		return true
	}
	if t := c.same[n.Value]; t != nil { // recipes write the same ones again and again
		c.tmpl[n] = t
		return false
	}
	t, err := c.lang.Parse(n.Value)
	if err != nil {
		c.report(exprDiagnostic(c.doc, n, err))
		return false
	}
	if c.same == nil {
		c.same = map[string]*expr.Template{}
	}
	c.tmpl[n], c.same[n.Value] = t, t
	c.saw(t.Names(), n.Value)
	return false
}

func (c *checker) condition(n *yaml.Node) {
	if n.Kind != yaml.ScalarNode {
		c.wrongType(n, "an expression")
		return
	}
	x, err := c.lang.ParseExpr(n.Value)
	if err != nil {
		d := exprDiagnostic(c.doc, n, err)
		if strings.Contains(n.Value, "${{") {
			d.Suggestion = "a condition is an expression already: write it without ${{ }}"
		}
		c.report(d)
		return
	}
	c.conds[n] = x
	c.saw(x.Names(), n.Value)
}

// text is any scalar; check, if not nil, judges one that has nothing to fill in.
func text(check func(s string) error) shape {
	return func(c *checker, n *yaml.Node) {
		if n.Kind != yaml.ScalarNode {
			c.wrongType(n, "a text")
			return
		}
		if c.template(n) && check != nil {
			if err := check(n.Value); err != nil {
				c.errorf(n, "bad-value", "%s", err)
			}
		}
	}
}

// oneOf is a scalar out of a few words.
func oneOf(words ...string) shape {
	return text(func(s string) error {
		for _, w := range words {
			if s == w {
				return nil
			}
		}
		return fmt.Errorf("%q is not one of %s", s, strings.Join(words, ", "))
	})
}

func boolean(c *checker, n *yaml.Node) { text(checkBool)(c, n) }

func checkBool(s string) error {
	if _, ok := parseBool(s); !ok {
		return fmt.Errorf("%q is neither true nor false", s)
	}
	return nil
}

func parseBool(s string) (value, ok bool) {
	switch s {
	case "true", "True", "TRUE":
		return true, true
	case "false", "False", "FALSE":
		return false, true
	}
	return false, false
}

// list is a list whose items may be {if, then, else}.
func list(item shape) shape {
	return func(c *checker, n *yaml.Node) {
		if n.Kind != yaml.SequenceNode {
			c.wrongType(n, "a list")
			return
		}
		for _, e := range n.Content {
			listItem(c, e, item)
		}
	}
}

// listOr is a list or one item of it.
func listOr(item shape) shape {
	return func(c *checker, n *yaml.Node) {
		if n.Kind == yaml.SequenceNode {
			list(item)(c, n)
			return
		}
		listItem(c, n, item)
	}
}

// textOrList is one text, or a list.
func textOrList(item shape) shape {
	return func(c *checker, n *yaml.Node) {
		if n.Kind == yaml.ScalarNode {
			item(c, n)
			return
		}
		list(item)(c, n)
	}
}

// listOrNothing is a list, or a key without a value.
func listOrNothing(item shape) shape {
	return func(c *checker, n *yaml.Node) {
		if !yamlx.IsNull(n) && !(n.Kind == yaml.ScalarNode && n.Value == "") {
			list(item)(c, n)
		}
	}
}

func listItem(c *checker, n *yaml.Node, item shape) {
	if yamlx.Get(n, "if") == nil {
		item(c, n)
		return
	}
	branch := func(c *checker, b *yaml.Node) { listOr(item)(c, b) }
	for k, v := range yamlx.Pairs(n) {
		switch k.Value {
		case "if":
			c.condition(v)
		case "then", "else":
			branch(c, v)
		default:
			d := c.doc.At(k, "unknown-key", "the key %q means nothing beside `if:`", k.Value)
			d.Severity, d.Suggestion = diag.Warning, didYouMean(k.Value, []string{"if", "then", "else"})
			c.report(d)
		}
	}
	if yamlx.Get(n, "then") == nil {
		c.errorf(n, "missing-key", "this `if:` has no `then:`")
	}
}

// mapping is a mapping with known keys. what names it in messages.
func mapping(what string, fields ...field) shape {
	names := make([]string, len(fields))
	byName := make(map[string]*field, len(fields))
	for i := range fields {
		names[i] = fields[i].name
		byName[fields[i].name] = &fields[i]
	}
	return func(c *checker, n *yaml.Node) {
		if n.Kind != yaml.MappingNode {
			c.wrongType(n, "a mapping")
			return
		}
		var meant map[string]bool // keys that a misspelt one stands for
		for k, v := range yamlx.Pairs(n) {
			if f := byName[k.Value]; f != nil {
				if f.shape != nil {
					f.shape(c, v)
				}
				continue
			}
			c.unknownKey(k, what, names)
			if meant == nil {
				meant = map[string]bool{}
			}
			meant[diag.Nearest(k.Value, names)] = true
		}
		for _, f := range fields {
			if f.must && !meant[f.name] && yamlx.Get(n, f.name) == nil {
				c.errorf(n, "missing-key", "%s lacks the key %q", what, f.name)
			}
		}
	}
}

// mapOf is a mapping with free keys.
func mapOf(key func(k string) error, value shape) shape {
	return func(c *checker, n *yaml.Node) {
		if n.Kind != yaml.MappingNode {
			c.wrongType(n, "a mapping")
			return
		}
		for k, v := range yamlx.Pairs(n) {
			if key != nil {
				if err := key(k.Value); err != nil {
					c.errorf(k, "bad-value", "%s", err)
				}
			}
			value(c, v)
		}
	}
}

// anything is a free tree whose texts may be templates.
func anything(c *checker, n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		c.template(n)
	}
	for i, e := range n.Content {
		if n.Kind != yaml.MappingNode || i%2 == 1 {
			anything(c, e)
		}
	}
}

func (c *checker) unknownKey(k *yaml.Node, where string, known []string) {
	d := c.doc.At(k, "unknown-key", "unknown key %q in %s", k.Value, where)
	if d.Suggestion = didYouMean(k.Value, known); d.Suggestion == "" {
		d.Suggestion = inOutputs(k.Value, where)
	}
	if d.Suggestion == "" {
		d.Detail = "known keys: " + strings.Join(known, ", ")
	}
	c.report(d)
}

// inOutputs says where a section goes that a recipe with outputs has not.
func inOutputs(key, where string) string {
	switch {
	case where != recipeWithOutputs:
		return ""
	case key == "requirements":
		return "give each output its own `requirements:`"
	case key == "package":
		return "name and version for all outputs go into `recipe:`"
	}
	return ""
}

// didYouMean names the nearest known key, or what a key of meta.yaml is called now.
func didYouMean(key string, known []string) string {
	if now := renamedKeys()[key]; now != "" {
		return fmt.Sprintf("in recipe.yaml this is written %s", now)
	}
	if near := diag.Nearest(key, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return ""
}

// renamedKeys says where the keys of conda-build's meta.yaml went (CEP 14).
func renamedKeys() map[string]string {
	return map[string]string{
		"home": "homepage", "dev_url": "repository", "doc_url": "documentation", "license_url": "license_file",
		"run_constrained": "run_constraints", "test": "tests", "git_url": "git", "git_rev": "rev", "git_tag": "tag",
		"git_depth": "depth", "fn": "file_name", "folder": "target_directory", "noarch_python": "noarch: python",
		"entry_points": "build.python.entry_points", "missing_dso_whitelist": "build.dynamic_linking.missing_dso_allowlist",
		"runpath_whitelist": "build.dynamic_linking.rpath_allowlist", "binary_relocation": "build.dynamic_linking.binary_relocation",
		"rpaths": "build.dynamic_linking.rpaths", "detect_binary_files_with_prefix": "build.prefix_detection",
		"ignore_prefix_files": "build.prefix_detection.ignore", "cache": "an output with `staging:` (and `inherit:`)",
		"commands": "script", "requires": "requirements.run", "source_files": "files.source", "run_exports": "requirements.run_exports",
		"ignore_run_exports": "requirements.ignore_run_exports", "include_recipe": "nothing: --no-include-recipe",
		"skip_compile_pyc": "build.python.skip_pyc_compilation", "sel(win)": "if: win",
	}
}
