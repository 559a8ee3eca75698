package engine

import (
	"fmt"
	"slices"

	"forge/internal/diag"
)

// keepUpTo leaves only the actions of those names and what they need.
func (g *Graph) keepUpTo(wanted []string) error {
	keep := map[*Action]bool{}
	var all []string
	for _, a := range g.Actions {
		all = append(all, a.Output.Name)
		if slices.Contains(wanted, a.Output.Name) {
			mark(a, keep)
		}
	}
	for _, name := range wanted {
		if !slices.Contains(all, name) {
			err := fmt.Errorf("--up-to %s: no output of these recipes is called that", name)
			if near := diag.Nearest(name, all); near != "" {
				err = fmt.Errorf("%w; did you mean %q?", err, near)
			}
			return err
		}
	}
	g.Actions = slices.DeleteFunc(g.Actions, func(a *Action) bool { return !keep[a] })
	return nil
}

func mark(a *Action, keep map[*Action]bool) {
	if keep[a] {
		return
	}
	keep[a] = true
	for _, b := range append(slices.Clone(a.Needs), a.TestNeeds...) {
		mark(b, keep)
	}
}
