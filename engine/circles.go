package engine

import (
	"context"
	"fmt"
	"slices"
)

// circlesOf finds the packages that need each other to run: for each of them all that it stands in a circle with. None
// of them comes into the channel before all were tested, since each would be there without what it runs with if one of
// the others fails.
func circlesOf(g *Graph, group map[*Action]int) map[*Action][]*Action {
	members, circles := map[int][]*Action{}, map[*Action][]*Action{}
	for _, a := range g.Actions {
		members[group[a]] = append(members[group[a]], a)
	}
	for _, a := range g.Actions {
		for _, b := range slices.Concat(a.RunNeeds...) {
			if b != a && group[b] == group[a] && slices.Contains(members[group[a]], b) {
				circles[a] = members[group[a]]
			}
		}
	}
	return circles
}

// publishApart gives each package of a circle a task of its own that publishes it, after the tests of all in the circle
// and after all that those run with, whatever becomes of them (run.publishTogether judges).
func publishApart(circles map[*Action][]*Action, g *Graph, builds, tests map[*Action]*task) map[*Action]*task {
	publishes := map[*Action]*task{}
	var order []*Action
	for _, a := range g.Actions {
		if circles[a] != nil {
			publishes[a] = &task{kind: publishTask, action: a, index: tests[a].index}
			order = append(order, a)
		}
	}
	for _, a := range order {
		p := publishes[a]
		tests[a].dependents = append(tests[a].dependents, p)
		p.waits++
		seen := map[*task]bool{tests[a]: true}
		for _, m := range circles[a] {
			for _, b := range append(slices.Concat(m.RunNeeds...), m) {
				on := tests[b]
				if publishes[b] != nil && !slices.Contains(circles[a], b) {
					on = publishes[b]
				}
				if on != nil && !seen[on] {
					seen[on] = true
					on.followers = append(on.followers, p)
					p.waits++
				}
			}
		}
	}
	return publishes
}

// doPublish puts a, which was tested, into the channel if all can come there that it runs with.
func (r *run) doPublish(ctx context.Context, a *Action) error {
	if err := r.together(a); err != nil {
		return err
	}
	b := r.known(a)[a]
	r.mu.Lock()
	o, tested := r.outcome(a), r.tested[a]
	r.mu.Unlock()
	return r.publish(ctx, a, b, o, tested)
}

// together reports why a cannot come into the channel. Of its circle those can that passed and for each of their needs
// have one that can.
func (r *run) together(a *Action) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	fit, lacks := map[*Action]bool{}, map[*Action]*Action{}
	for _, m := range r.circles[a] {
		fit[m] = r.good(m)
	}
	for again := true; again; {
		again = false
		for _, m := range r.circles[a] {
			for _, any := range m.RunNeeds {
				can := func(b *Action) bool {
					if known, in := fit[b]; in {
						return known
					}
					return !r.part[b] || r.good(b)
				}
				if fit[m] && !slices.ContainsFunc(any, can) {
					fit[m], lacks[m], again = false, any[0], true
				}
			}
		}
	}
	switch {
	case fit[a]:
		return nil
	case lacks[a] == nil:
		return errNotRun{"was not built and tested"}
	}
	return errNotRun{fmt.Sprintf("needs %s to run, which cannot come into the channel", lacks[a].Output.Name)}
}

// good reports whether a was built or reused, and nothing was said against it since. The caller holds mu.
func (r *run) good(a *Action) bool {
	o := r.outcomes[a]
	return o != nil && o.Err == nil && (o.Status == StatusBuilt || o.Status == StatusReused)
}
