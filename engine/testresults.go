package engine

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"forge/internal/fsx"
	"forge/recipes"
	"forge/store"
)

// TestRecord is what came of one test of a package. The records of a package lie in
// output/logs/NAME-VERSION-BUILD.tests.json, also of tests that were not run again because nothing they
// depend on changed.
type TestRecord struct {
	Index   int        `json:"index"` // in the recipe, from 0
	Kind    string     `json:"kind"`
	Python  string     `json:"python,omitempty"`
	Status  TestStatus `json:"status"`
	Seconds float64    `json:"seconds"`
	Reason  string     `json:"reason,omitempty"` // why it failed or was not run
	// Emulator is the command that the package's programs ran under, empty where they ran natively.
	Emulator string `json:"emulator,omitempty"`
}

// testOrRecall runs a's tests unless these very tests passed before, records what came of them and returns
// it, nil where they were not to be run.
func (r *run) testOrRecall(ctx context.Context, a *Action, b *Built, known map[*Action]*Built, key store.ActionID) ([]TestRecord, error) {
	if r.req.SkipTests {
		return nil, nil
	}
	if reason := r.notTested(a); reason != "" {
		if r.fresh(a) {
			r.report(Event{Kind: EventWarning, Action: a, Text: reason})
		}
		if len(a.Test) == 0 {
			return nil, nil
		}
	}
	var done []TestRecord
	if r.tools.Store.Result(key, &done) == nil {
		return done, r.recordTests(a, done)
	}
	done, err := r.test(ctx, a, b, known)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if writeErr := r.recordTests(a, done); err == nil {
		err = writeErr
	}
	if err != nil {
		return nil, err
	}
	if done == nil {
		done = []TestRecord{}
	}
	return done, r.tools.Store.SetResult(key, done)
}

// notTested says why tests of a are not run on this machine; empty where all are, or were not asked for.
func (r *run) notTested(a *Action) string {
	if r.req.SkipTests || !slices.ContainsFunc(a.Output.Tests, func(t recipes.Test) bool { return !runsNothing(t) }) {
		return ""
	}
	return r.req.notRun(a.Output)
}

// fresh reports whether this run built a.
func (r *run) fresh(a *Action) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.outcome(a).Status == StatusBuilt
}

// recordTests writes the records unless they are there already.
func (r *runner) recordTests(a *Action, done []TestRecord) error {
	if len(done) == 0 {
		return nil
	}
	data, err := json.MarshalIndent(map[string]any{"package": a.Output.String(), "tests": done}, "", " ")
	if err != nil {
		return err
	}
	file := TestsFile(r.req.OutputDir, a.Output.String())
	if old, err := os.ReadFile(file); err == nil && string(old) == string(data) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return fsx.WriteFile(file, data, 0o644)
}

// TestsFile is where the test records of a package (name-version-build) of an output folder are.
func TestsFile(outputDir, name string) string {
	return filepath.Join(outputDir, "logs", name+".tests.json")
}

// RecordedTestRuns reads them; there are none where nothing was tested.
func RecordedTestRuns(outputDir, name string) []TestRecord {
	data, err := os.ReadFile(TestsFile(outputDir, name))
	if err != nil {
		return nil
	}
	var file struct {
		Tests []TestRecord `json:"tests"`
	}
	if json.Unmarshal(data, &file) != nil {
		return nil
	}
	return file.Tests
}

// lastOf is the line of an error that says what failed.
func lastOf(err error) string {
	last := ""
	for _, l := range strings.Split(err.Error(), "\n") {
		if l != "" && !strings.HasPrefix(l, "  ") {
			last = l
		}
	}
	return last
}
