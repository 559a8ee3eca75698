package recipes

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"forge/internal/diag"
)

var updateConverted = flag.Bool("update-converted", false, "write the expected results of testdata/convert anew")

// TestConvertStaged converts recipes in the style of conda-forge's staged-recipes, none of which is in the
// corpus. Each must render the same on three platforms and with its own variants, and look as want.yaml.
func TestConvertStaged(t *testing.T) {
	files, err := filepath.Glob("testdata/convert/*/meta.yaml")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d recipes: %v", len(files), err)
	}
	pinning := stagedPinning(t)
	for _, file := range files {
		t.Run(filepath.Base(filepath.Dir(file)), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			renders, err := RendersFor(file, RenderOptions{Variants: pinning})
			if err != nil {
				t.Fatal(err)
			}
			out, list := ConvertChecked(file, data, "recipe.yaml", renders)
			for _, d := range list {
				if d.Severity == diag.Error || d.Severity == diag.Warning && d.Code != "not-carried" {
					t.Errorf("%v", d)
				}
			}
			want := filepath.Join(filepath.Dir(file), "want.yaml")
			if *updateConverted {
				if err := os.WriteFile(want, out, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			golden, err := os.ReadFile(want)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(golden), string(out)); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
			tidy(t, file, data, filepath.Join(filepath.Dir(file), "recipe.yaml"), out)
			for i := range renders {
				renders[i].Variants = append([]VariantFile{v0Defaults(&renders[i])}, renders[i].Variants...)
			}
			hcl, list := ConvertChecked(filepath.Join(filepath.Dir(file), "recipe.yaml"), out, "recipe.hcl", renders)
			for _, d := range list {
				if d.Severity == diag.Error {
					t.Errorf("recipe.hcl: %v\n%s", d, hcl)
				}
			}
			tidy(t, filepath.Join(filepath.Dir(file), "recipe.yaml"), out, filepath.Join(filepath.Dir(file), "recipe.hcl"), hcl)
		})
	}
}

// tidy holds a converted recipe against what users expect of it: laid out as forge fmt does, no finding of
// forge lint that the original has not, and its comments.
func tidy(t *testing.T, from string, old []byte, to string, out []byte) {
	t.Helper()
	laid, list := Format(to, out)
	if d := cmp.Diff(string(laid), string(out)); d != "" || list.HasErrors() {
		t.Errorf("%s: forge fmt changes it (-fmt +convert)\n%s%v", to, d, list)
	}
	known := map[string]bool{}
	if strings.Contains(from, "nested-ifs") { // lint of meta.yaml does not look between {% if %}
		known["compiler-without-stdlib"] = true
	}
	for _, f := range Lint(from, old, RenderOptions{Experimental: true}) {
		known[f.Code] = true
	}
	for _, f := range Lint(to, out, RenderOptions{Experimental: true}) {
		if !known[f.Code] {
			t.Errorf("%s: a new finding: %v", to, f.Diagnostic)
		}
	}
	for _, line := range strings.Split(string(old), "\n") {
		if _, comment, ok := strings.Cut(" "+line, " # "); ok && formatOf(from) == "recipe.yaml" && !strings.Contains(string(out), comment) {
			t.Errorf("%s: the comment %q is lost", to, comment)
		}
	}
}

// stagedPinning stands for conda-forge's variants.
func stagedPinning(t *testing.T) []VariantFile {
	t.Helper()
	return []VariantFile{{Path: "pinning/conda_build_config.yaml", Data: []byte(`
python: [3.12.* *_cpython, 3.13.* *_cp313]
python_min: ["3.10"]
numpy: ["2"]
libcurl: ["8"]
zlib: ["1"]
openssl: ["3.5"]
c_stdlib: [sysroot]       # [linux]
c_stdlib: [macosx_deployment_target]  # [osx]
c_stdlib: [vs]            # [win]
c_stdlib_version: ["2.17"]  # [linux]
go_nocgo_compiler: [go-nocgo]
rust_compiler: [rust]
m2w64_c_compiler: [gcc]
pin_run_as_build:
  python: {min_pin: x.x, max_pin: x.x}
`)}}
}
