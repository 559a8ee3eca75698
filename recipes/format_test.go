package recipes

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestFormat(t *testing.T) {
	for _, tt := range []struct{ name, path, in, want string }{
		{"indentation and spaces", "recipe.yaml", "package:\n    name:   demo\n    version:  '1.0'\n\n\n\nrequirements:\n   host:\n   -   zlib\n   - if: linux\n     then:\n         - a   \n",
			"package:\n  name: demo\n  version: '1.0'\n\nrequirements:\n  host:\n    - zlib\n    - if: linux\n      then:\n        - a\n"},
		{"comments move along", "recipe.yaml", "# top\npackage:\n    # about the name\n    name: demo  # here\n    version: '1'\nrequirements:\n  host:\n  # first\n  - a\n  #- b\n  - c\n# end\n",
			"# top\npackage:\n  # about the name\n  name: demo  # here\n  version: '1'\nrequirements:\n  host:\n    # first\n    - a\n    #- b\n    - c\n# end\n"},
		{"block texts", "recipe.yaml", "build:\n    script: |\n          a\n            b\n\n          c   \nabout:\n  description: >-\n    x\n    y\n",
			"build:\n  script: |\n    a\n      b\n\n    c   \nabout:\n  description: >-\n    x\n    y\n"},
		{"block text in a list", "recipe.yaml", "build:\n  script:\n  - |\n    a\n      b\n  - if: unix\n    then: |\n         c\n",
			"build:\n  script:\n    - |\n      a\n        b\n    - if: unix\n      then: |\n        c\n"},
		{"flow and long texts", "recipe.yaml", "a:\n    b: [1,\n        2]\n    c: \"x\n      y\"\n    d: one\n      two\n    e: 1\n", "a:\n  b: [1,\n      2]\n  c: \"x\n    y\"\n  d: one\n    two\n  e: 1\n"},
		{"explicit indentation of a block", "recipe.yaml", "a:\n    b: |2\n        x\n", "a:\n  b: |2\n      x\n"},
		{"jinja", "recipe.yaml", "context:\n  v: '1'\npackage:\n  name: ${{name}}\n", "context:\n  v: '1'\npackage:\n  name: ${{ name }}\n"},
		{"meta.yaml keeps lists and jinja lines", "meta.yaml", "{%set v = '1'%}\n\n\npackage:\n    name: a\n    version: {{v}}   \nrequirements:\n  host:\n  - x #[win]\n{% if y %}\n  - z\n{% endif %}\n",
			"{% set v = '1' %}\n\npackage:\n  name: a\n  version: {{ v }}\nrequirements:\n  host:\n  - x  # [win]\n{% if y %}\n  - z\n{% endif %}\n"},
		{"hcl", "recipe.hcl", "package \"a\" {\nversion=\"1\"\n}\n\n\n\nbuild {\n script   = \"x\"\n}", "package \"a\" {\n  version = \"1\"\n}\n\nbuild {\n  script = \"x\"\n}\n"},
		{"empty", "recipe.yaml", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, list := Format(tt.path, []byte(tt.in))
			if list != nil {
				t.Fatal(list)
			}
			if d := cmp.Diff(tt.want, string(got)); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
			if again, _ := Format(tt.path, got); string(again) != string(got) {
				t.Errorf("not idempotent:\n%s", again)
			}
		})
	}
}

func TestFormatRefuses(t *testing.T) {
	for path, text := range map[string]string{"recipe.yaml": "a: [", "recipe.hcl": "a = ", "meta.yaml": "a: [\n", "x.txt": "a"} {
		if _, list := Format(path, []byte(text)); !list.HasErrors() {
			t.Errorf("%s: %q is laid out", path, text)
		}
	}
}

// TestFormatCorpus formats every recipe of the corpus: what is rendered stays, and a second time nothing
// changes.
func TestFormatCorpus(t *testing.T) {
	total, changed, refused := 0, 0, 0
	eachCorpusRecipe(t, func(path string, data []byte) {
		total++
		out, list := Format(path, data)
		if list.HasErrors() {
			if r := Render(path, data, linuxOptions().forReading(path)); len(r.Outputs) > 0 {
				refused++
				t.Logf("not laid out: %s: %s", path, list[0].Summary)
			}
			return
		}
		if string(out) == string(data) {
			return
		}
		changed++
		opts := linuxOptions().forReading(path)
		before, after := Render(path, data, opts), Render(path, out, opts)
		if d := cmp.Diff(allViews(before), allViews(after)); d != "" {
			t.Errorf("%s: formatting changes what is rendered: %s", path, d)
		}
		if again, _ := Format(path, out); string(again) != string(out) {
			t.Errorf("%s: not idempotent: %s", path, cmp.Diff(string(out), string(again)))
		}
		if d := cmp.Diff(comments(string(data)), comments(string(out))); d != "" {
			t.Errorf("%s: comments are not kept: %s", path, d)
		}
	})
	t.Logf("%d recipes, %d laid out anew, %d that render and cannot be laid out", total, changed, refused)
}

// comments are the comments of a file in their order, and whatever else stands behind a #, without blanks.
func comments(text string) (out []string) {
	for line := range strings.SplitSeq(text, "\n") {
		if _, comment, ok := strings.Cut(line, "#"); ok {
			out = append(out, strings.Join(strings.Fields(comment), ""))
		}
	}
	return out
}

func allViews(r *Rendered) []string {
	var out []string
	for _, o := range r.Outputs {
		out = append(out, asJSON(o.View()))
	}
	return out
}

func FuzzFormat(f *testing.F) {
	f.Add("recipe.yaml", "a:\n    b: |\n        c\n    # d\n    e: [1,\n 2]\n")
	f.Add("meta.yaml", "{% if x %}\na:\n   - b #[win]\n{% endif %}\n")
	f.Add("recipe.hcl", "a {\nb=1\n}\n")
	f.Fuzz(func(t *testing.T, path, text string) {
		if formatOf(path) == "" || len(text) > 1<<16 {
			return
		}
		out, list := Format(path, []byte(text))
		if list.HasErrors() || !utf8.ValidString(text) {
			return
		}
		if again, list := Format(path, out); list.HasErrors() || string(again) != string(out) {
			t.Fatalf("not idempotent:\n%q\n%q\n%q %v", text, out, again, list)
		}
	})
}
