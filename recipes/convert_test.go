package recipes

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestConvertCorpus converts every meta.yaml of the vectors and renders both with the same variants. Of
// each it is said whether they are equal, differ, or cannot be carried.
func TestConvertCorpus(t *testing.T) {
	if testing.Short() {
		t.Skip("renders the feedstocks twice")
	}
	dir := shared(t)
	for origin, floor := range map[string]float64{"conda-build": 0.78, "feedstocks": 0} {
		t.Run(origin, func(t *testing.T) {
			seen := map[string]bool{}
			count, why := map[string]int{}, map[string]int{}
			eachLine(t, filepath.Join(dir, "vectors/conda-build-render", origin+".jsonl"), func(line []byte) {
				var want v0Want
				if err := json.Unmarshal(line, &want); err != nil {
					t.Fatal(err)
				}
				if seen[want.Recipe] || want.Error != nil {
					return
				}
				seen[want.Recipe] = true
				file, opts := v0VectorOptions(t, dir, origin, &want)
				verdict, detail := convertVerdict(t, file, opts, "recipe.yaml")
				if verdict == "" {
					return
				}
				count[verdict]++
				if verdict != "equal" {
					why[verdict+": "+firstWords(detail)]++
				}
				if os.Getenv("FORGE_VERBOSE") != "" && verdict != "equal" {
					t.Logf("%s: %s: %s", want.Recipe, verdict, detail)
				}
			})
			t.Logf("%s: %v", origin, count)
			for _, k := range topWords(why) {
				t.Log(k)
			}
			carried := count["equal"] + count["not equal"] + count["unreadable"]
			if share := float64(count["equal"]) / float64(max(1, carried)); share < floor {
				t.Errorf("%s: %.3f of what is carried is equal, less than the recorded %.3f", origin, share, floor)
			}
		})
	}
}

func firstWords(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	if len(line) > 110 {
		line = line[:110]
	}
	return line
}

func topWords(m map[string]int) []string {
	var out []string
	for k, n := range m {
		out = append(out, fmt.Sprintf("%4d %s", n, k))
	}
	sort.Sort(sort.Reverse(sort.StringSlice(out)))
	return out[:min(len(out), 40)]
}

// convertVerdict converts one recipe and compares what both render.
func convertVerdict(t *testing.T, file string, opts RenderOptions, to string) (verdict, detail string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	out, list := Convert(file, data, to)
	if list.HasErrors() {
		for _, d := range list {
			if d.Severity == 0 {
				return "cannot be carried", d.Summary
			}
		}
	}
	before := RenderFile(file, opts)
	if len(before.Outputs) == 0 {
		return "", ""
	}
	after := Render(filepath.Join(filepath.Dir(file), to), out, sameVariants(file, opts))
	if after.Diagnostics.HasErrors() {
		return "unreadable", after.Diagnostics[0].String() + "\n" + string(out)
	}
	if d := cmp.Diff(convertView(before), convertView(after)); d != "" {
		return "not equal", d
	}
	return "equal", ""
}

// sameVariants gives Render the variants file that RenderFile reads.
func sameVariants(file string, opts RenderOptions) RenderOptions {
	if beside, err := variantsBeside(file); err == nil && !opts.IgnoreRecipeVariants {
		opts.Variants = append(opts.Variants[:len(opts.Variants):len(opts.Variants)], beside...)
	}
	return opts
}

// lateName is a variable of the build's shell; recipe.yaml leaves it to the build where a text has one
// that it does not know.
var lateName = regexp.MustCompile(`\$\{\{ ([A-Z_]+) \}\}`)

// emptyScript is a script whose file the corpus left out.
func emptyScript(s ScriptView) bool { return strings.TrimSpace(s.Text) == "" && len(s.Env) == 0 }

// withoutVariant takes out what conda-build writes into requirements and Forge leaves to the solver: the
// variant's version of a bare name, and the pins of pin_run_as_build.
func withoutVariant(spec string, o *Output) string {
	spec = strings.ReplaceAll(strings.TrimSuffix(spec, ".*"), " ==", " ") // what strictSpec adds
	name, rest, _ := strings.Cut(spec, " ")
	if v, ok := o.Full[normalKey(name)]; ok && rest != "" {
		value := strings.Fields(fmt.Sprint(v) + " x")[0]
		if strings.HasPrefix(rest, strings.TrimSuffix(value, ".*")) {
			return name
		}
	}
	if pin, ok := strings.CutPrefix(spec, "pin_compatible("); ok && strings.HasSuffix(pin, ", lower_bound=x.x, upper_bound=x.x)") {
		return strings.TrimSuffix(pin, ", lower_bound=x.x, upper_bound=x.x)")
	}
	return spec
}

// convertView is what two formats must agree about. Hashes differ by design: the formats do not hash the
// same variant keys.
func convertView(r *Rendered) []string {
	var out []string
	for _, o := range r.Outputs {
		if o.Staging {
			continue
		}
		if o.Skip {
			out = append(out, o.Name+" skipped")
			continue
		}
		v := o.View()
		v.Build, v.Hash, v.Variant, v.Recipe, v.Format, v.Inherit = "", "", nil, "", "", ""
		v.About.Extra, v.About.LicenseFamily = nil, ""
		v.About.LicenseURL = ""
		for _, list := range []*[]string{&v.Requirements.Build, &v.Requirements.Host, &v.Requirements.Run, &v.Requirements.RunConstraints, &v.Requirements.IgnoreFrom} {
			for i, s := range *list {
				(*list)[i] = withoutVariant(strings.Join(strings.Fields(s), " "), o)
			}
		}
		v.Scripts = slices.DeleteFunc(v.Scripts, emptyScript)
		v.Tests = slices.DeleteFunc(v.Tests, func(t TestView) bool { return t.Script != nil && emptyScript(*t.Script) })
		for i := range v.Scripts {
			v.Scripts[i].File, v.Scripts[i].Interpreter = "", ""
			v.Scripts[i].Text = lateName.ReplaceAllString(strings.TrimSpace(v.Scripts[i].Text), "$$$1")
		}
		for _, l := range []*[]string{&v.About.Home, &v.About.DocURL, &v.About.DevURL} {
			for i, u := range *l {
				(*l)[i] = canonicalURL(strings.TrimSuffix(u, "/"))
			}
			if len(*l) > 1 {
				*l = (*l)[:1]
			}
		}
		for i := range v.Sources {
			for k, u := range v.Sources[i].URL {
				v.Sources[i].URL[k] = canonicalURL(u)
			}
		}
		v.About.Summary, v.About.Description = strings.TrimSpace(v.About.Summary), strings.TrimSpace(v.About.Description)
		data, _ := json.MarshalIndent(v, "", " ")
		out = append(out, string(data))
	}
	sort.Strings(out)
	return out
}

// TestConvertHCLCorpus converts every recipe.yaml of the vectors to recipe.hcl.
func TestConvertHCLCorpus(t *testing.T) {
	dir := shared(t)
	for origin, floor := range map[string]float64{"rattler-build": 0.96, "emscripten-forge": 0.99} {
		t.Run(origin, func(t *testing.T) {
			seen := map[string]bool{}
			count, why := map[string]int{}, map[string]int{}
			eachLine(t, filepath.Join(dir, "vectors/rattler-build/render", origin+".jsonl"), func(line []byte) {
				var want wantRender
				if err := json.Unmarshal(line, &want); err != nil {
					t.Fatal(err)
				}
				if seen[want.Recipe] || !want.OK {
					return
				}
				seen[want.Recipe] = true
				verdict, detail := convertVerdict(t, corpusFile(dir, want.Recipe), wantOptions(t, dir, &want), "recipe.hcl")
				if verdict == "" {
					return
				}
				count[verdict]++
				if verdict != "equal" {
					why[verdict+": "+firstWords(detail)]++
				}
				if os.Getenv("FORGE_VERBOSE") != "" && verdict != "equal" {
					t.Logf("%s: %s: %s", want.Recipe, verdict, detail)
				}
			})
			t.Logf("%s: %v", origin, count)
			for _, k := range topWords(why) {
				t.Log(k)
			}
			if share := float64(count["equal"]) / float64(max(1, count["equal"]+count["not equal"]+count["unreadable"])); share < floor {
				t.Errorf("%s: %.3f of what is carried is equal, less than the recorded %.3f", origin, share, floor)
			}
		})
	}
}

func TestConvertCases(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"sets, selectors, pins, tests", `{% set name = "demo" %}
{% set version = "1.10" %}
{% set major = version.split(".")[0] %}
package:
  name: {{ name }}
  version: {{ version }}
source:
  url: https://demo.example/{{ version }}.tar.gz  # where it is
  sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
build:
  number: 0  # [not win]
  number: 1  # [win]
  skip: true  # [win or py<310]
  run_exports:
    - {{ pin_subpackage(name, max_pin="x.x") }}
requirements:
  build:
    - {{ compiler("c") }}
    # on Unix only
    - make  # [unix]
    - ninja  # [unix]
  run_constrained:
    - old <{{ major }}
test:
  commands:
    - demo --version
  imports:
    - demo
about:
  home: https://demo.example
  license: MIT
extra:
  recipe-maintainers: [me]
`, `schema_version: 1

context:
  name: "demo"
  version: "1.10"
  major: ${{ (version | split("."))[0] }}

package:
  name: ${{ name }}
  version: ${{ version }}

source:
  url: https://demo.example/${{ version }}.tar.gz # where it is
  sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855

build:
  number: ${{ 1 if win else (0 if not win else "") }}
  skip:
    - win or match(python, "<3.10")

requirements:
  build:
    - ${{ compiler("c") }}
    # on Unix only
    - if: unix
      then:
        - make
        - ninja
  run_constraints:
    - old <${{ major }}
  run_exports:
    weak:
      - ${{ pin_subpackage(name, upper_bound="x.x") }}

tests:
  - script:
      - demo --version
  - python:
      imports:
        - demo
      pip_check: false

about:
  homepage: https://demo.example
  license: MIT

extra:
  recipe-maintainers:
    - me
`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, list := Convert("meta.yaml", []byte(tt.in), "recipe.yaml")
			if list.HasErrors() {
				t.Error(list)
			}
			if d := cmp.Diff(tt.want, string(got)); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

// TestConvertSays: what cannot be carried is said, at its place.
func TestConvertSays(t *testing.T) {
	for in, want := range map[string]string{
		"package:\n  name: a\n  version: 1\n{% for x in y %}\n{% endfor %}\n":     "4:1 {% for %} has no counterpart: write out what it makes",
		"package:\n  name: a\n  version: 1\nbuild:\n  features: [x]\n":            "5:3 build has no features in recipe.yaml",
		"package:\n  name: a\n  version: 1\nsource:\n  svn_url: x\n":              "5:3 a source has no svn_url in recipe.yaml",
		"{% set a = load_setup_py_data() %}\npackage:\n  name: a\n  version: 1\n": "1:1 the value of a cannot be written: recipe.yaml has no function load_setup_py_data()",
	} {
		_, list := Convert("meta.yaml", []byte(in), "recipe.yaml")
		got := ""
		for _, d := range list {
			got = fmt.Sprintf("%d:%d %s", d.Pos.Line, d.Pos.Column, d.Summary)
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	if out, list := Convert("recipe.hcl", nil, "meta.yaml"); out != nil || !list.HasErrors() {
		t.Error("a recipe.hcl became a meta.yaml")
	}
}

func FuzzConvert(f *testing.F) {
	f.Add("meta.yaml", "{% set a = 1 %}\npackage:\n  name: {{ a }}\n  version: 1  # [win]\n")
	f.Add("recipe.yaml", "context: {a: 1}\npackage: {name: b, version: '${{ a }}'}\nrequirements: {run: [{if: win, then: x}]}\n")
	f.Fuzz(func(t *testing.T, path, text string) {
		if len(text) > 1<<16 {
			return
		}
		for _, to := range []string{"recipe.yaml", "recipe.hcl"} {
			Convert(path, []byte(text), to)
		}
	})
}
