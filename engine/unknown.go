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
	name     string
	platform string // of a cross build: where it has to run
	by       string
	pos      diag.Pos
	near     string // what may have been meant
	help     string // what to do otherwise
}

// Error is the first of them; a planner tells them all, each name once.
func (e unknownError) Error() string { return e[0].summary() }

func (n unknownNeed) summary() string { return n.by + " needs " + n.lacking() }

func (n unknownNeed) lacking() string {
	text := fmt.Sprintf("%q", n.name)
	if n.platform != "" {
		text += " for " + n.platform
	}
	return text + ", which no recipe of this run, no channel and no external offers"
}

// reportUnknown makes one problem of each name that is asked for and not offered, with all who need it.
func (p *planner) reportUnknown() {
	byName := map[string][]unknownNeed{}
	for _, n := range p.unknown {
		key := n.name + " " + n.platform
		if !slices.ContainsFunc(byName[key], func(o unknownNeed) bool { return o.by == n.by }) {
			byName[key] = append(byName[key], n)
		}
	}
	p.unknown = nil
	for _, key := range sortedKeys(byName) {
		needs := byName[key]
		d := diag.Diagnostic{Code: "unknown-dependency", Pos: needs[0].pos, Summary: needs[0].summary(), Suggestion: needs[0].help}
		if near := needs[0].near; near != "" && len(needs) <= typos {
			d.Suggestion = fmt.Sprintf("did you mean %q? Otherwise %s", near, needs[0].help)
		}
		var who []string
		for _, n := range needs {
			who = append(who, n.by)
		}
		p.graph.Missing = append(p.graph.Missing, Missing{needs[0].name, needs[0].platform, who})
		if len(needs) > 1 {
			d.Summary = fmt.Sprintf("%d packages need %s", len(who), needs[0].lacking())
			d.Detail = wrapped("needed by "+strings.Join(who, ", "), 110)
		}
		p.problems = append(p.problems, d)
	}
}

// mostNeeded sums up a long list of what nobody offers: what to add first.
func (p *planner) mostNeeded() diag.List {
	const many, first = 20, 10
	missing := slices.Clone(p.graph.Missing)
	if len(missing) < many {
		return nil
	}
	slices.SortStableFunc(missing, func(a, b Missing) int { return len(b.NeededBy) - len(a.NeededBy) })
	var names []string
	for _, m := range missing[:first] {
		name := m.Name
		if m.Platform != "" {
			name += " for " + m.Platform
		}
		names = append(names, fmt.Sprintf("%s (%d)", name, len(m.NeededBy)))
	}
	return diag.List{{Severity: diag.Note, Code: "most-needed",
		Summary: fmt.Sprintf("nobody offers %d dependencies; most packages need %s", len(missing), strings.Join(names, ", "))}}
}

// nearName is the name that was most likely meant. Names of packages are many and short: what differs in more
// than a letter, or two of a long name, is another package.
func nearName(name string, all []string) string {
	near := diag.Nearest(name, all)
	if near == "" || diag.Distance(name, near) > min(2, len(name)/5) {
		return ""
	}
	return near
}

// typos is how many packages may have the same slip of the pen; what more ask for is called so.
const typos = 2

// wrapped breaks a text between words into lines of that many bytes.
func wrapped(text string, width int) string {
	var b strings.Builder
	at := 0
	for i, word := range strings.Split(text, " ") {
		switch {
		case i == 0:
		case at+1+len(word) > width:
			b.WriteString("\n")
			at = 0
		default:
			b.WriteString(" ")
			at++
		}
		b.WriteString(word)
		at += len(word)
	}
	return b.String()
}

// joinUnsolvable makes one problem of what cannot be solved for one reason in many packages.
func (p *planner) joinUnsolvable() {
	first, who := map[string]int{}, map[string][]string{}
	var kept diag.List
	for _, d := range p.problems {
		reason, hint, _ := strings.Cut(d.Detail, "\nhint: ")
		i, known := first[reason]
		if d.Code != unsolvable || !known {
			if d.Code == unsolvable {
				first[reason] = len(kept)
			}
			kept = append(kept, d)
			continue
		}
		if len(who[reason]) == 0 {
			who[reason] = []string{strings.TrimSuffix(kept[i].Summary, cannotBePlanned)}
		}
		who[reason] = append(who[reason], strings.TrimSuffix(d.Summary, cannotBePlanned))
		if hint != "" && !strings.Contains(kept[i].Detail, "\nhint: ") {
			kept[i].Detail += "\nhint: " + hint
		}
	}
	for reason, list := range who {
		d := &kept[first[reason]]
		d.Summary = fmt.Sprintf("%d packages cannot be planned for one reason", len(list))
		d.Detail += "\n" + wrapped("these are "+strings.Join(list, ", "), 110)
	}
	p.problems = kept
}

const (
	unsolvable      = "unsolvable"
	cannotBePlanned = " cannot be planned"
)

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
	p.graph.Broken, p.problems = append(p.problems, p.mostNeeded()...), nil
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
	return slices.ContainsFunc(a.Needed(), out) || slices.ContainsFunc(a.TestNeeds, out) || a.Staging != nil && out(a.Staging)
}
