package engine

import (
	"path/filepath"
	"slices"
	"strings"

	"forge/recipes"
)

// Because says why a change makes a package necessary.
type Because string

// The reasons, the weakest last.
const (
	BecauseChanged Because = "changed"                // its recipe's folder or a source beside it
	BecauseRemoved Because = "names what was removed" // a package that the recipes offered before
	BecauseBuilt   Because = "built with a change"    // what it is built with may come out different
	BecauseRuns    Because = "runs with a change"     // it is the same, but what is built with it may see the change
	BecauseTested  Because = "tested with a change"   // it is tested again
)

// Since keeps what a change makes necessary: the packages whose recipe folder or local source holds one
// of the changed files (absolute paths without links; "/" stands for all), those that name a removed
// package, those that are built with them, and those that are tested with them. Whether a rebuilt package
// really differs only its build can tell; a dependency with the same content rebuilds nobody.
func (g *RecipeGraph) Since(changed, removed []string) *RecipeGraph {
	dirs := map[string]bool{} // every folder that holds a change, at any depth
	for _, file := range changed {
		if file == "/" {
			return g.all(BecauseChanged)
		}
		if leftBehind(file) {
			continue
		}
		for dir := file; !dirs[dir]; dir = filepath.Dir(dir) {
			dirs[dir] = true
		}
	}
	why := map[*Node]Because{}
	var queue []*Node
	need := func(n *Node, b Because) {
		if old, seen := why[n]; !seen || rank(b) < rank(old) {
			why[n] = b
			queue = append(queue, n)
		}
	}
	for _, n := range g.Nodes {
		if n.holds(dirs) {
			need(n, BecauseChanged)
		} else if n.namesOneOf(removed) {
			need(n, BecauseRemoved)
		}
	}
	users := g.users()
	for len(queue) > 0 {
		n := queue[0]
		queue = queue[1:]
		if why[n] == BecauseTested {
			continue // its bytes and what it runs with are the same
		}
		for _, m := range users[n] {
			switch {
			case m.isBuiltWith(n):
				need(m, BecauseBuilt)
			case m.run[n]:
				need(m, BecauseRuns)
			default:
				need(m, BecauseTested)
			}
		}
	}
	set := map[*Node]bool{}
	for n := range why {
		set[n] = true
	}
	out := g.keep(set)
	k := 0
	for _, n := range g.Nodes {
		if set[n] {
			out.Nodes[k].Because = why[n]
			k++
		}
	}
	return out
}

// all is the whole graph for one reason.
func (g *RecipeGraph) all(why Because) *RecipeGraph {
	set := map[*Node]bool{}
	for _, n := range g.Nodes {
		set[n] = true
	}
	out := g.keep(set)
	for _, n := range out.Nodes {
		n.Because = why
	}
	return out
}

func rank(b Because) int {
	switch b {
	case BecauseChanged:
		return 0
	case BecauseRemoved:
		return 1
	case BecauseBuilt:
		return 2
	case BecauseRuns:
		return 3
	}
	return 4
}

// namesOneOf reports whether a package is built, runs or is tested with one of these names.
func (n *Node) namesOneOf(list []string) bool {
	if len(list) == 0 {
		return false
	}
	for _, o := range n.Outputs {
		r := &o.Requirements
		used := names(slices.Concat(r.Build, r.Host, r.Run))
		for _, t := range o.Tests {
			for _, spec := range testSpecs(t) {
				used = append(used, specName(spec))
			}
		}
		for _, name := range used {
			if slices.Contains(list, name) {
				return true
			}
		}
	}
	return false
}

// Removed lists the names that the outputs before have, and neither the graph nor the outputs now, sorted.
func (g *RecipeGraph) Removed(before, now []*recipes.Output) []string {
	has := map[string]bool{}
	for _, n := range g.Nodes {
		has[strings.ToLower(n.Name)] = true
	}
	offered := func(o *recipes.Output) bool { return !o.Staging && !o.Skip }
	for _, o := range now {
		if offered(o) {
			has[strings.ToLower(o.Name)] = true
		}
	}
	var out []string
	for _, o := range before {
		if name := strings.ToLower(o.Name); offered(o) && !has[name] {
			out = append(out, name)
		}
	}
	return sorted(out)
}

func (n *Node) isBuiltWith(m *Node) bool {
	for _, h := range n.Hard {
		if h == m {
			return true
		}
	}
	return false
}

// holds reports whether a folder that a package is made of holds a change.
func (n *Node) holds(dirs map[string]bool) bool {
	for _, o := range n.Outputs {
		if dirs[real(o.Recipe.Dir)] {
			return true
		}
		for _, s := range o.Sources {
			path := filepath.FromSlash(s.Path)
			if path != "" && !filepath.IsAbs(path) {
				path = filepath.Join(o.Recipe.Dir, path)
			}
			if path != "" && dirs[filepath.Clean(path)] {
				return true
			}
		}
	}
	return false
}

// real is a path without symbolic links, as git names it.
func real(path string) string {
	if p, err := filepath.EvalSymlinks(path); err == nil {
		return p
	}
	return filepath.Clean(path)
}

// leftBehind reports whether a file is one that editors leave and no key covers (see recipeTree).
func leftBehind(path string) bool {
	name := filepath.Base(path)
	return name == ".DS_Store" || strings.HasSuffix(name, "~") || strings.HasSuffix(name, ".swp") || strings.HasPrefix(name, ".#") ||
		strings.Contains(filepath.ToSlash(path), "/__pycache__/")
}
