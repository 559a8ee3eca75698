package recipes

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func firstWords(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	if len(line) > 110 {
		line = line[:110]
	}
	return line
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
  name: demo
  version: "1.10"
  major: ${{ (version | split("."))[0] }}

package:
  name: ${{ name }}
  version: ${{ version }}

source:
  url: https://demo.example/${{ version }}.tar.gz # where it is
  sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855

build:
  number: ${{ 1 if win else 0 }}
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
			got, list := convertWith("meta.yaml", []byte(tt.in), "recipe.yaml", newHints())
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
		"package:\n  name: a\n  version: 1\n{% for x in y %}\n{% endfor %}\n":     "4:1 {% for %} goes over what is not known before the build, or has an else; write out what it makes",
		"package:\n  name: a\n  version: 1\nbuild:\n  features: [x]\n":            "5:3 build has no features in recipe.yaml; use a mutex package or run_constraints",
		"package:\n  name: a\n  version: 1\nsource:\n  svn_url: x\n":              "5:3 a source has no svn_url in recipe.yaml, which takes git, archives and folders; give the url of an archive with its sha256",
		"{% set a = load_setup_py_data() %}\npackage:\n  name: a\n  version: 1\n": "1:1 the value of a cannot be written: recipe.yaml has no function load_setup_py_data(), and what it reads cannot be told without running it; write name and version in the recipe, or read pyproject.toml with load_from_file()",
	} {
		_, list := convertWith("meta.yaml", []byte(in), "recipe.yaml", newHints())
		got := ""
		for _, d := range list {
			got = fmt.Sprintf("%d:%d %s", d.Pos.Line, d.Pos.Column, d.Summary)
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	if out, list := convertWith("recipe.hcl", nil, "meta.yaml", newHints()); out != nil || !list.HasErrors() {
		t.Error("a recipe.hcl became a meta.yaml")
	}
}

func FuzzConvert(f *testing.F) {
	f.Add("meta.yaml", "{% set a = 1 %}\npackage:\n  name: {{ a }}\n  version: 1  # [win]\n")
	f.Add("meta.yaml", "{% macro m(a, b=1) %}{{ a }}{% endmacro %}{% for x, y in [(1, 2)] %}{{ m(x) }}{% if y %}a{% else %}b{% endif %}{% endfor %}\npackage:\n  name: {{ 'a'.rsplit('.', 1)[0] }}\n")
	f.Add("meta.yaml", "{% if a is not defined %}\n{% set a, b = '1.2'.split('.') %}\n{% set a = a + 1 %}  # [win]\n{% endif %}\noutputs:\n  - name: {{ '%02d' % a|int }}\n    script: x  # [py<310]\n")
	f.Add("meta.yaml", "source:\n  url: a  # [win]\n  url: b  # [unix]\nbuild:\n  script: |\n    a  # [win]\n    b\n  track_features:\n    - x  # [win]\nabout:\n  license: x\n")
	f.Add("recipe.yaml", "context: {a: 1}\npackage: {name: b, version: '${{ a }}'}\nrequirements: {run: [{if: win, then: x}]}\n")
	f.Fuzz(func(t *testing.T, path, text string) {
		if len(text) > 1<<16 {
			return
		}
		for _, to := range []string{"recipe.yaml", "recipe.hcl"} {
			convertWith(path, []byte(text), to, newHints())
		}
	})
}
