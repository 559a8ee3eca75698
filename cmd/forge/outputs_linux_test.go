package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"forge/packages/conda"
)

var updateOutputs = flag.Bool("update-outputs", false, "let the peers say what testdata/outputs wants")

// outputRecipes are the recipes with several outputs of testdata/outputs/TOOL: a txtar each, of the recipe's files,
// `want`, which is what TOOL made of it, and `forge`, where Forge makes something else on purpose, with the reason
// in its first lines. The comment above the files says what it is about.
func outputRecipes(t *testing.T, tool string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "outputs", tool, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatal("no recipes", err)
	}
	return files
}

// TestOutputs builds recipes with several outputs and wants what their own tools make of them: the same packages
// with the same files, texts, dependencies and exports. The scripts write down what they find in their folders, and
// so these texts hold the order and the sharing of folders, too.
func TestOutputs(t *testing.T) {
	if testing.Short() {
		t.Skip("builds many packages")
	}
	store := t.TempDir()
	channel := stubChannel(t, store)
	for _, tool := range []string{"conda-build", "rattler-build"} {
		for _, file := range outputRecipes(t, tool) {
			t.Run(tool+"/"+strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
				a, err := txtar.ParseFile(file)
				if err != nil {
					t.Fatal(err)
				}
				want := section(a, "want")
				if own := section(a, "forge"); own != "" {
					want = withoutReason(own)
				}
				got, log := buildOutputs(t, store, channel, layOut(t, a))
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("(-want +forge)\n%s\n%s", d, log)
				}
			})
		}
	}
}

// TestConformanceOutputs lets the tools themselves say what they make of the recipes: rattler-build's Python module
// in FORGE_PEER_PYTHON's, conda-build in FORGE_CONDA_BUILD_PYTHON's.
func TestConformanceOutputs(t *testing.T) {
	channel := stubChannel(t, t.TempDir())
	for _, tool := range []string{"conda-build", "rattler-build"} {
		t.Run(tool, func(t *testing.T) {
			python := os.Getenv("FORGE_CONDA_BUILD_PYTHON")
			if tool == "rattler-build" {
				python = peerPython(t)
			} else if python == "" {
				t.Skip("FORGE_CONDA_BUILD_PYTHON names no Python with conda-build")
			}
			for _, file := range outputRecipes(t, tool) {
				t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
					a, err := txtar.ParseFile(file)
					if err != nil {
						t.Fatal(err)
					}
					dir, out := layOut(t, a), filepath.Join(t.TempDir(), "out")
					c := exec.Command(python, "testdata/outputs/peer.py", tool, dir, channel, out)
					c.Env = append(os.Environ(), "PYTHONHASHSEED=1") // with others conda-build turns the order of an output's variants round
					log, err := c.CombinedOutput()
					got := packagesBelow(t, out)
					if err != nil {
						got += "failed\n"
					}
					if *updateOutputs {
						setSection(a, "want", got)
						if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
							t.Fatal(err)
						}
					}
					if d := cmp.Diff(section(a, "want"), got); d != "" {
						t.Errorf("(-want +%s)\n%s\n%s", tool, d, log)
					}
				})
			}
		})
	}
}

// stubChannel is a channel with the package stub, for host environments.
func stubChannel(t *testing.T, store string) string {
	t.Helper()
	dir := t.TempDir()
	recipe := "package:\n  name: stub\n  version: \"1\"\nbuild:\n  noarch: generic\n  string: stub_0\n  script: mkdir -p $PREFIX/share; echo stub > $PREFIX/share/stub\n"
	if err := os.WriteFile(filepath.Join(dir, "recipe.yaml"), []byte(recipe), 0o644); err != nil {
		t.Fatal(err)
	}
	if log, err := runProgram(t, store, dir, "build"); err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	return filepath.Join(dir, "output")
}

func buildOutputs(t *testing.T, store, channel, dir string) (got, log string) {
	t.Helper()
	args := []string{"build", "--keep-going", "-c", channel}
	log, err := runProgram(t, store, dir, args...)
	got = packagesBelow(t, filepath.Join(dir, "output"))
	if err != nil {
		got += "failed\n"
	}
	return got, log
}

// runProgram runs the program in a folder, with nothing of the caller's.
func runProgram(t *testing.T, store, dir string, args ...string) (string, error) {
	t.Helper()
	c := exec.Command(os.Args[0], args...)
	c.Dir = dir
	c.Env = []string{"FORGE_TEST_AS_PROGRAM=1", "FORGE_CACHE=" + store, "FORGE_KEYS=" + filepath.Join(store, "keys-of-test"), "NO_COLOR=1",
		"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Join(store, "home-of-test")}
	out, err := c.CombinedOutput()
	return string(out), err
}

// layOut writes the recipe's files into a folder of their own.
func layOut(t *testing.T, a *txtar.Archive) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range a.Files {
		if f.Name == "want" || f.Name == "forge" {
			continue
		}
		file := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func section(a *txtar.Archive, name string) string {
	for _, f := range a.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

func setSection(a *txtar.Archive, name, text string) {
	a.Files = slices.DeleteFunc(a.Files, func(f txtar.File) bool { return f.Name == name })
	a.Files = append(a.Files, txtar.File{Name: name, Data: []byte(text)})
}

func withoutReason(text string) string {
	for strings.HasPrefix(text, "#") {
		_, text, _ = strings.Cut(text, "\n")
	}
	return text
}

// packagesBelow says what is in the packages of a channel's folder.
func packagesBelow(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	for _, subdir := range []string{"linux-64", "noarch"} {
		files, err := filepath.Glob(filepath.Join(dir, subdir, "*.conda"))
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(files)
		for _, f := range files {
			fmt.Fprintf(&b, "%s/%s\n", subdir, strings.TrimSuffix(filepath.Base(f), ".conda"))
			describePackage(t, &b, f)
		}
	}
	return b.String()
}

func describePackage(t *testing.T, b *strings.Builder, file string) {
	t.Helper()
	format, err := conda.New("conda", 1)
	if err != nil {
		t.Fatal(err)
	}
	p, err := format.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	rec, err := p.Record()
	if err != nil {
		t.Fatal(err)
	}
	exports, err := p.RunExports()
	if err != nil {
		t.Fatal(err)
	}
	list := func(kind string, specs []string) {
		for _, s := range slices.Sorted(slices.Values(specs)) { // their order says nothing
			fmt.Fprintf(b, "  %s %s\n", kind, s)
		}
	}
	list("depends", rec.Depends)
	list("constrains", rec.Constrains)
	list("exports weak", exports.Weak)
	list("exports strong", exports.Strong)
	dir := t.TempDir()
	if _, err := p.Unpack(context.Background(), dir, dir, "", nil); err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, path)
		switch {
		case err != nil || d.IsDir():
			return err
		case d.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			fmt.Fprintf(b, "  %s -> %s\n", rel, target)
			return err
		}
		data, err := os.ReadFile(path)
		fmt.Fprintf(b, "  %s\n", rel)
		for line := range bytes.Lines(data) {
			fmt.Fprintf(b, "    | %s\n", bytes.TrimRight(line, "\n"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
