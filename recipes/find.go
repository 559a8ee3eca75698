package recipes

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
)

// Find lists the recipe files that patterns name, sorted and without doubles. A pattern is a file, a
// folder with a recipe, a folder and /... for all below it, or either with *, ? and [] for what
// lies there (path/filepath.Match), of which only recipes are taken. `...` does not enter testdata, output,
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
			return nil, fmt.Errorf("no recipe found in %s (looked for %s)%s", p, strings.Join(recipeNames(), ", "), lower(p, cwd))
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
		if _, err := os.Lstat(at); err != nil && isGlob(at) {
			return nil, fmt.Errorf("%s stands for whatever lies there", p)
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
	if os.IsNotExist(err) && isGlob(at) {
		return globbed(given, cwd, all)
	}
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
		return in(given, at)
	}
	if renderer(at) == nil {
		return nil, fmt.Errorf("%s is not a recipe: its name is not one of %s", pattern, strings.Join(recipeNames(), ", "))
	}
	return []string{given}, nil
}

func isGlob(path string) bool { return strings.ContainsAny(path, "*?[") }

// globbed is what a pattern with *, ? or [] stands for where no shell has filled it in: the recipes among the
// names that match.
func globbed(given, cwd string, all bool) ([]string, error) {
	at := given
	if !filepath.IsAbs(at) {
		at = filepath.Join(cwd, at)
	}
	names, err := filepath.Glob(at)
	if err != nil {
		return nil, fmt.Errorf("find recipes in %s: %w", given, err)
	}
	var files []string
	for _, name := range names {
		as := name
		if !filepath.IsAbs(given) {
			if as, err = filepath.Rel(cwd, name); err != nil {
				return nil, fmt.Errorf("find recipes in %s: %w", given, err)
			}
		}
		info, err := os.Stat(name)
		switch {
		case hiddenMatch(at, name):
		case err != nil: // a link that leads nowhere
		case info.IsDir() && all:
			more, err := below(as, name)
			if err != nil {
				return nil, err
			}
			files = append(files, more...)
		case info.IsDir():
			one, err := in(as, name)
			if err != nil {
				return nil, err
			}
			files = append(files, one...)
		case !all && slices.Contains(recipeNames(), filepath.Base(name)):
			files = append(files, as)
		}
	}
	return files, nil
}

// hiddenMatch reports whether a name that begins with a dot came of * or ?, which stand for no such name in shells.
func hiddenMatch(pattern, name string) bool {
	asked := strings.Split(filepath.ToSlash(pattern), "/")
	for i, part := range strings.Split(filepath.ToSlash(name), "/") {
		if strings.HasPrefix(part, ".") && i < len(asked) && isGlob(asked[i]) && !strings.HasPrefix(asked[i], ".") {
			return true
		}
	}
	return false
}

// lower says where recipes are when a folder has none itself but folders in it do.
func lower(pattern, cwd string) string {
	if found, err := globbed(filepath.Join(filepath.FromSlash(pattern), "*"), cwd, false); err != nil || len(found) == 0 {
		return ""
	}
	return fmt.Sprintf("; there are recipes below it, which %s takes", strings.TrimSuffix(filepath.ToSlash(pattern), "/")+"/...")
}

// in is the recipe of a folder. Where there are several, the newest format counts.
func in(given, at string) ([]string, error) {
	for _, name := range recipeNames() {
		info, err := os.Stat(filepath.Join(at, name))
		if err == nil && info.Mode().IsRegular() {
			return []string{filepath.Join(given, name)}, nil
		}
		if errors.Is(err, fs.ErrPermission) { // there may be one
			return nil, fmt.Errorf("find recipes in %s: %w", given, err)
		}
	}
	return nil, nil
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
		if err != nil {
			return err
		}
		one, err := in(filepath.Join(given, rel), path)
		files = append(files, one...)
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
