package main

import (
	"context"
	"fmt"

	"forge/engine"
	"forge/packages"
	"forge/resolver"
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

type naive struct{}

func (naive) Solve(ctx context.Context, p resolver.Provider, problem resolver.Problem) (*resolver.Solution, error) {
	virtual := map[string]bool{}
	for _, v := range problem.Virtual {
		virtual[v.Name] = true
	}
	got := map[string]*packages.Record{}
	var out []*packages.Record
	var visit func(spec string) error
	visit = func(spec string) error {
		m, err := packages.ParseMatchSpec(spec)
		if err != nil {
			return err
		}
		if got[m.Name] != nil || virtual[m.Name] {
			return nil
		}
		list, err := p.Candidates(m.Name)
		if err != nil {
			return err
		}
		for _, r := range list {
			if m.Matches(r) {
				got[r.Name] = r
				for _, d := range r.Depends {
					if err := visit(d); err != nil {
						return err
					}
				}
				out = append(out, r)
				return nil
			}
		}
		return fmt.Errorf("nothing provides %s", spec)
	}
	for _, s := range problem.Specs {
		if err := visit(s); err != nil {
			return nil, err
		}
	}
	return &resolver.Solution{Records: out}, nil
}
