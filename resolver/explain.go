package resolver

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// The bounds of an explanation.
const (
	maxReasons  = 400  // steps looked at
	maxDepth    = 5    // of the tree
	maxCauses   = 5    // children of a node
	maxSplits   = 3    // cases within cases
	maxExpanded = 5000 // candidates whose requirements are read for it
)

// explainer builds the tree of reasons from what propagation alone concludes, and splits into cases
// where that is not enough.
type explainer struct {
	*core
	ctx      context.Context
	provider Provider
	nodes    int
	expanded int
	above    []int32       // specs on the way from the root, against going in circles
	extra    map[int32]why // reasons against candidates that the clash is about
	known    map[int32]answer
	tried    []int32 // the candidates assumed in the case at hand
	names    []string
	weight   map[string]float64 // how much each package took part in conflicts
}

// refute explains why the demands cannot be met together.
func refute(ctx context.Context, provider Provider, problem *Problem, ds []demand, weight map[string]float64) (*Reason, error) {
	e := &explainer{core: newCore(provider, problem), ctx: ctx, provider: provider, weight: weight}
	mine, err := e.demands()
	if err != nil {
		return nil, err
	}
	if _, err := e.variables(mine); err != nil {
		return nil, err
	}
	var texts []string
	for _, d := range ds {
		if !slices.Contains(texts, d.text) {
			texts = append(texts, d.text)
		}
	}
	mine = slices.DeleteFunc(mine, func(d demand) bool { return !slices.Contains(texts, d.text) })
	root := &Reason{Text: "no solution for " + strings.Join(texts, ", ")}
	if !e.state(mine) {
		root.Causes = e.clashReasons()
	} else {
		root.Causes = e.cases(0)
	}
	if e.err != nil {
		return nil, e.err
	}
	return unmark(flatten(root)), nil
}

// cases explains the clash that everything known leads to, or one clash for each candidate of the
// needed package with the fewest.
func (e *explainer) cases(depth int) []*Reason {
	if !e.settle() {
		return e.clashReasons()
	}
	if e.nodes++; depth >= maxSplits || e.nodes > maxReasons || e.err != nil || e.ctx.Err() != nil {
		return []*Reason{{Text: "no combination of the rest works; most in conflict are " + e.heaviest()}}
	}
	best := e.split()
	if best < 0 {
		return nil
	}
	var order []string
	byShape := map[string]*branch{}
	left, more := e.newestOf(best, []int{6, 3, 2}[depth])
	for _, cand := range left {
		level := e.level()
		e.tried = append(e.tried, cand)
		e.decide(pos(e.cands[cand].variable))
		causes := e.cases(depth + 1)
		e.undo(level)
		e.tried = e.tried[:len(e.tried)-1]
		key := outline(causes)
		if byShape[key] == nil {
			order = append(order, key)
			byShape[key] = &branch{causes: causes}
		}
		byShape[key].add(cand, causes)
	}
	var out []*Reason
	for _, key := range order {
		b := byShape[key]
		text := "with " + e.describe(b.cands)
		first, last := &e.cands[b.cands[0]], &e.cands[b.cands[len(b.cands)-1]]
		switch {
		case len(b.cands) > 1 && first.version.Equal(last.version):
			text += mark(fmt.Sprintf(" (%d builds)", len(b.cands)))
		case b.varies:
			text += ", for example " + mark(first.record.Version)
		}
		out = append(out, flattenText(text, b.causes))
	}
	if more {
		out = append(out, &Reason{Text: "and so on for other candidates of " + e.pkgs[best].name})
	}
	return out
}

// newestOf returns candidates that are left of a package: the best of each of the newest versions and,
// if there are few, further builds of them. more says that there are others.
func (e *explainer) newestOf(id int32, limit int) (out []int32, more bool) {
	p := &e.pkgs[id]
	var builds []int32
	for i := range p.n {
		ref := p.first + i
		switch {
		case !p.domain.has(int(i)):
		case len(out) > 0 && e.cands[out[len(out)-1]].version.Equal(e.cands[ref].version):
			builds = append(builds, ref)
		case len(out) == limit:
			return out, true
		default:
			out = append(out, ref)
		}
	}
	n := min(limit-len(out), len(builds))
	out = append(out, builds[:n]...)
	slices.Sort(out)
	return out, n < len(builds)
}

// branch is a set of cases with reasons of one shape, of which the first is told.
type branch struct {
	cands  []int32
	causes []*Reason
	varies bool
}

func (b *branch) add(cand int32, causes []*Reason) {
	b.cands = append(b.cands, cand)
	var x, y strings.Builder
	for _, r := range b.causes {
		writeReason(&x, r, "", "")
	}
	for _, r := range causes {
		writeReason(&y, r, "", "")
	}
	b.varies = b.varies || x.String() != y.String()
}

// interest is high for packages that are much in conflict and have few candidates.
func (e *explainer) interest(p *pkg) float64 { return (e.weight[p.name] + 1e-9) / float64(p.left) }

// split returns the package to look at case by case.
func (e *explainer) split() int32 {
	best := int32(-1)
	for _, id := range e.needed {
		p := &e.pkgs[id]
		if p.chosen >= 0 {
			continue
		}
		if best < 0 || e.interest(p) > e.interest(&e.pkgs[best]) {
			best = id
		}
	}
	return best
}

// read expands the candidates that are left of a package which took part in conflicts or is wanted.
func (e *explainer) read(id int32) bool {
	if p := &e.pkgs[id]; !p.loaded || e.weight[p.name] == 0 && p.root == noRoot {
		return true
	}
	for i := range e.pkgs[id].n {
		p := &e.pkgs[id]
		if e.cands[p.first+i].expanded || !p.domain.has(int(i)) || e.expanded > maxExpanded {
			continue
		}
		e.expanded++
		if !e.expand(p.first + i) {
			return false
		}
	}
	return true
}

// settle reads the requirements of all that matters and draws all conclusions; it reports false where
// they clash.
func (e *explainer) settle() bool {
	for {
		if !e.propagate() {
			return false
		}
		before := len(e.trail)
		for id := 0; id < len(e.pkgs); id++ {
			if !e.read(int32(id)) {
				return false
			}
		}
		if len(e.trail) == before {
			return e.done == len(e.trail)
		}
	}
}
