package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
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
	config         config
	space          workspace      // of the request
	insecure       []string       // hosts of --allow-insecure-host
	stores         []*store.Store // opened; closed at the end
	began          time.Time      // before anything was read
	stdinFile      string         // where the recipe on standard input lies
	notes          diag.List      // warnings and notes of what was rendered and planned
}

// globalFlags are understood by every verb; their names are rattler-build's.
type globalFlags struct {
	verbose  int
	quiet    bool
	logStyle string
	color    string
	fancy    bool   // the live view was asked for, also where CI is set
	wrap     string // "true", "false", empty for wherever a terminal is

	configFile string
	noConfig   bool
}

var (
	logStyles  = []string{"fancy", "plain", "json", "simple"} // simple is plain, as the peer has it
	colorWords = []string{"auto", "always", "never"}
)

// peerEnvironment reads the variables that stand for rattler-build's flags.
func (g *globalFlags) peerEnvironment(getenv func(string) string) {
	if g.logStyle == "" {
		g.logStyle = getenv("RATTLER_BUILD_LOG_STYLE")
	}
	if g.color == "" {
		g.color = getenv("RATTLER_BUILD_COLOR")
	}
}

// look completes and checks the flags that say how things are shown.
func (g *globalFlags) look() error {
	g.fancy = g.logStyle == logStyles[0]
	for _, w := range []struct {
		flag  string
		value *string
		want  []string
	}{{"--log-style", &g.logStyle, logStyles}, {"--color", &g.color, colorWords}} {
		if *w.value == "" {
			*w.value = w.want[0]
		}
		if err := oneOf(w.flag, *w.value, w.want); err != nil {
			return usageError{err}
		}
	}
	if g.wrap != "" {
		if err := oneOf("--wrap-log-lines", g.wrap, []string{"true", "false"}); err != nil {
			return usageError{err}
		}
	}
	return nil
}

// oneOf is an error where value is none of the words, and says which it may have been.
func oneOf(what, value string, words []string) error {
	if slices.Contains(words, value) {
		return nil
	}
	err := fmt.Errorf("%s %q: want %s", what, value, strings.Join(words, ", "))
	if near := diag.Nearest(value, words); near != "" {
		err = fmt.Errorf("%w; did you mean %q?", err, near)
	}
	return err
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
	out := &output{to: stdout}
	a := &app{began: time.Now(), lookupEnv: lookupEnv, stdin: stdin, stdout: out, stderr: stderr}
	root := newRootCommand(a, args...)
	root.SetArgs(optionalValues(args))
	root.SetIn(stdin)
	root.SetOut(out)
	root.SetErr(stderr)
	defer a.closeStores()
	if len(args) > 0 && (args[0] == cobra.ShellCompRequestCmd || args[0] == cobra.ShellCompNoDescRequestCmd) {
		completions(a, root) // the words for every flag of every verb, which nobody else asks for
	}
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") && !knows(root, args[0]) {
		return a.report(ctx, root, unknownVerb(root, args[0])) // before its flags are found to be unknown
	}
	if len(args) > 1 && args[0] == "help" && !strings.HasPrefix(args[1], "-") && !knows(root, args[1]) {
		return a.report(ctx, root, unknownVerb(root, args[1]))
	}
	verb, err := root.ExecuteContextC(ctx)
	return a.report(ctx, verb, out.over(err))
}

// optionalValues joins the value of a flag that may go without one, as rattler-build reads it: the word
// after --skip-existing is its value if it is one of its words.
func optionalValues(args []string) []string {
	var joined []string
	for i := 0; i < len(args); i++ {
		if args[i] == "--" {
			return append(joined, args[i:]...)
		}
		if args[i] == "--skip-existing" && i+1 < len(args) && slices.Contains([]string{"none", "local", "all"}, args[i+1]) {
			joined = append(joined, args[i]+"="+args[i+1])
			i++
			continue
		}
		joined = append(joined, args[i])
	}
	return joined
}

// report prints err, if it is one, which came of verb, and gives its exit code.
func (a *app) report(ctx context.Context, verb *cobra.Command, err error) int {
	var exit exitError
	var usage usageError
	switch {
	case err == nil:
		return exitGood
	case errors.As(err, &exit):
		return exit.code
	case ctx.Err() != nil:
		text := "interrupted"
		if verb.HasFlags() && verb.Flags().Lookup("keep-going") != nil || verb.Name() == "fetch" {
			text += "; nothing is lost, the same command goes on from here"
		}
		a.say("interrupted", text)
		return exitInterrupted
	case errors.As(err, &usage):
		a.say("error", fmt.Sprintf("%s\nSee '%s --help'.", usage.Error(), verb.CommandPath()))
		return exitUsage
	}
	a.printError(err)
	return exitFailed
}

// printError writes err: diagnostics with their snippets, anything else as lines.
func (a *app) printError(err error) {
	if list, ok := diag.Of(err); ok {
		a.printList(list)
		return
	}
	help := a.remedy(err)
	if a.forPrograms() {
		fmt.Fprint(a.stderr, jsonEvent{Event: "error", Text: err.Error(), Help: help})
		return
	}
	a.say("error", err.Error())
	if help != "" {
		fmt.Fprintf(a.stderr, "  help: %s\n", help)
	}
}

// newRootCommand makes the program's command with those below it that args need; without args with all.
func newRootCommand(a *app, args ...string) *cobra.Command {
	root := &cobra.Command{
		Use:   "forge",
		Short: "Build packages from recipes, sandboxed and signed",
		Long: `Forge turns recipe files (meta.yaml, recipe.yaml, recipe.hcl) into packages: it solves,
fetches, builds in a sandbox, tests, packages and signs, and can say of every byte
where it came from.

Exit codes of every verb: 0 good, 1 failed or refused, 2 used wrongly, 130 interrupted.
forge sandbox run and forge debug run end with the command's own.`,
		Example: `  forge build ./recipes/...        build every recipe below recipes/
  forge build -n ./recipes/zlib    say what would be built, and why
  forge verify output/*/*.conda    check signatures and provenance`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       version,
	}
	root.SetFlagErrorFunc(flagError)
	root.Flags().BoolP("version", "V", false, "print the version")
	flags := root.PersistentFlags()
	flags.CountVarP(&a.global.verbose, "verbose", "v", "say more; twice for debugging")
	flags.BoolVarP(&a.global.quiet, "quiet", "q", false, "say only what went wrong")
	flags.StringVar(&a.global.logStyle, "log-style", "", "how progress looks: fancy, plain or json (default fancy)")
	flags.StringVar(&a.global.color, "color", "", "colour: auto, always or never (default auto)")
	flags.StringVar(&a.global.wrap, "wrap-log-lines", "", "wrap lines of logs at the terminal's width: true or false (default true on a terminal, false in CI)")
	flags.StringVar(&a.global.configFile, "config-file", "", "read this configuration file instead of the user's (docs/configuration.md)")
	flags.BoolVar(&a.global.noConfig, "no-config", false, "read no configuration file")
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		if cmd.Name() == cobra.ShellCompRequestCmd || cmd.Name() == cobra.ShellCompNoDescRequestCmd {
			return nil
		}
		if err := emptyValues(cmd); err != nil {
			return err
		}
		a.global.peerEnvironment(a.getenv)
		if err := a.loadConfig(); err != nil {
			return err
		}
		return a.global.look()
	}
	root.AddGroup(helpGroups()...)
	root.SetHelpCommandGroupID(groupMachine)
	root.AddCommand(commands(a, args)...)
	root.CompletionOptions.DisableDefaultCmd = true
	markUsageErrors(root)
	return root
}

// knows reports whether word is a verb, or one that cobra adds when it runs.
func knows(c *cobra.Command, word string) bool {
	return slices.ContainsFunc(c.Commands(), func(sub *cobra.Command) bool { return sub.Name() == word || sub.HasAlias(word) }) ||
		word == "help" || word == cobra.ShellCompRequestCmd || word == cobra.ShellCompNoDescRequestCmd
}

func unknownVerb(c *cobra.Command, word string) error {
	return usageError{fmt.Errorf("unknown command %q for %q%s", word, c.CommandPath(), meant(c, word))}
}

// peerVerbs are rattler-build's verbs that are not here, and what to do instead.
var peerVerbs = map[string]string{
	"publish":         "forge does not publish yet; forge build puts packages into a channel of its own (--output-dir), signed and indexed",
	"upload":          "forge does not upload yet; the folder given with --output-dir is a channel that any server of files can serve",
	"auth":            "forge logs in nowhere yet; it reads channels that need no login",
	"generate-recipe": "forge writes no recipes from registries yet",
	"bump-recipe":     "forge does not raise versions yet; edit the version and the hash in the recipe",
	"version":         "it is forge --version",
	"inspect":         "it is called forge package inspect",
	"extract":         "it is called forge package extract",
}

// meant suggests the verb that word was meant to be.
func meant(c *cobra.Command, word string) string {
	if why := peerVerbs[word]; why != "" && !c.HasParent() {
		return ": " + why
	}
	var names []string
	for _, sub := range c.Commands() {
		names = append(names, sub.Name())
	}
	if near := diag.Nearest(word, names); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	if _, err := os.Stat(word); err == nil && !c.HasParent() {
		return fmt.Sprintf("; did you mean forge build %s?", word)
	}
	return ""
}

// remedy says what to do about a failure that the machine has, not the recipe.
func (a *app) remedy(err error) string {
	var call *os.SyscallError
	switch {
	case errors.As(err, &call) && call.Syscall == "getwd":
		return "the working folder is gone; change to one that is there"
	case errors.Is(err, syscall.ENOSPC):
		return "the disk is full: free some space, or point FORGE_CACHE and --output-dir to another disk; what was built so far is kept"
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission) && a.cameOfWriting(err):
		return "forge writes to FORGE_CACHE, FORGE_KEYS and --output-dir: they must be writable"
	}
	return ""
}

// cameOfWriting tells a file that could not be made from one of the user's that could not be read: what is opened in
// forge's own folders is written more often than not.
func (a *app) cameOfWriting(err error) bool {
	var pe *fs.PathError
	if !errors.As(err, &pe) || !slices.Contains([]string{"open", "stat", "lstat", "read"}, pe.Op) {
		return true
	}
	for _, own := range []func() (string, error){a.cacheDir, a.keyDir} {
		if dir, err := own(); err == nil && strings.HasPrefix(pe.Path, dir+string(filepath.Separator)) {
			return true
		}
	}
	return false
}
