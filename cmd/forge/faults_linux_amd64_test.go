package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// faultPlace is a workspace of two recipes, one built with the other, with a store that has the host's tools
// already, and what a build of it gives. Tests copy it and break the copy.
type faultPlace struct {
	dir  string // recipes, .cache, .keys, out
	warm string // the same before the build
	want map[string]string
}

func newFaultPlace(t *testing.T) faultPlace {
	t.Helper()
	top := t.TempDir()
	p := faultPlace{dir: filepath.Join(top, "place"), warm: filepath.Join(top, "warm")}
	for name, text := range map[string]string{
		"a": "package: {name: a, version: '1'}\nbuild:\n  script: seq 2000 > $PREFIX/a\ntests:\n  - script: test -s $PREFIX/a\n",
		"b": "package: {name: b, version: '1'}\nrequirements: {host: [a]}\nbuild:\n  script: sort $PREFIX/a > $PREFIX/b\n",
		"w": "package: {name: w, version: '1'}\nbuild: {script: 'true'}\ntests:\n  - script: 'true'\n",
	} {
		if err := os.MkdirAll(filepath.Join(p.warm, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(p.warm, name, "recipe.yaml"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := forgeCommand(p.warm, filepath.Join(p.warm, ".cache"), "build", "./w", "--output-dir", "w-out").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	clean := filepath.Join(top, "clean")
	p.copy(t, clean)
	p.build(t, clean)
	p.want = packageSums(t, filepath.Join(clean, "out"))
	if len(p.want) != 2 {
		t.Fatalf("the build without faults makes %d packages", len(p.want))
	}
	return p
}

// copy puts the warm place at to. Files of the store are shared: forge replaces files, it changes none.
func (p faultPlace) copy(t *testing.T, to string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("cp", "-al", p.warm, to).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

var faultBuild = []string{"build", "-j1", "./a", "./b", "--output-dir", "out"}

// watch runs the build under a watcher in a fresh copy of the place.
func (p faultPlace) watch(t *testing.T, w *watcher) (exit int) {
	t.Helper()
	p.copy(t, p.dir)
	w.below = []string{filepath.Join(p.dir, ".cache"), filepath.Join(p.dir, "out")}
	return w.run(t, p.dir, filepath.Join(p.dir, ".cache"), faultBuild...)
}

func (p faultPlace) build(t *testing.T, dir string) string {
	t.Helper()
	out, err := forgeCommand(dir, filepath.Join(dir, ".cache"), faultBuild...).CombinedOutput()
	if err != nil {
		t.Errorf("the run after the fault: %v\n%s", err, out)
	}
	return string(out)
}

// healed checks that the next run makes in dir what an undisturbed run makes, and that it verifies.
func (p faultPlace) healed(t *testing.T, dir, what string) {
	t.Helper()
	p.build(t, dir)
	if d := cmp.Diff(p.want, packageSums(t, filepath.Join(dir, "out"))); d != "" {
		t.Errorf("%s: the next run gives other packages (-want +got):\n%s", what, d)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "out", "*", "*.conda"))
	if out, err := forgeCommand(dir, filepath.Join(dir, ".cache"), append([]string{"verify"}, files...)...).CombinedOutput(); err != nil {
		t.Errorf("%s: the packages of the next run do not verify: %v\n%s", what, err, out)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".cache", "tmp", "*")); len(left) > 0 {
		t.Errorf("%s: left over: %q", what, left)
	}
}

// testAll asks for every point where a few stand for all: make faults.
func testAll() bool { return os.Getenv("FORGE_TEST_ALL") != "" }

// points are the changes before which a fault makes a difference, counted from 1: a row of writes to one
// file is one point.
func points(changes []change) []int {
	var all []int
	for i, c := range changes {
		if c.call == "write" && i > 0 && changes[i-1].call == "write" && changes[i-1].path == c.path {
			continue
		}
		all = append(all, i+1)
	}
	return all
}

// spread chooses a few of the points, of as many kinds as possible.
func spread(changes []change, of []int, few int) []int {
	kinds := map[string][]int{}
	var order []string
	for _, n := range of {
		c := changes[n-1]
		kind := c.call + " " + anyNumber.ReplaceAllString(c.path, "")
		if kinds[kind] == nil {
			order = append(order, kind)
		}
		kinds[kind] = append(kinds[kind], n)
	}
	var some []int
	few = min(few, len(order))
	for k := range few {
		list := kinds[order[k*len(order)/few]]
		some = append(some, list[k%len(list)])
	}
	return some
}

// tell says now and then how far a long test is.
func tell(t *testing.T, what string, i, n int) {
	if testAll() && i%20 == 0 {
		t.Logf("%s: %d of %d", what, i, n)
	}
}

var anyNumber = regexp.MustCompile(`[0-9a-f]{6,}|[0-9]+`)

// TestKillEverywhere kills forge before changes of every kind that it makes to a file, and lets the next run
// finish. What lies on the disk then is what TestPowerLoss makes, at every point, of a loss of nothing.
func TestKillEverywhere(t *testing.T) {
	p := newFaultPlace(t)
	calm := &watcher{}
	if code := p.watch(t, calm); code != 0 {
		t.Fatalf("exit %d\n%s", code, calm.output.String())
	}
	few := 5
	if testAll() {
		few = 80
	}
	at := spread(calm.changes, points(calm.changes), few)
	for i, n := range at {
		tell(t, "killed", i, len(at))
		what := ""
		w := &watcher{before: func(i int, c change) verdict {
			if i == n {
				what = c.String()
				return killNow
			}
			return letGo
		}}
		if code := p.watch(t, w); code != -1 && what != "" {
			t.Fatalf("exit %d, want it killed before %s", code, what)
		}
		p.healed(t, p.dir, "killed before "+what)
	}
}

func (c change) String() string { return strings.TrimSpace(c.call + " " + c.path + " " + c.target) }

func (c change) takesSpace() bool {
	return c.call == "create" || c.call == "write" || c.call == "mkdir" || c.call == "link" || c.call == "symlink"
}

// TestDiskFull lets the disk be full from each change on: forge says so, serves nothing half-written, and
// the next run finishes.
func TestDiskFull(t *testing.T) {
	failFrom(t, noSpace, "no space left on device", change.takesSpace, 4, 1000)
}

// TestReadOnlyLater lets the disk turn read-only while forge builds, as file systems do that met an error.
func TestReadOnlyLater(t *testing.T) {
	failFrom(t, readOnly, "read-only file system", func(c change) bool { return c.call != "sync" }, 2, 60)
}

// failFrom lets all changes of a kind fail from one on: a few of them, or with FORGE_TEST_ALL many.
func failFrom(t *testing.T, how verdict, words string, fails func(change) bool, few, many int) {
	p := newFaultPlace(t)
	calm := &watcher{}
	if code := p.watch(t, calm); code != 0 {
		t.Fatalf("exit %d\n%s", code, calm.output.String())
	}
	var at []int
	for _, n := range points(calm.changes) {
		if fails(calm.changes[n-1]) {
			at = append(at, n)
		}
	}
	if testAll() {
		few = many
	}
	if few < len(at) {
		at = spread(calm.changes, at, few)
	}
	for i, n := range at {
		tell(t, words, i, len(at))
		what := ""
		w := &watcher{before: func(i int, c change) verdict {
			if i < n || !fails(c) {
				return letGo
			}
			if what == "" {
				what = c.String()
			}
			return how
		}}
		code := p.watch(t, w)
		said := w.output.String()
		switch {
		case what == "" || code == 0:
			// Nothing that counts was to be written any more: then all must be there.
			if d := cmp.Diff(p.want, packageSums(t, filepath.Join(p.dir, "out"))); d != "" {
				t.Errorf("%s from %s on: forge says all is well, but\n%s", words, what, d)
			}
		case code != exitFailed || !strings.Contains(said, words):
			t.Errorf("%s from %s on: exit %d\n%s", words, what, code, said)
		}
		for name, sum := range packageSums(t, filepath.Join(p.dir, "out")) {
			if p.want[name] != sum {
				t.Errorf("%s from %s on: %s is half written", words, what, name)
			}
		}
		p.healed(t, p.dir, words+" from "+what+" on")
	}
}

// TestPowerLoss records what forge does to its files, then drops what was not synced at each point, in all
// three ways, and lets the next run finish; with all points also nothing, which is what kill -9 leaves. First
// it checks the order: nothing gets its final name before its content is on the disk.
func TestPowerLoss(t *testing.T) {
	p := newFaultPlace(t)
	w := &watcher{keep: true}
	if code := p.watch(t, w); code != 0 {
		t.Fatalf("exit %d\n%s", code, w.output.String())
	}
	checkOrder(t, w.changes)
	losses := []loss{{data: true}, {names: true}, {names: true, data: true}}
	at := points(w.changes)
	if testAll() {
		losses = append(losses, loss{})
	} else {
		at = spread(w.changes, at, 3)
		slices.Sort(at)
	}
	d, done, seen := newDisk(p.warm, p.dir), 0, map[string]bool{}
	dir := filepath.Join(t.TempDir(), "after")
	for i, n := range append(at, len(w.changes)) {
		tell(t, "power lost", i, len(at))
		for ; done < n; done++ {
			d.apply(w.changes[done])
		}
		last := "the end"
		if n < len(w.changes) {
			last = w.changes[n].String()
		}
		for k, l := range losses {
			state := d.state(l)
			if seen[state] || !testAll() && n < len(w.changes) && i%len(losses) != k {
				continue
			}
			seen[state] = true
			d.write(t, dir, l)
			if n == len(w.changes) {
				// The run had ended well: what it promised is there.
				if diff := cmp.Diff(p.want, packageSums(t, filepath.Join(dir, "out"))); diff != "" {
					t.Errorf("power lost after the run, %+v: %s", l, diff)
				}
			}
			p.healed(t, dir, fmt.Sprintf("power lost before %s, %+v", last, l))
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("%d states", len(seen))
}

// checkOrder: between the last write to a file and its rename to a final name lies a sync of it. Hints,
// records of runs, what was read of a channel's packages and logs alone may be lost.
func checkOrder(t *testing.T, changes []change) {
	t.Helper()
	dirty, renames := map[string]bool{}, 0
	for _, c := range changes {
		switch c.call {
		case "create", "write":
			dirty[c.path] = !bytes.Contains(c.data, []byte(`"hint":true`)) && !strings.Contains(c.path, "/runs/") && !strings.Contains(c.path, "/logs/") && !bytes.Contains(c.data, []byte(`{"version":1,"entries":`))
		case "sync":
			delete(dirty, c.path)
		case "rename":
			renames++
			if dirty[c.path] {
				t.Errorf("not synced before %s", c)
			}
		}
	}
	if renames < 10 {
		t.Errorf("only %d renames were seen", renames)
	}
}
