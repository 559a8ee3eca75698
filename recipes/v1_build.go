package recipes

import (
	"regexp"
	"strconv"
	"strings"

	"forge/recipes/internal/yamlx"

	"github.com/bmatcuk/doublestar/v4"
	"gopkg.in/yaml.v3"
)

// buildPart is a build section, evaluated but not yet merged with the recipe's own.
type buildPart struct {
	number   *int
	str      *yaml.Node // build.string; filled in last, for it may hold the hash
	script   *yaml.Node
	steps    *yaml.Node
	noarch   string
	skip     bool
	useKeys  []string
	ignore   []string
	down     *int
	build    Build // all the rest
	flags    []string
	python   bool // something was said of python, linking, prefixes
	linking  bool
	prefixes bool
	rpaths   []string // as given
}

func defaultLinking() Linking { return Linking{RPaths: []string{"lib/"}, Relocate: true} }

// build evaluates a build section. Every part of it is read, also where it will not count, for what
// it reads is part of the hash.
func (f *frame) build(n *yaml.Node) buildPart {
	get := func(key string) *yaml.Node { return yamlx.Get(n, key) }
	p := buildPart{str: get("string"), script: get("script"), steps: get("steps"), noarch: f.noarch(get("noarch")), skip: f.skip(get("skip"))}
	p.build.Linking = defaultLinking()
	if p.str != nil {
		f.readAll(p.str)
	}
	f.readPlan(p)
	p.number = f.number(get("number"))
	for _, e := range f.listItems(get("flags")) {
		if flag := f.checked(e, checkFlag); flag != "" {
			p.flags = append(p.flags, flag)
		}
	}
	if len(p.flags) > 0 && !f.opts.RepodataV3 {
		f.errorf(get("flags"), "needs-v3", "flags of packages need repodata revision 3")
	}
	f.pythonBuild(&p, get("python"))
	p.build.AlwaysCopy, p.build.AlwaysInclude = f.globs(get("always_copy_files")).Include, f.globs(get("always_include_files")).Include
	p.build.Files = f.globs(get("files"))
	f.linking(&p, get("dynamic_linking"))
	f.variantUse(&p, get("variant"))
	f.prefixDetection(&p, get("prefix_detection"))
	for _, e := range f.listItems(get("post_process")) {
		p.build.PostProcess = append(p.build.PostProcess, f.postProcess(e))
	}
	p.build.MergeBuildHost = f.boolean(get("merge_build_and_host_envs"), false)
	if n != nil {
		p.build.Pos = f.doc.Pos(n)
	}
	return p
}

func (f *frame) listItems(n *yaml.Node) []*yaml.Node {
	if n == nil {
		return nil
	}
	return f.items(n)
}

// readPlan counts what the script reads, before it is known whether it counts.
func (f *frame) readPlan(p buildPart) {
	if p.steps != nil {
		f.readAll(p.steps)
	}
	if p.script == nil {
		return
	}
	if p.script.Kind != yaml.MappingNode {
		f.readAll(p.script)
		return
	}
	if file := yamlx.Get(p.script, "file"); file != nil {
		f.text(file)
	} else {
		f.readAll(yamlx.Get(p.script, "content"))
	}
	for _, key := range []string{"interpreter", "cwd"} {
		f.text(yamlx.Get(p.script, key))
	}
	for _, v := range yamlx.Pairs(yamlx.Get(p.script, "env")) {
		f.text(v)
	}
}

func (f *frame) noarch(n *yaml.Node) string {
	switch s := f.trimmed(n); s {
	case "python", "generic":
		return s
	case "", "~", "null", "none", "None":
	default:
		f.errorf(n, "bad-value", "noarch is python or generic, not %q", s)
	}
	return ""
}

func (f *frame) number(n *yaml.Node) *int {
	if n == nil {
		return nil
	}
	s := f.checked(n, nil)
	if s == "" && f.tmpl[n] != nil {
		s = "0"
	}
	i, err := strconv.Atoi(s)
	if err != nil || i < 0 {
		f.errorf(n, "bad-value", "a build number is a whole number from 0 on, not %q", s)
	}
	return &i
}

// skip tells whether any condition holds. One that cannot be evaluated, for example because a name is
// not defined for this variant, does not hold.
func (f *frame) skip(n *yaml.Node) bool {
	found := false
	for _, e := range f.listItems(n) {
		x := f.conds[e]
		if t := f.tmpl[e]; t != nil {
			s := f.text(e)
			if s == "" {
				continue
			}
			var err error
			if x, err = v1Language().ParseExpr(s); err != nil {
				continue
			}
		}
		if x == nil {
			continue
		}
		if yes, err := x.Test(f.env()); err == nil && yes {
			found = true
		}
	}
	return found
}

func (f *frame) globs(n *yaml.Node) Globs {
	if n == nil {
		return Globs{}
	}
	if n.Kind == yaml.MappingNode && yamlx.Get(n, "if") == nil {
		return Globs{Include: f.patterns(yamlx.Get(n, "include")), Exclude: f.patterns(yamlx.Get(n, "exclude"))}
	}
	return Globs{Include: f.patterns(n)}
}

func (f *frame) patterns(n *yaml.Node) []string {
	var out []string
	for _, e := range f.listItems(n) {
		s := f.text(e)
		if s == "" {
			continue
		}
		if !doublestar.ValidatePattern(s) {
			f.errorf(e, "bad-glob", "%q is not a pattern of files: a bracket or brace does not close", s)
			continue
		}
		out = append(out, s)
	}
	return out
}

func (f *frame) pythonBuild(p *buildPart, n *yaml.Node) {
	get := func(key string) *yaml.Node { return yamlx.Get(n, key) }
	for _, e := range f.listItems(get("entry_points")) {
		p.build.EntryPoints = append(p.build.EntryPoints, canonicalEntryPoint(f.checked(e, checkEntryPoint)))
	}
	p.build.SkipPyc = f.patterns(get("skip_pyc_compilation"))
	p.build.Python = PythonBuild{UseAppEntrypoint: f.boolean(get("use_python_app_entrypoint"), false),
		VersionIndependent: f.boolean(get("version_independent"), false), SitePackagesPath: f.trimmed(get("site_packages_path"))}
	p.python = len(p.build.EntryPoints)+len(p.build.SkipPyc) > 0 || p.build.Python != PythonBuild{}
}

func canonicalEntryPoint(s string) string {
	name, target, ok := strings.Cut(s, "=")
	if !ok {
		return s
	}
	module, function, _ := strings.Cut(target, ":")
	return strings.TrimSpace(name) + " = " + strings.TrimSpace(module) + ":" + strings.TrimSpace(function)
}

func (f *frame) linking(p *buildPart, n *yaml.Node) {
	if n == nil {
		return
	}
	get := func(key string) *yaml.Node { return yamlx.Get(n, key) }
	p.rpaths = f.texts(get("rpaths"))
	l := Linking{Relocate: true, RPaths: p.rpaths, MissingDSOAllow: f.patterns(get("missing_dso_allowlist")), RPathAllow: f.patterns(get("rpath_allowlist"))}
	if len(l.RPaths) == 0 {
		l.RPaths = []string{"lib/"}
	}
	if b := get("binary_relocation"); b != nil && b.Kind == yaml.SequenceNode {
		l.RelocateOnly = f.patterns(b)
	} else if b != nil {
		l.Relocate = f.boolean(b, true)
	}
	behaviour := func(key string) bool {
		s := f.text(get(key))
		if s != "" && s != "ignore" && s != "error" {
			f.errorf(get(key), "bad-value", "%s is ignore or error, not %q", key, s)
		}
		return s == "error"
	}
	l.OverlinkError, l.OverdependError = behaviour("overlinking_behavior"), behaviour("overdepending_behavior")
	p.build.Linking, p.linking = l, !sameLinking(l, defaultLinking())
}

func sameLinking(a, b Linking) bool {
	return a.Relocate == b.Relocate && a.OverlinkError == b.OverlinkError && a.OverdependError == b.OverdependError &&
		len(a.RelocateOnly)+len(a.MissingDSOAllow)+len(a.RPathAllow) == 0 && strings.Join(a.RPaths, "\n") == strings.Join(b.RPaths, "\n")
}

func (f *frame) variantUse(p *buildPart, n *yaml.Node) {
	p.useKeys, p.ignore = f.texts(yamlx.Get(n, "use_keys")), f.texts(yamlx.Get(n, "ignore_keys"))
	down := yamlx.Get(n, "down_prioritize_variant")
	s := f.trimmed(down)
	if s == "" {
		return
	}
	i, err := strconv.Atoi(s)
	if err != nil {
		f.errorf(down, "bad-value", "down_prioritize_variant is a whole number, not %q", s)
	}
	p.down = &i
}

func (f *frame) prefixDetection(p *buildPart, n *yaml.Node) {
	get := func(key string) *yaml.Node { return yamlx.Get(n, key) }
	force := get("force_file_type")
	d := PrefixDetection{ForceText: f.patterns(yamlx.Get(force, "text")), ForceBinary: f.patterns(yamlx.Get(force, "binary")),
		IgnoreBinary: f.boolean(get("ignore_binary_files"), false)}
	if i := get("ignore"); i != nil && i.Kind == yaml.SequenceNode {
		d.Ignore = f.patterns(i)
	} else if f.boolean(i, false) {
		d.Ignore = []string{"**"}
	}
	p.build.Prefix = d
	p.prefixes = len(d.ForceText)+len(d.ForceBinary)+len(d.Ignore) > 0 || d.IgnoreBinary
}

func (f *frame) postProcess(n *yaml.Node) PostProcess {
	p := PostProcess{Files: f.globs(yamlx.Get(n, "files")), Regex: f.text(yamlx.Get(n, "regex")), Replacement: f.text(yamlx.Get(n, "replacement"))}
	if _, err := regexp.Compile(p.Regex); err != nil {
		f.errorf(yamlx.Get(n, "regex"), "bad-value", "%q is not a regular expression: %v", p.Regex, err)
	}
	return p
}

// over lays p over the recipe's own build section: what p does not say, that says.
func (p buildPart) over(top buildPart, inheritPlan bool) buildPart {
	if inheritPlan && p.saysNoScript() {
		p.script, p.steps = top.script, top.steps
	}
	if p.str == nil {
		p.str = top.str
	}
	if p.number == nil {
		p.number = top.number
	}
	if p.noarch == "" {
		p.noarch = top.noarch
	}
	p.skip = p.skip || top.skip
	if len(p.flags) == 0 {
		p.flags = top.flags
	}
	b, t := &p.build, &top.build
	if !p.python {
		b.EntryPoints, b.SkipPyc, b.Python = t.EntryPoints, t.SkipPyc, t.Python
	}
	if len(b.AlwaysCopy) == 0 {
		b.AlwaysCopy = t.AlwaysCopy
	}
	if len(b.AlwaysInclude) == 0 {
		b.AlwaysInclude = t.AlwaysInclude
	}
	b.MergeBuildHost = b.MergeBuildHost || t.MergeBuildHost
	if b.Files.IsZero() {
		b.Files = t.Files
	}
	if !p.linking {
		b.Linking, p.rpaths = t.Linking, top.rpaths
	}
	if len(p.useKeys)+len(p.ignore) == 0 && p.down == nil {
		p.useKeys, p.ignore, p.down = top.useKeys, top.ignore, top.down
	}
	if !p.prefixes {
		b.Prefix = t.Prefix
	}
	if len(b.PostProcess) == 0 {
		b.PostProcess = t.PostProcess
	}
	return p
}

// saysNoScript reports whether the output has no script of its own.
func (p buildPart) saysNoScript() bool {
	if p.steps != nil || p.script == nil {
		return p.steps == nil
	}
	if p.script.Kind != yaml.MappingNode {
		return false
	}
	for _, key := range []string{"content", "file", "interpreter", "env", "secrets"} {
		if n := yamlx.Get(p.script, key); n != nil && !(n.Kind != yaml.ScalarNode && len(n.Content) == 0) {
			return false
		}
	}
	return true
}
