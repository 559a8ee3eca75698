package engine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"forge/recipes"
)

func randomEdges(r *rand.Rand, n int, density float64) [][]int {
	next := make([][]int, n)
	for i := range n {
		for j := range n {
			if i != j && r.Float64() < density {
				next[i] = append(next[i], j)
			}
		}
	}
	return next
}

// distances is Floyd and Warshall's: the shortest way between any two, n for none.
func distances(next [][]int) [][]int {
	n := len(next)
	d := make([][]int, n)
	for i := range d {
		d[i] = slices.Repeat([]int{n + 1}, n)
		for _, j := range next[i] {
			d[i][j] = 1
		}
	}
	for k := range n {
		for i := range n {
			for j := range n {
				d[i][j] = min(d[i][j], d[i][k]+d[k][j])
			}
		}
	}
	return d
}

// TestComponents compares with reachability: who is in one component reaches each other, and what a
// component needs comes before it. The shortest loop is as short as the shortest way back.
func TestComponents(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 2))
		n := 1 + r.IntN(14)
		next := randomEdges(r, n, 0.15)
		d := distances(next)
		at := func(i int) []int { return next[i] }
		place := map[int]int{}
		for k, group := range components(n, at) {
			for _, i := range group {
				place[i] = k
			}
			if len(group) < 2 {
				continue
			}
			want := n + 1
			for _, i := range group {
				want = min(want, d[i][i])
			}
			loop := shortestLoop(group, at)
			if len(loop) != want {
				t.Fatalf("seed %d: loop %v, the shortest has %d", seed, loop, want)
			}
			for k, i := range loop {
				if !slices.Contains(next[i], loop[(k+1)%len(loop)]) {
					t.Fatalf("seed %d: loop %v is none", seed, loop)
				}
			}
		}
		for i := range n {
			for j := range n {
				together := i == j || d[i][j] <= n && d[j][i] <= n
				if together != (place[i] == place[j]) {
					t.Fatalf("seed %d: %d and %d: together %v, components %v", seed, i, j, together, place)
				}
				if d[i][j] <= n && place[j] > place[i] {
					t.Fatalf("seed %d: %d needs %d, which comes later", seed, i, j)
				}
			}
		}
	}
}

// TestShards checks that each package is built once, and never before or beside what it needs.
func TestShards(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 3))
		var outputs []*recipes.Output
		for i := range 1 + r.IntN(40) {
			o := &recipes.Output{Name: fmt.Sprintf("p%d", i), Version: "1", BuildString: "0"}
			for j := range i {
				switch r.IntN(12) {
				case 0:
					o.Requirements.Host = append(o.Requirements.Host, recipes.Dependency{Spec: fmt.Sprintf("p%d", j)})
				case 1:
					o.Requirements.Run = append(o.Requirements.Run, recipes.Dependency{Spec: fmt.Sprintf("p%d >=1", j)})
				case 2:
					back := &outputs[j].Requirements
					back.Run = append(back.Run, recipes.Dependency{Spec: o.Name})
				}
			}
			outputs = append(outputs, o)
		}
		g := NewRecipeGraph(outputs)
		for _, n := range g.Nodes {
			n.Seconds = 1 + 100*r.Float64()
		}
		machines := 1 + r.IntN(5)
		stages, err := g.Shards(machines)
		if err != nil {
			t.Fatal(err)
		}
		type place struct{ stage, shard int }
		places := map[string]place{}
		for s, stage := range stages {
			if len(stage.Shards) != machines {
				t.Fatalf("seed %d: %d shards for %d machines", seed, len(stage.Shards), machines)
			}
			for k, shard := range stage.Shards {
				for _, n := range shard.Nodes {
					if _, twice := places[n.Name]; twice {
						t.Fatalf("seed %d: %s is built twice", seed, n.Name)
					}
					places[n.Name] = place{s, k}
				}
			}
		}
		if len(places) != len(outputs) {
			t.Fatalf("seed %d: %d of %d are built", seed, len(places), len(outputs))
		}
		for _, n := range g.Nodes {
			for _, m := range slices.Concat(n.Hard, n.Soft) {
				if a, b := places[n.Name], places[m.Name]; b.stage > a.stage || b.stage == a.stage && b.shard != a.shard {
					t.Fatalf("seed %d: %s at %v needs %s at %v", seed, n.Name, a, m.Name, b)
				}
			}
			for _, m := range n.Hard {
				if m.index > n.index {
					t.Fatalf("seed %d: %s stands before %s, which it is built with", seed, n.Name, m.Name)
				}
			}
		}
	}
}

// TestTasksOfMany makes sure that a large graph does not take quadratic time.
func TestTasksOfMany(t *testing.T) {
	g := &Graph{}
	for i := range 20000 {
		a := &Action{Output: &recipes.Output{Name: fmt.Sprint(i)}}
		for k := 1; k <= 4 && k <= i; k++ {
			a.Needs = append(a.Needs, g.Actions[i-k*i/5-1+k/5])
		}
		if i > 0 && i%20 == 0 {
			a.TestNeeds = append(a.TestNeeds, g.Actions[i-1])
		}
		g.Actions = append(g.Actions, a)
	}
	all := tasksOf(g)
	weigh(all)
	if len(all) != 40000 {
		t.Fatalf("%d tasks", len(all))
	}
}
