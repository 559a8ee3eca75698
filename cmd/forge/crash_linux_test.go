package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"forge/digest"
)

// crashWorkspace is a chain of recipes that take a moment each, so that a kill can hit any step.
func crashWorkspace(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for i := range 6 {
		name := fmt.Sprintf("p%d", i)
		host := ""
		if i%3 > 0 {
			host = fmt.Sprintf("requirements: {host: [p%d]}\n", i-1)
		}
		recipe := fmt.Sprintf("package: {name: %s, version: '1'}\n%sbuild:\n  script:\n    - for i in 1 2 3; do head -c 200000 /dev/zero | sha256sum >> $PREFIX/%s; sleep 0.02; done\ntests:\n  - script: test -s $PREFIX/%s\n", name, host, name, name)
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name, "recipe.yaml"), []byte(recipe), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// forgeCommand runs this test binary as forge, with a store and keys of its own.
func forgeCommand(dir, cache string, args ...string) *exec.Cmd {
	c := exec.Command(os.Args[0], args...)
	c.Dir = dir
	c.Env = append(os.Environ(), "FORGE_TEST_AS_PROGRAM=1", "FORGE_CACHE="+cache, "FORGE_KEYS="+filepath.Join(dir, ".keys"))
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return c
}

// TestKill kills forge at random moments, again and again, and then lets it finish: nothing is damaged,
// nothing is left over, and the packages are those of an undisturbed run.
func TestKill(t *testing.T) {
	dir, cache := crashWorkspace(t), t.TempDir()
	kills := 50
	if testing.Short() {
		kills = 10
	}
	warm := forgeCommand(dir, cache, "build", "./p0", "--output-dir", "warm")
	if out, err := warm.CombinedOutput(); err != nil {
		t.Fatalf("first build: %v\n%s", err, out)
	}
	for range kills {
		c := forgeCommand(dir, cache, "build", "./...", "--output-dir", "out")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(rand.IntN(500)) * time.Millisecond)
		c.Process.Kill()
		c.Wait()
	}
	time.Sleep(300 * time.Millisecond)
	if left := processesOf(dir, cache); len(left) > 0 {
		t.Errorf("kill -9 left processes behind: %q", left)
	}
	if mounts, _ := os.ReadFile("/proc/self/mounts"); bytes.Contains(mounts, []byte(cache)) {
		t.Error("kill -9 left a mount behind")
	}
	for _, run := range []struct{ cache, out string }{{cache, "out"}, {t.TempDir(), "clean"}} {
		if out, err := forgeCommand(dir, run.cache, "build", "./...", "--output-dir", run.out).CombinedOutput(); err != nil {
			t.Fatalf("the run after the kills: %v\n%s", err, out)
		}
	}
	got, want := packageSums(t, filepath.Join(dir, "out")), packageSums(t, filepath.Join(dir, "clean"))
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("packages after kills differ from those of a clean run (-clean +killed):\n%s", d)
	}
	if len(want) != 6 {
		t.Errorf("%d packages, want 6", len(want))
	}
	checkStore(t, cache)
}

// TestInterrupt sends SIGINT while a script runs: forge ends at once with 130 and leaves nothing running.
func TestInterrupt(t *testing.T) {
	dir, cache := crashWorkspace(t), t.TempDir()
	slow := "package: {name: slow, version: '1'}\nbuild: {script: sleep 61.5}\n"
	os.MkdirAll(filepath.Join(dir, "slow"), 0o755)
	if err := os.WriteFile(filepath.Join(dir, "slow", "recipe.yaml"), []byte(slow), 0o644); err != nil {
		t.Fatal(err)
	}
	c := forgeCommand(dir, cache, "build", "./slow")
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return len(processesWith("sleep 61.5")) > 0 }, &out)
	start := time.Now()
	syscall.Kill(-c.Process.Pid, syscall.SIGINT)
	err := c.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitInterrupted {
		t.Errorf("exit %v, want %d\n%s", err, exitInterrupted, out.String())
	}
	// Usually some milliseconds; the machine may be busy, and the build would sleep for a minute.
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %s to stop", took)
	}
	if left := processesWith("sleep 61.5"); len(left) > 0 {
		t.Errorf("left running: %q", left)
	}
	if strings.Contains(out.String(), "panic") || !strings.Contains(out.String(), "interrupted") {
		t.Errorf("said: %s", out.String())
	}
}

func waitFor(t *testing.T, ready func() bool, out *bytes.Buffer) {
	t.Helper()
	for range 600 {
		if ready() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("the build did not start: %s", out.String())
}

// processesOf lists command lines of processes that work in or with one of the folders.
func processesOf(folders ...string) []string {
	return processes(func(dir string) bool {
		env, _ := os.ReadFile(filepath.Join(dir, "environ"))
		cmd, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		cwd, _ := os.Readlink(filepath.Join(dir, "cwd"))
		for _, f := range folders {
			if bytes.Contains(append(append(env, cmd...), cwd...), []byte(f)) {
				return true
			}
		}
		return false
	})
}

func processesWith(command string) []string {
	return processes(func(dir string) bool {
		cmd, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		return strings.TrimSpace(strings.ReplaceAll(string(cmd), "\x00", " ")) == command
	})
}

func processes(match func(dir string) bool) []string {
	var list []string
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, d := range dirs {
		if d != fmt.Sprintf("/proc/%d", os.Getpid()) && match(d) {
			cmd, _ := os.ReadFile(filepath.Join(d, "cmdline"))
			list = append(list, strings.ReplaceAll(string(cmd), "\x00", " "))
		}
	}
	return list
}

func packageSums(t *testing.T, output string) map[string]string {
	t.Helper()
	sums := map[string]string{}
	files, _ := filepath.Glob(filepath.Join(output, "*", "*.conda"))
	for _, f := range files {
		d, _, err := digest.OfFile(f)
		if err != nil {
			t.Fatal(err)
		}
		sums[filepath.Base(f)] = d.Hex()
	}
	return sums
}

// checkStore reads every blob: its content must be what its name says.
func checkStore(t *testing.T, cache string) {
	t.Helper()
	blobs, _ := filepath.Glob(filepath.Join(cache, "cas", "*", "*"))
	if len(blobs) == 0 {
		t.Fatal("the store is empty: nothing was checked")
	}
	for _, b := range blobs {
		name := filepath.Base(filepath.Dir(b)) + strings.TrimSuffix(filepath.Base(b), ".x")
		if d, _, err := digest.OfFile(b); err != nil || d.Hex() != name {
			t.Errorf("%s: damaged (%v)", b, err)
		}
	}
}

// TestTwoAtOnce runs two forge on one store and one channel: they cooperate, build nothing twice, and
// both end well.
func TestTwoAtOnce(t *testing.T) { buildAtOnce(t, 2) }

// buildAtOnce lets n forge build the same packages on one store into one channel.
func buildAtOnce(t *testing.T, n int, flags ...string) {
	dir, cache := crashWorkspace(t), t.TempDir()
	runs, outs := make([]*exec.Cmd, n), make([]bytes.Buffer, n)
	for i := range runs {
		runs[i] = forgeCommand(dir, cache, append([]string{"build", "./...", "--output-dir", "out", "--json"}, flags...)...)
		runs[i].Stdout = &outs[i]
		if err := runs[i].Start(); err != nil {
			t.Fatal(err)
		}
	}
	built := 0
	for i, c := range runs {
		if err := c.Wait(); err != nil {
			t.Errorf("run %d: %v\n%s", i, err, outs[i].String())
		}
		built += strings.Count(outs[i].String(), `"status": "built"`)
	}
	if built != 6 {
		t.Errorf("%d packages were built by the %d together, want each of 6 once", built, n)
	}
	if got := len(packageSums(t, filepath.Join(dir, "out"))); got != 6 {
		t.Errorf("%d packages in the channel, want 6", got)
	}
	checkStore(t, cache)
}
