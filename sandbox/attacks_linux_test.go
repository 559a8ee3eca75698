package sandbox

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestAttacks tries them all: none may succeed inside, and nearly all must succeed outside.
func TestAttacks(t *testing.T) {
	if testing.Short() {
		t.Skip("takes most of a minute")
	}
	scratch := auditFolder(t)
	total, worked, last := 0, 0, time.Now()
	attacks, all := Attacks(), true
	if some := os.Getenv("FORGE_ATTACKS"); some != "" { // .ci/cgroup2
		picked, err := regexp.Compile(some)
		if err != nil {
			t.Fatal(err)
		}
		attacks, all = slices.DeleteFunc(attacks, func(a Attack) bool { return !picked.MatchString(a.Name) }), false
	}
	err := Audit(context.Background(), time.Now, scratch, attacks, func(f Finding) {
		total++
		if d := time.Since(last); d > time.Second {
			t.Logf("%s took %v", f.Attack.Name, d)
		}
		last = time.Now()
		if f.Works {
			worked++
		}
		switch {
		case !f.Held:
			t.Errorf("%s BROKE OUT: %s\n\t%s", f.Attack.Name, f.Inside, f.Attack.Script)
		case !f.Works:
			t.Logf("%-28s held (%s); control %s", f.Attack.Name, f.Inside, f.Control)
		case testing.Verbose():
			t.Logf("%-28s held (%s)", f.Attack.Name, f.Inside)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d attacks, %d with a working control", total, worked)
	if all && worked < 100 {
		t.Errorf("only %d attacks work outside the sandbox", worked)
	}
}

func auditFolder(t *testing.T) string {
	dir := t.TempDir()
	if len(dir) > 80 { // a socket's address is short
		var err error
		if dir, err = os.MkdirTemp("", "a"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
	}
	return dir
}

func TestAttackNames(t *testing.T) {
	seen := map[string]bool{}
	for _, a := range Attacks() {
		if seen[a.Name] || !strings.Contains(a.Name, "/") || strings.Contains(a.Script, "\n") {
			t.Errorf("%s: listed twice, without a group, or longer than a line", a.Name)
		}
		seen[a.Name] = true
	}
}

// TestAttacksAsUser tries them as an ordinary user, whose sandbox is made otherwise: without idmapped mounts, and
// with the user's own uid outside.
func TestAttacksAsUser(t *testing.T) {
	if os.Getenv("FORGE_TEST_ALL") == "" || os.Geteuid() != 0 {
		t.Skip("takes two minutes, and root who becomes somebody else; make attacks runs it")
	}
	dir, err := os.MkdirTemp("", "a")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil { // the program must be found by its path, the scratch folder made
		t.Fatal(err)
	}
	program := filepath.Join(dir, "sandbox.test")
	if err := copyFile(program, "/proc/self/exe", 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-test.v", "-test.run=^(TestAttacks|TestAttackWalls|TestAttackLimits)$")
	cmd.Env = append(os.Environ(), "TMPDIR="+dir, "HOME="+dir)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1000, Gid: 1000}}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "attacks, ") {
		t.Fatalf("as uid 1000: %v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "attacks, ") || strings.Contains(line, "control ") {
			t.Log(strings.TrimSpace(line))
		}
	}
}
