package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestEightAtOnce: eight forge build the same packages into one channel; each package is built once.
func TestEightAtOnce(t *testing.T) { buildAtOnce(t, 8, "-j2") }

// TestGCWhileBuilding collects all it may, again and again, while three workers build. What nobody uses any
// more goes and is made again; what somebody uses is never missed.
func TestGCWhileBuilding(t *testing.T) {
	dir, cache := crashWorkspace(t), t.TempDir()
	if out, err := forgeCommand(dir, cache, "build", "./...", "--output-dir", "want").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want := packageSums(t, filepath.Join(dir, "want"))
	stop := make(chan struct{})
	var workers, collector sync.WaitGroup
	removed := 0
	collector.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			out, err := forgeCommand(dir, cache, "cache", "gc", "--max-size", "0").CombinedOutput()
			if err != nil {
				t.Errorf("gc: %v\n%s", err, out)
				return
			}
			if !strings.HasPrefix(string(out), "removed 0 results, 0 trees, 0 blobs") {
				removed++
			}
		}
	})
	for i := range 3 {
		workers.Go(func() {
			for k := range 4 {
				output := fmt.Sprintf("out-%d-%d", i, k)
				args := []string{"build", "--output-dir", output, "./p0", "./p1", "./p2"}
				if (i+k)%2 == 1 {
					args = []string{"build", "--output-dir", output, "./p3", "./p4"}
				}
				if out, err := forgeCommand(dir, cache, args...).CombinedOutput(); err != nil {
					t.Errorf("%v\n%s", err, out)
				}
				for name, sum := range packageSums(t, filepath.Join(dir, output)) {
					if want[name] != sum {
						t.Errorf("%s: %s is another package", output, name)
					}
				}
			}
		})
	}
	workers.Wait()
	close(stop)
	collector.Wait()
	if removed < 2 {
		t.Errorf("only %d collections removed anything: nothing was tried", removed)
	}
}

// TestTerminate sends SIGTERM to the process group, as a CI system does: forge ends at once, leaves nothing
// running, and the next run finishes.
func TestTerminate(t *testing.T) {
	dir, cache := crashWorkspace(t), t.TempDir()
	slow := "package: {name: slow, version: '1'}\nbuild: {script: 'if [ -e $RECIPE_DIR/go ]; then echo done > $PREFIX/x; else sleep 62.5; fi'}\n"
	os.MkdirAll(filepath.Join(dir, "slow"), 0o755)
	if err := os.WriteFile(filepath.Join(dir, "slow", "recipe.yaml"), []byte(slow), 0o644); err != nil {
		t.Fatal(err)
	}
	c := forgeCommand(dir, cache, "build", "./slow", "./p0", "-j2")
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return len(processesWith("sleep 62.5")) > 0 }, &out)
	syscall.Kill(-c.Process.Pid, syscall.SIGTERM)
	err := c.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitInterrupted {
		t.Errorf("exit %v, want %d\n%s", err, exitInterrupted, out.String())
	}
	if left := append(processesWith("sleep 62.5"), processesOf(dir, cache)...); len(left) > 0 {
		t.Errorf("left running: %q", left)
	}
	if left, _ := filepath.Glob(filepath.Join(cache, "tmp", "*")); len(left) > 0 {
		t.Errorf("left in the store: %q", left)
	}
	os.WriteFile(filepath.Join(dir, "slow", "go"), nil, 0o644)
	if out, err := forgeCommand(dir, cache, "build", "./slow", "./p0").CombinedOutput(); err != nil {
		t.Errorf("the next run: %v\n%s", err, out)
	}
}

// TestLogFlood: a script that writes 100 MB is heard to its end, in little memory; the terminal and the
// error show the end of it only.
func TestLogFlood(t *testing.T) {
	dir, cache := t.TempDir(), t.TempDir()
	recipe := "package: {name: flood, version: '1'}\nbuild: {script: 'yes \"a line of a log that goes on and on\" | head -c 100000000; head -c 1000000 /dev/zero; echo; echo the end; false'}\n"
	os.Mkdir(filepath.Join(dir, "flood"), 0o755)
	if err := os.WriteFile(filepath.Join(dir, "flood", "recipe.yaml"), []byte(recipe), 0o644); err != nil {
		t.Fatal(err)
	}
	c := forgeCommand(dir, cache, "build", "./flood")
	out, err := c.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "the end") || len(out) > 200_000 {
		t.Errorf("%v, %d bytes of output; want a failure that shows the end of the log: %.2000s", err, len(out), out)
	}
	if ru, ok := c.ProcessState.SysUsage().(*syscall.Rusage); ok && ru.Maxrss > 300<<10 {
		t.Errorf("forge took %d MB of memory", ru.Maxrss>>10)
	}
	logs, _ := filepath.Glob(filepath.Join(dir, "output", "logs", "flood-*.log"))
	if len(logs) != 1 {
		t.Fatalf("logs: %q", logs)
	}
	if info, err := os.Stat(logs[0]); err != nil || info.Size() < 101_000_000 {
		t.Errorf("%v, %v", info, err)
	}
}

// TestClockJumps: after the clock went back, all that is stored is of the future; after it went ahead, all is
// old. Neither changes what is built, reused or collected while it is used.
func TestClockJumps(t *testing.T) {
	dir, cache := crashWorkspace(t), t.TempDir()
	build := func(output string) string {
		t.Helper()
		out, err := forgeCommand(dir, cache, "build", "./...", "--output-dir", output).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	build("out")
	want := packageSums(t, filepath.Join(dir, "out"))
	for _, jump := range []time.Duration{20 * 365 * 24 * time.Hour, -30 * 365 * 24 * time.Hour} {
		at := time.Now().Add(jump)
		filepath.WalkDir(cache, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type()&fs.ModeSymlink == 0 {
				os.Chtimes(path, at, at)
			}
			return err
		})
		output := fmt.Sprintf("out%d", int(jump.Hours()))
		if out := build(output); !strings.Contains(out, "up to date") {
			t.Errorf("jump of %s: built again\n%s", jump, out)
		}
		if d := cmp.Diff(want, packageSums(t, filepath.Join(dir, output))); d != "" {
			t.Errorf("jump of %s: %s", jump, d)
		}
		if out, err := forgeCommand(dir, cache, "cache", "gc", "--age", "1d").CombinedOutput(); err != nil {
			t.Errorf("jump of %s: gc: %v\n%s", jump, err, out)
		}
		if out := build(output + "-gc"); !strings.Contains(out, "up to date") {
			t.Errorf("jump of %s: gc took what was used just before\n%s", jump, out)
		}
	}
}
