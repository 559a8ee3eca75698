package recipes

import (
	"strings"

	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// globs are files of the package; the name of a folder stands for all in it.
func (o *outputConverter) globs(list []choice, include bool) *yaml.Node {
	v := o.lists(list)
	if v == nil || !include {
		return v
	}
	var walk func(n *yaml.Node) []*yaml.Node
	walk = func(n *yaml.Node) []*yaml.Node {
		switch {
		case n.Kind == yaml.SequenceNode:
			var all []*yaml.Node
			for _, e := range n.Content {
				all = append(all, walk(e)...)
			}
			n.Content = all
		case n.Kind == yaml.MappingNode:
			for _, arm := range []string{"then", "else"} {
				if v := yamlx.Get(n, arm); v != nil {
					if w := walk(v); len(w) > 1 {
						*v = *listNode(w...)
					}
				}
			}
		case mayBeFolder(n.Value):
			folder := *n
			folder.HeadComment, folder.LineComment, folder.FootComment = "", "", ""
			folder.Value = strings.TrimSuffix(n.Value, "/") + "/**"
			if strings.HasSuffix(n.Value, "/") {
				n.Value = folder.Value
				return []*yaml.Node{n}
			}
			one := *n
			return []*yaml.Node{&one, &folder}
		}
		return []*yaml.Node{n}
	}
	return walk(v)[0]
}

// mayBeFolder reports whether a path without wildcards may name a folder: what has an extension or lies
// in bin most likely does not.
func mayBeFolder(path string) bool {
	if strings.ContainsAny(path, "*?[") {
		return false
	}
	last := path[strings.LastIndexAny(path, `/\`)+1:]
	return !strings.Contains(expressionIn.ReplaceAllString(last, ""), ".") && !strings.Contains(last, "SHLIB_EXT") && !strings.HasPrefix(path, "bin/")
}

// outputScript is a file of the recipe's folder.
func (o *outputConverter) outputScript(build *yaml.Node, list, interpreter []choice) {
	if list[0].value.Kind != yaml.ScalarNode {
		o.script(build, list)
		return
	}
	v := o.scalar(list)
	if v == nil || v.Value == "" {
		return
	}
	s := yamlx.Get(build, "script")
	if s == nil || s.Kind != yaml.MappingNode {
		s = mapNode()
		o.put(build, "script", list, s)
	}
	addPair(s, "interpreter", o.scalar(interpreter))
	addPair(s, "file", v)
}
