package sources

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"forge/store"
)

// alive reports whether a process runs, zombies left out.
func alive(pid int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && !strings.Contains(string(b), ") Z ")
}

func waitGone(t *testing.T, pid int) {
	t.Helper()
	for range 100 {
		if !alive(pid) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	syscall.Kill(pid, syscall.SIGKILL)
	t.Errorf("process %d is still there", pid)
}

// slowClient runs a client that writes its id, and a child's, and then takes long.
func slowClient(ctx context.Context, g *Getter, dir string) error {
	_, err := g.run(ctx, client{name: "/bin/sh", dir: dir, args: []string{"-c", "sleep 600 & echo $! > child; echo $$ > pid.tmp; mv pid.tmp pid; wait"}})
	return err
}

func pidIn(t *testing.T, file string) int {
	t.Helper()
	for range 250 {
		if b, err := os.ReadFile(file); err == nil {
			pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
			if err != nil {
				t.Fatal(err)
			}
			return pid
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("the client did not start")
	return 0
}

func TestCancelEndsClients(t *testing.T) {
	g, dir := newGetter(t), t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- slowClient(ctx, g, dir) }()
	pid, child := pidIn(t, filepath.Join(dir, "pid")), pidIn(t, filepath.Join(dir, "child"))
	start := time.Now()
	cancel()
	if err := <-done; err != context.Canceled {
		t.Errorf("error %v", err)
	}
	if d := time.Since(start); d > 10*time.Second {
		t.Errorf("took %s", d)
	}
	waitGone(t, pid)
	waitGone(t, child)
}

// TestKillEndsClients kills a process that runs a client, as kill -9 does Forge.
func TestKillEndsClients(t *testing.T) {
	if dir := os.Getenv("FORGE_TEST_SLOW_CLIENT"); dir != "" {
		s, err := store.Open(filepath.Join(dir, "store"))
		if err == nil {
			err = slowClient(context.Background(), New(Config{Store: s}), dir)
		}
		t.Fatal(err)
	}
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=TestKillEndsClients")
	cmd.Env = append(os.Environ(), "FORGE_TEST_SLOW_CLIENT="+dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid, child := pidIn(t, filepath.Join(dir, "pid")), pidIn(t, filepath.Join(dir, "child"))
	cmd.Process.Kill()
	cmd.Wait()
	waitGone(t, pid)
	syscall.Kill(child, syscall.SIGKILL) // a child of the client's own; real clients' see their pipes close
}
