package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestNamedDevice: what a flag names is written into where it is a device, and not replaced by a file.
func TestNamedDevice(t *testing.T) {
	dir := t.TempDir()
	device, link := filepath.Join(dir, "null"), filepath.Join(dir, "link")
	if err := unix.Mknod(device, unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))); errors.Is(err, unix.EPERM) {
		t.Skip("devices are for root to make")
	} else if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("null", link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{device, link} {
		if err := writeNamed(path, []byte("text")); err != nil && !errors.Is(err, unix.EACCES) { // a mount with nodev
			t.Error(err)
		}
		if info, err := os.Lstat(device); err != nil || info.Mode()&os.ModeCharDevice == 0 {
			t.Fatalf("the device is %v, %v", info, err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("%v, %v", left, err)
	}
}
