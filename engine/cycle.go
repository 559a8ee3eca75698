package engine

import (
	"fmt"
	"slices"
	"strings"

	"forge/internal/diag"
	"forge/packages"
	"forge/recipes"
)

// bootstrap is what a recipe says of how to begin where packages need each other to be built:
//
//	extra:
//	  forge:
//	    bootstrap:
//	      bb: channel                       # take bb from a channel or the host if there is a loop
//	      cc: build it with docs=no first   # advice, shown where a loop leads from here over cc
//
// A text instead of the mapping is advice for any loop. It is the only part of extra that changes a plan.
type bootstrap map[string]string

// fromChannel is the word for "not from this run, if there is a loop".
const fromChannel = "channel"

func bootstrapOf(o *recipes.Output) bootstrap {
	forge, _ := o.Extra["forge"].(map[string]any)
	switch v := forge["bootstrap"].(type) {
	case string:
		return bootstrap{"*": v}
	case map[string]any:
		b := bootstrap{}
		for name, text := range v {
			b[strings.ToLower(name)] = fmt.Sprint(text)
		}
		return b
	}
	return nil
}

// findLoops looks, before anything is solved, for outputs that need each other to be built. Where a
// recipe of the loop says so, that need is met from a channel or the host; what then still is a loop is
// reported, once each with the shortest way round, and not planned. With req.UpTo only what is needed
// counts.
func (p *planner) findLoops() {
	p.cutLoops()
	counts := p.wanted()
	for _, loop := range p.loops() {
		for _, i := range loop.group {
			p.states[i].looped = true
		}
		if counts == nil || slices.ContainsFunc(loop.group, func(i int) bool { return counts[i] }) {
			p.reportLoop(loop.way)
		}
	}
}

// wanted is what req.UpTo and the recipes' word make needed, tests included; nil for all.
func (p *planner) wanted() map[int]bool {
	if len(p.req.UpTo) == 0 {
		return nil
	}
	seen := map[int]bool{}
	var todo []int
	for i, a := range p.all {
		if slices.Contains(p.req.UpTo, a.Output.Name) {
			todo = append(todo, i)
		}
	}
	for len(todo) > 0 {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if !seen[i] {
			seen[i] = true
			todo = append(append(append(todo, p.links[i].hard...), p.links[i].run...), p.links[i].test...)
			if before := p.links[i].before; before >= 0 {
				todo = append(todo, before)
			}
		}
	}
	return seen
}

// loop is a group of actions that need each other, and the shortest way round.
type loop struct{ group, way []int }

// loops finds them: a way is one if it begins with a hard edge; from then on what has to be installed
// counts, too.
func (p *planner) loops() []loop {
	next := func(i int) []int { return p.links[i].all() }
	var out []loop
	for _, group := range components(len(p.all), next) {
		if len(group) < 2 {
			continue
		}
		if way := p.shortestWay(group, next); way != nil {
			out = append(out, loop{group, way})
		}
	}
	return out
}

func (l *links) all() []int {
	if len(l.run) == 0 {
		return l.hard
	}
	return sorted(slices.Concat(l.hard, l.run))
}

// shortestWay is the shortest loop in a group that begins with a hard edge, or nil.
func (p *planner) shortestWay(group []int, next func(int) []int) []int {
	inside := map[int]bool{}
	for _, i := range group {
		inside[i] = true
	}
	var best []int
	for _, start := range group[:min(len(group), maxLoopStarts)] {
		first := true
		way := loopFrom(start, inside, func(i int) []int {
			if first { // the first question is always about start
				first = false
				return p.links[i].hard
			}
			return next(i)
		}, len(best))
		if way != nil {
			best = way
		}
		if len(best) == 2 {
			break
		}
	}
	return best
}

// cutLoops removes the edges within loops that recipes say can be met from elsewhere.
func (p *planner) cutLoops() {
	for _, l := range p.loops() {
		inside := map[int]bool{}
		for _, i := range l.group {
			inside[i] = true
		}
		for _, i := range l.group {
			for name, how := range bootstrapOf(p.all[i].Output) {
				if how == fromChannel && p.cut(i, name, inside) {
					if p.all[i].apart == nil {
						p.all[i].apart = map[string]bool{}
					}
					p.all[i].apart[name] = true
				}
			}
		}
	}
}

// cut removes i's hard edges to that name and reports whether one led back.
func (p *planner) cut(i int, name string, inside map[int]bool) bool {
	led := false
	p.links[i].hard = slices.DeleteFunc(slices.Clone(p.links[i].hard), func(j int) bool {
		o := p.all[j].Output
		if o.Staging || o.Name != name {
			return false
		}
		led = led || inside[j]
		return true
	})
	return led
}

// reportLoop names the loop, the places that make it, and what its recipes advise.
func (p *planner) reportLoop(way []int) {
	var path, places, advice []string
	for k, i := range way {
		o, to := p.all[i].Output, p.all[way[(k+1)%len(way)]].Output
		path = append(path, o.Name)
		places = append(places, place(o, to.Name))
		hints := bootstrapOf(o)
		for _, name := range []string{to.Name, "*"} {
			if text := hints[name]; text != "" && text != fromChannel {
				advice = append(advice, o.Name+" says: "+text)
			}
		}
	}
	first := p.all[way[0]].Output
	d := diag.Diagnostic{Code: "cycle", Pos: first.Pos,
		Summary:    "dependency cycle: " + strings.Join(append(path, path[0]), " -> "),
		Detail:     strings.Join(places, "\n"),
		Suggestion: fmt.Sprintf("build one of them without the other first; or let %s take %s from a channel or the host to begin with: extra: {forge: {bootstrap: {%s: channel}}}", first.Name, path[1%len(path)], path[1%len(path)])}
	if len(advice) > 0 {
		d.Suggestion = strings.Join(unique(advice), "; ")
	}
	for _, old := range p.problems {
		if old.Summary == d.Summary {
			return
		}
	}
	p.problems = append(p.problems, d)
}

// place says where o asks for name.
func place(o *recipes.Output, name string) string {
	r := &o.Requirements
	for _, part := range []struct {
		deps []recipes.Dependency
		text string
	}{{r.Build, "is built with"}, {r.Host, "is built against"}, {r.Run, "runs with"}} {
		for _, d := range part.deps {
			if depName(d) == name {
				return fmt.Sprintf("%s: %s %s %s", d.Pos, o.Name, part.text, d)
			}
		}
	}
	return fmt.Sprintf("%s: %s needs %s", o.Pos, o.Name, name)
}

// reportStuck explains actions that wait for themselves by way of what only solving told, such as a
// channel's package that runs with an output of this run.
func (p *planner) reportStuck() {
	if p.ctx.Err() != nil || p.failed() {
		return // what waits for a loop that was reported is not reported again
	}
	stuck := false
	for i, s := range p.states {
		if s.active && !s.done {
			stuck = true
			p.links[i].hard = sorted(slices.Concat(p.links[i].hard, p.extra[i]))
		}
		p.links[i].run = sorted(append(slices.Clone(p.links[i].run), p.plannedIn(p.all[i].Record.Depends)...))
	}
	if !stuck {
		return
	}
	for _, l := range p.loops() {
		p.reportLoop(l.way)
	}
	for i, s := range p.states {
		if s.active && !s.done && !p.failed() {
			p.report(p.all[i], fmt.Errorf("it waits for something that waits for it"))
		}
	}
}

// plannedIn are the actions that match specs would take.
func (p *planner) plannedIn(specs []string) []int {
	var out []int
	for _, text := range specs {
		m, err := packages.ParseMatchSpec(text)
		if err != nil {
			continue
		}
		for _, b := range p.byName[m.Name] {
			if m.Matches(&b.Record) {
				out = append(out, p.index[b])
			}
		}
	}
	return out
}
