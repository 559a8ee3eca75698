package engine

import (
	"context"
	"sync/atomic"
	"time"

	"forge/sandbox"
)

// Summary is what a run took, for whoever wants the next one to take less. Times are in seconds.
type Summary struct {
	Seconds     float64 `json:"seconds"` // planning not counted
	Jobs        int     `json:"jobs"`
	CPU         float64 `json:"cpu_seconds"`           // of build and test scripts, and of forge itself, which packs and checks
	Utilisation float64 `json:"utilisation"`           // cpu_seconds of what the jobs could have used on this machine, 0 to 1
	Path        []Step  `json:"critical_path"`         // the longest chain of packages that waited for each other
	PathSeconds float64 `json:"critical_path_seconds"` // a run cannot be shorter, with however many jobs
	Saved       float64 `json:"saved_seconds"`         // what the reused packages took when they were built
	Memory      int64   `json:"peak_memory,omitempty"` // bytes, the most that all builds had at once, as far as it was seen
	Held        int     `json:"held,omitempty"`        // builds that waited for memory
}

// Step is a package on the critical path.
type Step struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"` // building and testing it
}

// summary looks back at a run that took so long.
func (r *run) summary(all []*task, seconds float64) Summary {
	s := Summary{Seconds: seconds, Jobs: r.req.Jobs, CPU: r.meter.used().Seconds(), Path: []Step{}, Memory: r.memory.most.Load(), Held: r.memory.held()}
	if could := seconds * float64(min(r.req.Jobs, r.req.CPUs)); could > 0 {
		s.Utilisation = min(1, s.CPU/could)
	}
	for _, o := range r.outcomes {
		if o.Status == StatusReused && o.Built != nil {
			s.Saved += o.Built.Seconds
		}
	}
	for _, t := range all {
		t.cost = t.took
	}
	weigh(all)
	at := heaviest(all)
	for ; at != nil && at.weight > 0; at = heaviest(at.dependents) {
		if n := len(s.Path); n > 0 && s.Path[n-1].Name == at.action.Output.Name {
			s.Path[n-1].Seconds += at.took
		} else if at.took > 0 {
			s.Path = append(s.Path, Step{at.action.Output.Name, at.took})
		}
		s.PathSeconds += at.took
	}
	return s
}

func heaviest(list []*task) (most *task) {
	for _, t := range list {
		if most == nil || t.weight > most.weight {
			most = t
		}
	}
	return most
}

// meter counts the CPU time of all that it runs, and of this process since it was made.
type meter struct {
	sandbox.Runner
	cpu   atomic.Int64 // nanoseconds, of what was run
	own   func() time.Duration
	began time.Duration
}

func newMeter(tools Tools) *meter {
	m := &meter{Runner: tools.Runner, own: tools.CPU}
	if m.own == nil {
		m.own = func() time.Duration { return 0 }
	}
	m.began = m.own()
	return m
}

func (m *meter) used() time.Duration { return time.Duration(m.cpu.Load()) + m.own() - m.began }

// Run implements sandbox.Runner.
func (m *meter) Run(ctx context.Context, spec sandbox.Spec) (sandbox.Result, error) {
	res, err := m.Runner.Run(ctx, spec)
	m.cpu.Add(int64(res.CPU))
	return res, err
}

// ReusedSummary is that of a run which found everything built.
func ReusedSummary(req *Request, outcomes []*Outcome) Summary {
	s := Summary{Jobs: req.Jobs, Path: []Step{}}
	for _, o := range outcomes {
		if o.Built != nil {
			s.Saved += o.Built.Seconds
		}
	}
	return s
}
