package engine

import (
	"fmt"
	"sync/atomic"
)

// resources are what a task needs while it runs.
type resources struct {
	jobs   int   // tokens; at least the one that every task holds
	memory int64 // bytes; 0 where nobody knows
}

// slots say which tasks may run together: as many as there are tokens, and as much as fits into memory.
// The schedule's loop alone uses them.
type slots struct {
	tokens    *tokens
	maxMemory int64 // bytes for all together; no bound if 0
	running   map[*task]bool
	tell      func(Event) // of what waits for memory; nil for nobody
}

func newSlots(t *tokens, maxMemory int64, tell func(Event)) *slots {
	return &slots{tokens: t, maxMemory: maxMemory, running: map[*task]bool{}, tell: tell}
}

// fit is whether a task may start now, and if not, for want of what.
type fit int

const (
	fits fit = iota
	lacksJobs
	lacksMemory
)

// admit takes what t needs. A task that needs more memory than there is at all runs alone.
func (s *slots) admit(t *task) fit {
	if s.maxMemory > 0 && len(s.running) > 0 && s.memory()+t.needs.memory > s.maxMemory {
		s.hold(t)
		return lacksMemory
	}
	jobs, ok := s.tokens.take(max(1, t.needs.jobs))
	if !ok {
		return lacksJobs
	}
	t.held = resources{jobs, t.needs.memory}
	s.running[t] = true
	return fits
}

// memory is what all that runs takes: what each is known to need, or has, if that is more.
func (s *slots) memory() (total int64) {
	for t := range s.running {
		total += max(t.held.memory, t.seen.Load())
	}
	return total
}

// hold says of a build that it waits, once; not while all that runs may be reused, which takes no time.
func (s *slots) hold(t *task) {
	if t.kind != buildTask || t.waited {
		return
	}
	for other := range s.running {
		t.waited = t.waited || other.begun.Load()
	}
	if t.waited && s.tell != nil {
		free := max(0, s.maxMemory-s.memory())
		s.tell(Event{Kind: EventHeld, Action: t.action, Done: t.needs.memory,
			Text: fmt.Sprintf("needs %s of memory, of which %s of %s are free", sizeText(t.needs.memory), sizeText(free), sizeText(s.maxMemory))})
	}
}

// release gives back what t held.
func (s *slots) release(t *task) {
	delete(s.running, t)
	s.tokens.put(t.held.jobs)
}

// memoryOfRun follows the memory of the builds as they run.
type memoryOfRun struct {
	builds map[*Action]*task
	now    atomic.Int64 // of all together
	most   atomic.Int64
}

// saw notes that a's build has so many bytes now.
func (m *memoryOfRun) saw(a *Action, bytes int64) {
	t := m.builds[a]
	if t == nil {
		return
	}
	if bytes > t.seen.Load() {
		t.seen.Store(bytes)
	}
	all := m.now.Add(bytes - t.has.Swap(bytes))
	for most := m.most.Load(); all > most && !m.most.CompareAndSwap(most, all); most = m.most.Load() {
	}
}

// held is how many builds waited.
func (m *memoryOfRun) held() (n int) {
	for _, t := range m.builds {
		if t.waited && t.begun.Load() {
			n++
		}
	}
	return n
}

// begin says that a is built, not reused, and lets the schedule look again: it can say now who waits for it.
func (r *run) begin(a *Action) {
	r.report(Event{Kind: EventStart, Action: a})
	t := r.memory.builds[a]
	if t == nil {
		return
	}
	t.begun.Store(true)
	r.tokens.wake()
	if most := r.req.MaxMemory; most > 0 && t.needs.memory > most {
		r.report(Event{Kind: EventAlone, Action: a, Done: t.needs.memory,
			Text: fmt.Sprintf("needs %s, more than --max-memory %s: nothing runs beside it", sizeText(t.needs.memory), sizeText(most))})
	}
}

// sizeText is a number of bytes for people, in units that ParseSize reads.
func sizeText(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.0f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.0f kB", float64(n)/1e3)
}
