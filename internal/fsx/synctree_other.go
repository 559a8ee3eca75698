//go:build !linux

package fsx

import (
	"io/fs"
	"path/filepath"
)

// SyncTree makes all names below dir survive a loss of power. The content of files is synced by whoever
// wrote it.
func SyncTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return SyncDir(path)
	})
}
