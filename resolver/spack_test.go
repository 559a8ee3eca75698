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

// TestConformanceUniverse holds the verdicts to those of libsolv and of native rattler, each solution to the
// independent checker, and its quality to that of rattler's.
func TestConformanceUniverse(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 180,000 records")
	}
	provider := loadUniverse(t)
	var times []time.Duration
	var q quality
	unsat := 0
	for _, set := range []string{"named25", "random120"} {
		lines := readLines(t, "universe/spack8/requests-"+set+".txt")
		answers := readLines(t, "universe/spack8/answers-rattler-native-"+set+".jsonl")
		libsolv := verdictsOf(t, "universe/spack8/libsolv-answers-"+set+".tsv")
		for i, line := range lines {
			var want struct {
				Request, Verdict string
				Records          []string
			}
			if err := json.Unmarshal([]byte(answers[i]), &want); err != nil || want.Request != line {
				t.Fatalf("answer %d is for %q, %v", i, want.Request, err)
			}
			if libsolv[line] != want.Verdict {
				t.Errorf("%s: libsolv says %q, rattler %q", line, libsolv[line], want.Verdict)
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
				q.compare(t, problem.Specs, got.Records, want.Records)
			case err == nil || !errors.As(err, &conflict) || want.Verdict != "UNSAT":
				t.Errorf("%s: got %v, want %s", line, err, want.Verdict)
			default:
				unsat++
			}
		}
	}
	slices.Sort(times)
	t.Logf("derived universe: %d verdicts (%d without solution) equal to libsolv's and rattler's, no violation found by the checker", len(times), unsat)
	t.Logf("records equal to rattler's in %d, better for a wanted package in %d, worse in %d; other packages newer %d, older %d",
		q.equal, q.better, q.worse, q.newer, q.older)
	t.Logf("median %v, max %v", times[len(times)/2], times[len(times)-1])
	if q.worse > 0 {
		t.Error("a wanted package is older than rattler's although none before it is newer")
	}
}

// verdictsOf reads a table of request and verdict.
func verdictsOf(t *testing.T, name string) map[string]string {
	out := map[string]string{}
	for _, line := range readLines(t, name) {
		if f := strings.Split(line, "\t"); len(f) > 1 {
			out[f[0]] = f[1]
		}
	}
	return out
}

// quality counts how solutions compare with another solver's, by the stated order of preference: wanted
// packages in their order, newest version first, then the highest build number.
type quality struct{ equal, better, worse, newer, older int }

func (q *quality) compare(t *testing.T, specs []string, mine []*packages.Record, theirs []string) {
	other := map[string]packages.Version{}
	rest := map[string]bool{}
	for _, text := range theirs {
		f := strings.Split(text, "=")
		v, err := packages.ParseVersion(f[1])
		if err != nil {
			t.Fatal(err)
		}
		other[f[0]], rest[text] = v, true
	}
	versions := map[string]packages.Version{}
	for _, r := range mine {
		v, err := packages.ParseVersion(r.Version)
		if err != nil {
			t.Fatal(err)
		}
		versions[r.Name] = v
		delete(rest, r.Name+"="+r.Version+"="+r.Build)
	}
	if len(rest) == 0 && len(mine) == len(theirs) {
		q.equal++
		return
	}
	wanted := map[string]bool{}
	decided := false
	for _, s := range specs {
		m, err := packages.ParseMatchSpec(s)
		if err != nil {
			t.Fatal(err)
		}
		wanted[m.Name] = true
		switch c := versions[m.Name].Compare(other[m.Name]); {
		case decided || c == 0:
		case c > 0:
			q.better++
			decided = true
		default:
			q.worse++
			decided = true
			t.Logf("%s: %s is %s", strings.Join(specs, ";"), m.Name, versions[m.Name])
		}
	}
	for name, v := range versions {
		if o, ok := other[name]; ok && !wanted[name] {
			if c := v.Compare(o); c > 0 {
				q.newer++
			} else if c < 0 {
				q.older++
			}
		}
	}
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
