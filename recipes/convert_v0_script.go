package recipes

import (
	"slices"
	"strings"

	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// batchScript names bld.bat, which recipe.yaml does not look for.
func (c *metaConverter) batchScript(build *yaml.Node, top bool) {
	script := yamlx.Get(build, "script")
	if !top || !c.beside("bld.bat") || script != nil && (script.Kind != yaml.MappingNode || yamlx.Get(script, "content") != nil) {
		return
	}
	switch unix := c.beside("build.sh"); {
	case !unix && script == nil: // nothing is run elsewhere, as conda-build has it
		addPair(build, "script", plainNode(`${{ "bld.bat" if win else "" }}`))
	case !unix:
		content := mapNode(plainNode("if"), plainNode("win"), plainNode("then"), plainNode(`call "%RECIPE_DIR%\bld.bat"`))
		addPair(script, "content", &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{content}})
	case script == nil:
		addPair(build, "script", mapNode(plainNode("file"), plainNode(batchOrShell)))
	default:
		addPair(script, "file", plainNode(batchOrShell))
	}
}

// batchOrShell is the script of a recipe with one for each kind of platform.
const batchOrShell = `${{ "bld.bat" if win else "build.sh" }}`

// script converts build.script: one line stays one, several become a list.
func (c *metaConverter) script(build *yaml.Node, list []choice) {
	c.inScript = true
	v := c.lists(c.splitLines(list))
	c.inScript = false
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
	c.put(build, "script", list, v)
}

// splitLines makes lists of the texts whose lines have selectors.
func (c *metaConverter) splitLines(list []choice) []choice {
	list = slices.Clone(list)
	for i, ch := range list {
		if lines := c.linesOf(ch.value); lines != nil {
			list[i].value = lines
			continue
		}
		if ch.value.Kind != yaml.SequenceNode {
			continue
		}
		all := *ch.value
		all.Content = nil
		for _, e := range ch.value.Content {
			if lines := c.linesOf(e); lines != nil {
				all.Content = append(all.Content, lines.Content...)
			} else {
				all.Content = append(all.Content, e)
			}
		}
		list[i].value = &all
	}
	return list
}

// linesOf makes a list of a text whose lines have selectors; nil for any other.
func (c *metaConverter) linesOf(n *yaml.Node) *yaml.Node {
	if n.Kind != yaml.ScalarNode || n.Style&yaml.LiteralStyle == 0 {
		return nil
	}
	out := &yaml.Node{Kind: yaml.SequenceNode, Line: n.Line + 1, Column: n.Column}
	found := false
	for i, line := range strings.Split(strings.TrimRight(n.Value, "\n"), "\n") {
		before, _, _, selected := cutSelector(strings.TrimRight(line, " \t\r"))
		if selected {
			line, found = strings.TrimRight(before, " "), true
		}
		if strings.TrimSpace(line) != "" {
			out.Content = append(out.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: line, Line: n.Line + 1 + i, Column: n.Column})
		}
	}
	if !found {
		return nil
	}
	return out
}

// scriptEnv hands variables in: NAME=value sets one, NAME alone comes from outside.
func (c *metaConverter) scriptEnv(build *yaml.Node, list []choice) {
	c.inScript = true
	defer func() { c.inScript = false }()
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
			condition := joinConditions(ch.condition, c.condition(e.Line))
			name, value, set := strings.Cut(c.value(e), "=")
			name = strings.TrimSpace(name)
			switch {
			case set:
				c.environment(within(script, "env"), e, name, strings.TrimSpace(value), condition)
			default:
				b := &itemList{out: listNode()}
				b.add(condition, textNode(name))
				addItems(script, "secrets", b.out)
			}
		}
	}
}

// environment sets a variable of the script; one that is set under several conditions is a choice.
func (c *metaConverter) environment(env, at *yaml.Node, name, value, condition string) {
	v := *at
	v.Value = value
	s, err := c.asExpression(&v)
	if err != nil {
		c.lost(at, "%q cannot be written: %v", value, err)
	}
	old := yamlx.Get(env, name)
	before := `""`
	if old != nil {
		before = strings.TrimSuffix(strings.TrimPrefix(old.Value, "${{ "), " }}")
		if before == old.Value {
			before = quote(before)
		}
	}
	out := contextNode(s)
	if out.Kind == yaml.ScalarNode && plainNumber.MatchString(out.Value) {
		out = quotedNode(out.Value)
	}
	if condition != "" {
		out = plainNode("${{ " + chosen(s, condition, before) + " }}")
	}
	if old != nil {
		*old = *out
		return
	}
	addPair(env, name, out)
}
