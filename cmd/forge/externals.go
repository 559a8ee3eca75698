package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"forge/internal/diag"
	"forge/platforms"
	"forge/platforms/toolchain"
	"forge/recipes"
)

// declared is the host's tools as the workspace wants them: refused ones are not there, and toolchain
// blocks change what activating a compiler sets.
type declared struct {
	toolchain.Finder
	platform platforms.Platform
	file     *recipes.Workspace
}

// Find implements toolchain.Finder.
func (d declared) Find(ctx context.Context, name string) (*toolchain.External, error) {
	said := d.block(name)
	if said != nil && !said.Use {
		return nil, nil
	}
	found, err := d.Finder.Find(ctx, name)
	if err != nil || said == nil && found == nil {
		return nil, err
	}
	if said != nil {
		switch {
		case found == nil:
			return nil, fmt.Errorf("%s: external %q is not on this machine", said.Pos, name)
		case len(said.Files)+len(said.Packages) == 0 && said.Version != "" && said.Version != found.Record.Version:
			return nil, fmt.Errorf("%s: external %q is %s on this machine, forge.hcl wants %s", said.Pos, name, found.Record.Version, said.Version)
		}
	}
	return d.withEnv(found, said), nil
}

// Names implements toolchain.Finder: what the workspace refuses is not on offer.
func (d declared) Names() []string {
	return slices.DeleteFunc(d.Finder.Names(), func(name string) bool {
		said := d.block(name)
		return said != nil && !said.Use
	})
}

func (d declared) block(name string) *recipes.ExternalTool {
	for i := range d.file.Externals {
		if d.file.Externals[i].Name == name {
			return &d.file.Externals[i]
		}
	}
	return nil
}

// unused warns of toolchain blocks that can have no effect: they set what activating a tool of the host sets, and there
// is none of that name. One of a tool that this run does not ask for is fine, since others will.
func (d declared) unused() (list diag.List) {
	names := d.Names()
	for _, t := range d.file.Toolchains {
		elsewhere := t.Platform != (platforms.Platform{}) && t.Platform != d.platform
		if elsewhere || slices.Contains(names, t.Name) {
			continue
		}
		help := "name the tool whose variables it sets, as recipes ask for it: gcc_linux-64, cmake, …"
		if near := diag.Nearest(t.Name, names); near != "" {
			help = fmt.Sprintf("did you mean %q?", near)
		}
		list = append(list, diag.Diagnostic{Severity: diag.Warning, Code: "unused-toolchain", Pos: t.Pos,
			Summary: fmt.Sprintf("toolchain %q has no effect: this machine offers no tool of that name", t.Name), Suggestion: help})
	}
	return list
}

// own lists the externals that the workspace puts together itself.
// A sandbox shows externals at /usr and /opt and nowhere else.
func own(file *recipes.Workspace) ([]toolchain.Declared, error) {
	var list []toolchain.Declared
	for _, e := range file.Externals {
		for _, glob := range e.Files {
			if !strings.HasPrefix(glob, "/usr/") && !strings.HasPrefix(glob, "/opt/") {
				return nil, fmt.Errorf("%s: external %q: %s lies outside of /usr and /opt, where a sandbox shows externals; a copy below /opt will do", e.Pos, e.Name, glob)
			}
		}
		if e.Use && len(e.Files)+len(e.Packages) > 0 {
			list = append(list, toolchain.Declared{Name: e.Name, Version: e.Version, Packages: e.Packages, Files: e.Files, Programs: e.Programs})
		}
	}
	return list, nil
}

// withEnv is a copy of e with the variables that the workspace sets for it.
func (d declared) withEnv(e *toolchain.External, said *recipes.ExternalTool) *toolchain.External {
	set := map[string]string{}
	for _, t := range d.file.Toolchains {
		if t.Name == e.Record.Name && (t.Platform == platforms.Platform{} || t.Platform == d.platform) {
			maps.Copy(set, t.Env)
		}
	}
	if said != nil {
		maps.Copy(set, said.Env)
	}
	return e.With(set)
}
