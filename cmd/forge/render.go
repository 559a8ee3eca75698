package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"forge/engine"
	"forge/internal/diag"
	"forge/recipes"
)

func renderCommand(a *app) *cobra.Command {
	var f buildFlags
	var asJSON bool
	c := &cobra.Command{
		Use:     "render [RECIPE]...",
		Short:   "Print what the recipes come to: every output of every variant",
		Example: "  forge render ./recipes/zlib\n  forge render --json ./recipes/... | jq '.[].recipe.package.name'",
		RunE: func(cmd *cobra.Command, args []string) error {
			f.unsolved = !asJSON // its JSON tells of the machine, too
			req, err := a.request(&f, args)
			if err != nil {
				return err
			}
			if asJSON {
				return a.renderJSON(cmd.Context(), req)
			}
			return a.render(cmd.Context(), req)
		},
	}
	f.register(c.Flags())
	c.Flags().BoolVar(&asJSON, "json", false, "print what forge build --render-only prints")
	return c
}

// render prints the outputs. Broken recipes are told at the end; the good ones are printed all the same.
func (a *app) render(ctx context.Context, req *engine.Request) error {
	req.Unsolved = true
	outputs, warnings, renderErr := engine.Render(ctx, req)
	a.printWarnings(warnings)
	for _, o := range outputs {
		a.writeOutput(o)
	}
	return renderErr
}

// writeOutput prints one output for people.
func (a *app) writeOutput(o *recipes.Output) {
	paint := a.painter(a.stdout)
	v := o.View()
	title := o.Subdir() + "/" + o.String()
	switch {
	case o.Skip:
		title += "  (skipped)"
	case o.Staging:
		title += "  (staging)"
	}
	fmt.Fprintln(a.stdout, paint("bold", diag.Printable(title)))
	field := func(name string, values ...string) {
		if text := strings.Join(values, ", "); text != "" {
			fmt.Fprintf(a.stdout, "  %-15s %s\n", name, diag.Printable(text))
		}
	}
	field("recipe", v.Recipe)
	var variant []string
	for _, k := range sortedNames(v.Variant) {
		variant = append(variant, fmt.Sprintf("%s=%v", k, v.Variant[k]))
	}
	field("variant", variant...)
	for _, s := range v.Sources {
		field("source", strings.Trim(strings.Join(append(s.URL, s.Path), " | "), " |"))
	}
	r := v.Requirements
	field("build", r.Build...)
	field("host", r.Host...)
	field("run", r.Run...)
	field("constraints", r.RunConstraints...)
	for _, k := range sortedNames(r.RunExports) {
		field("run_exports."+k, r.RunExports[k]...)
	}
	field("tests", fmt.Sprint(len(v.Tests)))
	field("licence", v.About.License)
}
