package resolver_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"forge/packages"
	"forge/platforms"
	"forge/resolver"
	"forge/resolver/check"
)

// readRepodata reads a small repodata.json of the vectors.
func readRepodata(t testing.TB, name string) []*packages.Record {
	t.Helper()
	b, err := os.ReadFile(sharedPath(t, "vectors/"+name))
	if err != nil {
		t.Fatal(err)
	}
	type entry struct {
		*packages.Record
		TrackFeatures any `json:"track_features"` // a string or a list
	}
	var doc struct {
		Packages map[string]entry
		Conda    map[string]entry `json:"packages.conda"`
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	var out []*packages.Record
	for _, section := range []map[string]entry{doc.Packages, doc.Conda} {
		for file, e := range section {
			if _, ok := doc.Conda[strings.TrimSuffix(file, ".tar.bz2")+".conda"]; ok && strings.HasSuffix(file, ".tar.bz2") {
				continue
			}
			e.FileName = file
			e.Record.TrackFeatures, _ = e.TrackFeatures.(string)
			out = append(out, e.Record)
		}
	}
	return out
}

func solveNames(t testing.TB, provider resolver.Provider, p resolver.Problem) string {
	t.Helper()
	got, err := resolver.New().Solve(context.Background(), provider, p)
	var conflict *resolver.Conflict
	if errors.As(err, &conflict) {
		return conflict.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
	if faults := check.Solution(provider, p, got.Records); len(faults) > 0 {
		t.Errorf("%v: %v", p.Specs, faults)
	}
	var names []string
	for _, r := range got.Records {
		names = append(names, r.String())
	}
	return strings.Join(names, " ")
}

// TestConformanceDummyChannel has the cases of rattler's backend tests on its dummy channel.
func TestConformanceDummyChannel(t *testing.T) {
	records := readRepodata(t, "rattler/test-data/channels/dummy/linux-64/repodata.json")
	provider := resolver.NewMemory(records...)
	find := func(name string) *packages.Record {
		return records[slices.IndexFunc(records, func(r *packages.Record) bool { return r.String() == name })]
	}
	for _, c := range []struct {
		name string
		p    resolver.Problem
		want string
	}{
		{"newest", resolver.Problem{Specs: []string{"foo"}}, "foo-4.0.2-py36h1af98f8_2"},
		{"upper bound", resolver.Problem{Specs: []string{"foo<4"}}, "foo-3.0.2-py36h1af98f8_3"},
		{"build number", resolver.Problem{Specs: []string{"foo[version='3.0.2',build_number='<3']"}}, "foo-3.0.2-py36h1af98f8_2"},
		{"favoured", resolver.Problem{Specs: []string{"bors"}, Favored: []*packages.Record{find("bors-1.0-bla_1")}}, "bors-1.0-bla_1"},
		{"favoured gives way", resolver.Problem{Specs: []string{"bors >=2"}, Favored: []*packages.Record{find("bors-1.0-bla_1")}}, "bors-2.1-bla_1"},
		{"locked", resolver.Problem{Specs: []string{"foo"}, Locked: []*packages.Record{find("bors-1.0-bla_1")}}, "bors-1.0-bla_1 foo-4.0.2-py36h1af98f8_2"},
		{"locked clashes", resolver.Problem{Specs: []string{"bors >=2"}, Locked: []*packages.Record{find("bors-1.0-bla_1")}},
			"no solution for bors >=2: bors-2.1-bla_1 is no candidate: locked to bors-1.0-bla_1\nhint: bors 1.0 would do instead of bors >=2"},
		{"exclude newer", resolver.Problem{Specs: []string{"foo"}, ExcludeNewer: 1610000000000}, "foo-3.0.2-py36h1af98f8_1"},
		{"virtual", resolver.Problem{Specs: []string{"bar", "__unix"}, Virtual: []platforms.VirtualPackage{{Name: "__unix", Version: "0", Build: "0"}}}, "bar-1.2.3-unix_py36h1af98f8_2"},
		{"unreadable constraint", resolver.Problem{Specs: []string{"issue_717 >=2"}}, ""},
		{"constraint", resolver.Problem{Specs: []string{"xbar"}, Constraints: []string{"xfoo ==1"}},
			"no solution for xbar, xfoo ==1: xbar is wanted, but xbar 1 needs xfoo >=2, but xfoo ==1 is wanted\nhint: it is solvable without xfoo ==1; it is solvable without xbar"},
		{"nobody has it", resolver.Problem{Specs: []string{"asdfasdf"}}, "no solution for asdfasdf: no channel has it"},
	} {
		got := solveNames(t, provider, c.p)
		if c.want != "" && got != c.want {
			t.Errorf("%s: got %s\nwant %s", c.name, got, c.want)
		}
		if c.want == "" {
			t.Logf("%s: %s", c.name, got)
		}
	}
	t.Log("rattler's dummy channel: its backend's cases (favoured, locked, bounds on time, virtual packages, constraints) have its answers")
}

func TestConformanceConditional(t *testing.T) {
	provider := resolver.NewMemory(readRepodata(t, "rattler/test-data/channels/conditional-repodata/noarch/repodata.json")...)
	for _, os := range []string{"linux", "osx", "win"} {
		got := solveNames(t, provider, resolver.Problem{Specs: []string{"package"},
			Virtual: []platforms.VirtualPackage{{Name: "__" + os, Version: "1", Build: "0"}}})
		if want := os + "-dependency-0.1.0-0 package-0.1.0-py27_0"; got != want {
			t.Errorf("on %s: %s", os, got)
		}
	}
	t.Log("rattler's conditional channel: requirements count where their condition holds, on 3 systems")
}

func TestConformanceExtras(t *testing.T) {
	provider := resolver.NewMemory(readRepodata(t, "rattler/test-data/channels/dummy-optional-dependencies/noarch/repodata.json")...)
	for spec, want := range map[string]string{
		"foo":                    "foo-1-xxx",
		"foo[extras=[with-bar]]": "bar-1-xxx foo-1-xxx",
		"foo[extras=[with-bar]];bar >=2": "no solution for foo[extras=[with-bar]], bar >=2: foo[with-bar] is wanted, but foo[with-bar] 1 needs bar <2, but bar >=2 is wanted\n" +
			"hint: bar 1 would do instead of bar >=2; it is solvable without foo[extras=[with-bar]]",
		"foo[extras=[none]]": "no solution for foo[extras=[none]]: foo[none] is wanted, but no foo has an optional group none",
	} {
		if got := solveNames(t, provider, resolver.Problem{Specs: strings.Split(spec, ";")}); got != want {
			t.Errorf("%s: got %s\nwant %s", spec, got, want)
		}
	}
	t.Log("rattler's channel of optional groups: 4 requests have the right answers")
}

const (
	puzzle = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
	solved = "534678912672195348198342567859761423426853791713924856961537284287419635345286179"
)

// sudoku is the request for a puzzle; x says that cells are named column first.
func sudoku(givens string, x bool) (p resolver.Problem) {
	for i, c := range givens {
		spec := fmt.Sprintf("sudoku_%d_%d", i/9, i%9)
		if x {
			spec = fmt.Sprintf("sudoku_%d_%d", i%9, i/9)
		}
		if c != '.' {
			spec += " ==" + string(c)
		}
		p.Specs = append(p.Specs, spec)
	}
	return p
}

// TestConformanceSudoku solves a sudoku whose rules are dependencies.
func TestConformanceSudoku(t *testing.T) {
	var records []*packages.Record
	for cell := range 81 {
		for value := 1; value <= 9; value++ {
			r := &packages.Record{Name: fmt.Sprintf("sudoku_%d_%d", cell/9, cell%9), Version: fmt.Sprint(value), Build: "0"}
			for o := range 81 {
				if o != cell && (o/9 == cell/9 || o%9 == cell%9 || o/27 == cell/27 && o%9/3 == cell%9/3) {
					r.Depends = append(r.Depends, fmt.Sprintf("sudoku_%d_%d !=%d", o/9, o%9, value))
				}
			}
			records = append(records, r)
		}
	}
	provider := resolver.NewMemory(records...)
	got, err := resolver.New().Solve(context.Background(), provider, sudoku(puzzle, false))
	if err != nil {
		t.Fatal(err)
	}
	cells := make([]byte, 81)
	for _, r := range got.Records {
		var row, column int
		fmt.Sscanf(r.Name, "sudoku_%d_%d", &row, &column)
		cells[row*9+column] = r.Version[0]
	}
	if string(cells) != solved {
		t.Errorf("got %s\nwant %s", cells, solved)
	}
	_, err = resolver.New().Solve(context.Background(), provider, sudoku("535"+puzzle[3:], false))
	if err == nil || strings.Count(err.Error(), "\n") > 5 {
		t.Errorf("two fives in a row: %v", err)
	}
	t.Log("a sudoku as a channel of 729 packages is solved; one with two fives in a row is refused with the reason")
}

// TestConformanceSudokuChannel is mamba's: six of its boxes name the wrong cells, so that it has no solution.
func TestConformanceSudokuChannel(t *testing.T) {
	provider := resolver.NewMemory(readRepodata(t, "mamba/libmamba/tests/data/repodata/sudoku.json")...)
	for _, x := range []bool{false, true} {
		_, err := resolver.New().Solve(context.Background(), provider, sudoku(puzzle, x))
		var conflict *resolver.Conflict
		if !errors.As(err, &conflict) || strings.Count(err.Error(), "\n") > 12 {
			t.Errorf("got %v", err)
		}
	}
	t.Log("mamba's sudoku channel, which has no solution as shipped, is refused with the reason")
}

// TestConformanceInstallOrder sorts a real environment in whatever order it comes.
func TestConformanceInstallOrder(t *testing.T) {
	b, err := os.ReadFile(sharedPath(t, "vectors/rattler/test-data/topological-sort/big_resolution.json"))
	if err != nil {
		t.Fatal(err)
	}
	var records []*packages.Record
	if err := json.Unmarshal(b, &records); err != nil {
		t.Fatal(err)
	}
	sorted := resolver.InstallOrder(records)
	slices.Reverse(records)
	if diff := cmp.Diff(sorted, resolver.InstallOrder(records)); diff != "" {
		t.Errorf("the order depends on the input's: %s", diff)
	}
	at := map[string]int{}
	for i, r := range sorted {
		at[r.Name] = i
	}
	late := 0
	for i, r := range sorted {
		for _, d := range r.Depends {
			name, _, _ := strings.Cut(d, " ")
			if j, ok := at[name]; ok && j > i {
				late++
			}
		}
	}
	t.Logf("%d records of a real environment in an order they can be installed in, %d in a ring", len(sorted), late)
	if late > 3 { // python and pip need each other
		t.Errorf("%d dependencies come too late", late)
	}
}

// TestConformancePubgrubLarge solves pubgrub's hard synthetic case: a package with its versions, each
// with the ranges it needs.
func TestConformancePubgrubLarge(t *testing.T) {
	b, err := os.ReadFile(sharedPath(t, "vectors/pubgrub/test-examples/large_case_u16_NumberVersion.ron"))
	if err != nil {
		t.Fatal(err)
	}
	var records []*packages.Record
	var name string
	depth := 0
	for line := range strings.SplitSeq(string(b), "\n") {
		line = strings.TrimSpace(line)
		key, opens := strings.CutSuffix(line, ": {")
		dep, needs := strings.CutSuffix(line, ": [")
		_, empty := strings.CutSuffix(line, ": {},")
		var low, high int
		switch r := len(records) - 1; {
		case opens && depth == 0:
			name, depth = "p"+key, 1
		case opens, empty:
			records = append(records, &packages.Record{Name: name, Version: strings.TrimSuffix(key, ": {},"), Build: "0"})
			if opens {
				depth = 2
			}
		case needs:
			records[r].Depends = append(records[r].Depends, "p"+dep)
		case strings.HasPrefix(line, "("):
			d := &records[r].Depends[len(records[r].Depends)-1]
			if strings.Contains(*d, " ") {
				*d += "|"
			} else {
				*d += " "
			}
			if n, _ := fmt.Sscanf(line, "(%d, Some(%d)),", &low, &high); n == 2 {
				*d += fmt.Sprintf(">=%d,<%d", low, high)
			} else {
				*d += fmt.Sprintf(">=%d", low)
			}
		case line == "},":
			depth--
		}
	}
	provider := resolver.NewMemory(records...)
	unsolvable := 0
	for _, r := range records {
		got := solveNames(t, provider, resolver.Problem{Specs: []string{r.Name + " ==" + r.Version}})
		if strings.HasPrefix(got, "no solution") {
			unsolvable++
		}
	}
	t.Logf("pubgrub's large case: %d packages solved, %d have no solution", len(records)-unsolvable, unsolvable)
	if unsolvable == len(records) {
		t.Error("none is solvable")
	}
}
