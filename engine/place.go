package engine

import (
	"slices"
	"strings"

	"forge/internal/diag"
	"forge/recipes"
)

// placedError is an error with the place in the recipe that it is about, and what may be done.
type placedError struct {
	pos  diag.Pos
	help string
	err  error
}

func (e *placedError) Error() string { return e.err.Error() }

func (e *placedError) Unwrap() error { return e.err }

// inTest says of an error which test of a it is about, and how to do without: a package can be built where its
// tests cannot run.
func inTest(a *Action, t recipes.Test, err error) error {
	pos := t.Pos
	if pos.IsZero() {
		pos = a.Output.Pos
	}
	return &placedError{pos, "a channel that has it (-c CHANNEL), or `--test skip`, which builds without testing", err}
}

// requirementAt is the place of the requirement that a solver's reason names first, else the output's.
func requirementAt(o *recipes.Output, reason string) diag.Pos {
	kind, rest, _ := strings.Cut(reason, " environment: no solution for ")
	deps := map[string][]recipes.Dependency{buildKind: o.Requirements.Build, hostKind: slices.Concat(o.Requirements.Host, o.Requirements.Build)}[kind]
	name, _, _ := strings.Cut(rest, " ")
	name = strings.TrimRight(name, ":,")
	for _, d := range deps {
		if !d.Pos.IsZero() && d.Pin == nil && specName(d.Ask()) == name {
			return d.Pos
		}
	}
	return o.Pos
}
