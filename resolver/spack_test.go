package resolver_test

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"forge/packages"
	"forge/resolver"
	"forge/resolver/check"
)

// sharedPath finds a file of ../shared, or skips the test.
func sharedPath(t testing.TB, name string) string {
	t.Helper()
	for _, root := range []string{os.Getenv("FORGE_SHARED"), "../../shared", "../../../shared"} {
		if root == "" {
			continue
		}
		if path := filepath.Join(root, name); exists(path) {
			return path
		}
	}
	t.Skipf("%s is not on this machine", name)
	return ""
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

// loadUniverse reads the derived universe whole.
func loadUniverse(t testing.TB) *resolver.Memory {
	var all []*packages.Record
	for _, subdir := range []string{"linux-64", "noarch"} {
		f, err := os.Open(sharedPath(t, "universe/spack8/"+subdir+".repodata.json.zst"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z, err := zstd.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		var doc struct {
			Conda map[string]*packages.Record `json:"packages.conda"`
		}
		if err := json.NewDecoder(z).Decode(&doc); err != nil {
			t.Fatal(err)
		}
		for name, r := range doc.Conda {
			r.FileName = name
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b *packages.Record) int { return cmp.Compare(a.FileName, b.FileName) })
	return resolver.NewMemory(all...)
}

// TestConformanceUniverse holds the verdicts to those of libsolv and of native rattler, and each solution
// to the independent checker.
func TestConformanceUniverse(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 180,000 records")
	}
	provider := loadUniverse(t)
	var times []time.Duration
	for _, set := range []string{"named25", "random120"} {
		lines := readLines(t, "universe/spack8/requests-"+set+".txt")
		answers := readLines(t, "universe/spack8/answers-rattler-native-"+set+".jsonl")
		for i, line := range lines {
			var want struct{ Request, Verdict string }
			if err := json.Unmarshal([]byte(answers[i]), &want); err != nil || want.Request != line {
				t.Fatalf("answer %d is for %q, %v", i, want.Request, err)
			}
			problem := resolver.Problem{Specs: strings.Split(line, ";")}
			start := time.Now()
			got, err := resolver.New().Solve(context.Background(), provider, problem)
			took := time.Since(start)
			times = append(times, took)
			var conflict *resolver.Conflict
			switch {
			case err == nil && want.Verdict == "SAT":
				if faults := check.Solution(provider, problem, got.Records); len(faults) > 0 {
					t.Errorf("%s: %v", line, faults)
				}
			case err == nil || !errors.As(err, &conflict) || want.Verdict != "UNSAT":
				t.Errorf("%s: got %v, want %s", line, err, want.Verdict)
			}
		}
	}
	slices.Sort(times)
	t.Logf("%d requests on the derived universe: median %v, max %v", len(times), times[len(times)/2], times[len(times)-1])
}

// BenchmarkUniverse solves all requests; the records are in memory.
func BenchmarkUniverse(b *testing.B) {
	provider := loadUniverse(b)
	lines := append(readLines(b, "universe/spack8/requests-named25.txt"), readLines(b, "universe/spack8/requests-random120.txt")...)
	var times []float64
	for b.Loop() {
		for _, line := range lines {
			start := time.Now()
			_, err := resolver.New().Solve(context.Background(), provider, resolver.Problem{Specs: strings.Split(line, ";")})
			var conflict *resolver.Conflict
			if err != nil && !errors.As(err, &conflict) {
				b.Fatal(err)
			}
			times = append(times, time.Since(start).Seconds()*1000)
		}
	}
	slices.Sort(times)
	b.ReportMetric(times[len(times)/2], "ms-median")
	b.ReportMetric(times[len(times)-1], "ms-max")
}

func readLines(t testing.TB, name string) []string {
	f, err := os.Open(sharedPath(t, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []string
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<24)
	for sc.Scan() {
		out = append(out, sc.Text())
	}
	return out
}
