package engine

import (
	"archive/tar"
	"context"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// keepStaged stores what a staging output leaves for those that inherit from it: the new files of the
// prefix and the work folder, with their times, so that make in an inheriting script sees nothing stale.
func (j *job) keepStaged(ctx context.Context, b *Built) error {
	after, err := snapshot(j.site.prefix)
	if err != nil {
		return err
	}
	added, _ := differences(j.before, after)
	if of := j.a.Output.LevelOf; of != nil && !of.Staging {
		return j.keepLevel(ctx, b, added)
	}
	b.Staged, err = j.pack(func(t *tar.Writer) error { return j.packStaged(ctx, t, added) })
	return err
}

func (j *job) packStaged(ctx context.Context, t *tar.Writer, added []string) error {
	if err := packFolders(t, j.site.prefix); err != nil {
		return err
	}
	for _, rel := range added {
		if err := packOne(t, filepath.Join(j.site.prefix, rel), path.Join("prefix", rel)); err != nil {
			return err
		}
	}
	return filepath.WalkDir(j.site.work, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		rel, err := filepath.Rel(j.site.work, p)
		if err != nil || rel == "." {
			return err
		}
		return packOne(t, p, path.Join("work", filepath.ToSlash(rel)))
	})
}

// packFolders writes the folders of the prefix: a script may lean on an empty one.
func packFolders(t *tar.Writer, prefix string) error {
	return filepath.WalkDir(prefix, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() || p == prefix {
			return err
		}
		rel, err := filepath.Rel(prefix, p)
		if err != nil {
			return err
		}
		return packOne(t, p, path.Join("prefix", filepath.ToSlash(rel)))
	})
}

// restore lays out what the staging output left.
func (j *job) restore(ctx context.Context, staged *Built) error {
	j.staged = map[string]bool{}
	return j.layOut(ctx, staged.Staged, j.site.dir, func(root *os.Root, h *tar.Header) (bool, error) {
		rest, inPrefix := strings.CutPrefix(h.Name, "prefix/")
		if !inPrefix {
			return true, nil
		}
		h.Name = path.Join(filepath.Base(j.site.prefix), rest) // at the lower isolation levels a longer name
		j.staged[rest] = h.Typeflag != tar.TypeDir
		_, err := root.Lstat(h.Name)
		return err != nil, nil // what is there, a package in the host environment brought: it is that package's file
	})
}

// countOwnOnly makes the staging output's files count as a dependency's: the package has what this output's script
// adds to them (conda-build's outputs with a script of their own).
func (j *job) countOwnOnly() (err error) {
	if j.a.Output.OwnFilesOnly {
		j.before, err = snapshot(j.site.prefix)
	}
	return err
}
