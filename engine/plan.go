package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"forge/digest"
	"forge/internal/diag"
	"forge/packages"
	"forge/recipes"
)

// Plan solves every environment of the outputs and puts them into build order. Nothing is built.
// All unsatisfied dependencies are reported, each with the place that asks for it. With req.UpTo only
// what those names need is solved.
func Plan(ctx context.Context, req *Request, tools Tools, outputs []*recipes.Output) (*Graph, error) {
	p := newPlanner(ctx, req, tools)
	if err := p.enter(outputs); err != nil {
		return nil, err
	}
	p.findLoops()
	if err := p.start(); err != nil {
		return nil, err
	}
	p.rounds()
	p.reportStuck()
	p.tests()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p.reportUnknown()
	p.joinUnsolvable()
	if req.KeepGoing && p.anyGood() {
		p.leaveOut()
	}
	p.problems.Sort()
	if p.problems.HasErrors() {
		p.problems = append(p.problems, p.mostNeeded()...)
	}
	if err := p.problems.Err(); err != nil {
		return nil, err
	}
	p.checkWorkOrder()
	p.problems.Sort()
	if err := p.problems.Err(); err != nil {
		return nil, err
	}
	p.order()
	p.graph.keepUpTo(req.UpTo)
	p.checkNames()
	p.problems.Sort()
	if err := p.problems.Err(); err != nil {
		return nil, err
	}
	return p.graph, p.checkLock()
}

// checkLock refuses a plan that the lock does not hold, where the request says so.
func (p *planner) checkLock() error {
	switch {
	case !p.req.Locked:
		return nil
	case p.tools.Lock == nil:
		return errors.New("--locked: there is no forge.lock; run forge lock")
	}
	return p.tools.Lock.Check(p.graph, filepath.Dir(p.req.LockFile), !p.req.SkipTests)
}

// planner solves in rounds: all that can be solved with what earlier rounds found out is solved at the
// same time, then its results are entered in the order of the recipes. So the plan does not depend on
// how fast anything was.
type planner struct {
	ctx      context.Context
	req      *Request
	tools    Tools
	graph    *Graph
	all      []*Action // in the order of the recipes
	index    map[*Action]int
	byName   map[string][]*Action
	byRecord map[*packages.Record]*Action
	links    []links // of all, from the recipes alone
	from     *candidates
	memo     *solved
	standIns map[*packages.Record]*packages.Record // of existing packages, the channel's records
	problems diag.List
	unknown  []unknownNeed // what nobody offers; see reportUnknown
	with     []string      // specs that every test environment holds beside the tested package

	linker *linker
	states []planState
	next   []int         // to be looked at in the next round
	behind map[int][]int // by action, those that wait for it
	extra  map[int][]int // what a solve took that was not planned yet
}

// planState is how far an action is.
type planState struct {
	active  bool // it is asked for or needed
	done    bool
	tested  bool
	looped  bool // part of a loop that was reported: never planned
	failed  bool // it cannot be planned, or needs what cannot
	settled bool // all that it runs with is done, too
}

func newPlanner(ctx context.Context, req *Request, tools Tools) *planner {
	return &planner{
		ctx: ctx, req: req, tools: tools, graph: &Graph{},
		index: map[*Action]int{}, byName: map[string][]*Action{}, byRecord: map[*packages.Record]*Action{},
		behind: map[int][]int{}, extra: map[int][]int{},
		standIns: map[*packages.Record]*packages.Record{},
		memo:     &solved{envs: map[string]*solvedEnv{}},
		from:     newCandidates(ctx, req, tools),
	}
}

// enter makes an action of each output and names them all before any is planned.
func (p *planner) enter(outputs []*recipes.Output) error {
	var kept []*recipes.Output
	for _, o := range outputs {
		if o.Skip {
			p.graph.Skipped = append(p.graph.Skipped, o)
		} else {
			kept = append(kept, o)
		}
	}
	kept, err := p.skipExisting(kept)
	if err != nil {
		return err
	}
	if kept, err = p.req.Optimize.withLevels(withoutOrphans(kept)); err != nil {
		return err
	}
	trees, err := recipeTrees(p.req, kept)
	if err != nil {
		return fmt.Errorf("read the recipe's folder: %w", err)
	}
	files := map[string]*recipes.Output{}
	var bad []int
	for i, o := range kept {
		a := &Action{Output: o, Record: plannedRecord(o), RecipeTree: trees[o.Recipe.Dir]}
		p.all = append(p.all, a)
		p.index[a] = i
		if o.Staging {
			continue
		}
		if problems := checkFileName(o); problems != nil {
			p.problems, bad = append(p.problems, problems...), append(bad, i)
			continue
		}
		key := o.Subdir() + "/" + o.String()
		if old := files[key]; old != nil {
			bad = append(bad, i)
			p.problems = append(p.problems, diag.Diagnostic{
				Code: "same-package", Pos: o.Pos, Summary: fmt.Sprintf("%s is built twice in this run", o),
				Detail:     "the other is at " + old.Pos.String(),
				Suggestion: "give one of them another name, version or build number",
			})
		}
		files[key] = o
		p.byName[o.Name] = append(p.byName[o.Name], a)
		p.byRecord[&a.Record] = a
		p.from.planned[o.Name] = append(p.from.planned[o.Name], &a.Record)
	}
	l := newLinker(kept)
	p.linker = l
	p.links, p.states = l.links(), make([]planState, len(kept))
	for _, i := range bad {
		p.states[i].failed = true
	}
	p.linkStaging(l)
	p.linkWork()
	p.linkLevels(l)
	p.linkDebug(l)
	return nil
}

// linkStaging finds what outputs inherit from.
func (p *planner) linkStaging(l *linker) {
	for i, a := range p.all {
		if a.Output.Inherit == "" {
			continue
		}
		from := l.stagingOf(i)
		if from < 0 {
			p.states[i].failed = true
			p.problems = append(p.problems, diag.Diagnostic{Code: "unknown-staging", Pos: a.Output.Pos,
				Summary: fmt.Sprintf("%s inherits from %q, which no staging output of this variant is called", a.Output.Name, a.Output.Inherit)})
			continue
		}
		a.Staging = p.all[from]
	}
}

// linkWork finds whose work folders outputs go on with.
func (p *planner) linkWork() {
	for i, a := range p.all {
		if before := p.links[i].before; before >= 0 {
			a.After = p.all[before]
		}
	}
}

// recipeTrees names the content of every recipe's folder, each read once.
func recipeTrees(req *Request, outputs []*recipes.Output) (map[string]digest.Digest, error) {
	trees := map[string]digest.Digest{}
	for _, o := range outputs {
		trees[o.Recipe.Dir] = digest.Digest{}
	}
	dirs := slices.Sorted(maps.Keys(trees))
	found := make([]digest.Digest, len(dirs))
	err := parallel(len(dirs), func(i int) error {
		entries, err := recipeTree(req, dirs[i])
		found[i] = digest.Tree(entries)
		return err
	})
	for i, dir := range dirs {
		trees[dir] = found[i]
	}
	return trees, err
}

// parallel calls f for 0…n-1, as many at once as there are processors. The error is that of the lowest
// number that has one.
func parallel(n int, f func(int) error) error {
	errs := make([]error, n)
	var group errgroup.Group
	group.SetLimit(max(2, runtime.GOMAXPROCS(0)))
	for i := range n {
		group.Go(func() error {
			errs[i] = f(i)
			return nil
		})
	}
	_ = group.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// plannedRecord is what the solver may know of an output before its environments are solved.
func plannedRecord(o *recipes.Output) packages.Record {
	r := packages.Record{
		Name: o.Name, Version: o.Version, Build: o.BuildString, BuildNumber: o.BuildNumber,
		Subdir: o.Subdir(), NoArch: o.NoArch, Depends: append([]string{}, levelDepends(o)...),
		License: o.About.License, LicenseFamily: o.About.LicenseFamily,
		Channel:   packages.ChannelPlanned,
		Timestamp: 0,
	}
	if o.NoArch == "" {
		r.Arch, r.Platform = o.TargetPlatform.Arch(), o.TargetPlatform.OS()
	}
	features := append([]string(nil), o.Build.TrackFeatures...)
	for i := range o.Build.DownPrioritize {
		features = append(features, fmt.Sprintf("%s-p-%d", o.Name, i))
	}
	r.TrackFeatures = strings.Join(features, " ")
	return r
}

// start asks for the wanted actions: all, or those of req.UpTo.
func (p *planner) start() error {
	if err := checkUpTo(p.req.UpTo, p.all, p.graph.Existing); err != nil {
		return err
	}
	for i, a := range p.all {
		if len(p.req.UpTo) == 0 || slices.Contains(p.req.UpTo, a.Output.Name) {
			p.activate(i)
		}
	}
	return nil
}

func (p *planner) activate(i int) {
	for ; i >= 0 && !p.states[i].active; i = p.links[i].before {
		p.states[i].active = true
		p.next = append(p.next, i)
	}
}

// order lists the actions, each after those it needs.
func (p *planner) order() {
	seen := map[*Action]bool{}
	var visit func(a *Action)
	visit = func(a *Action) {
		if seen[a] {
			return
		}
		seen[a] = true
		for _, b := range a.Needed() {
			visit(b)
		}
		p.graph.Actions = append(p.graph.Actions, a)
	}
	for i, a := range p.all {
		if p.states[i].done && !p.states[i].failed {
			visit(a)
			p.runNeeds(a)
		}
	}
}

// runNeeds finds, for each dependency of a's package, the outputs of the run that meet it. Where something that
// exists already does, none of them is needed.
func (p *planner) runNeeds(a *Action) {
	if a.Output.Staging {
		return
	}
	for _, spec := range a.Record.Depends {
		var any []*Action
		for _, i := range p.linker.spec(spec) {
			if p.states[i].done && !p.states[i].failed {
				any = append(any, p.all[i])
			}
		}
		if len(any) > 0 && !p.isThere(spec) {
			a.RunNeeds = append(a.RunNeeds, any)
		}
	}
}

// isThere reports whether a package that is not built because it exists meets the match spec.
func (p *planner) isThere(spec string) bool {
	if len(p.standIns) == 0 {
		return false
	}
	m, err := packages.ParseMatchSpec(spec)
	return err == nil && slices.ContainsFunc(p.from.planned[m.Name], func(r *packages.Record) bool { return p.standIns[r] != nil && m.Matches(r) })
}

// report turns an error of solving a into a diagnostic at a's recipe.
func (p *planner) report(a *Action, err error) {
	if i, ours := p.index[a]; ours {
		p.states[i].failed = true
	}
	var unknown unknownError
	if errors.As(err, &unknown) {
		p.unknown = append(p.unknown, unknown...)
		return
	}
	var list *diag.Failure
	if errors.As(err, &list) {
		for _, d := range list.List { // variants of a recipe have the same mistakes
			if !slices.ContainsFunc(p.problems, func(known diag.Diagnostic) bool { return known.Pos == d.Pos && known.Summary == d.Summary }) {
				p.problems = append(p.problems, d)
			}
		}
		return
	}
	detail := err.Error()
	if word := variantWord(a.Output, detail); word != "" {
		detail += "\nhint: " + word
	}
	d := diag.Diagnostic{Code: unsolvable, Pos: requirementAt(a.Output, detail), Summary: a.Output.Name + cannotBePlanned, Detail: detail}
	var placed *placedError
	if errors.As(err, &placed) {
		d.Pos, d.Suggestion = placed.pos, placed.help
	}
	p.problems = append(p.problems, d)
}

func names(deps []recipes.Dependency) []string {
	var list []string
	for _, d := range deps {
		if d.Pin != nil {
			list = append(list, d.Pin.Name)
		} else {
			list = append(list, specName(d.Spec))
		}
	}
	return list
}

// specName is the package name a match spec begins with, lower case as conda compares names.
func specName(spec string) string {
	spec = strings.TrimSpace(spec)
	if i := strings.LastIndex(spec, "::"); i >= 0 {
		spec = spec[i+2:]
	}
	if i := strings.IndexAny(spec, " \t=<>!~[;@"); i >= 0 {
		spec = spec[:i]
	}
	return strings.ToLower(spec)
}
