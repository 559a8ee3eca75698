package engine

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"forge/internal/diag"
	"forge/recipes"
)

// RecipeGraph is what the recipes alone say of who needs whom, by name: nothing is solved, no channel is
// read, no host is asked. `forge graph` prints it.
type RecipeGraph struct {
	Nodes []*Node // in build order: each after those it is built with, where there is no loop
}

// Node is one package name: all variants of it.
type Node struct {
	Name    string
	Outputs []*recipes.Output
	Hard    []*Node // must be built and tested before it is built, in build order
	Soft    []*Node // must be built before it is tested
	Because Because // why it is in a graph made with Since
	Seconds float64 // that building it is estimated to take
	Known   bool    // Seconds was measured

	run, test map[*Node]bool // Soft by kind; a node may be in both
	together  map[*Node]bool // whose work folder its scripts go on with: both are built on one machine
	index     int            // in Nodes
}

// NewRecipeGraph makes the graph of rendered outputs. Skipped ones are left out; a staging output is
// part of those that inherit from it.
func NewRecipeGraph(outputs []*recipes.Output) *RecipeGraph {
	outputs = slices.DeleteFunc(slices.Clone(outputs), func(o *recipes.Output) bool { return o.Skip })
	l := newLinker(outputs)
	all := l.links()
	byName := map[string]*Node{}
	nodes := make([]*Node, len(outputs))
	g := &RecipeGraph{}
	for i, o := range outputs {
		if o.Staging {
			continue
		}
		n := byName[o.Name]
		if n == nil {
			n = &Node{Name: o.Name, Seconds: 1, run: map[*Node]bool{}, test: map[*Node]bool{}, together: map[*Node]bool{}}
			byName[o.Name] = n
			g.Nodes = append(g.Nodes, n)
		}
		n.Outputs = append(n.Outputs, o)
		nodes[i] = n
	}
	hard := map[*Node]map[*Node]bool{}
	for i, n := range nodes {
		if n == nil {
			continue
		}
		if hard[n] == nil {
			hard[n] = map[*Node]bool{}
		}
		for _, j := range all[i].hard {
			if outputs[j].Staging {
				gather(hard[n], n, nodes, all[j].hard)
			}
		}
		gather(hard[n], n, nodes, all[i].hard)
		gather(n.run, n, nodes, all[i].run)
		gather(n.test, n, nodes, all[i].test)
		if before := all[i].before; before >= 0 {
			gather(n.together, n, nodes, []int{before})
		}
	}
	g.sort(hard)
	return g
}

// gather adds the nodes of a list to a set, but for n itself and for staging outputs, which have none.
func gather(set map[*Node]bool, n *Node, nodes []*Node, list []int) {
	for _, j := range list {
		if m := nodes[j]; m != nil && m != n {
			set[m] = true
		}
	}
}

// sort puts the nodes into build order and fills their lists.
func (g *RecipeGraph) sort(hard map[*Node]map[*Node]bool) {
	slices.SortFunc(g.Nodes, func(a, b *Node) int { return cmp.Compare(a.Name, b.Name) })
	g.number()
	inOrder := func(sets ...map[*Node]bool) []*Node {
		all := map[*Node]bool{}
		for _, s := range sets {
			maps.Copy(all, s)
		}
		return slices.SortedFunc(maps.Keys(all), func(a, b *Node) int { return cmp.Compare(a.index, b.index) })
	}
	for _, n := range g.Nodes {
		n.Hard, n.Soft = inOrder(hard[n]), inOrder(n.run, n.test)
	}
	var order []*Node
	for _, group := range g.components(true) {
		// Within a group only hard edges count: packages may need each other to run.
		inside := map[int]int{}
		for k, i := range group {
			inside[i] = k
		}
		for _, part := range components(len(group), func(k int) []int {
			var next []int
			for _, m := range g.Nodes[group[k]].Hard {
				if j, ok := inside[m.index]; ok {
					next = append(next, j)
				}
			}
			return next
		}) {
			for _, k := range part {
				order = append(order, g.Nodes[group[k]])
			}
		}
	}
	g.Nodes = order
	g.number()
	for _, n := range g.Nodes {
		n.Hard, n.Soft = inOrder(hard[n]), inOrder(n.run, n.test)
	}
}

func (g *RecipeGraph) number() {
	for i, n := range g.Nodes {
		n.index = i
	}
}

// components groups nodes that need each other, along hard edges or along all.
func (g *RecipeGraph) components(soft bool) [][]int {
	next := make([][]int, len(g.Nodes))
	for i, n := range g.Nodes {
		for _, m := range n.Hard {
			next[i] = append(next[i], m.index)
		}
		if soft {
			for _, m := range n.Soft {
				next[i] = append(next[i], m.index)
			}
		}
	}
	return components(len(g.Nodes), func(i int) []int { return next[i] })
}

// Loops names, for every group of packages that need each other to be built, the shortest loop:
// "a -> b -> a". A graph that can be built has none.
func (g *RecipeGraph) Loops() []string {
	var out []string
	next := func(i int) []int {
		var list []int
		for _, m := range g.Nodes[i].Hard {
			list = append(list, m.index)
		}
		return list
	}
	for _, group := range g.components(false) {
		if len(group) < 2 {
			continue
		}
		var names []string
		for _, i := range shortestLoop(group, next) {
			names = append(names, g.Nodes[i].Name)
		}
		out = append(out, strings.Join(append(names, names[0]), " -> "))
	}
	return out
}

// named finds nodes by name; an unknown name is an error that suggests a near one.
func (g *RecipeGraph) named(flag string, names []string) ([]*Node, error) {
	byName := map[string]*Node{}
	var all []string
	for _, n := range g.Nodes {
		byName[n.Name] = n
		all = append(all, n.Name)
	}
	var out []*Node
	for _, name := range names {
		n := byName[name]
		if n == nil {
			err := fmt.Errorf("%s %s: no output of these recipes is called that", flag, name)
			if near := diag.Nearest(name, all); near != "" {
				err = fmt.Errorf("%w; did you mean %q?", err, near)
			}
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}

// UpTo keeps the named packages and all they need.
func (g *RecipeGraph) UpTo(names []string) (*RecipeGraph, error) {
	start, err := g.named("--up-to", names)
	if err != nil {
		return nil, err
	}
	return g.keep(reached(start, func(n *Node) []*Node { return slices.Concat(n.Hard, n.Soft) })), nil
}

// DependentsOf keeps the named packages and all that need them, directly or not.
func (g *RecipeGraph) DependentsOf(names []string) (*RecipeGraph, error) {
	start, err := g.named("--rdeps-of", names)
	if err != nil {
		return nil, err
	}
	users := g.users()
	return g.keep(reached(start, func(n *Node) []*Node { return users[n] })), nil
}

// users lists for each node those that need it.
func (g *RecipeGraph) users() map[*Node][]*Node {
	out := map[*Node][]*Node{}
	for _, n := range g.Nodes {
		for _, m := range slices.Concat(n.Hard, n.Soft) {
			out[m] = append(out[m], n)
		}
	}
	return out
}

func reached(start []*Node, next func(*Node) []*Node) map[*Node]bool {
	seen := map[*Node]bool{}
	for len(start) > 0 {
		n := start[len(start)-1]
		start = start[:len(start)-1]
		if !seen[n] {
			seen[n] = true
			start = append(start, next(n)...)
		}
	}
	return seen
}

// keep is the graph of those nodes and the edges between them.
func (g *RecipeGraph) keep(set map[*Node]bool) *RecipeGraph {
	out := &RecipeGraph{}
	copies := map[*Node]*Node{}
	for _, n := range g.Nodes {
		if set[n] {
			c := *n
			copies[n] = &c
			out.Nodes = append(out.Nodes, &c)
		}
	}
	translate := func(list []*Node) []*Node {
		var kept []*Node
		for _, m := range list {
			if c := copies[m]; c != nil {
				kept = append(kept, c)
			}
		}
		return kept
	}
	translateSet := func(old map[*Node]bool) map[*Node]bool {
		kept := map[*Node]bool{}
		for m := range old {
			if c := copies[m]; c != nil {
				kept[c] = true
			}
		}
		return kept
	}
	for _, n := range out.Nodes {
		n.Hard, n.Soft = translate(n.Hard), translate(n.Soft)
		n.run, n.test, n.together = translateSet(n.run), translateSet(n.test), translateSet(n.together)
	}
	out.number()
	return out
}
