package recipes

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"forge/internal/diag"
	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// recipe converts the sections.
func (c *metaConverter) recipe() *yaml.Node {
	root := mapNode()
	addPair(root, "schema_version", plainNode("1"))
	if len(c.context) > 0 {
		addPair(root, "context", mapNode(c.context...))
	}
	sections := map[string][]*yaml.Node{}
	for k, v := range yamlx.Pairs(c.root) {
		if contains(v0Sections(), k.Value) && k.Value != "app" {
			if condition := c.condition(k.Line); condition != "" {
				c.lost(k, "the section %s depends on [%s]", k.Value, condition)
			}
			sections[k.Value] = append(sections[k.Value], v)
			if len(sections[k.Value]) > 1 {
				c.lost(k, "the section %s is here twice", k.Value)
			}
			continue
		}
		c.lost(k, "the section %s has no counterpart", k.Value)
	}
	get := func(name string) *yaml.Node {
		if len(sections[name]) == 0 {
			return nil
		}
		return sections[name][0]
	}
	outputs := get("outputs")
	many := outputs != nil && outputs.Kind == yaml.SequenceNode && len(outputs.Content) > 0
	name := c.value(yamlx.Get(get("package"), "name"))
	if many {
		addPair(root, "recipe", c.packageNode(get("package")))
	} else {
		addPair(root, "package", c.packageNode(get("package")))
	}
	c.packageNames(get("package"))
	addPair(root, "source", c.sources(get("source")))
	top := mapNode()
	c.build(top, get("build"))
	c.requirements(top, get("requirements"))
	c.tests(top, get("test"), true)
	c.about(top, get("about"))
	if many {
		c.outputs(root, top, outputs, name)
	} else {
		root.Content = append(root.Content, top.Content...)
	}
	if extra := get("extra"); extra != nil {
		addPair(root, "extra", c.free(extra))
	}
	return root
}

// packageNames lets PKG_NAME and PKG_VERSION be written as what they stand for.
func (c *metaConverter) packageNames(n *yaml.Node) {
	for key, name := range map[string]string{"PKG_NAME": "name", "PKG_VERSION": "version"} {
		if s, err := c.w.asExpression(c.value(yamlx.Get(n, name))); err == nil && s != `""` {
			c.w.known[key] = s
		}
	}
}

// text converts a scalar.
func (c *metaConverter) text(n *yaml.Node) *yaml.Node {
	if n == nil || n.Kind != yaml.ScalarNode {
		return nil
	}
	s, err := c.w.template(c.value(n))
	if err != nil {
		c.lost(n, "%q cannot be written: %v", c.value(n), err)
	}
	out := &yaml.Node{Kind: yaml.ScalarNode, Tag: n.Tag, Value: s, Style: n.Style &^ yaml.TaggedStyle}
	if strings.Contains(s, "${{") || out.Style != 0 {
		out.Tag = "!!str"
	}
	if strings.HasPrefix(s, "${{") && out.Style == 0 {
		out.Tag = ""
	}
	if yamlx.IsNull(n) {
		out = plainNode("")
	}
	c.comments(out, n)
	return out
}

var selectorInComment = regexp.MustCompile(`#?\s*\[[^\[\]]*\][^()]*$`)

// comments carries comments over, without selectors.
func (c *metaConverter) comments(to, from *yaml.Node) {
	strip := func(s string) string {
		s = c.source(s)
		return strings.TrimRight(selectorInComment.ReplaceAllString(s, ""), " #\n")
	}
	to.HeadComment, to.LineComment = strip(from.HeadComment), strip(from.LineComment)
}

// items converts a list (or one value); what has a condition becomes if/then, neighbours of one together.
func (c *metaConverter) items(n *yaml.Node, item func(n *yaml.Node) *yaml.Node) *yaml.Node {
	out := listNode()
	c.comments(out, n)
	last := ""
	for _, e := range list1(n) {
		v := item(e)
		if v == nil {
			continue
		}
		condition := ""
		if n.Kind == yaml.SequenceNode {
			condition = c.condition(c.itemLine(e))
		}
		if condition == "" {
			out.Content = append(out.Content, v)
			last = ""
			continue
		}
		if condition == last {
			then := yamlx.Get(out.Content[len(out.Content)-1], "then")
			if then.Kind != yaml.SequenceNode {
				one := *then
				*then = *listNode(&one)
			}
			then.Content = append(then.Content, v)
			continue
		}
		last = condition
		m := mapNode()
		m.HeadComment = v.HeadComment
		v.HeadComment = ""
		addPair(m, "if", plainNode(condition))
		addPair(m, "then", v)
		out.Content = append(out.Content, m)
	}
	if len(out.Content) == 0 {
		return nil
	}
	return out
}

// itemLine is the line that carries an item's selector.
func (c *metaConverter) itemLine(e *yaml.Node) int { return e.Line }

func (c *metaConverter) texts(n *yaml.Node) *yaml.Node {
	if yamlx.IsNull(n) {
		return nil
	}
	return c.items(n, c.text)
}

// choice is a scalar that may be there several times, each with a condition.
type choice struct {
	key, value *yaml.Node
	condition  string
}

// fields gathers the keys of a mapping with their conditions.
func (c *metaConverter) fields(n *yaml.Node) (order []string, by map[string][]choice) {
	by = map[string][]choice{}
	for k, v := range yamlx.Pairs(n) {
		if len(by[k.Value]) == 0 {
			order = append(order, k.Value)
		}
		condition := c.condition(k.Line)
		if v.Line == k.Line || v.Kind == yaml.ScalarNode {
			by[k.Value] = append(by[k.Value], choice{k, v, condition})
			continue
		}
		if s := c.lineSelector(k.Line); s != "" && !c.allConditional(v) {
			c.lost(k, "%s depends on a selector, what is below it does not", k.Value)
		}
		by[k.Value] = append(by[k.Value], choice{k, v, ""})
	}
	return order, by
}

// allConditional reports whether every item of a list depends on a condition of its own.
func (c *metaConverter) allConditional(n *yaml.Node) bool {
	for _, e := range n.Content {
		if n.Kind != yaml.SequenceNode || c.condition(e.Line) == "" {
			return false
		}
	}
	return true
}

// scalar is a field that takes one text.
func (c *metaConverter) scalar(list []choice) *yaml.Node {
	if len(list) == 0 {
		return nil
	}
	last := list[len(list)-1]
	if last.condition == "" && (len(list) == 1 || allBare(list)) {
		return c.text(last.value)
	}
	s := `""`
	for _, ch := range list {
		if ch.value.Kind != yaml.ScalarNode {
			c.lost(ch.key, "%s depends on a selector and is no single text", ch.key.Value)
			return nil
		}
		v, err := c.w.asExpression(c.value(ch.value))
		if err != nil {
			c.lost(ch.value, "%q cannot be written: %v", c.value(ch.value), err)
		}
		if plainNumber.MatchString(c.value(ch.value)) && ch.value.Style == 0 {
			v = c.value(ch.value)
		}
		if ch.condition == "" {
			s = v
			continue
		}
		s = v + " if " + ch.condition + " else " + wrappedIf(s)
	}
	return plainNode("${{ " + s + " }}")
}

func wrappedIf(s string) string {
	if strings.Contains(s, " if ") {
		return "(" + s + ")"
	}
	return s
}

func allBare(list []choice) bool {
	for _, ch := range list {
		if ch.condition != "" {
			return false
		}
	}
	return true
}

// lists is a field that takes a list; several of them are put together.
func (c *metaConverter) lists(list []choice) *yaml.Node {
	out := listNode()
	for _, ch := range list {
		items := c.texts(ch.value)
		if items == nil {
			continue
		}
		if ch.condition == "" || ch.value.Kind == yaml.SequenceNode && ch.value.Line > ch.key.Line {
			out.Content = append(out.Content, items.Content...)
			continue
		}
		then := items
		if len(items.Content) == 1 {
			then = items.Content[0]
		}
		out.Content = append(out.Content, mapNode(plainNode("if"), plainNode(ch.condition), plainNode("then"), then))
	}
	if len(out.Content) == 0 {
		return nil
	}
	return out
}

func (c *metaConverter) packageNode(n *yaml.Node) *yaml.Node {
	out := mapNode()
	order, by := c.fields(n)
	for _, k := range order {
		v := c.scalar(by[k])
		if k == "version" && v != nil && !strings.Contains(v.Value, "${{") {
			v.Style, v.Tag = yaml.DoubleQuotedStyle, "!!str"
		}
		addPair(out, k, v)
	}
	return out
}

// free converts a tree of any content.
func (c *metaConverter) free(n *yaml.Node) *yaml.Node {
	switch n.Kind {
	case yaml.MappingNode:
		out := mapNode()
		for k, v := range yamlx.Pairs(n) {
			if condition := c.condition(k.Line); condition != "" {
				c.lost(k, "%s depends on [%s]", k.Value, condition)
			}
			addPair(out, c.source(k.Value), c.free(v))
		}
		c.comments(out, n)
		return out
	case yaml.SequenceNode:
		return emptyList(c.items(n, c.free))
	}
	return c.text(n)
}

func emptyList(n *yaml.Node) *yaml.Node {
	if n == nil {
		n = listNode()
		n.Style = yaml.FlowStyle
	}
	return n
}

// sources converts the source section; what has selectors becomes if/then of whole sources.
func (c *metaConverter) sources(n *yaml.Node) *yaml.Node {
	if yamlx.IsNull(n) {
		return nil
	}
	out := listNode()
	for _, e := range list1(n) {
		if e.Kind != yaml.MappingNode || len(e.Content) == 0 {
			continue
		}
		order, by := c.fields(e)
		var conditions []string
		for _, k := range order {
			for _, ch := range by[k] {
				if ch.condition != "" && !contains(conditions, ch.condition) {
					conditions = append(conditions, ch.condition)
				}
			}
		}
		if len(conditions) == 0 {
			out.Content = append(out.Content, c.source1(e, order, by, ""))
			continue
		}
		for _, condition := range conditions {
			if s := c.source1(e, order, by, condition); hasLocation(s) {
				out.Content = append(out.Content, mapNode(plainNode("if"), plainNode(condition), plainNode("then"), s))
			}
		}
		if s := c.source1(e, order, by, ""); hasLocation(s) {
			rest := "not (" + strings.Join(conditions, ") and not (") + ")"
			out.Content = append(out.Content, mapNode(plainNode("if"), plainNode(rest), plainNode("then"), s))
		}
	}
	switch len(out.Content) {
	case 0:
		return nil
	case 1:
		if yamlx.Get(out.Content[0], "if") == nil {
			return out.Content[0]
		}
	}
	return out
}

func hasLocation(n *yaml.Node) bool {
	return yamlx.Get(n, "url") != nil || yamlx.Get(n, "git") != nil || yamlx.Get(n, "path") != nil
}

// source1 is a source as it is under one condition.
func (c *metaConverter) source1(at *yaml.Node, order []string, by map[string][]choice, condition string) *yaml.Node {
	now := map[string]string{"url": "url", "fn": "file_name", "md5": "md5", "sha256": "sha256", "git_url": "git", "git_rev": "rev", "git_tag": "tag", "git_branch": "branch",
		"git_depth": "depth", "path": "path", "folder": "target_directory", "patches": "patches"}
	out := mapNode()
	for _, k := range order {
		var ch *choice
		for i := range by[k] {
			if by[k][i].condition == "" || by[k][i].condition == condition {
				ch = &by[k][i]
			}
		}
		switch {
		case ch == nil:
		case now[k] == "":
			c.lost(ch.key, "a source has no %s in recipe.yaml", k)
		case k == "patches":
			addPair(out, "patches", c.texts(ch.value))
		case k == "url" && ch.value.Kind == yaml.SequenceNode:
			urls := listNode()
			for _, u := range ch.value.Content {
				if s := c.condition(u.Line); s != "" {
					c.lost(u, "a mirror depends on [%s]", s)
				}
				urls.Content = append(urls.Content, c.text(u))
			}
			addPair(out, "url", urls)
		default:
			addPair(out, now[k], c.text(ch.value))
		}
	}
	c.comments(out, at)
	return out
}

// build converts the build section; run_exports and ignore_run_exports go to requirements.
func (c *metaConverter) build(to, n *yaml.Node) {
	order, by := c.fields(n)
	build := mapNode()
	requirements := mapNode()
	for _, k := range order {
		list := by[k]
		switch k {
		case "number", "string":
			addPair(build, k, c.scalar(list))
		case "noarch":
			addPair(build, "noarch", c.scalar(list))
		case "noarch_python":
			addPair(build, "noarch", plainNode("python"))
		case "script":
			c.script(build, list)
		case "script_env":
			c.scriptEnv(build, list)
		case "skip":
			addPair(build, "skip", c.skips(list))
		case "run_exports":
			c.runExports(requirements, list)
		case "ignore_run_exports":
			addPair(within(requirements, "ignore_run_exports"), "by_name", c.lists(list))
		case "ignore_run_exports_from":
			addPair(within(requirements, "ignore_run_exports"), "from_package", c.lists(list))
		default:
			c.buildField(build, k, list)
		}
	}
	if len(build.Content) > 0 {
		addPair(to, "build", build)
	}
	if len(requirements.Content) > 0 {
		addPair(to, "requirements", requirements)
	}
}

// buildField converts the keys that only have another name.
func (c *metaConverter) buildField(build *yaml.Node, k string, list []choice) {
	lists := map[string]string{"entry_points": "python.entry_points", "skip_compile_pyc": "python.skip_pyc_compilation", "missing_dso_whitelist": "dynamic_linking.missing_dso_allowlist",
		"missing_dso_allowlist": "dynamic_linking.missing_dso_allowlist", "runpath_whitelist": "dynamic_linking.rpath_allowlist", "runpath_allowlist": "dynamic_linking.rpath_allowlist",
		"rpaths": "dynamic_linking.rpaths", "has_prefix_files": "prefix_detection.force_file_type.text", "binary_has_prefix_files": "prefix_detection.force_file_type.binary",
		"always_include_files": "always_include_files", "no_link": "always_copy_files", "force_use_keys": "variant.use_keys", "force_ignore_keys": "variant.ignore_keys"}
	scalars := map[string]string{"merge_build_host": "merge_build_and_host_envs", "python_version_independent": "python.version_independent", "python_site_packages_path": "python.site_packages_path"}
	at := list[0].key
	put := func(path string, v *yaml.Node) {
		keys := strings.Split(path, ".")
		if v != nil {
			addPair(within(build, keys[:len(keys)-1]...), keys[len(keys)-1], v)
		}
	}
	value := c.value(list[0].value)
	switch {
	case lists[k] != "":
		put(lists[k], c.lists(list))
	case scalars[k] != "":
		put(scalars[k], c.scalar(list))
	case k == "binary_relocation" || k == "ignore_prefix_files":
		path := map[string]string{"binary_relocation": "dynamic_linking.binary_relocation", "ignore_prefix_files": "prefix_detection.ignore"}[k]
		if list[0].value.Kind == yaml.SequenceNode {
			put(path, c.lists(list))
		} else {
			put(path, c.boolean(list))
		}
	case k == "detect_binary_files_with_prefix":
		switch strings.ToLower(value) {
		case "false", "no":
			put("prefix_detection.ignore_binary_files", plainNode("true"))
		}
	case k == "error_overlinking" || k == "error_overdepending":
		if v := strings.ToLower(value); v == "true" {
			put("dynamic_linking."+map[string]string{"error_overlinking": "overlinking_behavior", "error_overdepending": "overdepending_behavior"}[k], plainNode("error"))
		}
	case contains([]string{"preserve_egg_dir", "include_recipe", "osx_is_app", "disable_pip", "msvc_compiler", "activate_in_script", "ignore_verify_codes", "no_move_top_level_workdir_loops", "pin_depends"}, k):
		c.say(diag.Warning, at, "build has no %s in recipe.yaml; it is left out", k)
	default:
		c.lost(at, "build has no %s in recipe.yaml", k)
	}
}

// boolean writes yes and no as true and false.
func (c *metaConverter) boolean(list []choice) *yaml.Node {
	v := c.scalar(list)
	if v == nil {
		return nil
	}
	switch strings.ToLower(v.Value) {
	case "yes", "on", "true":
		return plainNode("true")
	case "no", "off", "false":
		return plainNode("false")
	}
	return v
}

func (c *metaConverter) skips(list []choice) *yaml.Node {
	out := listNode()
	for _, ch := range list {
		switch strings.ToLower(c.value(ch.value)) {
		case "true", "yes", "1":
			condition := ch.condition
			if condition == "" {
				condition = "true"
			}
			out.Content = append(out.Content, plainNode(condition))
		case "false", "no", "":
		default:
			s, err := c.w.asExpression(c.value(ch.value))
			if err != nil {
				c.lost(ch.value, "skip cannot be written: %v", err)
			}
			out.Content = append(out.Content, plainNode(joinConditions(ch.condition, s)))
		}
	}
	if len(out.Content) == 0 {
		return nil
	}
	return out
}

func (c *metaConverter) script(build *yaml.Node, list []choice) {
	v := c.lists(list)
	if v == nil {
		return
	}
	if len(v.Content) == 1 && v.Content[0].Kind == yaml.ScalarNode {
		v = v.Content[0]
	}
	if old := yamlx.Get(build, "script"); old != nil { // script_env came first
		addPair(old, "content", v)
		return
	}
	addPair(build, "script", v)
}

// scriptEnv hands variables in: NAME=value sets one, NAME alone comes from outside.
func (c *metaConverter) scriptEnv(build *yaml.Node, list []choice) {
	script := yamlx.Get(build, "script")
	if script == nil {
		script = mapNode()
		addPair(build, "script", script)
	} else if script.Kind != yaml.MappingNode {
		content := *script
		*script = *mapNode()
		addPair(script, "content", &content)
	}
	for _, ch := range list {
		for _, e := range list1(ch.value) {
			t := c.text(e)
			condition := joinConditions(ch.condition, c.condition(e.Line))
			if t == nil {
				continue
			}
			name, value, set := strings.Cut(t.Value, "=")
			switch {
			case condition != "":
				c.lost(e, "the variable %s depends on [%s]", name, condition)
			case set:
				addPair(within(script, "env"), strings.TrimSpace(name), textNode(value))
			default:
				secrets := yamlx.Get(script, "secrets")
				if secrets == nil {
					secrets = listNode()
					addPair(script, "secrets", secrets)
				}
				secrets.Content = append(secrets.Content, textNode(strings.TrimSpace(name)))
			}
		}
	}
}

func (c *metaConverter) runExports(requirements *yaml.Node, list []choice) {
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
		addPair(out, "host", c.texts(n))
		addPair(out, "run", c.texts(n))
		return
	}
	order, by := c.fields(n)
	var first []*yaml.Node
	for _, k := range order {
		switch k {
		case "build", "host", "run":
			if v := c.lists(by[k]); v != nil {
				first = append(first, plainNode(k), v)
			}
		case "run_constrained":
			if v := c.lists(by[k]); v != nil {
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
	addPair(requirements, "run", c.lists(by["requires"]))
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
	if yamlx.Get(top, "requirements") != nil || yamlx.Get(yamlx.Get(top, "build"), "script") != nil {
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
	addPair(root, "outputs", out)
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
