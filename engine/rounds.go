package engine

import (
	"slices"
)

// rounds plans all that is asked for, as far as nothing waits for itself.
func (p *planner) rounds() {
	for len(p.next) > 0 && p.ctx.Err() == nil {
		look := sorted(p.next)
		p.next = nil
		var ready []int
		for _, i := range look {
			if p.states[i].done || p.states[i].looped {
				continue
			}
			if blockers := p.blockers(i); len(blockers) > 0 {
				p.wait(i, blockers)
			} else {
				ready = append(ready, i)
			}
		}
		drafts := make([]*solving, len(ready))
		_ = parallel(len(ready), func(k int) error {
			drafts[k] = p.draft(p.all[ready[k]])
			return nil
		})
		for k, i := range ready {
			p.commit(i, drafts[k])
		}
	}
}

// wait looks at i again when the first of its blockers is done, and asks for all of them.
func (p *planner) wait(i int, blockers []int) {
	p.behind[blockers[0]] = append(p.behind[blockers[0]], i)
	for _, b := range blockers {
		p.activate(b)
	}
}

// blockers are the actions that have to be planned before i: those it is built with and what they run
// with, as far as the recipes tell, and what a solve took before it was planned.
func (p *planner) blockers(i int) []int {
	w := walk{self: i, seen: map[int]bool{i: true}}
	for _, h := range slices.Concat(p.links[i].hard, p.extra[i]) {
		p.unsettled(h, &w)
	}
	return w.out
}

// walk collects what is not done among what an action needs.
type walk struct {
	self int
	seen map[int]bool
	met  bool // self was met
	out  []int
}

// unsettled adds what is not done of an action and what it runs with. An action of which nothing is
// left is remembered as settled.
func (p *planner) unsettled(i int, w *walk) {
	todo := []int{i}
	for len(todo) > 0 {
		j := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		w.met = w.met || j == w.self
		if w.seen[j] || p.states[j].settled {
			continue
		}
		w.seen[j] = true
		if !p.states[j].done {
			w.out = append(w.out, j)
		}
		todo = append(todo, p.links[j].run...)
	}
	if len(w.out) == 0 && !w.met {
		p.states[i].settled = true
	}
}

// commit enters what was found out about an action.
func (p *planner) commit(i int, s *solving) {
	if len(s.waits) > 0 && p.ctx.Err() == nil {
		for _, b := range s.waits {
			p.extra[i] = append(p.extra[i], p.index[b])
		}
		p.next = append(p.next, i)
		return
	}
	a := p.all[i]
	staging := a.Staging
	record := a.Record
	*a = *s.draft
	a.Staging = staging
	record.Depends, record.Constrains = s.draft.Record.Depends, s.draft.Record.Constrains
	a.Record = record
	p.states[i].done = true
	if s.err != nil && p.ctx.Err() == nil {
		p.report(a, s.err)
	}
	p.next = append(p.next, p.behind[i]...)
	delete(p.behind, i)
}

// tests solves the environments of the tests of what is planned, and plans what they need beside it.
func (p *planner) tests() {
	if p.req.SkipTests {
		return
	}
	for (!p.failed() || p.req.KeepGoing) && p.ctx.Err() == nil {
		var todo []int
		for i := range p.all {
			if s := p.states[i]; s.done && !s.tested && !s.failed {
				todo = append(todo, i)
			}
		}
		if len(todo) == 0 {
			return
		}
		before := p.progress()
		drafts := make([]*solving, len(todo))
		_ = parallel(len(todo), func(k int) error {
			drafts[k] = p.draftTests(p.all[todo[k]])
			return nil
		})
		for k, i := range todo {
			if s := drafts[k]; len(s.waits) > 0 {
				for _, b := range s.waits {
					p.activate(p.index[b])
				}
			} else {
				p.states[i].tested = true
				p.all[i].Test, p.all[i].TestNeeds = s.draft.Test, s.draft.TestNeeds
				if s.err != nil {
					p.report(p.all[i], s.err)
				}
			}
		}
		p.rounds()
		p.reportStuck()
		if p.progress() == before { // what is left waits for what cannot be planned
			for _, i := range todo {
				p.states[i].failed = true
			}
			return
		}
	}
}

// progress counts what was planned and what was not to be.
func (p *planner) progress() (n int) {
	for _, s := range p.states {
		for _, is := range []bool{s.done, s.tested, s.failed} {
			if is {
				n++
			}
		}
	}
	return n
}
