package engine

import (
	"fmt"
	"slices"
	"strings"

	"forge/internal/diag"
	"forge/packages"
	"forge/recipes"
)

// exported is what the packages an environment was asked for export to their dependents.
type exported struct{ strong, weak, noarch, strongConstrains, weakConstrains []string }

// exportsOf collects the run_exports of the directly required packages of env, in order of the
// requirements, without those the recipe ignores. kind is env's: build or host.
func (p *solving) exportsOf(a *Action, kind string, deps []recipes.Dependency, env Environment) (exported, error) {
	var all exported
	ignore := a.Output.Requirements
	for _, name := range names(deps) {
		r := env.find(name)
		if r == nil || slices.Contains(ignore.IgnoreFrom, name) {
			continue
		}
		e, err := p.runExports(r)
		if err != nil {
			return all, fmt.Errorf("run_exports of %s: %w", r, err)
		}
		keep := func(specs []string) []string {
			specs = slices.DeleteFunc(slices.Clone(specs), func(s string) bool { return slices.Contains(ignore.IgnoreByName, specName(s)) })
			for _, s := range specs {
				a.note(s, Origin{Environment: kind, Package: name})
			}
			return specs
		}
		all.strong = append(all.strong, keep(e.Strong)...)
		all.weak = append(all.weak, keep(e.Weak)...)
		all.noarch = append(all.noarch, keep(e.NoArch)...)
		all.strongConstrains = append(all.strongConstrains, keep(e.StrongConstrains)...)
		all.weakConstrains = append(all.weakConstrains, keep(e.WeakConstrains)...)
	}
	return all, nil
}

// runExports are those of one record: planned, of a channel, or external.
func (p *solving) runExports(r *packages.Record) (packages.RunExports, error) {
	switch r.Channel {
	case packages.ChannelPlanned:
		if b := p.byRecord[r]; b != nil {
			return b.RunExports, nil
		}
	case packages.ChannelExternal:
		e, err := p.from.externals.find(p.ctx, r.Name)
		if e == nil || err != nil {
			return packages.RunExports{}, err
		}
		return e.RunExports, nil
	}
	return p.from.channelExports(r)
}

// runtime fixes depends, constrains and run_exports of a's package. The order is rattler-build's:
// own requirements, then what the build environment exports, then what the host environment does.
func (p *solving) runtime(a *Action, build exported) error {
	o := a.Output
	host, err := p.exportsOf(a, "host", o.Requirements.Host, a.Host)
	if err != nil {
		return err
	}
	if a.Staging != nil && o.InheritRunExports {
		staged, err := p.stagedExports(a)
		if err != nil {
			return err
		}
		build.strong = append(build.strong, staged.strong...)
		build.strongConstrains = append(build.strongConstrains, staged.strongConstrains...)
		host.weak = append(host.weak, staged.weak...)
		host.weakConstrains = append(host.weakConstrains, staged.weakConstrains...)
	}
	depends, err := p.pinned(a, o.Requirements.Run)
	if err != nil {
		return err
	}
	depends = append(depends, levelDepends(o)...)
	constrains, err := p.pinned(a, o.Requirements.RunConstraints)
	if err != nil {
		return err
	}
	if o.NoArch != "" {
		depends = append(depends, host.noarch...)
	} else {
		depends = slices.Concat(depends, build.strong, host.strong, host.weak)
		constrains = slices.Concat(constrains, build.strongConstrains, host.strongConstrains, host.weakConstrains)
	}
	if a.RunExports, err = p.ownExports(a); err != nil {
		return err
	}
	depends = unique(depends)
	if o.Recipe.Format == "meta.yaml" {
		depends = condaBuildDepends(depends)
	}
	return p.divide(a, depends, unique(constrains))
}

// condaBuildDepends writes run dependencies as conda-build does (render.py, _simplify_to_exact_constraints): sorted,
// of several of one name without the bare one, and only the exact one where there is such.
func condaBuildDepends(depends []string) []string {
	byName := map[string][]string{}
	for _, spec := range depends {
		byName[specName(spec)] = append(byName[specName(spec)], spec)
	}
	list := []string{}
	for _, specs := range byName {
		exact := slices.DeleteFunc(slices.Clone(specs), func(s string) bool { return !isExact(s) })
		switch {
		case len(specs) == 1:
		case len(exact) == 1:
			specs = exact
		default:
			specs = slices.DeleteFunc(specs, func(s string) bool { return s == specName(s) })
		}
		list = append(list, specs...)
	}
	slices.Sort(list)
	return list
}

// isExact tells whether a spec names one version and one build.
func isExact(spec string) bool {
	words := strings.Fields(spec)
	return len(words) == 3 && !strings.ContainsAny(words[1], "<>*") && !strings.Contains(words[2], "*")
}

// stagedExports are those of the staging output's environments, filtered by a's own ignore lists.
func (p *solving) stagedExports(a *Action) (exported, error) {
	build, err := p.exportsOf(a, "build", a.Staging.Output.Requirements.Build, a.Staging.Build)
	if err != nil {
		return build, err
	}
	host, err := p.exportsOf(a, "host", a.Staging.Output.Requirements.Host, a.Staging.Host)
	build.weak, build.weakConstrains = host.weak, host.weakConstrains
	build.strong = append(build.strong, host.strong...)
	return build, err
}

// divide makes constraints of what clients could not install: externals that no channel holds.
// An output never depends on itself by way of an export.
func (p *solving) divide(a *Action, depends, constrains []string) error {
	var unknown []recipes.Dependency
	a.Record.Depends = []string{}
	for _, spec := range depends {
		name := specName(spec)
		ok, err := p.from.packaged(name)
		if err != nil {
			return err
		}
		if name == a.Output.Name {
			continue
		}
		if ok || strings.HasPrefix(name, "__") {
			a.Record.Depends = append(a.Record.Depends, spec)
			continue
		}
		if e, err := p.from.externals.find(p.ctx, name); err != nil {
			return err
		} else if e != nil {
			constrains = append(constrains, spec)
			continue
		}
		unknown = append(unknown, recipes.Dependency{Spec: spec, Pos: placeOf(a.Output.Requirements.Run, name)})
	}
	a.Record.Constrains = unique(constrains)
	return p.checkKnown(a, nil, unknown)
}

func placeOf(deps []recipes.Dependency, name string) (pos diag.Pos) {
	for i, n := range names(deps) {
		if n == name {
			return deps[i].Pos
		}
	}
	return pos
}

// pinned resolves deps to match specs: pin_compatible takes its version from the solved environments.
func (p *solving) pinned(a *Action, deps []recipes.Dependency) ([]string, error) {
	list := []string{}
	for _, d := range deps {
		spec, err := p.pinOne(a, d)
		if err != nil {
			return nil, err
		}
		if pin := d.Pinned(); pin != nil {
			a.note(spec, Origin{Pin: pin})
		}
		list = append(list, spec)
	}
	return list, nil
}

func (p *solving) pinOne(a *Action, d recipes.Dependency) (string, error) {
	if d.Pin == nil {
		return d.Means(), nil
	}
	name := strings.ToLower(d.Pin.Name)
	r := a.Host.find(name)
	if r == nil {
		r = a.Build.find(name)
	}
	if d.Pin.Subpackage {
		for _, b := range p.byName[name] {
			r = &b.Record
		}
	}
	if r == nil {
		return "", fmt.Errorf("%s: pin of %q: it is in neither the host nor the build environment; add it to host", d.Pos, d.Pin.Name)
	}
	spec, err := d.Pin.Apply(r.Version, r.Build)
	if err != nil {
		return "", fmt.Errorf("%s: pin of %q: %w", d.Pos, d.Pin.Name, err)
	}
	return spec, nil
}

func (p *solving) ownExports(a *Action) (packages.RunExports, error) {
	from := a.Output.Requirements.RunExports
	var out packages.RunExports
	for _, part := range []struct {
		deps []recipes.Dependency
		to   *[]string
	}{
		{from.Weak, &out.Weak}, {from.Strong, &out.Strong}, {from.NoArch, &out.NoArch},
		{from.WeakConstrains, &out.WeakConstrains}, {from.StrongConstrains, &out.StrongConstrains},
	} {
		if len(part.deps) == 0 {
			continue
		}
		list, err := p.pinned(a, part.deps)
		if err != nil {
			return out, err
		}
		*part.to = list
	}
	return out, nil
}
