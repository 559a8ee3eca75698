package engine

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
	memory    int64 // of what runs
	running   int
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
	if s.maxMemory > 0 && s.running > 0 && s.memory+t.needs.memory > s.maxMemory {
		return lacksMemory
	}
	jobs, ok := s.tokens.take(max(1, t.needs.jobs))
	if !ok {
		return lacksJobs
	}
	t.held = resources{jobs, t.needs.memory}
	s.memory += t.held.memory
	s.running++
	return fits
}

// release gives back what t held.
func (s *slots) release(t *task) {
	s.memory -= t.held.memory
	s.running--
	s.tokens.put(t.held.jobs)
}
