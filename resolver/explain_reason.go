package resolver

import (
	"fmt"
	"slices"
	"strings"
)

// answer is what nothingFor found.
type answer struct {
	text string
	kids []*Reason
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
		return []*Reason{{Text: fmt.Sprintf("%s, but %s", e.allowed(v.ref, asker), e.reasonText(other))}}
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
	return []*Reason{{Text: marked(e.specs[v.ref].match.String()) + " is there, but a requirement that counts only then cannot be met"}}
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
		return flattenText(who+sake+" "+agree(who, "needs ")+oneOf(g.needs)+g.text, g.kids)
	}
	asked := e.asked(spec, asker)
	if other, ok := strings.CutSuffix(strings.TrimPrefix(text, ", but "), isWanted); ok && len(kids) == 0 {
		if one, ok := strings.CutSuffix(asked, isWanted); ok && strings.HasPrefix(other, e.pkgs[s.pkg].name+" ") && !strings.Contains(other, ", but ") {
			return &Reason{Text: one + " and " + other + " are both wanted, and no version is both"}
		}
	}
	return flattenText(asked+text, kids)
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
		return who + " " + agree(who, "needs ") + oneOf(g.needs) + text
	}
	switch {
	case g.own:
		who := e.describe(g.cands)
		return who + " " + agree(who, text)
	case tell:
		return e.describe(g.cands) + ": " + text
	}
	return text
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
			e.blame(ref, v.ref)
			g.needs = []string{e.specs[v.ref].match.String()}
			g.text, g.kids = e.nothingFor(v.ref)
			return g
		}
	}
	if need, when := e.conditional(r); need >= 0 {
		g.text, g.kids = e.nothingFor(need)
		g.text, g.own = "needs "+marked(e.specs[need].match.String())+when+g.text, true
		return g
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
	case v.kind == isLimit:
		return e.allowed(v.ref, v.why), nil
	}
	return e.asked(v.ref, v.why), nil
}
