package resolver

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// The bounds of an explanation.
const (
	maxReasons  = 60    // nodes of the tree
	maxDepth    = 6     // its depth
	maxCauses   = 8     // children of a node
	maxExpanded = 20000 // candidates whose requirements are read for it
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
	names    []string
}

// refute explains why the demands cannot be met together.
func refute(ctx context.Context, provider Provider, problem *Problem, ds []demand) (*Reason, error) {
	e := &explainer{core: newCore(provider, problem), ctx: ctx, provider: provider}
	mine, err := e.demands()
	if err != nil {
		return nil, err
	}
	if _, err := e.variables(mine); err != nil {
		return nil, err
	}
	texts := make([]string, len(ds))
	for i, d := range ds {
		texts[i] = d.text
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
	return flatten(root), nil
}

// flatten puts an only child that says it all in the place of its parent.
func flatten(r *Reason) *Reason {
	if len(r.Causes) == 1 && len(r.Causes[0].Causes) == 0 {
		return &Reason{Text: r.Text + ": " + r.Causes[0].Text}
	}
	return r
}

// cases explains the clash that everything known leads to, or one clash for each candidate of the
// needed package with the fewest.
func (e *explainer) cases(depth int) []*Reason {
	if !e.settle() {
		return e.clashReasons()
	}
	if e.nodes++; depth >= maxDepth || e.nodes > maxReasons || e.err != nil {
		return []*Reason{{Text: "no combination of the remaining candidates works"}}
	}
	best := int32(-1)
	for _, id := range e.needed {
		if p := &e.pkgs[id]; p.chosen < 0 && (best < 0 || p.left < e.pkgs[best].left) {
			best = id
		}
	}
	if best < 0 {
		return nil
	}
	p := &e.pkgs[best]
	var tried []int32
	for i := range p.n {
		if p.domain.has(int(i)) {
			tried = append(tried, p.first+i)
		}
	}
	byText := map[string][]int32{}
	var order []string
	kids := map[string][]*Reason{}
	for _, cand := range tried {
		level := e.level()
		e.decide(pos(e.cands[cand].variable))
		causes := e.cases(depth + 1)
		e.undo(level)
		var b strings.Builder
		for _, r := range causes {
			writeReason(&b, r, "", "")
		}
		if _, ok := kids[b.String()]; !ok {
			order = append(order, b.String())
			kids[b.String()] = causes
		}
		byText[b.String()] = append(byText[b.String()], cand)
		if len(order) > maxCauses {
			break
		}
	}
	var out []*Reason
	for _, key := range order[:min(len(order), maxCauses)] {
		out = append(out, flatten(&Reason{Text: "with " + e.describe(byText[key]), Causes: kids[key]}))
	}
	if len(order) > maxCauses {
		out = append(out, &Reason{Text: "and so on for the other versions of " + e.pkgs[best].name})
	}
	return out
}

// settle reads the requirements of everything needed and draws all conclusions; it reports false where
// they clash.
func (e *explainer) settle() bool {
	for {
		if !e.propagate() {
			return false
		}
		before := len(e.trail)
		for n := 0; n < len(e.needed); n++ {
			p := &e.pkgs[e.needed[n]]
			for i := range p.n {
				ref := e.pkgs[e.needed[n]].first + i
				if e.cands[ref].expanded || !e.pkgs[e.needed[n]].domain.has(int(i)) || e.expanded > maxExpanded {
					continue
				}
				e.expanded++
				if !e.expand(ref) {
					return false
				}
			}
		}
		if len(e.trail) == before {
			return e.done == len(e.trail)
		}
	}
}

// clashReasons explains the clash at hand.
func (e *explainer) clashReasons() []*Reason {
	if e.err != nil {
		return nil
	}
	v := &e.vars[e.failed.variable()]
	e.extra = map[int32]why{}
	switch v.kind {
	case isNeed:
		asker := v.why
		if !e.failed.negated() {
			asker = e.because
		}
		return []*Reason{e.unmet(v.ref, asker)}
	case isLimit:
		asker, other := v.why, e.because
		if !e.failed.negated() {
			asker, other = e.because, v.why
		}
		return []*Reason{{Text: fmt.Sprintf("%s, but %s", e.asked(v.ref, asker), e.reasonText(other))}}
	case isCandidate:
		against, chosen := e.because, v.why
		if !e.failed.negated() {
			against, chosen = v.why, e.because
		}
		e.extra[v.ref] = against
		if chosen.kind == whyLast {
			return []*Reason{e.unmet(chosen.ref, e.vars[e.specs[chosen.ref].need].why)}
		}
		text, kids := e.against(v.ref, against)
		return []*Reason{flattenText(e.describe([]int32{v.ref})+" "+text, kids)}
	}
	return []*Reason{{Text: "a conditional requirement cannot be met: " + e.specs[v.ref].match.String()}}
}

func flattenText(text string, kids []*Reason) *Reason {
	return flatten(&Reason{Text: text, Causes: kids})
}

// asked says that a spec is asked for and by whom.
func (e *explainer) asked(spec int32, asker why) string {
	m := e.specs[spec].match
	switch {
	case asker.kind == whyLit && !lit(asker.ref).negated():
		ref := e.vars[lit(asker.ref).variable()].ref
		return e.describe([]int32{ref}) + " needs " + m.String()
	case asker.kind == whyGiven && strings.HasPrefix(m.Name, "__"):
		return m.String() + " is what the machine has"
	case asker.kind == whyGiven, asker.kind == whyDecision:
		return m.String() + " is wanted"
	}
	return m.String() + " is needed"
}

// reasonText says why something holds.
func (e *explainer) reasonText(r why) string {
	if r.kind == whyLit {
		l := lit(r.ref)
		v := &e.vars[l.variable()]
		switch {
		case v.kind == isCandidate && !l.negated():
			return e.describe([]int32{v.ref}) + " is the only one left"
		case v.kind == isNeed || v.kind == isLimit:
			return e.asked(v.ref, v.why)
		}
	}
	return "nothing else is left"
}

// unmet explains why no candidate of a needed spec can be had.
func (e *explainer) unmet(spec int32, asker why) *Reason {
	text, kids := e.nothingFor(spec)
	return flattenText(e.asked(spec, asker)+text, kids)
}

// nothingFor explains why no candidate matches or every one that does is excluded. The text goes
// behind the spec.
func (e *explainer) nothingFor(spec int32) (string, []*Reason) {
	s := &e.specs[spec]
	p := &e.pkgs[s.pkg]
	if s.mask.first() < 0 {
		return e.noMatch(spec), nil
	}
	if e.nodes++; slices.Contains(e.above, spec) || len(e.above) > maxDepth || e.nodes > maxReasons {
		return ", which cannot be had", nil
	}
	e.above = append(e.above, spec)
	defer func() { e.above = e.above[:len(e.above)-1] }()
	groups := e.groups(p, s.mask)
	if len(groups) == 1 && len(groups[0].kids) == 0 {
		return ", but " + groups[0].line(e, false), nil
	}
	var kids []*Reason
	for i, g := range groups {
		if i == maxCauses {
			kids = append(kids, &Reason{Text: fmt.Sprintf("and so on for %d more", len(groups)-i)})
			break
		}
		kids = append(kids, flattenText(g.line(e, true), g.kids))
	}
	return ", but", kids
}

// group is a set of candidates that are excluded for like reasons.
type group struct {
	cands []int32
	needs []string // for those that need what cannot be had
	text  string
	kids  []*Reason
}

// line is the reason, with the candidates before it where they have to be told apart.
func (g *group) line(e *explainer, tell bool) string {
	text := g.text
	if len(g.needs) > 0 {
		return e.describe(g.cands) + " needs " + oneOf(g.needs) + text
	}
	if tell {
		return e.describe(g.cands) + ": " + text
	}
	return text
}

// oneOf joins specs, of which the name is said once.
func oneOf(specs []string) string {
	specs = slices.Compact(slices.Sorted(slices.Values(specs)))
	name, _, _ := strings.Cut(specs[0], " ")
	for i := 1; i < len(specs); i++ {
		if rest, ok := strings.CutPrefix(specs[i], name+" "); ok {
			specs[i] = rest
		}
	}
	if len(specs) > 5 {
		specs = append(specs[:4], fmt.Sprintf("%d others", len(specs)-4))
	}
	return strings.Join(specs, " or ")
}

// groups sorts the excluded candidates by reason, in order of preference.
func (e *explainer) groups(p *pkg, mask bitset) []*group {
	var out []*group
	byKey := map[string]*group{}
	mask.each(func(i int) bool {
		ref := p.first + int32(i)
		v := &e.vars[e.cands[ref].variable]
		r := v.why
		if over, ok := e.extra[ref]; ok {
			r = over
		} else if v.value >= 0 {
			return true
		}
		g := e.exclusion(ref, r)
		var b strings.Builder
		b.WriteString(g.text + "\n")
		for _, k := range g.kids {
			writeReason(&b, k, "", "")
		}
		if len(g.needs) > 0 {
			name, _, _ := strings.Cut(g.needs[0], " ")
			b.WriteString(name)
		}
		if old := byKey[b.String()]; old != nil {
			old.cands = append(old.cands, ref)
			old.needs = append(old.needs, g.needs...)
		} else {
			byKey[b.String()] = g
			out = append(out, g)
		}
		return true
	})
	return out
}

// exclusion is the group of one candidate.
func (e *explainer) exclusion(ref int32, r why) *group {
	g := &group{cands: []int32{ref}}
	if r.kind == whyLit {
		l := lit(r.ref)
		if v := &e.vars[l.variable()]; l.negated() && v.kind == isNeed {
			g.needs = []string{e.specs[v.ref].match.String()}
			g.text, g.kids = e.nothingFor(v.ref)
			return g
		}
	}
	g.text, g.kids = e.against(ref, r)
	return g
}

// against says why a candidate is excluded.
func (e *explainer) against(ref int32, r why) (string, []*Reason) {
	if r.kind == whyGiven {
		for _, h := range e.pkgs[e.cands[ref].pkg].hidden {
			if h.record == e.cands[ref].record {
				return h.reason, nil
			}
		}
	}
	if r.kind != whyLit {
		return "is excluded", nil
	}
	l := lit(r.ref)
	v := &e.vars[l.variable()]
	switch {
	case l.negated() && v.kind == isNeed:
		text, kids := e.nothingFor(v.ref)
		return "needs " + e.specs[v.ref].match.String() + text, kids
	case l.negated() && v.kind == isLimit:
		return "allows only " + e.specs[v.ref].match.String() + ", but " + e.reasonText(v.why), nil
	case v.kind == isCandidate:
		return e.describe([]int32{v.ref}) + " is taken", nil
	}
	return e.asked(v.ref, v.why), nil
}

// noMatch says that nothing matches a spec, and what there is instead.
func (e *explainer) noMatch(spec int32) string {
	s := &e.specs[spec]
	p := &e.pkgs[s.pkg]
	for _, h := range p.hidden {
		if s.match.MatchesNameless(h.record) {
			return fmt.Sprintf(", but %s is no candidate: %s", h.record, h.reason)
		}
	}
	switch {
	case p.n > 0:
		all := make([]int32, p.n)
		for i := range all {
			all[i] = p.first + int32(i)
		}
		return ", but there is only " + e.describe(all)
	case strings.HasPrefix(p.name, "__"):
		return ", which this machine does not have"
	}
	if e.names == nil {
		e.names = e.provider.Names()
	}
	if near := nearest(p.name, e.names); len(near) > 0 {
		return ", which no channel has; is " + strings.Join(near, " or ") + " meant?"
	}
	return ", which no channel has"
}

// describe names candidates of one package by their versions.
func (e *explainer) describe(cands []int32) string {
	name := e.pkgs[e.cands[cands[0]].pkg].name
	var versions []string
	sorted := slices.Clone(cands)
	slices.SortStableFunc(sorted, func(a, b int32) int { return e.cands[a].version.Compare(e.cands[b].version) })
	for _, c := range sorted {
		if v := e.cands[c].record.Version; len(versions) == 0 || versions[len(versions)-1] != v {
			versions = append(versions, v)
		}
	}
	switch len(versions) {
	case 1:
		if len(cands) == 1 && e.pkgs[e.cands[cands[0]].pkg].n > 1 && e.siblings(cands[0]) > 1 {
			return name + " " + versions[0] + " " + e.cands[cands[0]].record.Build
		}
		return name + " " + versions[0]
	case 2:
		return name + " " + versions[0] + " and " + versions[1]
	}
	return fmt.Sprintf("%s %s to %s", name, versions[0], versions[len(versions)-1])
}

// siblings counts the builds of the candidate's version.
func (e *explainer) siblings(cand int32) int {
	p := &e.pkgs[e.cands[cand].pkg]
	n := 0
	for i := range p.n {
		if e.cands[p.first+i].version.Equal(e.cands[cand].version) {
			n++
		}
	}
	return n
}
