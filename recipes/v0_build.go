package recipes

import (
	"encoding/hex"
	"path/filepath"
	"slices"
	"strings"

	"forge/internal/diag"
	"forge/packages"
	"forge/platforms"
	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// fillBuild reads the build section and the script.
func (o *v0Output) fillBuild() {
	b := &o.out.Build
	list := func(key string) []string { return o.v0Pass.texts(list1(o.get("build", key))) }
	flag := func(key string, def bool) bool {
		n := o.get("build", key)
		if n == nil || n.Kind != yaml.ScalarNode || yamlx.IsNull(n) {
			return def
		}
		return truthy(n)
	}
	b.Pos = o.place(o.doc, o.root("build"))
	b.Files.Include = o.outputFiles()
	b.AlwaysInclude = list("always_include_files")
	b.NoLink = list("no_link")
	b.EntryPoints = list("entry_points")
	b.SkipPyc = list("skip_compile_pyc")
	b.Python.VersionIndependent = flag("python_version_independent", false)
	b.Python.SitePackagesPath = o.text(o.get("build", "python_site_packages_path"))
	b.TrackFeatures = o.words(o.get("build", "track_features"))
	b.MergeBuildHost = flag("merge_build_host", false) || !o.hasRequirement("host") && len(o.out.Requirements.Build) > 0 && !o.compiles()
	b.Activate = flag("activate_in_script", true)
	b.IncludeRecipe = flag("include_recipe", true)
	o.fillLinking()
	o.fillPrefix()
	for _, key := range []string{"osx_is_app", "requires_features", "provides_features", "preferred_env", "pin_depends", "pre-link", "post-link", "pre-unlink"} {
		if n := o.get("build", key); truthy(n) {
			d := o.at(o.doc, n, "unsupported", "build/%s has no effect", key)
			d.Severity = diag.Warning
			o.found.add(d)
		}
	}
	b.Scripts = o.buildScripts()
}

// compiles reports whether build holds a compiler, whose environment never is the host's.
func (o *v0Output) compiles() bool {
	for _, n := range o.requirement("build") {
		if name, _, _ := strings.Cut(scalar(n), " "); strings.HasSuffix(name, "_"+o.scope.target) {
			return true
		}
	}
	return false
}

// words are a list, or one text of names with blanks or commas between them.
func (o *v0Output) words(n *yaml.Node) []string {
	if n != nil && n.Kind == yaml.ScalarNode {
		return strings.FieldsFunc(o.text(n), func(r rune) bool { return r == ' ' || r == ',' })
	}
	return o.v0Pass.texts(list1(n))
}

func (o *v0Output) outputFiles() []string {
	n := yamlx.Get(o.node, "files")
	if n != nil && n.Kind == yaml.MappingNode {
		o.out.Build.Files.Exclude = o.v0Pass.texts(list1(yamlx.Get(n, "exclude")))
		n = yamlx.Get(n, "include")
	}
	var out []string
	for _, f := range o.v0Pass.texts(list1(n)) {
		out = append(out, f)
		if !strings.ContainsAny(f, "*?[") { // the name of a folder stands for all in it
			out = append(out, strings.TrimSuffix(f, "/")+"/**")
		}
	}
	return out
}

func (o *v0Output) fillLinking() {
	l := &o.out.Build.Linking
	either := func(keys ...string) []string {
		for _, k := range keys {
			if n := o.get("build", k); n != nil {
				return o.v0Pass.texts(list1(n))
			}
		}
		return nil
	}
	l.RPaths = either("rpaths")
	if l.RPaths == nil {
		l.RPaths = []string{"lib/"}
	}
	l.MissingDSOAllow = either("missing_dso_allowlist", "missing_dso_whitelist")
	l.RPathAllow = either("runpath_allowlist", "runpath_whitelist")
	l.OverlinkError = truthy(o.get("build", "error_overlinking"))
	l.OverdependError = truthy(o.get("build", "error_overdepending"))
	l.Relocate = true
	switch n := o.get("build", "binary_relocation"); {
	case yamlx.IsNull(n):
	case n.Kind == yaml.SequenceNode:
		l.RelocateOnly = o.v0Pass.texts(n.Content)
	default:
		l.Relocate = truthy(n)
	}
}

func (o *v0Output) fillPrefix() {
	p := &o.out.Build.Prefix
	p.ForceText = o.v0Pass.texts(list1(o.get("build", "has_prefix_files")))
	p.ForceBinary = o.v0Pass.texts(list1(o.get("build", "binary_has_prefix_files")))
	if n := o.get("build", "detect_binary_files_with_prefix"); n != nil && !truthy(n) {
		p.IgnoreBinary = true
	}
	switch n := o.get("build", "ignore_prefix_files"); {
	case yamlx.IsNull(n):
	case n.Kind == yaml.SequenceNode:
		p.Ignore = o.v0Pass.texts(n.Content)
	case truthy(n):
		p.Ignore = []string{"*"}
	}
}

func (o *v0Output) platform() platforms.Platform { return o.out.BuildPlatform }

// buildScripts is the output's script: a file that an output names, commands, or build.sh (bld.bat).
func (o *v0Output) buildScripts() []Script {
	if n := yamlx.Get(o.node, "script"); n != nil && n.Kind == yaml.ScalarNode && !o.out.Staging {
		return o.namedScript(n)
	}
	if n := o.get("build", "script"); !yamlx.IsNull(n) {
		return o.inlineScripts(n)
	}
	if o.own {
		return nil
	}
	names := []string{"build.sh"}
	if o.platform().IsWindows() {
		names = []string{"bld.bat", "build.bat"}
	}
	for _, name := range names {
		if s := o.script(name); s.found {
			return []Script{{Text: s.text, File: name, FirstLine: 1, Interpreter: interpreterOf(name), Env: o.scriptEnv(), Secrets: o.secrets()}}
		}
	}
	return nil
}

func (o *v0Output) namedScript(n *yaml.Node) []Script {
	name := o.text(n)
	s := o.script(name)
	if !s.found {
		o.errorf(n, "missing-file", "the script %q cannot be read", name)
		return nil
	}
	interpreter := interpreterOf(name)
	if i := o.text(yamlx.Get(o.node, "script_interpreter")); i != "" {
		interpreter = i
	}
	return []Script{{Text: s.text, File: name, FirstLine: 1, Interpreter: interpreter, Env: o.scriptEnv(), Secrets: o.secrets(), Pos: o.place(o.doc, n)}}
}

func (o *v0Output) inlineScripts(n *yaml.Node) []Script {
	lines := o.v0Pass.texts(list1(n))
	if len(lines) == 0 {
		return nil
	}
	s := Script{Pos: o.place(o.doc, n), FirstLine: o.place(o.doc, list1(n)[0]).Line, Env: o.scriptEnv(), Secrets: o.secrets()}
	if o.platform().IsWindows() && len(lines) > 1 {
		for i, l := range lines { // cmd goes on after a command that failed
			lines[i] = l + "\nif errorlevel 1 exit 1"
		}
	}
	s.Text = strings.Join(lines, "\n")
	return []Script{s}
}

// scriptEnv are the NAME=VALUE entries of script_env; plain names are the caller's variables.
func (o *v0Output) scriptEnv() map[string]string {
	var env map[string]string
	for _, e := range o.v0Pass.texts(list1(o.get("build", "script_env"))) {
		if k, v, ok := strings.Cut(e, "="); ok {
			if env == nil {
				env = map[string]string{}
			}
			env[strings.TrimSpace(k)] = strings.TrimSpace(v)
		}
	}
	return env
}

func (o *v0Output) secrets() (names []string) {
	for _, e := range o.v0Pass.texts(list1(o.get("build", "script_env"))) {
		if !strings.Contains(e, "=") {
			names = append(names, strings.TrimSpace(e))
		}
	}
	return names
}

// sources reads the source section: one source or a list.
func (p *v0Pass) sources() []Source {
	var out []Source
	for _, n := range list1(p.root("source")) {
		if n.Kind != yaml.MappingNode || len(n.Content) == 0 {
			continue
		}
		if s := p.source(n); len(s.URLs) > 0 || s.Git != nil || s.Path != "" {
			out = append(out, s)
		}
	}
	return out
}

func (p *v0Pass) source(n *yaml.Node) Source {
	get := func(key string) *yaml.Node { return yamlx.Get(n, key) }
	s := Source{Pos: p.place(p.doc, n), FileName: p.text(get("fn")), TargetDirectory: p.text(get("folder")), Path: p.text(get("path")),
		NoHoist: truthy(get("no_hoist")), Patches: p.texts(list1(get("patches")))}
	for i, patch := range s.Patches {
		s.Patches[i] = recipeRelative(patch)
	}
	p.sourceHashes(&s, n)
	switch {
	case get("url") != nil:
		s.URLs = p.texts(list1(get("url")))
		for i, u := range s.URLs {
			if !strings.Contains(u, ":") { // a file, relative to the recipe
				s.URLs[i] = "file://" + filepath.ToSlash(filepath.Join(p.dir, filepath.FromSlash(recipeRelative(u))))
				continue
			}
			if err := checkURL(u); err != nil {
				p.errorf(get("url"), "bad-value", "%s", err)
			}
		}
		if s.FileName == "" && len(s.URLs) == 0 {
			p.errorf(n, "bad-value", "the source's url is empty")
		}
		s.Pos = p.place(p.doc, get("url"))
		checkHashed(&s, p.opts, p.line(s.Pos.Line), p.found.add)
	case get("git_url") != nil:
		s.Git = p.git(n)
	case get("hg_url") != nil: // named, so that fetching can say that it does not know how
		s.URLs = []string{"hg+" + p.text(get("hg_url"))}
	case get("svn_url") != nil:
		s.URLs = []string{"svn+" + p.text(get("svn_url"))}
	case s.Path != "":
		s.Path = recipeRelative(s.Path)
	default: // conda-build passes over it; selectors may have left nothing else
		d := p.at(p.doc, n, "missing-key", "this source has none of `url:`, `git_url:` and `path:`, so nothing is fetched")
		d.Severity = diag.Warning
		p.found.add(d)
	}
	return s
}

// recipeRelative drops the recipe's folder, which paths are relative to anyway.
func recipeRelative(path string) string {
	for _, prefix := range []string{"$RECIPE_DIR/", `%RECIPE_DIR%\`, "%RECIPE_DIR%/"} {
		path = strings.TrimPrefix(path, prefix)
	}
	return path
}

func (p *v0Pass) sourceHashes(s *Source, n *yaml.Node) {
	for _, h := range []struct {
		name string
		size int
	}{{"md5", 16}, {"sha1", 20}, {"sha224", 28}, {"sha256", 32}, {"sha384", 48}, {"sha512", 64}} {
		at := yamlx.Get(n, h.name)
		sum := strings.ToLower(strings.TrimSpace(p.text(at)))
		if sum == "" {
			continue
		}
		if raw, err := hex.DecodeString(sum); err != nil || len(raw) != h.size {
			p.errorf(at, "bad-value", "%q is not a %s: it has %d hex digits", sum, h.name, 2*h.size)
			continue
		}
		if s.Hashes == nil {
			s.Hashes = map[string]string{}
		}
		s.Hashes[h.name] = sum
	}
}

func (p *v0Pass) git(n *yaml.Node) *Git {
	get := func(key string) string { return p.text(yamlx.Get(n, key)) }
	g := &Git{URL: get("git_url"), Rev: get("git_rev"), Tag: get("git_tag"), Branch: get("git_branch"), Depth: -1, Submodules: true}
	if d := yamlx.Get(n, "git_depth"); d != nil {
		v, ok := typed(d).(int)
		if !ok {
			p.errorf(d, "bad-value", "git_depth is a whole number, not %q", p.text(d))
		}
		g.Depth = v
	}
	return g
}

// fillTests reads the test section and the run_test files beside the recipe.
func (o *v0Output) fillTests() {
	get := func(key string) *yaml.Node { return o.get("test", key) }
	requires := o.v0Pass.texts(list1(get("requires")))
	recipeFiles, sourceFiles := o.v0Pass.texts(list1(get("files"))), o.v0Pass.texts(list1(get("source_files")))
	pos := o.place(o.doc, o.root("test"))
	if n := yamlx.Get(o.node, "test"); n != nil {
		pos = o.place(o.doc, n)
	}
	script := func(s Script) {
		o.out.Tests = append(o.out.Tests, Test{Pos: pos, Script: &ScriptTest{Script: s, Run: requires, RecipeFiles: recipeFiles, SourceFiles: sourceFiles}})
	}
	if n := get("commands"); !yamlx.IsNull(n) {
		if lines := o.v0Pass.texts(list1(n)); len(lines) > 0 {
			if o.out.HostPlatform.IsWindows() {
				for i, l := range lines {
					lines[i] = l + "\nif errorlevel 1 exit 1"
				}
			}
			script(Script{Text: strings.Join(lines, "\n"), FirstLine: o.place(o.doc, list1(n)[0]).Line, Pos: o.place(o.doc, n)})
		}
	}
	o.importTests(get("imports"), pos)
	o.testFiles(script)
	for _, d := range o.v0Pass.texts(list1(get("downstreams"))) {
		o.out.Tests = append(o.out.Tests, Test{Pos: pos, Downstream: d})
	}
}

// importTests are names to import, in Python or in the language that an entry names.
func (o *v0Output) importTests(n *yaml.Node, pos diag.Pos) {
	byLang := map[string][]string{}
	for _, e := range list1(n) {
		if e.Kind == yaml.MappingNode {
			lang := o.text(yamlx.Get(e, "lang"))
			byLang[lang] = append(byLang[lang], o.v0Pass.texts(list1(yamlx.Get(e, "imports")))...)
			continue
		}
		byLang["python"] = append(byLang["python"], o.v0Pass.texts([]*yaml.Node{e})...)
	}
	for _, lang := range sortedNames(byLang) {
		t := Test{Pos: pos}
		switch names := byLang[lang]; {
		case lang == "perl":
			t.Perl = &ListTest{names}
		case lang == "r":
			t.R = &ListTest{names}
		case lang == "python" && strings.HasPrefix(o.name, "perl-"):
			t.Perl = &ListTest{names}
		case lang == "python" && strings.HasPrefix(o.name, "r-"):
			t.R = &ListTest{names}
		case lang == "python":
			t.Python = &PythonTest{Imports: names}
		default:
			o.errorf(n, "unsupported", "imports cannot be tested in the language %q", lang)
			continue
		}
		o.out.Tests = append(o.out.Tests, t)
	}
}

// testFiles are run_test.* of the recipe, or the script that an output's test names.
func (o *v0Output) testFiles(add func(Script)) {
	if n := yamlx.Get(yamlx.Get(o.node, "test"), "script"); n != nil {
		name := o.text(n)
		s := o.script(name)
		if !s.found {
			o.errorf(n, "missing-file", "the script %q cannot be read", name)
			return
		}
		add(Script{Text: s.text, File: name, FirstLine: 1, Interpreter: interpreterOf(name), Pos: o.place(o.doc, n)})
	}
	if o.own {
		return
	}
	for _, ext := range []string{".sh", ".bat", ".py", ".pl", ".r", ".lua"} {
		name := "run_test" + ext
		if ext == ".sh" && o.out.HostPlatform.IsWindows() || ext == ".bat" && !o.out.HostPlatform.IsWindows() {
			continue
		}
		if s := o.script(name); s.found {
			i := interpreterOf(name)
			if ext == ".lua" {
				i = "lua"
			}
			add(Script{Text: s.text, File: name, FirstLine: 1, Interpreter: i})
		}
	}
}

// fillAbout reads about.
func (o *v0Output) fillAbout() {
	text := func(key string) string { return o.text(o.get("about", key)) }
	list := func(key string) []string { return o.v0Pass.texts(list1(o.get("about", key))) }
	a := &o.out.About
	a.About = packages.About{Home: list("home"), License: text("license"), LicenseFamily: text("license_family"), LicenseURL: text("license_url"),
		Summary: text("summary"), Description: text("description"), DocURL: list("doc_url"), DevURL: list("dev_url")}
	n := o.get("about", "license_file")
	a.LicenseFiles = list("license_file")
	for i, f := range a.LicenseFiles {
		a.LicenseFiles[i] = recipeRelative(f)
	}
	a.LicensePos = o.place(o.doc, n)
	section := yamlx.Get(o.node, "about")
	if section == nil {
		section = o.root("about")
	}
	for k, v := range yamlx.Pairs(section) {
		if slices.Contains([]string{"doc_source_url", "identifiers", "tags", "keywords", "prelink_message", "readme"}, k.Value) {
			if a.Extra == nil {
				a.Extra = map[string]any{}
			}
			a.Extra[k.Value] = o.plain(v)
		}
	}
	if n == nil && section != nil {
		a.LicensePos = o.place(o.doc, section)
	}
	if len(a.LicenseFiles) == 0 && a.License != "" {
		d := o.diagnostic(a.LicensePos, "missing-license-file", o.name+" names a license and no license_file", "add `license_file:` with the name of the license's text in the source")
		d.Severity = diag.Note
		o.found.add(d)
	}
}
