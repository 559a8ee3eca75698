package sources

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"forge/internal/fsx"
)

// gitignore answers what git would not track below a folder (gitignore(5)): .gitignore files of the
// folder, of those above it in its repository and of those below it, and .git/info/exclude.
type gitignore struct {
	root  string            // the folder that paths are relative to
	above string            // path from the repository's top to root, "." if they are one
	rules map[string][]rule // by folder, relative to the repository's top
	top   string
}

type rule struct {
	glob     string // relative to the rule's folder
	negated  bool
	dirOnly  bool
	anchored bool // about the path, not about the name alone
}

// mostRules is the longest file of rules that is read.
const mostRules = 16 << 20

func gitignoreOf(root string) (*gitignore, error) {
	top := root
	for {
		if _, err := os.Lstat(filepath.Join(top, ".git")); err == nil {
			break
		}
		parent := filepath.Dir(top)
		if parent == top {
			top = root // no repository: the files below still count
			break
		}
		top = parent
	}
	rel, err := filepath.Rel(top, root)
	if err != nil {
		return nil, err
	}
	g := &gitignore{root: root, above: filepath.ToSlash(rel), rules: map[string][]rule{}, top: top}
	exclude, err := fsx.ReadRegular(filepath.Join(top, ".git", "info", "exclude"), mostRules)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errNotDir) {
		return nil, err
	}
	g.rules["."] = append(rulesOf(string(exclude)), g.load(".")...)
	return g, nil
}

// load reads the rules of the folder dir, relative to the top.
func (g *gitignore) load(dir string) []rule {
	data, err := fsx.ReadRegular(filepath.Join(g.top, filepath.FromSlash(dir), ".gitignore"), mostRules)
	if err != nil {
		return nil
	}
	return rulesOf(string(data))
}

func (g *gitignore) of(dir string) []rule {
	r, ok := g.rules[dir]
	if !ok {
		r = g.load(dir)
		g.rules[dir] = r
	}
	return r
}

// skips reports whether git ignores rel, a path below root whose parents are not ignored.
func (g *gitignore) skips(rel string, isDir bool) bool {
	if g == nil {
		return false
	}
	if path.Base(rel) == ".git" {
		return true
	}
	full := path.Join(g.above, rel)
	ignored := false
	dir := "."
	for {
		rest := full
		if dir != "." {
			rest = strings.TrimPrefix(full, dir+"/")
		}
		for _, r := range g.of(dir) {
			if (isDir || !r.dirOnly) && r.matches(rest) {
				ignored = !r.negated
			}
		}
		first, _, more := strings.Cut(rest, "/")
		if !more {
			return ignored
		}
		dir = path.Join(dir, first)
	}
}

func (r rule) matches(rel string) bool {
	if !r.anchored {
		rel = path.Base(rel)
	}
	ok, _ := doublestar.Match(r.glob, rel)
	return ok
}

func rulesOf(text string) []rule {
	var rules []rule
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		for strings.HasSuffix(line, " ") && !strings.HasSuffix(line, `\ `) {
			line = line[:len(line)-1]
		}
		if line == "" || line[0] == '#' {
			continue
		}
		var r rule
		if r.negated = line[0] == '!'; r.negated {
			line = line[1:]
		}
		if r.dirOnly = strings.HasSuffix(line, "/"); r.dirOnly {
			line = strings.TrimSuffix(line, "/")
		}
		r.anchored = strings.Contains(line, "/")
		r.glob = literalBraces(strings.TrimPrefix(line, "/"))
		if doublestar.ValidatePattern(r.glob) && r.glob != "" {
			rules = append(rules, r)
		}
	}
	return rules
}

// literalBraces quotes { and }, which mean nothing to git.
func literalBraces(glob string) string {
	return strings.NewReplacer("{", `\{`, "}", `\}`).Replace(glob)
}
