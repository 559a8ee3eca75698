package engine

import (
	"cmp"
	"slices"
	"strings"

	"forge/packages"
	"forge/recipes"
)

// links are the edges between outputs that the recipes alone tell, before anything is solved: which
// outputs an output's match specs would take. Each list is sorted and names an output once.
type links struct {
	hard []int // build and host requirements, the staging output it starts from, its CPU levels
	run  []int // what it runs with, as far as the recipes say: also what its dependencies export
	test []int // what its tests ask for beside that

	before int // whose script runs before its own in the work folder that they share, -1 for none
}

// linker finds the outputs that a match spec means. Specs are read once.
type linker struct {
	outputs []*recipes.Output
	records []packages.Record
	byName  map[string][]int
	staging map[*recipes.Output]int
	levels  map[*recipes.Output][]int // by LevelOf
	debugOf map[*recipes.Output]int   // outputs whose debug data another packages
	leaves  map[*recipes.Output]int   // outputs whose work folder others go on with
	meant   map[string][]int
}

func newLinker(outputs []*recipes.Output) *linker {
	l := &linker{outputs: outputs, records: make([]packages.Record, len(outputs)),
		byName: map[string][]int{}, staging: map[*recipes.Output]int{}, levels: map[*recipes.Output][]int{}, debugOf: map[*recipes.Output]int{}, leaves: map[*recipes.Output]int{}, meant: map[string][]int{}}
	for _, o := range outputs {
		if o.DebugOf != nil {
			l.debugOf[o.DebugOf] = -1
		}
	}
	for i, o := range outputs {
		if _, ok := l.debugOf[o]; ok {
			l.debugOf[o] = i
		}
		if o.LeavesWork {
			l.leaves[o] = i
		}
		l.records[i] = plannedRecord(o)
		if o.Staging {
			l.staging[o] = i
			if o.LevelOf != nil && !o.LevelOf.Staging {
				l.levels[o.LevelOf] = append(l.levels[o.LevelOf], i)
			}
			continue
		}
		name := strings.ToLower(o.Name)
		l.byName[name] = append(l.byName[name], i)
	}
	return l
}

// links finds the edges of every output.
func (l *linker) links() []links {
	all := make([]links, len(l.outputs))
	for i := range l.outputs {
		all[i] = l.of(i)
	}
	return all
}

func (l *linker) of(i int) links {
	o := l.outputs[i]
	out := links{before: l.before(i)}
	r := &o.Requirements
	from := l.stagingOf(i)
	if from >= 0 {
		out.hard = append(out.hard, from)
	}
	out.hard = append(out.hard, l.levels[o]...)
	if at, ok := l.debugOf[o.DebugOf]; ok && at >= 0 {
		out.hard = append(out.hard, at)
	}
	out.hard = append(out.hard, l.onBuilder(o, l.meantBy(r.Build))...)
	out.hard = append(out.hard, l.meantBy(r.Host)...)
	out.run = append(l.meantBy(r.Run), l.exported(o, r.Build, r.Host)...)
	if from >= 0 && o.InheritRunExports {
		s := &l.outputs[from].Requirements
		out.run = append(out.run, l.exported(o, s.Build, s.Host)...)
	}
	for _, t := range o.Tests {
		for _, spec := range testSpecs(t) {
			out.test = append(out.test, l.spec(spec)...)
		}
	}
	for _, list := range []*[]int{&out.hard, &out.run, &out.test} {
		*list = slices.DeleteFunc(sorted(*list), func(j int) bool { return j == i })
	}
	return out
}

// stagingOf is the staging output that output i starts from, or -1.
func (l *linker) stagingOf(i int) int {
	o := l.outputs[i]
	if from, ok := l.staging[o.InheritFrom]; ok {
		return from
	}
	return -1
}

// before is the output whose script runs before that of output i in their work folder, or -1. What is not among
// the outputs is not built, so its script does not run.
func (l *linker) before(i int) int {
	for o := l.outputs[i].After; o != nil; o = o.After {
		if k, ok := l.leaves[o]; ok {
			return k
		}
	}
	return -1
}

// exported are the outputs that o will run with because what it is built with says so.
func (l *linker) exported(o *recipes.Output, build, host []recipes.Dependency) []int {
	var out []int
	add := func(i int, deps []recipes.Dependency) {
		if o.Name == l.outputs[i].Name || slices.Contains(o.Requirements.IgnoreFrom, l.outputs[i].Name) {
			return
		}
		for _, d := range deps {
			if !slices.Contains(o.Requirements.IgnoreByName, depName(d)) {
				out = append(out, l.dependency(d)...)
			}
		}
	}
	for _, i := range l.onBuilder(o, l.meantBy(build)) {
		if o.NoArch == "" {
			add(i, l.outputs[i].Requirements.RunExports.Strong)
		}
	}
	for _, i := range l.meantBy(host) {
		e := &l.outputs[i].Requirements.RunExports
		if o.NoArch != "" {
			add(i, e.NoArch)
			continue
		}
		add(i, e.Strong)
		add(i, e.Weak)
	}
	return out
}

// onBuilder leaves those of the outputs that run where o is built: of a cross build, none but noarch ones.
func (l *linker) onBuilder(o *recipes.Output, list []int) []int {
	if o.BuildPlatform == o.HostPlatform {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), func(i int) bool {
		subdir := l.outputs[i].Subdir()
		return subdir != "noarch" && subdir != o.BuildPlatform.String()
	})
}

func (l *linker) meantBy(deps []recipes.Dependency) []int {
	var out []int
	for _, d := range deps {
		out = append(out, l.dependency(d)...)
	}
	return out
}

func (l *linker) dependency(d recipes.Dependency) []int {
	if d.Pin != nil {
		return l.byName[strings.ToLower(d.Pin.Name)]
	}
	return l.spec(d.Ask())
}

// spec lists the outputs that a match spec would take: version, build and channel count, so that a
// compiler may be built with an older one of the same name.
func (l *linker) spec(text string) []int {
	if known, ok := l.meant[text]; ok {
		return known
	}
	list := l.byName[specName(text)]
	if m, err := packages.ParseMatchSpec(text); err == nil && len(list) > 0 {
		list = slices.DeleteFunc(slices.Clone(list), func(i int) bool { return !m.Matches(&l.records[i]) })
	}
	l.meant[text] = list
	return list
}

// testSpecs are the match specs a test asks for beside its package.
func testSpecs(t recipes.Test) []string {
	switch {
	case t.Script != nil:
		return slices.Concat(t.Script.Run, t.Script.Build)
	case t.Python != nil:
		specs := append([]string{"python"}, t.Python.Requires...)
		if t.Python.PipCheck {
			specs = append(specs, "pip")
		}
		return specs
	case t.Perl != nil:
		return []string{"perl"}
	case t.R != nil:
		return []string{"r-base"}
	case t.Ruby != nil:
		return []string{"ruby"}
	}
	return nil
}

func depName(d recipes.Dependency) string {
	if d.Pin != nil {
		return strings.ToLower(d.Pin.Name)
	}
	return specName(d.Spec)
}

// sorted is a sorted copy of list without doubles.
func sorted[T cmp.Ordered](list []T) []T {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}
