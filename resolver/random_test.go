package resolver_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
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

// TestRandom holds the solver to brute force.
func TestRandom(t *testing.T) {
	n := 3000
	if testing.Short() {
		n = 300
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
		case !errors.As(err, &conflict):
			t.Fatalf("seed %d: %v", seed, err)
		case check.Solvable(provider, problem):
			t.Fatalf("seed %d: solvable, but: %v\n%+v", seed, err, problem)
		}
	}
	t.Logf("%d of %d solvable", sat, n)
}
