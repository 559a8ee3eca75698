package recipes

import (
	"slices"
	"strings"

	"forge/internal/diag"
	"forge/packages"
	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// fillTests reads the test section and the run_test files beside the recipe.
func (o *v0Output) fillTests() {
	get := func(key string) *yaml.Node { return o.get("test", key) }
	requires := o.v0Pass.texts(list1(get("requires")))
	for i, spec := range requires {
		requires[i] = starred(spec)
	}
	recipeFiles, sourceFiles := o.v0Pass.texts(list1(get("files"))), o.v0Pass.texts(list1(get("source_files")))
	pos := o.place(o.doc, o.root("test"))
	if n := yamlx.Get(o.node, "test"); n != nil {
		pos = o.place(o.doc, n)
	}
	script := func(s Script) {
		run := withInterpreter(requires, s.Interpreter)
		o.out.Tests = append(o.out.Tests, Test{Pos: pos, Script: &ScriptTest{Script: s, Run: run, RecipeFiles: recipeFiles, SourceFiles: sourceFiles}})
	}
	if n := get("commands"); !yamlx.IsNull(n) {
		if lines := o.v0Pass.texts(list1(n)); len(lines) > 0 {
			if o.out.HostPlatform.IsWindows() {
				for i, l := range lines {
					lines[i] = l + batchCheck
				}
			}
			script(Script{Text: strings.Join(lines, "\n"), FirstLine: o.place(o.doc, list1(n)[0]).Line, Pos: o.place(o.doc, n)})
		}
	}
	o.importTests(get("imports"), requires, pos)
	o.testFiles(script)
	for _, d := range o.v0Pass.texts(list1(get("downstreams"))) {
		o.out.Tests = append(o.out.Tests, Test{Pos: pos, Downstream: d})
	}
}

// withInterpreter adds what runs a test to what the test requires, as conda-build does (get_test_deps).
func withInterpreter(requires []string, interpreter string) []string {
	need := map[string]string{"python": "python", "perl": "perl", "rscript": "r-base", "lua": "lua"}[interpreter]
	if need == "" || slices.ContainsFunc(requires, func(spec string) bool {
		name, _, _ := strings.Cut(spec, " ")
		return name == need || need == "r-base" && name == "mro-base"
	}) {
		return requires
	}
	return append(slices.Clone(requires), need)
}

// importTests are names to import, in Python or in the language that an entry names.
func (o *v0Output) importTests(n *yaml.Node, requires []string, pos diag.Pos) {
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
			t.Python = importTest(names, requires)
		default:
			o.errorf(n, "unsupported", "imports cannot be tested in the language %q", lang)
			continue
		}
		o.out.Tests = append(o.out.Tests, t)
	}
}

// importTest imports names where all of requires is, as in conda-build, whose tests share one environment. What a
// recipe.yaml's python test has a word for, or what no import asks for, is no requirement of its own.
func importTest(names, requires []string) *PythonTest {
	t := &PythonTest{Imports: names}
	for _, spec := range requires {
		switch name, version, _ := strings.Cut(spec, " "); {
		case name == "pip": // it is there for pip check
		case name == "python" && version != "" && !strings.Contains(version, " "):
			t.PythonVersions = append(t.PythonVersions, version)
		case name == "python" && version == "":
		default:
			t.Requires = append(t.Requires, spec)
		}
	}
	return t
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
