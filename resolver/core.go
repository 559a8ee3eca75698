package resolver

// lit is a variable or, with the low bit set, its negation.
type lit int32

func pos(v int32) lit         { return lit(v << 1) }
func neg(v int32) lit         { return lit(v<<1 | 1) }
func (l lit) not() lit        { return l ^ 1 }
func (l lit) variable() int32 { return int32(l >> 1) }
func (l lit) negated() bool   { return l&1 == 1 }

// kind says what a variable stands for.
type kind uint8

const (
	isCandidate kind = iota // the candidate ref is installed
	isNeed                  // a candidate that matches the spec ref is installed
	isLimit                 // no candidate of the spec's name is installed that does not match spec ref
	isPresent               // a candidate that matches the spec ref is installed: implied, never required
)

// why is the reason for an assignment.
type why struct {
	kind whyKind
	ref  int32
}

type whyKind uint8

const (
	whyDecision whyKind = iota
	whyGiven            // the problem says so
	whyLit              // the literal ref
	whyClause           // all other literals of the clause ref are false
	whyLast             // the last candidate left for the need of spec ref
	whyNone             // no candidate is left for the need of spec ref
)

// variable is one unknown.
type variable struct {
	kind  kind
	value int8 // 0 unknown, 1 true, -1 false
	late  bool // trueLevel is below level: the reason was found later than it held
	ref   int32
	level int32
	// trueLevel is the lowest level at which the reason holds; a late assignment is made again when
	// backtracking undoes it but not its reason.
	trueLevel int32
	at        int32 // position on the trail
	why       why
}

// core is a CDCL search over candidates, needs and limits. Most clauses are never written down: that
// one candidate of a name excludes the others, and what a spec excludes, is read off bit sets.
type core struct {
	*universe
	vars    []variable
	trail   []lit
	starts  []int32 // of each level on the trail
	done    int     // literals propagated so far
	clauses [][]lit
	watches [][]int32 // clauses by literal, visited when it becomes false
	needed  []int32   // packages with a true need, in order of discovery
	clash   []lit     // true literals that cannot all be true
	failed  lit       // what could not be made true, and why it should have been
	because why
	assumed []lit // decided first, one level each
	isSeen  []bool
	bump    float64
	stats   struct{ decisions, conflicts int }
	limit   int // conflicts to stop at, 0 for none
}

func (c *core) level() int32 { return int32(len(c.starts)) }

func (c *core) newVar(k kind, ref int32) int32 {
	c.vars = append(c.vars, variable{kind: k, ref: ref})
	c.watches = append(c.watches, nil, nil)
	c.isSeen = append(c.isSeen, false)
	return int32(len(c.vars) - 1)
}

// value is 1, -1 or 0 as l is true, false or open.
func (c *core) value(l lit) int8 {
	v := c.vars[l.variable()].value
	if l.negated() {
		return -v
	}
	return v
}

// set makes l true at the current level. It reports false, with the clash noted, where l is false.
func (c *core) set(l lit, reason why) bool { return c.setLate(l, reason, c.level()) }

// setLate is set for a reason that has held since trueLevel.
func (c *core) setLate(l lit, reason why, trueLevel int32) bool {
	v := &c.vars[l.variable()]
	if v.value != 0 {
		if c.value(l) > 0 {
			return true
		}
		c.clash = append(c.explain(c.clash[:0], l, reason), l.not())
		c.failed, c.because = l, reason
		return false
	}
	v.value = 1
	if l.negated() {
		v.value = -1
	}
	v.level, v.trueLevel, v.late = c.level(), trueLevel, trueLevel < c.level()
	v.at, v.why = int32(len(c.trail)), reason
	c.trail = append(c.trail, l)
	switch v.kind {
	case isCandidate:
		cand := &c.cands[v.ref]
		p := &c.pkgs[cand.pkg]
		if v.value > 0 {
			p.chosen = v.ref
		} else {
			p.remove(v.ref)
		}
	case isNeed:
		p := &c.pkgs[c.specs[v.ref].pkg]
		if v.value > 0 && p.need < 0 {
			p.need = v.ref
			c.needed = append(c.needed, c.specs[v.ref].pkg)
		}
	}
	return true
}

// undo takes back all above the given level, and makes again what still holds.
func (c *core) undo(level int32) {
	if level >= c.level() {
		return
	}
	start := int(c.starts[level])
	var again []lit
	for i := len(c.trail) - 1; i >= start; i-- {
		l := c.trail[i]
		v := &c.vars[l.variable()]
		if v.late && v.trueLevel <= level {
			again = append(again, l)
		}
		c.unset(v)
	}
	c.trail = c.trail[:start]
	c.starts = c.starts[:level]
	c.done = start
	for i := len(again) - 1; i >= 0; i-- {
		v := &c.vars[again[i].variable()]
		c.setLate(again[i], v.why, v.trueLevel)
	}
}

func (c *core) unset(v *variable) {
	switch v.kind {
	case isCandidate:
		p := &c.pkgs[c.cands[v.ref].pkg]
		if v.value > 0 {
			p.chosen = -1
		} else {
			p.restore(v.ref)
		}
	case isNeed:
		p := &c.pkgs[c.specs[v.ref].pkg]
		if p.need == v.ref && v.value > 0 {
			p.need = -1
			c.needed = c.needed[:len(c.needed)-1]
		}
	}
	v.value = 0
}

// explain appends the true literals that imply l for the given reason.
func (c *core) explain(buf []lit, l lit, reason why) []lit {
	switch reason.kind {
	case whyLit:
		return append(buf, lit(reason.ref))
	case whyClause:
		for _, other := range c.clauses[reason.ref] {
			if other != l {
				buf = append(buf, other.not())
			}
		}
	case whyLast, whyNone:
		s := &c.specs[reason.ref]
		if reason.kind == whyLast {
			buf = append(buf, pos(s.need))
		}
		p := &c.pkgs[s.pkg]
		s.mask.each(func(i int) bool {
			if other := neg(c.cands[p.first+int32(i)].variable); other != l.not() {
				buf = append(buf, other)
			}
			return true
		})
	}
	return buf
}

// propagate draws all conclusions; it reports false where they clash.
func (c *core) propagate() bool {
	for c.done < len(c.trail) {
		l := c.trail[c.done]
		c.done++
		if !c.conclude(l) || !c.visit(l.not()) {
			return false
		}
	}
	return true
}

// conclude draws the conclusions that follow from what the variable stands for.
func (c *core) conclude(l lit) bool {
	v := &c.vars[l.variable()]
	ref := v.ref
	switch v.kind {
	case isCandidate:
		if l.negated() {
			return c.onRemoved(ref)
		}
		return c.onChosen(ref, l)
	case isNeed, isLimit:
		if !l.negated() {
			return c.restrict(ref, l) && (c.vars[l.variable()].kind == isLimit || c.checkLast(c.specs[ref].pkg))
		}
		parents := c.specs[ref].needParents
		if c.vars[l.variable()].kind == isLimit {
			parents = c.specs[ref].limitParents
		}
		for _, parent := range parents {
			if !c.set(neg(c.cands[parent].variable), why{whyLit, int32(l)}) {
				return false
			}
		}
	}
	return true
}

// restrict removes every candidate that the spec does not match.
func (c *core) restrict(spec int32, l lit) bool {
	s := &c.specs[spec]
	p := &c.pkgs[s.pkg]
	if !p.loaded {
		return true
	}
	for w, word := range p.domain {
		for out := word &^ s.mask[w]; out != 0; out &= out - 1 {
			i := p.first + int32(w*64+trailing(out))
			if !c.set(neg(c.cands[i].variable), why{whyLit, int32(l)}) {
				return false
			}
		}
	}
	return true
}

// onChosen: the others of the name go, the specs that do not match are false, what it needs is needed.
func (c *core) onChosen(ref int32, l lit) bool {
	reason := why{whyLit, int32(l)}
	p := &c.pkgs[c.cands[ref].pkg]
	bit := int(ref - p.first)
	for w := range p.domain {
		for rest := p.domain[w]; rest != 0; rest &= rest - 1 {
			i := p.first + int32(w*64+trailing(rest))
			if i != ref && !c.set(neg(c.cands[i].variable), reason) {
				return false
			}
		}
	}
	for _, id := range p.specs {
		s := &c.specs[id]
		matches := s.mask.has(bit)
		if !matches && s.need != 0 && !c.set(neg(s.need), reason) {
			return false
		}
		if !matches && s.limit != 0 && !c.set(neg(s.limit), reason) {
			return false
		}
		if matches && s.present != 0 && !c.set(pos(s.present), reason) {
			return false
		}
	}
	if !c.expand(ref) {
		return false
	}
	for _, id := range c.cands[ref].needs {
		if !c.set(pos(c.specs[id].need), reason) {
			return false
		}
	}
	for _, id := range c.cands[ref].limits {
		if !c.set(pos(c.specs[id].limit), reason) {
			return false
		}
	}
	return true
}

// onRemoved finds another witness for the needs that leant on the candidate.
func (c *core) onRemoved(ref int32) bool {
	cand := &c.cands[ref]
	p := &c.pkgs[cand.pkg]
	kept := cand.witness[:0]
	ok := true
	for n, id := range cand.witness {
		s := &c.specs[id]
		if i := s.mask.firstCommon(p.domain); i >= 0 {
			other := &c.cands[p.first+int32(i)]
			other.witness = append(other.witness, id)
			continue
		}
		kept = append(kept, id)
		if c.vars[s.need].value >= 0 && !c.set(neg(s.need), why{whyNone, id}) {
			kept = append(kept, cand.witness[n+1:]...)
			ok = false
			break
		}
	}
	c.cands[ref].witness = kept
	return ok && c.checkLast(cand.pkg)
}

// checkLast takes the last candidate of a needed package.
func (c *core) checkLast(pkg int32) bool {
	p := &c.pkgs[pkg]
	if p.need < 0 || p.chosen >= 0 || p.left > 1 {
		return true
	}
	s := &c.specs[p.need]
	i := s.mask.firstCommon(p.domain)
	switch {
	case i >= 0:
		return c.set(pos(c.cands[p.first+int32(i)].variable), why{whyLast, p.need})
	case p.left == 0:
		c.clash = append(c.explain(c.clash[:0], 0, why{whyNone, p.need}), pos(s.need))
		c.failed, c.because = neg(s.need), why{whyNone, p.need}
		return false
	}
	return true
}

// visit looks at the learned clauses that watch l, which has become false.
func (c *core) visit(l lit) bool {
	list := c.watches[l]
	kept := list[:0]
	for n, id := range list {
		clause := c.clauses[id]
		if clause[0] == l {
			clause[0], clause[1] = clause[1], clause[0]
		}
		if c.value(clause[0]) > 0 || !c.rewatch(id, clause) {
			kept = append(kept, id)
			if !c.set(clause[0], why{whyClause, id}) {
				c.watches[l] = append(kept, list[n+1:]...)
				return false
			}
		}
	}
	c.watches[l] = kept
	return true
}

// rewatch moves the second watch of a clause to a literal that is not false.
func (c *core) rewatch(id int32, clause []lit) bool {
	for i := 2; i < len(clause); i++ {
		if c.value(clause[i]) >= 0 {
			clause[1], clause[i] = clause[i], clause[1]
			c.watches[clause[1]] = append(c.watches[clause[1]], id)
			return true
		}
	}
	return false
}
