// Package fsx writes files so that a crash leaves the old one or the new one.
package fsx

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// WriteFile replaces path by data: temp file beside it, fsync, rename, fsync of the folder.
func WriteFile(path string, data []byte, perm fs.FileMode) error {
	return Write(path, perm, bytesOf(data))
}

// WriteCache is WriteFile without waiting for the disk: after a loss of power the file may be damaged.
// It is for what is checked when it is read and can be made again.
func WriteCache(path string, data []byte, perm fs.FileMode) error {
	_, err := replace(path, perm, false, bytesOf(data))
	return err
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

// A Batch replaces files as WriteFile does, but waits for the disk to have their names only once for each
// folder, in Done: after a loss of power before that, each file is the old one or the new one.
type Batch struct{ dirs []string }

// WriteFile replaces path by data.
func (b *Batch) WriteFile(path string, data []byte, perm fs.FileMode) error {
	return b.Write(path, perm, bytesOf(data))
}

// Write replaces path by what fill writes.
func (b *Batch) Write(path string, perm fs.FileMode, fill func(io.Writer) error) error {
	renamed, err := replace(path, perm, true, fill)
	if renamed {
		b.note(filepath.Dir(path))
	}
	return err
}

// MkdirAll is MkdirAll whose new names survive a loss of power from Done on.
func (b *Batch) MkdirAll(path string, perm fs.FileMode) error { return mkdirAll(path, perm, b.note) }

// note adds a folder whose names are to survive.
func (b *Batch) note(dir string) error {
	if !slices.Contains(b.dirs, dir) {
		b.dirs = append(b.dirs, dir)
	}
	return nil
}

// Done makes all names survive a loss of power.
func (b *Batch) Done() error {
	var errs []error
	for _, dir := range b.dirs {
		errs = append(errs, SyncDir(dir))
	}
	b.dirs = nil
	return errors.Join(errs...)
}

// Pending is a file that is whole and does not have its name yet.
type Pending struct {
	Temp string // where it lies, in the folder it is for
	path string
	b    *Batch
}

// Prepare writes a file that Commit then gives the name path, in the place of what has it now.
func (b *Batch) Prepare(path string, perm fs.FileMode, fill func(io.Writer) error) (*Pending, error) {
	temp, err := prepare(path, perm, true, fill)
	if err != nil {
		return nil, err
	}
	return &Pending{temp, path, b}, nil
}

// Commit gives the file its name.
func (p *Pending) Commit() error {
	if err := Rename(p.Temp, p.path); err != nil {
		return err
	}
	return p.b.note(filepath.Dir(p.path))
}

// Discard removes a file that was not committed.
func (p *Pending) Discard() { os.Remove(p.Temp) }

func replace(path string, perm fs.FileMode, durable bool, fill func(io.Writer) error) (renamed bool, err error) {
	temp, err := prepare(path, perm, durable, fill)
	if err != nil {
		return false, err
	}
	if err = Rename(temp, path); err != nil {
		os.Remove(temp)
	}
	return err == nil, err
}

func prepare(path string, perm fs.FileMode, durable bool, fill func(io.Writer) error) (temp string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), TempPrefix+"*")
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err = fill(f); err != nil {
		return "", err
	}
	if err = f.Chmod(perm); err != nil {
		return "", err
	}
	if durable {
		if err = f.Sync(); err != nil {
			return "", err
		}
	}
	return f.Name(), f.Close()
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
