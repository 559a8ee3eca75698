package recipes

import (
	"slices"
	"strings"

	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// shared is what all outputs take over from the recipe.
func (o *outputConverter) shared() *yaml.Node {
	build := clone(yamlx.Get(o.top, "build"))
	if build == nil {
		return mapNode()
	}
	kept := mapNode()
	for i := 0; i+1 < len(build.Content); i += 2 {
		switch k := build.Content[i].Value; k {
		case "script", "noarch":
		case "merge_build_and_host_envs":
			if yamlx.Get(o.sections["build"], "merge_build_host") != nil {
				kept.Content = append(kept.Content, build.Content[i], build.Content[i+1])
			}
		case "python":
			python := mapNode()
			for k, v := range yamlx.Pairs(build.Content[i+1]) {
				if k.Value != "entry_points" {
					addPair(python, k.Value, v)
				}
			}
			if len(python.Content) > 0 {
				addPair(kept, k, python)
			}
		default:
			kept.Content = append(kept.Content, build.Content[i], build.Content[i+1])
		}
	}
	if len(kept.Content) == 0 {
		return mapNode()
	}
	return mapNode(plainNode("build"), kept)
}

// splitShared is shared, without what outputs with a build section of their own must not have: in meta.yaml theirs
// replaces the recipe's but for the number, in recipe.yaml it adds to it. The others get that one by one.
func (o *outputConverter) splitShared(list *yaml.Node) *yaml.Node {
	all := o.shared()
	build := yamlx.Get(all, "build")
	if build == nil || !slices.ContainsFunc(list.Content, o.replacesBuild) {
		return all
	}
	kept, pushed := mapNode(), mapNode()
	for k, v := range yamlx.Pairs(build) {
		if k.Value == "number" || k.Value == "skip" {
			addPair(kept, k.Value, v)
		} else {
			addPair(pushed, k.Value, v)
		}
	}
	if len(pushed.Content) > 0 {
		o.pushed = pushed
	}
	if len(kept.Content) == 0 {
		return mapNode()
	}
	return mapNode(plainNode("build"), kept)
}

// replacesBuild reports whether an output has a build section in the place of the recipe's. That of the output with
// the recipe's name adds to it.
func (o *outputConverter) replacesBuild(output *yaml.Node) bool {
	return !yamlx.IsNull(yamlx.Get(output, "build")) && o.constant(o.value(yamlx.Get(output, "name"))) != o.name
}

// mergeInto adds to a mapping what it does not say.
func mergeInto(m, more *yaml.Node) {
	for k, v := range yamlx.Pairs(more) {
		switch own := yamlx.Get(m, k.Value); {
		case own == nil:
			addPair(m, k.Value, clone(v))
		case own.Kind == yaml.MappingNode && v.Kind == yaml.MappingNode:
			mergeInto(own, v)
		}
	}
}

// needsOwn reports whether the recipe itself is a package beside its outputs: one that needs some of
// them to run.
func (o *outputConverter) needsOwn(list *yaml.Node) bool {
	for _, n := range list1(yamlx.Get(o.sections["requirements"], "run")) {
		spec := o.constant(o.value(n))
		if m := pinned.FindStringSubmatch(strings.Trim(spec, "{} ")); m != nil {
			if s, err := o.w.expression(m[1]); err == nil && o.namesOutput(s, list) {
				return true
			}
			if v, ok := evaluate(m[1], o.w.consts); ok {
				spec, _ = v.(string)
			}
		}
		for _, e := range list.Content {
			name := o.constant(o.value(yamlx.Get(e, "name")))
			if name != "" && (spec == name || strings.HasPrefix(spec, name+" ") || strings.Contains(spec, `"`+name+`"`) || strings.Contains(spec, "'"+name+"'")) {
				return true
			}
		}
	}
	return false
}

// namesOutput reports whether an expression is that of an output's name.
func (o *outputConverter) namesOutput(s string, list *yaml.Node) bool {
	for _, e := range list.Content {
		if name, err := o.asExpression(yamlx.Get(e, "name")); err == nil && bare(name) == s {
			return true
		}
	}
	return false
}

// staging is the build at the top of the recipe, which the outputs start from.
func (o *outputConverter) staging(out *yaml.Node) string {
	script := yamlx.Get(yamlx.Get(o.top, "build"), "script")
	if script == nil && !o.beside("build.sh") && !o.beside("bld.bat") {
		return ""
	}
	name := o.name
	if strings.Contains(name, "{{") {
		name = "shared"
	}
	name = strings.TrimSuffix(name, "-split") + "-build"
	s := mapNode(plainNode("staging"), mapNode(plainNode("name"), plainNode(name)))
	requirements := mapNode()
	for k, v := range yamlx.Pairs(yamlx.Get(o.top, "requirements")) {
		if k.Value == "build" || k.Value == "host" || k.Value == "ignore_run_exports" {
			addPair(requirements, k.Value, clone(v))
		}
	}
	if len(requirements.Content) > 0 {
		addPair(s, "requirements", requirements)
	}
	if script != nil {
		addPair(s, "build", mapNode(plainNode("script"), script))
	}
	out.Content = append(out.Content, s)
	return name
}

// takeOver adds what recipe.yaml does not take over from the recipe's own sections.
func (o *outputConverter) takeOver(out *yaml.Node) {
	ignore := yamlx.Get(yamlx.Get(o.top, "requirements"), "ignore_run_exports")
	for k, v := range yamlx.Pairs(ignore) {
		if mine := within(out, "requirements", "ignore_run_exports"); yamlx.Get(mine, k.Value) == nil {
			addPair(mine, k.Value, clone(v))
		}
	}
	build := yamlx.Get(out, "build")
	for _, group := range []string{"dynamic_linking", "prefix_detection", "variant"} {
		top, mine := yamlx.Get(yamlx.Get(o.top, "build"), group), yamlx.Get(build, group)
		if top == nil || mine == nil {
			continue
		}
		for k, v := range yamlx.Pairs(top) {
			if yamlx.Get(mine, k.Value) == nil {
				addPair(mine, k.Value, clone(v))
			}
		}
	}
}

// inherits lets an output start from the staging one: all that package files. conda-build's outputs have
// environments of their own, so nothing is exported from the staging one's.
func (o *outputConverter) inherits(out *yaml.Node, by map[string][]choice, own bool) {
	build := yamlx.Get(out, "build")
	if o.staged == "" || own && yamlx.Get(build, "script") == nil && yamlx.Get(build, "files") == nil {
		return
	}
	inherit := mapNode(plainNode("from"), plainNode(o.staged), plainNode("run_exports"), plainNode("false"))
	out.Content = append(out.Content[:2:2], append([]*yaml.Node{plainNode("inherit"), inherit}, out.Content[2:]...)...)
	if yamlx.Get(build, "script") != nil && yamlx.Get(build, "files") == nil {
		at := by["name"]
		if len(at) > 0 {
			o.warn(at[0].key, "conda-build packages what the script of this output adds alone; in recipe.yaml the output has what %s installed, too: choose with build.files, if it installs anything", o.staged)
		}
	}
}
