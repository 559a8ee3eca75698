package recipes

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forge/platforms"
	"forge/recipes/internal/pipelines"
	"forge/recipes/internal/yamlx"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

const cjson = `
locals {
  major = "1"
}
package "cjson" {
  version = "${local.major}.7.15"
}
source {
  url    = ["pkg:deb/debian/cjson@${package.version}?arch=source"]
  sha256 = "5308fd4b5d4c1f3d2d2a1b0e5308fd4b5d4c1f3d2d2a1b0e5308fd4b5d4c1f3d"
  signature {
    url         = "https://example.org/cjson.tar.gz.asc"
    fingerprint = "0123 4567 89AB CDEF 0123  4567 89AB CDEF 0123 4567"
    key         = "upstream.asc"
  }
}
build {
  number = 2
  script = file("build.sh")
  skip   = target_platform == "win-64"
}
requirements {
  build = [compiler("c"), "cmake", "make", linux ? "patchelf" : null]
  host  = variant.python == "3.11" ? ["python"] : []
  run_exports {
    weak = [pin_subpackage("cjson", { upper_bound = "x.x" })]
  }
}
test {
  script = "test -e $PREFIX/lib/libcjson.so"
}
test {
  package_contents {
    lib = ["cjson"]
  }
}
about {
  license      = "MIT"
  license_file = "LICENSE"
}
`

func hclDir(t *testing.T) string {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "build.sh"), []byte("make\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func linuxOptions() RenderOptions {
	linux, _ := platforms.Parse("linux-64")
	return RenderOptions{BuildPlatform: linux, HostPlatform: linux, TargetPlatform: linux}
}

func TestHCLRecipe(t *testing.T) {
	o := linuxOptions()
	o.Variants = []VariantFile{{Path: "variants.yaml", Data: []byte("python: ['3.10', '3.11']\nunused: [a, b]\n")}}
	r := Render(filepath.Join(hclDir(t), "recipe.hcl"), []byte(cjson), o)
	if err := r.Diagnostics.Err(); err != nil {
		t.Fatal(err)
	}
	if len(r.Outputs) != 2 {
		t.Fatalf("%d outputs", len(r.Outputs))
	}
	out := r.Outputs[1]
	if d := cmp.Diff(map[string]any{"python": "3.11", "target_platform": "linux-64"}, out.Variant); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"gcc_linux-64", "cmake", "make", "patchelf"}, specTexts(out.Requirements.Build)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"cjson >=1.7.15,<1.8.0a0"}, specTexts(out.Requirements.RunExports.Weak)); d != "" {
		t.Error(d)
	}
	s := out.Build.Scripts[0]
	if s.Text != "make\n" || s.File != "build.sh" || s.FirstLine != 1 {
		t.Errorf("script %+v", s)
	}
	g := out.Sources[0].Signatures
	if len(g) != 1 || g[0].Fingerprint != "0123456789ABCDEF0123456789ABCDEF01234567" || g[0].Key != "upstream.asc" {
		t.Errorf("signatures %+v", g)
	}
	if out.BuildNumber != 2 || out.About.License != "MIT" || len(out.Tests) != 2 || !strings.HasPrefix(out.BuildString, "py311h") || out.Recipe.Format != "recipe.hcl" {
		t.Errorf("%+v", out)
	}
}

func TestHCLOutputs(t *testing.T) {
	r := Render("recipe.hcl", []byte(`
package "xz" { version = "5.4.1" }
staging "xz-build" {
  requirements { build = [compiler("c"), "make"] }
  build { script = "make" }
}
output "liblzma" {
  inherit = "xz-build"
  build { files = ["lib/**"] }
  requirements { run_exports = [pin_subpackage("liblzma", { upper_bound = "x" })] }
}
output "xz" {
  version = "5.4.2"
  inherit = "xz-build"
  requirements { run = [pin_subpackage("liblzma", { exact = true })] }
}
`), linuxOptions())
	if err := r.Diagnostics.Err(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range r.Outputs {
		got = append(got, o.Name+" "+o.Version+" "+strings.Join(specTexts(o.Requirements.Run), ","))
	}
	want := []string{"xz-build  ", "liblzma 5.4.1 ", "xz 5.4.2 liblzma ==5.4.1 " + r.Outputs[1].BuildString}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if r.Outputs[1].InheritFrom != r.Outputs[0] {
		t.Error("the staging output is not linked")
	}
}

func TestHCLReports(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"syntax", "package \"a\" {\n  version = \n}\n", "2:13 hcl"},
		{"unknown block", "package \"a\" {\n version = \"1\"\n}\nbiuld {}\n", "4:1 unknown-key"},
		{"unknown attribute", "package \"a\" {\n version = \"1\"\n}\nbuild {\n  nmber = 1\n}\n", "5:3 unknown-key"},
		{"attribute outside", "version = \"1\"\n", "1:1 unknown-key"},
		{"package without name", "package {\n}\n", "1:1 bad-block"},
		{"twice", "package \"a\" {\n version = \"1\"\n}\nbuild {}\nbuild {}\n", "5:1 duplicate-key"},
		{"variant not set", "package \"a\" {\n version = \"1\"\n}\nrequirements {\n  host = [variant.pyton]\n}\n", "5:18 undefined"},
		{"bad function", "package \"a\" {\n version = compilr(\"c\")\n}\n", "2:12 undefined"},
		{"cycle", "locals {\n a = local.b\n b = local.a\n}\npackage \"a\" {\n version = \"1\"\n}\n", "2:2 cycle"},
		{"no hash", "package \"a\" {\n version = \"1\"\n}\nsource {\n  url = \"https://example.org/a.tgz\"\n}\n", "4:1 missing-hash"},
		{"fraction", "package \"a\" {\n version = 1.10\n}\n", "2:12 wrong-type"},
		{"shell variable in braces", "package \"a\" {\n version = \"1\"\n}\nbuild {\n script = \"ls ${PREFIX}\"\n}\n", "5:17 undefined"},
		{"no package", "build {\n}\n", "1:1 missing-key"},
		{"too deep", "locals {\n a = " + strings.Repeat("[", 100000) + "\n}\n", "2:105 too-deep"},
		{"deep templates", "locals {\n a = " + strings.Repeat("\"${", 50000) + "\n}\n", "2:154 too-deep"},
		{"deep blocks", strings.Repeat("b {\n", 50000), "101:3 too-deep"},
		{"many signs", "locals {\n a = " + strings.Repeat("!", 50000) + "true\n}\n", "2:106 too-deep"},
	} {
		r := Render("recipe.hcl", []byte(tt.in), linuxOptions())
		var got []string
		for _, d := range r.Diagnostics {
			got = append(got, strings.TrimPrefix(d.Pos.String(), "recipe.hcl:")+" "+d.Code)
		}
		if strings.Join(got, ", ") != tt.want {
			t.Errorf("%s: got %v, want %s\n%.2000v", tt.name, got, tt.want, r.Diagnostics)
		}
	}
}

func FuzzHCL(f *testing.F) {
	f.Add(cjson)
	f.Add("output \"a\" { inherit = null }")
	f.Add("package \"${x}\" {}")
	f.Fuzz(func(t *testing.T, in string) {
		r := Render("recipe.hcl", []byte(in), linuxOptions())
		if len(r.Outputs) > 0 && r.Diagnostics.HasErrors() {
			t.Fatal("outputs and errors")
		}
	})
}

func TestHCLPipeline(t *testing.T) {
	r := Render("recipe.hcl", []byte(`
package "cjson" { version = "1.7.15" }
requirements { build = [compiler("c"), "cmake >=3.20"] }
build {
  pipeline "cmake" {
    options = ["-DENABLE_CJSON_TEST=OFF", "-DX=${package.version}"]
  }
}
`), linuxOptions())
	if err := r.Diagnostics.Err(); err != nil {
		t.Fatal(err)
	}
	o := r.Outputs[0]
	if d := cmp.Diff([]string{"gcc_linux-64", "cmake >=3.20", "make"}, specTexts(o.Requirements.Build)); d != "" {
		t.Error(d)
	}
	if len(o.Build.Scripts) != 1 || !strings.Contains(o.Build.Scripts[0].Text, `-DENABLE_CJSON_TEST=OFF -DX=1.7.15`) ||
		!strings.Contains(o.Build.Scripts[0].Text, `-DCMAKE_INSTALL_PREFIX="$prefix"`) {
		t.Errorf("%+v", o.Build.Scripts)
	}
	for in, want := range map[string]string{
		`pipeline "cmak" {}`:                        "unknown-pipeline",
		`pipeline "cmake" { optoins = [] }`:         "unknown-key",
		`pipeline "cmake" { options = "-DX" }`:      "wrong-type",
		"pipeline \"cmake\" {}\n script = \"make\"": "bad-value",
	} {
		r := Render("recipe.hcl", []byte("package \"a\" { version = \"1\" }\nbuild {\n"+in+"\n}\n"), linuxOptions())
		if len(r.Diagnostics) != 1 || r.Diagnostics[0].Code != want {
			t.Errorf("%s: got %v, want %s", in, r.Diagnostics, want)
		}
	}
}

// A compiler that compiler() names is the tool of that language that a pipeline needs; it comes once.
func TestHCLPipelineNeeds(t *testing.T) {
	for in, want := range map[string][]string{
		`pipeline "cargo" {}` + "\n}\nrequirements {\n build = [compiler(\"c\"), compiler(\"rust\")]": {"gcc_linux-64", "rust_linux-64"},
		`pipeline "go" {}` + "\n}\nrequirements {\n build = [compiler(\"go-nocgo\")]":                 {"go-nocgo_linux-64"},
		`pipeline "go" {}` + "\n}\nrequirements {\n build = [\"gofumpt\"]":                            {"gofumpt", "go"},
	} {
		r := Render("recipe.hcl", []byte("package \"a\" { version = \"1\" }\nbuild {\n "+in+"\n}\n"), linuxOptions())
		if err := r.Diagnostics.Err(); err != nil {
			t.Errorf("%s: %v", in, err)
		} else if d := cmp.Diff(want, specTexts(r.Outputs[0].Requirements.Build)); d != "" {
			t.Errorf("%s: %s", in, d)
		}
	}
}

func TestPipelinesParse(t *testing.T) {
	for _, name := range pipelines.Names() {
		r := Render("recipe.hcl", []byte("package \"a\" { version = \"1\" }\nbuild {\n pipeline \""+name+"\" {}\n}\n"), linuxOptions())
		if err := r.Diagnostics.Err(); err != nil || len(r.Outputs[0].Build.Scripts) == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestHCLBounds(t *testing.T) {
	doubling := "locals {\n a0 = [1, 2]\n"
	for i := 1; i < 60; i++ {
		doubling += fmt.Sprintf(" a%d = concat(local.a%d, local.a%d)\n", i, i-1, i-1)
	}
	for name, in := range map[string]string{
		"doubling lists": doubling + "}\n",
		"deep for":       "locals {\n l = [1, 2, 3]\n m = [for a in local.l : [for b in local.l : [for c in local.l : a]]]\n}\n",
	} {
		r := Render("recipe.hcl", []byte(in+"package \"a\" { version = \"1\" }\n"), linuxOptions())
		if len(r.Diagnostics) == 0 || !strings.HasPrefix(r.Diagnostics[0].Code, "too-") {
			t.Errorf("%s: %v", name, r.Diagnostics)
		}
	}
}

func TestHCLForEach(t *testing.T) {
	r := Render("recipe.hcl", []byte(`
locals { parts = { lib = ["lib/**"], dev = ["include/**"] } }
package "x" { version = "1" }
staging "all" {
  build { script = "make" }
}
output "part" {
  for_each = local.parts
  name     = "x-${each.key}"
  inherit  = "all"
  build { files = each.value }
}
source {
  for_each = ["a", "b"]
  path = each.value
}
`), linuxOptions())
	if err := r.Diagnostics.Err(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range r.Outputs {
		got = append(got, fmt.Sprint(o.Name, o.Build.Files.Include, len(o.Sources)))
	}
	if d := cmp.Diff([]string{"all[] 2", "x-dev[include/**] 0", "x-lib[lib/**] 0"}, got); d != "" {
		t.Error(d)
	}
}

func TestHCLOwnPipeline(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "pipelines"), 0o755); err != nil {
		t.Fatal(err)
	}
	own := "input \"who\" { default = \"world\" }\nstep { run = \"echo ${input.who}\" }\n"
	if err := os.WriteFile(filepath.Join(dir, "pipelines", "greet.hcl"), []byte(own), 0o644); err != nil {
		t.Fatal(err)
	}
	r := Render(filepath.Join(dir, "recipe.hcl"), []byte("package \"a\" { version = \"1\" }\nbuild {\n pipeline \"greet\" { who = \"you\" }\n}\n"), linuxOptions())
	if err := r.Diagnostics.Err(); err != nil || r.Outputs[0].Build.Scripts[0].Text != "echo you" {
		t.Errorf("%v %+v", err, r.Outputs)
	}
}

// TestShallowIsNeverTooDeep holds the quick count against the tokens.
func TestShallowIsNeverTooDeep(t *testing.T) {
	for _, unit := range []string{"{", "[", "(", "${", "%{", "\"", "\"${", "<<A\n", "!", "-", "- ", "?", "a ? ", "b {\n", "x = \"a\"\n", "f(\"${", "-!\n"} {
		for _, n := range []int{1, 40, 90, 101, 150, 400} {
			data := []byte("x = " + strings.Repeat(unit, n))
			tokens, _ := hclsyntax.LexConfig(data, "f", hcl.InitialPos)
			deep := tooDeep("f", yamlx.Foreign("f", data), tokens)
			if deep == nil {
				continue
			}
			if _, _, list := parseHCL("f", data); openedHCL(data) <= maxHCLDepth || len(list) != 1 || list[0].Code != deep.Code || list[0].Pos != deep.Pos {
				t.Errorf("%d of %q count as shallow: %v", n, unit, list)
			}
		}
	}
}
