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
	"forge/internal/fsx"
)

func debugCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "debug",
		Short: "Step into a build, in its own sandbox",
		Long: `Debug sets a build up as far as its script: what it needs is built and installed, its sources
are unpacked and patched. Then you work on it, in the sandbox of the build and with its
environment: open a shell, run the script, add packages, change sources. What you changed in
the sources becomes a patch of the recipe.

A build that is set up stays in OUTPUT/_debug/NAME until it is set up again or removed. The
verbs work on the last one; --work-dir names another. With a recipe, shell and run set it up
first.`,
		Example: `  forge debug shell --at-failure recipes/zlib     a shell where the script fails
  forge debug setup recipes/zlib && cd "$(forge debug workdir)"
  forge debug run --trace
  forge debug create-patch --name fix-typo`,
	}
	c.AddCommand(debugSetupCommand(a), debugShellCommand(a), debugRunCommand(a), debugAddCommand(a, "host"), debugAddCommand(a, "build"),
		debugWorkdirCommand(a), createPatchCommand(a))
	return c
}

// debugFlags are those of the verbs that work on a build that was set up.
type debugFlags struct {
	build           buildFlags
	output, workDir string
	atFailure       bool
	trace           bool
}

func (f *debugFlags) registerRecipe(c *cobra.Command) {
	f.build.register(c.Flags())
	f.build.registerRun(c.Flags())
	c.Flags().StringVar(&f.output, "output-name", "", "which output of the recipe")
}

func (f *debugFlags) registerWorkDir(c *cobra.Command) {
	c.Flags().StringVar(&f.workDir, "work-dir", "", "work folder of a build that was set up (default the last one)")
	_ = c.MarkFlagDirname("work-dir")
}

func debugSetupCommand(a *app) *cobra.Command {
	f := debugFlags{build: buildFlags{shortOutput: "o"}}
	var asJSON bool
	c := &cobra.Command{
		Use:     "setup [RECIPE]",
		Short:   "Set a build up as far as its script, and leave it there",
		Long:    "Sets a build up as far as its script, and leaves it there. --json prints {\"output\", \"work_dir\"}.",
		Example: "  forge debug setup recipes/zlib\n  forge debug setup -r recipes/xz --output-name liblzma",
		RunE: func(cmd *cobra.Command, args []string) error {
			s, _, _, err := a.setUp(cmd.Context(), &f, args)
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(map[string]string{"output": s.Output, "work_dir": relative(s.WorkDir())})
			}
			fmt.Fprintf(a.stdout, "%s is set up in %s\n", diag.Printable(s.Output), relative(s.WorkDir()))
			if !a.global.quiet {
				fmt.Fprint(a.stderr, "  forge debug shell            opens a shell there\n  forge debug run              runs the build script\n  forge debug create-patch     makes a patch of what you changed\n")
			}
			return nil
		},
	}
	f.registerRecipe(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return c
}

func debugShellCommand(a *app) *cobra.Command {
	f := debugFlags{build: buildFlags{shortOutput: "o"}}
	c := &cobra.Command{
		Use:   "shell [RECIPE]",
		Short: "Open a shell where the build script would start, or where it fails",
		Long: `Opens a shell in the sandbox of the build: same files, same environment. The script lies beside
it: bash -x /forge/conda_build.sh runs it. With --at-failure the script runs first, and the shell
opens at the line that fails, in its folder, with its variables and functions.

The sources can be changed from outside, too: forge debug workdir says where they are.`,
		Example: "  forge debug shell recipes/zlib\n  forge debug shell --at-failure --output-name liblzma recipes/xz\n  forge debug shell",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.debug(cmd.Context(), &f, args, engine.Entry{Script: f.atFailure, AtFailure: f.atFailure})
		},
	}
	f.registerRecipe(c)
	f.registerWorkDir(c)
	c.Flags().BoolVar(&f.atFailure, "at-failure", false, "run the script and open the shell where it fails")
	return c
}

func debugRunCommand(a *app) *cobra.Command {
	f := debugFlags{build: buildFlags{shortOutput: "o"}}
	c := &cobra.Command{
		Use:   "run [RECIPE] [-- COMMAND...]",
		Short: "Run the build script, or one command, in a build that is set up",
		Long: `Runs the build script in the build that was set up last, or the command after --. With a recipe
it is set up first. The exit code is the script's.`,
		Example: "  forge debug run --trace\n  forge debug run recipes/zlib -- ls\n  forge debug run -- bash -x /forge/conda_build.sh",
		RunE: func(cmd *cobra.Command, args []string) error {
			n := cmd.ArgsLenAtDash()
			switch {
			case n < 0:
				return a.debug(cmd.Context(), &f, args, engine.Entry{Script: true, Trace: f.trace})
			case n == len(args):
				return usageError{errors.New("want a command after --")}
			case f.trace:
				return usageError{errors.New("--trace is about the build script; there is a command after --")}
			}
			return a.debug(cmd.Context(), &f, args[:n], engine.Entry{Argv: args[n:]})
		},
	}
	f.registerRecipe(c)
	f.registerWorkDir(c)
	c.Flags().BoolVar(&f.trace, "trace", false, "show the commands of the script (bash -x)")
	return c
}

// debugAddCommand is host-add or build-add.
func debugAddCommand(a *app, kind string) *cobra.Command {
	f := debugFlags{build: buildFlags{shortOutput: "o"}}
	c := &cobra.Command{
		Use:     kind + "-add SPEC...",
		Short:   "Install more packages into the " + kind + " environment of a build that is set up",
		Example: "  forge debug " + kind + "-add zlib 'cmake >=3.20' -c ./channel",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, specs []string) error {
			s, req, tools, err := a.session(cmd.Context(), &f)
			if err != nil {
				return err
			}
			added, err := s.Add(cmd.Context(), req, tools, kind == "host", specs)
			if err != nil {
				return err
			}
			for _, name := range added {
				fmt.Fprintf(a.stdout, "added %s\n", diag.Printable(name))
			}
			if len(added) == 0 {
				fmt.Fprintln(a.stdout, "all of that is there already")
			}
			return nil
		},
	}
	f.build.registerChannels(c.Flags())
	f.registerWorkDir(c)
	return c
}

func debugWorkdirCommand(a *app) *cobra.Command {
	f := debugFlags{build: buildFlags{shortOutput: "o"}}
	c := &cobra.Command{
		Use:     "workdir",
		Short:   "Print where the sources of the build that is set up lie",
		Example: `  cd "$(forge debug workdir)"`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.lastSession(&f)
			if err != nil {
				return err
			}
			fmt.Fprintln(a.stdout, s.WorkDir())
			return nil
		},
	}
	f.build.registerChannels(c.Flags())
	f.registerWorkDir(c)
	return c
}

// debug runs something in a build: the one of the recipes given, else the one that was set up.
func (a *app) debug(ctx context.Context, f *debugFlags, args []string, e engine.Entry) error {
	var s *engine.Session
	var req *engine.Request
	var tools engine.Tools
	var err error
	if len(args)+len(f.build.recipes) > 0 || f.build.recipeDir != "" {
		s, req, tools, err = a.setUp(ctx, f, args)
	} else {
		s, req, tools, err = a.session(ctx, f)
	}
	if err != nil {
		return err
	}
	e.Stdin, e.Stdout, e.Stderr, e.Terminal = a.stdin, raw(a.stdout), a.stderr, isTerminal(a.stdout)
	result, err := s.Run(ctx, req, tools, e)
	switch {
	case err != nil:
		return err
	case result.KilledBy == "wall":
		return exitError{exitTimeout}
	case result.KilledBy != "":
		return exitError{exitLimit}
	case result.ExitCode != 0:
		return exitError{result.ExitCode}
	case e.AtFailure:
		fmt.Fprintln(a.stderr, "forge: the script did not fail")
	}
	return nil
}

// setUp sets the build of a recipe up and remembers it as the last one.
func (a *app) setUp(ctx context.Context, f *debugFlags, args []string) (*engine.Session, *engine.Request, engine.Tools, error) {
	fail := func(err error) (*engine.Session, *engine.Request, engine.Tools, error) {
		return nil, nil, engine.Tools{}, err
	}
	if f.workDir != "" {
		return fail(usageError{errors.New("--work-dir names a build that is set up; a recipe sets up a new one")})
	}
	req, err := a.request(&f.build, args)
	if err != nil {
		return fail(err)
	}
	tools, finish, err := a.tools(ctx, req)
	if err != nil {
		return fail(err)
	}
	if err := a.sign(req, &tools); err != nil {
		return fail(err)
	}
	graph, _, err := a.graph(ctx, req, tools)
	if err != nil {
		return fail(err)
	}
	target, err := choose(graph, f.output)
	if err != nil {
		return fail(err)
	}
	p := a.newProgress(len(graph.Actions))
	s, err := engine.SetUp(ctx, req, tools, graph, target, filepath.Join(debugDir(req), target.Output.Name), p.event)
	p.close()
	if err == nil {
		err = finish(ctx) // what it needs was built into the channel
	}
	if err == nil {
		err = fsx.WriteFile(filepath.Join(debugDir(req), "last"), []byte(target.Output.Name+"\n"), 0o644)
	}
	if err != nil {
		return fail(err)
	}
	return s, req, tools, nil
}

func debugDir(req *engine.Request) string { return filepath.Join(req.OutputDir, "_debug") }

// session opens a build that was set up, with what it takes to run in it.
func (a *app) session(ctx context.Context, f *debugFlags) (*engine.Session, *engine.Request, engine.Tools, error) {
	s, err := a.lastSession(f)
	if err != nil {
		return nil, nil, engine.Tools{}, err
	}
	req, err := a.requestFor(&f.build, nil)
	if err != nil {
		return nil, nil, engine.Tools{}, err
	}
	tools, _, err := a.tools(ctx, req)
	return s, req, tools, err
}

// lastSession is the one that --work-dir names, else the last that was set up.
func (a *app) lastSession(f *debugFlags) (*engine.Session, error) {
	if f.workDir != "" {
		dir, err := filepath.Abs(f.workDir)
		if err != nil {
			return nil, err
		}
		return engine.FindSession(dir)
	}
	req, err := a.requestFor(&f.build, nil)
	if err != nil {
		return nil, err
	}
	name, err := os.ReadFile(filepath.Join(debugDir(req), "last"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no build is set up in %s: run forge debug setup RECIPE", relative(debugDir(req)))
	}
	if err != nil {
		return nil, err
	}
	last := strings.TrimSpace(string(name))
	if !filepath.IsLocal(last) {
		return nil, fmt.Errorf("%s names no build: run forge debug setup RECIPE", filepath.Join(debugDir(req), "last"))
	}
	return engine.OpenSession(filepath.Join(debugDir(req), last))
}

// choose finds the action to step into: the named one, or the only one.
func choose(g *engine.Graph, name string) (*engine.Action, error) {
	var names []string
	for _, a := range g.Actions {
		if a.Output.Name == name {
			return a, nil
		}
		names = append(names, a.Output.Name)
	}
	if name == "" && len(g.Actions) == 1 {
		return g.Actions[0], nil
	}
	if name == "" {
		return nil, usageError{fmt.Errorf("choose one with --output-name: %s", strings.Join(names, ", "))}
	}
	err := fmt.Errorf("no output is called %q", name)
	if near := diag.Nearest(name, names); near != "" {
		err = fmt.Errorf("%w; did you mean %q?", err, near)
	}
	return nil, err
}
