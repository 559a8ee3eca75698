package recipes

import (
	"testing"

	"forge/platforms"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"gopkg.in/yaml.v3"
)

// FuzzQuick looks for expressions that the library evaluates to something else.
func FuzzQuick(f *testing.F) {
	for _, text := range []string{`"a ${variant.python} b"`, `linux && win ? ["a", compiler("c")] : []`, `variant.none == "x"`, `[null, "a", unix ? ["b"] : [], ["c"]]`,
		`local.n + 2 * 3 >= 7`, `win && variant.none < 14`, `variant.mpi == "nompi" ? "x" : null`, `unix ? local.n : "5"`, `concat(["a"], win ? ["b"] : [])`,
		`pin_subpackage("zlib", { upper_bound = "x.x", exact = true })`, `tonumber("07")`, `tonumber("7") - 9`, `tostring(true)`, `truthy(local.s)`, `match(variant.python, ">=3.9")`,
		`replace("a.b", ".", "")`, `version_to_buildstring(variant.python)`, `!linux || local.b`, `"${local.n}${local.b}"`, `local.list`, `[for x in ["a"] : x]`, `"e\u0301${local.s}"`,
		`true ? ["a"] : null`, `local.b ? (win ? "x" : null) : 5`, `[win ? ["a", linux ? ["b"] : []] : []]`, `cdt("x11")`, `stdlib("c")`, `each.value`, `unix ? [local.n] : ["a"]`,
		`contains(["a", variant.mpi], "nompi") ? 1 : -2`, `try(variant.none, "0")`, `split(".", "1.2.3")[1]`, `join("_", slice(split(".", package.version), 0, 2))`,
		`reverse(split(" ", compiler("c")))[0]`, `{ b = local.s, a = null, c = [1, ["x"]] }`, `"7" < 14 && env("X", "y") != trimspace(" x ")`, `pin_compatible("a", { upper_bound = null })`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		data := []byte(text)
		if openedHCL(data) > maxHCLDepth {
			return
		}
		x, problems := hclsyntax.ParseExpression(data, "f", hcl.InitialPos)
		if problems.HasErrors() {
			return
		}
		e := quickFixture(t)
		got, ok := e.quickNode(x, nil, nil)
		if !ok {
			return
		}
		v, problems := e.evaluate(x)
		if problems.HasErrors() {
			t.Fatalf("%s: quick gives %v, the library %s", text, got, problems)
		}
		e.list = nil
		want := e.node(v, x, nil)
		if d := cmp.Diff(want, got, cmpopts.IgnoreUnexported(yaml.Node{}), cmpopts.EquateEmpty()); d != "" || len(e.list) > 0 {
			t.Fatalf("%s: %v (-library +quick)\n%s", text, e.list, d)
		}
	})
}

func quickFixture(t *testing.T) *hclEval {
	p, err := platforms.Parse("linux-64")
	if err != nil {
		t.Fatal(err)
	}
	o := RenderOptions{BuildPlatform: p}.withDefaults()
	h := &hclRecipe{v1Recipe: newV1("recipe.hcl", "recipe.hcl", &o)}
	body, doc, list := parseHCL("recipe.hcl", []byte("package \"p\" {\n  version = \"1.2\"\n}\nlocals {\n  n = 5\n  s = \"text\"\n  b = true\n  list = [\"x\"]\n}\n"))
	if body == nil {
		t.Fatal(list)
	}
	h.program, h.scan = newProgram(doc), scanHCL(body)
	h.scan.pipelines = true // all functions
	e := &hclEval{path: "recipe.hcl", doc: h.doc, scan: h.scan, reads: map[*yaml.Node][]string{}}
	e.frame = h.bare(variant{"python": {"3.11.* *_cpython", "3.11.* *_cpython"}, "mpi": {"nompi", "nompi"}, "flag": {true, "true"}})
	e.locals(body)
	return e
}
