package recipes

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// RecipeView is a rendered output in the shape that `rattler-build build --render-only` prints under
// "recipe": the keys of recipe.yaml (CEP 14), what is empty left out, pins unresolved.
type RecipeView struct {
	SchemaVersion int              `json:"schema_version"`
	Context       map[string]any   `json:"context"`
	Package       packageView      `json:"package"`
	Source        []map[string]any `json:"source,omitempty"`
	Build         buildView        `json:"build"`
	Requirements  map[string]any   `json:"requirements"`
	Tests         []any            `json:"tests,omitempty"`
	About         *aboutView       `json:"about,omitempty"`
	Extra         map[string]any   `json:"extra,omitempty"`
	StagingCaches []stagingView    `json:"staging_caches,omitempty"`
	InheritsFrom  *inheritView     `json:"inherits_from,omitempty"`
}

type packageView struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

type buildView struct {
	Number         *int           `json:"number,omitempty"`
	String         *string        `json:"string"`
	Script         any            `json:"script,omitempty"`
	Steps          []any          `json:"steps,omitempty"`
	NoArch         string         `json:"noarch,omitempty"`
	Flags          []string       `json:"flags,omitempty"`
	Python         map[string]any `json:"python,omitempty"`
	AlwaysCopy     []string       `json:"always_copy_files,omitempty"`
	AlwaysInclude  []string       `json:"always_include_files,omitempty"`
	MergeBuildHost bool           `json:"merge_build_and_host_envs,omitempty"`
	Files          any            `json:"files,omitempty"`
	Linking        map[string]any `json:"dynamic_linking,omitempty"`
	Variant        map[string]any `json:"variant,omitempty"`
	Prefix         map[string]any `json:"prefix_detection,omitempty"`
	PostProcess    []any          `json:"post_process,omitempty"`
}

type aboutView struct {
	Homepage      string   `json:"homepage,omitempty"`
	Repository    string   `json:"repository,omitempty"`
	Documentation string   `json:"documentation,omitempty"`
	License       string   `json:"license,omitempty"`
	LicenseFamily string   `json:"license_family,omitempty"`
	LicenseFile   []string `json:"license_file,omitempty"`
	Summary       string   `json:"summary,omitempty"`
	Description   string   `json:"description,omitempty"`
}

// stagingView is a staging output within one that starts from it.
type stagingView struct {
	Name         string           `json:"name"`
	Build        *buildView       `json:"build,omitempty"`
	Requirements map[string]any   `json:"requirements,omitempty"`
	Source       []map[string]any `json:"source,omitempty"`
}

type inheritView struct {
	Cache      string `json:"cache_name"`
	RunExports bool   `json:"inherit_run_exports"`
}

// buildWords is what a build section says that the model has in another form.
type buildWords struct {
	number, script, steps bool // given
	rpaths                []string
	useKeys, ignoreKeys   []string
	down                  *int
}

// scriptWords is a script as its recipe has it, templates and all.
type scriptWords struct {
	mapping     bool
	interpreter string // as given
	file        string
	lines       []string
}

type testWords struct{ oneVersion bool } // python_version is one and no list

// RecipeView returns o as `forge render --json` prints it.
func (o *Output) RecipeView() RecipeView {
	v := RecipeView{SchemaVersion: 1, Context: map[string]any{}, Package: packageView{o.Name, o.Version}, Source: sourceViews(o.Sources),
		Build: o.Build.view(o.BuildNumber, o.NoArch, o.Flags), Requirements: o.Requirements.recipeView(), About: o.About.view(), Extra: o.Extra}
	v.Build.String = &o.BuildString
	for k, e := range o.Context {
		v.Context[k] = contextView(e)
	}
	for i := range o.Tests {
		v.Tests = append(v.Tests, o.Tests[i].recipeView())
	}
	if o.InheritFrom != nil {
		v.InheritsFrom = &inheritView{o.Inherit, o.InheritRunExports}
		for s := o.InheritFrom; s != nil; s = s.InheritFrom {
			v.StagingCaches = append([]stagingView{s.stagingView()}, v.StagingCaches...)
		}
	}
	return v
}

func (o *Output) stagingView() stagingView {
	v := stagingView{Name: o.Name, Requirements: o.Requirements.recipeView(), Source: sourceViews(o.Sources)}
	if b := o.Build.view(0, "", nil); b.Script != nil || b.Steps != nil {
		b.Number = nil
		v.Build = &b
	}
	return v
}

// contextView writes fractions as text, for 1.10 is no number to a recipe.
func contextView(v any) any {
	switch v := v.(type) {
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1e15 {
			return strconv.FormatFloat(v, 'f', 1, 64)
		}
		return strconv.FormatFloat(v, 'g', -1, 64)
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = contextView(e)
		}
		return out
	}
	return v
}

// setKey adds a key to a map that is made when it is needed.
func setKey(m *map[string]any, key string, v any, given bool) {
	if !given {
		return
	}
	if *m == nil {
		*m = map[string]any{}
	}
	(*m)[key] = v
}

func (b *Build) view(number int, noarch string, flags []string) buildView {
	words := b.words
	if words == nil {
		words = &buildWords{number: true}
	}
	v := buildView{NoArch: noarch, Flags: flags, AlwaysCopy: b.AlwaysCopy, AlwaysInclude: b.AlwaysInclude, MergeBuildHost: b.MergeBuildHost,
		Files: globsView(b.Files), Linking: b.Linking.view(words.rpaths)}
	if words.number {
		v.Number = &number
	}
	switch {
	case words.steps:
		for i := range b.Scripts {
			v.Steps = append(v.Steps, b.Scripts[i].stepView())
		}
	case len(b.Scripts) > 0:
		v.Script = b.Scripts[0].recipeView()
	case words.script:
		v.Script = []string{}
	}
	setKey(&v.Python, "entry_points", b.EntryPoints, len(b.EntryPoints) > 0)
	setKey(&v.Python, "skip_pyc_compilation", b.SkipPyc, len(b.SkipPyc) > 0)
	setKey(&v.Python, "use_python_app_entrypoint", true, b.Python.UseAppEntrypoint)
	setKey(&v.Python, "version_independent", true, b.Python.VersionIndependent)
	setKey(&v.Python, "site_packages_path", b.Python.SitePackagesPath, b.Python.SitePackagesPath != "")
	setKey(&v.Variant, "use_keys", words.useKeys, len(words.useKeys) > 0)
	setKey(&v.Variant, "ignore_keys", words.ignoreKeys, len(words.ignoreKeys) > 0)
	setKey(&v.Variant, "down_prioritize_variant", words.down, words.down != nil)
	v.Prefix = b.Prefix.view()
	for _, p := range b.PostProcess {
		v.PostProcess = append(v.PostProcess, map[string]any{"files": globsView(p.Files), "regex": p.Regex, "replacement": p.Replacement})
	}
	return v
}

func globsView(g Globs) any {
	switch {
	case len(g.Exclude) > 0:
		return map[string]any{"include": append([]string{}, g.Include...), "exclude": g.Exclude}
	case len(g.Include) > 0:
		return g.Include
	}
	return nil
}

func (l *Linking) view(rpaths []string) (m map[string]any) {
	setKey(&m, "rpaths", rpaths, len(rpaths) > 0)
	setKey(&m, "binary_relocation", false, !l.Relocate)
	setKey(&m, "binary_relocation", l.RelocateOnly, len(l.RelocateOnly) > 0)
	setKey(&m, "missing_dso_allowlist", l.MissingDSOAllow, len(l.MissingDSOAllow) > 0)
	setKey(&m, "rpath_allowlist", l.RPathAllow, len(l.RPathAllow) > 0)
	setKey(&m, "overlinking_behavior", "error", l.OverlinkError)
	setKey(&m, "overdepending_behavior", "error", l.OverdependError)
	return m
}

func (d *PrefixDetection) view() (m map[string]any) {
	var force map[string]any
	setKey(&force, "text", d.ForceText, len(d.ForceText) > 0)
	setKey(&force, "binary", d.ForceBinary, len(d.ForceBinary) > 0)
	setKey(&m, "force_file_type", force, force != nil)
	if all := strings.Join(d.Ignore, "\n"); all == "*" || all == "**" {
		setKey(&m, "ignore", true, true)
	} else {
		setKey(&m, "ignore", d.Ignore, len(d.Ignore) > 0)
	}
	setKey(&m, "ignore_binary_files", true, d.IgnoreBinary)
	return m
}

// recipeView is a script: its text, its lines, or a mapping where it has settings; nil for one that the
// recipe does not name.
func (s *Script) recipeView() any {
	w := s.words
	if w == nil {
		if s.File != "" {
			return nil
		}
		w = &scriptWords{mapping: s.Interpreter != "" || s.Cwd != "" || len(s.Env)+len(s.Secrets) > 0, interpreter: s.Interpreter, lines: []string{s.Text}}
	}
	content := linesView(w.lines)
	if !w.mapping {
		return content
	}
	var m map[string]any
	interpreter := w.interpreter
	if w.file != "" && interpreter == "" {
		interpreter = interpreterOf(w.file)
	}
	setKey(&m, "interpreter", interpreter, interpreter != "")
	setKey(&m, "env", s.Env, len(s.Env) > 0)
	setKey(&m, "secrets", s.Secrets, len(s.Secrets) > 0)
	setKey(&m, "file", w.file, w.file != "")
	setKey(&m, "content", content, w.file == "" && w.lines != nil)
	setKey(&m, "cwd", s.Cwd, s.Cwd != "")
	return m
}

func linesView(lines []string) any {
	if len(lines) == 1 {
		return lines[0]
	}
	return append([]string{}, lines...)
}

func (s *Script) stepView() any {
	m := map[string]any{"run": []string{}}
	if s.words != nil {
		m["run"] = append([]string{}, s.words.lines...)
	}
	setKey(&m, "interpreter", s.Interpreter, s.words != nil && s.words.interpreter != "")
	setKey(&m, "env", s.Env, len(s.Env) > 0)
	setKey(&m, "cwd", s.Cwd, s.Cwd != "")
	return m
}

func sourceViews(list []Source) (out []map[string]any) {
	for i := range list {
		out = append(out, list[i].recipeView())
	}
	return out
}

func (s *Source) recipeView() map[string]any {
	var m map[string]any
	switch {
	case s.Git != nil:
		m = s.Git.view()
	case len(s.URLs) > 0:
		urls := make([]string, len(s.URLs))
		for i, u := range s.URLs {
			if urls[i] = u; !strings.HasPrefix(u, "pkg:") {
				urls[i] = canonicalURL(u)
			}
		}
		setKey(&m, "url", linesView(urls), true)
	default:
		setKey(&m, "path", s.Path, true)
		setKey(&m, "use_gitignore", false, !s.UseGitignore)
	}
	for name, sum := range s.Hashes {
		setKey(&m, name, sum, true)
	}
	setKey(&m, "file_name", s.FileName, s.FileName != "")
	setKey(&m, "patches", lateNames(s.Patches), len(s.Patches) > 0)
	setKey(&m, "target_directory", s.TargetDirectory, s.TargetDirectory != "")
	setKey(&m, "attestation", s.Attestation.view(), s.Attestation != nil)
	keep := globsView(Globs{Include: s.Include, Exclude: s.Exclude})
	setKey(&m, "filter", keep, keep != nil)
	return m
}

func (a *Attestation) view() (m map[string]any) {
	if a == nil {
		return nil
	}
	publishers := []any{}
	for _, p := range a.Publishers {
		v := map[string]any{"provider": p.Provider, "owner": p.Owner, "repo": p.Repo, "ref_constraint": nil}
		setKey(&v, "ref_constraint", p.Ref, p.Ref != "")
		publishers = append(publishers, v)
	}
	setKey(&m, "publishers", publishers, true)
	setKey(&m, "bundle_url", a.BundleURL, a.BundleURL != "")
	return m
}

func (g *Git) view() (m map[string]any) {
	rev := g.Rev
	if g.Tag != "" {
		rev = "refs/tags/" + g.Tag
	} else if g.Branch != "" {
		rev = "refs/heads/" + g.Branch
	}
	setKey(&m, "git", g.URL, true)
	setKey(&m, "rev", rev, rev != "")
	setKey(&m, "depth", g.Depth, g.Depth > 0)
	setKey(&m, "lfs", true, g.LFS)
	setKey(&m, "submodules", false, !g.Submodules)
	setKey(&m, "expected_commit", g.ExpectedCommit, g.ExpectedCommit != "")
	return m
}

// lateNames writes the folders that only a build knows as a recipe does.
func lateNames(paths []string) (out []string) {
	for _, p := range paths {
		if rest, ok := strings.CutPrefix(p, "$"); ok {
			name, tail, _ := strings.Cut(rest, "/")
			p = "${{ " + name + " }}/" + tail
		}
		out = append(out, p)
	}
	return out
}

func (r *Requirements) recipeView() map[string]any {
	m := map[string]any{}
	put := func(m *map[string]any, key string, list []Dependency) {
		setKey(m, key, dependencyViews(list), len(list) > 0)
	}
	put(&m, "build", r.Build)
	put(&m, "host", r.Host)
	put(&m, "run", r.Run)
	put(&m, "run_constraints", r.RunConstraints)
	var exports, ignore, extras map[string]any
	put(&exports, "noarch", r.RunExports.NoArch)
	put(&exports, "strong", r.RunExports.Strong)
	put(&exports, "strong_constraints", r.RunExports.StrongConstrains)
	put(&exports, "weak", r.RunExports.Weak)
	put(&exports, "weak_constraints", r.RunExports.WeakConstrains)
	setKey(&m, "run_exports", exports, exports != nil)
	setKey(&ignore, "by_name", r.IgnoreByName, len(r.IgnoreByName) > 0)
	setKey(&ignore, "from_package", r.IgnoreFrom, len(r.IgnoreFrom) > 0)
	setKey(&m, "ignore_run_exports", ignore, ignore != nil)
	for k, v := range r.Extras {
		put(&extras, k, v)
	}
	setKey(&m, "extras", extras, extras != nil)
	return m
}

func dependencyViews(list []Dependency) []any {
	var out []any
	for _, d := range list {
		if p := d.Pinned(); p != nil {
			out = append(out, map[string]any{p.kind(): p.PinView()})
		} else {
			out = append(out, d.Spec)
		}
	}
	return out
}

func (p *Pin) kind() string {
	if p.Subpackage {
		return "pin_subpackage"
	}
	return "pin_compatible"
}

// PinView is a pin with its bounds, as JSON has it.
type PinView struct {
	Name  string `json:"name,omitempty"`
	Lower string `json:"lower_bound,omitempty"`
	Upper string `json:"upper_bound,omitempty"`
	Exact bool   `json:"exact,omitempty"`
	Build string `json:"build,omitempty"`
}

// PinView returns p as JSON has it.
func (p *Pin) PinView() PinView { return PinView{p.Name, p.Lower, p.Upper, p.Exact, p.Build} }

func (a *About) view() *aboutView {
	v := aboutView{Homepage: strings.Join(a.Home, " "), Repository: strings.Join(a.DevURL, " "), Documentation: strings.Join(a.DocURL, " "),
		License: a.License, LicenseFamily: a.LicenseFamily, LicenseFile: lateNames(a.LicenseFiles), Summary: a.Summary, Description: a.Description}
	if raw, err := json.Marshal(v); err == nil && string(raw) == "{}" {
		return nil
	}
	return &v
}

func (t *Test) recipeView() map[string]any {
	switch {
	case t.Script != nil:
		return t.Script.recipeView()
	case t.Python != nil:
		return map[string]any{"python": t.Python.view(t.words)}
	case t.Perl != nil:
		return map[string]any{"perl": map[string]any{"uses": append([]string{}, t.Perl.Names...)}}
	case t.R != nil:
		return map[string]any{"r": map[string]any{"libraries": append([]string{}, t.R.Names...)}}
	case t.Ruby != nil:
		return map[string]any{"ruby": map[string]any{"requires": append([]string{}, t.Ruby.Names...)}}
	case t.PackageContents != nil:
		return map[string]any{"package_contents": t.PackageContents.view()}
	}
	return map[string]any{"downstream": t.Downstream}
}

func (t *ScriptTest) recipeView() map[string]any {
	m := map[string]any{"script": t.Script.recipeView()}
	if t.Script.Text == "" && t.Script.words == nil {
		m["script"] = []string{}
	}
	var needs, files map[string]any
	setKey(&needs, "run", t.Run, len(t.Run) > 0)
	setKey(&needs, "build", t.Build, len(t.Build) > 0)
	setKey(&files, "source", t.SourceFiles, len(t.SourceFiles) > 0)
	setKey(&files, "recipe", t.RecipeFiles, len(t.RecipeFiles) > 0)
	setKey(&m, "requirements", needs, needs != nil)
	setKey(&m, "files", files, files != nil)
	return m
}

func (t *PythonTest) view(words *testWords) map[string]any {
	m := map[string]any{"imports": append([]string{}, t.Imports...)}
	setKey(&m, "pip_check", false, !t.PipCheck)
	if words != nil && words.oneVersion && len(t.PythonVersions) == 1 {
		m["python_version"] = t.PythonVersions[0]
	} else {
		setKey(&m, "python_version", t.PythonVersions, len(t.PythonVersions) > 0)
	}
	return m
}

func (c *ContentsTest) view() map[string]any {
	m := map[string]any{}
	for key, pair := range map[string][2][]string{"files": {c.Files, c.NotFiles}, "site_packages": {c.SitePackages, c.NotSitePackages},
		"bin": {c.Bin, c.NotBin}, "lib": {c.Lib, c.NotLib}, "include": {c.Include, c.NotInclude}} {
		if yes, no := pair[0], pair[1]; len(no) > 0 {
			m[key] = map[string]any{"exists": append([]string{}, yes...), "not_exists": no}
		} else {
			setKey(&m, key, yes, len(yes) > 0)
		}
	}
	setKey(&m, "strict", true, c.Strict)
	return m
}
