package recipes

import (
	"errors"
	"strings"

	"forge/packages"
	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

func (f *frame) tests(n *yaml.Node) []Test {
	var out []Test
	for _, e := range f.listItems(n) {
		t := f.test(e)
		t.Pos = f.doc.Pos(e)
		out = append(out, t)
	}
	return out
}

func (f *frame) test(n *yaml.Node) Test {
	get := func(key string) *yaml.Node { return yamlx.Get(n, key) }
	switch {
	case get("python") != nil:
		versions := yamlx.Get(get("python"), "python_version")
		return Test{Python: f.pythonTest(get("python")), words: &testWords{oneVersion: versions != nil && versions.Kind == yaml.ScalarNode}}
	case get("perl") != nil:
		return Test{Perl: &ListTest{Names: f.texts(yamlx.Get(get("perl"), "uses"))}}
	case get("r") != nil:
		return Test{R: &ListTest{Names: f.texts(yamlx.Get(get("r"), "libraries"))}}
	case get("ruby") != nil:
		return Test{Ruby: &ListTest{Names: f.texts(yamlx.Get(get("ruby"), "requires"))}}
	case get("script") != nil:
		return Test{Script: f.scriptTest(n)}
	case get("downstream") != nil:
		return Test{Downstream: f.text(get("downstream"))}
	}
	return Test{PackageContents: f.contentsTest(get("package_contents"))}
}

func (f *frame) pythonTest(n *yaml.Node) *PythonTest {
	t := &PythonTest{Imports: f.texts(yamlx.Get(n, "imports")), PipCheck: f.boolean(yamlx.Get(n, "pip_check"), true)}
	versions := yamlx.Get(n, "python_version")
	for _, e := range f.listItems(versions) {
		s := f.text(e)
		if s == "" && versions.Kind == yaml.SequenceNode {
			continue
		}
		condition := s
		if strings.IndexAny(s, "<>!~") != 0 {
			condition = "=" + s
		}
		_, err := packages.ParseVersionSpec(condition)
		if err == nil && strings.Trim(s, "=.*") == "" && s != "*" {
			err = errors.New("it names no version")
		}
		if s != "" && err != nil {
			f.errorf(e, "bad-value", "python_version %q is not a version condition such as 3.11.* or >=3.8: %v", s, err)
		}
		t.PythonVersions = append(t.PythonVersions, s)
	}
	return t
}

func (f *frame) scriptTest(n *yaml.Node) *ScriptTest {
	script := yamlx.Get(n, "script")
	f.readPlan(buildPart{script: script})
	t := &ScriptTest{}
	if scripts := f.scripts(script, f.opts.HostPlatform, nil); len(scripts) > 0 {
		t.Script = scripts[0]
	}
	if t.Script.Text == "" {
		d := f.doc.At(n, "empty-test", "this test runs nothing on %s", f.opts.TargetPlatform)
		d.Severity = 2
		f.found.add(d)
	}
	req, files := yamlx.Get(n, "requirements"), yamlx.Get(n, "files")
	t.Run, t.Build = f.specs(yamlx.Get(req, "run")), f.specs(yamlx.Get(req, "build"))
	t.SourceFiles, t.RecipeFiles = f.patterns(yamlx.Get(files, "source")), f.patterns(yamlx.Get(files, "recipe"))
	return t
}

// specs are dependencies as text; a pin has no meaning in a test.
func (f *frame) specs(n *yaml.Node) []string {
	var out []string
	for _, d := range f.dependencies(n) {
		if d.Pin != nil {
			f.errorf(n, "bad-value", "a test's requirement cannot be a pin of %s", d.Pin.Name)
			continue
		}
		out = append(out, d.Spec)
	}
	return out
}

func (f *frame) contentsTest(n *yaml.Node) *ContentsTest {
	t := &ContentsTest{Strict: f.boolean(yamlx.Get(n, "strict"), false)}
	for _, k := range []struct {
		key      string
		yes, not *[]string
	}{{"files", &t.Files, &t.NotFiles}, {"site_packages", &t.SitePackages, &t.NotSitePackages}, {"bin", &t.Bin, &t.NotBin},
		{"lib", &t.Lib, &t.NotLib}, {"include", &t.Include, &t.NotInclude}} {
		c := yamlx.Get(n, k.key)
		if c != nil && c.Kind == yaml.MappingNode && yamlx.Get(c, "if") == nil {
			*k.yes, *k.not = f.patterns(yamlx.Get(c, "exists")), f.patterns(yamlx.Get(c, "not_exists"))
		} else {
			*k.yes = f.patterns(c)
		}
	}
	return t
}

// signatures reads extra.forge.signatures and gives each source its own. It serves every format.
func signatures(sources []Source, extra map[string]any, problem func(format string, args ...any)) {
	forge, _ := extra["forge"].(map[string]any)
	raw, given := forge["signatures"]
	if !given {
		return
	}
	entries, ok := raw.([]any)
	if !ok {
		problem("extra.forge.signatures is a list of {source, url, fingerprint, key}")
		return
	}
	for i, e := range entries {
		m, ok := e.(map[string]any)
		if !ok {
			problem("entry %d of extra.forge.signatures is not a mapping", i)
			continue
		}
		signature(sources, i, m, problem)
	}
}

func signature(sources []Source, i int, m map[string]any, problem func(format string, args ...any)) {
	known := []string{"source", "url", "fingerprint", "key", "allow", "reason"}
	for k := range m {
		if !contains(known, k) {
			problem("unknown key %q in entry %d of extra.forge.signatures; known: %s", k, i, strings.Join(known, ", "))
		}
	}
	at, ok := m["source"].(int)
	if _, given := m["source"]; given && !ok || at < 0 || at >= len(sources) {
		problem("entry %d of extra.forge.signatures: source %v is not the number of a source (there are %d, from 0)", i, m["source"], len(sources))
		return
	}
	str := func(key string) string { s, _ := m[key].(string); return s }
	s := Signature{URLs: words(m["url"]), Fingerprint: strings.ToUpper(strings.ReplaceAll(str("fingerprint"), " ", "")),
		Key: str("key"), Allow: words(m["allow"]), Reason: str("reason"), Pos: sources[at].Pos}
	for _, msg := range s.wrong() {
		problem("entry %d of extra.forge.signatures: %s", i, msg)
	}
	sources[at].Signatures = append(sources[at].Signatures, s)
}

// wrong lists what a signature lacks.
func (s Signature) wrong() (out []string) {
	if len(s.URLs) == 0 {
		out = append(out, "it lacks the url of the .asc or .sig")
	}
	if n := len(s.Fingerprint); n != 40 && n != 64 || strings.Trim(s.Fingerprint, "0123456789ABCDEF") != "" {
		out = append(out, "the fingerprint is the whole one, 40 or 64 hex digits, not "+quoted(s.Fingerprint))
	}
	if s.Key == "" {
		out = append(out, "it lacks the key, a file in the recipe's folder")
	}
	for _, a := range s.Allow {
		if a != "sha1" {
			out = append(out, "allow takes sha1, not "+quoted(a))
		}
	}
	if len(s.Allow) > 0 && s.Reason == "" {
		out = append(out, "an exception (allow) needs a reason")
	}
	return out
}

func contains(list []string, s string) bool {
	for _, e := range list {
		if e == s {
			return true
		}
	}
	return false
}

// words is a text or a list of texts.
func words(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, e := range v {
			if s, ok := e.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}
