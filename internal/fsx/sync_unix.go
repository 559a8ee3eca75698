//go:build unix

package fsx

import "os"

// Open opens the file at path for reading, so that another process may replace it meanwhile.
func Open(path string) (*os.File, error) { return os.Open(path) }

// RemoveIn deletes a file or an empty folder of an opened folder.
func RemoveIn(dir *os.Root, name string) error { return dir.Remove(name) }

// removeByName is for systems where os.RemoveAll can fail for want of a system call.
func removeByName(path string) error { return os.RemoveAll(path) }

// Rename puts from in the place of to, also where to is there already.
func Rename(from, to string) error { return os.Rename(from, to) }

// SyncDir makes renames inside dir survive a loss of power.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
