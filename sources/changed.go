package sources

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	slashpath "path"
	"path/filepath"
	"slices"
	"strings"
)

// ChangedSince lists the files, by absolute path, that differ between dir's working tree and the commit
// where its branch left ref: changed, added, removed and untracked ones, anywhere in the repository.
// Ignored files are no change. git runs as it does for GitState.
func ChangedSince(ctx context.Context, dir, ref string) ([]string, error) {
	git, top, commit, err := branchedFrom(ctx, dir, ref)
	if err != nil {
		return nil, fmt.Errorf("changes since %s: %w", ref, err)
	}
	changed, err := readGit(ctx, git, top, "diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", "--no-textconv", "--ignore-submodules=none", commit, "--")
	if err != nil {
		return nil, fmt.Errorf("changes since %s: %w", ref, gitError(err))
	}
	untracked, err := readGit(ctx, git, top, "ls-files", "--others", "--exclude-standard", "-z")
	if err != nil {
		return nil, fmt.Errorf("changes since %s: %w", ref, gitError(err))
	}
	var files []string
	for _, rel := range strings.Split(changed+"\x00"+untracked, "\x00") {
		if rel != "" {
			files = append(files, filepath.Join(top, filepath.FromSlash(rel)))
		}
	}
	slices.Sort(files)
	return slices.Compact(files), ctx.Err()
}

// branchedFrom finds the repository of dir and the commit where its branch left ref.
func branchedFrom(ctx context.Context, dir, ref string) (git, top, commit string, err error) {
	if git, err = (&Getter{}).find("git"); err != nil {
		return "", "", "", err
	}
	if !inRepository(dir) {
		return "", "", "", fmt.Errorf("%s is in no git repository", dir)
	}
	if top, err = readGit(ctx, git, dir, "rev-parse", "--show-toplevel"); err != nil {
		return "", "", "", gitError(err)
	}
	commit, err = readGit(ctx, git, dir, "rev-parse", "--verify", "--quiet", "--end-of-options", ref+"^{commit}")
	if err != nil || !isCommit(commit) {
		return "", "", "", errors.Join(errors.New("git knows no commit of that name"), ctx.Err())
	}
	// What came to ref after the branch left it is no change of this branch. Without a common
	// ancestor, as in a shallow clone, ref itself is compared with.
	if base, err := readGit(ctx, git, dir, "merge-base", commit, "HEAD"); err == nil && isCommit(base) {
		commit = base
	}
	return git, filepath.FromSlash(top), commit, nil
}

// RecipesBefore writes the recipe folders that hold one of the changed files, as they were at the commit
// where dir's branch left ref, below the folder into, and returns the recipe files among them. A recipe is
// a file whose name isRecipe likes. Links are left out.
func RecipesBefore(ctx context.Context, dir, ref string, changed []string, isRecipe func(name string) bool, into string) ([]string, error) {
	git, top, commit, err := branchedFrom(ctx, dir, ref)
	if err != nil {
		return nil, fmt.Errorf("recipes before %s: %w", ref, err)
	}
	listing, err := readGit(ctx, git, top, "ls-tree", "-r", "-z", "--full-tree", commit)
	if err != nil {
		return nil, fmt.Errorf("recipes before %s: %w", ref, gitError(err))
	}
	blobs := map[string]string{} // of regular files, by path
	isFolder := map[string]bool{}
	for entry := range strings.SplitSeq(listing, "\x00") {
		head, path, _ := strings.Cut(entry, "\t")
		if f := strings.Fields(head); len(f) == 3 && strings.HasPrefix(f[0], "100") {
			blobs[path] = f[2]
			isFolder[slashpath.Dir(path)] = isFolder[slashpath.Dir(path)] || isRecipe(slashpath.Base(path))
		}
	}
	wanted := map[string]bool{}
	for _, file := range changed {
		rel, err := filepath.Rel(top, file)
		if err != nil {
			continue
		}
		for folder := slashpath.Dir(filepath.ToSlash(rel)); ; folder = slashpath.Dir(folder) {
			if isFolder[folder] {
				wanted[folder] = true
				break
			}
			if folder == "." || folder == "/" {
				break
			}
		}
	}
	return writeBlobs(ctx, git, top, blobs, wanted, isRecipe, into)
}

// writeBlobs writes the files that lie in or below the wanted folders.
func writeBlobs(ctx context.Context, git, top string, blobs map[string]string, wanted map[string]bool, isRecipe func(string) bool, into string) (recipes []string, err error) {
	for _, path := range slices.Sorted(maps.Keys(blobs)) {
		folder := slashpath.Dir(path)
		for !wanted[folder] && folder != "." {
			folder = slashpath.Dir(folder)
		}
		if !wanted[folder] || !filepath.IsLocal(filepath.FromSlash(path)) {
			continue
		}
		text, err := readGit(ctx, git, top, "cat-file", "blob", blobs[path])
		if err != nil {
			return nil, fmt.Errorf("read %s of an earlier commit: %w", path, gitError(err))
		}
		target := filepath.Join(into, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(target, []byte(text+"\n"), 0o644); err != nil {
			return nil, err
		}
		if wanted[slashpath.Dir(path)] && isRecipe(slashpath.Base(path)) {
			recipes = append(recipes, target)
		}
	}
	return recipes, nil
}

// gitError adds what git said.
func gitError(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) && len(exit.Stderr) > 0 {
		return fmt.Errorf("git: %s", strings.TrimSpace(string(exit.Stderr)))
	}
	return err
}
