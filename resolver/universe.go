package resolver

import (
	"errors"
	"fmt"
	"strings"

	"forge/packages"
)

// pkg is one name with its candidates, the most preferred first.
type pkg struct {
	name     string
	loaded   bool
	first, n int32  // its candidates
	domain   bitset // those that are not excluded
	left     int    // how many
	chosen   int32  // a candidate, or -1
	need     int32  // the first spec that is needed, or -1
	root     int32  // its place among the wanted specs, or a large number
	specs    []int32
	activity float64
	hidden   []hidden // records that are no candidates, and why
}

// hidden is a record that the problem leaves no choice of.
type hidden struct {
	record *packages.Record
	reason string
}

func (p *pkg) remove(cand int32) {
	p.domain.drop(int(cand - p.first))
	p.left--
}

func (p *pkg) restore(cand int32) {
	p.domain.add(int(cand - p.first))
	p.left++
}

// candidate is a record that may be installed.
type candidate struct {
	record   *packages.Record
	version  packages.Version
	pkg      int32
	variable int32
	group    int32 // equal for candidates of equal preference
	expanded bool
	needs    []int32 // specs
	limits   []int32
	witness  []int32 // specs that are satisfiable because of this candidate
}

// spec is a requirement or constraint as some record writes it.
type spec struct {
	match        *packages.MatchSpec
	pkg          int32
	mask         bitset // the candidates that match; nil until the package is loaded
	need, limit  int32  // variables, 0 for none
	present      int32
	needParents  []int32 // candidates that need it
	limitParents []int32
}

// universe holds what was loaded from the provider so far.
type universe struct {
	provider Provider
	problem  *Problem
	order    *ordering
	names    map[string]int32
	pkgs     []pkg
	cands    []candidate
	specs    []spec
	specIDs  map[string]int32
	work     int   // candidates held to specs
	err      error // of the provider, or that it is too much
}

// maxWork bounds how many candidates are held to specs: 134 million, where the largest problems of real
// channels take a few million. What takes more was made to.
const maxWork = 1 << 27

var errTooLarge = errors.New("the problem is too large: every version of a package has another condition on a package with as many")

// pkgOf returns the package of a name, which need not be loaded.
func (u *universe) pkgOf(name string) int32 {
	id, ok := u.names[name]
	if !ok {
		id = int32(len(u.pkgs))
		u.names[name] = id
		u.pkgs = append(u.pkgs, pkg{name: name, chosen: -1, need: -1, root: noRoot})
	}
	return id
}

const noRoot = 1 << 30

// specsOf returns the specs of a text: itself and, for each optional group it asks for, one on the
// package that stands for the group.
func (u *universe) specsOf(text string) ([]int32, error) {
	if id, ok := u.specIDs[text]; ok {
		return []int32{id}, nil
	}
	m, err := packages.ParseMatchSpec(text)
	if err != nil {
		return nil, err
	}
	if len(m.Extras) == 0 {
		return []int32{u.specFor(text, m)}, nil
	}
	var ids []int32
	for _, extra := range append([]string{""}, m.Extras...) {
		part := *m
		if part.Extras = nil; extra != "" {
			part.Name = m.Name + "[" + extra + "]"
		}
		ids = append(ids, u.specFor(part.String(), &part))
	}
	return ids, nil
}

// specOf is specsOf for a text without optional groups.
func (u *universe) specOf(text string) (int32, error) {
	ids, err := u.specsOf(text)
	if err != nil {
		return 0, err
	}
	return ids[0], nil
}

// specFor returns the spec of a key, with its mask where the package is loaded.
func (u *universe) specFor(key string, m *packages.MatchSpec) int32 {
	if id, ok := u.specIDs[key]; ok {
		return id
	}
	id := int32(len(u.specs))
	p := u.pkgOf(m.Name)
	u.specs = append(u.specs, spec{match: m, pkg: p})
	u.specIDs[key] = id
	u.pkgs[p].specs = append(u.pkgs[p].specs, id)
	if u.pkgs[p].loaded {
		u.fillMask(id)
	}
	return id
}

// fillMask finds the candidates that match.
func (u *universe) fillMask(id int32) {
	s := &u.specs[id]
	p := &u.pkgs[s.pkg]
	s.mask = newBitset(int(p.n))
	if u.work += int(p.n); u.work > maxWork {
		u.err = errTooLarge
		return
	}
	var last packages.Version
	lastMatches, hasOrigin := false, s.match.HasOrigin()
	for i := range p.n {
		c := &u.cands[p.first+i]
		if i == 0 || !c.version.Equal(last) {
			last, lastMatches = c.version, s.match.Version.Matches(c.version)
		}
		if !lastMatches || !s.match.Build.Matches(c.record.Build) || !s.match.BuildNumber.Matches(c.record.BuildNumber) {
			continue
		}
		if !hasOrigin || s.match.MatchesNameless(c.record) {
			s.mask.add(int(i))
		}
	}
}

// load asks the provider for the candidates of a package. It reports false where what holds already
// clashes with them.
func (c *core) load(id int32) bool {
	if c.pkgs[id].loaded {
		return true
	}
	records, err := c.records(c.pkgs[id].name)
	if err != nil {
		c.err = err
		return false
	}
	cands, hidden := c.order.candidates(c.pkgs[id].name, records)
	p := &c.pkgs[id]
	p.loaded, p.hidden = true, hidden
	p.first, p.n, p.left = int32(len(c.cands)), int32(len(cands)), len(cands)
	p.domain = newBitset(len(cands))
	for i, cand := range cands {
		cand.pkg = id
		cand.variable = c.newVar(isCandidate, p.first+int32(i))
		c.cands = append(c.cands, cand)
		p.domain.add(i)
	}
	for _, s := range p.specs {
		c.fillMask(s)
	}
	return c.catchUp(id)
}

// catchUp draws the conclusions from limits that hold since before the package was loaded.
func (c *core) catchUp(id int32) bool {
	ok := true
	for _, s := range c.pkgs[id].specs {
		limit := c.specs[s].limit
		if limit == 0 || c.vars[limit].value <= 0 {
			continue
		}
		p := &c.pkgs[id]
		for i := range p.n {
			if !c.specs[s].mask.has(int(i)) {
				l := neg(c.cands[p.first+i].variable)
				ok = c.setLate(l, why{whyLit, int32(pos(limit))}, c.vars[limit].level) && ok
			}
		}
	}
	return ok
}

// records asks the provider once; virtual packages come from the problem.
func (u *universe) records(name string) ([]*packages.Record, error) {
	if len(name) > 2 && name[:2] == "__" {
		return u.virtual(name), nil
	}
	base, group, isGroup := strings.Cut(strings.TrimSuffix(name, "]"), "[")
	records, err := u.provider.Candidates(base)
	if err != nil {
		return nil, fmt.Errorf("candidates of %s: %w", base, err)
	}
	if isGroup {
		return groupRecords(name, group, records), nil
	}
	return records, nil
}

// isReal reports whether a package is one that can be installed: neither virtual nor a group.
func isReal(name string) bool { return !strings.HasPrefix(name, "__") && !strings.Contains(name, "[") }

// groupRecords stands for an optional group of a package: one record for each that has the group, which
// needs that very record and what the group adds.
func groupRecords(name, group string, records []*packages.Record) []*packages.Record {
	var out []*packages.Record
	for _, r := range records {
		deps, ok := r.ExtraDepends[group]
		if !ok {
			continue
		}
		g := *r
		g.Name = name
		g.Constrains = nil
		g.Depends = append([]string{fmt.Sprintf("%s[version=%q, build=%q]", r.Name, "=="+r.Version, r.Build)}, deps...)
		out = append(out, &g)
	}
	return out
}

func (u *universe) virtual(name string) []*packages.Record {
	var out []*packages.Record
	for _, v := range u.problem.Virtual {
		if v.Name == name {
			out = append(out, &packages.Record{Name: v.Name, Version: v.Version, Build: v.Build, Subdir: "noarch"})
		}
	}
	return out
}

// needVar returns the variable of a need; a new one gets its package loaded and a witness.
func (c *core) needVar(id int32) (int32, bool) {
	s := &c.specs[id]
	if s.need != 0 {
		return s.need, true
	}
	pkgID := s.pkg
	ok := c.load(pkgID)
	v := c.newVar(isNeed, id)
	s = &c.specs[id]
	s.need = v
	p := &c.pkgs[pkgID]
	if c.err != nil {
		return v, false
	}
	if i := s.mask.firstCommon(p.domain); i >= 0 {
		w := &c.cands[p.first+int32(i)]
		w.witness = append(w.witness, id)
		return v, ok
	}
	return v, c.unsupported(id) && ok
}

// unsupported makes a new need false for which no candidate is left.
func (c *core) unsupported(id int32) bool {
	s := &c.specs[id]
	p := &c.pkgs[s.pkg]
	if p.chosen >= 0 {
		v := c.cands[p.chosen].variable
		return c.setLate(neg(s.need), why{whyLit, int32(pos(v))}, c.vars[v].level)
	}
	last, level := int32(-1), int32(0)
	s.mask.each(func(i int) bool {
		cand := p.first + int32(i)
		v := c.cands[cand].variable
		level = max(level, c.vars[v].level)
		if last < 0 || c.vars[v].at > c.vars[c.cands[last].variable].at {
			last = cand
		}
		return true
	})
	if last >= 0 {
		c.cands[last].witness = append(c.cands[last].witness, id)
	}
	return c.setLate(neg(s.need), why{whyNone, id}, level)
}

// limitVar returns the variable of a limit.
func (c *core) limitVar(id int32) (int32, bool) {
	s := &c.specs[id]
	if s.limit != 0 {
		return s.limit, true
	}
	v := c.newVar(isLimit, id)
	s.limit = v
	p := &c.pkgs[s.pkg]
	if p.chosen >= 0 && !s.mask.has(int(p.chosen-p.first)) {
		chosen := c.cands[p.chosen].variable
		return v, c.setLate(neg(v), why{whyLit, int32(pos(chosen))}, c.vars[chosen].level)
	}
	return v, true
}

// expand reads what a candidate requires. A candidate whose requirements cannot be met goes.
// All of it is read even after a clash, for it stays true after backtracking.
func (c *core) expand(ref int32) bool {
	if c.cands[ref].expanded {
		return true
	}
	c.cands[ref].expanded = true
	ok := true
	r := c.cands[ref].record
	for _, text := range r.Depends {
		ok = c.addRequirement(ref, text, isNeed) && ok
	}
	for _, text := range r.Constrains {
		ok = c.addRequirement(ref, text, isLimit) && ok
	}
	return ok
}

// addRequirement links a candidate with a spec it needs or limits.
func (c *core) addRequirement(ref int32, text string, k kind) bool {
	ids, err := c.specsOf(text)
	if err != nil {
		// Nobody can say what it means, so nobody can install it.
		p := &c.pkgs[c.cands[ref].pkg]
		p.hidden = append(p.hidden, hidden{c.cands[ref].record, err.Error()})
		return c.setLate(neg(c.cands[ref].variable), why{kind: whyGiven}, 0)
	}
	ok := true
	for _, id := range ids {
		switch {
		case c.specs[id].match.When == nil:
			ok = c.link(ref, id, k) && ok
		case k == isNeed:
			ok = c.addConditional(ref, id) && ok
		}
	}
	return ok
}

// link notes that a candidate needs or limits a spec.
func (c *core) link(ref, id int32, k kind) bool {
	var v int32
	ok := true
	if k == isNeed {
		v, ok = c.needVar(id)
		c.cands[ref].needs = append(c.cands[ref].needs, id)
		c.specs[id].needParents = append(c.specs[id].needParents, ref)
	} else {
		v, ok = c.limitVar(id)
		c.cands[ref].limits = append(c.cands[ref].limits, id)
		c.specs[id].limitParents = append(c.specs[id].limitParents, ref)
	}
	if c.vars[v].value < 0 {
		return c.setLate(neg(c.cands[ref].variable), why{whyLit, int32(neg(v))}, c.vars[v].level) && ok
	}
	return ok
}
