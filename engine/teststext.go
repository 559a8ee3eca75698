package engine

import (
	"bytes"
	"strings"

	"gopkg.in/yaml.v3"

	"forge/packages"
	"forge/recipes"
)

// testsFile writes info/tests/tests.yaml, which both rattler-build and Forge run tests from.
func testsFile(m *packages.Manifest, o *recipes.Output) error {
	var list []any
	for i, t := range o.Tests {
		if entry := testEntry(o.Name, i, t); entry != nil {
			list = append(list, entry)
		}
	}
	if len(list) == 0 {
		return nil
	}
	b, err := yamlOf(list)
	m.Info["tests/tests.yaml"] = b
	return err
}

// testEntry is one test in the file; package_contents tests are not kept (they ran on this package).
func testEntry(name string, index int, t recipes.Test) any {
	switch {
	case t.Script != nil:
		return scriptEntry(name, index, t)
	case t.Python != nil && len(t.Python.Requires) > 0: // the file's python tests have no requirements
		script := &recipes.ScriptTest{Script: pythonTest(t.Python, 0), Run: append([]string{"python"}, t.Python.Requires...)}
		return scriptEntry(name, index, recipes.Test{Pos: t.Pos, Script: script})
	case t.Python != nil:
		py := orderedMap{{"imports", t.Python.Imports}, {"pip_check", t.Python.PipCheck}}
		if len(t.Python.PythonVersions) > 0 {
			py = append(py, pair{"python_version", t.Python.PythonVersions})
		}
		return orderedMap{{"python", py}}
	case t.Perl != nil:
		return orderedMap{{"perl", orderedMap{{"uses", t.Perl.Names}}}}
	case t.R != nil:
		return orderedMap{{"r", orderedMap{{"libraries", t.R.Names}}}}
	case t.Ruby != nil:
		return orderedMap{{"ruby", orderedMap{{"requires", t.Ruby.Names}}}}
	case t.Downstream != "":
		return orderedMap{{"downstream", t.Downstream}}
	}
	return nil
}

func scriptEntry(name string, index int, t recipes.Test) any {
	s := t.Script.Script
	var script orderedMap
	if s.Interpreter != "" {
		script = append(script, pair{"interpreter", s.Interpreter})
	}
	if len(s.Env) > 0 {
		script = append(script, pair{"env", s.Env})
	}
	if lines := strings.Split(strings.TrimRight(s.Text, "\n"), "\n"); s.Interpreter == "" && s.File == "" {
		script = append(script, pair{"content", lines})
	} else {
		script = append(script, pair{"content", s.Text})
	}
	if hasFiles(t) {
		script = append(script, pair{"cwd", testFolder(name, index)})
	}
	entry := orderedMap{{"script", script}}
	if len(t.Script.Run)+len(t.Script.Build) > 0 {
		var req orderedMap
		if len(t.Script.Run) > 0 {
			req = append(req, pair{"run", t.Script.Run})
		}
		if len(t.Script.Build) > 0 {
			req = append(req, pair{"build", t.Script.Build})
		}
		entry = append(entry, pair{"requirements", req})
	}
	if hasFiles(t) {
		var files orderedMap
		if len(t.Script.SourceFiles) > 0 {
			files = append(files, pair{"source", t.Script.SourceFiles})
		}
		if len(t.Script.RecipeFiles) > 0 {
			files = append(files, pair{"recipe", t.Script.RecipeFiles})
		}
		entry = append(entry, pair{"files", files})
	}
	return entry
}

// orderedMap is a YAML mapping whose keys keep their order.
type orderedMap []pair

type pair struct {
	key   string
	value any
}

// MarshalYAML implements yaml.Marshaler.
func (m orderedMap) MarshalYAML() (any, error) {
	node := &yaml.Node{Kind: yaml.MappingNode}
	for _, p := range m {
		var value yaml.Node
		if err := value.Encode(p.value); err != nil {
			return nil, err
		}
		node.Content = append(node.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: p.key}, &value)
	}
	return node, nil
}

func yamlOf(v any) ([]byte, error) {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return b.Bytes(), e.Close()
}
