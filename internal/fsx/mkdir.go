package fsx

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// MkdirAll makes path and the folders above it that are missing, so that they survive a loss of power:
// what is synced in a folder is lost with a folder whose own name is not.
func MkdirAll(path string, perm fs.FileMode) error { return mkdirAll(path, perm, SyncDir) }

// mkdirAll calls made with every folder in which it made one.
func mkdirAll(path string, perm fs.FileMode, made func(dir string) error) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil
	}
	up := filepath.Dir(path)
	if up != path {
		if err := mkdirAll(up, perm, made); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, perm); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return os.MkdirAll(path, perm) // made meanwhile, or a file: let that say so
		}
		return err
	}
	return made(up)
}
