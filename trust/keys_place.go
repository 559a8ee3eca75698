package trust

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"forge/internal/fsx"
)

// ensure makes the file at path with what fill gives, unless it is there.
func ensure(path string, fill func() ([]byte, error)) (made bool, err error) {
	if info, err := os.Lstat(path); err == nil && !isClaim(info) {
		return false, nil
	}
	data, err := fill()
	if err != nil {
		return false, fmt.Errorf("make a signing key: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".forge-tmp-*") // mode 0600
	if err != nil {
		return false, fmt.Errorf("make a signing key: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		made, err = place(f.Name(), path, os.Link)
	}
	if err != nil {
		return false, fmt.Errorf("write the signing key %s: %w", path, err)
	}
	if !made {
		return false, nil
	}
	return true, syncDir(filepath.Dir(path))
}

// place gives a finished file the name path, unless something has it. A link takes the name, so that of two processes
// one wins, neither sees half a key, and no key is ever replaced.
//
// Some file systems have no links (FAT, some of networks and of user space). There the name is claimed by an empty
// file, which only one process can make, and the finished one is renamed over its own claim; a lock keeps others from
// looking meanwhile. An empty file is no key: it was left by a process that was killed in between, and is taken over.
func place(from, path string, link func(from, to string) error) (made bool, err error) {
	linked := link(from, path)
	if linked == nil {
		return true, nil
	}
	if info, err := os.Lstat(path); err == nil && !isClaim(info) {
		return false, nil
	}
	unlock, err := fsx.Lock(context.Background(), filepath.Join(filepath.Dir(path), ".lock"))
	if err != nil {
		return false, errors.Join(linked, err)
	}
	defer unlock()
	claim, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		if info, err := os.Lstat(path); err != nil || !isClaim(info) {
			return false, err
		}
	} else if err = errors.Join(err, closed(claim)); err != nil {
		return false, errors.Join(linked, err)
	}
	return true, fsx.Rename(from, path)
}

// isClaim tells of a name that was taken for a key which is not there yet.
func isClaim(info fs.FileInfo) bool { return info.Mode().IsRegular() && info.Size() == 0 }

func closed(f *os.File) error {
	if f == nil {
		return nil
	}
	return f.Close()
}
