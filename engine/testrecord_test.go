package engine

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"forge/packages"
	"forge/recipes"
)

func shared(t *testing.T, parts ...string) string {
	t.Helper()
	root := os.Getenv("FORGE_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "shared")
	}
	path := filepath.Join(append([]string{root}, parts...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("needs the shared vectors (FORGE_SHARED): %v", err)
	}
	return path
}

// TestParseTestsOfRattlerBuild reads a file that rattler-build wrote, with every kind of test.
func TestParseTestsOfRattlerBuild(t *testing.T) {
	data, err := os.ReadFile(shared(t, "vectors", "rattler-build", "packages", "tests-all", "info", "tests", "tests.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseTests(data)
	if err != nil {
		t.Fatal(err)
	}
	script := func(s recipes.ScriptTest) recipes.Test { return recipes.Test{Script: &s} }
	want := []recordedTest{
		{folder: "etc/conda/test-files/tests-all/0", Test: script(recipes.ScriptTest{
			Script: recipes.Script{Text: "test -f $PREFIX/etc/x\necho ok"}, Run: []string{"coreutils"}, Build: []string{"grep"}, RecipeFiles: []string{"t.txt", "data/"}})},
		{Test: script(recipes.ScriptTest{Script: recipes.Script{Interpreter: "bash", Env: map[string]string{"A": "b"}, Text: "echo hi"}})},
		{Test: script(recipes.ScriptTest{Script: recipes.Script{Interpreter: "bash", Text: "echo from file\n"}})},
		{Test: recipes.Test{Python: &recipes.PythonTest{Imports: []string{"os", "sys"}, PythonVersions: []string{"3.10", "3.11"}}}},
		{Test: recipes.Test{Downstream: "other"}},
		{Test: recipes.Test{Perl: &recipes.ListTest{Names: []string{"Foo"}}}},
		{Test: recipes.Test{R: &recipes.ListTest{Names: []string{"foo"}}}},
		{Test: recipes.Test{Ruby: &recipes.ListTest{Names: []string{"foo"}}}},
	}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(recordedTest{}), cmpopts.IgnoreUnexported(recipes.Test{}, recipes.Script{})); d != "" {
		t.Error(d)
	}
}

func TestParseTestsRefuses(t *testing.T) {
	for _, text := range []string{"- {}", "- newkind: {}", "a: b", "- script: {content: x, cwd: ../up}", "- script: {content: {a: b}}", "- script: {content: x, cwd: /abs}"} {
		if got, err := parseTests([]byte(text)); err == nil {
			t.Errorf("%s: read as %+v", text, got)
		}
	}
	for _, text := range []string{"", "[]"} {
		if got, err := parseTests([]byte(text)); err != nil || len(got) != 0 {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

func FuzzParseTests(f *testing.F) {
	f.Add([]byte("- script:\n    content: [a, b]\n- python: {imports: [os], python_version: 3.10}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := parseTests(data)
		if err != nil {
			return
		}
		for _, r := range list {
			if r.folder != "" && !filepath.IsLocal(r.folder) {
				t.Fatalf("folder %q leaves the prefix", r.folder)
			}
		}
	})
}

// infoPackage is a package of which only the metadata is read.
type infoPackage struct {
	packages.Package
	info map[string]string
}

func (p infoPackage) Info(name string) ([]byte, error) {
	if s, ok := p.info[name]; ok {
		return []byte(s), nil
	}
	return nil, fs.ErrNotExist
}

func (p infoPackage) InfoNames() ([]string, error) { return sortedKeys(p.info), nil }

// TestCondaBuildTests reads info/test as conda-build's create_test.py leaves it.
func TestCondaBuildTests(t *testing.T) {
	got, err := recordedTests(infoPackage{info: map[string]string{"index.json": "{}", "test/run_test.sh": "set -ex\ntrue\n", "test/run_test.py": "import a\n",
		"test/data/x": "x", "test/test_time_dependencies.json": `["pytest >=7"]`}})
	if err != nil || len(got) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	if d := cmp.Diff([]string{"pytest >=7", "python"}, got[0].Script.Run); d != "" || got[0].Script.Script.Interpreter != "python" {
		t.Errorf("python: %s", d)
	}
	if got[1].Script.Script.Text != "set -ex\ntrue\n" || string(got[1].files["data/x"]) != "x" {
		t.Errorf("shell: %+v", got[1])
	}
	if got, err := recordedTests(infoPackage{}); err != nil || len(got) != 0 {
		t.Errorf("no tests: %+v, %v", got, err)
	}
}
