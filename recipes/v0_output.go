package recipes

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"forge/internal/diag"
	"forge/packages"
	"forge/platforms"
	"forge/recipes/internal/expr"
	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

func (v *v0) diagnostic(pos diag.Pos, code, summary, suggestion string) diag.Diagnostic {
	return diag.Diagnostic{Code: code, Pos: pos, Line: v.line(pos.Line), Summary: summary, Suggestion: suggestion}
}

func (p *v0Pass) errorf(n *yaml.Node, code, format string, args ...any) {
	p.found.add(p.at(p.doc, n, code, format, args...))
}

// text is a scalar without marks: for a pin stands the pinned name, for a variable of the build the
// shell's own. An undefined name is reported here, where it is read.
func (p *v0Pass) text(n *yaml.Node) string {
	s := scalar(n)
	if strings.IndexFunc(s, func(r rune) bool { return r >= firstMark && r < afterMarks }) < 0 {
		return s
	}
	s = replaceMarks(s, markOpen, markClose, func(inner string) string {
		if pin := p.pin(markOpen + inner + markClose); pin != nil {
			return pin.Name
		}
		return ""
	})
	s = replaceMarks(s, lateOpen, lateClose, func(name string) string {
		return shellVariable(name, p.opts.TargetPlatform)
	})
	return replaceMarks(s, undefOpen, undefClose, func(name string) string {
		of, name, _ := strings.Cut(name, " ")
		m := &expr.Missing{Name: name, Of: of}
		d := p.at(p.doc, n, "undefined", "%s", m.Message())
		if i := findWord(d.Line, name); i >= 0 {
			d.Pos.Column, d.Length = 1+utf8.RuneCountInString(d.Line[:i]), len(name)
		}
		if of == "" || of == expr.NoFunction {
			d.Suggestion = p.nearestName(name)
		}
		p.found.add(d)
		return ""
	})
}

func replaceMarks(s, open, end string, with func(inner string) string) string {
	for {
		before, rest, ok := strings.Cut(s, open)
		inner, after, closed := strings.Cut(rest, end)
		if !ok || !closed {
			return s
		}
		s = before + with(inner) + after
	}
}

func (p *v0Pass) texts(nodes []*yaml.Node) []string {
	var out []string
	for _, n := range nodes {
		if n.Kind != yaml.ScalarNode {
			p.errorf(n, "wrong-type", "a text is expected here, this is %s", yamlx.Kind(n))
			continue
		}
		if s := p.text(n); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// built makes the output, or one marked as skipped.
func (p *v0Pass) built(o *v0Output) []*v0Output {
	o.out = p.newOutput(o.name)
	if o.node != nil {
		o.out.Pos = p.place(p.doc, o.node)
		o.out.Recipe.Index = o.index
	}
	o.out.NoArch = o.outputNoarch()
	version := yamlx.Get(o.node, "version")
	if version == nil {
		version = yamlx.Get(p.root("package"), "version")
	}
	if truthy(o.get("build", "skip")) { // nothing more is read of it, so what is undefined there is no mistake
		o.out.Skip, o.out.Version = true, scalar(version)
		o.used = o.usedKeys()
		return []*v0Output{o}
	}
	o.out.Version = strings.TrimSpace(p.text(version))
	o.checkIdentity(version)
	if t := scalar(yamlx.Get(o.node, "type")); t != "" && t != "conda" && t != "conda_v2" {
		d := p.at(p.doc, yamlx.Get(o.node, "type"), "unsupported", "outputs of type %q are not built", t)
		d.Severity = diag.Warning
		p.found.add(d)
		return nil
	}
	o.number()
	o.str = p.text(o.get("build", "string"))
	o.fillRequirements()
	o.used = o.usedKeys()
	o.out.Sources = p.sources()
	o.fillBuild()
	o.fillTests()
	o.fillAbout()
	o.out.Extra = p.extraMap(p.root("extra"))
	p.sign(o.out)
	return []*v0Output{o}
}

func (p *v0Pass) newOutput(name string) *Output {
	if p.full == nil {
		if p.full = p.base.full; !sameVariant(p.variant, p.base.plain) {
			p.full = p.variant.values()
		}
	}
	target, err := platforms.Parse(p.variant["target_platform"])
	if err != nil {
		target = p.opts.TargetPlatform
	}
	return &Output{Name: name, BuildPlatform: p.opts.BuildPlatform, HostPlatform: target, TargetPlatform: target, Full: p.full,
		Recipe: Origin{File: p.path, Dir: p.dir, Format: "meta.yaml"}, Pos: p.place(p.doc, p.root("package"))}
}

func (o *v0Output) checkIdentity(version *yaml.Node) {
	at := yamlx.Get(o.node, "name")
	if at == nil {
		at = yamlx.Get(o.root("package"), "name")
	}
	if o.root("package") == nil {
		o.found.add(diag.Diagnostic{Code: "missing-key", Pos: diag.Pos{File: o.path}, Summary: `the recipe lacks the key "package"`})
		return
	}
	if strings.ContainsFunc(o.name, func(r rune) bool { return r >= firstMark && r < afterMarks }) {
		o.name = o.text(at)
		o.out.Name = o.name
	}
	if o.name == "" && at != nil && at.Kind != yaml.ScalarNode {
		o.errorf(at, "wrong-type", "a name is a text, this is %s", yamlx.Kind(at))
	} else if o.name == "" && misspelt(o.root("package"), "name") {
		// the unknown key is said already
	} else if o.name == "" {
		o.errorf(o.root("package"), "missing-key", `package lacks the key "name"`)
	} else if !packages.ValidName(strings.ToLower(o.name)) {
		o.errorf(at, "bad-value", "%q is not a package name: it takes a-z, 0-9, -, _ and .", o.name)
	} else if lower := strings.ToLower(o.name); lower != o.name {
		d := o.doc.At(at, "name-case", "the package name %q has capitals, which conda-build refuses", o.name)
		d.Suggestion = "write " + lower
		o.found.add(d)
	}
	if o.out.Version == "" && scalar(version) == "" && !misspelt(o.root("package"), "version") {
		o.errorf(o.root("package"), "missing-key", `package lacks the key "version"`)
	}
}

// misspelt reports whether a mapping has an unknown key that is likely to stand for another one.
func misspelt(n *yaml.Node, key string) bool {
	for k := range yamlx.Pairs(n) {
		if known := v0Fields("package"); !contains(known, k.Value) && diag.Nearest(k.Value, known) == key {
			return true
		}
	}
	return false
}

func (o *v0Output) outputNoarch() string {
	if o.own {
		if n := yamlx.Get(yamlx.Get(o.node, "build"), "noarch"); n != nil {
			return o.noarch(yamlx.Get(o.node, "build"))
		}
		return o.noarch(o.node)
	}
	if n := o.noarch(yamlx.Get(o.node, "build")); n != "" {
		return n
	}
	return o.noarch(o.root("build"))
}

func (o *v0Output) number() {
	n := o.get("build", "number")
	if s := o.text(n); s != "" {
		v, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil || v < 0 {
			o.errorf(n, "bad-value", "the build number %q is no whole number", s)
		}
		o.out.BuildNumber = v
	}
	if o.opts.BuildNumber != nil {
		o.out.BuildNumber = *o.opts.BuildNumber
	}
}

func (o *v0Output) fillRequirements() {
	r := &o.out.Requirements
	r.Build = o.dependencies(o.requirement("build"), true)
	r.Host = o.dependencies(o.requirement("host"), true)
	r.Run = o.pinAsBuild(o.dependencies(o.requirement("run"), false))
	for _, list := range [][]Dependency{r.Build, r.Host, r.Run} {
		for i, d := range list {
			if s := starred(d.Spec); s != d.Spec {
				list[i].Meant = s
			}
		}
	}
	r.RunConstraints = o.dependencies(list1(o.get("requirements", "run_constrained")), false)
	r.IgnoreByName = o.v0Pass.texts(list1(o.get("build", "ignore_run_exports")))
	r.IgnoreFrom = o.v0Pass.texts(list1(o.get("build", "ignore_run_exports_from")))
	o.runExports()
}

func (o *v0Output) runExports() {
	n := o.get("build", "run_exports")
	e := &o.out.Requirements.RunExports
	if n == nil || n.Kind != yaml.MappingNode {
		e.Weak = o.dependencies(list1(n), false)
		return
	}
	for k, v := range yamlx.Pairs(n) {
		to := map[string]*[]Dependency{"weak": &e.Weak, "strong": &e.Strong, "noarch": &e.NoArch,
			"weak_constrains": &e.WeakConstrains, "strong_constrains": &e.StrongConstrains}[k.Value]
		if to == nil {
			d := o.at(o.doc, k, "unknown-key", "unknown key %q in run_exports", k.Value)
			d.Suggestion = didYouMean(k.Value, []string{"weak", "strong", "noarch", "weak_constrains", "strong_constrains"})
			o.found.add(d)
			continue
		}
		*to = o.dependencies(list1(v), false)
	}
}

var xDotX = pattern{src: `^([0-9a-zA-Z.\-_]+)\s+x\.x`}

// dependencies reads a list of requirements. In build and host a bare name takes the variant's version.
func (o *v0Output) dependencies(nodes []*yaml.Node, pinned bool) []Dependency {
	var out []Dependency
	for _, n := range nodes {
		if n.Kind != yaml.ScalarNode {
			if !yamlx.IsNull(n) {
				o.errorf(n, "wrong-type", "a requirement is a text, this is %s", yamlx.Kind(n))
			}
			continue
		}
		s := strings.TrimSpace(scalar(n))
		if s == "" {
			continue
		}
		d := Dependency{Pos: o.place(o.doc, n)}
		if pin := o.pin(s); pin != nil && strings.HasPrefix(s, markOpen) {
			copied := *pin
			_, rest, _ := strings.Cut(s, markClose)
			if copied.Build = strings.TrimSpace(rest); copied.Build != "" && copied.Exact {
				copied.Build = ""
			}
			d.Pin = &copied
			out = append(out, d)
			continue
		}
		s = o.text(n)
		var m []string
		if strings.Contains(s, "x.x") {
			m = xDotX.FindStringSubmatch(s)
		}
		switch {
		case m != nil && o.variantVersion(m[1]) != "":
			s = starred(m[1] + " " + o.variantVersion(m[1]))
			if !pinned {
				d.Pin, s = &Pin{Name: m[1], Lower: "x.x", Upper: "x.x", CondaBuild: true}, ""
			}
		case pinned && !strings.ContainsAny(s, " =<>![") && o.variantVersion(s) != "":
			s = starred(s + " " + o.variantVersion(s))
		}
		if d.Pin == nil {
			if err := o.checkSpec(s); err != nil {
				o.errorf(n, "bad-spec", "requirement %q: %s", s, err)
				continue
			}
			d.Spec = s
		}
		out = append(out, d)
	}
	return out
}

// checkSpec reads a requirement, once for all variants and outputs.
func (v *v0) checkSpec(s string) error {
	if packages.ValidName(s) {
		return nil
	}
	err, known := v.specs[s]
	if !known {
		_, err = packages.ParseMatchSpec(s)
		v.specs[s] = err
	}
	return err
}

// variantVersion is the variant's value for a package, whose key may be spelled with _ for -.
func (o *v0Output) variantVersion(name string) string {
	if v, ok := o.variant[name]; ok {
		return v
	}
	if v, ok := o.variant[strings.ReplaceAll(name, "-", "_")]; ok {
		return v
	}
	return ""
}

// pinAsBuild is pin_run_as_build: a bare run requirement that is also in host is pinned to what was
// solved there.
func (o *v0Output) pinAsBuild(run []Dependency) []Dependency {
	if o.opts.noBuildPins {
		return run
	}
	section := "build"
	if o.hasRequirement("host") {
		section = "host"
	}
	var built map[string]string
	for i, d := range run {
		pin, ok := o.cfg.pins[d.Spec]
		if !ok || d.Pin != nil || d.Spec == "python" && (o.out.NoArch != "" || truthy(o.get("build", "noarch_python"))) {
			continue
		}
		if built == nil {
			built = o.names(section)
		}
		if has(built, d.Spec) {
			run[i] = Dependency{Pin: &Pin{Name: pin.Name, Lower: pin.Lower, Upper: pin.Upper, CondaBuild: true}, Pos: d.Pos}
		}
	}
	return run
}

func (p *v0Pass) extraMap(n *yaml.Node) map[string]any {
	m, _ := p.plain(n).(map[string]any)
	return m
}

// plain is a tree of texts, numbers and truth values.
func (p *v0Pass) plain(n *yaml.Node) any {
	switch {
	case yamlx.IsNull(n):
		return nil
	case n.Kind == yaml.MappingNode:
		m := map[string]any{}
		for k, v := range yamlx.Pairs(n) {
			m[k.Value] = p.plain(v)
		}
		return m
	case n.Kind == yaml.SequenceNode:
		out := []any{}
		for _, e := range n.Content {
			out = append(out, p.plain(e))
		}
		return out
	}
	if s := p.text(n); s != n.Value {
		return s
	}
	return typed(n)
}

func (p *v0Pass) sign(o *Output) {
	at := yamlx.Get(yamlx.Get(p.root("extra"), "forge"), "signatures")
	signatures(o.Sources, o.Extra, func(format string, args ...any) { p.errorf(at, "bad-signature", format, args...) })
}

// staging is the build at the top of a recipe with outputs, from whose result they start.
func (p *v0Pass) staging(outputs []*v0Output) *v0Output {
	script := "build.sh"
	if p.scope.os() == "win" {
		script = "bld.bat"
	}
	if yamlx.IsNull(yamlx.Get(p.root("build"), "script")) && !p.script(script).found {
		return nil
	}
	name := p.topName()
	for _, o := range outputs {
		if o.name == name {
			name += "_build"
			break
		}
	}
	o := &v0Output{v0Pass: p, name: name}
	o.out = p.newOutput(name)
	o.out.Staging = true
	o.out.Version = p.text(yamlx.Get(p.root("package"), "version"))
	o.number()
	o.fillRequirements()
	o.out.Requirements.RunExports = RunExports{}
	o.out.Requirements.Run, o.out.Requirements.RunConstraints = nil, nil
	o.used = o.usedKeys()
	o.out.Sources = p.sources()
	o.fillBuild()
	o.out.Build.EntryPoints = nil
	o.out.Extra = p.extraMap(p.root("extra"))
	p.sign(o.out)
	return o
}

// inherit makes o start from the staging output. conda-build unpacks the sources once, for all; and the
// environments of an output are its own, so nothing is exported from those of the staging one.
func (o *v0Output) inherit(from *v0Output) {
	if o.out.Skip || o.out == nil {
		return
	}
	if len(o.out.Build.Scripts) == 0 && o.out.Build.Files.IsZero() && o.own {
		return // a metapackage
	}
	if !o.own && yamlx.IsNull(yamlx.Get(yamlx.Get(o.node, "build"), "script")) && yamlx.IsNull(yamlx.Get(o.node, "script")) {
		o.out.Build.Scripts = nil // its build is the staging one
	}
	o.out.Inherit, o.out.InheritFrom = from.name, from.out
	o.out.OwnFilesOnly = len(o.out.Build.Scripts) > 0 && o.out.Build.Files.IsZero()
	o.out.Sources = nil
}
