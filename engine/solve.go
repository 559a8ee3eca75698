package engine

import (
	"fmt"
	"slices"
	"strings"

	"forge/internal/diag"
	"forge/packages"
	"forge/platforms/toolchain"
	"forge/recipes"
	"forge/resolver"
)

// solving plans one action: what it finds out is entered when all of the round are through.
type solving struct {
	*planner
	self  *Action
	draft *Action // a copy of self, filled in
	from  *view
	waits []*Action // solutions took them, but they are not planned yet
	err   error
}

func (p *planner) draft(a *Action) *solving {
	draft := *a
	s := &solving{planner: p, self: a, draft: &draft, from: p.from.view(&a.Record, a.apart)}
	s.err = s.solve(&draft)
	return s
}

// solve fixes a's build and host environments, then what its package will depend on.
func (p *solving) solve(a *Action) error {
	if err := notNative(a.Output); err != nil {
		return err
	}
	req := a.Output.Requirements
	run := slices.DeleteFunc(slices.Clone(req.Run), func(d recipes.Dependency) bool { return depName(d) == a.Output.Name })
	if err := p.checkKnown(a, req.Build, slices.Concat(req.Host, run)); err != nil {
		return err
	}
	var err error
	if a.Build, err = p.environment(buildKind, specs(req.Build)); err != nil {
		return fmt.Errorf("build environment: %w", err)
	}
	exports, err := p.exportsOf(a, "build", req.Build, a.Build)
	if err != nil {
		return err
	}
	host := specs(req.Host)
	if a.Output.NoArch == "" {
		host = append(host, withoutVirtual(exports.strong)...)
	}
	if a.Host, err = p.environment(hostKind, unique(host)); err != nil {
		return fmt.Errorf("host environment: %w", err)
	}
	a.Needs = p.actionsOf(a.Build, a.Host)
	if a.Staging != nil {
		a.Needs = append(a.Needs, a.Staging)
	}
	a.Needs = append(a.Needs, a.Levels...)
	if a.DebugOf != nil {
		a.Needs = append(a.Needs, a.DebugOf)
	}
	return p.runtime(a, exports)
}

// specs are the match specs of deps; pins that wait for a solve only ask for the name.
func specs(deps []recipes.Dependency) []string {
	list := []string{}
	for _, d := range deps {
		list = append(list, d.Ask())
	}
	return list
}

// environment solves specs and adds the externals that its packages run with.
func (p *solving) environment(kind string, specs []string) (Environment, error) {
	env := Environment{Specs: specs}
	if len(specs) == 0 {
		return env, nil
	}
	p.from.forKind(p.self.Output, kind)
	locked := kind
	if kind == toolsKind {
		locked = testKind
	}
	favored, err := p.favored(locked)
	if err != nil {
		return env, err
	}
	virtual := virtualFor(p.self.Output, kind, p.req.Virtual)
	key := ""
	if locked != testKind { // a test's environment holds its own package: no other is like it
		key = memoKey(append(slices.Clone(specs), fmt.Sprint(p.self.Output.Variant[recipes.KeyMicroarch]), fmt.Sprint(virtual), p.from.subdir), favored)
		if known, ok := p.memo.get(key, p.from); ok {
			return known, nil
		}
	}
	p.from.asked = map[string]bool{}
	solution, err := p.tools.Solver.Solve(p.ctx, p.from, resolver.Problem{
		Specs: specs, Virtual: virtual, Priority: p.req.ChannelPriority,
		Channels: p.channelOrder(), Favored: favored,
		ExcludeNewer: p.req.ExcludeNewer,
	})
	if err != nil {
		return env, err
	}
	env.Records = p.real(solution.Records)
	if err := p.addRuntimeExternals(&env); err != nil {
		return env, err
	}
	if !p.takesUnplanned(env) && key != "" {
		p.memo.put(key, p.from, env)
	}
	p.from.asked = nil
	return env, nil
}

// takesUnplanned notes the records of env whose own dependencies are not known yet: they were solved as
// if they had none, and env has to be solved again when they are.
func (p *solving) takesUnplanned(env Environment) bool {
	found := false
	for _, r := range env.Records {
		if b := p.byRecord[r]; b != nil && b != p.self && !p.states[p.index[b]].done {
			found = true
			if !slices.Contains(p.waits, b) {
				p.waits = append(p.waits, b)
			}
		}
	}
	return found
}

func (p *planner) channelOrder() []string {
	order := append([]string{packages.ChannelPlanned, channelRecorded, p.req.OutputDir}, p.req.Channels...)
	return append(order, packages.ChannelExternal)
}

// addRuntimeExternals gives an environment the host tools its packages name in constrains: what no
// channel holds cannot be a dependency of a package, yet it is needed to run it here.
func (p *solving) addRuntimeExternals(env *Environment) error {
	for i := 0; i < len(env.Records); i++ {
		r := env.Records[i]
		if r.Channel == packages.ChannelExternal {
			continue
		}
		for _, spec := range r.Constrains {
			name := specName(spec)
			if env.find(name) != nil {
				continue
			}
			e, err := p.runtimeExternal(name)
			if err != nil {
				return err
			}
			if e != nil {
				env.Records = append(env.Records, e)
			}
		}
	}
	return nil
}

func (p *solving) runtimeExternal(name string) (*packages.Record, error) {
	if ok, err := p.from.packaged(name); ok || err != nil {
		return nil, err
	}
	e, err := p.from.externals.find(p.ctx, name)
	if e == nil || err != nil {
		return nil, err
	}
	return &e.Record, nil
}

// actionsOf lists the actions whose packages are in envs, without this one itself.
func (p *solving) actionsOf(envs ...Environment) []*Action {
	var needs []*Action
	seen := map[*Action]bool{p.self: true}
	for _, env := range envs {
		for _, r := range env.Records {
			if b := p.byRecord[r]; b != nil && !seen[b] {
				seen[b] = true
				needs = append(needs, b)
			}
		}
	}
	return needs
}

// checkKnown reports every dependency that no recipe, channel or external offers: of what runs on the
// builder, and of what runs where the package will.
func (p *solving) checkKnown(a *Action, build, host []recipes.Dependency) error {
	var list diag.List
	var unknown unknownError
	for _, of := range []struct {
		kind string
		deps []recipes.Dependency
	}{{buildKind, build}, {hostKind, host}} {
		p.from.forKind(a.Output, of.kind)
		if err := p.unknownOf(a, of.deps, &list, &unknown); err != nil {
			return err
		}
	}
	switch {
	case len(list) > 0:
		return list.Err()
	case len(unknown) > 0:
		return unknown
	}
	return nil
}

// unknownOf adds those of deps that the view does not show.
func (p *solving) unknownOf(a *Action, deps []recipes.Dependency, list *diag.List, unknown *unknownError) error {
	for i, name := range names(deps) {
		if strings.HasPrefix(name, "__") {
			continue
		}
		found, err := p.from.Candidates(name)
		if err != nil {
			return err
		}
		if len(found) > 0 {
			continue
		}
		pos := deps[i].Pos
		if pos.IsZero() {
			pos = a.Output.Pos
		}
		if name == a.Output.Name && p.from.subdir == "" {
			*list = append(*list, diag.Diagnostic{Code: "cycle", Pos: pos, Summary: fmt.Sprintf("dependency cycle: %s -> %s", name, name)})
			continue
		}
		*unknown = append(*unknown, unknownNeed{name: name, platform: p.from.subdir, by: a.Output.Name, pos: pos,
			near: nearName(name, p.from.Names()), help: p.helpFor(name)})
	}
	return nil
}

// helpFor is what to do about a name that nobody offers.
func (p *solving) helpFor(name string) string {
	others, _ := p.from.of(name) // for another platform
	switch {
	case slices.Contains(p.tools.Externals.Names(), name):
		if debs := toolchain.DebianPackages(p.self.Output.BuildPlatform, name); len(debs) > 0 {
			return fmt.Sprintf("install it on this machine (Debian: apt-get install %s), describe it in forge.hcl (external %q), "+
				"or add its recipe to the command or a channel that has it with -c", strings.Join(debs, " "), name)
		}
		return fmt.Sprintf("install %q on this machine, or add its recipe to the command or a channel that has it with -c", name)
	case len(others) > 0:
		return fmt.Sprintf("there is one for %s; build its recipe with --target-platform %s first, or add a channel that has it with -c", others[0].Subdir, p.from.subdir)
	}
	return "add its recipe to the command, or a channel that has it with -c"
}

func withoutVirtual(specs []string) []string {
	var list []string
	for _, s := range specs {
		if !strings.HasPrefix(s, "__") {
			list = append(list, s)
		}
	}
	return list
}

func unique(list []string) []string {
	out := make([]string, 0, len(list))
	seen := make(map[string]bool, len(list))
	for _, s := range list {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}
