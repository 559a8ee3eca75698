package engine

import (
	"context"
	"errors"
	"slices"

	"forge/internal/diag"
	"forge/recipes"
)

// Render reads and renders every recipe of the request. One broken recipe does not hide another: the
// error carries the diagnostics of all, and outputs are those of the good ones.
func Render(ctx context.Context, req *Request) (outputs []*recipes.Output, warnings diag.List, err error) {
	files, err := recipes.ReadVariantFiles(req.VariantFiles)
	if err != nil {
		return nil, nil, err
	}
	var broken diag.List
	options := req.RenderOptions(slices.Clip(files)) // rendering may append to what all share
	if req.Git != nil {
		options.Git = req.Git(ctx)
	}
	all := make([]*recipes.Rendered, len(req.Recipes))
	if err := parallel(len(all), func(i int) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		all[i] = req.Optimize.render(req.Recipes[i], options)
		return nil
	}); err != nil {
		return nil, nil, err
	}
	for _, rendered := range all {
		outputs = append(outputs, rendered.Outputs...)
		for _, d := range rendered.Diagnostics {
			if d.Severity == diag.Error {
				broken = append(broken, d)
			} else {
				warnings = append(warnings, d)
			}
		}
	}
	prefer(outputs)
	outputs, more := withDebugOutputs(outputs)
	broken = append(broken, more...)
	if p := req.NoarchPlatform; p != "" && p != req.BuildPlatform.String() {
		for _, o := range outputs {
			o.Skip = o.Skip || o.NoArch != "" // they are built over there
		}
	}
	warnings.Sort()
	broken.Sort()
	warnings, broken = slices.Compact(warnings), slices.Compact(broken) // variants files are those of all recipes
	if err := broken.Err(); err != nil {
		return outputs, warnings, err
	}
	if len(outputs) == 0 {
		return nil, warnings, errors.New("the recipes have no output for " + req.TargetPlatform.String())
	}
	return outputs, warnings, nil
}
