package engine

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"forge/packages"
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

// packOne writes one file, link or folder; sockets and the like are left out.
func packOne(t *tar.Writer, file, name string) error {
	info, err := os.Lstat(file)
	if err != nil {
		return err
	}
	target := ""
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		if target, err = os.Readlink(file); err != nil {
			return err
		}
	case !info.Mode().IsRegular() && !info.IsDir():
		return nil
	}
	h, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return err
	}
	h.Name, h.Format = name, tar.FormatPAX
	h.Uid, h.Gid, h.Uname, h.Gname = 0, 0, "", ""
	if !info.Mode().IsRegular() {
		return t.WriteHeader(h)
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := errors.Join(packages.CheckSparse(f), t.WriteHeader(h)); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	_, err = io.Copy(t, f)
	return err
}

// restore lays out what the staging output left. Its script wrote these names and links, so all goes
// through an os.Root of the build's own folder.
func (j *job) restore(ctx context.Context, staged *Built) error {
	t, closeAll, err := j.openPacked(staged.Staged)
	if err != nil {
		return err
	}
	defer closeAll()
	root, err := os.OpenRoot(j.site.dir)
	if err != nil {
		return err
	}
	defer root.Close()
	j.staged = map[string]bool{}
	var folders []*tar.Header
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		// At the lower isolation levels the prefix is a folder of a longer name.
		rest, inPrefix := strings.CutPrefix(h.Name, "prefix/")
		if inPrefix {
			h.Name = path.Join(filepath.Base(j.site.prefix), rest)
			j.staged[rest] = h.Typeflag != tar.TypeDir
		}
		if _, err := root.Lstat(h.Name); err == nil && inPrefix {
			continue // a package in the host environment brought it: it is that package's file
		}
		if err := errors.Join(ctx.Err(), unpackOne(root, t, h)); err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
		if h.Typeflag == tar.TypeDir {
			folders = append(folders, h)
		}
	}
	for i := len(folders) - 1; i >= 0; i-- {
		root.Chtimes(folders[i].Name, folders[i].ModTime, folders[i].ModTime)
	}
	return nil
}

// countOwnOnly makes the staging output's files count as a dependency's: the package has what this output's script
// adds to them (conda-build's outputs with a script of their own).
func (j *job) countOwnOnly() (err error) {
	if j.a.Output.OwnFilesOnly {
		j.before, err = snapshot(j.site.prefix)
	}
	return err
}

func unpackOne(root *os.Root, r io.Reader, h *tar.Header) error {
	name := strings.TrimSuffix(h.Name, "/")
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return root.MkdirAll(name, 0o755)
	case tar.TypeSymlink:
		return root.Symlink(h.Linkname, name)
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fs.FileMode(h.Mode).Perm()|0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	// The mode at last: the file is to be written first, and the caller's umask is not the script's.
	err = errors.Join(err, f.Close(), root.Chtimes(name, h.ModTime, h.ModTime))
	if err == nil {
		err = root.Chmod(name, fs.FileMode(h.Mode).Perm())
	}
	return err
}
