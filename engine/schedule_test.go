package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"forge/recipes"
)

// randomGraph has n actions; each needs some earlier ones, hard or soft.
func randomGraph(r *rand.Rand, n int) *Graph {
	g := &Graph{}
	for i := range n {
		a := &Action{Output: &recipes.Output{Name: fmt.Sprintf("p%d", i)}}
		for _, b := range g.Actions {
			switch r.IntN(6) {
			case 0:
				a.Needs = append(a.Needs, b)
			case 1:
				a.TestNeeds = append(a.TestNeeds, b)
			case 2: // packages that need each other to run
				b.TestNeeds = append(b.TestNeeds, a)
			}
		}
		g.Actions = append(g.Actions, a)
	}
	return g
}

// TestSchedule checks on random graphs: each task runs once, never before what it needs, never more at
// once than allowed, and without a failure all of them run.
func TestSchedule(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		g := randomGraph(r, 1+r.IntN(12))
		limit := 1 + r.IntN(4)
		var mu sync.Mutex
		running := 0
		ran := map[taskKind]map[*Action]int{buildTask: {}, testTask: {}}
		do := func(_ context.Context, tk *task) error {
			mu.Lock()
			running++
			if running > limit {
				t.Errorf("seed %d: %d tasks at once, limit %d", seed, running, limit)
			}
			for _, b := range tk.action.Needs {
				if tk.kind == buildTask && ran[buildTask][b] == 0 {
					t.Errorf("seed %d: %s was built before %s", seed, tk.action.Output.Name, b.Output.Name)
				}
			}
			for _, b := range tk.action.TestNeeds {
				if tk.kind == testTask && ran[buildTask][b] == 0 {
					t.Errorf("seed %d: %s was tested before %s was built", seed, tk.action.Output.Name, b.Output.Name)
				}
			}
			mu.Unlock()
			time.Sleep(time.Microsecond)
			mu.Lock()
			running--
			ran[tk.kind][tk.action]++
			mu.Unlock()
			return nil
		}
		skip := func(tk *task, err error) { t.Errorf("seed %d: %s skipped: %v", seed, tk.action.Output.Name, err) }
		if err := schedule(context.Background(), tasksOf(g), newSlots(newTokens(limit), 0, nil), false, do, skip); err != nil {
			t.Fatal(err)
		}
		for kind, m := range ran {
			for _, a := range g.Actions {
				if m[a] != 1 {
					t.Errorf("seed %d: task %d of %s ran %d times", seed, kind, a.Output.Name, m[a])
				}
			}
		}
	}
}

// TestTestsComeFirst: with one slot each package is tested, and published, before the next one is built.
func TestTestsComeFirst(t *testing.T) {
	g := &Graph{}
	for i := range 4 {
		g.Actions = append(g.Actions, &Action{Output: &recipes.Output{Name: fmt.Sprint(i)}})
	}
	var order []string
	do := func(_ context.Context, tk *task) error {
		order = append(order, fmt.Sprint(tk.action.Output.Name, tk.kind))
		return nil
	}
	if err := schedule(context.Background(), tasksOf(g), newSlots(newTokens(1), 0, nil), false, do, func(*task, error) {}); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"00", "01", "10", "11", "20", "21", "30", "31"}, order); d != "" {
		t.Error(d)
	}
}

// TestScheduleFailure: with keepGoing all that does not need the failed package runs, and exactly what
// needs it is skipped.
func TestScheduleFailure(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 2))
		g := randomGraph(r, 2+r.IntN(12))
		bad := g.Actions[r.IntN(len(g.Actions))]
		ran, skipped := map[*Action]bool{}, map[*Action]bool{}
		var mu sync.Mutex
		do := func(_ context.Context, tk *task) error {
			mu.Lock()
			defer mu.Unlock()
			if tk.kind == buildTask {
				ran[tk.action] = true
				if tk.action == bad {
					return errors.New("bad")
				}
			}
			return nil
		}
		skip := func(tk *task, _ error) { skipped[tk.action] = true }
		if err := schedule(context.Background(), tasksOf(g), newSlots(newTokens(2), 0, nil), true, do, skip); err == nil {
			t.Fatalf("seed %d: no error", seed)
		}
		for _, a := range g.Actions {
			if needsHard(a, bad, map[*Action]bool{}) && a != bad && ran[a] {
				t.Errorf("seed %d: %s was built although it needs the failed %s", seed, a.Output.Name, bad.Output.Name)
			}
			if !ran[a] && !skipped[a] {
				t.Errorf("seed %d: %s neither ran nor was skipped", seed, a.Output.Name)
			}
		}
	}
}

func needsHard(a, b *Action, seen map[*Action]bool) bool {
	if a == b {
		return true
	}
	if seen[a] {
		return false
	}
	seen[a] = true
	for _, n := range a.Needs {
		if needsHard(n, b, seen) {
			return true
		}
	}
	return false
}

// TestScheduleStops: after a failure nothing new is started without keepGoing.
func TestScheduleStops(t *testing.T) {
	g := &Graph{}
	for i := range 5 {
		g.Actions = append(g.Actions, &Action{Output: &recipes.Output{Name: fmt.Sprintf("p%d", i)}})
	}
	started, skipped := 0, 0
	do := func(context.Context, *task) error { started++; return errors.New("no") }
	err := schedule(context.Background(), tasksOf(g), newSlots(newTokens(1), 0, nil), false, do, func(*task, error) { skipped++ })
	if err == nil || started != 1 || skipped != 4 {
		t.Errorf("started %d, skipped %d, err %v; want 1, 4 and an error", started, skipped, err)
	}
}
