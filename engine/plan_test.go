package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"forge/packages"
	"forge/platforms"
	"forge/recipes"
	"forge/resolver"
)

// oneChannel offers packages that run with outputs of the run, which no recipe tells.
type oneChannel struct{ noChannels }

func (oneChannel) Candidates(name string) ([]*packages.Record, error) {
	if n, ok := strings.CutPrefix(name, "ch"); ok {
		return []*packages.Record{{Name: name, Version: "1", Build: "0", Channel: "/ch", Subdir: "noarch", Depends: []string{"p" + n}, SHA256: strings.Repeat("0", 64), FileName: name + "-1-0.conda"}}, nil
	}
	return nil, nil
}

// randomOutputs are n outputs that need earlier ones, in random order of the recipes. Some run with later
// ones, some are built with a channel's package that runs with an earlier one.
func randomOutputs(t *testing.T, r *rand.Rand, n int) []*recipes.Output {
	linux, err := platforms.Parse("linux-64")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	list := make([]*recipes.Output, n)
	for i := range n {
		o := &recipes.Output{Name: fmt.Sprintf("p%d", i), Version: "1", BuildString: "0", TargetPlatform: linux,
			Recipe: recipes.Origin{File: fmt.Sprint(i), Dir: dir}, Tests: []recipes.Test{{Script: &recipes.ScriptTest{}}}}
		for j := range i {
			spec := recipes.Dependency{Spec: fmt.Sprintf("p%d", j)}
			switch r.IntN(8) {
			case 0:
				o.Requirements.Host = append(o.Requirements.Host, spec)
			case 1:
				o.Requirements.Run = append(o.Requirements.Run, spec)
			case 2:
				o.Requirements.RunExports.Weak = append(o.Requirements.RunExports.Weak, spec)
			case 3:
				o.Requirements.Build = append(o.Requirements.Build, recipes.Dependency{Spec: fmt.Sprintf("ch%d", j)})
			}
		}
		list[i] = o
	}
	r.Shuffle(n, func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// TestPlanIsDeterministic plans random graphs with one and with several processors: the plans are the
// same, each action comes after what it needs, and each environment holds all that its packages run with.
func TestPlanIsDeterministic(t *testing.T) {
	tools := Tools{Solver: resolver.New(), Channels: oneChannel{}, Externals: noHost{}}
	for seed := range uint64(30) {
		outputs := randomOutputs(t, rand.New(rand.NewPCG(seed, 5)), 25)
		var texts []string
		for _, processors := range []int{1, 4} {
			old := runtime.GOMAXPROCS(processors)
			g, err := Plan(context.Background(), &Request{Channels: []string{"/ch"}}, tools, outputs)
			runtime.GOMAXPROCS(old)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			checkPlan(t, g, len(outputs))
			var order []string
			for _, a := range g.Actions {
				order = append(order, a.Name())
			}
			texts = append(texts, strings.Join(order, " ")+"\n"+NewLock(g, "/").String())
		}
		if d := cmp.Diff(texts[0], texts[1]); d != "" {
			t.Fatalf("seed %d: %s", seed, d)
		}
	}
}

func checkPlan(t *testing.T, g *Graph, n int) {
	t.Helper()
	if len(g.Actions) != n {
		t.Fatalf("%d of %d are planned", len(g.Actions), n)
	}
	before := map[*Action]bool{}
	for _, a := range g.Actions {
		for _, b := range a.Needs {
			if !before[b] {
				t.Fatalf("%s comes before %s, which it needs", a.Name(), b.Name())
			}
		}
		before[a] = true
		for _, env := range a.environments() {
			for _, r := range env.Records {
				for _, d := range r.Depends {
					if env.find(specName(d)) == nil {
						t.Fatalf("%s: %s runs with %s, which is not there", a.Name(), r, d)
					}
				}
			}
		}
	}
}

// TestHiddenLoop is about a loop that only solving tells: a is built with a channel's package that runs
// with b, which is built with a.
func TestHiddenLoop(t *testing.T) {
	linux, err := platforms.Parse("linux-64")
	if err != nil {
		t.Fatal(err)
	}
	output := func(name, host string) *recipes.Output {
		return &recipes.Output{Name: name, Version: "1", BuildString: "0", TargetPlatform: linux, Recipe: recipes.Origin{File: name, Dir: t.TempDir()},
			Requirements: recipes.Requirements{Host: []recipes.Dependency{{Spec: host}}}}
	}
	tools := Tools{Solver: resolver.New(), Channels: oneChannel{}, Externals: noHost{}}
	_, err = Plan(context.Background(), &Request{Channels: []string{"/ch"}}, tools, []*recipes.Output{output("a", "ch2"), output("p2", "a"), output("c", "a")})
	if err == nil || !strings.Contains(err.Error(), "dependency cycle: a -> p2 -> a") {
		t.Errorf("got %v", err)
	}
}
