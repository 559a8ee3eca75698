package sandbox

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestHelperRunner runs sandboxes until somebody kills it.
func TestHelperRunner(t *testing.T) {
	mark := os.Getenv("FORGE_TEST_MARK")
	if mark == "" {
		t.Skip("a part of TestKill")
	}
	level := Isolation(os.Getenv("FORGE_TEST_LEVEL"))
	for {
		s := contractSpec(t, level, "setsid sleep "+mark+" & sleep "+mark+" & (sleep 0.01; exec sleep 0.02)")
		s.Limits = Limits{Memory: 1 << 30, Processes: 100}
		if _, err := Only(level, time.Now).Run(context.Background(), s); err != nil {
			t.Fatal(err)
		}
	}
}

// TestKillLeavesNothing kills a runner at random moments and looks for what is left of it.
func TestKillLeavesNothing(t *testing.T) {
	levels(t, func(t *testing.T, l Isolation) {
		n := 20
		if testing.Short() {
			n = 5
		}
		for i := range n {
			mark := fmt.Sprintf("86%d.%d", os.Getpid(), i)
			dir := t.TempDir()
			cmd := exec.Command("/proc/self/exe", "-test.run=^TestHelperRunner$")
			cmd.Env = []string{"FORGE_TEST_MARK=" + mark, "FORGE_TEST_LEVEL=" + string(l), "TMPDIR=" + dir, "PATH=/usr/bin:/bin"}
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Duration(10+rand.IntN(150)) * time.Millisecond)
			cmd.Process.Kill()
			cmd.WaitDelay = time.Second
			cmd.Wait()
			if out.Len() > 0 {
				t.Fatalf("the runner ended by itself: %s", out.String())
			}
			patience := 2 * time.Second
			if l != Full {
				patience = 20 * time.Second // a keeper is a process among others, and the machine may be busy
			}
			gone := false
			for end := time.Now().Add(patience); !gone && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
				gone = len(processes(mark, dir)) == 0
			}
			if !gone {
				t.Errorf("left after kill -9: %q", processes(mark, dir))
			}
			if b, _ := os.ReadFile("/proc/self/mounts"); strings.Contains(string(b), dir) {
				t.Errorf("a mount is left in %s", dir)
			}
		}
	})
}

// processes lists those that carry mark in their arguments or environment, or work in dir.
func processes(mark, dir string) (list []string) {
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, p := range all {
		args, _ := os.ReadFile(p + "/cmdline")
		env, _ := os.ReadFile(p + "/environ")
		cwd, _ := os.Readlink(p + "/cwd")
		if strings.Contains(string(args), mark) || strings.Contains(string(env), mark) || strings.HasPrefix(cwd, dir) {
			list = append(list, strings.ReplaceAll(string(args), "\x00", " "))
		}
	}
	return list
}

// TestKillByThread: the signal that guards the sandbox goes off when the thread that started it ends.
// Here threads end all the time.
func TestKillByThread(t *testing.T) {
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for {
			select {
			case <-stop:
				return
			default:
				done := make(chan struct{})
				go func() { runtime.LockOSThread(); close(done) }() // ends with its thread
				<-done
				time.Sleep(time.Millisecond)
			}
		}
	}()
	results := make(chan error)
	for range 4 {
		go func() {
			runtime.LockOSThread() // the caller's thread is no better
			s := contractSpec(t, Full, "sleep 0.5; exit 7")
			res, err := New(time.Now).Run(context.Background(), s)
			if err == nil && res.ExitCode != 7 {
				err = fmt.Errorf("%+v", res)
			}
			results <- err
		}()
	}
	for range 4 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

// TestKillFromInside: nothing in the sandbox can end its pid 1, or hide that it failed.
func TestKillFromInside(t *testing.T) {
	for _, script := range []string{
		"for s in $(seq 1 64); do kill -$s 1 2>/dev/null; done; kill -9 -1; exit 5", "kill -STOP 1; exit 5", "kill -SEGV 1; exit 5",
		"kill -QUIT 1; sleep 0.1; exit 5",
	} {
		if res, out := run(t, Full, contractSpec(t, Full, script)); res.ExitCode != 5 {
			t.Errorf("%s: %+v\n%s", script, res, out)
		}
	}
}

// TestKillKeeper: a keeper that was killed from outside is said to have been, with the signal.
func TestKillKeeper(t *testing.T) {
	levels(t, func(t *testing.T, l Isolation) {
		s := contractSpec(t, l, "sleep 60")
		s.Started = func(pid int) {
			go func() { time.Sleep(200 * time.Millisecond); syscall.Kill(pid, syscall.SIGKILL) }()
		}
		_, err := Only(l, time.Now).Run(context.Background(), s)
		if err == nil || !strings.Contains(err.Error(), "was killed (signal 9), not by forge") {
			t.Error(err)
		}
	})
}
