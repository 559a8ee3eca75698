package sandbox

import (
	"context"
	"errors"
	"time"
)

// New returns the runner of this machine. It puts up the strongest isolation it can, at least the
// spec's Level; where that cannot be had, Run returns an *UnavailableError and has run nothing.
// The program must call IsChild first thing in main.
func New(now func() time.Time) Runner { return &runner{now: now} }

// Only returns a runner that always uses exactly the given level, for tests and for `forge audit`.
func Only(level Isolation, now func() time.Time) Runner { return &runner{now: now, only: level} }

type runner struct {
	now  func() time.Time
	only Isolation
	host // what this system keeps between runs
}

// Run implements Runner.
func (r *runner) Run(ctx context.Context, spec Spec) (Result, error) {
	if err := spec.check(); err != nil {
		return Result{}, err
	}
	if r.only != "" {
		return r.at(ctx, spec, r.only)
	}
	var first error
	for _, level := range Levels() {
		res, err := r.at(ctx, spec, level)
		var no *UnavailableError
		if !errors.As(err, &no) {
			return res, err
		}
		if first == nil {
			first = err
		}
		if level == spec.Level || spec.Level == "" || spec.Level == Full {
			return res, err
		}
	}
	return Result{}, first
}

func (r *runner) at(ctx context.Context, spec Spec, level Isolation) (Result, error) {
	switch level {
	case Full:
		return r.runFull(ctx, spec)
	case Landlock:
		return r.runLandlock(ctx, spec)
	case Seatbelt:
		return r.runSeatbelt(ctx, spec)
	case AppContainer:
		return r.runContainer(ctx, spec)
	}
	return r.runNone(ctx, spec)
}
