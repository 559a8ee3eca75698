package resolver

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"forge/packages"
)

// The bounds of an explanation.
const (
	maxReasons  = 400  // steps looked at
	maxDepth    = 5    // of the tree
	maxCauses   = 5    // children of a node
	maxSplits   = 4    // cases within cases
	maxProbed   = 12   // packages tried for one split
	maxLines    = 20   // in all
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
	machine  []*packages.MatchSpec // virtual packages that the machine lacks
	blamed   []blame
	weight   map[string]float64 // how much each package took part in conflicts
}

// blame is a package whose bound on another is a part of the conflict.
type blame struct{ who, on string }

// blame notes the bound of a candidate on versions; one on builds alone chooses between alternatives.
func (e *explainer) blame(ref, spec int32) {
	b := blame{e.pkgs[e.cands[ref].pkg].name, e.pkgs[e.specs[spec].pkg].name}
	_, onVersion := firstVersion(e.specs[spec].match)
	if onVersion && !slices.Contains(e.blamed, b) && isReal(b.who) && isReal(b.on) {
		e.blamed = append(e.blamed, b)
	}
}

// refute explains why the demands cannot be met together.
func refute(ctx context.Context, provider Provider, problem *Problem, ds []demand, weight map[string]float64) (*Reason, *explainer, error) {
	e := &explainer{core: newCore(provider, problem), ctx: ctx, provider: provider, weight: weight}
	mine, err := e.demands()
	if err != nil {
		return nil, nil, err
	}
	if _, err := e.variables(mine); err != nil {
		return nil, nil, err
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
		return nil, nil, e.err
	}
	return shorten(unmark(flatten(fit(root))), texts), e, nil
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
	left, more := e.newestOf(best, []int{100, 16, 4, 2}[depth])
	for _, cand := range left {
		level := e.level()
		e.tried = append(e.tried, cand)
		e.decide(pos(e.cands[cand].variable))
		causes := e.cases(depth + 1)
		e.undo(level)
		e.tried = e.tried[:len(e.tried)-1]
		key := clashOf(causes)
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
			text += mark(", for example " + first.record.Version)
		}
		out = append(out, flattenText(text, b.causes))
	}
	if more > 0 {
		out = append(out, &Reason{Text: fmt.Sprintf("and so on for %d other builds of %s", more, e.pkgs[best].name)})
	}
	return out
}

// fit cuts a tree down to maxLines: the more lines, the fewer causes of a node are told.
func fit(root *Reason) *Reason {
	for causes := maxCauses; causes > 1 && lines(root) > maxLines; causes-- {
		cut(root, causes)
	}
	return root
}

func lines(r *Reason) int {
	n := 1
	for _, c := range r.Causes {
		n += lines(c)
	}
	return n
}

func cut(r *Reason, causes int) {
	if len(r.Causes) > causes {
		r.Causes = append(r.Causes[:causes-1:causes-1], &Reason{Text: "and so on"})
	}
	for _, c := range r.Causes {
		cut(c, causes)
	}
}

// newestOf returns candidates that are left of a package: the best of each of the newest versions and,
// if there are few, further builds of them. more is the number of others.
func (e *explainer) newestOf(id int32, limit int) (out []int32, more int) {
	p := &e.pkgs[id]
	var builds []int32
	for i := range p.n {
		ref := p.first + i
		switch {
		case !p.domain.has(int(i)):
		case len(out) > 0 && e.cands[out[len(out)-1]].version.Equal(e.cands[ref].version):
			builds = append(builds, ref)
		case len(out) == limit:
			more++
		default:
			out = append(out, ref)
		}
	}
	n := min(limit-len(out), len(builds))
	out = append(out, builds[:n]...)
	slices.Sort(out)
	return out, more + len(builds) - n
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

// split returns the needed package to look at case by case: the one of which most candidates clash at
// once, for that makes the shortest tree, else the one that took part in conflicts most.
func (e *explainer) split() int32 {
	var open []int32
	for _, id := range e.needed {
		if p := &e.pkgs[id]; p.chosen < 0 && (e.weight[p.name] > 0 || p.root != noRoot) {
			open = append(open, id)
		}
	}
	slices.SortStableFunc(open, func(a, b int32) int { return cmp.Compare(e.interest(&e.pkgs[b]), e.interest(&e.pkgs[a])) })
	best, most := int32(-1), 0.0
	for _, id := range open[:min(len(open), maxProbed)] {
		if best < 0 {
			best = id
		}
		if share := e.clashing(id); share > most {
			best, most = id, share
		}
		if most == 1 {
			break
		}
	}
	return best
}

// clashing is the part of a package's newest versions that clash with what is known.
func (e *explainer) clashing(id int32) float64 {
	newest, _ := e.newestOf(id, 3)
	clashes := 0
	for _, cand := range newest {
		level := e.level()
		e.decide(pos(e.cands[cand].variable))
		if !e.settle() {
			clashes++
		}
		e.undo(level)
	}
	return float64(clashes) / float64(len(newest))
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
