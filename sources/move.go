package sources

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"forge/internal/fsx"
)

// moveInto moves all below the folder from into dir/target, which may hold earlier sources. Nothing is
// ever written through a link that an earlier source brought.
func moveInto(from, dir, target string) error {
	target = filepath.ToSlash(target)
	if target == "" {
		target = "."
	}
	if !filepath.IsLocal(filepath.FromSlash(target)) {
		return fmt.Errorf("target_directory %q leads out of the work folder", target)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	rel, err := filepath.Rel(dir, from)
	if err != nil {
		return err
	}
	if err := realDirs(root, path.Clean(target)); err != nil {
		return err
	}
	return merge(root, filepath.ToSlash(rel), path.Clean(target))
}

// realDirs makes the folders of the path p that are missing and refuses links among them.
func realDirs(root *os.Root, p string) error {
	if p == "." {
		return nil
	}
	at := ""
	for _, part := range strings.Split(p, "/") {
		at = path.Join(at, part)
		err := root.Mkdir(at, 0o755)
		if err == nil {
			continue
		}
		info, lerr := root.Lstat(at)
		if lerr != nil || !errors.Is(err, fs.ErrExist) {
			return err
		}
		if !info.IsDir() {
			return fmt.Errorf("%s is a %s of an earlier source, not a folder", at, kindOf(info.Mode()))
		}
	}
	return nil
}

// merge moves the entries of the folder from into the folder to, both below root.
func merge(root *os.Root, from, to string) error {
	entries, err := fs.ReadDir(root.FS(), from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		src, dst := path.Join(from, e.Name()), path.Join(to, e.Name())
		old, err := root.Lstat(dst)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			err = root.Rename(src, dst)
		case err != nil:
		case old.IsDir() && e.IsDir():
			err = merge(root, src, dst)
		case old.IsDir() || e.IsDir():
			err = fmt.Errorf("%s is a %s here and a %s in an earlier source", dst, kindOf(e.Type()), kindOf(old.Mode()))
		default:
			if err = fsx.RemoveIn(root, dst); err == nil {
				err = root.Rename(src, dst)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func kindOf(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "folder"
	case m&fs.ModeSymlink != 0:
		return "link"
	}
	return "file"
}
