package main

import (
	"context"
	"fmt"

	"forge/engine"
)

func (a *app) render(ctx context.Context, req *engine.Request, asJSON bool) error {
	outputs, _, err := engine.Render(ctx, req)
	if err != nil {
		return err
	}
	for _, o := range outputs {
		fmt.Fprintln(a.stdout, o.Subdir()+"/"+o.String())
	}
	return nil
}
