package store

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"forge/digest"
	"forge/internal/fsx"
)

// Checked is what VerifyAll found.
type Checked struct {
	Blobs   int      `json:"blobs"`
	Trees   int      `json:"trees"`
	Results int      `json:"results"`
	Damaged []string `json:"damaged"` // paths below the store's folder; they were removed
}

// VerifyAll reads everything the store holds and removes what is not what its name says. What was removed
// is made again when it is needed.
func (s *Store) VerifyAll(ctx context.Context) (Checked, error) {
	c := Checked{Damaged: []string{}}
	for _, step := range []func(context.Context, *Checked) error{s.verifyBlobs, s.verifyTrees, s.verifyResults} {
		if err := step(ctx, &c); err != nil {
			return c, err
		}
	}
	return c, nil
}

func (s *Store) damaged(c *Checked, path string) error {
	rel, err := filepath.Rel(s.root, path)
	if err != nil {
		return err
	}
	c.Damaged = append(c.Damaged, filepath.ToSlash(rel))
	return fsx.RemoveAll(path)
}

func (s *Store) verifyBlobs(ctx context.Context, c *Checked) error {
	return filepath.WalkDir(s.path("cas"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return ignoreGone(err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		c.Blobs++
		got, _, err := digest.OfFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || got.Hex() != filepath.Base(filepath.Dir(path))+strings.TrimSuffix(d.Name(), ".x") {
			return s.damaged(c, path)
		}
		return nil
	})
}

// verifyTrees checks the lists, and the folders that were laid out: their files are links to blobs, so a
// damaged blob is a damaged folder as well.
func (s *Store) verifyTrees(ctx context.Context, c *Checked) error {
	entries, err := os.ReadDir(s.path("trees"))
	if err != nil {
		return ignoreGone(err)
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		c.Trees++
		path := s.path("trees", e.Name())
		good, err := s.goodTree(path, e)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil || !good {
			if err := s.damaged(c, path); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Store) goodTree(path string, e fs.DirEntry) (bool, error) {
	want, err := digest.Parse(strings.TrimSuffix(e.Name(), ".json"))
	if err != nil {
		return false, nil
	}
	if !e.IsDir() {
		entries, err := readTree(path)
		return err == nil && digest.Tree(entries) == want, ignoreDamage(err)
	}
	found, err := digest.Folder(path, nil)
	if err != nil {
		return false, err
	}
	if digest.Tree(found) == want {
		return true, nil
	}
	// A folder that must exist though it is empty is in the list only.
	listed, err := readTree(s.treeFile(want))
	if err != nil {
		return false, nil
	}
	var files []digest.Entry
	for _, l := range listed {
		if l.Kind != digest.Dir {
			files = append(files, l)
		}
	}
	return digest.Tree(listed) == want && digest.Tree(files) == digest.Tree(found), nil
}

func readTree(path string) (entries []digest.Entry, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if json.Unmarshal(b, &entries) != nil {
		return nil, errDamaged
	}
	return entries, nil
}

func ignoreDamage(err error) error {
	if errors.Is(err, errDamaged) {
		return nil
	}
	return err
}

func (s *Store) verifyResults(ctx context.Context, c *Checked) error {
	entries, err := os.ReadDir(s.path("actions"))
	if err != nil {
		return ignoreGone(err)
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		c.Results++
		if _, _, _, err := s.readResult(e.Name()); errors.Is(err, errDamaged) {
			if err := s.damaged(c, s.path("actions", e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}
