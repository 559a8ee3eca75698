package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
)

// TestCircles checks on random graphs, with random failures: every task runs once or is skipped, what stands in a
// circle is published when all of it is tested, and nothing of which a need failed is published.
func TestCircles(t *testing.T) {
	published, kept := 0, 0
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 4))
		g := randomGraph(r, 2+r.IntN(8))
		for _, a := range g.Actions {
			for _, b := range g.Actions {
				if r.IntN(5) == 0 && a != b {
					a.RunNeeds = append(a.RunNeeds, []*Action{b, g.Actions[r.IntN(len(g.Actions))]}[:1+r.IntN(2)])
				}
			}
		}
		bad := map[*Action]bool{}
		for range r.IntN(3) {
			bad[g.Actions[r.IntN(len(g.Actions))]] = true
		}
		ran := &run{outcomes: map[*Action]*Outcome{}, part: map[*Action]bool{}, circles: circlesOf(g, groupsOf(g))}
		for _, a := range g.Actions {
			ran.part[a] = true
		}
		tested, out := map[*Action]bool{}, map[*Action]bool{}
		var mu sync.Mutex
		do := func(_ context.Context, tk *task) (err error) {
			a := tk.action
			defer func() {
				mu.Lock()
				defer mu.Unlock()
				if o := ran.outcome(a); err != nil {
					o.Status, o.Err = StatusSkipped, err
				} else {
					o.Status = StatusBuilt
				}
				if err == nil && (tk.kind == publishTask || tk.kind == testTask && ran.circles[a] == nil) {
					out[a] = true
				}
			}()
			switch {
			case tk.kind == testTask && bad[a]:
				return fmt.Errorf("bad")
			case tk.kind == testTask:
				mu.Lock()
				tested[a] = true
				mu.Unlock()
				if ran.circles[a] == nil {
					mu.Lock()
					defer mu.Unlock()
					return ran.runnable(a)
				}
			case tk.kind == publishTask:
				mu.Lock()
				defer mu.Unlock()
				for _, m := range ran.circles[a] {
					if o := ran.outcomes[m]; !tested[m] && (o == nil || o.Err == nil) {
						t.Errorf("seed %d: %s is published before %s was tested", seed, a.Output.Name, m.Output.Name)
					}
				}
				return ran.together(a)
			}
			return nil
		}
		skip := func(tk *task, err error) {
			mu.Lock()
			defer mu.Unlock()
			if o := ran.outcome(tk.action); o.Err == nil {
				o.Status, o.Err = StatusSkipped, err
			}
		}
		err := schedule(context.Background(), tasksOf(g), newSlots(newTokens(1+r.IntN(3)), 0, nil), true, do, skip)
		if (err == nil) != (len(bad) == 0) {
			t.Errorf("seed %d: %d are bad, and the error is %v", seed, len(bad), err)
		}
		for _, a := range g.Actions {
			if o := ran.outcomes[a]; out[a] != (o != nil && o.Err == nil) || len(bad) == 0 && !out[a] {
				t.Errorf("seed %d: %s: published %v, %+v", seed, a.Output.Name, out[a], o)
			}
			for _, any := range a.RunNeeds {
				has := false
				for _, b := range any {
					has = has || out[b]
				}
				if out[a] && !has {
					t.Errorf("seed %d: %s is in the channel without %s", seed, a.Output.Name, any[0].Output.Name)
				}
			}
			if out[a] {
				published++
			} else {
				kept++
			}
		}
	}
	if published < 500 || kept < 500 {
		t.Errorf("%d published, %d kept out: the graphs show nothing", published, kept)
	}
}
