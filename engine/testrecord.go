package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"

	"forge/packages"
	"forge/recipes"
)

// recordedTest is one test as a package carries it.
type recordedTest struct {
	recipes.Test
	folder string            // working folder below the prefix; empty for one of its own
	files  map[string][]byte // what lies in the working folder
}

// recordedTests reads the tests in a package: info/tests/tests.yaml of rattler-build and Forge, else
// the info/test folder of conda-build.
func recordedTests(pkg packages.Package) ([]recordedTest, error) {
	data, err := pkg.Info("tests/tests.yaml")
	if err == nil {
		return parseTests(data)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return condaBuildTests(pkg)
}

// parseTests reads tests.yaml. What it does not know it refuses: a test that is not run must not pass.
func parseTests(data []byte) ([]recordedTest, error) {
	var nodes []yaml.Node
	if err := yaml.Unmarshal(data, &nodes); err != nil {
		return nil, fmt.Errorf("info/tests/tests.yaml: %w", err)
	}
	list := make([]recordedTest, 0, len(nodes))
	for i := range nodes {
		t, err := parseTest(&nodes[i])
		if err != nil {
			return nil, fmt.Errorf("info/tests/tests.yaml: test %d: %w", i, err)
		}
		list = append(list, t)
	}
	return list, nil
}

// texts is a string or a list of strings.
type texts []string

// UnmarshalYAML implements yaml.Unmarshaler; scalars are taken as they are written.
func (t *texts) UnmarshalYAML(n *yaml.Node) error {
	switch n.Kind {
	case yaml.ScalarNode:
		*t = texts{n.Value}
		return nil
	case yaml.SequenceNode:
		*t = texts{}
		for _, e := range n.Content {
			if e.Kind != yaml.ScalarNode {
				return fmt.Errorf("line %d: want a list of texts", e.Line)
			}
			*t = append(*t, e.Value)
		}
		return nil
	}
	return fmt.Errorf("line %d: want a text or a list of texts", n.Line)
}

// testFields are the keys of one entry, for all kinds of tests.
type testFields struct {
	Script *struct {
		Interpreter string            `yaml:"interpreter"`
		Env         map[string]string `yaml:"env"`
		Content     texts             `yaml:"content"`
		Cwd         string            `yaml:"cwd"`
		Secrets     texts             `yaml:"secrets"`
	} `yaml:"script"`
	Requirements struct {
		Run   texts `yaml:"run"`
		Build texts `yaml:"build"`
	} `yaml:"requirements"`
	Files struct {
		Source texts `yaml:"source"`
		Recipe texts `yaml:"recipe"`
	} `yaml:"files"`
	Python *struct {
		Imports  texts `yaml:"imports"`
		PipCheck *bool `yaml:"pip_check"`
		Versions texts `yaml:"python_version"`
	} `yaml:"python"`
	Perl       *struct{ Uses texts }      `yaml:"perl"`
	R          *struct{ Libraries texts } `yaml:"r"`
	Ruby       *struct{ Requires texts }  `yaml:"ruby"`
	Downstream string                     `yaml:"downstream"`
}

func parseTest(n *yaml.Node) (recordedTest, error) {
	var f testFields
	if err := n.Decode(&f); err != nil {
		return recordedTest{}, err
	}
	var t recordedTest
	switch {
	case f.Script != nil:
		s := f.Script
		if s.Cwd != "" && !filepath.IsLocal(s.Cwd) {
			return t, fmt.Errorf("its folder %q leaves the prefix", s.Cwd)
		}
		t.folder = s.Cwd
		t.Script = &recipes.ScriptTest{Run: f.Requirements.Run, Build: f.Requirements.Build,
			SourceFiles: f.Files.Source, RecipeFiles: f.Files.Recipe,
			Script: recipes.Script{Interpreter: s.Interpreter, Env: s.Env, Text: strings.Join(s.Content, "\n")}}
	case f.Python != nil:
		t.Python = &recipes.PythonTest{Imports: f.Python.Imports, PipCheck: f.Python.PipCheck == nil || *f.Python.PipCheck,
			PythonVersions: f.Python.Versions}
	case f.Perl != nil:
		t.Perl = &recipes.ListTest{Names: f.Perl.Uses}
	case f.R != nil:
		t.R = &recipes.ListTest{Names: f.R.Libraries}
	case f.Ruby != nil:
		t.Ruby = &recipes.ListTest{Names: f.Ruby.Requires}
	case f.Downstream != "":
		t.Downstream = f.Downstream
	default:
		return t, errors.New("it is of a kind that this version of forge does not know")
	}
	return t, nil
}

// condaBuildTests reads info/test: run_test.* with what it needs beside it (conda-build's create_test.py).
func condaBuildTests(pkg packages.Package) ([]recordedTest, error) {
	names, err := pkg.InfoNames()
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, name := range names {
		rel, ok := strings.CutPrefix(name, "test/")
		if !ok || !filepath.IsLocal(rel) {
			continue
		}
		if files[rel], err = pkg.Info(name); err != nil {
			return nil, err
		}
	}
	var needs []string
	if data, ok := files["test_time_dependencies.json"]; ok {
		if err := json.Unmarshal(data, &needs); err != nil {
			return nil, fmt.Errorf("info/test/test_time_dependencies.json: %w", err)
		}
	}
	var list []recordedTest
	for _, kind := range []struct{ file, interpreter, need string }{
		{"run_test.py", "python", "python"}, {"run_test.pl", "perl", "perl"}, {"run_test.r", "rscript", "r-base"}, {"run_test.sh", "", ""},
	} {
		text, ok := files[kind.file]
		if !ok {
			continue
		}
		run := needs
		if kind.need != "" {
			run = append(append([]string(nil), needs...), kind.need)
		}
		list = append(list, recordedTest{files: files, Test: recipes.Test{Script: &recipes.ScriptTest{Run: run,
			Script: recipes.Script{Interpreter: kind.interpreter, Text: string(text), File: path.Base(kind.file)}}}})
	}
	return list, nil
}

// kindOf names the kind of a test, as the recipe's key does.
func kindOf(t recipes.Test) string {
	switch {
	case t.Script != nil:
		return "script"
	case t.Python != nil:
		return "python"
	case t.Perl != nil:
		return "perl"
	case t.R != nil:
		return "r"
	case t.Ruby != nil:
		return "ruby"
	case t.Downstream != "":
		return "downstream"
	}
	return "package_contents"
}

// CountTests is the number of tests that a package records.
func CountTests(pkg packages.Package) (int, error) {
	list, err := recordedTests(pkg)
	return len(list), err
}
