// Package fsx writes files so that a crash leaves the old one or the new one.
package fsx

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteFile replaces path by data: temp file beside it, fsync, rename, fsync of the folder.
func WriteFile(path string, data []byte, perm fs.FileMode) error {
	return Write(path, perm, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// WriteCache is WriteFile without waiting for the disk: after a loss of power the file may be damaged.
// It is for what is checked when it is read and can be made again.
func WriteCache(path string, data []byte, perm fs.FileMode) error {
	return replace(path, perm, false, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// Write is WriteFile with the content streamed by fill. If fill fails, path is as it was.
func Write(path string, perm fs.FileMode, fill func(io.Writer) error) (err error) {
	return replace(path, perm, true, fill)
}

func replace(path string, perm fs.FileMode, durable bool, fill func(io.Writer) error) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, TempPrefix+"*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err = fill(f); err != nil {
		return err
	}
	if err = f.Chmod(perm); err != nil {
		return err
	}
	if durable {
		if err = f.Sync(); err != nil {
			return err
		}
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = Rename(f.Name(), path); err != nil || !durable {
		return err
	}
	return SyncDir(dir)
}

// TempPrefix begins the names of files that are not whole yet; left over, they may be deleted.
const TempPrefix = ".forge-tmp-"

// RemoveAll deletes path and all below it, also where a folder's mode forbids it.
func RemoveAll(path string) error {
	if err := os.RemoveAll(path); err == nil {
		return nil
	}
	if err := removeByName(path); err == nil {
		return nil
	}
	filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			os.Chmod(p, 0o700)
		}
		return nil
	})
	// Folders that could not be read on the way down are readable now: one more pass per level.
	for range 64 {
		err := os.RemoveAll(path)
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		var pe *fs.PathError
		if !errors.As(err, &pe) || os.Chmod(filepath.Dir(pe.Path), 0o700) != nil {
			return err
		}
		os.Chmod(pe.Path, 0o700)
	}
	return os.RemoveAll(path)
}
