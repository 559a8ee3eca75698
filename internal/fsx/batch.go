package fsx

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// A Batch replaces files as WriteFile does, but waits for the disk to have their names only once for each
// folder, in Done: after a loss of power before that, each file is the old one or the new one.
type Batch struct {
	staged []staged
	dirs   []string
}

// staged is a file that is not in its place yet.
type staged struct {
	path string
	file *os.File
	last bool
}

// WriteFile replaces path by data.
func (b *Batch) WriteFile(path string, data []byte, perm fs.FileMode) error {
	return b.Write(path, perm, bytesOf(data))
}

// Write replaces path by what fill writes, and puts what is staged into its place, too.
func (b *Batch) Write(path string, perm fs.FileMode, fill func(io.Writer) error) error {
	if _, err := b.Stage(path, perm, fill); err != nil {
		return err
	}
	return b.Place()
}

// Stage writes what is to be at path into a file beside it, at the path that is returned. It comes into its place by
// Place; Drop gives it up. The disk is waited for once for all that is staged together, as far as the file system can:
// one with a journal writes that once, and to wait for it is most of what a small file costs.
func (b *Batch) Stage(path string, perm fs.FileMode, fill func(io.Writer) error) (at string, err error) {
	f, err := beside(path, perm, fill)
	if err != nil {
		return "", err
	}
	b.staged = append(b.staged, staged{path: path, file: f})
	return f.Name(), nil
}

// StageLast is Stage for the one file that others lie beside: Place gives it its name after all of them.
func (b *Batch) StageLast(path string, perm fs.FileMode, fill func(io.Writer) error) (at string, err error) {
	if at, err = b.Stage(path, perm, fill); err == nil {
		b.staged[len(b.staged)-1].last = true
	}
	return at, err
}

// StageFile stages data.
func (b *Batch) StageFile(path string, data []byte, perm fs.FileMode) error {
	_, err := b.Stage(path, perm, bytesOf(data))
	return err
}

// Place waits until the disk has the content of all that is staged, and then gives each file its name, in the order of
// staging. If the disk does not take one of them, none is placed.
func (b *Batch) Place() error {
	if len(b.staged) > 1 {
		for _, s := range b.staged {
			startWriting(s.file)
		}
	}
	for _, s := range b.staged {
		if err := s.file.Sync(); err != nil {
			b.Drop()
			return err
		}
	}
	slices.SortStableFunc(b.staged, func(x, y staged) int {
		switch {
		case x.last == y.last:
			return 0
		case y.last:
			return -1
		}
		return 1
	})
	for len(b.staged) > 0 {
		s := b.staged[0]
		b.staged = b.staged[1:]
		if err := put(s.file, s.path); err != nil {
			b.Drop()
			return err
		}
		b.note(filepath.Dir(s.path))
	}
	return nil
}

// Drop gives up what is staged; nothing if all was placed.
func (b *Batch) Drop() {
	for _, s := range b.staged {
		drop(s.file)
	}
	b.staged = nil
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

// Done places what is staged and makes all names survive a loss of power.
func (b *Batch) Done() error {
	errs := []error{b.Place()}
	for _, dir := range b.dirs {
		errs = append(errs, SyncDir(dir))
	}
	b.dirs = nil
	return errors.Join(errs...)
}
