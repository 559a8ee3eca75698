package store

import (
	"errors"
	"io/fs"

	"forge/digest"
	"forge/internal/fsx"
)

// LookedAt watches a path that was looked at, and whether there was something; of a link also what it leads
// to.
func LookedAt(path string, there bool) []Watch {
	if !there {
		return []Watch{{Path: path, How: Absent}}
	}
	list := []Watch{{Path: path, How: Same}}
	if s, err := fsx.StampOf(path, false); err == nil && s.IsLink() {
		how := Followed
		if _, err := fsx.StampOf(path, true); errors.Is(err, fs.ErrNotExist) {
			how = Absent
		}
		list = append(list, Watch{Path: path, How: how})
	}
	return list
}

// WatchTree watches that the tree d and the files of its entries are in the store.
func (s *Store) WatchTree(d digest.Digest, entries []digest.Entry) []Watch {
	list := []Watch{{Path: s.treeFile(d), How: Present}}
	for _, e := range entries {
		if e.Kind == digest.File || e.Kind == digest.Exec {
			list = append(list, Watch{Path: s.blob(e.Sum, e.Kind == digest.Exec), How: Present})
		}
	}
	return list
}

// PinTree notes that this process uses a tree, before it looks whether it is there: gc leaves the tree and
// its files alone while the process lives.
func (s *Store) PinTree(d digest.Digest) { s.pin(pinTree, d) }
