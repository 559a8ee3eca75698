package main

import (
	"context"

	"forge/engine"
	"forge/packages"
	"forge/recipes"
)

// solvedView is an output with its solved environments, under rattler-build's words.
type solvedView struct {
	recipes.View
	Finalized finalView `json:"finalized_dependencies"`
}

type finalView struct {
	Build *environmentView `json:"build"`
	Host  *environmentView `json:"host"`
	Run   runView          `json:"run"`
}

type environmentView struct {
	Specs    []string     `json:"specs"`
	Resolved []recordView `json:"resolved"`
}

// recordView is a record with where it comes from: the URL of its archive, or "planned" or "external".
type recordView struct {
	*packages.Record
	Channel  string `json:"channel"`
	URL      string `json:"url,omitempty"`
	FileName string `json:"fn,omitempty"`
}

type runView struct {
	Depends     []string            `json:"depends"`
	Constraints []string            `json:"constraints"`
	RunExports  packages.RunExports `json:"run_exports"`
}

// renderSolved prints the outputs in build order, each with its environments.
func (a *app) renderSolved(ctx context.Context, req *engine.Request) error {
	tools, _, err := a.tools(ctx, req)
	if err != nil {
		return err
	}
	graph, renderErr, err := a.graph(ctx, req, tools)
	if err != nil {
		return err
	}
	views := []solvedView{}
	for _, act := range graph.Actions {
		views = append(views, solvedView{act.Output.View(), finalView{
			Build: viewOf(act.Build), Host: viewOf(act.Host),
			Run: runView{act.Record.Depends, append([]string{}, act.Record.Constrains...), act.RunExports},
		}})
	}
	if err := a.printJSON(views); err != nil {
		return err
	}
	return renderErr
}

// viewOf is nil for an environment that nothing was asked for.
func viewOf(e engine.Environment) *environmentView {
	if len(e.Specs) == 0 {
		return nil
	}
	v := &environmentView{Specs: e.Specs, Resolved: []recordView{}}
	for _, r := range e.Records {
		v.Resolved = append(v.Resolved, recordView{r, r.Channel, r.URL, r.FileName})
	}
	return v
}
