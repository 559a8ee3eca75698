package sources

import (
	"io/fs"
	"os"
	"path/filepath"

	"forge/recipes"
)

// Fixed reports whether the recipe itself names the content of a source: an archive by its sha256, a
// repository by its commit. To fetch it again cannot give anything else.
func Fixed(src recipes.Source) bool {
	if src.Git == nil {
		return len(src.URLs) > 0 && src.Hashes["sha256"] != ""
	}
	rev, err := gitRev(src.Git)
	return err == nil && (isCommit(rev.name) || src.Git.ExpectedCommit != "")
}

// Looked is a path that was looked at, and whether there was anything.
type Looked struct {
	Path  string
	There bool
}

// LookedAt lists the paths that a source of this machine depends on: as long as they stay as they are, so
// does the source. never are folders that are no part of any (Config.Ignore). ok is false where no list of
// paths would do.
func LookedAt(recipeDir string, src recipes.Source, never []string) (list []Looked, ok bool, err error) {
	if src.Path == "" || len(src.Signatures) > 0 {
		return nil, false, nil
	}
	at := pathOf(recipeDir, src)
	list = []Looked{{at, true}}
	info, err := os.Stat(at)
	if err != nil || !info.IsDir() {
		return list, true, err
	}
	if at, err = filepath.EvalSymlinks(at); err != nil {
		return nil, false, err
	}
	var ignored *gitignore
	if src.UseGitignore {
		if ignored, err = gitignoreOf(at); err != nil {
			return nil, false, err
		}
	}
	leave := leftOut(at, src, ignored, never)
	err = filepath.WalkDir(at, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(at, path)
		switch {
		case err != nil:
			return err
		case rel != "." && leave(filepath.ToSlash(rel), d):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		list = append(list, Looked{path, true})
		return nil
	})
	return append(list, ignored.looked()...), true, err
}

// looked are the files that rules were read from, or might have been.
func (g *gitignore) looked() (list []Looked) {
	if g == nil {
		return nil
	}
	note := func(path string) {
		_, err := os.Lstat(path)
		list = append(list, Looked{path, err == nil})
	}
	note(filepath.Join(g.top, ".git", "info", "exclude"))
	for dir := range g.rules {
		note(filepath.Join(g.top, filepath.FromSlash(dir), ".gitignore"))
	}
	// The top is the first folder upwards that has .git; without one, it is the source itself.
	for dir := g.root; ; dir = filepath.Dir(dir) {
		git := filepath.Join(dir, ".git")
		if _, err := os.Lstat(filepath.Join(git, "HEAD")); err == nil {
			return append(list, Looked{filepath.Join(git, "HEAD"), true}) // quieter than the folder
		}
		_, err := os.Lstat(git)
		list = append(list, Looked{git, err == nil})
		if err == nil || dir == filepath.Dir(dir) {
			return list
		}
	}
}
