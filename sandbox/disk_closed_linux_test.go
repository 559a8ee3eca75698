package sandbox

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestDiskClosedFolder: a command cannot hide what it wrote in a folder that it closes; then what the file
// system lost counts.
func TestDiskClosedFolder(t *testing.T) {
	dir := t.TempDir()
	spec := Spec{Mounts: []Mount{{Source: dir, Target: "/w", Writable: true}}, Limits: Limits{Disk: 4 << 20}}
	d := newDisk(spec, time.Now)
	closed := filepath.Join(dir, "closed")
	if err := os.Mkdir(closed, 0); err != nil {
		t.Fatal(err)
	}
	over := make(chan bool)
	go func() {
		runtime.LockOSThread() // and not unlocked: the thread, which is nobody's for files, ends with the goroutine
		if os.Geteuid() == 0 {
			_ = unix.Setfsuid(65534)
		}
		d.start += 16 << 20 // as if so much had been written into it
		over <- d.recount()
	}()
	if !<-over {
		t.Error("what lies in a closed folder is not counted")
	}
}
