package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"forge/engine"
	"forge/internal/diag"
	"forge/recipes"
)

func buildCommand(a *app) *cobra.Command {
	var f buildFlags
	var reports buildReports
	var dryRun, asJSON, renderOnly, withSolve bool
	c := &cobra.Command{
		Use:   "build [RECIPE]...",
		Short: "Build packages from recipes",
		Long: `Build renders the recipes, solves and locks their environments, and builds what is
not built yet: each in a sandbox of its own, tested from its package, with signed
provenance, into a conda channel (output/).

RECIPE is a folder, a recipe file, - for standard input, or a pattern: ./recipes/... is every recipe below
recipes/, ./recipes/lib* those of the folders with such names.`,
		Example: `  forge build ./recipes/...
  forge build ./recipes/zlib ./recipes/libpng -j1
  forge build -n ./recipes/...          what would be built, and why
  forge build --json ./recipes/... > table.json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			req, err := a.requestFor(&f, nil)
			if err != nil {
				return err
			}
			if err := reports.check(); err != nil {
				return err
			}
			var last *lastRun
			if !renderOnly && !withSolve && !dryRun {
				if last, err = a.lastRunOf(cmd.Context(), req, &f, args, reports); err != nil {
					return err
				}
				if done, err := last.repeat(cmd.Context(), req, asJSON); done || err != nil {
					return err
				}
			}
			if err := f.find(a, req, args); err != nil {
				return err
			}
			switch {
			case renderOnly && withSolve:
				return a.renderSolved(cmd.Context(), req)
			case withSolve:
				return usageError{errors.New("--with-solve goes with --render-only; a build always solves")}
			}
			if renderOnly {
				return a.renderJSON(cmd.Context(), req)
			}
			if dryRun {
				return a.plan(cmd.Context(), req, planJSON(asJSON))
			}
			return a.build(cmd.Context(), req, asJSON, reports, last)
		},
	}
	f.register(c.Flags())
	f.registerRun(c.Flags())
	reports.register(c.Flags())
	c.Flags().BoolVarP(&dryRun, "dry-run", "n", false, "build nothing; say what would be built")
	c.Flags().BoolVar(&renderOnly, "render-only", false, "build nothing; print the rendered outputs as JSON, in the shape of rattler-build's --render-only")
	c.Flags().BoolVar(&withSolve, "with-solve", false, "with --render-only: solve the environments and print them, too")
	c.Flags().BoolVar(&asJSON, "json", false, "print the closing table as one JSON document")
	return c
}

// build runs the whole line: render, plan, run, index, table.
func (a *app) build(ctx context.Context, req *engine.Request, asJSON bool, reports buildReports, last *lastRun) error {
	last.begin(req)
	tools, finish, err := a.tools(ctx, req)
	if err != nil {
		return err
	}
	graph, renderErr, err := a.graph(ctx, req, tools)
	if err != nil {
		return err
	}
	if err := a.sign(req, &tools); err != nil {
		return err
	}
	p := a.newProgress(len(graph.Actions))
	p.foresee(req, engine.Expected(req, tools, graph))
	trace := newTracer(tools.Now)
	viewer := a.ci(req)
	p.after, p.clean = viewer.event, viewer.clean
	var summary engine.Summary
	outcomes, runErr := engine.Run(ctx, req, tools, graph, func(e engine.Event) {
		if e.Kind == engine.EventSummary {
			summary = *e.Summary
		}
		trace.event(e)
		p.event(e)
		last.event(e)
	})
	p.close()
	indexErr := finish(context.WithoutCancel(ctx))
	if runErr != nil && outcomes == nil {
		return errors.Join(runErr, indexErr) // it did not begin
	}
	indexErr = errors.Join(indexErr, a.trim(context.WithoutCancel(ctx), tools.Store, outcomes))
	reportErr := reports.write(req, outcomes, trace)
	if asJSON {
		if err := a.printJSON(jsonTable(req, outcomes, summary)); err != nil {
			return err
		}
	} else if !a.global.quiet {
		a.writeTable(outcomes)
		if text := summaryText(summary); text != "" {
			fmt.Fprintln(a.stdout, diag.Printable(text))
		}
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case runErr != nil:
		return errors.Join(a.summary(outcomes), reportErr)
	}
	if err := errors.Join(indexErr, reportErr, renderErr); err != nil {
		return err
	}
	last.keep(req, tools, graph, outcomes)
	return nil
}

// graph renders and plans. With --keep-going recipes that are broken are reported and left out:
// renderErr then says so at the end.
func (a *app) graph(ctx context.Context, req *engine.Request, tools engine.Tools) (g *engine.Graph, renderErr, err error) {
	outputs, warnings, err := engine.Render(ctx, req)
	if d, ok := tools.Externals.(declared); ok {
		warnings = append(d.unused(), warnings...)
	}
	a.notes = warnings
	if !a.global.quiet {
		a.printList(warnings)
	}
	if err != nil {
		if !req.KeepGoing || len(outputs) == 0 {
			return nil, nil, others(err, outputs)
		}
		a.printError(err)
		renderErr = exitError{exitFailed}
	}
	g, err = engine.Plan(ctx, req, tools, outputs)
	if g == nil {
		return nil, renderErr, err
	}
	if len(g.Broken) > 0 {
		a.printError(&diag.Failure{List: g.Broken})
		renderErr = exitError{exitFailed}
	}
	a.notes = append(a.notes, g.Notes...)
	if !a.global.quiet {
		a.printList(g.Notes)
	}
	return g, renderErr, err
}

// others adds to what is broken that there is more, which was not looked at.
func others(err error, good []*recipes.Output) error {
	list, ok := diag.Of(err)
	if !ok || len(good) == 0 {
		return err
	}
	text := fmt.Sprintf("%d other %s of the run are left alone; --keep-going goes on with them", len(good), plural("output", len(good)))
	if len(good) == 1 {
		text = "1 other output of the run is left alone; --keep-going goes on with it"
	}
	return &diag.Failure{List: append(slices.Clip(list), diag.Diagnostic{Severity: diag.Note, Code: "left-out", Summary: text})}
}

// summary is the error of a failed run; each failure was shown when it happened.
func (a *app) summary(outcomes []*engine.Outcome) error {
	var failed, needing, left []string
	for _, o := range outcomes {
		switch o.Status {
		case engine.StatusFailed:
			failed = append(failed, o.Action.Output.Name)
		case engine.StatusSkipped:
			switch {
			case engine.IsExisting(o.Err):
			case engine.IsNotStarted(o.Err):
				left = append(left, o.Action.Output.Name)
			default:
				needing = append(needing, o.Action.Output.Name)
			}
		}
	}
	text := "failed: " + strings.Join(failed, ", ")
	if len(needing) > 0 {
		text += fmt.Sprintf("; not built because of that: %s", strings.Join(needing, ", "))
	}
	if len(left) > 0 {
		text += fmt.Sprintf("; not started (--keep-going builds what can be built): %s", strings.Join(left, ", "))
	}
	return errors.New(text)
}

// row is one package of the closing table.
type row struct {
	Name      string  `json:"name"`
	Version   string  `json:"version"`
	Build     string  `json:"build"`
	Subdir    string  `json:"subdir"`
	Status    string  `json:"status"`
	Seconds   float64 `json:"seconds"`
	Isolation string  `json:"isolation"`
	SHA256    string  `json:"sha256"`
	Content   string  `json:"content"`
	Path      string  `json:"path"`
	Signature string  `json:"signature"`
	Memory    int64   `json:"peak_memory,omitempty"` // bytes, of its build
	Reason    string  `json:"reason,omitempty"`
}

func rowOf(req *engine.Request, o *engine.Outcome) row {
	out := o.Action.Output
	r := row{Name: out.Name, Version: out.Version, Build: out.BuildString, Subdir: out.Subdir(),
		Status: string(o.Status), Seconds: float64(int(o.Seconds*100)) / 100, Signature: o.Signed, Path: relativeTo(req.WorkDir, o.Path)}
	if o.Built != nil {
		r.Isolation, r.SHA256, r.Content, r.Memory = o.Built.Isolation, o.Built.Archive.Hex(), o.Built.Content.Hex(), o.Built.PeakMemory
	}
	if o.Err != nil {
		r.Reason = o.Err.Error()
	}
	return r
}

// relativeTo is path as seen from the working folder.
func relativeTo(wd, path string) string {
	if path == "" {
		return ""
	}
	rel, err := filepath.Rel(wd, path)
	if err != nil {
		return path
	}
	return filepath.ToSlash(rel)
}

func jsonTable(req *engine.Request, outcomes []*engine.Outcome, summary engine.Summary) any {
	rows := []row{}
	for _, o := range outcomes {
		rows = append(rows, rowOf(req, o))
	}
	return map[string]any{"packages": rows, "summary": summary}
}

// writeTable ends a run on the screen.
func (a *app) writeTable(outcomes []*engine.Outcome) {
	a.paintTable(tableLines(outcomes), func(i int) string { return string(outcomes[i].Status) })
	fmt.Fprintln(a.stdout, closingLine(outcomes))
}

// paintTable writes lines, the first as a heading and the others in the colour of their roles.
func (a *app) paintTable(lines []string, role func(int) string) {
	paint := a.painter(a.stdout)
	for i, line := range narrowed(lines, widthOf(a.stdout)) {
		as := "bold"
		if i > 0 {
			as = role(i - 1)
		}
		fmt.Fprintln(a.stdout, paint(as, line))
	}
}

// narrowed leaves out what matters least of the closing table, until it is no wider than a number of columns; 0 is
// any number.
func narrowed(lines []string, columns int) []string {
	lines = slices.Clone(lines)
	for _, least := range []string{"SIGNED BY", "CONTENT", "ISOLATION", "SECONDS", "BUILD", "VERSION"} {
		if columns == 0 || !slices.ContainsFunc(lines, func(l string) bool { return columnsOf(l) > columns }) {
			break
		}
		from := strings.Index(lines[0], least)
		if from < 0 {
			continue
		}
		to := from + len(least)
		for to < len(lines[0]) && lines[0][to] == ' ' {
			to++
		}
		last := to == len(lines[0])
		for i, l := range lines {
			r := []rune(l) // as text/tabwriter counts
			if last {
				to = len(r)
			}
			lines[i] = strings.TrimRight(string(r[:min(from, len(r))])+string(r[min(to, len(r)):]), " ")
		}
	}
	return lines
}

// tableLines is the closing table: a heading and a line for each outcome.
func tableLines(outcomes []*engine.Outcome) []string {
	var text strings.Builder
	t := tabwriter.NewWriter(&text, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "PACKAGE\tVERSION\tBUILD\tSTATUS\tSECONDS\tISOLATION\tCONTENT\tSIGNED BY")
	for _, o := range outcomes {
		out, isolation, content := o.Action.Output, "-", "-"
		if o.Built != nil {
			content = o.Built.Content.Short()
			if o.Built.Isolation != "" {
				isolation = o.Built.Isolation
			}
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%.1f\t%s\t%s\t%.12s\n", out.Name, dash(out.Version), out.BuildString, o.Status, o.Seconds, isolation, content, dash(o.Signed))
	}
	t.Flush()
	lines := strings.Split(strings.TrimRight(text.String(), "\n"), "\n")
	for i := range lines {
		lines[i] = diag.Printable(lines[i])
	}
	return lines
}

func closingLine(outcomes []*engine.Outcome) string {
	count := map[engine.Status]int{}
	for _, o := range outcomes {
		count[o.Status]++
	}
	return closing(len(outcomes), count)
}

func closing(n int, count map[engine.Status]int) string {
	if n == 0 {
		return "nothing to build: every output is skipped"
	}
	if count[engine.StatusReused] == 1 && n == 1 {
		return "the package is up to date"
	}
	if count[engine.StatusReused] == n {
		return fmt.Sprintf("all %d packages are up to date", n)
	}
	var parts []string
	for _, s := range []engine.Status{engine.StatusBuilt, engine.StatusReused, engine.StatusFailed, engine.StatusSkipped} {
		if count[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count[s], s))
		}
	}
	return strings.Join(parts, ", ")
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
