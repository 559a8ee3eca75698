package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"forge/digest"
	"forge/internal/diag"
	"forge/packages"
	"forge/recipes"
)

// Plan solves every environment of the outputs and puts them into build order. Nothing is built.
// All unsatisfied dependencies are reported, each with the place that asks for it.
func Plan(ctx context.Context, req *Request, tools Tools, outputs []*recipes.Output) (*Graph, error) {
	p := &planner{
		ctx: ctx, req: req, tools: tools,
		graph:   &Graph{},
		byName:  map[string][]*Action{},
		staging: map[stagingKey]*Action{},
		state:   map[*Action]int{},
		from: candidates{
			ctx: ctx, planned: map[string][]*packages.Record{},
			channels: tools.Channels, externals: newExternals(tools.Externals),
		},
	}
	if err := p.enter(outputs); err != nil {
		return nil, err
	}
	for _, a := range p.all {
		p.plan(a)
	}
	for _, a := range p.all {
		if len(p.problems) == 0 {
			p.planTests(a)
		}
	}
	p.problems.Sort()
	if err := p.problems.Err(); err != nil {
		return nil, err
	}
	if len(req.UpTo) > 0 {
		return p.graph, p.graph.keepUpTo(req.UpTo)
	}
	return p.graph, nil
}

type planner struct {
	ctx      context.Context
	req      *Request
	tools    Tools
	graph    *Graph
	all      []*Action // in the order of the recipes
	byName   map[string][]*Action
	staging  map[stagingKey]*Action
	state    map[*Action]int
	stack    []*Action
	from     candidates
	trees    map[string]digest.Digest // of recipe folders
	problems diag.List
	with     []string // specs that every test environment holds beside the tested package
}

// recipeDigest names the content of a recipe's folder, read once.
func (p *planner) recipeDigest(dir string) (digest.Digest, error) {
	if d, ok := p.trees[dir]; ok {
		return d, nil
	}
	entries, err := recipeTree(p.req, dir)
	if err != nil {
		return digest.Digest{}, err
	}
	p.trees[dir] = digest.Tree(entries)
	return p.trees[dir], nil
}

// stagingKey finds the staging output an output of the same file and variant inherits from.
type stagingKey struct{ file, name, variant string }

const (
	planning = 1
	planned  = 2
)

// enter makes an action of each output and names them all before any is planned.
func (p *planner) enter(outputs []*recipes.Output) error {
	p.trees = map[string]digest.Digest{}
	files := map[string]*recipes.Output{}
	for _, o := range outputs {
		if o.Skip {
			p.graph.Skipped = append(p.graph.Skipped, o)
			continue
		}
		tree, err := p.recipeDigest(o.Recipe.Dir)
		if err != nil {
			return fmt.Errorf("read the recipe's folder: %w", err)
		}
		a := &Action{Output: o, Record: plannedRecord(o), RecipeTree: tree}
		p.all = append(p.all, a)
		if o.Staging {
			p.staging[stagingKey{o.Recipe.File, o.Name, variantText(o)}] = a
			continue
		}
		key := o.Subdir() + "/" + o.String()
		if old := files[key]; old != nil {
			p.problems = append(p.problems, diag.Diagnostic{
				Code: "same-package", Pos: o.Pos, Summary: fmt.Sprintf("%s is built twice in this run", o),
				Detail:     "the other is at " + old.Pos.String(),
				Suggestion: "give one of them another name, version or build number",
			})
		}
		files[key] = o
		p.byName[o.Name] = append(p.byName[o.Name], a)
		p.from.planned[o.Name] = append(p.from.planned[o.Name], &a.Record)
	}
	return nil
}

func variantText(o *recipes.Output) string { return fmt.Sprint(o.Full) }

// plannedRecord is what the solver may know of an output before its environments are solved.
func plannedRecord(o *recipes.Output) packages.Record {
	r := packages.Record{
		Name: o.Name, Version: o.Version, Build: o.BuildString, BuildNumber: o.BuildNumber,
		Subdir: o.Subdir(), NoArch: o.NoArch, Depends: []string{},
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

// plan solves a's environments after those of all it can see.
func (p *planner) plan(a *Action) {
	switch p.state[a] {
	case planned:
		return
	case planning:
		p.reportCycle(a)
		return
	}
	p.state[a] = planning
	p.stack = append(p.stack, a)
	p.planNeeds(a)
	p.stack = p.stack[:len(p.stack)-1]
	p.state[a] = planned
	if err := p.solve(a); err != nil && p.ctx.Err() == nil {
		p.report(a, err)
	}
	p.graph.Actions = append(p.graph.Actions, a)
}

// planNeeds plans what a is built with, and what those need to run.
func (p *planner) planNeeds(a *Action) {
	o := a.Output
	if o.Inherit != "" {
		a.Staging = p.staging[stagingKey{o.Recipe.File, o.Inherit, variantText(o)}]
		if a.Staging == nil {
			p.problems = append(p.problems, diag.Diagnostic{Code: "unknown-staging", Pos: o.Pos,
				Summary: fmt.Sprintf("%s inherits from %q, which no staging output of this variant is called", o.Name, o.Inherit)})
			return
		}
		p.plan(a.Staging)
	}
	seen := map[string]bool{}
	for _, name := range append(names(o.Requirements.Build), names(o.Requirements.Host)...) {
		for _, b := range p.byName[name] {
			if b != a {
				p.plan(b)
			}
		}
		p.planRuntime(name, seen)
	}
}

// planRuntime plans what a dependency needs to run. These edges are soft: one that is being planned
// right now is no cycle, it is only not visible from here.
func (p *planner) planRuntime(name string, seen map[string]bool) {
	if seen[name] {
		return
	}
	seen[name] = true
	for _, b := range p.byName[name] {
		if p.state[b] == 0 {
			p.plan(b)
		}
		for _, spec := range b.Record.Depends {
			p.planRuntime(specName(spec), seen)
		}
	}
}

// reportCycle names the loop that leads back to a: "a -> b -> a".
func (p *planner) reportCycle(a *Action) {
	var loop []string
	for i, b := range p.stack {
		if b == a {
			for _, c := range p.stack[i:] {
				loop = append(loop, c.Output.Name)
			}
		}
	}
	loop = append(loop, a.Output.Name)
	p.problems = append(p.problems, diag.Diagnostic{
		Code: "cycle", Pos: a.Output.Pos, Summary: "dependency cycle: " + strings.Join(loop, " -> "),
		Suggestion: "build one of them without the other first, or take it from a channel or the host",
	})
}

// report turns an error of solving a into a diagnostic at a's recipe.
func (p *planner) report(a *Action, err error) {
	var list *diag.Failure
	if errors.As(err, &list) {
		p.problems = append(p.problems, list.List...)
		return
	}
	p.problems = append(p.problems, diag.Diagnostic{Code: "unsolvable", Pos: a.Output.Pos,
		Summary: fmt.Sprintf("%s cannot be planned", a.Output.Name), Detail: err.Error()})
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
