package recipes

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"forge/internal/diag"

	"github.com/google/go-cmp/cmp"
)

const baseV1 = `schema_version: 1
context:
package:
  name: demo
  version: "1.0"
source:
  url: https://demo.example/demo-1.0.tar.gz
  sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
build:
  number: 0
  script: make install
requirements:
  build:
    - ${{ compiler("c") }}
    - ${{ stdlib("c") }}
tests:
  - package_contents:
      bin: [demo]
about:
  homepage: https://demo.example
  license: MIT
  license_file: LICENSE
  summary: A demonstration
extra:
  recipe-maintainers: [demo]
`

const baseV0 = `package:
  name: demo
  version: "1.0"
source:
  url: https://demo.example/demo-1.0.tar.gz
  sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
build:
  number: 0
requirements:
  build:
    - {{ compiler("c") }}
    - {{ stdlib("c") }}
test:
  commands:
    - demo --version
about:
  home: https://demo.example
  license: MIT
  license_file: LICENSE
  summary: A demonstration
extra:
  recipe-maintainers: [demo]
`

type section struct{ key, text string }

func sectionsOf(text string) (out []section) {
	top := regexp.MustCompile(`^([a-z_]+):`)
	for _, line := range strings.SplitAfter(text, "\n") {
		if m := top.FindStringSubmatch(line); m != nil {
			out = append(out, section{m[1], line})
		} else if n := len(out); n > 0 {
			out[n-1].text += line
		} else if line != "" {
			out = append(out, section{"", line})
		}
	}
	return out
}

// exampleRecipe is a recipe that is good but for what the snippet puts into its sections.
func exampleRecipe(file, snippet string) string {
	base := baseV1
	if file == "meta.yaml" {
		base = baseV0
	}
	mine, out := map[string]string{}, ""
	for _, s := range sectionsOf(snippet) {
		mine[s.key] += s.text
	}
	out = mine[""]
	for _, s := range sectionsOf(base) {
		if text, ok := mine[s.key]; ok {
			out += text
		} else if s.key != "context" {
			out += s.text
		}
	}
	return out
}

var (
	lintHeading = regexp.MustCompile(`(?m)^### ([a-z0-9-]+)$`)
	lintExample = regexp.MustCompile("(?s)(Bad|Good):\n```yaml (\\S+)( whole)?\n(.*?)```")
)

// TestLintExamples runs the examples of docs/lints.md: each rule has a section, its bad example draws
// the message, its good one does not, and where there is a fix it puts the bad one right.
func TestLintExamples(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "docs", "lints.md"))
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	sections := map[string]string{}
	heads := lintHeading.FindAllStringSubmatchIndex(page, -1)
	for i, h := range heads {
		end := len(page)
		if i+1 < len(heads) {
			end = heads[i+1][0]
		}
		sections[page[h[2]:h[3]]] = page[h[1]:end]
	}
	rules := map[string]bool{}
	for _, r := range Rules() {
		rules[r.ID] = true
		text, ok := sections[r.ID]
		if !ok {
			t.Errorf("docs/lints.md has no section %s", r.ID)
			continue
		}
		if !strings.HasPrefix(strings.TrimSpace(text), "*"+r.Severity.String()) {
			t.Errorf("%s: its section does not begin with its severity, %s", r.ID, r.Severity)
		}
		if strings.Contains(strings.SplitN(text, "—", 2)[0], "fix") != r.Fixable {
			t.Errorf("%s: page and rule do not agree on the fix", r.ID)
		}
		for _, m := range lintExample.FindAllStringSubmatch(text, -1) {
			t.Run(r.ID+"/"+m[1], func(t *testing.T) { lintExampleCase(t, r, m[1] == "Bad", m[2], m[3] != "", m[4]) })
		}
	}
	for id := range sections {
		if !rules[id] {
			t.Errorf("docs/lints.md has a section for %s, which is no rule", id)
		}
	}
}

func lintExampleCase(t *testing.T, r Rule, bad bool, file string, whole bool, snippet string) {
	text := strings.NewReplacer("␠", " ", "⇥", "\t", "<U+202E>", "\u202e").Replace(snippet)
	if !whole {
		text = exampleRecipe(file, text)
	}
	path := filepath.Join(t.TempDir(), file)
	findings := Lint(path, []byte(text), linuxOptions())
	if got := finds(findings, r.ID); got != bad {
		t.Fatalf("found %v, want %v in\n%s%v", got, bad, text, codes(findings))
	}
	for _, f := range findings {
		if !whole && f.Code != r.ID && (!bad || f.Severity == diag.Error && r.ID != "merge-conflict" && r.ID != "tab-indent") && f.Code != "unused-variable" && f.Code != "script-pip-flags" {
			t.Errorf("also found %s", f)
		}
	}
	if !bad || !r.Fixable {
		return
	}
	fixed, n := FixAll([]byte(text), findings)
	if n == 0 || finds(Lint(path, fixed, linuxOptions()), r.ID) {
		t.Errorf("%d fixes leave\n%s", n, fixed)
	}
}

func finds(findings []Finding, id string) bool {
	for _, f := range findings {
		if f.Code == id {
			return true
		}
	}
	return false
}

func codes(findings []Finding) (out []string) {
	for _, f := range findings {
		out = append(out, f.String())
	}
	return out
}

func TestLintIgnore(t *testing.T) {
	text := exampleRecipe("recipe.yaml", "requirements:\n  build:\n    - gcc_linux-64  # forge lint: ignore direct-compiler\n    - gxx_linux-64\n")
	count := func(text string) (n int) {
		for _, f := range Lint("recipe.yaml", []byte(text), linuxOptions()) {
			if f.Code == "direct-compiler" {
				n++
			}
		}
		return n
	}
	if d := cmp.Diff([]int{1, 0}, []int{count(text), count("# forge lint: ignore direct-compiler, final-newline\n" + text)}); d != "" {
		t.Error(d)
	}
}

func TestUnusedVariantKey(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "variants.yaml"), []byte("zlib: [\"1.2\"]\nzlbi: [\"1.2\"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := exampleRecipe("recipe.yaml", "requirements:\n  host:\n    - zlib\n")
	var got []string
	for _, f := range Lint(filepath.Join(dir, "recipe.yaml"), []byte(text), linuxOptions()) {
		got = append(got, f.Summary)
	}
	if d := cmp.Diff([]string{"no output depends on the variant key zlbi"}, got); d != "" {
		t.Error(d)
	}
}

// TestLintCorpus lints every recipe of the corpus: no panic, places inside of the file, fixes that keep
// what is rendered.
func TestLintCorpus(t *testing.T) {
	total, fixed := 0, 0
	eachCorpusRecipe(t, func(path string, data []byte) {
		total++
		opts := linuxOptions()
		findings := Lint(path, data, opts)
		for _, f := range findings {
			if f.Pos.Line < 0 || f.Pos.Column < 0 || f.Summary == "" {
				t.Errorf("%s: bad finding %+v", path, f)
			}
		}
		out, n := FixAll(data, findings)
		if n == 0 {
			return
		}
		fixed++
		for round := 0; n > 0; round++ { // as `forge lint --fix` does: a fix may make room for another
			if round == 10 {
				t.Errorf("%s: fixes do not come to an end", path)
				break
			}
			var more []byte
			if more, n = FixAll(out, Lint(path, out, opts)); n > 0 && string(more) == string(out) {
				t.Errorf("%s: a fix changes nothing", path)
				break
			}
			out = more
		}
		before, after := Render(path, data, opts.forReading(path)), Render(path, out, opts.forReading(path))
		if d := cmp.Diff(fixedView(before), fixedView(after)); d != "" {
			t.Errorf("%s: fixes change what is rendered: %s", path, d)
		}
	})
	t.Logf("%d recipes, %d of them with fixes", total, fixed)
}

// fixedView is what a fix must keep: all but the spacing of match specs and the scheme of URLs.
func fixedView(r *Rendered) []string {
	var out []string
	for _, o := range r.Outputs {
		v := o.View()
		r := &v.Requirements
		for _, list := range []*[]string{&r.Build, &r.Host, &r.Run, &r.RunConstraints} {
			*list = dedupe(*list)
		}
		out = append(out, strings.ReplaceAll(strings.ReplaceAll(asJSON(v), " ", ""), "http:", "https:"))
	}
	return out
}

func dedupe(list []string) (out []string) {
	for _, s := range list {
		if !contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func FuzzLint(f *testing.F) {
	f.Add("recipe.yaml", baseV1)
	f.Add("meta.yaml", "{% set version = 1.0 %}\n"+baseV0)
	f.Add("meta.yaml", "{% if x %}\npackage:\n{% endif %}\n  name: {{x}}  #[win]\n")
	f.Add("recipe.hcl", "locals {\n a = 1\n}\npackage \"a\" {\n version = \"1\"\n}\n")
	f.Fuzz(func(t *testing.T, path, text string) {
		if formatOf(path) == "" || len(text) > 1<<16 {
			return
		}
		findings := Lint(path, []byte(text), linuxOptions())
		out, _ := FixAll([]byte(text), findings)
		if utf8.ValidString(text) && !utf8.Valid(out) {
			t.Fatal("a fix cut a character")
		}
	})
}
