package sources

import (
	"context"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// State says which commit a recipe folder is of.
type State struct {
	Commit string `json:"commit"`           // whole id, lower case
	Tree   string `json:"tree"`             // git's id of the folder's tree in that commit
	Remote string `json:"remote,omitempty"` // the repository's origin, without user or password
	Path   string `json:"path,omitempty"`   // of the folder in the repository, empty for its top
	Clean  bool   `json:"clean"`            // the folder holds what the commit does, no more, no less
}

// GitState reads the state of a recipe folder. A folder in no repository, or in one that git holds
// unsafe because it is someone else's, has the zero State. Nothing configured by the repository or the user
// is run or believed. A commit may stand for the folder only where Clean is true.
func GitState(ctx context.Context, dir string) (State, error) {
	git, err := (&Getter{}).find("git")
	if err != nil || !inRepository(dir) {
		return State{}, nil
	}
	// One call: the commit, the folder's path in the repository, the folder's tree in the commit.
	out, err := readGit(ctx, git, dir, "rev-parse", "HEAD^{commit}", "--show-prefix", "HEAD:./")
	lines := strings.Split(out, "\n")
	if err != nil || len(lines) != 3 || !isCommit(lines[0]) || !isCommit(lines[2]) {
		return State{}, ctx.Err() // no commit yet, or one that does not know the folder
	}
	s := State{Commit: lines[0], Path: strings.TrimSuffix(lines[1], "/"), Tree: lines[2]}
	status, err := readGit(ctx, git, dir, "status", "--porcelain", "-z", "--untracked-files=all", "--ignored=traditional", "--no-renames", "--", ".")
	if err != nil {
		return State{}, errors.Join(err, ctx.Err())
	}
	s.Clean = cleanStatus(status, s.Path)
	if origin, err := readGit(ctx, git, dir, "config", "--local", "--get", "remote.origin.url"); err == nil {
		s.Remote = publicRemote(origin)
	}
	return s, ctx.Err()
}

// inRepository looks for .git upwards, so that git is not started for nothing.
func inRepository(dir string) bool {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return false
	}
	for {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return true
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return false
		}
		dir = parent
	}
}

func readGit(ctx context.Context, git, dir string, args ...string) (string, error) {
	options := []string{"-c", "core.fsmonitor=false", "-c", "core.hooksPath=" + os.DevNull, "-c", "core.untrackedCache=false",
		"-c", "status.submoduleSummary=false", "-c", "core.quotePath=false"}
	cmd := exec.CommandContext(ctx, git, append(options, args...)...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + strings.Join(defaultClientDirs(), string(os.PathListSeparator)), "LC_ALL=C.UTF-8",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "GIT_NO_REPLACE_OBJECTS=1"}
	killGroup(cmd)
	cmd.WaitDelay = time.Second
	runtime.LockOSThread() // see killGroup
	defer runtime.UnlockOSThread()
	out, err := cmd.Output()
	return strings.TrimRight(string(out), "\n"), err
}

// cleanStatus judges `git status -z`: any change or untracked file is one too many. Ignored files are
// too, unless they are what Forge and interpreters leave behind and what `...` does not look into.
func cleanStatus(status, prefix string) bool {
	for _, entry := range strings.Split(status, "\x00") {
		if len(entry) < 4 {
			continue
		}
		rel := strings.TrimPrefix(strings.TrimSuffix(entry[3:], "/"), prefix+"/")
		if !strings.HasPrefix(entry, "!!") || !leftover(rel) {
			return false
		}
	}
	return true
}

func leftover(rel string) bool {
	first, _, _ := strings.Cut(rel, "/")
	base := path.Base(rel)
	return first == "output" || base == "__pycache__" || strings.HasPrefix(first, ".") || strings.HasPrefix(first, "_")
}

// publicRemote drops what a remote's address tells about the user: credentials, and paths of this machine.
func publicRemote(remote string) string {
	u, err := url.Parse(remote)
	if err == nil && u.Host != "" {
		switch u.Scheme {
		case "https", "http", "git", "ssh", "git+ssh":
			u.User, u.RawQuery, u.Fragment = nil, "", ""
			return u.String()
		}
		return ""
	}
	if host, p, ok := strings.Cut(remote, ":"); ok && !strings.Contains(remote, "://") && !strings.ContainsAny(host, `/\`) && len(host) > 1 && p != "" {
		_, after, found := strings.Cut(host, "@")
		if !found {
			after = host
		}
		return "ssh://" + after + "/" + strings.TrimPrefix(p, "/")
	}
	return ""
}
