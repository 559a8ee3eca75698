package sources

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"forge/digest"
	"forge/internal/fsx"
	"forge/recipes"
)

// fetchGit takes a commit of a repository into the store, as a tree without its history. A rev that
// is a whole commit id, or an expected_commit, is looked up in the store first; a branch or tag may
// have moved, so the repository is asked.
func (g *Getter) fetchGit(ctx context.Context, origin recipes.Origin, src recipes.Source) (Fetched, error) {
	at, err := gitURL(src.Git.URL, origin.Dir)
	if err != nil {
		return Fetched{}, fmt.Errorf("git %s: %w", shown(src.Git.URL), err)
	}
	rev, err := gitRev(src.Git)
	if err != nil {
		return Fetched{}, fmt.Errorf("git %s: %w", shown(src.Git.URL), err)
	}
	if len(src.Signatures) > 0 {
		return Fetched{}, fmt.Errorf("git %s: a detached signature is over a file, not a commit", shown(src.Git.URL))
	}
	if err := checkGlobs(src.Include, src.Exclude); err != nil {
		return Fetched{}, err
	}
	key := fmt.Sprintf("git %s %s submodules=%t lfs=%t", at, rev, src.Git.Submodules, src.Git.LFS)
	unlock, err := g.lock(ctx, "git "+at)
	if err != nil {
		return Fetched{}, err
	}
	defer unlock()
	stored := true
	rec, known := g.recall(key)
	known = known && g.wholeTree(rec.Tree)
	switch fixed := src.Git.ExpectedCommit; {
	case known && (isCommit(rev.name) || fixed != "" && rec.Commit == strings.ToLower(fixed)):
	case g.Offline && !known:
		return Fetched{}, fmt.Errorf("git %s %w", shown(src.Git.URL), ErrOffline)
	case g.Offline:
	default:
		stored = false
		if rec, err = g.clone(ctx, at, rev, src.Git); err != nil {
			if ctx.Err() != nil {
				return Fetched{}, ctx.Err()
			}
			return Fetched{}, fmt.Errorf("git %s: %w", shown(src.Git.URL), err)
		}
		if err := g.remember(key, rec); err != nil {
			return Fetched{}, err
		}
	}
	if want := strings.ToLower(src.Git.ExpectedCommit); want != "" && want != rec.Commit {
		return Fetched{}, fmt.Errorf("git %s: %s is commit %s, recipe expects %s", shown(src.Git.URL), rev, rec.Commit, want)
	}
	return Fetched{Source: src, GitCommit: rec.Commit, Tree: rec.Tree, Epoch: rec.Epoch, Stored: stored}, nil
}

// wholeTree reports whether the store has the tree and all its files.
func (g *Getter) wholeTree(d digest.Digest) bool {
	entries, err := g.Store.Tree(d)
	for _, e := range entries {
		if (e.Kind == digest.File || e.Kind == digest.Exec) && !g.has(File{Digest: e.Sum, Size: e.Size}) {
			return false
		}
	}
	return err == nil
}

// gitSettings isolate git: no configuration but ours, no hooks, no prompts, no helpers.
func gitSettings(local bool) map[string]string {
	allow := "https:http:ssh:git"
	if local {
		allow += ":file" // only a recipe that names a local repository may bring submodules from one
	}
	return map[string]string{
		"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_SYSTEM": os.DevNull, "GIT_ATTR_NOSYSTEM": "1",
		"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "true", "GIT_SSH_COMMAND": "ssh -oBatchMode=yes", "GIT_ALLOW_PROTOCOL": allow,
		"GIT_NO_REPLACE_OBJECTS": "1", "GIT_LFS_SKIP_SMUDGE": "1",
	}
}

// gitOptions go before every subcommand.
func gitOptions() []string {
	var options []string
	for _, o := range []string{
		"core.hooksPath=" + os.DevNull, "core.fsmonitor=false", "core.autocrlf=false", "core.symlinks=true", "core.protectHFS=true",
		"core.protectNTFS=true", "protocol.ext.allow=never", "credential.helper=", "gc.auto=0", "maintenance.auto=false",
		"fetch.recurseSubmodules=false", "submodule.recurse=false", "advice.detachedHead=false", "init.defaultBranch=main",
		"fetch.fsckObjects=false", "safe.directory=*",
	} {
		options = append(options, "-c", o)
	}
	return options
}

// repo is one run of Forge with one repository.
type repo struct {
	g   *Getter
	ctx context.Context
	dir string
	set map[string]string
}

func (r *repo) git(args ...string) (string, error) {
	out, err := r.g.run(r.ctx, client{name: "git", args: append(gitOptions(), args...), dir: r.dir, set: r.set})
	return strings.TrimSpace(string(out)), err
}

// clone brings the commit into the store.
func (g *Getter) clone(ctx context.Context, at string, rev revision, git *recipes.Git) (record, error) {
	local := filepath.IsAbs(at) || strings.HasPrefix(strings.ToLower(at), "file:")
	bare := filepath.Join(g.Store.Root(), "sources", "git-"+digest.Of([]byte(at)).Hex()[:32])
	r := &repo{g, ctx, bare, gitSettings(local)}
	commit, err := r.fetch(at, rev, git.Depth)
	if err != nil && ctx.Err() == nil {
		// A copy that a crash or a full disk left damaged must not stand in the way for ever.
		if rerr := fsx.RemoveAll(bare); rerr == nil {
			commit, err = r.fetch(at, rev, git.Depth)
		}
	}
	if err != nil {
		return record{}, err
	}
	seconds, err := r.git("show", "-s", "--format=%ct", commit)
	if err != nil {
		return record{}, err
	}
	epoch, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return record{}, fmt.Errorf("commit %s has no time: %w", commit, err)
	}
	tree, err := r.export(at, commit, git)
	return record{Commit: commit, Tree: tree, Epoch: clampEpoch(epoch)}, err
}

// fetch brings the copy in the store up to date and resolves rev to a commit.
func (r *repo) fetch(at string, rev revision, depth int) (string, error) {
	if _, err := os.Stat(filepath.Join(r.dir, "HEAD")); err != nil {
		if err := os.MkdirAll(r.dir, 0o700); err != nil {
			return "", err
		}
		if _, err := r.git("init", "--quiet", "--bare"); err != nil {
			return "", err
		}
	}
	if isCommit(rev.name) {
		if commit, err := r.commit(rev.name); err == nil {
			return commit, nil
		}
	}
	fetch := []string{"fetch", "--quiet", "--force", "--prune", "--no-auto-gc", "--update-head-ok"}
	if depth > 0 {
		fetch = append(fetch, "--depth", strconv.Itoa(depth))
	}
	ref := "refs/forge/wanted"
	one := map[string]string{"": "HEAD", "tag": "refs/tags/" + rev.name, "branch": "refs/heads/" + rev.name}[rev.kind]
	if one == "" && isCommit(rev.name) {
		// Most servers give a commit by its id; those that do not have it on a branch or tag.
		if _, err := r.git(append(fetch, "--no-tags", "--", at, "+"+rev.name+":"+ref)...); err == nil {
			return r.commit(rev.name)
		}
		if r.ctx.Err() != nil {
			return "", r.ctx.Err()
		}
	}
	if one != "" {
		if _, err := r.git(append(fetch, "--no-tags", "--", at, "+"+one+":"+ref)...); err != nil {
			return "", err
		}
		return r.commit(ref)
	}
	if depth > 0 {
		fetch = fetch[:len(fetch)-2] // a commit somewhere in the past
	}
	if _, err := r.git(append(fetch, "--", at, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")...); err != nil {
		return "", err
	}
	for _, name := range []string{"refs/tags/" + rev.name, "refs/heads/" + rev.name, rev.name} {
		if commit, err := r.commit(name); err == nil {
			return commit, nil
		}
	}
	return "", fmt.Errorf("has no commit, tag or branch %q", rev.name)
}

func (r *repo) commit(name string) (string, error) {
	return r.git("rev-parse", "--verify", "--quiet", "--end-of-options", name+"^{commit}")
}

// export checks the commit out into a folder that goes again and stores the tree.
func (r *repo) export(at, commit string, git *recipes.Git) (digest.Digest, error) {
	tmp, err := r.g.Store.TempDir("git")
	if err != nil {
		return digest.Digest{}, err
	}
	work := &repo{r.g, r.ctx, filepath.Join(tmp, "work"), r.set}
	defer func() {
		fsx.RemoveAll(tmp)
		r.git("worktree", "prune", "--expire=now")
	}()
	if _, err := r.git("worktree", "add", "--quiet", "--force", "--detach", "--no-checkout", work.dir, commit); err != nil {
		return digest.Digest{}, err
	}
	steps := [][]string{{"checkout", "--quiet", "--force", "--detach", commit}, {"config", "remote.origin.url", at}}
	if git.Submodules { // their relative addresses are relative to where the repository really is
		steps = append(steps, []string{"submodule", "--quiet", "update", "--init", "--recursive", "--checkout"})
	}
	for _, s := range steps {
		if _, err := work.git(s...); err != nil {
			return digest.Digest{}, err
		}
	}
	if git.LFS {
		if err := work.lfs(); err != nil {
			return digest.Digest{}, fmt.Errorf("lfs: %w", err)
		}
	}
	return r.g.snapshot(work.dir, func(rel string, _ os.DirEntry) bool { return filepath.Base(rel) == ".git" })
}

// lfs puts large files in the place of their pointers. git-lfs skips that in silence where it is not
// set up, so the answer is looked at.
func (r *repo) lfs() error {
	if _, err := r.g.find("git-lfs"); err != nil {
		return err
	}
	_, err := r.git("-c", "filter.lfs.clean=git-lfs clean -- %f", "-c", "filter.lfs.smudge=git-lfs smudge -- %f",
		"-c", "filter.lfs.process=git-lfs filter-process", "-c", "filter.lfs.required=true", "lfs", "pull", "origin")
	if err != nil {
		return err
	}
	list, err := r.git("lfs", "ls-files")
	if err != nil {
		return err
	}
	for line := range strings.Lines(list) { // "oid * path", with a hyphen for what is still a pointer
		if f := strings.SplitN(strings.TrimSpace(line), " ", 3); len(f) == 3 && f[1] != "*" {
			return fmt.Errorf("%s was not fetched", f[2])
		}
	}
	return nil
}
