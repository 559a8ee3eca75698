package recipes

import (
	"errors"
	"fmt"

	"forge/recipes/internal/expr"
)

// Repositories answers the git functions of expressions (rattler-build's experimental git.head_rev(),
// git.latest_tag() and the like), for rendering itself runs no program. A repository is a URL, or a
// path relative to recipeDir.
type Repositories interface {
	// HeadRev is the commit of HEAD.
	HeadRev(repository, recipeDir string) (string, error)
	// LatestTag is the tag nearest to HEAD in a local repository, the highest of a remote one.
	LatestTag(repository, recipeDir string) (Tag, error)
}

// Tag is a tag of a repository.
type Tag struct {
	Name     string
	Commit   string
	Distance int // commits from it to HEAD; -1 where the repository is not here
}

// gitInfo is `git` in expressions.
type gitInfo struct {
	opts *RenderOptions
	dir  string
}

func (gitInfo) String() string { return "git" }

// Attr implements expr's attributes.
func (g gitInfo) Attr(name string) (expr.Value, bool) {
	switch name {
	case "head_rev", "latest_tag", "latest_tag_rev", "latest_tag_distance":
		return &expr.Func{Name: "git." + name, Call: func(_ *expr.Context, args expr.Args) (expr.Value, error) {
			bound, err := args.Bind("git."+name, "repository")
			if err != nil {
				return nil, err
			}
			return g.ask(name, printed(bound[0]))
		}}, true
	}
	return nil, false
}

func (g gitInfo) ask(name, repository string) (expr.Value, error) {
	switch {
	case !g.opts.Experimental:
		return nil, fmt.Errorf("git.%s() is experimental, for the result does not follow from the recipe: accept it with --experimental, or write the commit or tag in `context:`", name)
	case g.opts.Git == nil:
		return nil, fmt.Errorf("git.%s() asks a repository, and nothing here may do so", name)
	}
	fail := func(err error) (expr.Value, error) { return nil, fmt.Errorf("git.%s(%q): %w", name, repository, err) }
	if name == "head_rev" {
		rev, err := g.opts.Git.HeadRev(repository, g.dir)
		if err != nil {
			return fail(err)
		}
		return rev, nil
	}
	tag, err := g.opts.Git.LatestTag(repository, g.dir)
	switch {
	case err != nil:
		return fail(err)
	case name == "latest_tag":
		return tag.Name, nil
	case name == "latest_tag_rev":
		return tag.Commit, nil
	case tag.Distance < 0:
		return fail(errors.New("the distance is known only of a repository on this machine"))
	}
	return fmt.Sprint(tag.Distance), nil
}
