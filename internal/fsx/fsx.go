// Package fsx writes files so that a crash leaves the old one or the new one.
package fsx

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// WriteFile replaces path by data: temp file beside it, fsync, rename, fsync of the folder.
func WriteFile(path string, data []byte, perm fs.FileMode) error {
	return Write(path, perm, bytesOf(data))
}

// WriteCache is WriteFile without waiting for the disk: after a loss of power the file may be damaged.
// It is for what is checked when it is read and can be made again.
func WriteCache(path string, data []byte, perm fs.FileMode) error {
	f, err := beside(path, perm, bytesOf(data))
	if err != nil {
		return err
	}
	return put(f, path)
}

func bytesOf(data []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	}
}

// Write is WriteFile with the content streamed by fill. If fill fails, path is as it was.
func Write(path string, perm fs.FileMode, fill func(io.Writer) error) error {
	var b Batch
	return errors.Join(b.Write(path, perm, fill), b.Done())
}

// beside writes what is to be at path into a new file beside it. The file is still open.
func beside(path string, perm fs.FileMode, fill func(io.Writer) error) (f *os.File, err error) {
	if f, err = os.CreateTemp(filepath.Dir(path), TempPrefix+"*"); err != nil {
		return nil, meant(err, path)
	}
	if err = fill(f); err == nil {
		err = f.Chmod(perm)
	}
	if err != nil {
		drop(f)
		return nil, meant(err, path)
	}
	return f, nil
}

// meant is an error about the file beside path as one about path, which says more.
func meant(err error, path string) error {
	pe, ok := err.(*fs.PathError)
	if !ok || filepath.Dir(pe.Path) != filepath.Dir(path) || !strings.HasPrefix(filepath.Base(pe.Path), TempPrefix) {
		return err
	}
	return &fs.PathError{Op: "write", Path: path, Err: pe.Err}
}

// put closes a file and gives it its name.
func put(f *os.File, path string) error {
	err := f.Close()
	if err == nil {
		err = Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

func drop(f *os.File) {
	f.Close()
	os.Remove(f.Name())
}

// TempPrefix begins the names of files that are not whole yet; left over, they may be deleted.
const TempPrefix = ".forge-tmp-"

// RemoveAll deletes path and all below it, also where a folder's mode forbids it. The folder that path lies in stays
// as it is: others may share it.
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
		if !errors.As(err, &pe) {
			return err
		}
		if rel, e := filepath.Rel(path, pe.Path); e != nil || !filepath.IsLocal(rel) {
			return err
		} else if rel != "." && os.Chmod(filepath.Dir(pe.Path), 0o700) != nil {
			return err
		} else if os.Chmod(pe.Path, 0o700) != nil && rel == "." {
			return err
		}
	}
	return os.RemoveAll(path)
}
