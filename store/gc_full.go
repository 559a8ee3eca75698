package store

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"

	"forge/digest"
	"forge/internal/fsx"
)

// withRoom does what a collection begins with, which takes a file or two. On a full disk, where one is called for most,
// it makes room for them first, unless the collection is to remove nothing: of what anybody can miss at any time (the
// records of runs, which only save time), else, where nobody is at work, of what nothing needs, else of the results that
// were not used for longest.
func (s *Store) withRoom(ctx context.Context, limits Limits, begin func() error) error {
	err := begin()
	for _, step := range []func() error{
		func() error { return s.removeOldest("runs", -1) },
		func() error { return s.alone(ctx, func() error { return s.dropUnneeded(ctx, limits) }) },
		func() error { return s.alone(ctx, func() error { return s.removeOldest("actions", 16) }) },
	} {
		if limits.DryRun || !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT) {
			return err
		}
		if failed := step(); failed != nil {
			return errors.Join(err, failed)
		}
		err = begin()
	}
	return err
}

// alone runs f while no process is at work in the store, and none can begin; if one is, it does nothing.
func (s *Store) alone(ctx context.Context, f func() error) error {
	_, others, err := s.inUse(ctx)
	if err != nil || others > 0 {
		return err
	}
	leave, err := s.gate(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return f()
}

func (s *Store) dropUnneeded(ctx context.Context, limits Limits) error {
	g := &gc{Store: s, limits: limits, blobs: map[digest.Digest]int64{}, count: map[digest.Digest]int{}}
	if err := g.read(); err != nil {
		return err
	}
	return g.dropBlobs(ctx)
}

// removeOldest removes up to so many files of a part of the store, all of them if most is negative.
func (s *Store) removeOldest(part string, most int) error {
	entries, err := os.ReadDir(s.path(part))
	if err != nil {
		return err
	}
	var infos []fs.FileInfo
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && !strings.HasPrefix(e.Name(), fsx.TempPrefix) {
			infos = append(infos, info)
		}
	}
	slices.SortFunc(infos, func(a, b fs.FileInfo) int {
		return cmp.Or(a.ModTime().Compare(b.ModTime()), cmp.Compare(a.Name(), b.Name()))
	})
	for i, info := range infos {
		if i == most {
			break
		}
		if err := os.Remove(s.path(part, info.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
