package recipes

import (
	"strings"

	"forge/internal/diag"
	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

func (c *metaConverter) runExports(requirements *yaml.Node, list []choice) {
	to := within(requirements, "run_exports")
	now := map[string]string{"strong": "strong", "weak": "weak", "noarch": "noarch", "strong_constrains": "strong_constraints", "weak_constrains": "weak_constraints"}
	for _, ch := range list {
		if ch.value.Kind != yaml.MappingNode {
			addItems(to, "weak", c.specLists([]choice{ch}, true))
			continue
		}
		order, by := c.fields(ch.value)
		for _, k := range order {
			if now[k] == "" {
				c.warn(by[k][0].key, "run_exports has no %s; it is left out", k)
				continue
			}
			addItems(to, now[k], c.specLists(by[k], true))
			if v := yamlx.Get(to, now[k]); v != nil && len(to.Content) > 1 {
				c.comments(to.Content[len(to.Content)-2], by[k][0].key)
			}
		}
	}
}

func (c *metaConverter) requirements(to, n *yaml.Node) {
	if yamlx.IsNull(n) {
		return
	}
	out := within(to, "requirements")
	if n.Kind != yaml.MappingNode { // an output's list counts for host and run
		addPair(out, "host", c.specLists([]choice{{n, n, ""}}, false))
		addPair(out, "run", c.specLists([]choice{{n, n, ""}}, true))
		return
	}
	order, by := c.fields(n)
	first := mapNode()
	for _, k := range order {
		switch k {
		case "build", "host", "run":
			c.put(first, k, by[k], c.specLists(by[k], k == "run"))
		case "run_constrained":
			c.put(first, "run_constraints", by[k], c.specLists(by[k], true))
		case "conflicts":
			c.lost(by[k][0].key, "requirements have no conflicts in recipe.yaml; write what may be there in run_constraints")
		default:
			c.warn(by[k][0].key, "the key %s means nothing in requirements; it is left out", k)
		}
	}
	out.Content = append(first.Content, out.Content...)
	if len(out.Content) == 0 {
		to.Content = to.Content[:len(to.Content)-2]
	}
}

// tests converts the test section, and the run_test files beside the recipe.
func (c *metaConverter) tests(to, n *yaml.Node, top bool, name string) {
	b := &itemList{out: listNode()}
	order, by := c.fields(n)
	for _, k := range order {
		if !contains(v0Fields("test"), k) {
			c.warn(by[k][0].key, "the key %s means nothing in a test section; it is left out", k)
		}
	}
	requirements, files := mapNode(), mapNode()
	c.onlyNames = true
	addPair(requirements, "run", c.specLists(by["requires"], true))
	c.onlyNames = false
	addPair(files, "recipe", c.lists(by["files"]))
	addPair(files, "source", c.lists(by["source_files"]))
	script := func(condition string, v *yaml.Node) {
		t := mapNode(plainNode("script"), v)
		if len(requirements.Content) > 0 {
			addPair(t, "requirements", clone(requirements))
		}
		if len(files.Content) > 0 {
			addPair(t, "files", clone(files))
		}
		b.add(condition, t)
	}
	if list := by["commands"]; len(list) > 0 {
		c.inScript = true
		if v := c.lists(c.splitLines(list)); v != nil {
			v.HeadComment = ""
			script("", v)
			c.comments(b.out.Content[len(b.out.Content)-1], list[0].key)
		}
	}
	c.inScript = false
	c.imports(b, by["imports"], name, yamlx.Get(requirements, "run"))
	if list := by["script"]; len(list) > 0 && !top {
		script("", mapNode(plainNode("file"), c.scalar(list)))
	}
	if top {
		c.testFiles(script)
	}
	for _, ch := range by["downstreams"] {
		for _, e := range list1(ch.value) {
			condition := joinConditions(ch.condition, c.condition(e.Line))
			b.add(condition, mapNode(plainNode("downstream"), c.text(e)))
		}
	}
	if len(b.out.Content) > 0 {
		addPair(to, "tests", b.out)
	}
}

// testFiles are the scripts beside the recipe that conda-build runs without being told.
func (c *metaConverter) testFiles(script func(condition string, v *yaml.Node)) {
	for _, f := range []struct{ ext, condition string }{{".sh", "unix"}, {".bat", "win"}, {".py", ""}, {".pl", ""}, {".r", ""}} {
		if name := "run_test" + f.ext; c.beside(name) {
			script(f.condition, mapNode(plainNode("file"), plainNode(name)))
		}
	}
	if c.beside("run_test.lua") {
		script("", mapNode(plainNode("interpreter"), plainNode("lua"), plainNode("file"), plainNode("run_test.lua")))
	}
}

// imports are names to import, in Python or in the language that an entry or the package's name tells.
// requires is the list that conda-build's one environment for all tests has, too.
func (c *metaConverter) imports(b *itemList, list []choice, name string, requires *yaml.Node) {
	plain := &yaml.Node{Kind: yaml.SequenceNode}
	var condition string
	for _, ch := range list {
		plain.Line, condition = ch.value.Line, ch.condition
		for _, e := range list1(ch.value) {
			if e.Kind == yaml.MappingNode {
				lang, _ := c.template(yamlx.Get(e, "lang"))
				c.importTest(b, lang, condition, yamlx.Get(e, "imports"), requires)
				continue
			}
			plain.Content = append(plain.Content, e)
		}
	}
	lang := "python"
	switch {
	case strings.HasPrefix(name, "perl-"):
		lang = "perl"
	case strings.HasPrefix(name, "r-"):
		lang = "r"
	}
	c.importTest(b, lang, condition, plain, requires)
}

func (c *metaConverter) importTest(b *itemList, lang, condition string, n, requires *yaml.Node) {
	items := c.texts(n)
	if items == nil {
		return
	}
	switch lang {
	case "python":
		t := mapNode(plainNode("imports"), items, plainNode("pip_check"), plainNode("false"))
		addPair(t, "python_version", c.pythonOf(requires, n))
		b.add(condition, mapNode(plainNode("python"), t))
	case "perl":
		b.add(condition, mapNode(plainNode("perl"), mapNode(plainNode("uses"), items)))
	case "r":
		b.add(condition, mapNode(plainNode("r"), mapNode(plainNode("libraries"), items)))
	default:
		c.lost(n, "imports cannot be tested in the language %q", lang)
	}
}

// pythonOf is the version of Python that the tests require, nil for any. A python test has no other requirements
// in recipe.yaml, where each test has an environment of its own: which are lost is said.
func (c *metaConverter) pythonOf(requires, at *yaml.Node) (version *yaml.Node) {
	var lost []string
	for _, e := range list1(requires) {
		name, rest, _ := strings.Cut(e.Value, " ")
		switch {
		case e.Kind != yaml.ScalarNode:
			lost = append(lost, "those with a condition")
		case name == "pip", name == "python" && rest == "":
		case name == "python" && version == nil && !strings.Contains(strings.NewReplacer("${{ ", "", " }}", "").Replace(rest), " "):
			version = clone(e)
			version.Value = rest
		default:
			lost = append(lost, e.Value)
		}
	}
	if len(lost) > 0 {
		c.warn(at, "a python test has no requirements in recipe.yaml: it imports without %s", strings.Join(lost, ", "))
	}
	return version
}

func (c *metaConverter) about(to, n *yaml.Node) {
	if yamlx.IsNull(n) {
		return
	}
	now := map[string]string{"home": "homepage", "dev_url": "repository", "doc_url": "documentation", "license": "license", "license_family": "license_family",
		"license_file": "license_file", "summary": "summary", "description": "description"}
	out := mapNode()
	order, by := c.fields(n)
	for _, k := range order {
		list := by[k]
		first := list[0].value
		switch {
		case k == "license_file":
			v := c.lists(list)
			if v != nil && len(v.Content) == 1 && v.Content[0].Kind == yaml.ScalarNode {
				v = v.Content[0]
			}
			c.put(out, k, list, v)
		case now[k] == "":
			c.say(diag.Warning, list[0].key, "about has no %s in recipe.yaml; it is left out", k)
		case first.Kind == yaml.SequenceNode:
			if len(first.Content) > 1 {
				c.say(diag.Warning, list[0].key, "%s takes one URL in recipe.yaml; the first is taken", k)
			}
			if len(first.Content) > 0 {
				c.put(out, now[k], list, c.aboutText(k, c.text(first.Content[0]), first.Content[0]))
			}
		default:
			c.put(out, now[k], list, c.aboutText(k, c.scalar(list), first))
		}
	}
	if len(out.Content) > 0 {
		addPair(to, "about", out)
	}
}

// aboutText judges what recipe.yaml judges: licences and URLs.
func (c *metaConverter) aboutText(k string, v, at *yaml.Node) *yaml.Node {
	if v == nil || strings.Contains(v.Value, "${{") {
		return v
	}
	switch k {
	case "license":
		if yamlx.IsNull(at) || v.Value == "" {
			return nil
		}
		if err := checkLicense(v.Value); err != nil {
			if s := spdxLicense(v.Value); s != v.Value {
				c.warn(at, "%v; it is written %s, which you should check", err, s)
				v.Value = s
			}
		}
	case "home", "dev_url", "doc_url":
		if err := checkURL(v.Value); err != nil {
			c.warn(at, "%v; it is left out", err)
			return nil
		}
	}
	return v
}

// spdxLicense is the SPDX expression that a text most likely means, LicenseRef-… where that cannot be told.
func spdxLicense(s string) string {
	for _, old := range []string{"AGPL-3.0", "GPL-1.0", "GPL-2.0", "GPL-3.0", "LGPL-2.0", "LGPL-2.1", "LGPL-3.0"} {
		switch s {
		case old:
			return old + "-only"
		case old + "+":
			return old + "-or-later"
		}
	}
	for _, known := range [][2]string{{"Apache 2.0", "Apache-2.0"}, {"Apache License 2.0", "Apache-2.0"}, {"BSD 3-Clause", "BSD-3-Clause"}, {"BSD 2-Clause", "BSD-2-Clause"},
		{"MIT License", "MIT"}, {"GPL v3", "GPL-3.0-only"}, {"GPLv3", "GPL-3.0-only"}, {"GPLv2", "GPL-2.0-only"}} {
		if strings.EqualFold(s, known[0]) {
			return known[1]
		}
	}
	ref := strings.Map(func(r rune) rune {
		if r == '.' || r < 0x80 && isAlnum(r) {
			return r
		}
		return '-'
	}, strings.TrimSpace(s))
	for strings.Contains(ref, "--") {
		ref = strings.ReplaceAll(ref, "--", "-")
	}
	if ref = strings.Trim(ref, "-"); ref == "" {
		return s
	}
	return "LicenseRef-" + ref
}
