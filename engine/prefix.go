package engine

import (
	"io/fs"
	"os"
	"path"
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
	match := matchAny
	if g.CondaBuild {
		match = matchPython
	}
	for _, p := range paths {
		if (len(g.Include) == 0 || match(g.Include, p)) && !match(g.Exclude, p) {
			keep = append(keep, p)
		}
	}
	return keep
}

// matchPython is what conda-build's output files select (utils.py, expand_globs): a name takes the file, or all below
// the folder; what has a wildcard is Python's glob, which takes no folder, and no name that begins with a dot
// unless the dot is written.
func matchPython(globs []string, p string) bool {
	for _, g := range globs {
		g = path.Clean(filepath.ToSlash(g))
		if !strings.ContainsAny(g, "*?[") {
			if p == g || strings.HasPrefix(p, g+"/") {
				return true
			}
		} else if matchParts(strings.Split(g, "/"), strings.Split(p, "/")) {
			return true
		}
	}
	return false
}

// matchParts matches the parts of a path. A part ** stands for any number of parts. At each part of the glob,
// ends tells after how many parts of the path it can begin, so that no glob takes long.
func matchParts(glob, p []string) bool {
	ends := make([]bool, len(p)+1)
	ends[0] = true
	for _, g := range glob {
		next := make([]bool, len(p)+1)
		for i := range ends {
			if g == "**" && ends[i] {
				next[i] = true
				ends[min(i+1, len(p))] = ends[min(i+1, len(p))] || i < len(p) && !strings.HasPrefix(p[i], ".")
			} else if ends[i] && i < len(p) && (strings.HasPrefix(g, ".") || !strings.HasPrefix(p[i], ".")) {
				next[i+1], _ = path.Match(strings.ReplaceAll(g, "[!", "[^"), p[i])
			}
		}
		ends = next
	}
	return ends[len(p)]
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
