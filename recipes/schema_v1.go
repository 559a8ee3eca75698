package recipes

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"forge/internal/diag"
	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// recipeShape is a whole recipe.yaml (CEP 13, CEP 14; the keys are those of rattler-build 0.74).
func recipeShape(c *checker, n *yaml.Node) {
	c.shapes = v1Shapes()
	c.shapes.recipe(c, n)
}

// shapes are those of whole sections, made once: they never change.
type shapes struct {
	single, multi, output, staging, script, step shape
}

var v1Shapes = sync.OnceValue(func() *shapes {
	build, requirements, about, tests := buildShape(), requirementsShape(), aboutShape(), testsShape()
	common := []field{
		{name: "schema_version", shape: text(checkSchemaVersion)}, {name: "$schema", shape: nil},
		{name: "context", shape: contextShape}, {name: "source", shape: sourcesShape}, {name: "build", shape: build},
		{name: "tests", shape: tests}, {name: "about", shape: about}, {name: "extra", shape: unread(mapOf(nil, anything))},
	}
	with := func(more ...field) []field { return append(common[:len(common):len(common)], more...) }
	return &shapes{
		single: mapping("the recipe", with(field{name: "package", must: true, shape: packageShape(true)}, field{name: "requirements", shape: requirements})...),
		multi: mapping(recipeWithOutputs, with(
			field{name: "recipe", shape: mapping("recipe", field{name: "name", shape: text(checkName)}, field{name: "version", shape: text(checkVersion)})},
			field{name: "version", shape: text(checkVersion)}, field{name: "outputs", shape: outputsShape})...),
		output: mapping("an output", field{name: "package", shape: packageShape(false)},
			field{name: "inherit", shape: inheritShape}, field{name: "source", shape: sourcesShape},
			field{name: "requirements", shape: requirements}, field{name: "build", shape: build},
			field{name: "about", shape: about}, field{name: "tests", shape: tests}),
		staging: stagingShape(),
		script: mapping("script", field{name: "interpreter", shape: text(nil)}, field{name: "env", shape: envShape()},
			field{name: "secrets", shape: list(text(nil))}, field{name: "content", shape: listOr(text(nil))},
			field{name: "file", shape: text(nil)}, field{name: "cwd", shape: text(nil)}),
		step: mapping("a step", field{name: "run", must: true, shape: listOr(text(nil))},
			field{name: "if", shape: (*checker).condition}, field{name: "interpreter", shape: text(nil)},
			field{name: "cwd", shape: text(nil)}, field{name: "env", shape: envShape()}),
	}
})

const recipeWithOutputs = "a recipe with outputs"

func (s *shapes) recipe(c *checker, n *yaml.Node) {
	if n == nil {
		c.report(missingPackage(c))
		return
	}
	if n.Kind != yaml.MappingNode {
		c.wrongType(n, "a mapping with keys such as `package:` and `build:`")
		return
	}
	if yamlx.Get(n, "outputs") != nil {
		s.multi(c, n)
		return
	}
	s.single(c, n)
}

func missingPackage(c *checker) diag.Diagnostic {
	d := c.doc.At(nil, "missing-key", "the recipe lacks the key %q", "package")
	d.Pos.Line, d.Pos.Column = 1, 1
	return d
}

func packageShape(versionMust bool) shape {
	return mapping("package", field{name: "name", must: true, shape: text(checkName)},
		field{name: "version", must: versionMust, shape: text(checkVersion)})
}

func outputsShape(c *checker, n *yaml.Node) {
	if n.Kind != yaml.SequenceNode {
		c.wrongType(n, "a list of outputs")
		return
	}
	if len(n.Content) == 0 {
		c.errorf(n, "bad-value", "at least one output is needed")
	}
	for _, o := range n.Content {
		switch {
		case o.Kind != yaml.MappingNode:
			c.wrongType(o, "an output with `package:` or `staging:`")
		case yamlx.Get(o, "staging") != nil:
			c.shapes.staging(c, o)
		case yamlx.Get(o, "package") != nil:
			c.shapes.output(c, o)
		default:
			c.errorf(o, "missing-key", "an output needs `package:` or `staging:`")
		}
	}
}

func stagingShape() shape {
	build := mapping("the build of a staging output (`script` or `steps` only)", scriptFields()...)
	return mapping("a staging output",
		field{name: "staging", shape: mapping("staging", field{name: "name", must: true, shape: text(nil)})},
		field{name: "inherit", shape: inheritShape}, field{name: "source", shape: sourcesShape},
		field{name: "requirements", shape: mapping("the requirements of a staging output",
			field{name: "build", shape: listOrNothing(hostDependency)}, field{name: "host", shape: listOrNothing(hostDependency)},
			field{name: "ignore_run_exports", shape: ignoreRunExportsShape()})},
		field{name: "build", shape: func(c *checker, n *yaml.Node) {
			build(c, n)
			scriptOrSteps(c, n)
		}})
}

func inheritShape(c *checker, n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		text(nil)(c, n)
		return
	}
	inheritMapping()(c, n)
}

var inheritMapping = sync.OnceValue(func() shape {
	return mapping("inherit", field{name: "from", must: true, shape: text(nil)}, field{name: "run_exports", shape: boolean})
})

func contextShape(c *checker, n *yaml.Node) {
	mapOf(func(k string) error {
		if strings.Contains(k, "-") {
			return fmt.Errorf("the variable name %q has a dash, so no expression can use it; write %q", k, strings.ReplaceAll(k, "-", "_"))
		}
		return nil
	}, func(c *checker, v *yaml.Node) {
		switch v.Kind {
		case yaml.ScalarNode:
			text(nil)(c, v)
		case yaml.SequenceNode:
			for _, e := range v.Content {
				text(nil)(c, e)
			}
		default:
			c.wrongType(v, "a text, number, boolean or a list of them")
		}
	})(c, n)
}

func globsShape(c *checker, n *yaml.Node) {
	if n.Kind == yaml.MappingNode {
		chosenFiles()(c, n)
		return
	}
	list(text(nil))(c, n)
}

var chosenFiles = sync.OnceValue(func() shape {
	return mapping("a choice of files", field{name: "include", shape: list(text(nil))}, field{name: "exclude", shape: list(text(nil))})
})

func boolOrGlobs(c *checker, n *yaml.Node) {
	if n.Kind == yaml.SequenceNode {
		list(text(nil))(c, n)
		return
	}
	boolean(c, n)
}

func scriptFields() []field {
	return []field{{name: "script", shape: scriptShape}, {name: "steps", shape: stepsShape}}
}

func scriptOrSteps(c *checker, n *yaml.Node) {
	if yamlx.Get(n, "script") != nil && yamlx.Get(n, "steps") != nil {
		for k := range yamlx.Pairs(n) {
			if k.Value == "steps" {
				c.errorf(k, "bad-value", "`script` and `steps` exclude each other")
			}
		}
	}
}

func buildShape() shape {
	shape := mapping("build", append(scriptFields(),
		field{name: "number", shape: text(checkNumber)}, field{name: "string", shape: text(nil)},
		field{name: "noarch", shape: text(checkNoArch)},
		field{name: "flags", shape: list(text(checkFlag))},
		field{name: "python", shape: mapping("build.python",
			field{name: "entry_points", shape: list(text(checkEntryPoint))}, field{name: "skip_pyc_compilation", shape: list(text(nil))},
			field{name: "use_python_app_entrypoint", shape: boolean}, field{name: "version_independent", shape: boolean},
			field{name: "site_packages_path", shape: text(nil)})},
		field{name: "skip", shape: listOr(skipEntry)},
		field{name: "always_copy_files", shape: list(text(nil))}, field{name: "always_include_files", shape: list(text(nil))},
		field{name: "merge_build_and_host_envs", shape: boolean}, field{name: "files", shape: globsShape},
		field{name: "dynamic_linking", shape: mapping("build.dynamic_linking",
			field{name: "rpaths", shape: list(text(nil))}, field{name: "binary_relocation", shape: boolOrGlobs},
			field{name: "missing_dso_allowlist", shape: list(text(nil))}, field{name: "rpath_allowlist", shape: list(text(nil))},
			field{name: "overdepending_behavior", shape: oneOf("ignore", "error")}, field{name: "overlinking_behavior", shape: oneOf("ignore", "error")})},
		field{name: "variant", shape: mapping("build.variant",
			field{name: "use_keys", shape: func(c *checker, n *yaml.Node) { list(text(nil))(c, n); c.keepUseKeys(n) }},
			field{name: "ignore_keys", shape: list(text(nil))}, field{name: "down_prioritize_variant", shape: text(checkInteger)})},
		field{name: "prefix_detection", shape: mapping("build.prefix_detection",
			field{name: "force_file_type", shape: mapping("build.prefix_detection.force_file_type",
				field{name: "text", shape: list(text(nil))}, field{name: "binary", shape: list(text(nil))})},
			field{name: "ignore", shape: boolOrGlobs}, field{name: "ignore_binary_files", shape: boolean})},
		field{name: "post_process", shape: list(mapping("an entry of build.post_process",
			field{name: "files", must: true, shape: list(text(nil))}, field{name: "regex", must: true, shape: text(nil)},
			field{name: "replacement", must: true, shape: text(nil)}))},
	)...)
	return func(c *checker, n *yaml.Node) {
		shape(c, n)
		scriptOrSteps(c, n)
	}
}

func (c *checker) keepUseKeys(n *yaml.Node) {
	for _, e := range n.Content {
		if e.Kind == yaml.ScalarNode && !isTemplate(e.Value) {
			c.useKeys = append(c.useKeys, normalKey(e.Value))
		}
	}
}

// skipEntry is a condition, with or without ${{ }}. One that cannot be read counts as false, as the
// peers have it; here it is said.
func skipEntry(c *checker, n *yaml.Node) {
	if n.Kind != yaml.ScalarNode {
		c.wrongType(n, "an expression")
		return
	}
	if !c.template(n) {
		return
	}
	x, err := c.lang.ParseExpr(n.Value)
	if err != nil {
		d := exprDiagnostic(c.doc, n, err)
		d.Severity, d.Detail = diag.Warning, "a condition that cannot be read skips nothing"
		c.report(d)
		return
	}
	c.conds[n] = x
	c.saw(x.Names(), n.Value)
}

func scriptShape(c *checker, n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		listOr(text(nil))(c, n)
		return
	}
	c.shapes.script(c, n)
}

func envShape() shape {
	name := regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	return mapOf(func(k string) error {
		if !name.MatchString(k) {
			return fmt.Errorf("%q cannot be the name of an environment variable", k)
		}
		return nil
	}, text(nil))
}

func stepsShape(c *checker, n *yaml.Node) {
	if n.Kind != yaml.SequenceNode {
		c.wrongType(n, "a list of steps")
		return
	}
	for _, e := range n.Content {
		c.shapes.step(c, e)
	}
}

func hostDependency(c *checker, n *yaml.Node) {
	dependency(c, n)
	if n.Kind == yaml.ScalarNode && !isTemplate(n.Value) {
		if s, err := c.spec(n.Value); err == nil && s.bare {
			c.free[normalKey(s.name)] = true
		}
	}
}

func dependency(c *checker, n *yaml.Node) {
	text(func(s string) error {
		if c.literal && strings.HasPrefix(s, "{") { // a pin
			_, err := readPin(s)
			return err
		}
		_, err := c.spec(s)
		return err
	})(c, n)
}

func requirementsShape() shape {
	deps := listOrNothing(dependency)
	exports := mapping("run_exports", field{name: "noarch", shape: deps}, field{name: "strong", shape: deps},
		field{name: "strong_constraints", shape: deps}, field{name: "weak", shape: deps}, field{name: "weak_constraints", shape: deps})
	return mapping("requirements", field{name: "build", shape: listOrNothing(hostDependency)},
		field{name: "host", shape: listOrNothing(hostDependency)}, field{name: "run", shape: deps},
		field{name: "run_constraints", shape: deps}, field{name: "extras", shape: mapOf(nil, deps)},
		field{name: "run_exports", shape: func(c *checker, n *yaml.Node) {
			if n.Kind == yaml.SequenceNode {
				list(dependency)(c, n)
				return
			}
			exports(c, n)
		}},
		field{name: "ignore_run_exports", shape: ignoreRunExportsShape()})
}

func ignoreRunExportsShape() shape {
	return mapping("ignore_run_exports", field{name: "by_name", shape: listOrNothing(dependency)},
		field{name: "from_package", shape: listOrNothing(dependency)})
}

func aboutShape() shape {
	return mapping("about", field{name: "homepage", shape: text(checkURL)}, field{name: "license", shape: text(checkLicense)},
		field{name: "license_file", shape: textOrList(text(nil))}, field{name: "license_family", shape: text(nil)},
		field{name: "summary", shape: text(nil)}, field{name: "description", shape: text(nil)},
		field{name: "documentation", shape: text(checkURL)}, field{name: "repository", shape: text(checkURL)})
}

func checkSchemaVersion(s string) error {
	if s != "1" {
		return fmt.Errorf("schema_version %q is not known; 1 is", s)
	}
	return nil
}

func checkNoArch(s string) error {
	switch s {
	case "python", "generic", "", "~", "null", "none", "None":
		return nil
	}
	return fmt.Errorf("noarch is python or generic, not %q", s)
}

// checkFlag accepts the flags of packages (repodata revision 3).
func checkFlag(s string) error {
	if !flagForm.MatchString(s) {
		return fmt.Errorf("%q is not a flag: it is written name or name:value in a-z, 0-9 and _", s)
	}
	return nil
}

var flagForm = pattern{src: `^[a-z0-9_]+(:[a-z0-9_]+)?$`}

func checkNumber(s string) error {
	if n, err := strconv.Atoi(s); err != nil || n < 0 {
		return fmt.Errorf("a build number is a whole number from 0 on, not %q", s)
	}
	return nil
}

func checkInteger(s string) error {
	if _, err := strconv.Atoi(s); err != nil {
		return fmt.Errorf("a whole number is expected here, not %q", s)
	}
	return nil
}

func checkEntryPoint(s string) error {
	_, target, ok := strings.Cut(s, "=")
	if !ok {
		return errors.New("an entry point is written `name = module:function`; this one lacks the `=`")
	}
	if !strings.Contains(target, ":") {
		return errors.New("an entry point is written `name = module:function`; this one lacks the `:`")
	}
	return nil
}
