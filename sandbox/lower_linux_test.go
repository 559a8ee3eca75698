package sandbox

import (
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestDescendants: both ways of looking find the same.
func TestDescendants(t *testing.T) {
	cmd := exec.Command("/bin/sh", "-c", "sleep 20 & sh -c 'sleep 20 & wait' & wait")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		for _, pid := range descendantsBySearch(os.Getpid()) {
			unix.Kill(pid, unix.SIGKILL)
		}
		cmd.Wait()
	}()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		a, b := descendants(os.Getpid()), descendantsBySearch(os.Getpid())
		slices.Sort(a)
		slices.Sort(b)
		if len(a) == 4 && slices.Equal(a, b) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("by the kernel's list %v, by search %v, want 4", a, b)
		}
	}
}
