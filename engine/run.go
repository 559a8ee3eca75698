package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"syscall"
	"time"

	"forge/digest"
	"forge/store"
)

// Run builds every action of g that is not built already and puts all packages into the output
// channel. It returns one outcome for each output that exists already, then for each action but staging
// ones, in plan order, also when it fails.
// The error joins what went wrong; outcomes carry the same errors.
func Run(ctx context.Context, req *Request, tools Tools, g *Graph, report func(Event)) ([]*Outcome, error) {
	run := newRun(req, tools, g, report)
	return run.all(ctx, g)
}

func newRun(req *Request, tools Tools, g *Graph, report func(Event)) *run {
	m := newMeter(tools)
	tools.Runner = m
	memory := &memoryOfRun{builds: map[*Action]*task{}}
	heard := func(e Event) {
		switch e.Kind {
		case EventMemory:
			memory.saw(e.Action, e.Done)
		case EventRest, EventEnd:
			memory.saw(e.Action, 0)
		}
		if report != nil {
			report(e)
		}
	}
	return &run{runner: newRunner(req, tools, g, heard), meter: m, memory: memory, built: map[*Action]*Built{}, outcomes: map[*Action]*Outcome{}}
}

func (r *run) all(ctx context.Context, g *Graph) ([]*Outcome, error) {
	all := tasksOf(g)
	r.part, r.circles, r.tested = map[*Action]bool{}, circlesOf(g, groupsOf(g)), map[*Action][]byte{}
	for _, a := range g.Actions {
		r.part[a] = true
	}
	for _, t := range all {
		if t.kind == buildTask {
			t.cost = r.lastSeconds(t.action)
			r.memory.builds[t.action] = t
			var err error
			if t.needs, err = r.needsOf(t.action); err != nil {
				return nil, err
			}
		}
	}
	r.tokens = newTokens(r.req.Jobs)
	start := r.tools.Now()
	err := schedule(ctx, all, newSlots(r.tokens, r.req.MaxMemory, r.report), r.req.KeepGoing, r.do, r.skip)
	err = errors.Join(err, r.tools.Store.SyncResults())
	s := r.summary(all, r.tools.Now().Sub(start).Seconds())
	r.report(Event{Kind: EventSummary, Summary: &s})
	list := g.ExistingOutcomes()
	for _, a := range g.Actions {
		// What is staged is no result of the run, unless it is why there is none.
		if o := r.outcomes[a]; o != nil && (!a.Output.Staging || o.Status == StatusFailed) {
			list = append(list, o)
		}
	}
	return list, err
}

// run is the changing state of one Run; mu guards it.
type run struct {
	*runner
	meter    *meter
	memory   *memoryOfRun
	mu       sync.Mutex
	part     map[*Action]bool // what is built in this Run
	circles  map[*Action][]*Action
	tested   map[*Action][]byte // statements of the tests of those in circles
	built    map[*Action]*Built
	outcomes map[*Action]*Outcome
}

func (r *run) do(ctx context.Context, t *task) error {
	start := r.tools.Now()
	err := r.healing(ctx, t.action, map[taskKind]func(context.Context, *Action) error{buildTask: r.doBuild, testTask: r.doTest, publishTask: r.doPublish}[t.kind])
	r.mu.Lock()
	defer r.mu.Unlock()
	o := r.outcome(t.action)
	t.took = r.tools.Now().Sub(start).Seconds()
	o.Seconds += t.took
	if err != nil {
		o.Status, o.Err = StatusFailed, err
		switch {
		case ctx.Err() != nil:
			o.Status, o.Err = StatusSkipped, interrupted{err}
		case errors.As(err, &errNotRun{}):
			o.Status = StatusSkipped
		}
	}
	if last := t.kind == publishTask || t.kind == testTask && r.circles[t.action] == nil; err != nil || last {
		r.report(Event{Kind: EventEnd, Action: t.action, Outcome: o})
	} else {
		r.report(Event{Kind: EventRest, Action: t.action, Outcome: o})
	}
	return err
}

// interrupted is what came of a task that ended because the run was told to.
type interrupted struct{ error }

func (i interrupted) Error() string { return "interrupted" }

// Unwrap implements the errors package's interface.
func (i interrupted) Unwrap() error { return i.error }

func (r *run) skip(t *task, why error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := r.outcome(t.action)
	if o.Status == StatusFailed || o.Err != nil {
		return
	}
	o.Status, o.Err = StatusSkipped, why
	r.report(Event{Kind: EventEnd, Action: t.action, Outcome: o})
}

// outcome is a's row; the caller holds mu.
func (r *run) outcome(a *Action) *Outcome {
	if r.outcomes[a] == nil {
		r.outcomes[a] = &Outcome{Action: a}
	}
	return r.outcomes[a]
}

// known is what was built so far of what a task of a reads: a itself, what it needs and what it starts
// from. It is a copy, so that a task may read it while others end.
func (r *run) known(a *Action) map[*Action]*Built {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := map[*Action]*Built{}
	add := func(actions ...*Action) {
		for _, b := range actions {
			if b != nil && r.built[b] != nil {
				all[b] = r.built[b]
			}
		}
	}
	add(a, a.Staging)
	for b := a.After; b != nil; b = b.After {
		add(b)
		add(b.Needs...)
	}
	add(a.Needs...)
	add(a.TestNeeds...)
	if a.Staging != nil {
		add(a.Staging.Needs...)
	}
	for _, l := range a.Levels {
		add(l.Needs...)
	}
	return all
}

// doBuild reuses a's result or makes it, under a lock that other Forge processes respect.
func (r *run) doBuild(ctx context.Context, a *Action) error {
	known := r.known(a)
	m, err := r.manifest(ctx, a, known)
	if err != nil {
		return err
	}
	key := m.ID()
	b, status := r.recordedOf(a, key), StatusReused
	if b != nil && r.req.VerifyCache {
		if err := r.checkHit(ctx, a, key, b, known); err != nil {
			return err
		}
	}
	if b == nil {
		unlock, err := r.lockBuild(ctx, a, key)
		if err != nil {
			return err
		}
		defer unlock()
		if b = r.recordedOf(a, key); b == nil {
			r.begin(a)
			if b, err = r.build(ctx, a, key.Digest, known); err != nil {
				return err
			}
			status = StatusBuilt
			if err := r.tools.Store.SetResult(key, b); err != nil {
				return err
			}
		}
	}
	if err := r.remember(a, m, b); err != nil && !(status == StatusReused && cannotWrite(err)) {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.built[a] = b
	o := r.outcome(a)
	o.Status, o.Built = status, b
	return nil
}

// lockBuild takes the lock of a's build, and says so where that takes long: another forge builds the very same.
func (r *run) lockBuild(ctx context.Context, a *Action, key store.ActionID) (unlock func(), err error) {
	const long = 2 * time.Second
	had, told := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(told)
		select {
		case <-had:
		case <-time.After(long):
			r.report(Event{Kind: EventWarning, Action: a, Phase: "build", Text: "another forge is building this: waiting for it"})
		}
	}()
	unlock, err = r.tools.Store.Lock(ctx, "action "+key.Hex())
	close(had)
	<-told
	return unlock, err
}

// recorded is the result of key if it is whole: its archive and statement must be there.
func (r *runner) recorded(key store.ActionID) *Built {
	var b Built
	if r.tools.Store.Result(key, &b) != nil {
		return nil
	}
	if r.req.TraceInputs && b.Inputs.IsZero() && b.Isolation != "" {
		return nil // it ran, and nobody watched
	}
	for _, d := range []digest.Digest{b.Archive, b.Statement, b.Staged, b.Work, b.Debug, b.Inputs} {
		if !d.IsZero() && !r.tools.Store.Has(d) {
			return nil
		}
	}
	return &b
}

// recordedOf is what was recorded of a. A result from before others came after it says nothing of what its script
// left in the work folder.
func (r *runner) recordedOf(a *Action, key store.ActionID) *Built {
	b := r.recorded(key)
	if b != nil && a.Output.LeavesWork && !b.WorkSeen {
		return nil
	}
	return b
}

// doTest tests a's package unless these very tests passed before, and puts it into the channel; not yet if it stands in
// a circle.
func (r *run) doTest(ctx context.Context, a *Action) error {
	known := r.known(a)
	b := known[a]
	if a.Output.Staging {
		return nil
	}
	var tested []byte
	if len(a.Output.Tests) > 0 {
		key, err := r.testKey(ctx, a, b, known)
		if err != nil {
			return err
		}
		done, err := r.testOrRecall(ctx, a, b, known, key)
		if err != nil {
			return err
		}
		if tested, err = r.stateTests(ctx, a, b, known, key, done); err != nil {
			return err
		}
	}
	if err := r.checkABI(ctx, a, b); err != nil {
		return err
	}
	if r.circles[a] != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.tested[a] = tested
		return nil
	}
	if err := r.runnable(a); err != nil {
		return err
	}
	r.mu.Lock()
	o := r.outcome(a)
	r.mu.Unlock()
	return r.publish(ctx, a, b, o, tested)
}

// runnable keeps a package out of the channel that could not be installed from it: for each thing that it runs with,
// and that this run makes, one that fits must be there.
func (r *run) runnable(a *Action) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, any := range a.RunNeeds {
		if !slices.ContainsFunc(any, func(b *Action) bool {
			return b == a || !r.part[b] || r.good(b)
		}) {
			return errNotRun{fmt.Sprintf("needs %s to run, which failed or was not built", any[0].Output.Name)}
		}
	}
	return nil
}

// testKey names a's tests in the environments they run in.
func (r *runner) testKey(ctx context.Context, a *Action, b *Built, known map[*Action]*Built) (store.ActionID, error) {
	level, err := r.level(ctx)
	if err != nil {
		return store.ActionID{}, err
	}
	var m Manifest
	m.add("forge", "test 2", "layout "+layoutVersion)
	m.add("package", b.Archive.Hex())
	m.add("isolation", string(level))
	emulated, err := r.emulator(ctx, a.Output)
	if err != nil {
		return store.ActionID{}, err
	}
	if emulated != nil {
		m.add("emulated", emulated.String(), emulated.loaded.Tree.Hex())
	}
	for _, plan := range a.Test {
		m.add("test", fmt.Sprint(plan.Index), plan.Python)
		for _, env := range []Environment{plan.Run, plan.Build} {
			if err := r.environmentLines(ctx, "test", env, known, &m); err != nil {
				return store.ActionID{}, err
			}
		}
	}
	return m.ID(), nil
}

// remembered is the last manifest of an output: what `forge explain` compares with.
type remembered struct {
	Key     digest.Digest `json:"key"`
	Lines   Manifest      `json:"lines"`
	Seconds float64       `json:"seconds"`
}

func rememberKey(req *Request, a *Action) store.ActionID {
	var m Manifest
	m.add("last", req.OutputDir, a.Output.Subdir(), a.Output.Name, a.Output.BuildString, fmt.Sprint(a.Output.Staging))
	if a.Output.LevelOf != nil {
		m.add("level", a.Output.String())
	}
	return m.ID()
}

// cannotWrite reports whether the store is one to read from only: then what would be remembered is not.
func cannotWrite(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
}

func (r *runner) remember(a *Action, m Manifest, b *Built) error {
	key := rememberKey(r.req, a)
	var old remembered
	if r.tools.Store.Result(key, &old) == nil && old.Key == b.Key {
		return nil
	}
	took := effort{b.Seconds, b.PeakMemory}
	if a.Output.Staging {
		took.Seconds = 0 // those of the outputs say how long the recipe takes
	}
	if took != (effort{}) {
		if err := r.tools.Store.SetHint(effortKey(a.Output.Name), took); err != nil {
			return err
		}
	}
	return r.tools.Store.SetHint(key, remembered{Key: b.Key, Lines: m, Seconds: b.Seconds})
}

// lastSeconds is how long a took last time, or another version of it; a second where nobody knows.
func (r *runner) lastSeconds(a *Action) float64 {
	var old remembered
	if r.tools.Store.Result(rememberKey(r.req, a), &old) == nil && old.Seconds > 0 {
		return old.Seconds
	}
	if e := effortOf(r.tools.Store, a.Output.Name); e.Seconds > 0 {
		return e.Seconds
	}
	return 1
}

// IsNotStarted reports whether err is that of an output that needs nothing that failed, and was only not
// started any more.
func IsNotStarted(err error) bool { return errors.Is(err, errNotRun{}) }
