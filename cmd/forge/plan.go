package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"forge/engine"
	"forge/internal/diag"
)

// planForm is how a plan is printed.
type planForm int

const (
	planText planForm = iota
	planDocument
	planDot
)

func planJSON(asJSON bool) planForm {
	if asJSON {
		return planDocument
	}
	return planText
}

func planCommand(a *app) *cobra.Command {
	var f buildFlags
	var asJSON, asDot bool
	c := &cobra.Command{
		Use:     "plan [RECIPE]...",
		Short:   "Say what would be built, in which order, and why",
		Example: "  forge plan ./recipes/...\n  forge plan --dot ./recipes/... | dot -Tsvg > graph.svg",
		RunE: func(cmd *cobra.Command, args []string) error {
			req, err := a.request(&f, args)
			if err != nil {
				return err
			}
			form := planJSON(asJSON)
			if asDot {
				form = planDot
			}
			return a.plan(cmd.Context(), req, form)
		},
	}
	f.register(c.Flags())
	c.Flags().BoolVar(&asJSON, "json", false, "print the plan as JSON")
	c.Flags().BoolVar(&asDot, "dot", false, "print the graph for Graphviz")
	c.Flags().BoolVarP(&f.keepGoing, "keep-going", "k", false, "plan the rest where something cannot be planned")
	c.Flags().BoolVar(&f.continueOnFailure, "continue-on-failure", false, "the same as --keep-going")
	return c
}

func (a *app) plan(ctx context.Context, req *engine.Request, form planForm) error {
	tools, _, err := a.tools(ctx, req)
	if err != nil {
		return err
	}
	graph, renderErr, err := a.graph(ctx, req, tools)
	if err != nil {
		return err
	}
	if form == planDot {
		fmt.Fprint(a.stdout, dotGraph(graph))
		return renderErr
	}
	forecast, err := engine.Foresee(ctx, req, tools, graph)
	if err != nil {
		return err
	}
	if form == planDocument {
		document := map[string]any{"packages": append(existingRows(req, graph), planRows(req, forecast)...)}
		if len(graph.Missing) > 0 {
			document["missing"] = graph.Missing
		}
		if err := a.printJSON(document); err != nil {
			return err
		}
		return renderErr
	}
	a.writePlan(graph, forecast)
	return renderErr
}

// planRow is the closing table's row, before the run.
type planRow struct {
	row
	Needs     []string            `json:"needs"`
	Build     map[string][]string `json:"environments"`
	Depends   []string            `json:"depends"`
	BuildName string              `json:"build"`
}

func planRows(req *engine.Request, forecast []engine.Forecast) []planRow {
	rows := []planRow{}
	for _, f := range forecast {
		if f.Action.Output.Staging {
			continue
		}
		o := engine.Outcome{Action: f.Action, Status: f.Status, Built: f.Built}
		if f.Built != nil {
			o.Path = filepath.Join(req.OutputDir, f.Action.Output.Subdir(), f.Built.FileName)
		}
		r := planRow{row: rowOf(req, &o), Depends: f.Action.Record.Depends, Needs: []string{}, BuildName: f.Action.Output.BuildString,
			Build: map[string][]string{"build": recordNames(f.Action.Build), "host": recordNames(f.Action.Host)}}
		r.Reason = f.Reason
		for _, b := range f.Action.Needed() {
			r.Needs = append(r.Needs, b.Output.Name)
		}
		rows = append(rows, r)
	}
	return rows
}

func recordNames(e engine.Environment) []string {
	list := []string{}
	for _, r := range e.Records {
		list = append(list, r.String())
	}
	return list
}

// existingRows are the outputs that --skip-existing leaves out.
func existingRows(req *engine.Request, g *engine.Graph) []planRow {
	rows := []planRow{}
	for _, o := range g.ExistingOutcomes() {
		rows = append(rows, planRow{row: rowOf(req, o), Depends: o.Action.Record.Depends, Needs: []string{},
			BuildName: o.Action.Output.BuildString, Build: map[string][]string{"build": {}, "host": {}}})
	}
	return rows
}

func (a *app) writePlan(g *engine.Graph, forecast []engine.Forecast) {
	t := tabwriter.NewWriter(a.stdout, 0, 8, 2, ' ', 0)
	count := 0
	for _, o := range g.ExistingOutcomes() {
		fmt.Fprintf(t, "skip\t%s\t%s\n", o.Action.Output, diag.Printable(o.Err.Error()))
	}
	for _, f := range forecast {
		o := f.Action.Output
		word := "build"
		if f.Status == engine.StatusReused {
			word = "reuse"
		} else {
			count++
		}
		if o.Staging {
			word += " (staging)"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", word, o, diag.Printable(f.Reason))
	}
	t.Flush()
	if count == 0 {
		fmt.Fprintln(a.stdout, "all is up to date")
		return
	}
	fmt.Fprintf(a.stdout, "%d of %d to build\n", count, len(forecast))
}

func dotGraph(g *engine.Graph) string {
	var b strings.Builder
	b.WriteString("digraph forge {\n  rankdir=LR;\n  node [shape=box];\n")
	for _, a := range g.Actions {
		fmt.Fprintf(&b, "  %q;\n", a.Output.Name)
		for _, n := range a.Needed() {
			fmt.Fprintf(&b, "  %q -> %q;\n", n.Output.Name, a.Output.Name)
		}
		for _, n := range a.TestNeeds {
			fmt.Fprintf(&b, "  %q -> %q [style=dashed];\n", n.Output.Name, a.Output.Name)
		}
	}
	b.WriteString("}\n")
	return b.String()
}

func explainCommand(a *app) *cobra.Command {
	var f buildFlags
	var asJSON bool
	c := &cobra.Command{
		Use:   "explain PACKAGE [RECIPE]...",
		Short: "Say why a package will or will not be rebuilt: the very lines that are hashed",
		Long: `Explain says of each output of that name whether it will be built or reused, why, in which lines of
its key it differs from the last build, and all lines of the key.

--json prints {"outputs": [...]}: output, status ("built" or "reused"), reason, differences, key, and the
lines that it is the SHA-256 of.`,
		Example: "  forge explain libpng ./recipes/...\n  forge explain --json libpng ./recipes/...",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			recipes := args[1:]
			if len(recipes) == 0 && len(f.recipes) == 0 {
				recipes = []string{"./..."}
			}
			req, err := a.request(&f, recipes)
			if err != nil {
				return err
			}
			return a.explain(cmd.Context(), req, args[0], asJSON)
		},
	}
	f.register(c.Flags())
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return c
}

func (a *app) explain(ctx context.Context, req *engine.Request, name string, asJSON bool) error {
	tools, _, err := a.tools(ctx, req)
	if err != nil {
		return err
	}
	graph, _, err := a.graph(ctx, req, tools)
	if err != nil {
		return err
	}
	forecast, err := engine.Foresee(ctx, req, tools, graph)
	if err != nil {
		return err
	}
	var all []string
	found := false
	explained := []explanation{}
	for _, f := range forecast {
		all = append(all, f.Action.Output.Name)
		if f.Action.Output.Name != name {
			continue
		}
		found = true
		if asJSON {
			explained = append(explained, explanationOf(f))
			continue
		}
		a.writeExplanation(f)
	}
	if !found {
		err := fmt.Errorf("no output of these recipes is called %q", name)
		if near := diag.Nearest(name, all); near != "" {
			err = fmt.Errorf("%w; did you mean %q?", err, near)
		}
		return err
	}
	if asJSON {
		return a.printJSON(map[string]any{"outputs": explained})
	}
	return nil
}

// explanation is what explain says of an output, as JSON.
type explanation struct {
	Output      string        `json:"output"`
	Status      engine.Status `json:"status"`
	Reason      string        `json:"reason"`
	Differences []string      `json:"differences,omitempty"` // from the last build
	Key         string        `json:"key,omitempty"`         // none where a package it needs is built first
	Lines       []string      `json:"lines,omitempty"`       // what the key is the SHA-256 of
}

func explanationOf(f engine.Forecast) explanation {
	e := explanation{Output: f.Action.Output.String(), Status: f.Status, Reason: f.Reason, Differences: f.Diff, Lines: f.Lines}
	if len(f.Lines) > 0 {
		e.Key = f.Lines.ID().Hex()
	}
	return e
}

func (a *app) writeExplanation(f engine.Forecast) {
	word := "will be built: "
	if f.Status == engine.StatusReused {
		word = "will be reused: "
	}
	fmt.Fprintf(a.stdout, "%s %s%s\n", f.Action.Output, word, f.Reason)
	for _, l := range f.Diff {
		fmt.Fprintln(a.stdout, "  "+diag.Printable(l))
	}
	if len(f.Lines) > 0 {
		fmt.Fprintf(a.stdout, "key %s is the SHA-256 of these lines:\n", f.Lines.ID().Hex())
		for _, l := range f.Lines {
			fmt.Fprintln(a.stdout, "  "+diag.Printable(l))
		}
	}
}

func envCommand(a *app) *cobra.Command {
	var f buildFlags
	var asJSON bool
	c := &cobra.Command{
		Use:     "env [RECIPE]...",
		Short:   "Print the request: all that a build depends on beside the recipes",
		Example: "  forge env --json ./recipes/...",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && len(f.recipes) == 0 {
				args = []string{"./..."}
			}
			req, err := a.request(&f, args)
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(req)
			}
			return a.writeEnv(req)
		},
	}
	f.register(c.Flags())
	f.registerRun(c.Flags())
	c.Flags().BoolVar(&asJSON, "json", false, "print the request as JSON")
	return c
}

// writeEnv prints the request's fields, one a line.
func (a *app) writeEnv(req *engine.Request) error {
	b, err := json.Marshal(req)
	if err != nil {
		return err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(b, &fields); err != nil {
		return err
	}
	for _, name := range sortedNames(fields) {
		fmt.Fprintf(a.stdout, "%s = %s\n", name, fields[name])
	}
	return nil
}

func sortedNames[V any](m map[string]V) []string {
	var names []string
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
