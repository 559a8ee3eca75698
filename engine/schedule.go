package engine

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"fmt"
	"slices"
)

// taskKind tells building from testing: a package counts as built when its tests have passed.
type taskKind int

const (
	buildTask taskKind = iota
	testTask
)

// task is one unit of the schedule.
type task struct {
	kind       taskKind
	action     *Action
	index      int // in the plan, to break ties
	waits      int
	dependents []*task
	weight     float64 // longest way to the end, in seconds of earlier runs
	cost       float64
}

// tasksOf makes the task graph: a build waits for the tested packages it is built with, a test for
// the packages it runs with. Where packages need each other to run, a build waits for the build only.
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
		for _, b := range a.Needs {
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
	}
	return all
}

// groupsOf numbers the groups of actions that need each other.
func groupsOf(g *Graph) map[*Action]int {
	index, group := make(map[*Action]int, len(g.Actions)), make(map[*Action]int, len(g.Actions))
	for i, a := range g.Actions {
		index[a] = i
	}
	next := make([][]int, len(g.Actions))
	for i, a := range g.Actions {
		for _, b := range slices.Concat(a.Needs, a.TestNeeds) {
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
			todo = append(todo, t.dependents...)
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
			for _, d := range t.dependents {
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

// queue is the ready tasks, longest critical path first.
type queue []*task

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
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

// errNotRun marks what never started because something before it failed.
type errNotRun struct{ because string }

func (e errNotRun) Error() string { return e.because }

// schedule runs every task once, at most limit at a time, and calls do for each. After a failure no
// build is started unless keepGoing is set, but what runs may end and what was built is tested; what
// waits for a failed task is given to skip. It returns when nothing runs any more.
func schedule(ctx context.Context, all []*task, limit int, keepGoing bool, do func(context.Context, *task) error, skip func(*task, error)) error {
	weigh(all)
	var ready queue
	for _, t := range all {
		if t.waits == 0 {
			ready = append(ready, t)
		}
	}
	heap.Init(&ready)
	results := make(chan finished)
	running, stopped := 0, false
	dropped := map[*task]bool{}
	var left []*task
	var failures []error
	for running > 0 || len(ready) > 0 {
		for len(ready) > 0 && running < max(1, limit) {
			t := heap.Pop(&ready).(*task)
			if dropped[t] || ctx.Err() != nil {
				continue
			}
			if stopped && t.kind == buildTask {
				left = append(left, t)
				continue
			}
			running++
			go func() { results <- finished{t, do(ctx, t)} }()
		}
		if running == 0 {
			break
		}
		f := <-results
		running--
		if f.err != nil {
			failures = append(failures, f.err)
			drop(f.task, fmt.Sprintf("needs %s, which failed", f.task.action.Output.Name), dropped, skip)
			stopped = stopped || !keepGoing
		}
		for _, d := range f.task.dependents {
			if d.waits--; d.waits == 0 && !dropped[d] && f.err == nil {
				heap.Push(&ready, d)
			}
		}
	}
	for _, t := range all {
		if stopped && t.kind == buildTask && !dropped[t] && t.waits > 0 {
			skip(t, errNotRun{"not started"})
		}
	}
	for _, t := range left {
		skip(t, errNotRun{"not started"})
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return errors.Join(failures...)
}

// drop skips everything that waits for t.
func drop(t *task, why string, dropped map[*task]bool, skip func(*task, error)) {
	for _, d := range t.dependents {
		if !dropped[d] {
			dropped[d] = true
			if d.action != t.action {
				skip(d, errNotRun{why})
			}
			drop(d, why, dropped, skip)
		}
	}
}
