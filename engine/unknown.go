package engine

import (
	"fmt"
	"slices"
	"strings"

	"forge/internal/diag"
)

// unknownError lists what one output asks for and nobody offers.
type unknownError []unknownNeed

// unknownNeed is a dependency that no recipe, channel or external offers.
type unknownNeed struct {
	name, by string
	pos      diag.Pos
	help     string
}

// Error is the first of them; a planner tells them all, each name once.
func (e unknownError) Error() string { return e[0].summary() }

func (n unknownNeed) summary() string {
	return fmt.Sprintf("%s needs %q, which no recipe of this run, no channel and no external offers", n.by, n.name)
}

// reportUnknown makes one problem of each name that is asked for and not offered, with all who need it.
func (p *planner) reportUnknown() {
	byName := map[string][]unknownNeed{}
	for _, n := range p.unknown {
		if !slices.ContainsFunc(byName[n.name], func(o unknownNeed) bool { return o.by == n.by }) {
			byName[n.name] = append(byName[n.name], n)
		}
	}
	p.unknown = nil
	for _, name := range sortedKeys(byName) {
		needs := byName[name]
		d := diag.Diagnostic{Code: "unknown-dependency", Pos: needs[0].pos, Summary: needs[0].summary(), Suggestion: needs[0].help}
		if len(needs) > 1 {
			var who []string
			for _, n := range needs {
				who = append(who, n.by)
			}
			d.Summary = fmt.Sprintf("%d packages need %q, which no recipe of this run, no channel and no external offers", len(who), name)
			d.Detail = "needed by " + strings.Join(who, ", ")
		}
		p.problems = append(p.problems, d)
	}
}

// failed reports whether anything is wrong with the plan so far.
func (p *planner) failed() bool { return len(p.problems)+len(p.unknown) > 0 }

// anyGood reports whether a plan without what is broken has anything in it.
func (p *planner) anyGood() bool {
	return slices.ContainsFunc(p.states, func(s planState) bool { return s.done && !s.failed })
}

// leaveOut takes what cannot be planned out of the run, and all that needs it. What is wrong with it is
// in the graph.
func (p *planner) leaveOut() {
	p.problems.Sort()
	p.graph.Broken, p.problems = p.problems, nil
	var without []string
	for again := true; again; {
		again = false
		for i, a := range p.all {
			if s := &p.states[i]; s.done && !s.failed && p.needsFailed(a) {
				s.failed, again = true, true
				without = append(without, a.Output.Name)
			}
		}
	}
	if len(without) > 0 {
		slices.Sort(without)
		p.graph.Broken = append(p.graph.Broken, diag.Diagnostic{Severity: diag.Note, Code: "left-out",
			Summary: fmt.Sprintf("%d more packages are left out, for they need what cannot be planned: %s", len(without), strings.Join(slices.Compact(without), ", "))})
	}
}

// needsFailed reports whether a cannot be built or tested without something that is left out.
func (p *planner) needsFailed(a *Action) bool {
	out := func(b *Action) bool {
		i, ours := p.index[b]
		return ours && (p.states[i].failed || !p.states[i].done)
	}
	return slices.ContainsFunc(a.Needs, out) || slices.ContainsFunc(a.TestNeeds, out) || a.Staging != nil && out(a.Staging)
}
