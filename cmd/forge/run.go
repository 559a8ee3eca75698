package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"forge/internal/diag"
	"forge/store"
)

// The exit codes of every verb.
const (
	exitGood        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// app is what a verb gets of the world: nothing else of the environment is read.
type app struct {
	lookupEnv      func(string) (string, bool)
	stdin          io.Reader
	stdout, stderr io.Writer
	global         globalFlags
	space          workspace      // of the request
	stores         []*store.Store // opened; closed at the end
	began          time.Time      // before anything was read
	notes          diag.List      // warnings and notes of what was rendered and planned
}

// globalFlags are understood by every verb; their names are rattler-build's.
type globalFlags struct {
	verbose  int
	quiet    bool
	logStyle string
	color    string
}

// getenv is os.Getenv for the environment the app was given.
func (a *app) getenv(name string) string {
	v, _ := a.lookupEnv(name)
	return v
}

// usageError is a mistake on the command line: exit 2.
type usageError struct{ error }

// exitError ends with a code of its own; its message, if any, was printed already.
type exitError struct{ code int }

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// run is the whole program: arguments in, exit code out.
func run(ctx context.Context, args []string, lookupEnv func(string) (string, bool), stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{began: time.Now(), lookupEnv: lookupEnv, stdin: stdin, stdout: stdout, stderr: stderr}
	root := newRootCommand(a)
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	defer a.closeStores()
	return a.report(ctx, root.ExecuteContext(ctx))
}

// report prints err, if it is one, and gives its exit code.
func (a *app) report(ctx context.Context, err error) int {
	var exit exitError
	var usage usageError
	switch {
	case err == nil:
		return exitGood
	case errors.As(err, &exit):
		return exit.code
	case ctx.Err() != nil:
		fmt.Fprintln(a.stderr, "forge: interrupted; nothing is lost, the same command goes on from here")
		return exitInterrupted
	case errors.As(err, &usage):
		fmt.Fprintf(a.stderr, "forge: %s\nSee 'forge --help'.\n", diag.Printable(usage.Error()))
		return exitUsage
	}
	a.printError(err)
	return exitFailed
}

// printError writes err: diagnostics with their snippets, anything else as lines.
func (a *app) printError(err error) {
	if list, ok := diag.Of(err); ok {
		paint := a.painter(a.stderr)
		for _, d := range list {
			fmt.Fprintln(a.stderr, d.Paint(paint))
			a.ci(nil).diagnostic(d)
		}
		return
	}
	lines := strings.Split(err.Error(), "\n")
	for i, l := range lines {
		lines[i] = diag.Printable(l)
	}
	fmt.Fprintf(a.stderr, "forge: %s\n", strings.Join(lines, "\n"))
	if help := remedy(err); help != "" {
		fmt.Fprintf(a.stderr, "  help: %s\n", help)
	}
}

// newRootCommand puts the verbs together; one file a verb.
func newRootCommand(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "forge",
		Short: "Build packages from recipes, sandboxed and signed",
		Long: `Forge turns recipe files (meta.yaml, recipe.yaml, recipe.hcl) into packages: it solves,
fetches, builds in a sandbox, tests, packages and signs, and can say of every byte
where it came from.`,
		Example: `  forge build ./recipes/...        build every recipe below recipes/
  forge build -n ./recipes/zlib    say what would be built, and why
  forge verify output/*/*.conda    check signatures and provenance`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       version,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	flags := root.PersistentFlags()
	flags.CountVarP(&a.global.verbose, "verbose", "v", "say more; twice for debugging")
	flags.BoolVarP(&a.global.quiet, "quiet", "q", false, "say only what went wrong")
	flags.StringVar(&a.global.logStyle, "log-style", "fancy", "how progress looks: fancy, plain or json")
	flags.StringVar(&a.global.color, "color", "auto", "colour: auto, always or never")
	root.AddCommand(verbs(a)...)
	markUsageErrors(root)
	return root
}

// markUsageErrors makes wrong positional arguments usage errors, for every verb in one place.
func markUsageErrors(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usageError{err}
			}
			return nil
		}
	} else if c.HasSubCommands() {
		c.Args = func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("unknown command %q for %q%s", args[0], c.CommandPath(), meant(c, args[0]))}
			}
			return nil
		}
		c.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	}
	for _, sub := range c.Commands() {
		markUsageErrors(sub)
	}
}

// meant suggests the verb that word was meant to be.
func meant(c *cobra.Command, word string) string {
	var names []string
	for _, sub := range c.Commands() {
		names = append(names, sub.Name())
	}
	if near := diag.Nearest(word, names); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

// remedy says what to do about a failure that the machine has, not the recipe.
func remedy(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return "the disk is full: free some space, or point FORGE_CACHE and --output-dir to another disk; what was built so far is kept"
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		return "forge writes to FORGE_CACHE, FORGE_KEYS and --output-dir: they must be writable"
	}
	return ""
}
