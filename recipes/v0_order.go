package recipes

import (
	"maps"
	"slices"

	"forge/internal/diag"
)

// shareWorkFolders puts the scripts of a recipe's outputs one after the other. conda-build unpacks the sources once,
// runs the top-level script once and then, in that same folder, the script of each output: metadata.py,
// _toposort_outputs, and build.py, build. Outputs without a script see nothing of the folder and wait for nobody.
func shareWorkFolders(all []*v0Output) {
	groups := map[string][]*v0Output{}
	for _, o := range all {
		if !o.out.Skip && !o.out.Staging {
			groups[o.group] = append(groups[o.group], o)
		}
	}
	for _, group := range groups {
		var last *Output
		for i, o := range buildOrder(group) {
			if i > 0 {
				o.comesTooLate()
			}
			if len(o.out.Build.Scripts) == 0 {
				continue
			}
			if last != nil {
				last.LeavesWork, o.out.After = true, last
			}
			last = o.out
		}
	}
}

// comesTooLate leaves nothing to an output that would be all that the top-level script left, having neither files nor
// script of its own: conda-build empties the prefix after the first output, and such a one is empty then.
func (o *v0Output) comesTooLate() {
	if o.own || o.out.InheritFrom == nil || len(o.out.Build.Scripts) > 0 || !o.out.Build.Files.IsZero() {
		return
	}
	o.out.OwnFilesOnly = true
	d := o.diagnostic(o.out.Pos, "empty-output", o.name+" is empty: it has neither files nor a script, and conda-build gives what the top-level script left to such an output only where it is the first to be built",
		"name its files, or give the recipe itself another name")
	d.Severity = diag.Warning
	o.found.add(d)
}

// buildOrder is conda-build's order of the outputs of a recipe: by levels, each of all that need only outputs of
// the levels before, sorted by name; the variants of an output stay together. What an output runs with counts as
// what it is built with does. Where outputs need each other to run, which is an error there, only the
// latter counts.
func buildOrder(group []*v0Output) []*v0Output {
	byName := map[string][]*v0Output{}
	for _, o := range group {
		byName[o.name] = append(byName[o.name], o)
	}
	needs, hard := map[string]map[string]bool{}, map[string]map[string]bool{}
	for name, same := range byName {
		needs[name], hard[name] = map[string]bool{}, map[string]bool{}
		for _, o := range same {
			r := &o.out.Requirements
			o.addSiblings(needs[name], byName, r.Run, r.Host, r.Build)
			o.addSiblings(hard[name], byName, r.Host, r.Build)
		}
	}
	var order []*v0Output
	for len(needs) > 0 {
		level := freeOf(needs, needs)
		if len(level) == 0 {
			level = freeOf(needs, hard)
		}
		if len(level) == 0 { // they need each other to be built: checkCycles says so
			level = slices.Sorted(maps.Keys(needs))
		}
		for _, name := range level {
			order = append(order, byName[name]...)
			delete(needs, name)
		}
	}
	return order
}

// freeOf are the names among left that need none of left.
func freeOf(left, needs map[string]map[string]bool) []string {
	var free []string
	for name := range left {
		waits := false
		for other := range needs[name] {
			waits = waits || left[other] != nil
		}
		if !waits {
			free = append(free, name)
		}
	}
	slices.Sort(free)
	return free
}

func (o *v0Output) addSiblings(set map[string]bool, byName map[string][]*v0Output, lists ...[]Dependency) {
	for _, d := range slices.Concat(lists...) {
		if name := v0DependencyName(d); name != o.name && byName[name] != nil {
			set[name] = true
		}
	}
}
