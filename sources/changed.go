package sources

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// ChangedSince lists the files, by absolute path, that differ between dir's working tree and the commit
// where its branch left ref: changed, added, removed and untracked ones, anywhere in the repository.
// Ignored files are no change. git runs as it does for GitState.
func ChangedSince(ctx context.Context, dir, ref string) ([]string, error) {
	git, err := (&Getter{}).find("git")
	if err != nil {
		return nil, fmt.Errorf("changes since %s: %w", ref, err)
	}
	if !inRepository(dir) {
		return nil, fmt.Errorf("changes since %s: %s is in no git repository", ref, dir)
	}
	top, err := readGit(ctx, git, dir, "rev-parse", "--show-toplevel")
	if err != nil {
		return nil, fmt.Errorf("changes since %s: %w", ref, gitError(err))
	}
	commit, err := readGit(ctx, git, dir, "rev-parse", "--verify", "--quiet", "--end-of-options", ref+"^{commit}")
	if err != nil || !isCommit(commit) {
		return nil, errors.Join(fmt.Errorf("changes since %s: git knows no commit of that name", ref), ctx.Err())
	}
	// What came to ref after the branch left it is no change of this branch. Without a common
	// ancestor, as in a shallow clone, ref itself is compared with.
	if base, err := readGit(ctx, git, dir, "merge-base", commit, "HEAD"); err == nil && isCommit(base) {
		commit = base
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
			files = append(files, filepath.Join(filepath.FromSlash(top), filepath.FromSlash(rel)))
		}
	}
	slices.Sort(files)
	return slices.Compact(files), ctx.Err()
}

// gitError adds what git said.
func gitError(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) && len(exit.Stderr) > 0 {
		return fmt.Errorf("git: %s", strings.TrimSpace(string(exit.Stderr)))
	}
	return err
}
