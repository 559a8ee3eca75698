package recipes

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// build converts the build section; run_exports and ignore_run_exports go to requirements. top is set
// for the package that build.sh makes.
func (c *metaConverter) build(to, n, needs *yaml.Node, top bool) {
	order, by := c.fields(n)
	build := mapNode()
	requirements := mapNode()
	for _, k := range order {
		list := by[k]
		switch k {
		case "number":
			c.put(build, k, list, c.scalarOr(list, "0"))
		case "string":
			c.inString = true
			c.put(build, k, list, c.scalar(list))
			c.inString = false
		case "noarch":
			c.put(build, "noarch", list, c.scalar(list))
		case "noarch_python":
			c.warn(list[0].key, "noarch_python becomes noarch: python")
			addPair(build, "noarch", plainNode("python"))
		case "script":
			c.script(build, list)
		case "script_env":
			c.scriptEnv(build, list)
		case "skip":
			c.put(build, "skip", list, c.skips(list))
		case "run_exports":
			c.runExports(requirements, list)
		case "features":
			c.features(build, list, by)
		case "ignore_run_exports":
			addItems(within(requirements, "ignore_run_exports"), "by_name", c.nameLists(list))
		case "ignore_run_exports_from":
			addItems(within(requirements, "ignore_run_exports"), "from_package", c.nameLists(list))
		default:
			c.buildField(build, k, list)
		}
	}
	c.batchScript(build, top)
	c.mergedEnvironments(build, needs)
	if len(build.Content) > 0 {
		addPair(to, "build", build)
	}
	dropEmpty(requirements)
	if len(requirements.Content) > 0 {
		addPair(to, "requirements", requirements)
	}
}

// nameLists is lists for names of packages.
func (c *metaConverter) nameLists(list []choice) *yaml.Node {
	c.onlyNames, c.firstWord = true, true
	defer func() { c.onlyNames, c.firstWord = false, false }()
	return c.lists(list)
}

// dropEmpty takes out keys without anything under them.
func dropEmpty(m *yaml.Node) {
	for i := 0; i+1 < len(m.Content); i += 2 {
		if v := m.Content[i+1]; v.Kind == yaml.MappingNode {
			dropEmpty(v)
			if len(v.Content) == 0 {
				m.Content = append(m.Content[:i:i], m.Content[i+2:]...)
				i -= 2
			}
		}
	}
}

func (c *metaConverter) beside(name string) bool {
	return exists(filepath.Join(filepath.Dir(c.path), name))
}

// mergedEnvironments says that build and host are one environment, as conda-build has it without host
// requirements and compilers.
func (c *metaConverter) mergedEnvironments(build, needs *yaml.Node) {
	old := yamlx.Get(build, "merge_build_and_host_envs")
	if needs == nil || needs.Kind != yaml.MappingNode || old != nil && old.Value != "false" {
		return
	}
	if yamlx.Get(needs, "host") != nil || len(list1(yamlx.Get(needs, "build"))) == 0 {
		return
	}
	for _, e := range list1(yamlx.Get(needs, "build")) {
		if s := c.constant(c.value(e)); strings.Contains(s, "compiler(") || strings.Contains(s, "stdlib(") {
			return
		}
	}
	if old != nil {
		old.Value = "true"
		return
	}
	addPair(build, "merge_build_and_host_envs", plainNode("true"))
}

// buildField converts the keys that only have another name.
func (c *metaConverter) buildField(build *yaml.Node, k string, list []choice) {
	lists := map[string]string{"entry_points": "python.entry_points", "skip_compile_pyc": "python.skip_pyc_compilation", "missing_dso_whitelist": "dynamic_linking.missing_dso_allowlist",
		"missing_dso_allowlist": "dynamic_linking.missing_dso_allowlist", "runpath_whitelist": "dynamic_linking.rpath_allowlist", "runpath_allowlist": "dynamic_linking.rpath_allowlist",
		"rpaths": "dynamic_linking.rpaths", "has_prefix_files": "prefix_detection.force_file_type.text", "binary_has_prefix_files": "prefix_detection.force_file_type.binary",
		"always_include_files": "always_include_files", "no_link": "always_copy_files", "force_use_keys": "variant.use_keys", "force_ignore_keys": "variant.ignore_keys"}
	scalars := map[string]string{"python_version_independent": "python.version_independent", "python_site_packages_path": "python.site_packages_path"}
	at := list[0].key
	put := func(path string, v *yaml.Node) {
		keys := strings.Split(path, ".")
		if v != nil {
			c.put(within(build, keys[:len(keys)-1]...), keys[len(keys)-1], list, v)
		}
	}
	value := strings.ToLower(c.value(list[0].value))
	switch {
	case lists[k] != "":
		put(lists[k], c.lists(list))
	case scalars[k] != "":
		put(scalars[k], c.scalar(list))
	case k == "merge_build_host":
		put("merge_build_and_host_envs", c.boolean(list))
	case k == "binary_relocation" || k == "ignore_prefix_files":
		path := map[string]string{"binary_relocation": "dynamic_linking.binary_relocation", "ignore_prefix_files": "prefix_detection.ignore"}[k]
		if list[0].value.Kind == yaml.SequenceNode {
			put(path, c.lists(list))
		} else {
			put(path, c.boolean(list))
		}
	case k == "detect_binary_files_with_prefix":
		c.prefixFlag(put, list)
	case k == "error_overlinking" || k == "error_overdepending":
		if value == "true" {
			put("dynamic_linking."+map[string]string{"error_overlinking": "overlinking_behavior", "error_overdepending": "overdepending_behavior"}[k], plainNode("error"))
		}
	case k == "track_features":
		c.trackFeatures(put, list)
	case !contains(v0Fields("build"), k):
		c.warn(at, "the key %s means nothing in a build section; it is left out", k)
	default:
		c.warn(at, "build has no %s in recipe.yaml; it is left out%s", k, map[string]string{"features": ", use a mutex package or run_constraints", "post-link": ", nothing is run when a package is installed"}[k])
	}
}

// features stand in the build string of conda-build, and that is all they do.
func (c *metaConverter) features(build *yaml.Node, list []choice, by map[string][]choice) {
	c.warn(list[0].key, "build has no features in recipe.yaml; use a mutex package or run_constraints")
	prefix := ""
	for _, ch := range list {
		for _, e := range list1(ch.value) {
			condition := joinConditions(ch.condition, c.condition(e.Line))
			switch name := c.value(e); {
			case strings.Contains(name, "{{"):
				return
			case condition != "":
				prefix += "${{ " + quote(name) + " if " + condition + ` else "" }}`
			default:
				prefix += name
			}
		}
	}
	if prefix != "" && by["string"] == nil && by["noarch"] == nil {
		addPair(build, "string", plainNode(prefix+"h${{ hash }}_${{ build_number }}"))
	}
}

// prefixFlag: what was to be searched is, turned round, what is to be ignored.
func (c *metaConverter) prefixFlag(put func(string, *yaml.Node), list []choice) {
	last := list[len(list)-1]
	off := false
	switch strings.ToLower(c.value(last.value)) {
	case "false", "no":
		off = true
	}
	switch {
	case last.condition == "" && off:
		put("prefix_detection.ignore_binary_files", plainNode("true"))
	case off:
		put("prefix_detection.ignore_binary_files", plainNode("${{ true if "+last.condition+" else false }}"))
	case last.condition != "" && len(list) == 1: // true, which it is anyway
	}
}

// trackFeatures: their only use is to make a variant less wanted, for which recipe.yaml has a number.
func (c *metaConverter) trackFeatures(put func(string, *yaml.Node), list []choice) {
	c.warn(list[0].key, "track_features becomes variant.down_prioritize_variant; a package that asks for the feature by name no longer finds it")
	var order []string
	count := map[string]int{} // features under each condition
	add := func(n int, condition string) {
		if count[condition] == 0 {
			order = append(order, condition)
		}
		count[condition] += n
	}
	for _, ch := range list {
		for _, e := range list1(ch.value) {
			condition := joinConditions(ch.condition, c.condition(e.Line))
			if e == ch.value {
				condition = ch.condition
			}
			n := len(strings.FieldsFunc(expressionOf.ReplaceAllString(c.value(e), "x"), func(r rune) bool { return r == ' ' || r == ',' }))
			if t, err := c.asExpression(e); err == nil && strings.Contains(t, " if ") { // a text that may be empty
				condition, n = joinConditions(condition, wrapped(t)+` != ""`), 1
			}
			add(n, condition)
		}
	}
	var sum []string
	for _, condition := range order {
		if condition == "" {
			sum = append(sum, fmt.Sprint(count[""]))
		} else {
			sum = append(sum, fmt.Sprintf("(%d if %s else 0)", count[condition], condition))
		}
	}
	if len(sum) > 0 {
		put("variant.down_prioritize_variant", contextNode(bare(strings.Join(sum, " + "))))
	}
}

var expressionOf = pattern{src: `\{\{.*?\}\}`}

// boolean writes yes and no as true and false.
func (c *metaConverter) boolean(list []choice) *yaml.Node {
	words := slices.Clone(list)
	for i, ch := range words {
		word := map[string]string{"yes": "true", "on": "true", "true": "true", "no": "false", "off": "false", "false": "false"}[strings.ToLower(c.value(ch.value))]
		if word == "" {
			continue
		}
		v := *ch.value
		v.Value, v.Tag, v.Style = word, "!!bool", 0
		words[i].value = &v
		if ch.condition != "" && len(list) == 1 {
			if word == "true" {
				return plainNode("${{ true if " + ch.condition + " else false }}")
			}
			return plainNode("${{ false if " + ch.condition + " else true }}")
		}
	}
	return c.scalar(words)
}

func (c *metaConverter) skips(list []choice) *yaml.Node {
	out := listNode()
	for _, ch := range list {
		c.w.line = ch.key.Line
		switch v := c.value(ch.value); strings.ToLower(v) {
		case "true", "yes", "1", "on":
			condition := ch.condition
			if condition == "" {
				condition = "true"
			}
			n := plainNode(condition)
			c.comments(n, ch.value)
			n.HeadComment = c.headComment(ch.key.HeadComment)
			if ch.key == list[0].key {
				n.HeadComment = ""
			}
			out.Content = append(out.Content, n)
		case "false", "no", "0", "off", "":
		default:
			s, err := c.asExpression(ch.value)
			if err != nil {
				c.lost(ch.value, "skip cannot be written: %v", err)
			}
			out.Content = append(out.Content, plainNode(joinConditions(ch.condition, bare(s))))
		}
	}
	if len(out.Content) == 0 {
		return nil
	}
	return out
}
