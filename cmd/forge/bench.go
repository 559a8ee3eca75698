package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"forge/engine"
	"forge/internal/diag"
)

// benchFlags are those of `forge bench`.
type benchFlags struct {
	build   buildFlags
	output  string
	command string
	rounds  int
	json    bool
}

func benchCommand(a *app) *cobra.Command {
	var f benchFlags
	c := &cobra.Command{
		Use:   "bench [RECIPE]...",
		Short: "Measure which CPU level of a package pays",
		Long: `Bench builds the recipes for every level of forge.hcl's optimize block and runs a command of
the recipe (extra.forge.bench) with each, in the sandbox of a test: CPU seconds, medians,
the levels taking turns. A level that gains little is one package more to build, to store
and to test.`,
		Example: `  forge bench recipes/zlib
  forge bench ./recipes/... --output-name zlib --rounds 9
  forge bench recipes/lua --command 'lua -e "local s=0 for i=1,1e8 do s=s+i end"'`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.bench(cmd.Context(), &f, args) },
	}
	f.build.register(c.Flags())
	f.build.registerRun(c.Flags())
	c.Flags().StringVar(&f.output, "output-name", "", "which output to measure (default the last recipe's)")
	c.Flags().StringVar(&f.command, "command", "", "measure this instead of the recipe's command")
	f.rounds = 5
	c.Flags().Var(number(&f.rounds, 1), "rounds", "how often each package is measured")
	c.Flags().BoolVar(&f.json, "json", false, "print JSON")
	return c
}

func (a *app) bench(ctx context.Context, f *benchFlags, args []string) error {
	req, err := a.request(&f.build, args)
	if err != nil {
		return err
	}
	req.Bench, req.BenchCommand = true, f.command
	req.Optimize = req.Optimize.Apart()
	tools, finish, err := a.tools(ctx, req)
	if err != nil {
		return err
	}
	graph, renderErr, err := a.graph(ctx, req, tools)
	if err = errors.Join(renderErr, err); err != nil {
		return err
	}
	if err := a.sign(req, &tools); err != nil {
		return err
	}
	name := f.output
	if name == "" && len(graph.Actions) > 0 {
		name = graph.Actions[len(graph.Actions)-1].Output.Name
	}
	p := a.newProgress(len(graph.Actions))
	measured, err := engine.RunBench(ctx, req, tools, graph, name, f.rounds, p.event)
	p.close()
	if err = errors.Join(err, finish(context.WithoutCancel(ctx))); err != nil {
		return err
	}
	if f.json {
		return a.printJSON(map[string]any{"packages": measured})
	}
	return a.printBench(measured)
}

// printBench compares with the first one, the oldest level.
func (a *app) printBench(measured []engine.Bench) error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PACKAGE\tLEVEL\tCPU SECONDS\tLEAST\tMOST\tSPEED")
	for _, b := range measured {
		least, most := b.CPU[0], b.CPU[0]
		for _, s := range b.CPU {
			least, most = min(least, s), max(most, s)
		}
		level := b.Level
		if level == "" {
			level = "-"
		}
		speed := "-"
		if b.Median > 0 {
			speed = fmt.Sprintf("%.2f×", measured[0].Median/b.Median)
		}
		fmt.Fprintf(w, "%s\t%s\t%.3f\t%.3f\t%.3f\t%s\n", diag.Printable(b.Package), level, b.Median, least, most, speed)
	}
	return w.Flush()
}
