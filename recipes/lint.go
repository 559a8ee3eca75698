package recipes

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"forge/internal/diag"
	"forge/platforms"
	"forge/recipes/internal/yamlx"
)

// Finding is one thing that lint has to say, with the edits that put it right where that is safe.
type Finding struct {
	diag.Diagnostic
	Fix []Edit `json:"fix,omitempty"`
}

// Rule is one lint: a stable id, which is also its section in docs/lints.md.
type Rule struct {
	ID       string        `json:"id"`
	Severity diag.Severity `json:"severity"`
	Fixable  bool          `json:"fixable"`
	Title    string        `json:"title"`
}

// Lint says all there is to say about a recipe: what the reader refuses or warns of, and what the rules
// find. path tells the format; script files beside it are read, too. It needs no network.
func Lint(path string, data []byte, opts RenderOptions) []Finding {
	l := newLinter(path, data, opts)
	l.render(data)
	for _, check := range l.checks() {
		check()
	}
	return l.sorted()
}

// linter is one run over one file.
type linter struct {
	*outline
	opts    RenderOptions
	rules   map[string]Rule
	outputs []*Output // rendered; empty where the recipe is broken
	entries []entry   // of requirements, as written
	found   []Finding
	seen    map[string]bool

	variants map[string]bool // keys of the variant files; nil until they are asked for
}

func newLinter(path string, data []byte, opts RenderOptions) *linter {
	l := &linter{outline: readOutline(path, data), opts: opts.withDefaults(), rules: map[string]Rule{}, seen: map[string]bool{}}
	for _, r := range Rules() {
		l.rules[r.ID] = r
	}
	if _, err := variantsBeside(path); err != nil && !opts.IgnoreRecipeVariants {
		l.found = append(l.found, Finding{Diagnostic: noVariants(path, err).Diagnostics[0]})
	}
	l.opts = l.opts.forReading(path)
	l.entries = l.requirementEntries()
	return l
}

func (l *linter) checks() []func() {
	return []func(){l.textRules, l.jinjaRules, l.platformRules, l.sectionRules, l.requirementRules, l.toolRules, l.noarchRules, l.versionRules,
		l.urlRules, l.variableRules, l.aboutRules, l.extraRules, l.sourceRules, l.buildRules, l.testRules, l.pythonRules, l.scriptRules}
}

// forReading completes options for looking at a recipe outside of a build: with the variants file beside
// it, and with stand-ins for what a channel's pinning sets.
func (o RenderOptions) forReading(path string) RenderOptions {
	o = o.withDefaults()
	files := o.Variants[:len(o.Variants):len(o.Variants)]
	if !o.IgnoreRecipeVariants {
		if beside, err := variantsBeside(path); err == nil {
			files = append(files, beside...)
		}
	}
	o.Variants = append([]VariantFile{o.standIns(files)}, files...)
	return o
}

// standIns are values of what a channel's pinning sets, so that a recipe that leans on it can be looked at
// alone. Keys that the given files set are left out.
func (o RenderOptions) standIns(files []VariantFile) VariantFile {
	p := o.TargetPlatform
	stdlib := "sysroot"
	switch {
	case p.IsWindows():
		stdlib = "vs"
	case p.OS() == "osx":
		stdlib = "macosx_deployment_target"
	}
	var b strings.Builder
	for _, kv := range [][2]string{{"c_stdlib", stdlib}, {"cxx_stdlib", stdlib}, {"fortran_stdlib", stdlib}, {"rust_stdlib", stdlib}, {"go_stdlib", stdlib}, {"python", "3.12.* *_cpython"}, {"python_min", "3.10"}, {"python_impl", "cpython"},
		{"numpy", "2"}, {"perl", "5.32.1"}, {"r_base", "4.4"}, {"ruby", "3.3"}, {"lua", "5.4"}, {"nodejs", "22"}, {"mpi", "nompi"}, {"cran_mirror", "https://cran.example"}} {
		set := slices.ContainsFunc(files, func(f VariantFile) bool {
			return bytes.Contains(append([]byte("\n"), f.Data...), []byte("\n"+kv[0]+":"))
		})
		if _, given := o.Set[kv[0]]; !set && !given {
			fmt.Fprintf(&b, "%s:\n  - %q\n", kv[0], kv[1])
		}
	}
	return VariantFile{Path: "stand-ins of the pinning", Data: []byte(b.String())}
}

// render renders the recipe and takes over the reader's diagnostics. Where this platform skips all, the
// rules look at another one.
func (l *linter) render(data []byte) {
	fn := renderer(l.path)
	if fn == nil {
		l.found = append(l.found, Finding{Diagnostic: failed(l.path, "the name of a recipe is one of %s", strings.Join(recipeNames(), ", ")).Diagnostics[0]})
		return
	}
	r := fn(l.path, data, l.opts)
	for _, d := range r.Diagnostics {
		if _, rule := l.rules[d.Code]; !rule || d.Severity != diag.Note { // what the reader notes in passing, the rule says
			l.found = append(l.found, Finding{Diagnostic: d})
		}
	}
	l.outputs = r.Outputs
	for _, name := range []string{"linux-64", "osx-arm64", "win-64"} {
		if l.anyBuilt() || r.Diagnostics.HasErrors() {
			return
		}
		p, err := platforms.Parse(name)
		if err != nil {
			return
		}
		o := l.opts
		o.TargetPlatform, o.HostPlatform, o.BuildPlatform = p, p, p
		if again := fn(l.path, data, o); !again.Diagnostics.HasErrors() {
			l.outputs = again.Outputs
		}
	}
}

func (l *linter) anyBuilt() bool {
	for _, o := range l.outputs {
		if !o.Skip {
			return true
		}
	}
	return false
}

// packaged are the outputs that become packages, one for each name.
func (l *linter) packaged() (out []*Output) {
	seen := map[string]bool{}
	for _, o := range l.outputs {
		if !o.Staging && !o.Skip && !seen[o.Name] {
			seen[o.Name] = true
			out = append(out, o)
		}
	}
	return out
}

// say reports a rule at a place. The same thing is said once.
func (l *linter) say(id string, at diag.Pos, length int, summary, suggestion string, fix ...Edit) {
	r, ok := l.rules[id]
	if !ok {
		panic("no rule " + id) // a slip of the pen in this package; the test runs every rule
	}
	key := id + at.String() + summary
	if l.seen[key] {
		return
	}
	l.seen[key] = true
	d := diag.Diagnostic{Severity: r.Severity, Code: id, Pos: at, Length: length, Summary: summary, Suggestion: suggestion}
	if at.File == l.path {
		d.Line = l.line(at.Line)
	}
	l.found = append(l.found, Finding{d, fix})
}

// sayAt is say for a stretch of the file.
func (l *linter) sayAt(id string, from, to int, summary, suggestion string, fix ...Edit) {
	l.say(id, l.pos(from), len([]rune(l.text[from:to])), summary, suggestion, fix...)
}

// top is the place for what is missing: the section's key, or the first line.
func (l *linter) top(section string) diag.Pos {
	for i := range l.starts {
		line := l.line(i + 1)
		if strings.HasPrefix(line, section+":") || strings.HasPrefix(line, section+" ") {
			return diag.Pos{File: l.path, Line: i + 1, Column: 1}
		}
	}
	return diag.Pos{File: l.path, Line: 1, Column: 1}
}

// ignoreMark lets a recipe say that a rule does not hold for it: at the end of a line for that line, on a
// line of its own for the file.
var ignoreMark = pattern{src: `(?:#|//)\s*forge lint: ignore ([a-z0-9, -]+)`}

// ignored drops findings of rules that the file switches off. What the reader says stays.
func (l *linter) ignored() {
	file, lines := map[string]bool{}, map[int]map[string]bool{}
	for i := range l.starts {
		m := ignoreMark.FindStringSubmatchIndex(l.line(i + 1))
		if m == nil {
			continue
		}
		ids := file
		if strings.TrimSpace(l.line(i + 1)[:m[0]]) != "" {
			ids = map[string]bool{}
			lines[i+1] = ids
		}
		for _, id := range strings.FieldsFunc(l.line(i + 1)[m[2]:m[3]], func(r rune) bool { return r == ',' || r == ' ' }) {
			ids[id] = true
		}
	}
	l.found = slices.DeleteFunc(l.found, func(f Finding) bool {
		_, rule := l.rules[f.Code]
		return rule && (file[f.Code] || f.Pos.File == l.path && lines[f.Pos.Line][f.Code])
	})
}

func (l *linter) sorted() []Finding {
	l.ignored()
	list := make(diag.List, len(l.found))
	by := map[string][]Finding{}
	for i, f := range l.found {
		list[i] = f.Diagnostic
		key := fmt.Sprint(f.Diagnostic)
		by[key] = append(by[key], f)
	}
	list.Sort()
	out := make([]Finding, len(list))
	for i, d := range list {
		key := fmt.Sprint(d)
		out[i], by[key] = by[key][0], by[key][1:]
	}
	return out
}

// FixAll makes the edits of findings, and says of how many findings. Of findings whose edits overlap the
// first is put right; the others are left for another round.
func FixAll(data []byte, findings []Finding) ([]byte, int) {
	var edits []Edit
	fixed := 0
	for _, f := range findings {
		if len(f.Fix) == 0 || overlap(edits, f.Fix) {
			continue
		}
		edits = append(edits, f.Fix...)
		fixed++
	}
	if fixed == 0 {
		return data, 0
	}
	text, problem := yamlx.Text(data)
	if problem != "" {
		return data, 0
	}
	text, _ = ApplyEdits(text, edits)
	return []byte(text), fixed
}

func overlap(edits, more []Edit) bool {
	for _, a := range edits {
		for _, b := range more {
			if a.From < b.To && b.From < a.To || a == b {
				return true
			}
		}
	}
	return false
}

// inFolder is a file beside the recipe, as diagnostics name it.
func (l *linter) inFolder(name string) string {
	return filepath.ToSlash(filepath.Join(filepath.Dir(l.path), name))
}
