package engine

import "slices"

// components groups the nodes 0…n-1 into strongly connected components: nodes that need each other are
// in one. A component comes after those that it needs, so the result is a build order. next lists what a
// node needs. (Tarjan, Depth-first search and linear graph algorithms, 1972; without recursion.)
func components(n int, next func(int) []int) [][]int {
	t := tarjan{index: make([]int, n), low: make([]int, n), on: make([]bool, n), next: next}
	for i := range n {
		if t.index[i] == 0 {
			t.visit(i)
		}
	}
	return t.out
}

type tarjan struct {
	index, low []int // 0 for not seen
	on         []bool
	count      int
	stack      []int
	next       func(int) []int
	out        [][]int
}

// step is a node whose neighbours are being visited.
type step struct{ node, at int }

func (t *tarjan) visit(root int) {
	calls := []step{t.enter(root)}
	for len(calls) > 0 {
		top := &calls[len(calls)-1]
		if list := t.next(top.node); top.at < len(list) {
			j := list[top.at]
			top.at++
			if t.index[j] == 0 {
				calls = append(calls, t.enter(j))
			} else if t.on[j] {
				t.low[top.node] = min(t.low[top.node], t.index[j])
			}
			continue
		}
		i := top.node
		calls = calls[:len(calls)-1]
		if len(calls) > 0 {
			up := calls[len(calls)-1].node
			t.low[up] = min(t.low[up], t.low[i])
		}
		if t.low[i] == t.index[i] {
			t.leave(i)
		}
	}
}

func (t *tarjan) enter(i int) step {
	t.count++
	t.index[i], t.low[i], t.on[i] = t.count, t.count, true
	t.stack = append(t.stack, i)
	return step{node: i}
}

func (t *tarjan) leave(root int) {
	at := len(t.stack) - 1
	for t.stack[at] != root {
		at--
	}
	group := slices.Clone(t.stack[at:])
	t.stack = t.stack[:at]
	for _, i := range group {
		t.on[i] = false
	}
	slices.Sort(group)
	t.out = append(t.out, group)
}

// maxLoopStarts bounds the search for the shortest loop in a very large component: of the nodes it
// starts from, the first ones.
const maxLoopStarts = 4096

// shortestLoop is the shortest way from a node of the component back to it, or nil where there is none.
// Of loops of equal length it is the one through the first node.
func shortestLoop(component []int, next func(int) []int) []int {
	inside := map[int]bool{}
	for _, i := range component {
		inside[i] = true
	}
	var best []int
	for _, start := range component[:min(len(component), maxLoopStarts)] {
		if loop := loopFrom(start, inside, next, len(best)); loop != nil {
			best = loop
		}
		if len(best) == 2 {
			break // no edge leads from a node to itself, so none is shorter
		}
	}
	return best
}

// loopFrom is the shortest loop through start with fewer nodes than limit; 0 for no limit.
func loopFrom(start int, inside map[int]bool, next func(int) []int, limit int) []int {
	from := map[int]int{}
	level := []int{start}
	for depth := 1; len(level) > 0 && (limit == 0 || depth < limit); depth++ {
		var below []int
		for _, i := range level {
			for _, j := range next(i) {
				if j == start {
					return pathTo(i, start, from)
				}
				if _, seen := from[j]; !seen && inside[j] {
					from[j] = i
					below = append(below, j)
				}
			}
		}
		level = below
	}
	return nil
}

// pathTo is the way from start to end.
func pathTo(end, start int, from map[int]int) []int {
	path := []int{end}
	for end != start {
		end = from[end]
		path = append(path, end)
	}
	slices.Reverse(path)
	return path
}
