package resolver

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"forge/packages"
	"forge/platforms"
)

// The bounds of the search for hints.
const (
	easyProof  = 10 // conflicts of a proof that is likely to rest on one bound
	maxBlamed  = 4  // bounds that are tried without
	hintEffort = 30 // conflicts
)

// machineHint says whether a machine with what this one lacks would do.
func (e *explainer) machineHint(ctx context.Context) []string {
	if len(e.machine) == 0 {
		return nil
	}
	p := *e.problem
	p.Virtual = slices.Clone(p.Virtual)
	var texts []string
	for _, m := range e.machine {
		v, text := platforms.VirtualPackage{Name: m.Name, Version: "1", Build: "0"}, m.Name
		if asked, ok := firstVersion(m); ok {
			v.Version = asked.String()
			text += " " + v.Version
		}
		if b := m.Build.String(); b != "" && !strings.ContainsAny(b, "*^") {
			v.Build = b
			text += " " + b
		}
		p.Virtual = append(slices.DeleteFunc(p.Virtual, func(o platforms.VirtualPackage) bool { return o.Name == v.Name }), v)
		if !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	if solves(ctx, e.provider, p) == nil {
		return nil
	}
	return []string{"it is solvable on a machine with " + strings.Join(texts, " and ")}
}

// boundHint says which package's bound on another stands in the way: without it there is a solution.
func (e *explainer) boundHint(ctx context.Context) (out []string) {
	for _, b := range e.blamed[:min(len(e.blamed), maxBlamed)] {
		got := solves(ctx, relaxed{e.provider, b}, *e.problem)
		for _, r := range got {
			if r.Name == b.on {
				out = append(out, fmt.Sprintf("it would be solvable if %s took %s %s", b.who, r.Name, r.Version))
			}
		}
		if len(out) == 2 {
			break
		}
	}
	return out
}

// solves is the solution of a problem, if one is found soon.
func solves(ctx context.Context, provider Provider, problem Problem) []*packages.Record {
	c := newCore(provider, &problem)
	c.limit = hintEffort
	demands, err := c.demands()
	if err != nil {
		return nil
	}
	if ok, err := c.variables(demands); !ok || err != nil {
		return nil
	}
	if ok, _, err := c.solvable(ctx, demands); !ok || err != nil {
		return nil
	}
	return c.solution().Records
}

// relaxed is a provider in which a package puts no bound on another.
type relaxed struct {
	Provider
	blame
}

// Candidates leaves the bound out.
func (r relaxed) Candidates(name string) ([]*packages.Record, error) {
	list, err := r.Provider.Candidates(name)
	if err != nil || name != r.who {
		return list, err
	}
	out := make([]*packages.Record, len(list))
	for i, record := range list {
		free := *record
		free.Depends, free.Constrains = unbound(record.Depends, r.on), slices.DeleteFunc(unbound(record.Constrains, r.on), func(s string) bool { return s == r.on })
		out[i] = &free
	}
	return out, nil
}

// unbound is a list of specs in which those of one name are without condition.
func unbound(specs []string, name string) []string {
	out := slices.Clone(specs)
	for i, s := range out {
		if rest, ok := strings.CutPrefix(s, name); ok && strings.IndexAny(rest, " =<>!~[") == 0 {
			out[i] = name
		}
	}
	return out
}
