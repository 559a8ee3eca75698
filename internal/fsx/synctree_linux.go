package fsx

import (
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// SyncTree makes all names below dir survive a loss of power: folder by folder, or where there are many
// the whole file system at once. The content of files is synced by whoever wrote it.
func SyncTree(dir string) error {
	const many = 16
	var folders []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			if folders = append(folders, path); len(folders) > many {
				return filepath.SkipAll
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	if len(folders) > many {
		f, err := os.Open(dir)
		if err != nil {
			return err
		}
		defer f.Close()
		return unix.Syncfs(int(f.Fd()))
	}
	for i := len(folders) - 1; i >= 0; i-- {
		if err := SyncDir(folders[i]); err != nil {
			return err
		}
	}
	return nil
}
