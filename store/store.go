// Package store keeps files and results by content.
//
// Layout below the root (FORGE_CACHE, by default ~/.cache/forge): cas/ab/cdef… files by SHA-256,
// trees/ materialised trees, actions/ results by key, sources/ names of fetched things, runs/ what runs with
// nothing to do look at, tmp/, lock files.
// Every write is a temp file, fsync and rename; a damaged entry is a miss, never an error.
package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"forge/digest"
	"forge/internal/fsx"
)

// Store is a folder shared by any number of Forge processes.
type Store struct {
	root    string
	perm    fs.FileMode // of its folders
	session session
}

// ErrMissing tells that the store does not hold what was asked for, or holds it damaged.
var ErrMissing = errors.New("not in the store")

// Open makes the folders that are missing below root and returns the store. It is its owner's alone, unless
// root was made for more: its mode is that of the folders inside, so that with 2775 and a umask of 002 a
// group shares a store. One that cannot be written to serves what it has.
func Open(root string) (*Store, error) {
	abs, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	if err := fsx.MkdirAll(abs, 0o700); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	info, err := os.Stat(abs)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	s := &Store{root: abs, perm: info.Mode().Perm() | 0o700}
	for _, dir := range []string{"cas", "trees", "actions", "sources", "runs", "locks", "tmp"} {
		if err := fsx.MkdirAll(filepath.Join(abs, dir), s.perm); err != nil {
			return nil, fmt.Errorf("store: %w", err)
		}
	}
	return s, nil
}

// Root is the store's folder, absolute.
func (s *Store) Root() string { return s.root }

// Path is where the blob d lies if the store has it. Blobs are read-only files; exec bits are kept in
// trees, so a blob that is executable somewhere has a second file, with exec set.
// Asking for the path counts as use: gc leaves the blob alone while this process lives.
func (s *Store) Path(d digest.Digest, exec bool) string {
	s.pin(pinBlob, d)
	return s.blob(d, exec)
}

func (s *Store) blob(d digest.Digest, exec bool) string {
	h := d.Hex()
	if exec {
		h += ".x"
	}
	return filepath.Join(s.root, "cas", h[:2], h[2:])
}

// Has reports whether the blob is there; size and content are not read.
func (s *Store) Has(d digest.Digest) bool {
	_, err := os.Lstat(s.blob(d, false))
	return err == nil
}

// PutBytes stores b.
func (s *Store) PutBytes(b []byte) (digest.Digest, error) {
	d := digest.Of(b)
	s.pin(pinBlob, d)
	if s.Has(d) {
		return d, nil
	}
	path := s.Path(d, false)
	if err := fsx.MkdirAll(filepath.Dir(path), s.perm); err != nil {
		return d, err
	}
	var file fsx.Batch // without its end: a name that is lost is missed by whoever needs it
	return d, file.WriteFile(path, b, 0o444)
}

// Put stores what r gives and returns its digest and size.
func (s *Store) Put(r io.Reader) (digest.Digest, int64, error) {
	f, err := s.tempFile()
	if err != nil {
		return digest.Digest{}, 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	d, n, err := digest.OfReader(io.TeeReader(r, f))
	if err != nil {
		return d, n, err
	}
	return d, n, s.adopt(f, d, false)
}

// small is the size of a file up to which looking whether the store has it is cheaper than a second copy.
const small = 1 << 20

// PutFile stores a copy of the file at path.
func (s *Store) PutFile(path string, exec bool) (digest.Digest, int64, error) {
	in, err := os.Open(path)
	if err != nil {
		return digest.Digest{}, 0, err
	}
	defer in.Close()
	if info, err := in.Stat(); err == nil && info.Size() <= small {
		if d, n, err := digest.OfReader(in); err == nil {
			if have, _, err := digest.OfFile(s.Path(d, exec)); err == nil && have == d {
				return d, n, nil
			}
		}
		if _, err := in.Seek(0, io.SeekStart); err != nil {
			return digest.Digest{}, 0, err
		}
	}
	if !exec {
		return s.Put(in)
	}
	f, err := s.tempFile()
	if err != nil {
		return digest.Digest{}, 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	d, n, err := digest.OfReader(io.TeeReader(in, f))
	if err != nil {
		return d, n, err
	}
	return d, n, s.adopt(f, d, true)
}

// Take moves the file at path into the store; on its own file system, as in a folder made by TempDir, nothing
// is copied.
func (s *Store) Take(path string) (digest.Digest, int64, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0) // Windows syncs only what may be written to
	if err != nil {
		return digest.Digest{}, 0, err
	}
	defer f.Close()
	d, n, err := digest.OfReader(f)
	if err != nil {
		return d, n, err
	}
	err = s.adopt(f, d, false)
	if errors.Is(err, syscall.EXDEV) { // a folder of the caller's, on another file system
		return s.PutFile(path, false)
	}
	return d, n, err
}

// adopt renames the temp file f to its place.
func (s *Store) adopt(f *os.File, d digest.Digest, exec bool) error {
	path, perm := s.Path(d, exec), fs.FileMode(0o444)
	if exec {
		perm = 0o555
	}
	if err := fsx.MkdirAll(filepath.Dir(path), s.perm); err != nil {
		return err
	}
	if err := f.Chmod(perm); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil { // Windows renames no open file
		return err
	}
	return fsx.Rename(f.Name(), path)
}

// Bytes returns the blob, checked against its digest.
func (s *Store) Bytes(d digest.Digest) ([]byte, error) {
	b, err := os.ReadFile(s.Path(d, false))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d, ErrMissing)
	}
	if digest.Of(b) != d {
		s.Forget(d)
		return nil, fmt.Errorf("%s: damaged: %w", d, ErrMissing)
	}
	return b, nil
}

// Verify reads the whole blob and reports whether it is what its name says; if not it is removed.
func (s *Store) Verify(d digest.Digest) bool {
	got, _, err := digest.OfFile(s.Path(d, false))
	if err == nil && got == d {
		return true
	}
	s.Forget(d)
	return false
}

// Forget removes the blob.
func (s *Store) Forget(d digest.Digest) {
	os.Remove(s.blob(d, false))
	os.Remove(s.blob(d, true))
}

// Lock waits for the exclusive lock of that name; the kernel drops it when the process dies.
func (s *Store) Lock(ctx context.Context, name string) (unlock func(), err error) {
	return fsx.Lock(ctx, filepath.Join(s.root, "locks", digest.Of([]byte(name)).Hex()[:32]))
}
