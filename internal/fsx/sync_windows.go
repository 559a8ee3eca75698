package fsx

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/windows"
)

// SyncDir does nothing: NTFS orders the renames of a folder by itself.
func SyncDir(string) error { return nil }

// Open opens the file at path for reading, so that another process may replace it meanwhile.
func Open(path string) (*os.File, error) {
	name, err := windows.UTF16PtrFromString(longPath(path))
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	const share = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE
	h, err := windows.CreateFile(name, windows.GENERIC_READ, share, nil, windows.OPEN_EXISTING, windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(h), path), nil
}

// longPath lifts the limit of 260 characters, as os does for its own calls.
func longPath(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil || len(abs) < 248 || abs[:2] == `\\` {
		return path
	}
	return `\\?\` + abs
}

// Rename puts from in the place of to, also where to is there already: read-only, or opened by Open, when
// it is moved aside and deleted. Virus scanners and indexers open new files for a moment, and nobody can
// rename them meanwhile: it tries for about two seconds.
func Rename(from, to string) error {
	for wait := time.Millisecond; ; wait *= 2 {
		err := os.Rename(from, to)
		if err == nil || wait > time.Second {
			return err
		}
		if !errors.Is(err, windows.ERROR_SHARING_VIOLATION) && !errors.Is(err, windows.ERROR_ACCESS_DENIED) {
			return err
		}
		if info, serr := os.Lstat(to); serr == nil && info.Mode().IsRegular() {
			if aside(to) == nil {
				continue
			}
		}
		time.Sleep(wait)
	}
}

// aside frees the name of a file that is in the way.
func aside(path string) error {
	if err := os.Chmod(path, 0o644); err != nil {
		return err
	}
	old := filepath.Join(filepath.Dir(path), fmt.Sprintf("%s%016x", TempPrefix, rand.Uint64()))
	if err := os.Rename(path, old); err != nil {
		return err
	}
	os.Remove(old) // it goes when the last reader closes it
	return nil
}

// RemoveIn deletes a file or an empty folder of an opened folder.
func RemoveIn(dir *os.Root, name string) error {
	err := dir.Remove(name)
	if err != nil && filepath.IsLocal(name) && errors.Is(err, windows.ERROR_INVALID_FUNCTION) {
		return os.Remove(filepath.Join(dir.Name(), name)) // see removeByName
	}
	return err
}

// removeByName removes path and all below it by full names. It is for systems that cannot remove a file
// by its open handle, as Wine: os.RemoveAll fails there. Links and junctions are removed, never followed.
func removeByName(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return os.Remove(path)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		errs = append(errs, removeByName(filepath.Join(path, e.Name())))
	}
	return errors.Join(append(errs, os.Remove(path))...)
}
