package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"forge/engine"
	"forge/internal/diag"
)

func testCommand(a *app) *cobra.Command {
	var f buildFlags
	var files []string
	index := -1
	var rdeps, asJSON bool
	var attest string
	c := &cobra.Command{
		Use:   "test [FILE]...",
		Short: "Run the tests that packages carry",
		Long: `Runs the tests recorded in packages (info/tests/tests.yaml; conda-build's info/test too), each
in a fresh sandbox that holds the package and what it runs with and nothing else. What it
runs with comes from the channel the package lies in, from output/ and from -c.

Packages made by rattler-build and conda-build are tested the same way.

Exit code: 0 all passed or there are none, 1 one failed or could not be run here, 2 used wrongly.`,
		Example: `  forge test output/linux-64/zlib-1.3.1-*.conda
  forge test -p zlib.conda -c https://example.org/channel --test-index 0
  forge test --rdeps output/linux-64/zlib-*.conda      and all that needs it, with this one
  forge test --attest results.jsonl zlib.conda         a signed statement of what came of it`,
		RunE: func(cmd *cobra.Command, args []string) error {
			files = append(files, args...)
			if len(files) == 0 {
				return usageError{errors.New("want a package file")}
			}
			if index >= 0 && len(files) > 1 {
				return usageError{errors.New("--test-index goes with one package")}
			}
			if attest != "" && len(files) > 1 {
				return usageError{errors.New("--attest goes with one package")}
			}
			return a.test(cmd.Context(), &f, files, engine.PackageTest{Index: index, ReverseDeps: rdeps}, asJSON, attest)
		},
	}
	c.Flags().StringArrayVarP(&files, "package-file", "p", nil, "package to test (also as plain arguments)")
	c.Flags().Var(number(&index, 0), "test-index", "only this test, counted from 0")
	c.Flags().BoolVar(&rdeps, "rdeps", false, "also run the tests of packages in the channels that depend on it")
	c.Flags().StringVar(&attest, "attest", "", "write a signed statement of the package's own results to this file, also of failures (docs/verify.md)")
	c.Flags().BoolVar(&asJSON, "json", false, "print the results as one JSON document")
	f.registerChannels(c.Flags())
	return c
}

// testRow is one test of the closing table.
type testRow struct {
	Package string  `json:"package"`
	Index   int     `json:"index"`
	Kind    string  `json:"kind"`
	Python  string  `json:"python,omitempty"`
	Status  string  `json:"status"`
	Seconds float64 `json:"seconds"`
	Reason  string  `json:"reason,omitempty"`
	Log     string  `json:"log,omitempty"`
}

func (a *app) test(ctx context.Context, f *buildFlags, files []string, ask engine.PackageTest, asJSON bool, attest string) error {
	rows := []testRow{}
	failed := 0
	for _, file := range files {
		outcomes, statement, err := a.testFile(ctx, f, file, ask)
		if errors.Is(err, engine.ErrNoSuchTest) {
			return usageError{err}
		}
		if err != nil {
			return err
		}
		if err := a.attestTests(ctx, file, statement, attest); err != nil {
			return err
		}
		if len(outcomes) == 0 && !asJSON && !a.global.quiet {
			fmt.Fprintf(a.stdout, "%s: it records no tests\n", diag.Printable(filepath.Base(file)))
		}
		for _, o := range outcomes {
			rows = append(rows, a.printTest(o, asJSON))
			if o.Status == engine.TestFailed {
				failed++
			}
		}
	}
	if asJSON {
		if err := a.printJSON(map[string]any{"tests": rows}); err != nil {
			return err
		}
	}
	if failed > 0 {
		if !asJSON {
			a.say("error", fmt.Sprintf("%d of %d tests failed", failed, len(rows)))
		}
		return exitError{exitFailed}
	}
	return nil
}

func (a *app) testFile(ctx context.Context, f *buildFlags, file string, ask engine.PackageTest) ([]engine.TestOutcome, []byte, error) {
	abs, err := packageFile(file)
	if err != nil {
		return nil, nil, err
	}
	req, err := a.packageRequest(f, abs)
	if err != nil {
		return nil, nil, err
	}
	tools, _, err := a.tools(ctx, req)
	if err != nil {
		return nil, nil, err
	}
	ask.File, ask.LogDir = abs, filepath.Join(req.CacheDir, "logs")
	if _, err := os.Stat(req.OutputDir); err == nil {
		ask.LogDir = filepath.Join(req.OutputDir, "logs")
	}
	return engine.TestPackage(ctx, req, tools, ask)
}

// attestTests signs what came of a package's tests.
func (a *app) attestTests(ctx context.Context, file string, statement []byte, to string) error {
	switch {
	case to == "":
		return nil
	case statement == nil:
		return fmt.Errorf("%s: no test of it was run: there is nothing to state", filepath.Base(file))
	}
	return a.writeEnvelope(ctx, statement, to)
}

// packageFile is the absolute path of a package; one that is not there is a mistake of the caller.
func packageFile(file string) (string, error) {
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return "", usageError{fmt.Errorf("%s: there is no such file", file)}
	}
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", usageError{fmt.Errorf("%s is not a package file", file)}
	}
	return filepath.Abs(file)
}

// packageRequest is the request of a verb that works on a package: the channel it lies in is the first
// one after output/.
func (a *app) packageRequest(f *buildFlags, file string) (*engine.Request, error) {
	req, err := a.requestFor(f, nil)
	if err != nil {
		return nil, err
	}
	beside := filepath.Dir(filepath.Dir(file))
	subdir := filepath.Base(filepath.Dir(file))
	if (subdir == "noarch" || strings.Contains(subdir, "-")) && beside != req.OutputDir {
		req.Channels = append([]string{beside}, req.Channels...)
	}
	return req, nil
}

func (a *app) printTest(o engine.TestOutcome, asJSON bool) testRow {
	r := testRow{Package: o.Package, Index: o.Index, Kind: o.Kind, Python: o.Python, Status: string(o.Status), Seconds: float64(int(o.Seconds*100)) / 100}
	if wd, err := os.Getwd(); err == nil {
		r.Log = relativeTo(wd, o.Log)
	}
	if o.Err != nil {
		r.Reason = o.Err.Error()
	}
	if asJSON {
		return r
	}
	if a.forPrograms() {
		fmt.Fprint(a.stderr, jsonEvent{Event: string(o.Status), Text: fmt.Sprintf("test %d (%s)", o.Index, o.Kind), Package: o.Package, Phase: "test", Seconds: o.Seconds, Reason: r.Reason})
		return r
	}
	what := fmt.Sprintf("%s: test %d (%s)", o.Package, o.Index, o.Kind)
	if o.Index < 0 {
		what = o.Package
	}
	if o.Python != "" {
		what += " with python " + o.Python
	}
	role := map[engine.TestStatus]string{engine.TestPassed: "built", engine.TestFailed: "failed", engine.TestSkipped: "skipped"}[o.Status]
	if o.Status == engine.TestPassed {
		if !a.global.quiet {
			fmt.Fprintf(a.stdout, "%s %s  %.1f s\n", a.painter(a.stdout)(role, "passed "), diag.Printable(what), o.Seconds)
		}
		return r
	}
	paint := a.painter(a.stderr)
	fmt.Fprintf(a.stderr, "%s %s\n%s\n", paint(role, fmt.Sprintf("%-7s", o.Status)), diag.Printable(what), a.ci(nil).clean(printableText(r.Reason)))
	return r
}
