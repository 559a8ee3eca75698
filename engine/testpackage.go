package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"forge/internal/diag"
	"forge/packages"
	"forge/recipes"
)

// TestStatus is how one test of a package ended.
type TestStatus string

// The statuses of tests.
const (
	TestPassed  TestStatus = "passed"
	TestFailed  TestStatus = "failed"
	TestSkipped TestStatus = "skipped" // Err says why it could not be run
)

// TestOutcome is one test that was run, or could not be.
type TestOutcome struct {
	Package string // the package that carries the test
	Index   int    // in that package, from 0
	Kind    string // script, python, perl, r, ruby, downstream
	Python  string // the version it was run with, where the test names some
	Status  TestStatus
	Seconds float64
	Err     error
	Log     string
}

// PackageTest is what TestPackage is asked for.
type PackageTest struct {
	File        string // the archive
	Index       int    // only this test, from 0; all if negative
	ReverseDeps bool   // also the tests of what depends on it in the channels
	LogDir      string
}

// ErrNoSuchTest tells that the package has no test of the index asked for.
var ErrNoSuchTest = errors.New("no such test")

// TestPackage runs the tests recorded in a package, each in a fresh sandbox that holds the package from
// this file and what it runs with, solved from the channels of the request. An error means that the
// tests could not be read; failures are in the outcomes. The statement is that of the package's own tests
// (docs/verify.md), nil where none was run.
func TestPackage(ctx context.Context, req *Request, tools Tools, ask PackageTest) (outcomes []TestOutcome, statement []byte, err error) {
	tools.Lock = nil // it is about recipes
	a, b, err := adopt(req, tools, ask.File)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", ask.File, err)
	}
	g := &Graph{Actions: []*Action{a}}
	t := &tester{runner: newRunner(req, tools, g, nil), ask: ask, self: a, built: map[*Action]*Built{a: b},
		planner: adoptedPlanner(ctx, req, tools, a)}
	pkg, err := t.openBuilt(b)
	if err != nil {
		return nil, nil, err
	}
	list, err := recordedTests(pkg)
	pkg.Close()
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", ask.File, err)
	}
	if ask.Index >= len(list) {
		return nil, nil, fmt.Errorf("%s: %w %d: it records %d, counted from 0", ask.File, ErrNoSuchTest, ask.Index, len(list))
	}
	if err := t.suite(ctx, a, list, ask.Index); err != nil {
		return nil, nil, err
	}
	own := t.outcomes
	if ask.ReverseDeps {
		if err := t.reverse(ctx); err != nil {
			return nil, nil, err
		}
	}
	if statement, err = t.statement(ctx, a, b, own); err != nil {
		return nil, nil, err
	}
	return t.outcomes, statement, ctx.Err()
}

// statement is what there is to state about a's own tests.
func (t *tester) statement(ctx context.Context, a *Action, b *Built, own []TestOutcome) ([]byte, error) {
	if len(a.Test) == 0 {
		return nil, nil
	}
	key, err := t.testKey(ctx, a, b, t.built)
	if err != nil {
		return nil, err
	}
	var done []TestRecord
	for _, o := range own {
		if o.Package == a.Output.String() && o.Kind != "downstream" {
			done = append(done, TestRecord{Index: o.Index, Kind: o.Kind, Python: o.Python, Status: o.Status})
		}
	}
	return t.stateTests(ctx, a, b, t.built, key, done)
}

// adopt makes an action of a package file, as if this run had built it, so that it comes before any
// other of its name.
func adopt(req *Request, tools Tools, file string) (*Action, *Built, error) {
	r := newRunner(req, tools, &Graph{}, nil)
	format, err := r.formatOf(filepath.Base(file))
	if err != nil {
		return nil, nil, err
	}
	sum, size, err := tools.Store.PutFile(file, false)
	if err != nil {
		return nil, nil, err
	}
	pkg, err := format.Open(tools.Store.Path(sum, false))
	if why := errors.Unwrap(err); why != nil {
		return nil, nil, fmt.Errorf("it cannot be read: %w", why) // without the name it has in the store
	}
	if err != nil {
		return nil, nil, err
	}
	defer pkg.Close()
	record, err := pkg.Record()
	if err != nil {
		return nil, nil, err
	}
	exports, err := pkg.RunExports()
	if err != nil {
		return nil, nil, err
	}
	record.Channel, record.SHA256, record.Size = packages.ChannelPlanned, sum.Hex(), size
	if record.Subdir != "noarch" && record.Subdir != req.HostPlatform.String() {
		return nil, nil, fmt.Errorf("it is a package for %s; this machine runs %s", record.Subdir, req.HostPlatform)
	}
	a := &Action{Output: outputOf(req, record), Record: *record, RunExports: exports}
	if a.Output.Variant, err = usedVariant(pkg); err != nil {
		return nil, nil, err
	}
	return a, &Built{Record: *record, RunExports: exports, FileName: filepath.Base(file), Archive: sum}, nil
}

// outputOf is as much of an output as its package tells.
func outputOf(req *Request, r *packages.Record) *recipes.Output {
	return &recipes.Output{Name: r.Name, Version: r.Version, BuildString: r.Build, BuildNumber: r.BuildNumber, NoArch: r.NoArch,
		BuildPlatform: req.BuildPlatform, HostPlatform: req.HostPlatform, TargetPlatform: req.HostPlatform,
		Recipe: recipes.Origin{File: "tests.yaml"}}
}

// usedVariant reads info/hash_input.json, the keys of the variant that a package is hashed for; nil where it has none.
func usedVariant(pkg packages.Package) (variant map[string]any, err error) {
	b, err := pkg.Info("hash_input.json")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &variant)
	}
	if err != nil {
		return nil, fmt.Errorf("info/hash_input.json: %w", err)
	}
	return variant, nil
}

// adoptedPlanner is a planner to which these packages are outputs of the run that are planned already.
func adoptedPlanner(ctx context.Context, req *Request, tools Tools, all ...*Action) *planner {
	p := newPlanner(ctx, req, tools)
	for _, a := range all {
		p.adopt(a)
	}
	return p
}

func (p *planner) adopt(a *Action) {
	p.index[a] = len(p.all)
	p.all = append(p.all, a)
	p.states = append(p.states, planState{active: true, done: true, tested: true, settled: true})
	p.links = append(p.links, links{})
	p.byName[a.Record.Name] = append(p.byName[a.Record.Name], a)
	p.byRecord[&a.Record] = a
	p.from.planned[a.Record.Name] = append(p.from.planned[a.Record.Name], &a.Record)
	p.graph.Actions = append(p.graph.Actions, a)
}

// forTests solves environments of tests.
func (p *planner) forTests(a *Action) *solving {
	return &solving{planner: p, self: a, draft: &Action{}, from: p.from.view(nil, nil)}
}

// tester runs recorded tests.
type tester struct {
	*runner
	planner  *planner
	ask      PackageTest
	self     *Action
	built    map[*Action]*Built
	outcomes []TestOutcome
}

// suite runs the tests of a: all, or the one of that index.
func (t *tester) suite(ctx context.Context, a *Action, list []recordedTest, only int) error {
	a.Output.Tests = nil
	for _, r := range list {
		a.Output.Tests = append(a.Output.Tests, r.Test)
	}
	for i, r := range list {
		if only >= 0 && i != only {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := t.one(ctx, a, i, r); err != nil {
			return err
		}
	}
	return nil
}

// one runs the test of that index in every environment it asks for.
func (t *tester) one(ctx context.Context, a *Action, index int, r recordedTest) error {
	if r.Downstream != "" {
		return t.downstream(ctx, a, index, r.Downstream)
	}
	plans, err := t.planner.forTests(a).testPlans(a, index, r.Test)
	if err != nil {
		t.add(TestOutcome{Package: a.Output.String(), Index: index, Kind: kindOf(r.Test), Status: TestFailed, Err: fmt.Errorf("its environment: %w", err)})
		return nil
	}
	a.Test = append(a.Test, plans...)
	for _, plan := range plans {
		plan.label, plan.folder, plan.files = fmt.Sprintf("test %d (%s)", index, kindOf(r.Test)), r.folder, r.files
		o := TestOutcome{Package: a.Output.String(), Index: index, Kind: kindOf(r.Test), Python: plan.Python, Status: TestPassed}
		log, err := t.openLog(a, index, plan.Python)
		if err != nil {
			return err
		}
		start := t.tools.Now()
		err = t.testOne(ctx, a, plan, t.built, log)
		o.Seconds, o.Log = t.tools.Now().Sub(start).Seconds(), log.Name()
		log.Close()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			o.Status, o.Err = TestFailed, err
		}
		t.add(o)
	}
	return nil
}

func (t *tester) add(o TestOutcome) { t.outcomes = append(t.outcomes, o) }

func (t *tester) openLog(a *Action, index int, python string) (*logFile, error) {
	if err := os.MkdirAll(t.ask.LogDir, 0o755); err != nil {
		return nil, err
	}
	name := fmt.Sprintf("%s.test-%d", a.Output, index)
	if python != "" {
		name += "-py" + strings.Map(wordRune, python)
	}
	return createLog(filepath.Join(t.ask.LogDir, name+".log"))
}

func wordRune(r rune) rune {
	if r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' {
		return r
	}
	return '_'
}

// downstream runs the tests of the package that spec names, with a in its environment (rattler-build's
// downstream test). Where no channel has it, or it wants another version of a, nothing is run.
func (t *tester) downstream(ctx context.Context, a *Action, index int, spec string) error {
	note := TestOutcome{Package: a.Output.String(), Index: index, Kind: "downstream", Status: TestSkipped}
	found, err := t.planner.from.of(specName(spec))
	if err != nil {
		return err
	}
	if len(found) == 0 {
		note.Err = fmt.Errorf("no channel has %s", spec)
		t.add(note)
		return nil
	}
	env, err := t.planner.forTests(t.self).environment(testKind, []string{exactSpec(&a.Record), spec})
	if err != nil {
		note.Err = fmt.Errorf("%s cannot be installed together with %s: %w", spec, a.Output, err)
		t.add(note)
		return nil
	}
	rec := env.find(specName(spec))
	if rec == nil || rec.Channel == packages.ChannelExternal {
		note.Err = fmt.Errorf("%s is not a package of a channel", spec)
		t.add(note)
		return nil
	}
	before := len(t.outcomes)
	if err := t.dependent(ctx, rec); err != nil {
		return err
	}
	note.Status = TestPassed
	for _, o := range t.outcomes[before:] {
		note.Seconds += o.Seconds
		if o.Status == TestFailed {
			note.Status, note.Err = TestFailed, fmt.Errorf("test %d of %s failed", o.Index, o.Package)
		}
	}
	if before == len(t.outcomes) {
		note.Status, note.Err = TestSkipped, fmt.Errorf("%s records no tests", rec)
	}
	t.add(note)
	return nil
}

// dependent runs all recorded tests of a channel's package in environments that hold self as well.
func (t *tester) dependent(ctx context.Context, rec *packages.Record) error {
	path, err := t.tools.Channels.Archive(rec)
	if err != nil {
		return err
	}
	format, err := t.formatOf(rec.FileName)
	if err != nil {
		return err
	}
	pkg, err := format.Open(path)
	if err != nil {
		return fmt.Errorf("%s: %w", rec, err)
	}
	list, err := recordedTests(pkg)
	pkg.Close()
	if err != nil {
		return fmt.Errorf("%s: %w", rec, err)
	}
	// A downstream test of a dependent is its own affair: it could lead back here.
	list = slices.DeleteFunc(list, func(r recordedTest) bool { return r.Downstream != "" })
	t.planner.with = []string{exactSpec(&t.self.Record)}
	defer func() { t.planner.with = nil }()
	return t.suite(ctx, &Action{Output: outputOf(t.req, rec), Record: *rec}, list, -1)
}

// reverse runs the tests of the newest of every package in the channels that needs self to run.
func (t *tester) reverse(ctx context.Context) error {
	for _, name := range t.tools.Channels.Names() {
		if name == t.self.Record.Name {
			continue
		}
		all, err := t.tools.Channels.Candidates(name)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(all, func(r *packages.Record) bool { return needs(r, t.self.Record.Name) }) {
			continue
		}
		env, err := t.planner.forTests(t.self).environment(testKind, []string{exactSpec(&t.self.Record), name})
		if err != nil {
			t.add(TestOutcome{Package: name, Index: -1, Kind: "rdeps", Status: TestSkipped,
				Err: fmt.Errorf("it cannot be installed together with %s: %s", t.self.Output, firstLine(err))})
			continue
		}
		if rec := env.find(name); rec != nil && needs(rec, t.self.Record.Name) {
			if err := t.dependent(ctx, rec); err != nil {
				return err
			}
		}
	}
	return nil
}

func needs(r *packages.Record, name string) bool {
	return slices.ContainsFunc(r.Depends, func(spec string) bool { return specName(spec) == name })
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return diag.Printable(line)
}

// writeFiles writes files below dir; their names were checked to be local.
func writeFiles(dir string, files map[string][]byte) error {
	for _, name := range sortedKeys(files) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, files[name], 0o644); err != nil {
			return err
		}
	}
	return nil
}
