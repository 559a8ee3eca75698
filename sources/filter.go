package sources

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// selects reports whether a recipe's filter keeps the file at rel (slash separated).
func selects(rel string, include, exclude []string) bool {
	return (len(include) == 0 || matchesAny(include, rel)) && !matchesAny(exclude, rel)
}

// matchesAny tries globs on a path and on the folders it lies in. A glob without a slash is about names
// at any depth, one with a slash about paths from the root of the source.
func matchesAny(globs []string, rel string) bool {
	for _, g := range globs {
		g = strings.TrimSuffix(strings.TrimPrefix(g, "./"), "/")
		for p := rel; p != "."; p = path.Dir(p) {
			if ok, _ := doublestar.Match(g, p); ok {
				return true
			}
			if ok, _ := doublestar.Match(g, path.Base(p)); ok && !strings.Contains(g, "/") {
				return true
			}
		}
	}
	return false
}

func checkGlobs(globs ...[]string) error {
	for _, list := range globs {
		for _, g := range list {
			if !doublestar.ValidatePattern(g) {
				return fmt.Errorf("filter %q is no valid glob", g)
			}
		}
	}
	return nil
}

// filterTree removes what the filter does not keep below dir, and folders that become empty by it.
func filterTree(dir string, include, exclude []string) error {
	if len(include)+len(exclude) == 0 {
		return nil
	}
	if err := checkGlobs(include, exclude); err != nil {
		return err
	}
	_, err := filterFolder(dir, ".", include, exclude)
	return err
}

func filterFolder(dir, rel string, include, exclude []string) (left int, err error) {
	entries, err := os.ReadDir(filepath.Join(dir, rel))
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		p := path.Join(rel, e.Name())
		gone, err := filterEntry(dir, p, e, include, exclude)
		if err != nil {
			return 0, err
		}
		if !gone {
			left++
		}
	}
	return left, nil
}

func filterEntry(dir, p string, e fs.DirEntry, include, exclude []string) (gone bool, err error) {
	if e.IsDir() {
		left, err := filterFolder(dir, p, include, exclude)
		if err != nil || left > 0 {
			return false, err
		}
	} else if selects(p, include, exclude) {
		return false, nil
	}
	return true, os.Remove(filepath.Join(dir, filepath.FromSlash(p)))
}
