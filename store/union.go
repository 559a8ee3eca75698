package store

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"forge/digest"
)

// MaterializeUnion is Materialize for the union of trees, whose manifests are in the store. merge gives its entries, and is
// asked only where the folder is not there yet, or nobody noted which it is: to put thousands of names together costs
// more than a small build.
func (s *Store) MaterializeUnion(ctx context.Context, trees []digest.Digest, now time.Time, merge func() ([]digest.Entry, error)) (string, error) {
	if dir, ok := s.union(trees, now); ok {
		return dir, nil
	}
	entries, err := merge()
	if err != nil {
		return "", err
	}
	dir, err := s.Materialize(ctx, entries)
	if err == nil && len(trees) > 1 {
		s.noteUnion(trees, digest.Tree(entries), now)
	}
	return dir, err
}

const textUnion = 'm' // the digest of the union

// unionID names the record that says which tree the union of others is.
func unionID(trees []digest.Digest) digest.Digest {
	var b strings.Builder
	b.WriteString("union 1\n")
	for _, d := range trees {
		b.WriteString(d.Hex() + "\n")
	}
	return digest.Of([]byte(b.String()))
}

// union is the folder of a union that is there.
func (s *Store) union(trees []digest.Digest, now time.Time) (dir string, ok bool) {
	if len(trees) == 0 {
		return "", false
	}
	tree := trees[0]
	if len(trees) > 1 {
		run, err := s.LastRun(unionID(trees))
		if err != nil {
			return "", false
		}
		if tree, err = digest.Parse(string(run.Text(textUnion))); err != nil {
			return "", false
		}
		run.Used(now)
	}
	s.pin(pinTree, tree)
	dir = s.treeFolder(tree)
	_, err := os.Lstat(dir)
	return dir, err == nil
}

// noteUnion records which tree the union of others is. It is a function of them, so that there is nothing to watch but
// that they are there. What hinders it costs the next run some time.
func (s *Store) noteUnion(trees []digest.Digest, union digest.Digest, now time.Time) {
	r := RunRecord{ID: unionID(trees), Began: now, Texts: map[byte][]byte{textUnion: fmt.Append(nil, union.Hex())}}
	for _, d := range trees {
		r.Held = append(r.Held, Watch{Path: s.treeFile(d), How: Present})
	}
	_ = s.KeepRun(r)
}
