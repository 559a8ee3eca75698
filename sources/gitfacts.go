package sources

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"forge/recipes"
)

// GitFacts answers the git functions of recipes (recipes.Repositories). A local repository is only read,
// with nothing it configures believed or run; a remote one is asked for its list of references. Each is
// asked once.
type GitFacts struct {
	Context context.Context
	Getter  *Getter

	mu    sync.Mutex
	known map[string]func() (recipes.Tag, error)
}

var _ recipes.Repositories = (*GitFacts)(nil)

// HeadRev implements recipes.Repositories.
func (f *GitFacts) HeadRev(repository, recipeDir string) (string, error) {
	tag, err := f.once("head\n", repository, recipeDir, f.localHead, f.remoteHead)
	return tag.Commit, err
}

// LatestTag implements recipes.Repositories.
func (f *GitFacts) LatestTag(repository, recipeDir string) (recipes.Tag, error) {
	return f.once("tag\n", repository, recipeDir, f.localTag, f.remoteTag)
}

type gitQuestion func(at string) (recipes.Tag, error)

func (f *GitFacts) once(kind, repository, recipeDir string, local, remote gitQuestion) (recipes.Tag, error) {
	at, err := gitURL(repository, recipeDir)
	if err != nil {
		return recipes.Tag{}, err
	}
	ask := remote
	if filepath.IsAbs(at) {
		ask = local
	}
	f.mu.Lock()
	answer := f.known[kind+at]
	if answer == nil {
		answer = sync.OnceValues(func() (recipes.Tag, error) { return ask(at) })
		if f.known == nil {
			f.known = map[string]func() (recipes.Tag, error){}
		}
		f.known[kind+at] = answer
	}
	f.mu.Unlock()
	return answer()
}

func (f *GitFacts) read(dir string, args ...string) (string, error) {
	git, err := f.Getter.find("git")
	if err != nil {
		return "", err
	}
	out, err := readGit(f.Context, git, dir, args...)
	if f.Context.Err() != nil {
		return "", f.Context.Err()
	}
	return out, err
}

func (f *GitFacts) localHead(dir string) (recipes.Tag, error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() || !inRepository(dir) {
		return recipes.Tag{}, errors.New("there is no repository")
	}
	out, err := f.read(dir, "rev-parse", "--verify", "HEAD^{commit}")
	if err != nil || !isCommit(out) {
		return recipes.Tag{}, errors.Join(errors.New("the repository has no commit, or is another user's"), f.Context.Err())
	}
	return recipes.Tag{Commit: out}, nil
}

// localTag is the tag nearest to HEAD, as `git describe` has it.
func (f *GitFacts) localTag(dir string) (recipes.Tag, error) {
	head, err := f.localHead(dir)
	if err != nil {
		return head, err
	}
	name, err := f.read(dir, "describe", "--tags", "--abbrev=0", head.Commit)
	if err != nil || name == "" {
		return recipes.Tag{}, errors.Join(errors.New("no tag leads to its HEAD"), f.Context.Err())
	}
	commit, err := f.read(dir, "rev-parse", "--verify", "refs/tags/"+name+"^{commit}")
	if err != nil || !isCommit(commit) {
		return recipes.Tag{}, fmt.Errorf("the tag %q is of no commit", name)
	}
	count, err := f.read(dir, "rev-list", "--count", commit+".."+head.Commit)
	if err != nil {
		return recipes.Tag{}, err
	}
	n, err := strconv.Atoi(count)
	return recipes.Tag{Name: name, Commit: commit, Distance: n}, err
}

func (f *GitFacts) list(at string, args ...string) ([][2]string, error) {
	if f.Getter.Offline && !strings.HasPrefix(strings.ToLower(at), "file://") {
		return nil, errors.New("it is elsewhere, and --offline was asked for")
	}
	args = append(append(gitOptions(), "ls-remote", "--quiet"), args...)
	out, err := f.Getter.run(f.Context, client{name: "git", args: args, dir: os.TempDir(), set: gitSettings(true)})
	if err != nil {
		return nil, err
	}
	var refs [][2]string
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		if id, name, ok := strings.Cut(line, "\t"); ok && isCommit(id) {
			refs = append(refs, [2]string{id, name})
		}
	}
	return refs, nil
}

func (f *GitFacts) remoteHead(at string) (recipes.Tag, error) {
	refs, err := f.list(at, "--", at, "HEAD")
	if err == nil && len(refs) == 0 {
		err = errors.New("the repository has no HEAD")
	}
	if err != nil {
		return recipes.Tag{}, err
	}
	return recipes.Tag{Commit: refs[0][0]}, nil
}

// remoteTag is the last tag in the order of versions.
func (f *GitFacts) remoteTag(at string) (recipes.Tag, error) {
	refs, err := f.list(at, "--sort=v:refname", "--tags", "--", at)
	if err != nil {
		return recipes.Tag{}, err
	}
	tag := recipes.Tag{Distance: -1}
	for _, ref := range refs { // an annotated tag comes twice: the tag, then its commit with ^{}
		if name, ok := strings.CutPrefix(ref[1], "refs/tags/"); ok {
			tag.Name, tag.Commit = strings.TrimSuffix(name, "^{}"), ref[0]
		}
	}
	if tag.Name == "" {
		return tag, errors.New("the repository has no tag")
	}
	return tag, nil
}
