// Package examples holds workspaces to learn from; here their READMEs are run.
package examples

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestReadmes runs the sh blocks of every example in a copy of it, with forge as it is in this checkout.
func TestReadmes(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the examples' compilers and shell are those of Linux")
	}
	if testing.Short() {
		t.Skip("builds packages")
	}
	lookAtSources(t)
	bin := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", filepath.Join(bin, "forge"), "forge/cmd/forge").CombinedOutput(); err != nil {
		t.Fatalf("build forge: %v\n%s", err, out)
	}
	readmes, err := filepath.Glob("*/README.md")
	if err != nil || len(readmes) == 0 {
		t.Fatal("no examples", err)
	}
	home := t.TempDir()
	for _, readme := range readmes {
		dir := filepath.Dir(readme)
		t.Run(dir, func(t *testing.T) { runReadme(t, dir, bin, home) })
	}
}

// lookAtSources makes the program's sources inputs of this test: without that its result would be served
// from the test cache when they change.
func lookAtSources(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "output"):
			return fs.SkipDir
		case strings.HasSuffix(path, ".go"):
			_, err = os.Stat(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func runReadme(t *testing.T, dir, bin, home string) {
	data, err := os.ReadFile(filepath.Join(dir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	script := shBlocks(string(data))
	if script == "" {
		t.Fatal("the README has no sh block")
	}
	if strings.Contains(script, "../../output") {
		if found, _ := filepath.Glob("../output/*/python-3*.conda"); len(found) == 0 {
			t.Skip("needs python in output/: make demo builds it")
		}
		script = strings.ReplaceAll(script, "../../output", mustAbs(t, "../output"))
	}
	work := filepath.Join(t.TempDir(), dir)
	if err := os.CopyFS(work, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("bash", "-euxo", "pipefail", "-c", script)
	cmd.Dir = work
	cmd.Env = []string{"PATH=" + bin + ":/usr/local/bin:/usr/bin:/bin", "HOME=" + home, "CI=true",
		"FORGE_CACHE=" + filepath.Join(home, "cache"), "FORGE_KEYS=" + filepath.Join(home, "keys")}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		if strings.Contains(out.String(), "cannot be had here") {
			t.Skip("no full isolation on this machine")
		}
		t.Fatalf("%v\n%s", err, out.String())
	}
}

// shBlocks joins the fenced blocks that are marked sh.
func shBlocks(text string) string {
	var b strings.Builder
	inside := false
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, "```"):
			inside = strings.TrimSpace(line) == "```sh"
		case inside:
			b.WriteString(line)
		}
	}
	return b.String()
}

func mustAbs(t *testing.T, path string) string {
	t.Helper()
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}
