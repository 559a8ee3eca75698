package resolver_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"forge/packages"
	"forge/resolver"
)

// hostile makes universes that no one needs.
func hostile(kind string, n int) (*resolver.Memory, []string) {
	var records []*packages.Record
	add := func(name string, version int, depends ...string) *packages.Record {
		r := &packages.Record{Name: name, Version: fmt.Sprint(version), Build: "0", Depends: depends}
		records = append(records, r)
		return r
	}
	switch kind {
	case "versions": // each of many versions needs another bound on a name with as many
		for i := range n {
			add("a", i, fmt.Sprintf("b >=%d", i))
			add("b", i)
		}
		return resolver.NewMemory(records...), []string{"a"}
	case "versions, none":
		for i := range n {
			add("a", i, fmt.Sprintf("b >=%d,!=%d", i+1, n+1))
			add("b", i, fmt.Sprintf("a >%d", i))
		}
		return resolver.NewMemory(records...), []string{"a", "b <1"}
	case "ring of constraints":
		for i := range n {
			r := add(fmt.Sprintf("r%d", i), 1, fmt.Sprintf("r%d", (i+1)%n))
			r.Constrains = []string{fmt.Sprintf("r%d >=1", (i+7)%n), fmt.Sprintf("r%d <2", (i+n-1)%n)}
		}
		return resolver.NewMemory(records...), []string{"r0"}
	case "chain that ends nowhere":
		for i := range n {
			add(fmt.Sprintf("c%d", i), 1, fmt.Sprintf("c%d", i+1))
		}
		return resolver.NewMemory(records...), []string{"c0"}
	case "all forbid each other":
		for i := range n {
			r := add(fmt.Sprintf("f%d", i), 1)
			for k := range n {
				if k != i {
					r.Constrains = append(r.Constrains, fmt.Sprintf("f%d <0", k))
				}
			}
			add("any", i, fmt.Sprintf("f%d", i), fmt.Sprintf("f%d", (i+1)%n))
		}
		return resolver.NewMemory(records...), []string{"any"}
	case "pigeons": // more pigeons than holes: hard for every search of this kind
		for hole := range n {
			for pigeon := range n + 1 {
				add(fmt.Sprintf("h%d", hole), pigeon)
			}
		}
		var specs []string
		for pigeon := range n + 1 {
			for hole := range n {
				add(fmt.Sprintf("p%d", pigeon), hole, fmt.Sprintf("h%d ==%d", hole, pigeon))
			}
			specs = append(specs, fmt.Sprintf("p%d", pigeon))
		}
		return resolver.NewMemory(records...), specs
	}
	panic(kind)
}

// TestHostile: universes made to be hard end, by an answer or an error, within 20 s of CPU and 1 GB
// (docs/resolver.md); what has no end of its own ends with the time that the caller gives.
func TestHostile(t *testing.T) {
	if testing.Short() {
		t.Skip("takes many seconds")
	}
	for _, c := range []struct {
		kind string
		n    int
		want string // of the error; empty for a solution
	}{
		{"versions", 30_000, ""},
		{"versions, none", 30_000, "too large"},
		{"ring of constraints", 50_000, ""},
		{"chain that ends nowhere", 50_000, "no solution for c0"},
		{"all forbid each other", 400, "no solution for any"},
		{"pigeons", 30, "deadline"},
	} {
		t.Run(c.kind, func(t *testing.T) {
			provider, specs := hostile(c.kind, c.n)
			ctx := context.Background()
			if c.want == "deadline" {
				short, cancel := context.WithTimeout(ctx, 2*time.Second)
				defer cancel()
				ctx = short
			}
			runtime.GC()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			begin := cpuTime()
			_, err := resolver.New().Solve(ctx, provider, resolver.Problem{Specs: specs})
			took := time.Duration(cpuTime() - begin)
			runtime.ReadMemStats(&after)
			used := int64(after.HeapInuse>>20) - int64(before.HeapInuse>>20)
			t.Logf("%v, %d MB: %.200v", took.Round(time.Millisecond), used, err)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %.500v", err)
			}
			if took > 20*time.Second || used > 1<<10 {
				t.Errorf("took %v of CPU and %d MB", took, used)
			}
			if err != nil && !errors.Is(err, context.DeadlineExceeded) && len(err.Error()) > 4000 {
				t.Errorf("%d bytes of explanation", len(err.Error()))
			}
		})
	}
}
