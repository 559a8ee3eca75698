package store

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"forge/digest"
	"forge/internal/fsx"
)

// PutTree stores the manifest of a tree whose files are stored already and returns the tree's digest.
func (s *Store) PutTree(entries []digest.Entry) (digest.Digest, error) {
	d := digest.Tree(entries)
	s.pin(pinTree, d)
	if _, err := os.Lstat(s.treeFile(d)); err == nil {
		return d, nil
	}
	sorted := append([]digest.Entry(nil), entries...)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i].Path < sorted[j].Path })
	b, err := json.Marshal(sorted)
	if err != nil {
		return d, err
	}
	return d, fsx.WriteFile(s.treeFile(d), b, 0o444)
}

// Tree returns the entries of the tree d, sorted by path, checked against d.
func (s *Store) Tree(d digest.Digest) ([]digest.Entry, error) {
	s.pin(pinTree, d)
	b, err := os.ReadFile(s.treeFile(d))
	if err != nil {
		return nil, fmt.Errorf("tree %s: %w", d, ErrMissing)
	}
	var entries []digest.Entry
	if json.Unmarshal(b, &entries) != nil || digest.Tree(entries) != d {
		os.Remove(s.treeFile(d))
		return nil, fmt.Errorf("tree %s: damaged: %w", d, ErrMissing)
	}
	return entries, nil
}

// HasTree reports whether the manifest of the tree is there; neither it nor the files are read.
func (s *Store) HasTree(d digest.Digest) bool {
	s.pin(pinTree, d)
	_, err := os.Lstat(s.treeFile(d))
	return err == nil
}

func (s *Store) treeFile(d digest.Digest) string {
	return filepath.Join(s.root, "trees", d.Hex()+".json")
}

// treeFolder is where the tree is laid out.
func (s *Store) treeFolder(d digest.Digest) string { return filepath.Join(s.root, "trees", d.Hex()) }

// Merge returns the union of trees. Where two have one path with different content it is an error.
func Merge(trees ...[]digest.Entry) ([]digest.Entry, error) {
	byPath := func(a, b digest.Entry) int { return strings.Compare(a.Path, b.Path) }
	var merged []digest.Entry
	for _, t := range trees {
		if !slices.IsSortedFunc(t, byPath) { // what is stored is
			t = slices.SortedFunc(slices.Values(t), byPath)
		}
		both := make([]digest.Entry, 0, len(merged)+len(t))
		for len(merged) > 0 || len(t) > 0 {
			next := &merged
			if len(merged) == 0 || len(t) > 0 && t[0].Path < merged[0].Path {
				next = &t
			}
			e := (*next)[0]
			*next = (*next)[1:]
			if n := len(both); n == 0 || both[n-1].Path != e.Path {
				both = append(both, e)
			} else if old := both[n-1]; old != e {
				return nil, fmt.Errorf("%s: two trees hold it with different content (%s, %s)", e.Path, old.Sum.Short(), e.Sum.Short())
			}
		}
		merged = both
	}
	return merged, nil
}

// Materialize returns a folder that holds exactly the tree, made on first use and shared afterwards:
// it must only be mounted read-only. Files are hard links to the store's, folders have mode 0755.
func (s *Store) Materialize(ctx context.Context, entries []digest.Entry) (string, error) {
	d := digest.Tree(entries)
	s.pin(pinTree, d)
	dst := s.treeFolder(d)
	if _, err := os.Lstat(dst); err == nil {
		return dst, nil
	}
	unlock, err := s.Lock(ctx, "tree "+d.Hex())
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Lstat(dst); err == nil {
		return dst, nil
	}
	tmp, err := s.TempDir("tree")
	if err != nil {
		return "", err
	}
	defer fsx.RemoveAll(tmp)
	if err := s.lay(ctx, tmp, entries); err != nil {
		return "", err
	}
	if err := os.Chmod(tmp, 0o755); err != nil {
		return "", err
	}
	// A folder in its place is taken as whole.
	if err := fsx.SyncTree(tmp); err != nil {
		return "", err
	}
	err = fsx.Rename(tmp, dst)
	if _, gone := os.Lstat(dst); gone == nil {
		return dst, nil // also where a collection has put back what it had moved away
	}
	return dst, err
}

func (s *Store) lay(ctx context.Context, dir string, entries []digest.Entry) error {
	made := map[string]bool{}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !filepath.IsLocal(e.Path) {
			return fmt.Errorf("tree entry %q leaves the tree", e.Path)
		}
		path := filepath.Join(dir, filepath.FromSlash(e.Path))
		parent := filepath.Dir(path)
		if !made[parent] {
			if err := os.MkdirAll(parent, 0o755); err != nil {
				return err
			}
			made[parent] = true
		}
		if err := s.layOne(path, e); err != nil {
			return fmt.Errorf("tree entry %s: %w", e.Path, err)
		}
	}
	return nil
}

func (s *Store) layOne(path string, e digest.Entry) error {
	switch e.Kind {
	case digest.Dir:
		return os.MkdirAll(path, 0o755)
	case digest.Symlink:
		return os.Symlink(filepath.FromSlash(e.Target), path)
	case digest.File, digest.Exec:
		exec := e.Kind == digest.Exec
		src := s.blob(e.Sum, exec)
		if err := os.Link(src, path); err == nil {
			return nil
		}
		return s.copyOut(e.Sum, exec, path)
	}
	return fmt.Errorf("unknown kind %q", e.Kind)
}

// copyOut is for what a hard link cannot do: another file system, a blob stored without its exec bit,
// a full link count.
func (s *Store) copyOut(d digest.Digest, exec bool, path string) error {
	b, err := os.ReadFile(s.blob(d, exec))
	if err != nil {
		if b, err = os.ReadFile(s.blob(d, !exec)); err != nil {
			return fmt.Errorf("%s: %w", d, ErrMissing)
		}
	}
	perm := os.FileMode(0o444)
	if exec {
		perm = 0o555
	}
	return fsx.WriteFile(path, b, perm)
}
