package fsx

import (
	"os"

	"golang.org/x/sys/unix"
)

// startWriting has the kernel send f's content to the disk now, so that the next wait for any file finds it there.
// Where it cannot, that wait takes longer.
func startWriting(f *os.File) {
	_ = unix.SyncFileRange(int(f.Fd()), 0, 0, unix.SYNC_FILE_RANGE_WRITE)
}
