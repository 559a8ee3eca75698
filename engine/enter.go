package engine

import (
	"context"
	"fmt"
	"io"

	"forge/sandbox"
)

// Entry is how a person steps into a build.
type Entry struct {
	Argv           []string // inside; empty for an interactive shell
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Terminal       bool
}

// Enter builds what target needs, sets its build up as far as the script, and runs a command there: in
// the same sandbox, with the same environment. What the command leaves is removed afterwards.
func Enter(ctx context.Context, req *Request, tools Tools, g *Graph, target *Action, e Entry, report func(Event)) (sandbox.Result, error) {
	r := newRun(req, tools, g, report)
	if outcomes, err := r.all(ctx, g.before(target)); err != nil {
		for _, o := range outcomes {
			if o.Status == StatusFailed {
				return sandbox.Result{}, fmt.Errorf("%s, which it needs: %w", o.Action.Output.Name, o.Err)
			}
		}
		return sandbox.Result{}, err
	}
	j := &job{runner: r.runner, a: target, built: r.built}
	var err error
	if j.site, err = r.newSite(ctx, "debug-"+target.Output.Name, insideLayout()); err != nil {
		return sandbox.Result{}, err
	}
	defer j.site.remove()
	if j.log, err = r.openLog(target); err != nil {
		return sandbox.Result{}, err
	}
	defer j.log.Close()
	for _, step := range []func(context.Context) error{j.fetch, j.environments, j.unpack} {
		if err := step(ctx); err != nil {
			return sandbox.Result{}, err
		}
	}
	spec, err := j.buildSpec(ctx, target.Output.Build.Scripts)
	if err != nil {
		return sandbox.Result{}, err
	}
	spec.Argv = []string{"/bin/bash", "--rcfile", j.site.at.root + "/build_env.sh", "-i"}
	if len(e.Argv) > 0 {
		spec.Argv = append([]string{"/bin/bash", "-c", ". " + shellQuote(j.site.at.root) + "/build_env.sh; exec \"$@\"", "forge"}, e.Argv...)
	}
	if j.site.at.windows {
		spec.Argv = j.site.enterBatch(j.env["ComSpec"], e.Argv)
	}
	spec.Stdin, spec.Stdout, spec.Stderr, spec.Terminal = e.Stdin, e.Stdout, e.Stderr, e.Terminal
	spec.Limits.Log = 0
	r.report(Event{Kind: EventTerminal, Action: target})
	return tools.Runner.Run(ctx, spec)
}

// before is the part of the graph that target needs, without target.
func (g *Graph) before(target *Action) *Graph {
	keep := needed(target.Needs)
	delete(keep, target)
	part := &Graph{}
	for _, a := range g.Actions {
		if keep[a] {
			part.Actions = append(part.Actions, a)
		}
	}
	return part
}
