package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"forge/recipes"
)

// TestSlots checks on random tasks that what runs together fits, that what does not fit runs alone, and
// that nothing waits for ever.
func TestSlots(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 3))
		g := randomGraph(r, 1+r.IntN(15))
		all := tasksOf(g)
		for _, tk := range all {
			tk.needs = resources{jobs: r.IntN(6), memory: int64(r.IntN(120))}
		}
		const size, memory = 4, 100
		var mu sync.Mutex
		running, jobs, used := 0, 0, int64(0)
		do := func(_ context.Context, tk *task) error {
			mu.Lock()
			running, jobs, used = running+1, jobs+min(size, max(1, tk.needs.jobs)), used+tk.needs.memory
			if jobs > size || used > memory && running > 1 {
				t.Errorf("seed %d: %d tasks run with %d jobs and %d bytes; there are %d and %d", seed, running, jobs, used, size, memory)
			}
			mu.Unlock()
			mu.Lock()
			running, jobs, used = running-1, jobs-min(size, max(1, tk.needs.jobs)), used-tk.needs.memory
			mu.Unlock()
			return nil
		}
		s := newSlots(newTokens(size), memory, nil)
		if err := schedule(context.Background(), all, s, false, do, nil); err != nil {
			t.Fatal(err)
		}
		if s.tokens.free != size || s.memory() != 0 || len(s.running) != 0 {
			t.Errorf("seed %d: at the end %d tokens, %d bytes, %d running", seed, s.tokens.free, s.memory(), len(s.running))
		}
	}
}

// TestCriticalPath: what has most to wait for it starts first, and a big one is not passed over for ever.
func TestCriticalPath(t *testing.T) {
	g := &Graph{}
	for i := range 40 {
		g.Actions = append(g.Actions, &Action{Output: &recipes.Output{Name: fmt.Sprintf("p%02d", i)}})
	}
	all := tasksOf(g)
	for i, tk := range all {
		tk.cost = float64(i)
		tk.needs.memory = 40
		if tk.action == g.Actions[39] {
			tk.needs.memory = 90
		}
	}
	var mu sync.Mutex
	var order []string
	do := func(_ context.Context, tk *task) error {
		mu.Lock()
		defer mu.Unlock()
		if tk.kind == buildTask {
			order = append(order, tk.action.Output.Name)
		}
		return nil
	}
	if err := schedule(context.Background(), all, newSlots(newTokens(2), 100, nil), false, do, nil); err != nil {
		t.Fatal(err)
	}
	at := strings.Index(strings.Join(order, " "), "p39") / 4
	if order[0] != "p39" && at > patience+4 {
		t.Errorf("the big one with the longest way came as number %d: %v", at, order)
	}
}

func TestDeclaredResources(t *testing.T) {
	for _, c := range []struct {
		said any
		want resources
		err  string
	}{
		{map[string]any{"cpus": 4, "memory": "6GB"}, resources{4, 6e9}, ""},
		{map[string]any{"memory": "1.5GiB"}, resources{0, 3 << 29}, ""},
		{map[string]any{"memory": 2048}, resources{0, 2048}, ""},
		{map[string]any{"cpus": 0}, resources{}, `cpus: "0" is no number of CPUs`},
		{map[string]any{"cpus": "many"}, resources{}, "no number of CPUs"},
		{map[string]any{"memory": "6 bananas"}, resources{}, "want a size"},
		{map[string]any{"cpu": 4}, resources{}, `"cpu" is neither cpus nor memory`},
		{"lots", resources{}, "is no mapping"},
	} {
		o := &recipes.Output{Name: "p", Extra: map[string]any{"forge": map[string]any{"resources": c.said}}}
		got, err := declaredResources(o)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%v: %v, want %q", c.said, err, c.err)
			}
			continue
		}
		if d := cmp.Diff(c.want, got, cmp.AllowUnexported(resources{})); d != "" || err != nil {
			t.Errorf("%v: %v %s", c.said, err, d)
		}
	}
}

// TestSlotsSeen: a build that takes more than anybody knew holds back what would have fitted, and that is said once.
func TestSlotsSeen(t *testing.T) {
	tasks := make([]*task, 3)
	for i := range tasks {
		tasks[i] = &task{action: &Action{Output: &recipes.Output{Name: fmt.Sprint("p", i)}}, needs: resources{memory: int64(40e6 * i)}}
	}
	var said []string
	s := newSlots(newTokens(4), 100e6, func(e Event) { said = append(said, e.Action.Output.Name+" "+e.Text) })
	m := &memoryOfRun{builds: map[*Action]*task{tasks[0].action: tasks[0]}}
	if s.admit(tasks[0]) != fits {
		t.Fatal("the first does not fit")
	}
	m.saw(tasks[0].action, 70e6)
	m.saw(tasks[0].action, 20e6) // what it needed once it may need again
	if s.admit(tasks[1]) != lacksMemory || len(said) > 0 {
		t.Errorf("what may be reused was said to be waited for: %q", said)
	}
	tasks[0].begun.Store(true)
	for range 2 { // the second time nothing is said
		if s.admit(tasks[1]) != lacksMemory {
			t.Error("40 MB were started beside 70 MB of 100 MB")
		}
	}
	if d := cmp.Diff([]string{"p1 needs 40 MB of memory, of which 30 MB of 100 MB are free"}, said); d != "" {
		t.Error(d)
	}
	s.release(tasks[0])
	if s.admit(tasks[2]) != fits || m.most.Load() != 70e6 {
		t.Errorf("after its end nothing fits, or its most is %d", m.most.Load())
	}
}
