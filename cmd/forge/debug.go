package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"forge/engine"
	"forge/internal/diag"
)

func debugCommand(a *app) *cobra.Command {
	c := &cobra.Command{Use: "debug", Short: "Step into a build, in its own sandbox"}
	c.AddCommand(debugShellCommand(a), debugRunCommand(a))
	return c
}

func debugShellCommand(a *app) *cobra.Command {
	var f buildFlags
	var output string
	c := &cobra.Command{
		Use:   "shell [RECIPE]",
		Short: "Open a shell where the build script would start",
		Long: `Builds what the output needs, unpacks and patches its sources, and opens a shell in the
sandbox of its build: same files, same environment. The script lies beside it:
bash -x /forge/conda_build.sh runs it. What you leave there is removed afterwards.`,
		Example: "  forge debug shell recipes/zlib\n  forge debug shell --output-name liblzma recipes/xz",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.debug(cmd.Context(), &f, args, output, nil)
		},
	}
	f.register(c.Flags())
	f.registerRun(c.Flags())
	c.Flags().StringVar(&output, "output-name", "", "which output of the recipe")
	return c
}

func debugRunCommand(a *app) *cobra.Command {
	var f buildFlags
	var output string
	c := &cobra.Command{
		Use:     "run [RECIPE] -- COMMAND...",
		Short:   "Run one command where the build script would start",
		Example: "  forge debug run recipes/zlib -- ls\n  forge debug run recipes/zlib -- bash -x /forge/conda_build.sh",
		RunE: func(cmd *cobra.Command, args []string) error {
			n := cmd.ArgsLenAtDash()
			if n < 0 || n == len(args) {
				return usageError{fmt.Errorf("want a command after --")}
			}
			return a.debug(cmd.Context(), &f, args[:n], output, args[n:])
		},
	}
	f.register(c.Flags())
	f.registerRun(c.Flags())
	c.Flags().StringVar(&output, "output-name", "", "which output of the recipe")
	return c
}

func (a *app) debug(ctx context.Context, f *buildFlags, args []string, output string, argv []string) error {
	req, err := a.request(f, args)
	if err != nil {
		return err
	}
	tools, _, err := a.tools(ctx, req)
	if err != nil {
		return err
	}
	if err := a.sign(req, &tools); err != nil {
		return err
	}
	graph, _, err := a.graph(ctx, req, tools)
	if err != nil {
		return err
	}
	target, err := choose(graph, output)
	if err != nil {
		return err
	}
	p := a.newProgress(len(graph.Actions))
	result, err := engine.Enter(ctx, req, tools, graph, target, engine.Entry{
		Argv: argv, Stdin: a.stdin, Stdout: a.stdout, Stderr: a.stderr, Terminal: isTerminal(a.stdout),
	}, p.event)
	p.close()
	if err == nil && result.ExitCode != 0 {
		return exitError{result.ExitCode}
	}
	return err
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
