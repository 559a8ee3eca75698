package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// nullWorkspace has what a build reads: recipes below a folder, one with a variants file that is a link to
// another folder, a variants file by flag, a channel.
type nullWorkspace struct {
	t          *testing.T
	dir, cache string
	program    string
	args, env  []string
}

func newNullWorkspace(t *testing.T) *nullWorkspace {
	w := &nullWorkspace{t: t, dir: t.TempDir(), cache: t.TempDir(), program: os.Args[0],
		args: []string{"build", "-v", "./r/...", "-m", "more.yaml", "-c", "channel", "--no-test"}}
	for name, text := range map[string]string{
		"r/a/recipe.yaml":              "package: {name: a, version: '1'}\nbuild: {script: build.sh}\n",
		"r/a/notes":                    "one\n",
		"r/b/recipe.yaml":              "package: {name: b, version: '2'}\nbuild: {script: 'cat $PREFIX/a > $PREFIX/b'}\nrequirements: {host: [a]}\n",
		"shared/variants.yaml":         "kind: [x]\n",
		"r/b/deep/er/file":             "deep\n",
		"r/a/build.sh":                 "echo 1 > $PREFIX/a\n",
		"more.yaml":                    "other: [y]\n",
		"channel/noarch/repodata.json": `{"info":{"subdir":"noarch"},"packages":{},"packages.conda":{}}`,
	} {
		w.write(name, text)
	}
	w.must(os.Symlink("../../shared/variants.yaml", w.path("r/b/variants.yaml")))
	return w
}

func (w *nullWorkspace) path(name string) string { return filepath.Join(w.dir, name) }

func (w *nullWorkspace) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *nullWorkspace) write(name, text string) {
	w.t.Helper()
	w.must(os.MkdirAll(filepath.Dir(w.path(name)), 0o755))
	w.must(os.WriteFile(w.path(name), []byte(text), 0o644))
}

func (w *nullWorkspace) glob(pattern string) string {
	w.t.Helper()
	found, err := filepath.Glob(w.path(pattern))
	if err != nil || len(found) == 0 {
		w.t.Fatalf("nothing is called %s: %v", pattern, err)
	}
	return found[0]
}

// run builds, and tells whether the build found that it had nothing to look into.
func (w *nullWorkspace) run() (null bool, text string) {
	w.t.Helper()
	c := exec.Command(w.program, w.args...)
	c.Dir = w.dir
	c.Env = append(append(os.Environ(), "FORGE_TEST_AS_PROGRAM=1", "FORGE_CACHE="+w.cache, "FORGE_KEYS="+w.path(".keys")), w.env...)
	out, _ := c.CombinedOutput()
	return strings.Contains(string(out), "nothing to do: "), string(out)
}

// settle builds until there is nothing to look into.
func (w *nullWorkspace) settle() {
	w.t.Helper()
	var text string
	for range 10 {
		time.Sleep(30 * time.Millisecond) // what changed has to be older than the run, by the kernel's clock
		var null bool
		if null, text = w.run(); null {
			return
		}
	}
	w.t.Fatalf("ten runs, and still not at rest:\n%s", text)
}

// sameLooks replaces the bytes of a file, and keeps its size and its time of modification.
func (w *nullWorkspace) sameLooks(path string) {
	w.t.Helper()
	info, err := os.Stat(path)
	w.must(err)
	data, err := os.ReadFile(path)
	w.must(err)
	data[len(data)/2] ^= 1
	w.must(os.Chmod(path, 0o644))
	w.must(os.WriteFile(path, data, 0o644))
	w.must(os.Chtimes(path, info.ModTime(), info.ModTime()))
}

// TestNullBuild changes one thing at a time and wants every change to be noticed.
func TestNullBuild(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a hundred times")
	}
	w := newNullWorkspace(t)
	w.settle()
	first, again := w.run()
	if !first || !strings.Contains(again, "all 2 packages are up to date") {
		t.Fatalf("it is not at rest:\n%s", again)
	}
	for _, c := range []struct {
		name   string
		change func()
		undo   func() // nil where the change may stay
	}{
		{"a file of a recipe, with the old size and time", func() { w.sameLooks(w.path("r/a/notes")) }, nil},
		{"a file of a recipe's folder below a folder", func() { w.write("r/b/deep/er/file", "DEEP\n") }, nil},
		{"a recipe renamed over, with the old size and time", func() {
			info, err := os.Stat(w.path("r/b/recipe.yaml"))
			w.must(err)
			data, err := os.ReadFile(w.path("r/b/recipe.yaml"))
			w.must(err)
			w.write("new", strings.Replace(string(data), "'2'", "'3'", 1))
			w.must(os.Chtimes(w.path("new"), info.ModTime(), info.ModTime()))
			w.must(os.Rename(w.path("new"), w.path("r/b/recipe.yaml")))
		}, nil},
		{"a new file in a recipe's folder", func() { w.write("r/a/new", "") }, nil},
		{"a removed file", func() { w.must(os.Remove(w.path("r/a/new"))) }, nil},
		{"a new mode", func() { w.must(os.Chmod(w.path("r/a/notes"), 0o755)) }, nil},
		{"a new recipe", func() { w.write("r/c/recipe.yaml", "package: {name: c, version: '1'}\nbuild: {script: 'true'}\n") }, nil},
		{"a recipe's folder that became a workspace", func() { w.write("r/c/forge.hcl", "") }, nil},
		{"and is none any more", func() { w.must(os.Remove(w.path("r/c/forge.hcl"))) }, nil},
		{"a removed recipe", func() { w.must(os.RemoveAll(w.path("r/c"))) }, nil},
		{"a script", func() { w.write("r/a/build.sh", "echo 2 > $PREFIX/a\n") }, nil},
		{"the variants file that a link beside a recipe leads to", func() { w.write("shared/variants.yaml", "kind: [z]\n") }, nil},
		{"a variants file by flag", func() { w.write("more.yaml", "other: [w]\n") }, nil},
		{"a forge.hcl where there was none", func() { w.write("forge.hcl", "policy {\n  isolation = \"full\"\n}\n") }, nil},
		{"a changed forge.hcl", func() { w.sameLooks(w.path("forge.hcl")) }, func() { w.must(os.Remove(w.path("forge.hcl"))) }},
		{"a lock where there was none", func() { w.write("forge.lock", "forge lock 1\n") }, func() { w.must(os.Remove(w.path("forge.lock"))) }},
		{"a flag", func() { w.args = append(w.args, "--build-num=7") }, nil},
		{"a virtual package", func() { w.env = []string{"CONDA_OVERRIDE_GLIBC=2.99"} }, func() { w.env = nil }},
		{"a channel's index", func() { w.write("channel/noarch/repodata.json", `{"info":{"subdir":"noarch"},"packages":{}}`) }, nil},
		{"a new subdir of a channel", func() { w.must(os.Mkdir(w.path("channel/linux-64"), 0o755)) }, nil},
		{"a package that is gone", func() { w.must(os.Remove(w.glob("output/linux-64/a-1-*_7.conda"))) }, nil},
		{"a damaged package, with the old size and time", func() { w.sameLooks(w.glob("output/linux-64/b-3-*_7.conda")) }, nil},
		{"a signature that is gone", func() { w.must(os.Remove(w.glob("output/linux-64/a-1-*_7.conda.asc"))) }, nil},
		{"a changed statement", func() { w.sameLooks(w.glob("output/linux-64/a-1-*_7.conda.intoto.jsonl")) }, nil},
		{"a damaged index", func() { w.sameLooks(w.path("output/linux-64/repodata.json")) }, nil},
		{"run_exports.json that is gone", func() { w.must(os.Remove(w.path("output/noarch/run_exports.json"))) }, nil},
		{"another file in the output folder", func() { w.write("output/noarch/x", "") }, nil},
		{"another key", func() { w.must(os.RemoveAll(w.path(".keys"))) }, nil},
		{"a package that is gone from the store", func() {
			w.must(filepath.Walk(filepath.Join(w.cache, "cas"), func(path string, info os.FileInfo, err error) error {
				if err != nil || info.IsDir() {
					return err
				}
				if data, err := os.ReadFile(path); err == nil && strings.HasPrefix(string(data), "PK\x03\x04") {
					return os.Remove(path)
				}
				return nil
			}))
		}, nil},
		{"a damaged record", func() {
			records, err := filepath.Glob(filepath.Join(w.cache, "runs", "*"))
			w.must(err)
			for _, r := range records {
				w.sameLooks(r)
			}
		}, nil},
		{"a shorter record", func() {
			records, err := filepath.Glob(filepath.Join(w.cache, "runs", "*"))
			w.must(err)
			for _, r := range records {
				w.must(os.Truncate(r, 100))
			}
		}, nil},
		{"another forge", func() {
			w.must(os.Link(w.program, w.path("forge2")))
			w.program = w.path("forge2")
		}, nil},
	} {
		c.change()
		if null, text := w.run(); null {
			t.Errorf("%s: it was not noticed:\n%s", c.name, text)
		}
		if c.undo != nil {
			c.undo()
		}
		w.settle()
	}
}

// TestNullBuildAfterTheFirst: the run that builds leaves a record that the next one can use, and what
// changes while it runs keeps it from that.
func TestNullBuildAfterTheFirst(t *testing.T) {
	var w *nullWorkspace
	null, first, second := false, "", ""
	for range 3 { // the machine's own packages may be changing just now
		w = newNullWorkspace(t)
		w.write("output/.keep", "")
		time.Sleep(30 * time.Millisecond)
		if null, first = w.run(); null {
			t.Fatalf("nothing was built yet:\n%s", first)
		}
		if null, second = w.run(); null {
			break
		}
	}
	if !null {
		t.Errorf("the second run looked into it again:\n%s\nafter\n%s", second, first)
	}
	w.write("r/a/recipe.yaml", "package: {name: a, version: '1'}\nbuild: {script: 'sleep 1; echo 1 > $PREFIX/a'}\n")
	time.Sleep(30 * time.Millisecond)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.run()
	}()
	time.Sleep(700 * time.Millisecond)
	w.write("r/b/recipe.yaml", "package: {name: b, version: '4'}\nbuild: {script: 'true'}\n")
	<-ended
	if null, text := w.run(); null || !strings.Contains(text, "b        4") {
		t.Errorf("a recipe that changed while the run was under way was not built:\n%s", text)
	}
}
