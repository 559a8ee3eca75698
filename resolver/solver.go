package resolver

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"forge/packages"
)

// New returns the solver: a conflict-driven search that asks the provider only for the names it meets.
// It prefers, for the wanted specs in their order and then for what they need, the newest version,
// then the highest build number, the fewest tracked features and the newest timestamp.
func New() Solver { return solver{} }

type solver struct{}

func (solver) Solve(ctx context.Context, provider Provider, problem Problem) (*Solution, error) {
	c := newCore(provider, &problem)
	demands, err := c.demands()
	if err != nil {
		return nil, err
	}
	if _, err := c.variables(demands); err != nil {
		return nil, err
	}
	ok, used, err := c.solvable(ctx, demands)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, c.conflict(ctx, demands, used)
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

// demand is one thing the problem asks for.
type demand struct {
	text  string
	spec  int32
	l     lit
	limit bool // a constraint, which holds where the package is there
}

// demands reads what the problem asks for; nothing is stated yet.
func (c *core) demands() ([]demand, error) {
	var out []demand
	for _, text := range c.problem.Specs {
		out = append(out, demand{text: text})
	}
	for _, r := range c.problem.Locked {
		out = append(out, demand{text: r.Name})
	}
	for _, text := range c.problem.Constraints {
		out = append(out, demand{text: text, limit: true})
	}
	for i := 0; i < len(out); i++ {
		ids, err := c.specsOf(out[i].text)
		if err != nil {
			return nil, err
		}
		out[i].spec = ids[0]
		for _, group := range ids[1:] {
			out = slices.Insert(out, i+1, demand{text: out[i].text, spec: group, limit: out[i].limit})
			i++
		}
		m := c.specs[ids[0]].match
		if p := &c.pkgs[c.specs[ids[0]].pkg]; !out[i].limit {
			p.root = min(p.root, int32(i))
			if m.Channel != "" {
				c.order.pinned[m.Name] = m.Channel
			}
		}
	}
	return out, nil
}

// variables gives each demand its literal and makes the virtual packages present, so that constraints
// on them count. It reports false where that clashes already.
func (c *core) variables(ds []demand) (ok bool, err error) {
	ok = true
	for _, v := range c.problem.Virtual {
		id, err := c.specOf(v.Name)
		if err != nil {
			return false, fmt.Errorf("virtual package: %w", err)
		}
		need, fine := c.needVar(id)
		if p := &c.pkgs[c.specs[id].pkg]; p.n == 0 && len(p.hidden) > 0 {
			return false, fmt.Errorf("virtual package %s: %s", v.Name, p.hidden[0].reason)
		}
		ok = fine && c.set(pos(need), why{kind: whyGiven}) && ok
	}
	for i := range ds {
		var v int32
		var fine bool
		if ds[i].limit {
			v, fine = c.limitVar(ds[i].spec)
		} else {
			v, fine = c.needVar(ds[i].spec)
		}
		if c.err != nil {
			return false, c.err
		}
		ds[i].l = pos(v)
		ok = ok && fine
	}
	return ok, nil
}

// state makes the demands hold at the lowest level. Where it reports false they clash.
func (c *core) state(ds []demand) bool {
	for _, d := range ds {
		if d.limit && !c.set(d.l, why{kind: whyGiven}) {
			return false
		}
	}
	for _, d := range ds {
		if !d.limit && !c.set(d.l, why{kind: whyGiven}) {
			return false
		}
	}
	return true
}

// search decides until everything needed is chosen. It reports false where there is no solution.
func (c *core) search(ctx context.Context) (bool, error) {
	for {
		ok := c.propagate()
		cand := int32(-1)
		if ok && c.err == nil {
			if done, fine := c.assume(); !fine {
				return false, nil
			} else if !done {
				continue
			}
			p := c.pick()
			if p < 0 {
				return true, nil
			}
			cand, ok = c.best(p)
		}
		switch {
		case c.err != nil:
			return false, c.err
		case !ok && (c.level() == 0 || !c.learn()):
			return false, nil
		case !ok && c.limit > 0 && c.stats.conflicts >= c.limit:
			return false, errTooHard
		case c.stats.conflicts >= maxConflicts:
			return false, errGivenUp
		case ctx.Err() != nil:
			return false, fmt.Errorf("solve: %w", ctx.Err())
		case ok && cand >= 0:
			c.stats.decisions++
			c.decide(pos(c.cands[cand].variable))
		}
	}
}

// errTooHard says that a question was not answered within its limit.
var errTooHard = errors.New("too many conflicts")

// maxConflicts is where a search is given up. Real problems, also without solution, take hundreds, rarely
// thousands; a number and not a time, so that every machine gives the same answer.
const maxConflicts = 50_000

var errGivenUp = fmt.Errorf("no solution and no proof that there is none after %d conflicts; name versions of some packages to make it easier", maxConflicts)

func (c *core) decide(l lit) {
	c.starts = append(c.starts, int32(len(c.trail)))
	c.set(l, why{kind: whyDecision})
}

// assume decides the next assumption; done says that all are, and fine that none is false.
func (c *core) assume() (done, fine bool) {
	n := int(c.level())
	if n >= len(c.assumed) {
		return true, true
	}
	l := c.assumed[n]
	if c.value(l) < 0 {
		c.clash = append(c.clash[:0], l.not())
		return false, false
	}
	c.starts = append(c.starts, int32(len(c.trail)))
	if c.value(l) == 0 {
		c.set(l, why{kind: whyDecision})
	}
	return false, true
}

// easyConflicts is how many conflicts a search may have before its order changes.
const easyConflicts = 64

// pick returns the needed package to decide next, or -1: wanted ones in their order, then as they were
// discovered. In a hard search the packages that take part in conflicts come first: to go by discovery
// alone can take forever.
func (c *core) pick() int32 {
	hard := c.stats.conflicts > easyConflicts
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
		if p.root < b.root || hard && p.root == b.root && p.activity > b.activity {
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
		if p.chosen >= 0 && isReal(p.name) {
			records = append(records, c.cands[p.chosen].record)
		}
	}
	return &Solution{Records: InstallOrder(records)}
}
