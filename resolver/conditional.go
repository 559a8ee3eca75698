package resolver

import "forge/packages"

// maxConjunctions bounds the clauses one condition may turn into.
const maxConjunctions = 256

// addConditional adds a need that counts only where the spec's condition holds.
func (c *core) addConditional(ref, id int32) bool {
	plain := *c.specs[id].match
	plain.When = nil
	base := c.specFor(plain.String(), &plain)
	sets := conjunctions(c.specs[id].match.When)
	if len(sets) > maxConjunctions {
		p := &c.pkgs[c.cands[ref].pkg]
		p.hidden = append(p.hidden, hidden{c.cands[ref].record, "its condition " + c.specs[id].match.When.String() + " is not supported"})
		return c.setLate(neg(c.cands[ref].variable), why{kind: whyGiven}, 0)
	}
	need, ok := c.needVar(base)
	for _, set := range sets {
		clause := []lit{neg(c.cands[ref].variable), pos(need)}
		for _, m := range set {
			s, err := c.specOf(m.String())
			if err != nil {
				return ok // the same text was parsed before
			}
			v, fine := c.presentVar(s)
			ok = ok && fine
			clause = append(clause, neg(v))
		}
		ok = c.addClause(clause) && ok
	}
	return ok
}

// conjunctions is the condition as alternatives of specs that must all be present.
func conjunctions(cond *packages.Condition) [][]*packages.MatchSpec {
	if cond.Spec != nil {
		return [][]*packages.MatchSpec{{cond.Spec}}
	}
	var out [][]*packages.MatchSpec
	if cond.And {
		out = [][]*packages.MatchSpec{nil}
	}
	for _, term := range cond.Terms {
		sets := conjunctions(term)
		if !cond.And {
			out = append(out, sets...)
			continue
		}
		var product [][]*packages.MatchSpec
		for _, a := range out {
			for _, b := range sets {
				product = append(product, append(a[:len(a):len(a)], b...))
			}
		}
		if out = product; len(out) > maxConjunctions {
			break
		}
	}
	return out
}

// presentVar returns the variable that is true where a candidate of the spec is chosen.
func (c *core) presentVar(id int32) (int32, bool) {
	s := &c.specs[id]
	if s.present != 0 {
		return s.present, true
	}
	v := c.newVar(isPresent, id)
	s.present = v
	p := &c.pkgs[s.pkg]
	if p.chosen >= 0 && s.mask.has(int(p.chosen-p.first)) {
		chosen := c.cands[p.chosen].variable
		return v, c.setLate(pos(v), why{whyLit, int32(pos(chosen))}, c.vars[chosen].level)
	}
	return v, true
}

// addClause adds a clause in the middle of the search.
func (c *core) addClause(clause []lit) bool {
	id := int32(len(c.clauses))
	c.clauses = append(c.clauses, clause)
	for i := range 2 { // literals that are not false first, then those that became false last
		for j := i + 1; j < len(clause); j++ {
			if c.watchRank(clause[j]) > c.watchRank(clause[i]) {
				clause[i], clause[j] = clause[j], clause[i]
			}
		}
		c.watches[clause[i]] = append(c.watches[clause[i]], id)
	}
	if c.value(clause[1]) >= 0 {
		return true
	}
	return c.setLate(clause[0], why{whyClause, id}, c.vars[clause[1].variable()].level)
}

func (c *core) watchRank(l lit) int32 {
	if c.value(l) >= 0 {
		return 1 << 30
	}
	return c.vars[l.variable()].level
}
