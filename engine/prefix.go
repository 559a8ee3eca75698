package engine

import (
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"forge/recipes"
)

// stamp is what tells a changed file from an unchanged one without reading it.
type stamp struct {
	size  int64
	mtime time.Time
	mode  fs.FileMode
	inode uint64
	link  string
}

// snapshot stamps every file and link below dir.
func snapshot(dir string) (map[string]stamp, error) {
	all := map[string]stamp{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		s := stamp{size: info.Size(), mtime: info.ModTime(), mode: info.Mode(), inode: inodeOf(info)}
		if d.Type()&fs.ModeSymlink != 0 {
			s.link, err = os.Readlink(path)
		}
		all[filepath.ToSlash(rel)] = s
		return err
	})
	return all, err
}

// differences lists what is new below a prefix and what of the old was changed or removed, sorted.
func differences(before, after map[string]stamp) (added, changed []string) {
	for path, s := range after {
		old, ok := before[path]
		switch {
		case !ok && !cachedBytecode(path, before):
			added = append(added, path)
		case ok && old != s:
			changed = append(changed, path)
		}
	}
	for path := range before {
		if _, ok := after[path]; !ok {
			changed = append(changed, path)
		}
	}
	sort.Strings(added)
	sort.Strings(changed)
	return added, changed
}

// cachedBytecode reports whether path is the bytecode of a module that a dependency owns: Python
// writes it on import, and it is no part of this package.
func cachedBytecode(path string, before map[string]stamp) bool {
	source, ok := bytecodeSource(path)
	if !ok {
		return false
	}
	_, ok = before[source]
	return ok
}

// selected keeps the paths that g selects, as rattler-build's build.files: a glob that names a folder
// takes all below it.
func selected(paths []string, g recipes.Globs) []string {
	if g.IsZero() {
		return paths
	}
	var keep []string
	for _, p := range paths {
		if (len(g.Include) == 0 || matchAny(g.Include, p)) && !matchAny(g.Exclude, p) {
			keep = append(keep, p)
		}
	}
	return keep
}

func matchAny(globs []string, path string) bool {
	for _, g := range globs {
		g = strings.TrimPrefix(filepath.ToSlash(g), "./")
		if ok, _ := doublestar.Match(strings.TrimSuffix(g, "/"), path); ok {
			return true
		}
		if ok, _ := doublestar.Match(strings.TrimSuffix(g, "/")+"/**", path); ok {
			return true
		}
	}
	return false
}
