package resolver

import (
	"context"
	"fmt"

	"forge/packages"
)

// New returns the solver: a conflict-driven search that asks the provider only for the names it meets.
// It prefers, for the wanted specs in their order and then for what they need, the newest version,
// then the highest build number, the fewest tracked features and the newest timestamp.
func New() Solver { return solver{} }

type solver struct{}

func (solver) Solve(ctx context.Context, provider Provider, problem Problem) (*Solution, error) {
	c := newCore(provider, &problem)
	roots, err := c.addRoots()
	if err != nil {
		return nil, err
	}
	ok, err := c.search(ctx)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, explainConflict(ctx, provider, &problem, roots)
	}
	return c.solution(), nil
}

func newCore(provider Provider, problem *Problem) *core {
	u := &universe{provider: provider, problem: problem, order: newOrdering(problem),
		names: map[string]int32{}, specIDs: map[string]int32{}}
	c := &core{universe: u, bump: 1}
	c.newVar(isPresent, -1) // variable 0 stands for none
	return c
}

// addRoots states the problem; a clash is found by search.
func (c *core) addRoots() ([]string, error) {
	specs := c.problem.Specs
	for _, r := range c.problem.Locked {
		specs = append(specs[:len(specs):len(specs)], r.Name)
	}
	ids := make([]int32, len(specs))
	for i, text := range specs {
		id, err := c.specOf(text)
		if err != nil {
			return nil, err
		}
		ids[i] = id
		m := c.specs[id].match
		p := &c.pkgs[c.specs[id].pkg]
		p.root = min(p.root, int32(i))
		if m.Channel != "" {
			c.order.pinned[m.Name] = m.Channel
		}
	}
	for _, text := range c.problem.Constraints {
		id, err := c.specOf(text)
		if err != nil {
			return nil, err
		}
		v, _ := c.limitVar(id)
		c.set(pos(v), why{kind: whyGiven})
	}
	for _, v := range c.problem.Virtual { // they are there, so that constraints on them count
		id, err := c.specOf(v.Name)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	for _, id := range ids {
		v, ok := c.needVar(id)
		if c.err != nil {
			return nil, c.err
		}
		if !ok || !c.set(pos(v), why{kind: whyGiven}) {
			break // the clash is kept; search finds it at once
		}
	}
	return specs, nil
}

// search decides until everything needed is chosen. It reports false where there is no solution.
func (c *core) search(ctx context.Context) (bool, error) {
	for _, l := range c.clash {
		if c.value(l) > 0 {
			return false, nil
		}
	}
	for {
		if !c.propagate() {
			if c.err != nil {
				return false, c.err
			}
			if c.level() == 0 || !c.learn() {
				return false, nil
			}
			if c.stats.conflicts%64 == 0 && ctx.Err() != nil {
				return false, fmt.Errorf("solve: %w", ctx.Err())
			}
			continue
		}
		p := c.pick()
		if p < 0 {
			return true, nil
		}
		cand, ok := c.best(p)
		if c.err != nil {
			return false, c.err
		}
		if !ok {
			if c.level() == 0 || !c.learn() {
				return false, nil
			}
			continue
		}
		if cand < 0 {
			continue // expanding settled it
		}
		c.stats.decisions++
		c.starts = append(c.starts, int32(len(c.trail)))
		c.set(pos(c.cands[cand].variable), why{kind: whyDecision})
	}
}

// pick returns the needed package to decide next, or -1: wanted ones in their order, then by how much
// they took part in conflicts, then as they were discovered.
func (c *core) pick() int32 {
	best := int32(-1)
	for _, id := range c.needed {
		p := &c.pkgs[id]
		if p.chosen >= 0 {
			continue
		}
		if best < 0 {
			best = id
			continue
		}
		b := &c.pkgs[best]
		if p.root < b.root || p.root == b.root && p.activity > b.activity {
			best = id
		}
	}
	return best
}

// best returns the most preferred candidate of a package. Those of equal preference are expanded, which
// removes the ones that cannot be; where that changes anything the answer is -1 for another look.
func (c *core) best(id int32) (int32, bool) {
	p := &c.pkgs[id]
	first := p.first + int32(p.domain.first())
	group := c.cands[first].group
	before := len(c.trail)
	var tied []int32
	for i := first; i < p.first+p.n && c.cands[i].group == group; i++ {
		if c.pkgs[id].domain.has(int(i - c.pkgs[id].first)) {
			if !c.expand(i) {
				return -1, false
			}
			tied = append(tied, i)
		}
		p = &c.pkgs[id]
	}
	if len(c.trail) > before {
		return -1, true
	}
	return c.newest(tied), true
}

// newest returns the candidate whose needs can be met with the newest packages; of equals the first.
func (c *core) newest(tied []int32) int32 {
	if len(tied) == 1 {
		return tied[0]
	}
	reach := make([]map[int32]int32, len(tied)) // by package, the group of its best candidate
	count, top := map[int32]int{}, map[int32]int32{}
	for n, ref := range tied {
		reach[n] = map[int32]int32{}
		for _, id := range c.cands[ref].needs {
			s := &c.specs[id]
			p := &c.pkgs[s.pkg]
			i := s.mask.firstCommon(p.domain)
			if i < 0 {
				continue
			}
			g := c.cands[p.first+int32(i)].group
			if old, ok := reach[n][s.pkg]; !ok || g > old {
				reach[n][s.pkg] = g
			}
		}
		for p, g := range reach[n] {
			if old, ok := top[p]; !ok || g < old {
				top[p] = g
			}
			count[p]++
		}
	}
	best, bestScore := tied[0], -1
	for n, ref := range tied {
		score := 0
		for p, g := range reach[n] {
			if count[p] == len(tied) && g == top[p] {
				score++
			}
		}
		if score > bestScore {
			best, bestScore = ref, score
		}
	}
	return best
}

// solution lists the chosen records, those that others need first.
func (c *core) solution() *Solution {
	var records []*packages.Record
	for _, id := range c.needed {
		p := &c.pkgs[id]
		if p.chosen >= 0 && (len(p.name) < 2 || p.name[:2] != "__") {
			records = append(records, c.cands[p.chosen].record)
		}
	}
	return &Solution{Records: InstallOrder(records)}
}
