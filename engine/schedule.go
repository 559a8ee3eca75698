package engine

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
)

// taskKind tells building from testing: a package counts as built when its tests have passed.
type taskKind int

const (
	buildTask   taskKind = iota
	testTask             // and publishing, but for those that need each other to run
	publishTask          // of those, when all are tested
)

// task is one unit of the schedule.
type task struct {
	kind       taskKind
	action     *Action
	index      int // in the plan, to break ties
	waits      int
	dependents []*task
	followers  []*task // wait for its end, however it ends
	weight     float64 // longest way to the end, in seconds of earlier runs
	cost       float64
	needs      resources
	held       resources    // while it runs
	took       float64      // seconds; known when it has run
	passed     int          // how often another was started before it because it needs less
	waited     bool         // for memory, and it was said
	begun      atomic.Bool  // it is no reused one
	seen, has  atomic.Int64 // bytes of memory: the most that it had so far, and what it has now
}

// tasksOf makes the task graph: a build waits for the tested packages it is built with, a test for
// the tested packages it runs with. Where packages need each other to run, either waits for the build only.
func tasksOf(g *Graph) []*task {
	builds, tests := map[*Action]*task{}, map[*Action]*task{}
	var all []*task
	for i, a := range g.Actions {
		builds[a] = &task{kind: buildTask, action: a, index: 2 * i, cost: 1}
		tests[a] = &task{kind: testTask, action: a, index: 2*i + 1, cost: 0.1}
		all = append(all, builds[a], tests[a])
	}
	after := func(t, on *task) {
		on.dependents = append(on.dependents, t)
		t.waits++
	}
	for _, a := range g.Actions {
		after(tests[a], builds[a])
		for _, b := range a.Needed() {
			if builds[b] != nil {
				after(builds[a], builds[b])
			}
		}
		for _, b := range a.TestNeeds {
			if builds[b] != nil {
				after(tests[a], builds[b])
			}
		}
	}
	// So far there is no cycle: builds wait for builds along hard edges, and nothing waits for a test.
	// A wait for a test makes one only among packages that need each other to run; there each is added
	// only where it does not.
	group := groupsOf(g)
	for _, a := range g.Actions {
		for _, b := range a.Needs {
			if tests[b] != nil && (group[a] != group[b] || !reaches(builds[a], tests[b], group)) {
				after(builds[a], tests[b])
			}
		}
		// What runs with a package that fails its tests, and so stays out of the channel, stays out, too.
		for _, b := range a.TestNeeds {
			if tests[b] != nil && group[a] != group[b] {
				after(tests[a], tests[b])
			}
		}
	}
	publishes := publishApart(circlesOf(g, group), g, builds, tests)
	for _, a := range g.Actions {
		if p := publishes[a]; p != nil {
			all = append(all, p)
		}
	}
	follow(g, group, builds, tests, publishes)
	return all
}

// follow lets a package come into the channel after those that it runs with, be it tested or not, and whatever becomes
// of them (run.runnable judges). Of those that need each other to run, only the build is waited for before a test.
func follow(g *Graph, group map[*Action]int, builds, tests, publishes map[*Action]*task) {
	for _, a := range g.Actions {
		for _, b := range slices.Concat(a.RunNeeds...) {
			on := tests[b]
			if publishes[b] != nil {
				on = publishes[b]
			}
			if group[a] == group[b] {
				if on = builds[b]; on == nil || reaches(tests[a], on, group) {
					continue
				}
			}
			if on != nil && on != tests[a] {
				on.followers = append(on.followers, tests[a])
				tests[a].waits++
			}
		}
	}
}

// groupsOf numbers the groups of actions that need each other.
func groupsOf(g *Graph) map[*Action]int {
	index, group := make(map[*Action]int, len(g.Actions)), make(map[*Action]int, len(g.Actions))
	for i, a := range g.Actions {
		index[a] = i
	}
	next := make([][]int, len(g.Actions))
	for i, a := range g.Actions {
		for _, b := range slices.Concat(append(slices.Clip(a.RunNeeds), a.Needed(), a.TestNeeds)...) {
			if j, ok := index[b]; ok {
				next[i] = append(next[i], j)
			}
		}
	}
	for n, list := range components(len(next), func(i int) []int { return next[i] }) {
		for _, i := range list {
			group[g.Actions[i]] = n
		}
	}
	return group
}

// reaches reports whether to comes after from in the task graph. No way leads out of a group and back.
func reaches(from, to *task, group map[*Action]int) bool {
	seen, todo := map[*task]bool{}, []*task{from}
	for len(todo) > 0 {
		t := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if t == to {
			return true
		}
		if !seen[t] && group[t.action] == group[from.action] {
			seen[t] = true
			todo = append(append(todo, t.dependents...), t.followers...)
		}
	}
	return false
}

// weigh gives each task its critical path: the time from its start to the end of all that waits for it.
func weigh(all []*task) {
	done := map[*task]bool{}
	var visit func(t *task) float64
	visit = func(t *task) float64 {
		if !done[t] {
			done[t] = true
			longest := 0.0
			for _, d := range slices.Concat(t.dependents, t.followers) {
				longest = max(longest, visit(d))
			}
			t.weight = t.cost + longest
		}
		return t.weight
	}
	for _, t := range all {
		visit(t)
	}
}

// queue is the ready tasks: what is published first, then tests, then builds, longest critical path first. A test is short beside a build, and
// what it finds out is wanted at once: behind the builds, a run of a thousand packages would say at its end that the
// first one fails, and put none into the channel before.
type queue []*task

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	if q[i].kind != q[j].kind {
		return q[i].kind > q[j].kind
	}
	if c := cmp.Compare(q[j].weight, q[i].weight); c != 0 {
		return c < 0
	}
	return q[i].index < q[j].index
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push implements heap.Interface.
func (q *queue) Push(x any) { *q = append(*q, x.(*task)) }

// Pop implements heap.Interface.
func (q *queue) Pop() any {
	old := *q
	t := old[len(old)-1]
	*q = old[:len(old)-1]
	return t
}

// finished is what a task's goroutine hands back; the loop alone owns the state.
type finished struct {
	task *task
	err  error
}

// errNotRun marks what never started because something before it failed; with no reason of its own it
// needs nothing that failed.
type errNotRun struct{ because string }

func (e errNotRun) Error() string { return cmp.Or(e.because, "not started") }

// schedule runs every task once, as many at a time as the slots admit, and calls do for each. After a
// failure no build is started unless keepGoing is set, but what runs may end and what was built is tested;
// what waits for a failed task is given to skip. It returns when nothing runs any more.
func schedule(ctx context.Context, all []*task, s *slots, keepGoing bool, do func(context.Context, *task) error, skip func(*task, error)) error {
	weigh(all)
	l := &roster{slots: s, dropped: map[*task]bool{}, results: make(chan finished)}
	for _, t := range all {
		if t.waits == 0 {
			l.ready = append(l.ready, t)
		}
	}
	heap.Init(&l.ready)
	var failures []error
	for {
		l.start(ctx, do)
		if l.running == 0 {
			break
		}
		select {
		case <-s.tokens.changed:
			continue
		case f := <-l.results:
			if f.err != nil {
				failures = append(failures, f.err)
				l.drop(f.task, fmt.Sprintf("needs %s, which failed", f.task.action.Output.Name), skip)
				l.stopped = l.stopped || !keepGoing
			}
			l.ended(f)
		}
	}
	for _, t := range all {
		if l.stopped && t.kind == buildTask && !l.dropped[t] && t.waits > 0 {
			l.left = append(l.left, t)
		}
	}
	stopped := map[*Action]bool{}
	for _, t := range l.left {
		stopped[t.action] = true
		skip(t, errNotRun{})
	}
	for _, t := range all { // built, but what it runs with was not
		if l.stopped && t.kind != buildTask && !l.dropped[t] && t.waits > 0 && !stopped[t.action] {
			skip(t, errNotRun{})
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return errors.Join(failures...)
}

// roster is the state of schedule.
type roster struct {
	slots   *slots
	ready   queue
	running int
	stopped bool // no build is started any more
	dropped map[*task]bool
	left    []*task // ready, and not started for that reason
	results chan finished
}

// start starts what is ready and fits, the longest critical path first. One that has to wait for memory
// lets smaller ones go first, for some time; for a job, nobody goes first.
func (l *roster) start(ctx context.Context, do func(context.Context, *task) error) {
	var waiting []*task
	lacking := false
	for len(l.ready) > 0 {
		t := heap.Pop(&l.ready).(*task)
		if l.dropped[t] || ctx.Err() != nil {
			continue
		}
		if l.stopped && t.kind == buildTask {
			l.left = append(l.left, t)
			continue
		}
		fit := l.slots.admit(t)
		if fit != fits {
			waiting = append(waiting, t)
			lacking = fit == lacksJobs
			if lacking || t.passed > patience {
				break
			}
			continue
		}
		for _, w := range waiting {
			w.passed++
		}
		l.running++
		go func() { l.results <- finished{t, do(ctx, t)} }()
	}
	for _, t := range waiting {
		heap.Push(&l.ready, t)
	}
	if !lacking {
		l.slots.tokens.unwant()
	}
}

// patience is how many smaller tasks are started before one that waits for memory.
const patience = 8

func (l *roster) ended(f finished) {
	l.running--
	l.slots.release(f.task)
	for _, d := range f.task.dependents {
		if d.waits--; d.waits == 0 && !l.dropped[d] && f.err == nil {
			heap.Push(&l.ready, d)
		}
	}
	l.letFollow(f.task)
}

// letFollow lets those go on that only waited for t's end.
func (l *roster) letFollow(t *task) {
	for _, d := range t.followers {
		if d.waits--; d.waits == 0 && !l.dropped[d] {
			heap.Push(&l.ready, d)
		}
	}
}

// drop skips everything that needs t.
func (l *roster) drop(t *task, why string, skip func(*task, error)) {
	for _, d := range t.dependents {
		if !l.dropped[d] {
			l.dropped[d] = true
			if d.action != t.action {
				skip(d, errNotRun{why})
			}
			l.drop(d, why, skip)
			l.letFollow(d)
		}
	}
}
