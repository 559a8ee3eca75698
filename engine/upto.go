package engine

import (
	"fmt"
	"slices"

	"forge/internal/diag"
)

// checkUpTo refuses names that no action has.
func checkUpTo(wanted []string, actions []*Action, existing []Existing) error {
	var all []string
	for _, a := range actions {
		all = append(all, a.Output.Name)
	}
	for _, e := range existing {
		all = append(all, e.Output.Name)
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
	return nil
}

// keepUpTo leaves only the actions of those names and what they need; without names all.
func (g *Graph) keepUpTo(wanted []string) {
	if len(wanted) == 0 {
		return
	}
	var start []*Action
	for _, a := range g.Actions {
		if slices.Contains(wanted, a.Output.Name) {
			start = append(start, a)
		}
	}
	keep := needed(start)
	g.Actions = slices.DeleteFunc(g.Actions, func(a *Action) bool { return !keep[a] })
	g.dropUnused(wanted)
}

// needed are the actions of start and all that building and testing them takes.
func needed(start []*Action) map[*Action]bool {
	keep := map[*Action]bool{}
	todo := slices.Clone(start)
	for len(todo) > 0 {
		a := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if !keep[a] {
			keep[a] = true
			todo = slices.Concat(append(slices.Clip(a.RunNeeds), todo, a.Needed(), a.TestNeeds)...)
		}
	}
	return keep
}
