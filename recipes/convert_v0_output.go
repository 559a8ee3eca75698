package recipes

import (
	"os"
	"path/filepath"
	"strings"

	"forge/internal/diag"
	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

func (c *metaConverter) runExports(requirements *yaml.Node, list []choice) {
	c.specs = true
	defer func() { c.specs = false }()
	to := within(requirements, "run_exports")
	now := map[string]string{"strong": "strong", "weak": "weak", "noarch": "noarch", "strong_constrains": "strong_constraints", "weak_constrains": "weak_constraints"}
	for _, ch := range list {
		if ch.value.Kind == yaml.MappingNode {
			for k, v := range yamlx.Pairs(ch.value) {
				if now[k.Value] == "" {
					c.lost(k, "run_exports has no %s", k.Value)
					continue
				}
				if items := c.texts(v); items != nil {
					addPair(to, now[k.Value], items)
				}
			}
			continue
		}
		if items := c.lists([]choice{ch}); items != nil {
			addPair(to, "weak", items)
		}
	}
}

func (c *metaConverter) requirements(to, n *yaml.Node) {
	if yamlx.IsNull(n) {
		return
	}
	out := within(to, "requirements")
	if n.Kind != yaml.MappingNode { // an output's list counts for host and run
		c.specs = true
		addPair(out, "host", c.texts(n))
		addPair(out, "run", c.texts(n))
		c.specs = false
		return
	}
	order, by := c.fields(n)
	var first []*yaml.Node
	for _, k := range order {
		switch k {
		case "build", "host", "run":
			if v := c.specLists(by[k]); v != nil {
				first = append(first, plainNode(k), v)
			}
		case "run_constrained":
			if v := c.specLists(by[k]); v != nil {
				first = append(first, plainNode("run_constraints"), v)
			}
		default:
			c.lost(by[k][0].key, "requirements have no %s in recipe.yaml", k)
		}
	}
	out.Content = append(first, out.Content...)
	if len(out.Content) == 0 {
		to.Content = to.Content[:len(to.Content)-2]
	}
}

// tests converts the test section, and the run_test files beside the recipe.
func (c *metaConverter) tests(to, n *yaml.Node, top bool) {
	out := listNode()
	_, by := c.fields(n)
	for k, list := range by {
		if !contains(v0Fields("test"), k) {
			c.lost(list[0].key, "test has no %s", k)
		}
	}
	requirements, files := mapNode(), mapNode()
	addPair(requirements, "run", c.specLists(by["requires"]))
	addPair(files, "recipe", c.lists(by["files"]))
	addPair(files, "source", c.lists(by["source_files"]))
	script := func(v *yaml.Node) {
		t := mapNode(plainNode("script"), v)
		if len(requirements.Content) > 0 {
			addPair(t, "requirements", requirements)
		}
		if len(files.Content) > 0 {
			addPair(t, "files", files)
		}
		out.Content = append(out.Content, t)
	}
	if v := c.lists(by["commands"]); v != nil {
		script(v)
	}
	c.imports(out, by["imports"])
	if list := by["script"]; len(list) > 0 {
		script(mapNode(plainNode("file"), c.scalar(list)))
	}
	if top {
		for _, ext := range []string{".sh", ".bat", ".py", ".pl", ".r"} {
			name := "run_test" + ext
			if _, err := os.Stat(filepath.Join(filepath.Dir(c.path), name)); err == nil {
				script(mapNode(plainNode("file"), plainNode(name)))
			}
		}
	}
	for _, ch := range by["downstreams"] {
		for _, e := range list1(ch.value) {
			out.Content = append(out.Content, mapNode(plainNode("downstream"), c.text(e)))
		}
	}
	if len(out.Content) > 0 {
		addPair(to, "tests", out)
	}
}

func (c *metaConverter) imports(out *yaml.Node, list []choice) {
	for _, ch := range list {
		plain := &yaml.Node{Kind: yaml.SequenceNode, Line: ch.value.Line}
		for _, e := range list1(ch.value) {
			if e.Kind == yaml.MappingNode {
				c.lost(e, "an import that names its language becomes a test of its own; write it by hand")
				continue
			}
			plain.Content = append(plain.Content, e)
		}
		if items := c.texts(plain); items != nil {
			out.Content = append(out.Content, mapNode(plainNode("python"), mapNode(plainNode("imports"), items, plainNode("pip_check"), plainNode("false"))))
		}
	}
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
		switch {
		case k == "license_file":
			v := c.lists(list)
			if v != nil && len(v.Content) == 1 && v.Content[0].Kind == yaml.ScalarNode {
				v = v.Content[0]
			}
			addPair(out, k, v)
		case now[k] == "":
			c.say(diag.Warning, list[0].key, "about has no %s in recipe.yaml; it is left out", k)
		case list[0].value.Kind == yaml.SequenceNode:
			if len(list[0].value.Content) > 1 {
				c.say(diag.Warning, list[0].key, "%s takes one URL in recipe.yaml; the first is taken", k)
			}
			if len(list[0].value.Content) > 0 {
				addPair(out, now[k], c.text(list[0].value.Content[0]))
			}
		default:
			v := c.scalar(list)
			if k == "license" && v != nil {
				if err := checkLicense(v.Value); err != nil && !strings.Contains(v.Value, "${{") {
					c.lost(list[0].value, "%v", err)
				}
			}
			if v != nil && strings.Contains("home dev_url doc_url", k) && !strings.Contains(v.Value, "${{") {
				if err := checkURL(v.Value); err != nil {
					c.lost(list[0].value, "%v", err)
				}
			}
			addPair(out, now[k], v)
		}
	}
	if len(out.Content) > 0 {
		addPair(to, "about", out)
	}
}

// outputs converts the outputs. What the recipe itself builds before them becomes a staging output.
func (c *metaConverter) outputs(root, top, list *yaml.Node, name string) {
	for k, v := range yamlx.Pairs(top) {
		if k.Value == "about" || k.Value == "build" && c.onlyShared(v) {
			addPair(root, k.Value, v)
		} else if k.Value == "tests" {
			c.lost(list, "the tests of the recipe belong to one of its outputs; move them there")
		}
	}
	out := listNode()
	staged := ""
	needs := yamlx.Get(top, "requirements")
	if yamlx.Get(needs, "build") != nil || yamlx.Get(needs, "host") != nil || yamlx.Get(yamlx.Get(top, "build"), "script") != nil {
		staged = c.staging(out, top, name)
	}
	for _, e := range list.Content {
		if e.Kind != yaml.MappingNode {
			c.lost(e, "an output that is a name alone")
			continue
		}
		o := c.output(e)
		if staged != "" {
			addPair(o, "inherit", plainNode(staged))
		}
		if condition := c.condition(e.Line); condition != "" {
			c.lost(e, "an output depends on [%s]; say so in its build.skip", condition)
		}
		out.Content = append(out.Content, o)
	}
	if run := yamlx.Get(yamlx.Get(top, "requirements"), "run"); run != nil && !c.named(list, name) {
		own := mapNode(plainNode("package"), mapNode(plainNode("name"), c.text(yamlx.Get(c.at("package"), "name"))))
		addPair(own, "requirements", mapNode(plainNode("run"), run))
		if staged != "" {
			addPair(own, "inherit", plainNode(staged))
		}
		out.Content = append(out.Content, own)
	}
	addPair(root, "outputs", out)
}

// named reports whether an output has the recipe's own name.
func (c *metaConverter) named(list *yaml.Node, name string) bool {
	for _, e := range list.Content {
		if n := c.value(yamlx.Get(e, "name")); n == name || n == "" {
			return true
		}
	}
	return false
}

// onlyShared reports whether a build section has nothing but what all outputs take over.
func (c *metaConverter) onlyShared(build *yaml.Node) bool {
	for i := 0; i+1 < len(build.Content); i += 2 {
		switch build.Content[i].Value {
		case "number", "skip", "string":
		default:
			build.Content = append(build.Content[:i:i], build.Content[i+2:]...)
			i -= 2
		}
	}
	return len(build.Content) > 0
}

func (c *metaConverter) staging(out, top *yaml.Node, name string) string {
	name, err := c.w.template(name)
	if err != nil || strings.Contains(name, "${{") {
		name = "build"
	}
	name += "-build"
	o := mapNode(plainNode("staging"), mapNode(plainNode("name"), plainNode(name)))
	requirements := mapNode()
	for k, v := range yamlx.Pairs(yamlx.Get(top, "requirements")) {
		if k.Value == "build" || k.Value == "host" || k.Value == "ignore_run_exports" {
			addPair(requirements, k.Value, v)
		}
	}
	if len(requirements.Content) > 0 {
		addPair(o, "requirements", requirements)
	}
	if s := yamlx.Get(yamlx.Get(top, "build"), "script"); s != nil {
		addPair(o, "build", mapNode(plainNode("script"), s))
	}
	out.Content = append(out.Content, o)
	return name
}

func (c *metaConverter) output(e *yaml.Node) *yaml.Node {
	o, head := mapNode(), mapNode()
	order, by := c.fields(e)
	addPair(head, "name", c.scalar(by["name"]))
	if v := c.scalar(by["version"]); v != nil {
		if !strings.Contains(v.Value, "${{") {
			v.Style, v.Tag = yaml.DoubleQuotedStyle, "!!str"
		}
		addPair(head, "version", v)
	}
	addPair(o, "package", head)
	section := func(key string) *yaml.Node {
		if len(by[key]) == 0 {
			return nil
		}
		return by[key][0].value
	}
	c.build(o, section("build"))
	build := func() *yaml.Node { return within(o, "build") }
	for _, k := range order {
		list := by[k]
		switch k {
		case "name", "version", "build", "requirements", "test", "about":
		case "script":
			if v := c.scalar(list); v != nil && !strings.Contains(v.Value, "${{ ") && list[0].value.Kind == yaml.ScalarNode {
				addPair(build(), "script", mapNode(plainNode("file"), v))
			} else {
				c.script(build(), list)
			}
		case "files":
			if list[0].value.Kind == yaml.MappingNode {
				addPair(build(), "files", c.free(list[0].value))
			} else {
				addPair(build(), "files", c.lists(list))
			}
		case "run_exports":
			c.runExports(within(o, "requirements"), list)
		case "number", "string", "noarch":
			addPair(build(), k, c.scalar(list))
		case "entry_points":
			addPair(within(build(), "python"), k, c.lists(list))
		case "type":
			if v := c.value(list[0].value); v != "conda" && v != "conda_v2" {
				c.lost(list[0].key, "an output of the type %s", v)
			}
		default:
			c.lost(list[0].key, "an output has no %s in recipe.yaml", k)
		}
	}
	c.requirements(o, section("requirements"))
	c.tests(o, section("test"), false)
	c.about(o, section("about"))
	return o
}
