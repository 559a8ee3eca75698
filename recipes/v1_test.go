package recipes

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"forge/internal/diag"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func renderText(text string, change func(o *RenderOptions)) *Rendered {
	o := linuxOptions()
	if change != nil {
		change(&o)
	}
	return Render("recipe.yaml", []byte(text), o)
}

func said(list diag.List) (out []string) {
	for _, d := range list {
		out = append(out, strings.TrimPrefix(d.Pos.String(), "recipe.yaml:")+" "+d.Code)
	}
	return out
}

func TestAllMistakesAtOnce(t *testing.T) {
	r := renderText(`context:
  name: foo
  bad-name: x
package:
  name: ${{ name }
  verison: "1"
source:
  url: https://example.org/a.tgz
  sha256: abc
build:
  nmber: 1
  noarch: perl
  script:
    content: make
    evn: {}
requirements:
  build:
    - if: unix
      then: [">=1"]
    - if: unix ==
      then: a
  hots: []
about:
  license: MIT
  home: x
  license: GPL-3.0
tests:
  - pyhton: {}
`, nil)
	want := []string{
		"3:3 bad-value", "5:9 bad-value", "5:9 unclosed", "6:3 unknown-key", "9:11 bad-value", "11:3 unknown-key", "12:11 bad-value",
		"15:5 unknown-key", "19:14 bad-value", "20:18 expression-syntax", "22:3 unknown-key", "25:3 unknown-key",
		"26:3 duplicate-key", "26:12 bad-value", "28:5 unknown-key",
	}
	got := said(r.Diagnostics)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s\n%v", d, r.Diagnostics)
	}
	for key, hint := range map[string]string{`"nmber"`: `did you mean "number"?`, `"verison"`: `did you mean "version"?`, `"home"`: "homepage", `"hots"`: `did you mean "host"?`, `"pyhton"`: `did you mean "python"?`} {
		for _, d := range r.Diagnostics {
			if strings.Contains(d.Summary, key) && !strings.Contains(d.Suggestion, hint) {
				t.Errorf("%s: suggestion %q, want %s", key, d.Suggestion, hint)
			}
		}
	}
}

func TestEvaluationMistakes(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"undefined name", "package:\n  name: a\n  version: 1-${{ nope }}\n", "3:18 undefined"},
		{"undefined in a block", "package: {name: a, version: 1}\nabout:\n  description: |\n    one\n    two ${{ nope }}\n", "5:13 undefined"},
		{"undefined in quotes", "package: {name: a, version: 1}\nabout:\n  summary: \"x ${{ nope }}\"\n", "3:19 undefined"},
		{"no hash", "package: {name: a, version: 1}\nsource:\n  url: https://example.org/a.tgz\n", "3:3 missing-hash"},
		{"placeholder hash", "package: {name: a, version: 1}\nsource:\n  url: https://example.org/a.tgz\n  sha256: " + strings.Repeat("0", 64) + "\n", "3:3 missing-hash"},
		{"md5 only", "package: {name: a, version: 1}\nsource:\n  url: https://example.org/a.tgz\n  md5: " + strings.Repeat("1", 32) + "\n", "3:3 weak-hash"},
		{"missing script", "package: {name: a, version: 1}\nbuild:\n  script: {file: nope.sh}\n", "3:18 missing-file"},
		{"script outside", "package: {name: a, version: 1}\nbuild:\n  script: {file: ../../../../etc/passwd.sh}\n", "3:18 missing-file"},
		{"cycle", "outputs:\n  - package: {name: a, version: 1}\n    requirements: {host: [b]}\n  - package: {name: b, version: 1}\n    requirements: {host: [a]}\n", "5:27 dependency-cycle"},
		{"unknown staging", "outputs:\n  - staging: {name: base}\n  - package: {name: a, version: 1}\n    inherit: bse\n", "4:14 unknown-staging"},
		{"exact pin of nothing", "package: {name: a, version: 1}\nrequirements:\n  run: [\"${{ pin_subpackage('b', exact=true) }}\"]\n", "3:9 missing-output"},
		{"bad license from a template", "context: {l: GPL}\npackage: {name: a, version: 1}\nabout:\n  license: ${{ l }}\n", "4:12 bad-value"},
		{"endless text", "context:\n  a: \"${{ 'x' * 1000000000 }}\"\npackage: {name: a, version: 1}\n", "2:15 too-expensive"},
		{"signature", "package: {name: a, version: 1}\nextra:\n  forge:\n    signatures:\n      - {source: 3, url: x}\n", "5:7 bad-signature"},
	} {
		got := said(renderText(tt.in, nil).Diagnostics)
		if strings.Join(got, ", ") != tt.want {
			t.Errorf("%s: got %v, want %s", tt.name, got, tt.want)
		}
	}
}

func TestUnhashedOnRequest(t *testing.T) {
	r := renderText("package: {name: a, version: 1}\nsource:\n  url: https://example.org/a.tgz\n", func(o *RenderOptions) { o.AllowUnhashed = true })
	if r.Diagnostics.HasErrors() || len(r.Diagnostics) != 1 || len(r.Outputs) != 1 {
		t.Error(r.Diagnostics)
	}
}

func TestSignatures(t *testing.T) {
	r := renderText(`package: {name: a, version: 1}
source:
  - {path: x}
  - {url: "https://example.org/a.tgz", sha256: `+strings.Repeat("a", 64)+`}
extra:
  forge:
    signatures:
      - source: 1
        url: [https://example.org/a.tgz.asc, "file:a.asc"]
        fingerprint: `+strings.Repeat("AB", 20)+`
        key: up.asc
        allow: sha1
        reason: old
`, nil)
	if err := r.Diagnostics.Err(); err != nil {
		t.Fatal(err)
	}
	got := r.Outputs[0].Sources[1].Signatures
	if len(got) != 1 || len(got[0].URLs) != 2 || got[0].Allow[0] != "sha1" || got[0].Reason != "old" || len(r.Outputs[0].Sources[0].Signatures) != 0 {
		t.Errorf("%+v", got)
	}
}

const matrix = `package: {name: a, version: 1}
requirements:
  host: [python, numpy, mpi]
`

func builds(r *Rendered) (out []string) {
	for _, o := range r.Outputs {
		var parts []string
		for k, v := range o.Variant {
			if k != "target_platform" {
				parts = append(parts, fmt.Sprintf("%s=%v", k, v))
			}
		}
		sort.Strings(parts)
		out = append(out, strings.Join(parts, " "))
	}
	return out
}

func TestVariants(t *testing.T) {
	const zipped = "python: ['3.10', '3.11']\nnumpy: [1.21, 1.23]\nzip_keys: [[python, numpy]]\n"
	file := func(path, text string) func(o *RenderOptions) {
		return func(o *RenderOptions) { o.Variants = []VariantFile{{Path: path, Data: []byte(text)}} }
	}
	for _, tt := range []struct {
		name   string
		change func(o *RenderOptions)
		want   []string
	}{
		{"none", nil, []string{""}},
		{"product", file("variants.yaml", "python: ['3.10', '3.9']\nmpi: [a, b]\nother: [x, y]\n"),
			[]string{"mpi=a python=3.10", "mpi=a python=3.9", "mpi=b python=3.10", "mpi=b python=3.9"}},
		{"zip", file("variants.yaml", zipped),
			[]string{"numpy=1.21 python=3.10", "numpy=1.23 python=3.11"}},
		{"condition", file("variants.yaml", "python:\n  - if: win\n    then: '3.8'\n    else: ['3.9']\n  - ${{ '3.7' if osx }}\n"), []string{"python=3.9"}},
		{"types", file("variants.yaml", "mpi: [1, true, '1', 1.10]\n"), []string{"mpi=1", "mpi=1.10", "mpi=1", "mpi=true"}},
		{"selectors", file("conda_build_config.yaml", "python:\n  - 3.8  # [win]\n  - 3.10  # [linux]\nmpi:  # [osx]\n  - a     # [osx]\n"), []string{"python=3.10"}},
		{"command line", func(o *RenderOptions) {
			file("variants.yaml", "python: ['3.10', '3.11']\n")(o)
			o.Set = map[string][]string{"python": {"3.12"}}
		}, []string{"python=3.12"}},
		{"command line chooses a row of a zip", func(o *RenderOptions) {
			file("variants.yaml", zipped)(o)
			o.Set = map[string][]string{"python": {"3.11"}}
		}, []string{"numpy=1.23 python=3.11"}},
		{"command line leaves a zip", func(o *RenderOptions) {
			file("variants.yaml", zipped)(o)
			o.Set = map[string][]string{"python": {"3.12"}}
		}, []string{"numpy=1.21 python=3.12", "numpy=1.23 python=3.12"}},
		{"command line replaces a column of a zip", func(o *RenderOptions) {
			file("variants.yaml", zipped)(o)
			o.Set = map[string][]string{"python": {"3.12", "3.13"}}
		}, []string{"numpy=1.21 python=3.12", "numpy=1.23 python=3.13"}},
		{"later file", func(o *RenderOptions) {
			file("variants.yaml", "python: ['3.10']\nmpi: [a]\n")(o)
			o.Variants = append(o.Variants, VariantFile{Path: "b.yaml", Data: []byte("python: ['3.11']\n")})
		}, []string{"mpi=a python=3.11"}},
	} {
		r := renderText(matrix, tt.change)
		if err := r.Diagnostics.Err(); err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if d := cmp.Diff(tt.want, builds(r)); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.name, d)
		}
	}
}

func TestVariantMistakes(t *testing.T) {
	long := func(n int) string { return "[" + strings.TrimSuffix(strings.Repeat("x, ", n), ", ") + "]" }
	for _, tt := range []struct{ name, text, want string }{
		{"explosion", "python: " + long(200) + "\nnumpy: " + long(200) + "\nmpi: [a]\n", "the variants multiply to 40000, more than the 10000 that are allowed: numpy 200 × python 200"},
		{"zip lengths", "python: [a, b]\nnumpy: [a]\nzip_keys: [[python, numpy]]\n", "the keys of a zip_keys group have different numbers of values: python has 2, numpy has 1"},
		{"zip of one", "zip_keys: [[python]]\n", `the zip_keys group "python" has one key; it takes two or more`},
		{"scalar", "python: 3.10\n", `the values of the variant key "python" are not a list`},
		{"undefined", "python:\n  - if: zork\n    then: a\n", "the name `zork` is not defined"},
	} {
		r := renderText(matrix, func(o *RenderOptions) { o.Variants = []VariantFile{{Path: "variants.yaml", Data: []byte(tt.text)}} })
		if len(r.Diagnostics) != 1 || !strings.Contains(r.Diagnostics[0].Summary, tt.want) && tt.name != "undefined" {
			t.Errorf("%s: got %v, want %s", tt.name, r.Diagnostics, tt.want)
		}
	}
}

func TestScripts(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"build.sh": "echo build\r\n", "other.sh": "echo other\n", "x.py": "print(1)\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name, build string
		want        []Script
	}{
		{"default", "{}", []Script{{Text: "echo build\n", File: "build.sh", FirstLine: 1, Interpreter: "bash"}}},
		{"command", "{script: make install}", []Script{{Text: "make install", FirstLine: 2}}},
		{"name of a file", "{script: other}", []Script{{Text: "echo other\n", File: "other.sh", FirstLine: 1, Interpreter: "bash"}}},
		{"list", "{script: [a, 'b ${{ 1 + 1 }}', '']}", []Script{{Text: "a\nb 2", FirstLine: 2}}},
		{"build variables", "{script: 'ls ${{ PREFIX }}'}", []Script{{Text: "ls $PREFIX", FirstLine: 2}}},
		{"file", "{script: {file: x.py, env: {A: b}}}", []Script{{Text: "print(1)\n", File: "x.py", FirstLine: 1, Interpreter: "python", Env: map[string]string{"A": "b"}}}},
		{"content", "{script: {content: [a, b], interpreter: python, cwd: sub, secrets: [TOKEN]}}", []Script{{Text: "a\nb", FirstLine: 2, Interpreter: "python", Cwd: "sub", Secrets: []string{"TOKEN"}}}},
		{"environment alone", "{script: {env: {A: b}}}", []Script{{Text: "echo build\n", File: "build.sh", FirstLine: 1, Interpreter: "bash", Env: map[string]string{"A": "b"}}}},
		{"steps", "{steps: [{run: a}, {run: b, if: win}, {run: [c, d], cwd: x}]}", []Script{{Text: "a", FirstLine: 2}, {Text: "c\nd", FirstLine: 2, Cwd: "x"}}},
	} {
		r := Render(filepath.Join(dir, "recipe.yaml"), []byte("package: {name: a, version: 1}\nbuild: "+tt.build+"\n"), linuxOptions())
		if err := r.Diagnostics.Err(); err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		got := r.Outputs[0].Build.Scripts
		for i := range got {
			got[i].Pos = diag.Pos{}
		}
		if d := cmp.Diff(tt.want, got, cmpopts.IgnoreUnexported(Script{})); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.name, d)
		}
	}
}

func TestStagingKeepsItsVariant(t *testing.T) {
	r := renderText(`recipe: {version: "1"}
outputs:
  - staging: {name: base}
    requirements: {host: [python]}
    build: {script: make}
  - package: {name: lib}
    inherit: {from: base, run_exports: false}
  - package: {name: noarch-data}
    build: {noarch: generic}
`, func(o *RenderOptions) {
		o.Variants = []VariantFile{{Path: "variants.yaml", Data: []byte("python: ['3.10', '3.11']\n")}}
	})
	if err := r.Diagnostics.Err(); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, o := range r.Outputs {
		name := o.Name
		if o.InheritFrom != nil {
			name += fmt.Sprintf(" from %s %v %v", o.InheritFrom.Name, o.InheritFrom.Variant["python"], o.InheritRunExports)
		}
		names = append(names, name)
	}
	want := []string{"base", "lib from base 3.10 false", "noarch-data", "base", "lib from base 3.11 false"}
	if d := cmp.Diff(want, names); d != "" {
		t.Error(d)
	}
}

func TestStagingOnStaging(t *testing.T) {
	r := renderText(`recipe: {version: "1"}
source: {path: x}
outputs:
  - staging: {name: base}
    requirements: {host: [python]}
  - staging: {name: more}
    inherit: base
  - package: {name: lib}
    inherit: more
`, func(o *RenderOptions) {
		o.Variants = []VariantFile{{Path: "variants.yaml", Data: []byte("python: ['3.10']\n")}}
	})
	if err := r.Diagnostics.Err(); err != nil {
		t.Fatal(err)
	}
	lib := r.Outputs[2]
	if lib.InheritFrom != r.Outputs[1] || lib.InheritFrom.InheritFrom != r.Outputs[0] || lib.Variant["python"] != "3.10" || len(r.Outputs[1].Sources) != 0 {
		t.Errorf("%+v", lib)
	}
	r = renderText("outputs:\n  - staging: {name: a}\n    inherit: b\n  - staging: {name: b}\n    inherit: a\n", nil)
	if got := said(r.Diagnostics); len(got) != 1 || got[0] != "3:14 unknown-staging" {
		t.Error(got)
	}
}

// Many outputs and variants cost in proportion to their number.
func TestManyOutputs(t *testing.T) {
	var b strings.Builder
	b.WriteString("recipe: {version: \"1\"}\noutputs:\n")
	for i := range 400 {
		fmt.Fprintf(&b, "  - package: {name: out-%d}\n    requirements:\n      host: [python]\n", i)
		if i > 0 {
			fmt.Fprintf(&b, "      run: [\"${{ pin_subpackage('out-%d', exact=true) }}\"]\n", i-1)
		}
	}
	r := renderText(b.String(), func(o *RenderOptions) {
		o.Variants = []VariantFile{{Path: "variants.yaml", Data: []byte("python: ['3.9', '3.10', '3.11', '3.12']\n")}}
	})
	if err := r.Diagnostics.Err(); err != nil {
		t.Fatal(err)
	}
	if len(r.Outputs) != 1600 {
		t.Errorf("%d outputs", len(r.Outputs))
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	for _, f := range []string{"recipes/a/recipe.yaml", "recipes/a/meta.yaml", "recipes/b/meta.yaml", "recipes/c/d/recipe.hcl", "recipes/testdata/x/recipe.yaml",
		"recipes/output/recipe.yaml", "recipes/.git/recipe.yaml", "recipes/_old/recipe.yaml", "recipes/other/forge.hcl", "recipes/other/e/recipe.yaml", "recipes/empty/x.txt"} {
		path := filepath.Join(dir, f)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		patterns []string
		want     []string
		err      string
	}{
		{[]string{"./recipes/..."}, []string{"recipes/a/recipe.yaml", "recipes/b/meta.yaml", "recipes/c/d/recipe.hcl"}, ""},
		{[]string{"..."}, []string{"recipes/a/recipe.yaml", "recipes/b/meta.yaml", "recipes/c/d/recipe.hcl"}, ""},
		{[]string{"recipes/b", "recipes/a/meta.yaml", "recipes/b/meta.yaml"}, []string{"recipes/a/meta.yaml", "recipes/b/meta.yaml"}, ""},
		{[]string{"recipes/other/..."}, []string{"recipes/other/e/recipe.yaml"}, ""},
		{[]string{"nowhere/..."}, nil, "nowhere/...: there is no such file or folder"},
		{[]string{"recipes/empty"}, nil, "no recipe found in recipes/empty"},
		{[]string{"recipes/*"}, []string{"recipes/_old/recipe.yaml", "recipes/a/recipe.yaml", "recipes/b/meta.yaml", "recipes/output/recipe.yaml"}, ""},
		{[]string{"recipes/[ab]"}, []string{"recipes/a/recipe.yaml", "recipes/b/meta.yaml"}, ""},
		{[]string{"recipes/*/recipe.yaml", dir + "/recipes/?/meta.yaml"}, []string{dir + "/recipes/a/meta.yaml", dir + "/recipes/b/meta.yaml", "recipes/_old/recipe.yaml", "recipes/a/recipe.yaml", "recipes/output/recipe.yaml"}, ""},
		{[]string{"recipes/c*/..."}, []string{"recipes/c/d/recipe.hcl"}, ""},
		{[]string{"../" + filepath.Base(dir) + "/recipes/b*"}, []string{"recipes/b/meta.yaml"}, ""},
		{[]string{"recipes/zz*"}, nil, "no recipe found in recipes/zz*"},
		{[]string{"recipes"}, nil, "there are recipes below it, which recipes/... takes"},
		{[]string{"recipes/empty/x.txt"}, nil, "is not a recipe"},
		{[]string{"recipes..."}, nil, "follows a slash"},
	} {
		got, err := Find(tt.patterns, dir)
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%v: %s", tt.patterns, d)
		}
		if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%v: error %v, want %s", tt.patterns, err, tt.err)
		}
	}
}

func TestRenderFileReadsVariantsBeside(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"recipe.yaml": matrix, "variants.yaml": "python: ['3.10']\n", "conda_build_config.yaml": "python: ['2.7']\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	o := linuxOptions()
	o.Variants = []VariantFile{{Path: "m.yaml", Data: []byte("python: ['3.9']\nmpi: [a]\n")}}
	got := builds(RenderFile(filepath.Join(dir, "recipe.yaml"), o))
	if d := cmp.Diff([]string{"mpi=a python=3.10"}, got); d != "" {
		t.Error(d)
	}
	o.IgnoreRecipeVariants = true
	got = builds(RenderFile(filepath.Join(dir, "recipe.yaml"), o))
	if d := cmp.Diff([]string{"mpi=a python=3.9"}, got); d != "" {
		t.Error(d)
	}
	if r := RenderFile(filepath.Join(dir, "nope.yaml"), o); !r.Diagnostics.HasErrors() {
		t.Error("no error for a missing file")
	}
}

func FuzzV1(f *testing.F) {
	f.Add(matrix, "python: [a, b]\n")
	f.Add("package: {name: '${{ x', version: 1}\ntests: [{python: {imports: [a]}}]\n", "zip_keys: [[a, b]]\n")
	f.Add("outputs:\n  - staging: {name: a}\n  - package: {name: b, version: 1}\n    inherit: a\n", "")
	f.Add("context: {a: [1, x], b: \"${{ a }}\"}\npackage: {name: a, version: \"${{ b }}\"}\nbuild: {string: \"${{ hash }}\", skip: [win, \"${{ a }}\"]}\n", "a:\n  - if: unix\n    then: 1\n")
	f.Fuzz(func(t *testing.T, recipe, variants string) {
		r := renderText(recipe, func(o *RenderOptions) {
			o.MaxOutputs = 50
			o.Variants = []VariantFile{{Path: "variants.yaml", Data: []byte(variants)}, {Path: "conda_build_config.yaml", Data: []byte(variants)}}
		})
		if len(r.Outputs) > 0 && r.Diagnostics.HasErrors() {
			t.Fatal("outputs and errors")
		}
		for _, o := range r.Outputs {
			if _, err := o.MarshalJSON(); err != nil {
				t.Fatal(err)
			}
		}
		for _, d := range r.Diagnostics {
			if d.Summary == "" {
				t.Fatalf("empty diagnostic %+v", d)
			}
		}
	})
}

func FuzzWorkspace(f *testing.F) {
	f.Add("variant { a = [\"b\"] }\nchannel \"x\" { url = \"y\" }\n")
	f.Fuzz(func(t *testing.T, text string) {
		w, list := ParseWorkspace("forge.hcl", []byte(text))
		if file, ok := w.VariantFile(); ok && !list.HasErrors() {
			if _, problems := readVariants([]VariantFile{file}, nil, variantEnv{}); problems.HasErrors() && len(w.ZipKeys) == 0 {
				t.Fatalf("%s\n%v", file.Data, problems)
			}
		}
	})
}
