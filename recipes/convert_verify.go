package recipes

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"sort"
	"strings"

	"forge/internal/diag"
)

// difference is something that a recipe and its conversion do not agree about.
type difference struct {
	output, field, before, after string
	pos                          diag.Pos
	minor                        bool // only the hash and the name of the package are others
}

// compareConverted renders nothing: it says in what two renderings of one recipe differ. Of what the
// formats do not have in common by design, it compares what they do:
//
//   - hashes and the build strings made of them: the two formats hash different keys in another way, so
//     the parts around the hash are compared, and which keys with several values tell variants apart;
//   - what comes before the hash of a build string that the format makes itself (np126py311): it follows
//     from the variant, each format having its own rule which packages it names;
//   - bare names in build and host, which meta.yaml renders with the variant's version, recipe.yaml
//     without (the solver takes it from there);
//   - pin_run_as_build, which recipe.yaml does not have: packages that need it carry run_exports;
//   - fields of about that recipe.yaml has no place for; licences and URLs that it refuses, whose change
//     the conversion itself has said.
func compareConverted(before, after *Rendered) []difference {
	c := &comparer{loop: loopKeys(before, after), values: map[string][]string{}}
	c.read(before)
	c.read(after)
	old, now := c.byName(before), c.byName(after)
	var out []difference
	for _, name := range sortedNames(old) {
		out = append(out, comparePackages(name, old[name], now[name])...)
	}
	for _, name := range sortedNames(now) {
		if len(old[name]) == 0 {
			f := now[name][0]
			out = append(out, difference{output: name, field: "output", after: fmt.Sprintf("%d variants", len(now[name])), pos: f.pos})
		}
	}
	return out
}

// facts is what of an output is compared, field by field.
type facts struct {
	field map[string]string
	pos   diag.Pos
}

// comparer knows the variants of both renderings.
type comparer struct {
	loop   map[string]bool     // keys with several values
	values map[string][]string // of all variants
}

func (c *comparer) read(r *Rendered) {
	for _, o := range r.Outputs {
		for k, v := range o.Full {
			k, s := normalKey(k), fmt.Sprint(v)
			if !slices.Contains(c.values[k], s) {
				c.values[k] = append(c.values[k], s)
			}
		}
	}
}

// loopKeys are the variant keys that have several values.
func loopKeys(all ...*Rendered) map[string]bool {
	first, loop := map[string]string{}, map[string]bool{}
	for _, r := range all {
		for _, o := range r.Outputs {
			for k, v := range o.Full {
				k, s := normalKey(k), fmt.Sprint(v)
				if old, seen := first[k]; seen && old != s {
					loop[k] = true
				}
				first[k] = s
			}
		}
	}
	return loop
}

func (c *comparer) byName(r *Rendered) map[string][]facts {
	out := map[string][]facts{}
	seen := map[string]bool{}
	for _, o := range r.Outputs {
		if o.Skip { // the formats do not say equally much about what is not built
			continue
		}
		name := o.Name
		if o.Staging {
			name = "the build that outputs share"
		}
		f := facts{c.facts(o), o.Pos}
		key := name + fmt.Sprint(f.field)
		if o.Staging && seen[key] {
			continue
		}
		seen[key] = true
		out[name] = append(out[name], f)
	}
	return out
}

// comparePackages pairs outputs of one name: equal ones first, then those of one variant.
func comparePackages(name string, old, now []facts) (out []difference) {
	taken := make([]bool, len(now))
	take := func(fits func(f facts) bool) int {
		for i := range now {
			if !taken[i] && fits(now[i]) {
				taken[i] = true
				return i
			}
		}
		return -1
	}
	var rest []facts
	for _, f := range old {
		if take(func(g facts) bool { return sameFacts(f, g) }) < 0 {
			rest = append(rest, f)
		}
	}
	for _, f := range rest {
		i := take(func(g facts) bool {
			return f.field["variant"] == g.field["variant"] && f.field["build string"] == g.field["build string"]
		})
		if i < 0 {
			i = take(func(g facts) bool { return f.field["variant"] == g.field["variant"] })
		}
		if i < 0 {
			i = take(func(facts) bool { return true })
		}
		if i < 0 {
			out = append(out, difference{output: name, field: "output", before: "a variant with " + f.field["variant"], pos: f.pos})
			continue
		}
		for _, k := range sortedNames(f.field) {
			if f.field[k] != now[i].field[k] {
				out = append(out, difference{name, k, f.field[k], now[i].field[k], f.pos, k == "hashed keys"})
			}
		}
	}
	for i := range now {
		if !taken[i] {
			out = append(out, difference{output: name, field: "output", after: "a variant with " + now[i].field["variant"], pos: now[i].pos})
		}
	}
	return out
}

func sameFacts(a, b facts) bool {
	for k, v := range a.field {
		if b.field[k] != v {
			return false
		}
	}
	return true
}

func (c *comparer) facts(o *Output) map[string]string {
	v := o.View()
	r := &v.Requirements
	if o.Build.legacyNoArch { // how conda-build's earlier form of it is written now, which the conversion says
		v.NoArch = "python"
	}
	f := map[string]string{"name": v.Name, "version": v.Version, "build number": fmt.Sprint(v.Number), "noarch": v.NoArch,
		"build string": hashless(o), "variant": variantFacts(o, func(k string) bool { return c.loop[k] }), "hashed keys": variantFacts(o, func(k string) bool { return !c.loop[k] }), "source": asFact(sourceFacts(v.Sources, o.Recipe.Dir)), "script": asFact(scriptFacts(v.Scripts)),
		"requirements/build": asFact(c.specs(r.Build)), "requirements/host": asFact(c.specs(r.Host)), "requirements/run": asFact(c.specs(r.Run)),
		"requirements/run_constraints": asFact(c.specs(r.RunConstraints)), "run_exports": asFact(c.exports(r.RunExports)),
		"ignore_run_exports": asFact([2][]string{sorted(r.IgnoreByName), sorted(firstWordsOf(r.IgnoreFrom))}), "tests": asFact(c.tests(v.Tests)), "about": asFact(aboutFacts(v)),
		"inherits": fmt.Sprint(o.Inherit != "", o.Inherit != "" && o.InheritRunExports), "extra": asFact(o.Extra)}
	if o.Staging {
		for _, k := range []string{"name", "version", "build number", "noarch", "build string", "variant", "hashed keys", "about", "tests", "extra", "run_exports"} {
			delete(f, k)
		}
		return f
	}
	b := reflect.ValueOf(buildFacts(o))
	for i := range b.NumField() {
		if !b.Type().Field(i).IsExported() {
			continue
		}
		f["build/"+b.Type().Field(i).Name] = asFact(b.Field(i).Interface())
	}
	return f
}

func asFact(v any) string {
	data, err := json.Marshal(v)
	if s := string(data); err == nil && s != "null" && s != "{}" && s != "[]" {
		return s
	}
	return ""
}

func firstWordsOf(list []string) (out []string) {
	for _, s := range list {
		name, _, _ := strings.Cut(s, " ")
		out = append(out, name)
	}
	return out
}

func sorted(list []string) []string {
	list = slices.Clone(list)
	sort.Strings(list)
	return list
}

var (
	someHash = pattern{src: `h[0-9a-f]{7}`}
	ownName  = pattern{src: `^((np|py|pl|lua|r|mro)[0-9*]*)*_?(h…_?)?([0-9]+)$`}
)

// hashless is the build string with a mark for its hash.
func hashless(o *Output) string {
	s := someHash.ReplaceAllString(o.BuildString, "h…")
	if hex := strings.TrimPrefix(o.Hash, "h"); len(hex) == 7 {
		s = strings.ReplaceAll(s, hex, "…")
	}
	s = strings.ReplaceAll(s, "1234567", "…") // what stands there while nothing is final
	if m := ownName.FindStringSubmatch(s); m != nil {
		return m[4]
	}
	return s
}

// variantFacts is the variant that is hashed, without what only one of the formats puts there: the
// platform and channels, which are no choice, and the siblings that are pinned exactly.
func variantFacts(o *Output, counts func(key string) bool) string {
	used := map[string]any{}
	for k, v := range o.Variant {
		switch k {
		case "target_platform", "channel_targets", "channel_sources", "CONDA_BUILD_SYSROOT":
			continue
		}
		if (o.NoArch == "python" || o.Build.legacyNoArch) && k == "python" { // there is one, the newest
			continue
		}
		if !counts(normalKey(k)) {
			continue
		}
		if full, ok := o.Full[k]; ok || o.Full[strings.ReplaceAll(k, "_", "-")] != nil {
			if !ok {
				full = v
			}
			used[normalKey(k)] = strings.ToLower(fmt.Sprint(full))
		}
	}
	return asFact(used)
}

// specs are dependencies in one spelling.
func (c *comparer) specs(list []string) (out []string) {
	for _, s := range list {
		s = spaceInSpec.ReplaceAllString(strings.Join(strings.Fields(s), " "), "$1")
		out = append(out, c.withoutVariant(s))
	}
	return out
}

// withoutVariant takes out what meta.yaml writes into requirements and recipe.yaml leaves to the solver:
// the variant's version of a bare name, and the pins of pin_run_as_build.
func (c *comparer) withoutVariant(spec string) string {
	spec = exactSpec.ReplaceAllString(strings.ReplaceAll(spec, " =*=", " * "), "$1 $2")
	name, rest, _ := strings.Cut(spec, " ")
	for _, v := range c.values[normalKey(name)] {
		if rest != "" && strings.TrimSuffix(v, ".*") == strings.TrimSuffix(rest, ".*") {
			return name
		}
	}
	return name + canonicalVersion(rest)
}

// canonicalVersion is one spelling of a version condition, as conda-build reads it: 1.2 alone and =1.2
// are 1.2.*, beside a build string 1.2 is ==1.2.
func canonicalVersion(s string) string {
	version, build, exact := strings.Cut(s, " ")
	switch {
	case s == "":
		return ""
	case exact && !strings.ContainsAny(version, "=<>!~*,|"):
		version = "==" + version
	case !exact && !strings.ContainsAny(strings.TrimPrefix(version, "="), "=<>!~*,|"):
		version = strings.TrimPrefix(version, "=") + ".*"
	}
	return " " + strings.TrimSpace(version+" "+build)
}

var spaceInSpec = pattern{src: `([<>=!~,|]) `}

var exactSpec = regexp.MustCompile(`^(\S+ (?:==)?[^ =<>!~]+)=([^ =<>!~]+)$`) // name version=build

func (c *comparer) exports(m map[string][]string) map[string][]string {
	out := map[string][]string{}
	for k, list := range m {
		if facts := c.specs(list); len(facts) > 0 {
			out[k] = facts
		}
	}
	return out
}

// sourceFacts are sources in one spelling: a file beside the recipe is a path.
func sourceFacts(list []SourceView, dir string) []SourceView {
	for i := range list {
		if p := list[i].Path; p != "" && !filepath.IsAbs(p) {
			list[i].Path = filepath.Join(dir, p)
		}
		if u := list[i].URL; len(u) == 1 && strings.HasPrefix(u[0], "file://") {
			list[i].URL, list[i].Path = nil, strings.TrimPrefix(u[0], "file://")
		}
		if g := list[i].Git; g != nil && g.Rev == "HEAD" {
			one := *g
			one.Rev = ""
			list[i].Git = &one
		}
		for k, u := range list[i].URL {
			list[i].URL[k] = canonicalURL(u)
		}
	}
	return list
}

// lateName is a variable of the build's shell; recipe.yaml leaves it to the build where a text has one
// that it does not know.
var lateName = pattern{src: `\$\{\{ (?:env\.get\(")?([A-Z_]+)(?:"\))? \}\}`}

var errorLevel = pattern{src: `(?m)^if (errorlevel 1|%errorlevel% neq 0) exit 1$`}

var blankLines = pattern{src: `\n\s*\n`}

func scriptFacts(list []ScriptView) (out []ScriptView) {
	for _, s := range list {
		s.File, s.Interpreter = "", ""
		s.Text = lateName.ReplaceAllString(strings.TrimSpace(s.Text), "$$$1")
		s.Text = strings.TrimSpace(errorLevel.ReplaceAllString(s.Text, "")) // either format adds them
		s.Text = blankLines.ReplaceAllString(s.Text, "\n")
		if s.Text != "" || len(s.Env) > 0 || len(s.Secrets) > 0 { // a script whose file is empty does nothing
			out = append(out, s)
		}
	}
	return out
}

func (c *comparer) tests(list []TestView) (out []TestView) {
	for _, t := range list {
		if t.Script != nil {
			s := scriptFacts([]ScriptView{*t.Script})
			if len(s) == 0 {
				continue
			}
			t.Script = &s[0]
		}
		if t.Python != nil && len(t.Python.Requires) > 0 { // said by the converter
			python := *t.Python
			python.Requires = nil
			t.Python = &python
		}
		t.Run = c.specs(t.Run)
		out = append(out, t)
	}
	return out
}

var cmdVariable = pattern{src: `%([A-Z_]+)%`}

func aboutFacts(v View) any {
	a := v.About
	for _, l := range []*[]string{&a.Home, &a.DocURL, &a.DevURL} {
		for i, u := range *l {
			(*l)[i] = canonicalURL(strings.TrimSuffix(u, "/"))
		}
		*l = (*l)[:min(1, len(*l))]
	}
	a.Home = slices.DeleteFunc(a.Home, func(u string) bool { return checkURL(u) != nil })
	a.DocURL = slices.DeleteFunc(a.DocURL, func(u string) bool { return checkURL(u) != nil })
	a.DevURL = slices.DeleteFunc(a.DevURL, func(u string) bool { return checkURL(u) != nil })
	if a.License != "" && checkLicense(a.License) != nil {
		a.License = spdxLicense(a.License)
	}
	a.Extra, a.LicenseFamily, a.LicenseURL = nil, "", ""
	a.Summary, a.Description = strings.TrimSpace(a.Summary), strings.TrimSpace(a.Description)
	for i, f := range v.LicenseFiles {
		v.LicenseFiles[i] = cmdVariable.ReplaceAllString(f, "$$$1")
	}
	return struct{ About, Files any }{a, v.LicenseFiles}
}

func buildFacts(o *Output) Build {
	b := o.Build
	b.Scripts, b.Pos = nil, diag.Pos{}
	b.Activate, b.IncludeRecipe = false, false // recipe.yaml has no words for them
	b.MergeBuildHost = b.MergeBuildHost && len(o.Requirements.Build) > 0
	if len(b.Prefix.Ignore) == 1 && b.Prefix.Ignore[0] == "**" {
		b.Prefix.Ignore = []string{"*"} // both stand for all
	}
	b.AlwaysCopy, b.NoLink = append(slices.Clone(b.AlwaysCopy), b.NoLink...), nil
	b.DownPrioritize, b.TrackFeatures = b.DownPrioritize+len(b.TrackFeatures), nil // the same use
	b.EntryPoints = slices.Clone(b.EntryPoints)
	var files []string
	for _, f := range b.Files.Include {
		if folder, ok := strings.CutSuffix(f, "/**"); !ok || !slices.Contains(files, folder) || mayBeFolder(folder) {
			files = append(files, f)
		}
	}
	b.Files.Include = files
	b.Files.CondaBuild = false // written as recipe.yaml reads them
	for i, e := range b.EntryPoints {
		b.EntryPoints[i] = canonicalEntryPoint(e)
	}
	return b
}
