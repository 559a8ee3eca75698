package sources

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"forge/digest"
	"forge/internal/diag"
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

// revision names a commit in one of the ways a recipe can.
type revision struct{ kind, name string }

func (r revision) String() string { return strings.TrimSpace(r.kind + " " + r.name) }

var (
	commitID = regexp.MustCompile(`^(?:[0-9a-fA-F]{40}|[0-9a-fA-F]{64})$`)
	refName  = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_./+@=-]*$`)
)

func isCommit(s string) bool { return commitID.MatchString(s) }

func gitRev(git *recipes.Git) (revision, error) {
	r := revision{"", "HEAD"}
	given := 0
	for _, c := range []revision{{"rev", git.Rev}, {"tag", git.Tag}, {"branch", git.Branch}} {
		if c.name != "" {
			r, given = c, given+1
		}
	}
	switch {
	case given > 1:
		return r, errors.New("names more than one of rev, tag and branch")
	case git.ExpectedCommit != "" && !isCommit(git.ExpectedCommit):
		return r, fmt.Errorf("expected_commit %q is no whole commit id", git.ExpectedCommit)
	case r.kind == "rev" && r.name == "HEAD":
		return revision{"", "HEAD"}, nil
	case r.kind != "" && (!refName.MatchString(r.name) || strings.Contains(r.name, "..") || strings.Contains(r.name, "@{") ||
		strings.HasSuffix(r.name, ".lock") || strings.HasSuffix(r.name, "/") || strings.Contains(r.name, "//")):
		return r, fmt.Errorf("%q is no name of a commit, tag or branch", r.name)
	}
	return r, nil
}

// gitURL judges where a repository is and makes a local path absolute. What git would take for an
// option or for a helper to run (ext::, fd::) is refused.
func gitURL(raw, recipeDir string) (string, error) {
	if err := cleanURL(raw); err != nil && !strings.Contains(err.Error(), "space") {
		return "", err
	}
	if diag.Printable(raw) != raw || strings.HasPrefix(raw, "-") || strings.Contains(raw, "::") {
		return "", errors.New("is no address of a repository")
	}
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		if host, path, ok := strings.Cut(raw, ":"); ok && !strings.ContainsAny(host, `/\`) && len(host) > 1 {
			if strings.HasPrefix(host, "-") || strings.Contains(host, "@-") || strings.HasPrefix(path, "-") {
				return "", errors.New("is no address of a repository")
			}
			return raw, nil // user@host:path, which is ssh
		}
		if !filepath.IsAbs(raw) {
			raw = filepath.Join(recipeDir, filepath.FromSlash(raw))
		}
		return raw, nil
	}
	switch strings.ToLower(scheme) {
	case "https", "http", "ssh", "git", "file":
	default:
		return "", fmt.Errorf("%s:// is none of https, http, ssh, git and file", scheme)
	}
	if strings.HasPrefix(rest, "-") || strings.Contains(rest, "@-") {
		return "", errors.New("names a host that begins with a hyphen")
	}
	return raw, nil
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
	if git.LFS {
		if _, err := r.g.find("git-lfs"); err != nil {
			return digest.Digest{}, fmt.Errorf("lfs: %w", err)
		}
		steps = append(steps, []string{"lfs", "install", "--local", "--skip-smudge"}, []string{"lfs", "pull", "origin"})
	}
	for _, s := range steps {
		if _, err := work.git(s...); err != nil {
			return digest.Digest{}, err
		}
	}
	return r.g.snapshot(work.dir, func(rel string, _ os.DirEntry) bool { return filepath.Base(rel) == ".git" })
}
