package resolver_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"forge/packages"
	"forge/platforms"
	"forge/resolver"
	"forge/resolver/check"
)

var update = flag.Bool("update", false, "write what is said now into the golden files")

// TestConformanceConflicts are conflicts that people met, each in a universe of its own that says no more
// than the conflict takes. A file holds where it comes from, the records of channels, the request, and
// what we answer; someone has read each answer and could act on it.
func TestConformanceConflicts(t *testing.T) {
	files, err := filepath.Glob("testdata/conflicts/*.txt")
	if err != nil || len(files) < 40 {
		t.Fatal(len(files), err)
	}
	from := map[string]int{}
	for _, file := range files {
		origin, _, _ := strings.Cut(filepath.Base(file), "-")
		from[origin]++
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			provider, problem, want := goldenCase(t, a)
			got := goldenAnswer(t, provider, problem)
			if *update {
				want.Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(want.Data), got); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Logf("%d conflicts (%d of resolvo, %d of libsolv, %d of pubgrub, %d of recipes) are explained as agreed", len(files),
		from["resolvo"], from["libsolv"], from["pubgrub"], from["forge"])
}

// goldenAnswer is the explanation; what else it has to be is checked here.
func goldenAnswer(t *testing.T, provider *resolver.Memory, problem resolver.Problem) string {
	t.Helper()
	got, err := resolver.New().Solve(context.Background(), provider, problem)
	var conflict *resolver.Conflict
	if !errors.As(err, &conflict) {
		t.Fatalf("got %v, %v", got, err)
	}
	if check.Solvable(provider, problem) {
		t.Fatal("it is solvable")
	}
	checkHint(t, 0, provider, problem, conflict)
	return conflict.Error() + "\n"
}

// goldenCase reads the parts of a file: "channel NAME" in order of priority, "request", "explanation".
func goldenCase(t *testing.T, a *txtar.Archive) (*resolver.Memory, resolver.Problem, *txtar.File) {
	t.Helper()
	var records []*packages.Record
	var p resolver.Problem
	var want *txtar.File
	for i := range a.Files {
		f := &a.Files[i]
		switch kind, name, _ := strings.Cut(f.Name, " "); kind {
		case "channel":
			list := readRecords(string(f.Data))
			for _, r := range list {
				r.Channel = name
			}
			records = append(records, list...)
			p.Channels = append(p.Channels, name)
		case "request":
			readRequest(t, &p, string(f.Data), records)
		case "explanation":
			want = f
		default:
			t.Fatalf("%s: unknown part", f.Name)
		}
	}
	return resolver.NewMemory(records...), p, want
}

// readRequest reads one word and its value a line.
func readRequest(t *testing.T, p *resolver.Problem, text string, records []*packages.Record) {
	t.Helper()
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		word, value, _ := strings.Cut(line, " ")
		switch word {
		case "want":
			p.Specs = append(p.Specs, value)
		case "constrain":
			p.Constraints = append(p.Constraints, value)
		case "machine":
			v := strings.Split(value+"=0", "=")
			p.Virtual = append(p.Virtual, platforms.VirtualPackage{Name: v[0], Version: v[1], Build: v[2]})
		case "newest":
			fmt.Sscan(value, &p.ExcludeNewer)
		case "locked":
			for _, r := range records {
				if r.String() == value {
					p.Locked = append(p.Locked, r)
				}
			}
		default:
			t.Fatalf("request: %q", line)
		}
	}
}
