package recipes

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// Find lists the recipe files that patterns name, sorted and without doubles. A pattern is a file, a
// folder with a recipe, or a folder and /... for all below it. `...` does not enter testdata, output,
// names that begin with a dot or underscore, and folders with a forge.hcl of their own. A pattern that
// names no recipe is an error. Links to recipe folders are taken. Paths are relative to cwd where the pattern is.
func Find(patterns []string, cwd string) ([]string, error) {
	found := map[string]bool{}
	for _, p := range patterns {
		files, err := findPattern(p, cwd)
		if err != nil {
			return nil, err
		}
		if len(files) == 0 {
			return nil, fmt.Errorf("no recipe found in %s (looked for %s)", p, strings.Join(recipeNames(), ", "))
		}
		for _, f := range files {
			found[f] = true
		}
	}
	return sortedNames(found), nil
}

// Searched lists the folders, and files named outright, on which the answer of Find for the same patterns
// depends: as long as none of them changes, it is the same.
func Searched(patterns []string, cwd string) ([]string, error) {
	seen := map[string]bool{}
	for _, p := range patterns {
		dir, all := strings.CutSuffix(filepath.ToSlash(p), "...")
		at := filepath.Clean(filepath.FromSlash(dir))
		if !filepath.IsAbs(at) {
			at = filepath.Join(cwd, at)
		}
		seen[at] = true
		if !all {
			continue
		}
		at, err := filepath.EvalSymlinks(at)
		if err != nil {
			return nil, fmt.Errorf("list the folders below %s: %w", p, err)
		}
		err = filepath.WalkDir(at, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() && !isLinkedFolder(path, d) {
				return err
			}
			if path != at && skipFolder(path, d.Name()) {
				if !skippedName(d.Name()) {
					seen[path] = true // for the forge.hcl in it
				}
				return skipThis(d)
			}
			seen[path] = true
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("list the folders below %s: %w", at, err)
		}
	}
	return sortedNames(seen), nil
}

func findPattern(pattern, cwd string) ([]string, error) {
	dir, all := strings.CutSuffix(filepath.ToSlash(pattern), "...")
	if all && dir != "" && !strings.HasSuffix(dir, "/") {
		return nil, fmt.Errorf("find recipes in %s: `...` stands for everything below a folder and follows a slash", pattern)
	}
	given := filepath.Clean(filepath.FromSlash(dir))
	at := given
	if !filepath.IsAbs(at) {
		at = filepath.Join(cwd, at)
	}
	info, err := os.Stat(at)
	if os.IsNotExist(err) {
		return nil, fmt.Errorf("%s: there is no such file or folder", pattern)
	}
	if err == nil && all {
		return below(given, at)
	}
	if err != nil {
		return nil, fmt.Errorf("find recipes in %s: %w", pattern, err)
	}
	if info.IsDir() {
		return in(given, at), nil
	}
	if renderer(at) == nil {
		return nil, fmt.Errorf("%s is not a recipe: its name is not one of %s", pattern, strings.Join(recipeNames(), ", "))
	}
	return []string{given}, nil
}

// in is the recipe of a folder. Where there are several, the newest format counts.
func in(given, at string) []string {
	for _, name := range recipeNames() {
		if info, err := os.Stat(filepath.Join(at, name)); err == nil && info.Mode().IsRegular() {
			return []string{filepath.Join(given, name)}
		}
	}
	return nil
}

func below(given, at string) ([]string, error) {
	var files []string
	at, err := filepath.EvalSymlinks(at)
	if err != nil {
		return nil, fmt.Errorf("find recipes below %s: %w", given, err)
	}
	err = filepath.WalkDir(at, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() && !isLinkedFolder(path, d) {
			return err
		}
		if path != at && skipFolder(path, d.Name()) {
			return skipThis(d)
		}
		rel, err := filepath.Rel(at, path)
		files = append(files, in(filepath.Join(given, rel), path)...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find recipes below %s: %w", given, err)
	}
	sort.Strings(files)
	return files, nil
}

// isLinkedFolder tells of links to folders: one that is a recipe's counts, but what lies below it is not
// searched, so that links cannot go round.
func isLinkedFolder(path string, d fs.DirEntry) bool {
	if d.Type()&fs.ModeSymlink == 0 {
		return false
	}
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// skipThis skips a folder, and of a link nothing: the rest of its folder is still to be seen.
func skipThis(d fs.DirEntry) error {
	if d.IsDir() {
		return fs.SkipDir
	}
	return nil
}

func skippedName(name string) bool {
	return name == "testdata" || name == "output" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")
}

func skipFolder(path, name string) bool {
	if skippedName(name) {
		return true
	}
	_, err := os.Stat(filepath.Join(path, "forge.hcl"))
	return err == nil
}
