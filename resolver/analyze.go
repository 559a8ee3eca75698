package resolver

// learn turns the clash at hand into a clause, goes back to where it says something new and says it.
// It reports false where there is nothing to go back to.
func (c *core) learn() bool {
	for {
		c.stats.conflicts++
		top := int32(0)
		for _, l := range c.clash {
			top = max(top, c.vars[l.variable()].level)
		}
		if top == 0 {
			return false
		}
		clash := append([]lit(nil), c.clash...)
		c.undo(top)
		clause, back := c.analyze(clash, top)
		c.undo(back)
		reason := why{kind: whyGiven}
		if len(clause) > 1 {
			id := int32(len(c.clauses))
			c.clauses = append(c.clauses, clause)
			c.watches[clause[0]] = append(c.watches[clause[0]], id)
			c.watches[clause[1]] = append(c.watches[clause[1]], id)
			reason = why{whyClause, id}
		}
		c.bump *= 1.05
		if c.bump > 1e100 {
			c.rescale()
		}
		if c.set(clause[0], reason) {
			return true
		}
	}
}

func (c *core) rescale() {
	for i := range c.pkgs {
		c.pkgs[i].activity *= 1e-100
	}
	c.bump *= 1e-100
}

// analyze resolves the clash until one literal of the top level is left (first unique implication
// point). The clause has that literal first and one of the level to go back to second.
func (c *core) analyze(clash []lit, top int32) (clause []lit, back int32) {
	clause = append(clause, 0)
	var marked []int32
	open := 0
	next := len(c.trail) - 1
	reasons := clash
	var buf []lit
	for {
		for _, l := range reasons {
			if c.vars[l.variable()].level < top {
				l = c.widen(l)
			}
			v := &c.vars[l.variable()]
			if c.isSeen[l.variable()] || v.level == 0 {
				continue
			}
			c.isSeen[l.variable()] = true
			marked = append(marked, l.variable())
			c.touch(v)
			if v.level == top {
				open++
			} else {
				clause = append(clause, l.not())
			}
		}
		for !c.isSeen[c.trail[next].variable()] || c.vars[c.trail[next].variable()].level != top {
			next--
		}
		l := c.trail[next]
		next--
		if open--; open == 0 {
			clause[0] = l.not()
			break
		}
		buf = c.explain(buf[:0], l, c.vars[l.variable()].why)
		reasons = buf
	}
	for _, v := range marked {
		c.isSeen[v] = false
	}
	for i := 1; i < len(clause); i++ {
		if level := c.vars[clause[i].variable()].level; level > back || i == 1 {
			back = level
			clause[1], clause[i] = clause[i], clause[1]
		}
	}
	return clause, back
}

// widen replaces the exclusion of a candidate by the one literal that excludes it, which excludes
// others of its name too, so that a clause names a spec instead of hundreds of candidates.
func (c *core) widen(l lit) lit {
	v := &c.vars[l.variable()]
	if l.negated() && v.kind == isCandidate && v.why.kind == whyLit {
		return lit(v.why.ref)
	}
	return l
}

// touch marks the package of a variable as one that takes part in conflicts.
func (c *core) touch(v *variable) {
	switch v.kind {
	case isCandidate:
		c.pkgs[c.cands[v.ref].pkg].activity += c.bump
	default:
		c.pkgs[c.specs[v.ref].pkg].activity += c.bump
	}
}
