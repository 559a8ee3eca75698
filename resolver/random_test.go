package resolver_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"forge/packages"
	"forge/platforms"
	"forge/resolver"
	"forge/resolver/check"
)

// randomProblem makes a small universe full of conflicts, a function of the seed.
func randomProblem(seed uint64) (*resolver.Memory, resolver.Problem) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	names := []string{"a", "b", "c", "d", "e", "f"}[:3+rnd.IntN(4)]
	var records []*packages.Record
	spec := func() string {
		name := names[rnd.IntN(len(names))]
		v := rnd.IntN(4)
		switch rnd.IntN(8) {
		case 0:
			if rnd.IntN(4) == 0 {
				return fmt.Sprintf("%s[version='>=%d', extras=[x]]", name, v)
			}
			return name
		case 1:
			return fmt.Sprintf("%s >=%d", name, v)
		case 2:
			return fmt.Sprintf("%s <%d", name, v+1)
		case 3:
			return fmt.Sprintf("%s %d.*", name, v)
		case 4:
			return fmt.Sprintf("%s !=%d", name, v)
		case 5:
			return fmt.Sprintf("%s * b%d", name, rnd.IntN(2))
		case 6:
			return fmt.Sprintf("__v >=%d", v)
		}
		return fmt.Sprintf("%s >=%d,<%d", name, v, v+1+rnd.IntN(2))
	}
	channels := []string{"one", "two"}
	seen := map[string]bool{}
	for _, n := range names {
		for range rnd.IntN(4) {
			r := &packages.Record{Name: n, Version: fmt.Sprint(rnd.IntN(4)), BuildNumber: rnd.IntN(2), Channel: channels[rnd.IntN(8)/7],
				Timestamp: int64(rnd.IntN(5)), Subdir: "noarch"}
			r.Build = fmt.Sprintf("b%d", r.BuildNumber)
			if id := r.String() + r.Channel; seen[id] {
				continue
			} else {
				seen[id] = true
			}
			r.FileName = r.String() + ".conda"
			for range rnd.IntN(3) {
				s := spec()
				if rnd.IntN(6) == 0 {
					s = fmt.Sprintf("%s[when=%q]", s, spec())
				}
				r.Depends = append(r.Depends, s)
			}
			if rnd.IntN(4) == 0 {
				r.ExtraDepends = map[string][]string{"x": {spec()}}
			}
			for range rnd.IntN(2) {
				r.Constrains = append(r.Constrains, spec())
			}
			records = append(records, r)
		}
	}
	p := resolver.Problem{Channels: channels, Priority: resolver.ChannelPriority(rnd.IntN(3)),
		Virtual: []platforms.VirtualPackage{{Name: "__v", Version: "2", Build: "0"}}}
	for range 1 + rnd.IntN(3) {
		p.Specs = append(p.Specs, spec())
	}
	for range rnd.IntN(2) {
		p.Constraints = append(p.Constraints, spec())
	}
	if rnd.IntN(5) == 0 {
		p.ExcludeNewer = 3
	}
	if rnd.IntN(6) == 0 && len(records) > 0 {
		p.Locked = records[:1]
	}
	return resolver.NewMemory(records...), p
}

// TestConformanceRandom holds the solver to brute force.
func TestConformanceRandom(t *testing.T) {
	n := 1000
	if testing.Short() {
		n = 200
	}
	sat := 0
	for seed := range uint64(n) {
		provider, problem := randomProblem(seed)
		got, err := resolver.New().Solve(context.Background(), provider, problem)
		var conflict *resolver.Conflict
		switch {
		case err == nil:
			sat++
			if faults := check.Solution(provider, problem, got.Records); len(faults) > 0 {
				t.Fatalf("seed %d: %v: %v\n%v", seed, got.Records, faults, problem)
			}
			checkBest(t, seed, provider, problem, got.Records)
		case !errors.As(err, &conflict):
			t.Fatalf("seed %d: %v", seed, err)
		case check.Solvable(provider, problem):
			t.Fatalf("seed %d: solvable, but: %v\n%+v", seed, err, problem)
		default:
			checkHint(t, seed, provider, problem, conflict)
		}
	}
	t.Logf("%d random universes: verdicts equal to brute force (%d solvable), no violation, wanted packages the best there are, hints true", n, sat)
}

// checkBest: for the wanted names in their order no solution has a better record.
func checkBest(t *testing.T, seed uint64, provider resolver.Provider, problem resolver.Problem, got []*packages.Record) {
	var names []string
	for _, s := range problem.Specs {
		if m, _ := packages.ParseMatchSpec(s); !slices.Contains(names, m.Name) && !strings.HasPrefix(m.Name, "__") {
			names = append(names, m.Name)
		}
	}
	rank := func(records []*packages.Record, name string) (out [3]int) {
		r := records[slices.IndexFunc(records, func(r *packages.Record) bool { return r.Name == name })]
		if problem.Priority == resolver.Flexible {
			out[0] = -slices.Index(problem.Channels, r.Channel)
		}
		fmt.Sscan(r.Version, &out[1])
		out[2] = r.BuildNumber
		return out
	}
	for other := range check.Solutions(provider, problem) {
		for _, name := range names {
			a, b := rank(got, name), rank(other, name)
			if c := slices.Compare(a[:], b[:]); c > 0 {
				break
			} else if c < 0 {
				t.Fatalf("seed %d: %v, but %v is better for %s\n%+v", seed, got, other, name, problem)
			}
		}
	}
}

// checkHint: an explanation is short, and what it says would do does.
func checkHint(t *testing.T, seed uint64, provider resolver.Provider, problem resolver.Problem, conflict *resolver.Conflict) {
	if n := strings.Count(conflict.Error(), "\n"); n > 25 {
		t.Fatalf("seed %d: %d lines:\n%v", seed, n, conflict)
	}
	for hint := range strings.SplitSeq(conflict.Hint, "; ") {
		var changed []string
		drop, replace := "", ""
		if spec, ok := strings.CutPrefix(hint, "it is solvable without "); ok {
			drop = spec
		} else if better, spec, ok := strings.Cut(hint, " would do instead of "); ok {
			name, version, _ := strings.Cut(better, " ")
			drop, replace = spec, name+" =="+version
		} else {
			continue
		}
		p := problem
		p.Constraints = slices.DeleteFunc(slices.Clone(p.Constraints), func(s string) bool { return s == drop })
		for _, s := range p.Specs {
			if s != drop {
				changed = append(changed, s)
			}
		}
		if replace != "" {
			changed = append(changed, replace)
		}
		if p.Specs = changed; !check.Solvable(provider, p) && len(p.Locked) == 0 {
			t.Fatalf("seed %d: hint %q is wrong:\n%+v\n%v", seed, hint, problem, conflict)
		}
	}
}
