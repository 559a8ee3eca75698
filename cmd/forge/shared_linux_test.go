package main

import (
	"bufio"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSharedStore: two users of a group build with one store, a third who may only read it reuses what they
// built, and each collects what is theirs.
func TestSharedStore(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can be several users")
	}
	top := t.TempDir()
	for d := top; d != filepath.Dir(os.TempDir()) && d != "/" && d != os.TempDir(); d = filepath.Dir(d) {
		os.Chmod(d, 0o755)
	}
	program, share := filepath.Join(top, "forge"), filepath.Join(top, "share")
	copyProgram(t, program)
	const group = 1879000001
	if err := os.Mkdir(share, 0o775); err != nil {
		t.Fatal(err)
	}
	os.Chown(share, 0, group)
	os.Chmod(share, os.ModeSetgid|0o775)
	old := syscall.Umask(0o002)
	defer syscall.Umask(old)
	var sums []map[string]string
	var commands []func(args ...string) *exec.Cmd
	for i, u := range []struct{ uid, gid uint32 }{{1879000011, group}, {1879000012, group}, {1879000013, 1879000002}} {
		dir := filepath.Join(top, []string{"one", "two", "reader"}[i])
		if err := os.MkdirAll(filepath.Join(dir, "a"), 0o755); err != nil {
			t.Fatal(err)
		}
		os.WriteFile(filepath.Join(dir, "a", "recipe.yaml"), []byte("package: {name: a, version: '1'}\nbuild: {script: 'echo 1 > $PREFIX/a'}\ntests:\n  - script: test -e $PREFIX/a\n"), 0o644)
		os.Chown(dir, int(u.uid), int(u.gid))
		command := func(args ...string) *exec.Cmd {
			c := forgeCommand(dir, share, args...)
			c.Path, c.Env = program, append(c.Env, "HOME="+dir)
			c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: u.uid, Gid: u.gid}}
			return c
		}
		run := func(args ...string) string {
			out, err := command(args...).CombinedOutput()
			if err != nil {
				t.Errorf("%s: forge %s: %v\n%s", dir, args[0], err, out)
			}
			return string(out)
		}
		out := run("build", "./a")
		if strings.Contains(out, "isolation full cannot be had") {
			t.Skip("an ordinary user gets no sandbox here")
		}
		if i > 0 && !strings.Contains(out, "up to date") {
			t.Errorf("user %d builds again:\n%s", i, out)
		}
		commands = append(commands, command)
		sums = append(sums, packageSums(t, filepath.Join(dir, "output")))
		if i == 0 { // what a killed process of a third user left
			dead := filepath.Join(share, "tmp", "s-dead")
			os.MkdirAll(filepath.Join(dead, "build", "root"), 0o755)
			os.WriteFile(filepath.Join(dead, "lock"), nil, 0o664)
			filepath.WalkDir(dead, func(path string, _ fs.DirEntry, _ error) error { return os.Chown(path, 1879000014, group) })
			os.Chmod(dead, 0o711) // as sessions are
			os.Chmod(filepath.Join(dead, "build"), 0o755)
		}
		if i == 1 {
			run("cache", "verify")
			run("cache", "ls")
			run("cache", "gc", "--max-size", "1GB")
			commands[0]("cache", "gc", "--max-size", "1GB").Run()
			if info, err := os.Stat(filepath.Join(share, "tmp")); err != nil || info.Mode().Perm() != 0o775 {
				t.Errorf("the folder that all share is now %v: %v", info.Mode(), err)
			}
		}
	}
	collectWhileBuilding(t, filepath.Join(top, "one"), commands[0], commands[1])
	if d := cmp.Diff(sums[0], sums[1]) + cmp.Diff(sums[0], sums[2]); d != "" || len(sums[0]) != 1 {
		t.Errorf("the users got different packages: %s", d)
	}
}

// collectWhileBuilding: what the build of one user uses, the other's collection leaves there. first is built while the
// other collects, and second with what first was built with.
func collectWhileBuilding(t *testing.T, dir string, one, other func(args ...string) *exec.Cmd) {
	t.Helper()
	for name, text := range map[string]string{
		"first":  "build: {script: 'sleep 3; echo 1 > $PREFIX/first'}\n",
		"second": "build: {script: 'cat $PREFIX/first > $PREFIX/second'}\nrequirements: {host: [first, a]}\n",
	} {
		os.MkdirAll(filepath.Join(dir, "pair", name), 0o755)
		os.WriteFile(filepath.Join(dir, "pair", name, "recipe.yaml"), []byte("package: {name: "+name+", version: '1'}\n"+text), 0o644)
	}
	build := one("build", "./pair/...", "./a")
	said, err := build.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := build.Start(); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	for lines := bufio.NewScanner(said); lines.Scan(); {
		log.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), "building first") {
			if out, err := other("cache", "gc", "--max-size", "0", "--age", "0.00000001d").CombinedOutput(); err != nil || !strings.Contains(string(out), " 0 trees") || !strings.Contains(string(out), "that a running forge uses") {
				t.Errorf("forge cache gc: %v\n%s", err, out)
			}
		}
	}
	if err := build.Wait(); err != nil {
		t.Errorf("the build while another user collects: %v\n%s", err, &log)
	}
}

func copyProgram(t *testing.T, to string) {
	t.Helper()
	in, err := os.Open(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestReadOnlyStore: a store on a read-only mount serves what it has; what has to be built fails and says
// what must be writable.
func TestReadOnlyStore(t *testing.T) {
	dir, cache := crashWorkspace(t), t.TempDir()
	if out, err := forgeCommand(dir, cache, "build", "./p0", "./p1", "--output-dir", "out").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run := func(args ...string) (string, error) {
		c := forgeCommand(dir, cache, args...)
		c.Args = append([]string{"sh", "-c", `mount --bind "$FORGE_CACHE" "$FORGE_CACHE" && mount -o remount,ro,bind "$FORGE_CACHE" && exec "$0" "$@"`, os.Args[0]}, args...)
		c.Path = "/bin/sh"
		c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
		if os.Getuid() != 0 {
			c.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
			c.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
			c.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
		}
		out, err := c.CombinedOutput()
		return string(out), err
	}
	if out, err := run("--version"); err != nil {
		t.Skipf("no mount can be made here: %v %s", err, out)
	}
	for _, output := range []string{"out", "other"} {
		if out, err := run("build", "./p0", "./p1", "--output-dir", output); err != nil || !strings.Contains(out, "up to date") {
			t.Errorf("reuse into %s: %v\n%s", output, err, out)
		}
	}
	if d := cmp.Diff(packageSums(t, filepath.Join(dir, "out")), packageSums(t, filepath.Join(dir, "other"))); d != "" {
		t.Error(d)
	}
	out, err := run("build", "./p3", "--output-dir", "out")
	if _, isExit := err.(*exec.ExitError); !isExit || !strings.Contains(out, "read-only file system") || !strings.Contains(out, "FORGE_CACHE") {
		t.Errorf("build: %v\n%s", err, out)
	}
	for _, verb := range []string{"ls", "du", "verify"} {
		if out, err := run("cache", verb); err != nil {
			t.Errorf("cache %s: %v\n%s", verb, err, out)
		}
	}
}
