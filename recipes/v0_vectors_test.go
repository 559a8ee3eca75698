package recipes

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forge/platforms"
)

type v0Want struct {
	Recipe, Platform string
	VariantFile      string `json:"variant_file"`
	Error            any
	Outputs          []v0WantOutput
}

type v0WantOutput struct {
	Name, Version  string
	Number         int
	BuildString    string         `json:"build_string"`
	HashInput      map[string]any `json:"hash_input"`
	NoArch         any
	Build          []string
	Host           []string
	Run            []string
	RunConstrained []string `json:"run_constrained"`
	Used           []string
	Source         []map[string]any
	RunExports     any `json:"run_exports"`
	Test           map[string]any
	About          map[string]any
}

// TestV0Vectors holds meta.yaml rendering against what conda-build 26.7 renders.
func TestV0Vectors(t *testing.T) {
	dir := shared(t)
	floors := map[string]float64{"conda-build": 1, "feedstocks": 1}
	for _, origin := range sortedNames(floors) {
		t.Run(origin, func(t *testing.T) {
			total, equal, meant := 0, 0, 0
			why := map[string]int{}
			eachLine(t, filepath.Join(dir, "vectors/conda-build-render", origin+".jsonl"), func(line []byte) {
				var want v0Want
				if err := json.Unmarshal(line, &want); err != nil {
					t.Fatal(err)
				}
				if f := os.Getenv("FORGE_RECIPE"); f != "" && !strings.Contains(want.Recipe+" "+want.VariantFile, f) {
					return
				}
				total++
				diff := compareV0(t, dir, origin, &want)
				if why := v0Deliberate(want.Recipe); why != "" && diff != "" {
					meant++
					diff = ""
				}
				if diff == "" {
					equal++
					return
				}
				kind, _, _ := strings.Cut(diff, ":")
				why[kind]++
				if os.Getenv("FORGE_VERBOSE") != "" {
					t.Logf("%s %s %s: %s", want.Recipe, want.Platform, want.VariantFile, diff)
				}
			})
			t.Logf("%s: %d of %d equal, %d of them different on purpose", origin, equal, total, meant)
			for _, k := range sortedNames(why) {
				t.Logf("%5d %s", why[k], k)
			}
			if share := float64(equal) / float64(max(1, total)); share < floors[origin] {
				t.Errorf("%s: %.4f equal, less than the recorded %.4f", origin, share, floors[origin])
			}
		})
	}
}

// v0Deliberate says why a recipe is not rendered as conda-build does.
func v0Deliberate(recipe string) string {
	for suffix, why := range map[string]string{
		"/_resolved_packages_host_build": "resolved_packages() would be empty without a solve; an error says so",
		"/_rpath_macos":                  "target_directory is a slip for folder: conda-build passes over it, the source lands elsewhere",
		"/jinja_vars":                    "an environment variable that is not there is undefined",
		"/love-feedstock":                "clients take no such package name (CEP 26)",
		"/build_script_with_findings":    "the version in the source's URL is undefined; conda-build only says so when it builds",
		"/recipes/multiple_sources":      "the version in the source's URL is undefined; conda-build only says so when it builds",
		"/_blas_pins":                    "blas_impl is undefined where the variants file is for other platforms",
		"/_clean_rpaths":                 "the place of SRC_DIR is the build's to know",
	} {
		if strings.HasSuffix(recipe, suffix) {
			return why
		}
	}
	return ""
}

func v0VectorOptions(t *testing.T, dir, origin string, want *v0Want) (string, RenderOptions) {
	t.Helper()
	p, err := platforms.Parse(want.Platform)
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "corpus", want.Recipe)
	opts := RenderOptions{BuildPlatform: p, HostPlatform: p, TargetPlatform: p, AllowUnhashed: true, keepPins: true, noScripts: true}
	file := filepath.Join(folder, "meta.yaml")
	if origin == "feedstocks" {
		v := filepath.Join(filepath.Dir(folder), ".ci_support", want.VariantFile)
		data, err := os.ReadFile(v)
		if err != nil {
			t.Fatal(err)
		}
		opts.exclusive = true
		opts.Variants = []VariantFile{{v, data}}
	}
	return file, opts
}

func compareV0(t *testing.T, dir, origin string, want *v0Want) string {
	file, opts := v0VectorOptions(t, dir, origin, want)
	return v0Differs(RenderFile(file, opts), want)
}

// v0Differs says where a rendering is not as wanted; nothing where it is.
func v0Differs(got *Rendered, want *v0Want) string {
	if want.Error != nil {
		return "" // conda-build could not render it; answering is allowed
	}
	if got.Diagnostics.HasErrors() {
		for _, d := range got.Diagnostics {
			if d.Severity == 0 {
				return "error: " + d.Pos.String() + " " + d.Summary
			}
		}
	}
	var mine []*Output
	for _, o := range got.Outputs {
		if !o.Skip && !o.Staging {
			mine = append(mine, o)
		}
	}
	taken := map[*Output]bool{}
	for _, w := range want.Outputs {
		var best *Output
		var diff []string
		for _, o := range mine {
			if o.Name != w.Name || taken[o] {
				continue
			}
			if d := v0Diff(o, &w); best == nil || len(d) < len(diff) {
				best, diff = o, d
			}
		}
		if best == nil {
			return fmt.Sprintf("missing output: %s %s %v", w.Name, w.BuildString, w.HashInput)
		}
		if len(diff) > 0 {
			var kinds []string
			for _, d := range diff {
				k, _, _ := strings.Cut(d, ":")
				kinds = append(kinds, k)
			}
			return strings.Join(kinds, "+") + ": " + w.Name + " " + strings.Join(diff, "\n    ")
		}
		taken[best] = true
	}
	for _, o := range mine {
		if !taken[o] {
			return "surplus output: " + o.Name + " " + o.BuildString
		}
	}
	return ""
}

// v0Diff lists what differs between an output and the wanted one.
func v0Diff(o *Output, w *v0WantOutput) (out []string) {
	noarch, _ := w.NoArch.(string)
	text := func(name, want, got string) {
		if want != got {
			out = append(out, fmt.Sprintf("%s: want %s got %s", name, want, got))
		}
	}
	text("version", w.Version, o.Version)
	text("build string", w.BuildString, o.BuildString)
	text("hash input", string(hashInput(w.HashInput)), string(o.HashInput))
	text("noarch", noarch, o.NoArch)
	text("used", strings.Join(w.Used, " "), strings.Join(sortedNames(o.Variant), " "))
	r := &o.Requirements
	for _, l := range []struct {
		name string
		want []string
		got  []Dependency
	}{{"build", w.Build, r.Build}, {"host", w.Host, r.Host}, {"run", w.Run, r.Run}, {"run_constrained", w.RunConstrained, r.RunConstraints}} {
		if !sameSpecs(l.want, l.got) {
			out = append(out, fmt.Sprintf("%s: want %q got %q", l.name, l.want, depTexts(l.got)))
		}
	}
	list := func(name string, want any, got []string) {
		if w := words(want); strings.Join(w, "|") != strings.Join(got, "|") {
			out = append(out, fmt.Sprintf("%s: want %q got %q", name, w, got))
		}
	}
	exports, _ := w.RunExports.(map[string]any)
	if exports == nil {
		exports = map[string]any{"weak": w.RunExports}
	}
	for name, got := range map[string][]Dependency{"weak": r.RunExports.Weak, "strong": r.RunExports.Strong, "noarch": r.RunExports.NoArch,
		"weak_constrains": r.RunExports.WeakConstrains, "strong_constrains": r.RunExports.StrongConstrains} {
		if w.RunExports == nil && strings.Contains(o.Name, "_impl_") {
			continue // written as a mapping beside build, which the vectors leave out; the published packages have it
		}
		if !sameSpecs(words(exports[name]), got) {
			out = append(out, fmt.Sprintf("run_exports: want %q got %q", exports[name], depTexts(got)))
		}
	}
	a := o.About
	text("about license", fmt.Sprint(orEmpty(w.About["license"])), a.License)
	text("about family", fmt.Sprint(orEmpty(w.About["license_family"])), a.LicenseFamily)
	text("about summary", fmt.Sprint(orEmpty(w.About["summary"])), a.Summary)
	list("about home", w.About["home"], a.Home)
	list("about license_file", w.About["license_file"], a.LicenseFiles)
	v0TestDiff(o, w, list)
	if !o.inherits() {
		v0SourceDiff(o.Sources, w.Source, list)
	}
	return out
}

func (o *Output) inherits() bool { return o.InheritFrom != nil }

func orEmpty(v any) any {
	if v == nil {
		return ""
	}
	return v
}

func v0TestDiff(o *Output, w *v0WantOutput, list func(name string, want any, got []string)) {
	var commands, imports, requires, files, sources, downstreams []string
	for _, t := range o.Tests {
		switch {
		case t.Script != nil && t.Script.Script.File == "":
			commands = append(commands, strings.ReplaceAll(t.Script.Script.Text, batchCheck, ""))
			requires, files, sources = t.Script.Run, t.Script.RecipeFiles, t.Script.SourceFiles
		case t.Python != nil:
			imports = append(imports, t.Python.Imports...)
		case t.Perl != nil:
			imports = append(imports, t.Perl.Names...)
		case t.R != nil:
			imports = append(imports, t.R.Names...)
		case t.Downstream != "":
			downstreams = append(downstreams, t.Downstream)
		}
	}
	want := words(w.Test["commands"])
	var wantCommands []string
	for _, c := range want {
		if c != "" {
			wantCommands = append(wantCommands, c)
		}
	}
	list("test commands", []any{strings.Join(wantCommands, "\n")}, []string{strings.Join(commands, "\n")})
	list("test imports", w.Test["imports"], imports)
	list("test downstreams", w.Test["downstreams"], downstreams)
	if len(commands) > 0 {
		var want []any
		for _, spec := range words(w.Test["requires"]) { // the vectors come from a rendering without a solve, which leaves them
			want = append(want, starred(spec))
		}
		list("test requires", want, requires)
		list("test files", w.Test["files"], files)
		list("test source_files", w.Test["source_files"], sources)
	}
}

func v0SourceDiff(got []Source, want []map[string]any, list func(name string, want any, got []string)) {
	var w, g []string
	for _, m := range want {
		if m["url"] == nil && m["path"] == nil && m["git_url"] == nil {
			continue // selectors left nothing to fetch, or it is a kind that forge only names
		}
		w = append(w, fmt.Sprint(words(m["url"]), words(m["path"]), words(m["git_url"]), words(m["sha256"]), words(m["folder"]), words(m["patches"])))
	}
	one := func(s string) []string {
		if s == "" {
			return nil
		}
		return []string{s}
	}
	for _, s := range got {
		if len(s.URLs) > 0 && (strings.HasPrefix(s.URLs[0], "hg+") || strings.HasPrefix(s.URLs[0], "svn+")) {
			continue
		}
		if len(s.URLs) == 1 && strings.Contains(s.URLs[0], "://") && len(w) > len(g) && !strings.Contains(w[len(g)], "://") {
			if rel, _, _ := strings.Cut(w[len(g)][1:], "]"); strings.HasSuffix(s.URLs[0], strings.TrimLeft(rel, "./")) {
				s.URLs = words(rel) // written relative to the recipe
			}
		}
		git := ""
		if s.Git != nil {
			git = s.Git.URL
		}
		g = append(g, fmt.Sprint(s.URLs, one(s.Path), one(git), one(s.Hashes["sha256"]), one(s.TargetDirectory), s.Patches))
	}
	var any []any
	for _, s := range w {
		any = append(any, s)
	}
	list("source", any, g)
}

// sameSpecs compares requirements. Pins are not solved in the vectors, so of a pin only the name counts.
func sameSpecs(want []string, got []Dependency) bool {
	if len(want) != len(got) {
		return false
	}
	for i, w := range want {
		d := got[i]
		name, _, _ := strings.Cut(w, " ")
		if d.Pin != nil && d.Pin.Name != name || d.Pin == nil && d.Spec != w {
			return false
		}
	}
	return true
}

func depTexts(deps []Dependency) (out []string) {
	for _, d := range deps {
		if d.Pin != nil {
			out = append(out, "*"+d.Pin.Name)
		} else {
			out = append(out, d.Spec)
		}
	}
	return out
}
