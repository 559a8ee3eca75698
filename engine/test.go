package engine

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"forge/packages"
	"forge/platforms/toolchain"
	"forge/recipes"
	"forge/sandbox"
)

// test runs a's tests from its package, each in a fresh sandbox that holds the package and what it
// runs with. The working folder has the test's own files and nothing of the build.
// What came of each is recorded, also of those before one that fails.
func (r *runner) test(ctx context.Context, a *Action, b *Built, built map[*Action]*Built) (done []TestRecord, err error) {
	if len(a.Test) == 0 {
		return nil, nil
	}
	r.report(Event{Kind: EventPhase, Action: a, Phase: "test"})
	log, err := r.openTestLog(a)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	seen := withSelf(built, a, b)
	emulated, err := r.emulator(ctx, a.Output)
	if err != nil {
		return nil, err
	}
	for _, plan := range a.Test {
		record := TestRecord{Index: plan.Index, Kind: kindOf(r.req.testsOf(a.Output)[plan.Index]), Python: plan.Python, Status: TestPassed, Emulator: emulated.String()}
		if plan.NotRun != "" {
			record.Status, record.Reason, record.Emulator = TestSkipped, plan.NotRun, ""
			done = append(done, record)
			continue
		}
		if plan.Downstream {
			fmt.Fprintf(log, "forge: test %d: downstream tests run with the downstream package\n", plan.Index)
			record.Status, record.Reason = TestSkipped, "it runs with the downstream package (forge test)"
			done = append(done, record)
			continue
		}
		start := r.tools.Now()
		err := r.testOne(ctx, a, plan, seen, log)
		record.Seconds = r.tools.Now().Sub(start).Seconds()
		if err != nil {
			record.Status, record.Reason = TestFailed, lastOf(err)
		}
		if done = append(done, record); err != nil {
			return done, err
		}
	}
	return done, nil
}

func withSelf(built map[*Action]*Built, a *Action, b *Built) map[*Action]*Built {
	seen := make(map[*Action]*Built, len(built)+1)
	for k, v := range built {
		seen[k] = v
	}
	seen[a] = b
	return seen
}

func (r *runner) testOne(ctx context.Context, a *Action, plan TestPlan, built map[*Action]*Built, log *logFile) error {
	t := r.req.testsOf(a.Output)[plan.Index]
	if err := checkNames(t); err != nil {
		return err
	}
	if t.PackageContents != nil {
		return r.testContents(a, built[a], *t.PackageContents)
	}
	s, err := r.newSite(ctx, "test-"+a.Output.Name, insideTestLayout())
	if err != nil {
		return err
	}
	defer r.leave(s)
	emulated, err := r.emulator(ctx, a.Output)
	if err != nil {
		return err
	}
	at, run := s.at, r.runTest
	if emulated != nil && emulated.wine {
		at, run = s.at.asWindows(), r.wineTest
	}
	say := func(format string, args ...any) {
		text := plan.name() + ": " + fmt.Sprintf(format, args...)
		fmt.Fprintln(log, "forge: warning: "+text)
		r.report(Event{Kind: EventWarning, Action: a, Phase: "test", Text: text})
	}
	if err := r.install(ctx, plan.Run, built, s.prefix, at.prefix, say); err != nil {
		return err
	}
	if err := r.install(ctx, plan.Build, built, s.build, at.build, say); err != nil {
		return err
	}
	if emulated != nil && !emulated.wine {
		if err := r.wrapAll(emulated, plan.Run, built, s.prefix); err != nil {
			return err
		}
	}
	result, err := run(ctx, a, plan, s, log, emulated)
	if err != nil {
		return err
	}
	if result.ExitCode == 0 && result.KilledBy == "" {
		return nil
	}
	lines := logTail(log.Name(), 25)
	scripts := []recipes.Script{testScript(t, s.at.windows)}
	missing := r.undeclared(ctx, lines, "the requirements of the test, or to requirements.run if the package itself needs it")
	if missing == "" {
		missing = withoutNetwork(lines, testsInstead)
	}
	return &ScriptError{Package: a.Output.String(), What: plan.name(), Result: result,
		Line: culprit(lines, scripts, filepath.Base(a.Output.Recipe.File), result.ExitCode), Tail: withoutMarks(lines), Log: log.Name(), Missing: missing}
}

func (r *runner) runTest(ctx context.Context, a *Action, plan TestPlan, s *site, log *logFile, emulated *emulation) (sandbox.Result, error) {
	externals, err := r.externalsOf(ctx, plan.Run, plan.Build)
	if err != nil {
		return sandbox.Result{}, err
	}
	externals = emulated.with(externals)
	s.calls = callsOf(externals)
	spec, err := r.spec(ctx, s, externals)
	if err != nil {
		return sandbox.Result{}, err
	}
	env := testEnv(a.Output, plan, s.at)
	activate(env, externals)
	pkgConfigFor(env, externals, s.at)
	emulated.environment(env)
	scripts := []recipes.Script{testScript(r.req.testsOf(a.Output)[plan.Index], s.at.windows)}
	if err := s.prepare(&spec, scripts, env, filepath.Base(a.Output.Recipe.File)); err != nil {
		return sandbox.Result{}, err
	}
	spec.Dir = r.testDir(s.at, a, plan)
	if err := writeFiles(s.work, plan.files); err != nil {
		return sandbox.Result{}, err
	}
	lessThanFull(log, s.level)
	spec.Started = func(pid int) { r.report(Event{Kind: EventProcess, Action: a, PID: pid}) }
	spec.Stdout, spec.Stderr = log, log
	return r.tools.Runner.Run(ctx, spec)
}

// pkgConfigFor shows the prefix to a pkg-config of the machine: as a package it would lie there, and look there.
func pkgConfigFor(env map[string]string, externals []*toolchain.External, at layout) {
	if slices.ContainsFunc(externals, func(e *toolchain.External) bool {
		return e.Record.Name == "pkg-config" || e.Record.Name == "pkgconf"
	}) {
		env["PKG_CONFIG_PATH"] = pkgConfigPath(at.prefix)
	}
}

func pkgConfigPath(prefix string) string {
	return prefix + "/lib/pkgconfig:" + prefix + "/share/pkgconfig"
}

// testDir is the folder in which a test starts: that of the files it brings, else an empty one.
func (r *runner) testDir(l layout, a *Action, plan TestPlan) string {
	switch {
	case plan.folder != "":
		return l.inPrefix(plan.folder)
	case hasFiles(r.req.testsOf(a.Output)[plan.Index]):
		return l.inPrefix(testFolder(a.Output.Name, plan.Index))
	}
	return l.work
}

// testEnv is the environment that a test sees. Of the variant it has the keys that were used, as conda-build's do:
// those are in the package, too, so that it is tested alike wherever it is tested.
func testEnv(o *recipes.Output, plan TestPlan, at layout) map[string]string {
	env := map[string]string{
		"CONDA_BUILD": "1", "CONDA_BUILD_STATE": "TEST", "PREFIX": at.prefix, "BUILD_PREFIX": at.build,
		"CONDA_DEFAULT_ENV": at.prefix, "CONDA_PREFIX": at.prefix, "CONDA_SHLVL": "1",
		"SRC_DIR": at.work, "HOME": at.work, "RECIPE_DIR": at.work,
		"PKG_NAME": o.Name, "PKG_VERSION": o.Version, "PKG_BUILDNUM": strconv.Itoa(o.BuildNumber), "PKG_BUILD_STRING": o.BuildString,
		"PYTHONNOUSERSITE": "1", "CPU_COUNT": "1",
	}
	variantEnv(env, o.Variant)
	platformEnv(env, o)
	if rec := plan.Run.find("python"); rec != nil {
		pythonEnv(env, at, rec.Version)
	}
	shellEnv(env)
	env["PATH"] = at.prefix + "/bin:" + at.build + "/bin:" + basePath
	if at.windows {
		windowsEnv(env, at, at.prefix, at.build)
	}
	return env
}

// testScript is what one test runs: by bash or, on Windows, by cmd.exe.
func testScript(t recipes.Test, windows bool) recipes.Script {
	switch {
	case t.Script != nil:
		return t.Script.Script
	case t.Python != nil:
		if windows {
			return pythonBatch(t.Python)
		}
		return pythonTest(t.Python, t.Pos.Line)
	case t.Perl != nil:
		return listTest("perl", t.Perl.Names, func(n string) string { return "use " + n + ";" })
	case t.R != nil:
		return listTest("rscript", t.R.Names, func(n string) string { return "library(" + n + ")" })
	case t.Ruby != nil:
		return listTest("ruby", t.Ruby.Names, func(n string) string { return "require '" + n + "'" })
	}
	return recipes.Script{Text: "exit 0"}
}

// pythonTest is one line of shell, so that what fails in it is said to be at the test's line of the recipe.
func pythonTest(t *recipes.PythonTest, line int) recipes.Script {
	var commands []string
	for _, name := range t.Imports {
		commands = append(commands, "python -c "+shellQuote("import "+name))
	}
	if t.PipCheck {
		commands = append(commands, "python -m pip check")
	}
	return recipes.Script{Text: strings.Join(commands, "; ") + "\n", FirstLine: line}
}

func listTest(interpreter string, names []string, line func(string) string) recipes.Script {
	var lines []string
	for _, n := range names {
		lines = append(lines, line(n))
	}
	return recipes.Script{Interpreter: interpreter, Text: strings.Join(lines, "\n")}
}

// testFolder is where the files of test number index travel in the payload, as rattler-build has it.
func testFolder(name string, index int) string {
	return fmt.Sprintf("%s/%d", testFolders(name), index)
}

func testFolders(name string) string { return "etc/conda/test-files/" + name }

// hasFiles reports whether a test brings files of its own.
func hasFiles(t recipes.Test) bool {
	return t.Script != nil && len(t.Script.RecipeFiles)+len(t.Script.SourceFiles) > 0
}

func (r *runner) openBuilt(b *Built) (packages.Package, error) {
	format, err := r.formatOf(b.FileName)
	if err != nil {
		return nil, err
	}
	return format.Open(r.tools.Store.Path(b.Archive, false))
}

func (r *runner) openTestLog(a *Action) (*logFile, error) {
	dir := filepath.Join(r.req.OutputDir, "logs")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	return createLog(filepath.Join(dir, a.Output.String()+".test.log"))
}
