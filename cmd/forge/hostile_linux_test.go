package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestAttackByRecipes builds the hostile recipes of the scripts as an ordinary user, whose sandbox is made otherwise than
// root's, and whose files the build's own are.
func TestAttackByRecipes(t *testing.T) {
	if os.Getenv("FORGE_TEST_ALL") == "" || os.Geteuid() != 0 {
		t.Skip("takes a minute, and root who becomes somebody else; make attacks runs it")
	}
	dir, err := os.MkdirTemp("", "h")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	scripts := filepath.Join(dir, "testdata", "script")
	if err := os.MkdirAll(scripts, 0o755); err != nil {
		t.Fatal(err)
	}
	copyTo := func(from, to string, perm os.FileMode) {
		t.Helper()
		data, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(to, data, perm)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	names, err := filepath.Glob(filepath.Join("testdata", "script", "hostile_*.txtar"))
	if err != nil || len(names) < 4 {
		t.Fatal(names, err)
	}
	for _, name := range append(names, filepath.Join("testdata", "script", "isolation.txtar"), filepath.Join("testdata", "script", "sandbox.txtar")) {
		copyTo(name, filepath.Join(scripts, filepath.Base(name)), 0o644)
	}
	program := filepath.Join(dir, "forge.test")
	copyTo("/proc/self/exe", program, 0o755)
	tmp := filepath.Join(dir, "tmp")
	if err := os.Mkdir(tmp, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{dir, tmp} {
		if err := os.Chmod(d, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(program, "-test.v", "-test.run=^TestScripts$")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "TMPDIR="+tmp, "HOME="+tmp)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1000, Gid: 1000}}
	out, err := cmd.CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "--- ") {
			t.Log(strings.TrimSpace(line))
		}
	}
	if err != nil {
		t.Fatalf("as uid 1000: %v\n%s", err, out)
	}
}
