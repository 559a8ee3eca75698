package recipes

import (
	"strings"

	"forge/internal/diag"
	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

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
		case k == "url" && !strings.Contains(c.value(ch.value), ":/") && !strings.Contains(c.value(ch.value), "{{"): // a file beside the recipe
			addPair(out, "path", c.text(ch.value))
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
