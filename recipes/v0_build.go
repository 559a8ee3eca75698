package recipes

import (
	"strings"

	"forge/internal/diag"
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
	b.legacyNoArch = flag("noarch_python", false)
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
		name, _, _ := strings.Cut(scalar(n), " ")
		if strings.HasSuffix(name, "_"+o.scope.target) || strings.HasSuffix(name, "_"+o.variant["target_platform"]) {
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
	o.out.Build.Files.CondaBuild = n != nil
	if n != nil && n.Kind == yaml.MappingNode {
		o.out.StagedFilesOnly = true
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
	interpreter := []string{interpreterOf(name)}
	if i := strings.Fields(o.text(yamlx.Get(o.node, "script_interpreter"))); len(i) > 0 {
		interpreter = i
	}
	return []Script{{Text: s.text, File: name, InWork: true, FirstLine: 1, Interpreter: interpreter[0], Arguments: interpreter[1:], Env: o.scriptEnv(), Secrets: o.secrets(), Pos: o.place(o.doc, n)}}
}

func (o *v0Output) inlineScripts(n *yaml.Node) []Script {
	lines := o.v0Pass.texts(list1(n))
	if len(lines) == 0 {
		return nil
	}
	s := Script{Pos: o.place(o.doc, n), FirstLine: o.place(o.doc, list1(n)[0]).Line, Env: o.scriptEnv(), Secrets: o.secrets()}
	if o.platform().IsWindows() && len(lines) > 1 {
		for i, l := range lines {
			lines[i] = l + batchCheck
		}
	}
	s.Text = strings.Join(lines, "\n")
	return []Script{s}
}

// scriptEnv are the NAME=VALUE entries of script_env; plain names are the caller's variables.
func (o *v0Output) scriptEnv() map[string]string {
	var env map[string]string
	for _, n := range list1(o.get("build", "script_env")) {
		for _, e := range o.v0Pass.texts([]*yaml.Node{n}) {
			k, v, ok := strings.Cut(e, "=")
			if !ok {
				continue
			}
			k, v = strings.TrimSpace(k), strings.TrimSpace(v)
			if !variableName(k) || strings.ContainsAny(v, "\n\r") {
				o.errorf(n, "bad-value", "%q is not NAME=VALUE in one line", e)
				continue
			}
			if env == nil {
				env = map[string]string{}
			}
			env[k] = v
		}
	}
	return env
}

// variableName reports whether a shell can export s.
func variableName(s string) bool {
	for i, r := range s {
		if r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}

func (o *v0Output) secrets() (names []string) {
	for _, e := range o.v0Pass.texts(list1(o.get("build", "script_env"))) {
		if !strings.Contains(e, "=") {
			names = append(names, strings.TrimSpace(e))
		}
	}
	return names
}
