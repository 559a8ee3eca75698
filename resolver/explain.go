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
	maxSplits   = 3    // cases within cases
	maxExpanded = 5000 // candidates whose requirements are read for it
)

// Versions and conditions stand between these marks until the tree is done, so that two reasons that
// differ in nothing else are seen to be of one shape.
const markOn, markOff = "\x01", "\x02"

func mark(s string) string { return markOn + s + markOff }

// marked is the text of a spec with its condition marked.
func marked(spec string) string {
	name, rest, ok := strings.Cut(spec, " ")
	if !ok {
		return spec
	}
	return name + " " + mark(rest)
}

// shape is a text without what is marked.
func shape(text string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(text, markOn)
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		_, text, _ = strings.Cut(rest, markOff)
	}
}

// unmark takes the marks off the whole tree.
func unmark(r *Reason) *Reason {
	r.Text = strings.NewReplacer(markOn, "", markOff, "").Replace(r.Text)
	for _, c := range r.Causes {
		unmark(c)
	}
	return r
}

// outline is the shape of a list of reasons.
func outline(rs []*Reason) string {
	var b strings.Builder
	for _, r := range rs {
		writeReason(&b, r, "", "")
	}
	return shape(b.String())
}

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

// answer is what nothingFor found.
type answer struct {
	text string
	kids []*Reason
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
	return unmark(flatten(root)), nil
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

// heaviest names the three packages that took part in conflicts most.
func (e *explainer) heaviest() string {
	names := make([]string, 0, len(e.weight))
	for name := range e.weight {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(e.weight[b], e.weight[a]), strings.Compare(a, b))
	})
	return strings.Join(names[:min(3, len(names))], ", ")
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

// clashReasons explains the clash at hand.
func (e *explainer) clashReasons() []*Reason {
	if e.err != nil {
		return nil
	}
	v := &e.vars[e.failed.variable()]
	e.extra, e.known = map[int32]why{}, map[int32]answer{}
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
		g := e.exclusion(v.ref, against)
		g.own = len(g.needs) == 0
		return []*Reason{flattenText(g.line(e, true), g.kids)}
	}
	return []*Reason{{Text: "a conditional requirement cannot be met: " + marked(e.specs[v.ref].match.String())}}
}

func flattenText(text string, kids []*Reason) *Reason {
	return flatten(&Reason{Text: text, Causes: kids})
}

// asked says that a spec is asked for and by whom.
func (e *explainer) asked(spec int32, asker why) string {
	m := e.specs[spec].match
	text := marked(m.String())
	switch {
	case asker.kind == whyLit && !lit(asker.ref).negated():
		ref := e.vars[lit(asker.ref).variable()].ref
		return e.one(ref) + e.via(ref) + " needs " + text
	case asker.kind == whyGiven && strings.HasPrefix(m.Name, "__"):
		return text + " is what the machine has"
	case asker.kind == whyGiven, asker.kind == whyDecision:
		return text + " is wanted"
	}
	return text + " is needed"
}

// via says for whose sake a candidate is there.
func (e *explainer) via(ref int32) string {
	var names []string
	for len(names) < 3 {
		v := &e.vars[e.cands[ref].variable]
		if v.why.kind != whyLast {
			break
		}
		asker := e.vars[e.specs[v.why.ref].need].why
		if asker.kind != whyLit || lit(asker.ref).negated() {
			break
		}
		ref = e.vars[lit(asker.ref).variable()].ref
		names = append(names, e.pkgs[e.cands[ref].pkg].name)
	}
	if len(names) == 0 {
		return ""
	}
	return " (for " + strings.Join(names, ", for ") + ")"
}

// one names a candidate; of the case at hand the name is enough.
func (e *explainer) one(ref int32) string {
	if slices.Contains(e.tried, ref) {
		return e.pkgs[e.cands[ref].pkg].name
	}
	return e.describe([]int32{ref})
}

// taken says why a candidate is chosen.
func (e *explainer) taken(ref int32) string {
	if r := e.vars[e.cands[ref].variable].why; r.kind == whyLast {
		return e.asked(r.ref, e.vars[e.specs[r.ref].need].why)
	}
	return e.one(ref) + " is taken"
}

// reasonText says why something holds.
func (e *explainer) reasonText(r why) string {
	if r.kind == whyLit {
		l := lit(r.ref)
		v := &e.vars[l.variable()]
		switch {
		case v.kind == isCandidate && !l.negated():
			return e.taken(v.ref)
		case v.kind == isNeed || v.kind == isLimit:
			return e.asked(v.ref, v.why)
		}
	}
	return "nothing else is left"
}

// unmet explains why no candidate of a needed spec can be had.
func (e *explainer) unmet(spec int32, asker why) *Reason {
	text, kids := e.nothingFor(spec)
	s := &e.specs[spec]
	if groups := e.groups(&e.pkgs[s.pkg], s.mask); len(groups) == 1 && len(groups[0].needs) > 0 && asker.kind == whyLit {
		g := groups[0]
		ref := e.vars[lit(asker.ref).variable()].ref
		sake := fmt.Sprintf(" (for %s%s)", e.pkgs[e.cands[ref].pkg].name, strings.TrimSuffix(strings.Replace(e.via(ref), " (", ", ", 1), ")"))
		who := e.describe(g.cands)
		return flattenText(who+sake+verb(who)+oneOf(g.needs)+g.text, g.kids)
	}
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
	if a, ok := e.known[spec]; ok {
		return a.text, a.kids
	}
	if e.nodes++; slices.Contains(e.above, spec) || len(e.above) > maxDepth || e.nodes > maxReasons {
		return ", which cannot be had", nil
	}
	e.above = append(e.above, spec)
	text, kids := e.nothingLeft(p, s.mask)
	e.above = e.above[:len(e.above)-1]
	e.known[spec] = answer{text, kids}
	return text, kids
}

// nothingLeft tells why the candidates in the mask are excluded.
func (e *explainer) nothingLeft(p *pkg, mask bitset) (string, []*Reason) {
	groups := e.groups(p, mask)
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
	own   bool     // the text is about the candidates, which have to be named before it
	text  string
	kids  []*Reason
}

// line is the reason, with the candidates before it where they have to be told apart.
func (g *group) line(e *explainer, tell bool) string {
	text := g.text
	if len(g.needs) > 0 {
		who := e.describe(g.cands)
		return who + verb(who) + oneOf(g.needs) + text
	}
	switch {
	case g.own:
		return e.describe(g.cands) + " " + text
	case tell:
		return e.describe(g.cands) + ": " + text
	}
	return text
}

// verb is "needs" for one version.
func verb(described string) string {
	if strings.Contains(described, " to ") || strings.Contains(described, " and ") {
		return " need "
	}
	return " needs "
}

// oneOf joins specs, of which the name is said once.
func oneOf(specs []string) string {
	name, _, _ := strings.Cut(specs[0], " ")
	var conditions []string
	for _, spec := range specs {
		if c := strings.TrimPrefix(strings.TrimPrefix(spec, name), " "); !slices.Contains(conditions, c) {
			conditions = append(conditions, c)
		}
	}
	if n := len(conditions); n > 3 {
		conditions = []string{conditions[0], fmt.Sprintf("%d others down to %s", n-2, conditions[n-1])}
	}
	return strings.TrimSuffix(name+" "+mark(strings.Join(conditions, " or ")), " "+mark(""))
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
		b.WriteString(shape(g.text) + "\n" + outline(g.kids))
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
	g.own = r.kind != whyLit || lit(r.ref).negated()
	return g
}

// against says why a candidate is excluded.
func (e *explainer) against(ref int32, r why) (string, []*Reason) {
	if r.kind == whyGiven {
		for _, h := range e.pkgs[e.cands[ref].pkg].hidden {
			if h.record == e.cands[ref].record {
				return "cannot be used: " + h.reason, nil
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
		return "needs " + marked(e.specs[v.ref].match.String()) + text, kids
	case l.negated() && v.kind == isLimit:
		return "allows only " + marked(e.specs[v.ref].match.String()) + ", but " + e.reasonText(v.why), nil
	case v.kind == isCandidate:
		return e.taken(v.ref), nil
	}
	return e.asked(v.ref, v.why), nil
}

// noMatch says that nothing matches a spec, and what there is instead.
func (e *explainer) noMatch(spec int32) string {
	s := &e.specs[spec]
	p := &e.pkgs[s.pkg]
	if h := newestHidden(p.hidden, s.match); h != nil {
		return fmt.Sprintf(", but %s is no candidate: %s", h.record, h.reason)
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

// newestHidden is the newest record that would match if the problem allowed it, or nil.
func newestHidden(list []hidden, m *packages.MatchSpec) *hidden {
	var best *hidden
	var version packages.Version
	for i := range list {
		r := list[i].record
		v, _ := packages.ParseVersion(r.Version)
		if m.MatchesNameless(r) && (best == nil || cmp.Or(v.Compare(version), strings.Compare(r.Build, best.record.Build)) > 0) {
			best, version = &list[i], v
		}
	}
	return best
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
		if len(cands) == 1 && e.siblings(cands[0]) > 1 {
			return name + " " + mark(versions[0]+" "+e.cands[cands[0]].record.Build)
		}
		return name + " " + mark(versions[0])
	case 2:
		return name + " " + mark(versions[0]+" and "+versions[1])
	}
	return name + " " + mark(versions[0]+" to "+versions[len(versions)-1])
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
