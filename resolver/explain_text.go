package resolver

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"forge/packages"
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

// shorten leaves out that the only thing wanted is wanted.
func shorten(root *Reason, wanted []string) *Reason {
	if len(wanted) != 1 {
		return root
	}
	head := "no solution for " + wanted[0] + ": "
	said := head + wanted[0] + isWanted
	if rest, ok := strings.CutPrefix(root.Text, said+", but "); ok {
		root.Text = head + rest
	} else if rest, ok := strings.CutPrefix(root.Text, said+", which no channel has"); ok {
		root.Text = head + "no channel has it" + rest
	}
	return root
}

// outline is the shape of a list of reasons.
func outline(rs []*Reason) string {
	var b strings.Builder
	for _, r := range rs {
		writeReason(&b, r, "", "")
	}
	return shape(b.String())
}

// clashOf is the shape of the first clash that a list of reasons comes down to, without the cases it was
// found in and for whose sake its packages are there.
func clashOf(rs []*Reason) string {
	if len(rs) == 0 {
		return ""
	}
	r := rs[0]
	if len(r.Causes) > 0 {
		return clashOf(r.Causes)
	}
	text := shape(r.Text)
	for {
		rest, isCase := strings.CutPrefix(text, "with ")
		_, behind, ok := strings.Cut(rest, ": ")
		if !isCase || !ok {
			break
		}
		text = behind
	}
	for {
		before, rest, ok := strings.Cut(text, " (for ")
		_, behind, closed := strings.Cut(rest, ")")
		if !ok || !closed {
			return text
		}
		text = before + behind
	}
}

// flatten puts an only child that says it all in the place of its parent.
func flatten(r *Reason) *Reason {
	if len(r.Causes) == 1 && len(r.Causes[0].Causes) == 0 {
		return &Reason{Text: r.Text + ": " + r.Causes[0].Text}
	}
	return r
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

func flattenText(text string, kids []*Reason) *Reason {
	return flatten(&Reason{Text: text, Causes: kids})
}

// isWanted ends what the request itself asks for.
const isWanted = " is wanted"

// asked says that a spec is needed and by whom.
func (e *explainer) asked(spec int32, asker why) string {
	m := e.specs[spec].match
	text := marked(m.String())
	if need, when := e.conditional(asker); need >= 0 {
		return e.one(e.owner(asker.ref)) + " needs " + text + when
	}
	switch {
	case asker.kind == whyLit && !lit(asker.ref).negated():
		ref := e.vars[lit(asker.ref).variable()].ref
		e.blame(ref, spec)
		return e.one(ref) + e.via(ref) + " needs " + text
	case asker.kind == whyGiven && strings.HasPrefix(m.Name, "__"):
		return text + " is what the machine has"
	case asker.kind == whyGiven, asker.kind == whyDecision:
		return text + isWanted
	}
	return text + " is needed"
}

// allowed says that nothing but a spec is allowed and by whom.
func (e *explainer) allowed(spec int32, asker why) string {
	text := marked(e.specs[spec].match.String())
	if asker.kind == whyLit && !lit(asker.ref).negated() {
		ref := e.vars[lit(asker.ref).variable()].ref
		e.blame(ref, spec)
		return e.one(ref) + e.via(ref) + " allows only " + text
	}
	return text + isWanted
}

// conditional reads the clause of a requirement that counts only where other packages are there: what it
// needs, and when, as text. need is -1 for any other reason.
func (e *explainer) conditional(r why) (need int32, when string) {
	if r.kind != whyClause {
		return -1, ""
	}
	need = -1
	var present []string
	for _, l := range e.clauses[r.ref] {
		switch v := &e.vars[l.variable()]; v.kind {
		case isNeed:
			need = v.ref
		case isPresent:
			present = append(present, marked(e.specs[v.ref].match.String()))
		}
	}
	slices.Sort(present)
	return need, " where " + strings.Join(present, " and ") + " is there"
}

// owner is the candidate that a conditional requirement belongs to.
func (e *explainer) owner(clause int32) int32 {
	for _, l := range e.clauses[clause] {
		if v := &e.vars[l.variable()]; v.kind == isCandidate {
			return v.ref
		}
	}
	return 0
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
		case v.kind == isNeed:
			return e.asked(v.ref, v.why)
		case v.kind == isLimit:
			return e.allowed(v.ref, v.why)
		}
	}
	return "nothing else is left"
}

// agree makes the verb that a text begins with agree with the candidates before it.
func agree(described, text string) string {
	if !strings.Contains(described, " to ") && !strings.Contains(described, " and ") {
		return text
	}
	for one, many := range map[string]string{"needs ": "need ", "allows ": "allow ", "is ": "are "} {
		if rest, ok := strings.CutPrefix(text, one); ok {
			return many + rest
		}
	}
	return text
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

// noMatch says that nothing matches a spec, and what there is instead.
func (e *explainer) noMatch(spec int32) string {
	s := &e.specs[spec]
	p := &e.pkgs[s.pkg]
	if h := newestHidden(p.hidden, s.match); h != nil {
		return fmt.Sprintf(", but %s is no candidate: %s", h.record, h.reason)
	}
	base, group, isGroup := strings.Cut(strings.TrimSuffix(p.name, "]"), "[")
	switch {
	case strings.HasPrefix(p.name, "__"):
		e.machine = append(e.machine, s.match)
		if p.n == 0 {
			return ", which this machine does not have"
		}
		r := e.cands[p.first].record
		return ", but this machine has " + p.name + " " + strings.TrimSuffix(r.Version+" "+r.Build, " 0")
	case p.n > 0:
		return ", but there is only " + e.offer(p, s.match)
	case isGroup:
		return fmt.Sprintf(", but no %s has an optional group %s", base, group)
	}
	if e.names == nil {
		e.names = e.provider.Names()
	}
	if near := nearest(p.name, e.names); len(near) > 0 {
		return ", which no channel has; is " + strings.Join(near, " or ") + " meant?"
	}
	return ", which no channel has"
}

// offer lists the versions of a package, or of many the first and the last and those around the gap that
// the spec asks for.
func (e *explainer) offer(p *pkg, m *packages.MatchSpec) string {
	var all []*candidate // one of each version, the lowest first
	var builds []string  // of versions that match
	for i := range p.n {
		c := &e.cands[p.first+i]
		all = append(all, c)
		if m.Version.Matches(c.version) {
			builds = append(builds, c.record.Version+" "+c.record.Build)
		}
	}
	if n := len(builds); n > 0 {
		if n > 4 {
			builds = append(builds[:3], fmt.Sprintf("%d others", n-3))
		}
		return p.name + " " + mark(strings.Join(builds, " or "))
	}
	slices.SortStableFunc(all, func(a, b *candidate) int { return a.version.Compare(b.version) })
	all = slices.CompactFunc(all, func(a, b *candidate) bool { return a.version.Equal(b.version) })
	text := func(i int) string { return all[i].record.Version }
	last := len(all) - 1
	if last < 6 {
		var list []string
		for i := range last {
			list = append(list, text(i))
		}
		if last == 0 {
			return p.name + " " + mark(text(0))
		}
		return p.name + " " + mark(strings.Join(list, ", ")+" and "+text(last))
	}
	out := fmt.Sprintf("%s to %s", text(0), text(last))
	if asked, ok := firstVersion(m); ok {
		above := slices.IndexFunc(all, func(c *candidate) bool { return c.version.Compare(asked) >= 0 })
		if above > 0 && !all[above].version.Equal(asked) {
			out += fmt.Sprintf(" and nothing between %s and %s", text(above-1), text(above))
		}
	}
	return p.name + " " + mark(out)
}

// firstVersion is the first version that a spec's condition names.
func firstVersion(m *packages.MatchSpec) (packages.Version, bool) {
	isOperator := func(c rune) bool { return strings.ContainsRune("<>=!~^*|,() ", c) }
	words := strings.FieldsFunc(m.Version.String(), isOperator)
	if len(words) == 0 {
		return packages.Version{}, false
	}
	v, err := packages.ParseVersion(strings.TrimSuffix(words[0], "."))
	return v, err == nil
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
