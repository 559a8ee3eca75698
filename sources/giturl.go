package sources

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"forge/internal/diag"
	"forge/recipes"
)

// revision names a commit in one of the ways a recipe can.
type revision struct{ kind, name string }

func (r revision) String() string { return strings.TrimSpace(r.kind + " " + r.name) }

var (
	commitID = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:[0-9a-fA-F]{40}|[0-9a-fA-F]{64})$`) })
	refName  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_./+@=-]*$`) })
)

func isCommit(s string) bool { return commitID().MatchString(s) }

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
	case r.kind != "" && (!refName().MatchString(r.name) || strings.Contains(r.name, "..") || strings.Contains(r.name, "@{") ||
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
