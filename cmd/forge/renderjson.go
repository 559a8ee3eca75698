package main

import (
	"cmp"
	"context"
	"path/filepath"
	"strconv"
	"strings"

	"forge/engine"
	"forge/internal/diag"
	"forge/packages"
	"forge/platforms"
	"forge/recipes"
)

// renderedOutput is an output as `rattler-build build --render-only` prints it, so that scripts written
// for that go on working. finalized_* are null until the environments are solved; the time stamp is, for
// Forge takes it from the sources, which are not fetched.
type renderedOutput struct {
	Recipe        recipes.RecipeView `json:"recipe"`
	Configuration configurationView  `json:"build_configuration"`
	Dependencies  *finalView         `json:"finalized_dependencies"`
	Sources       *struct{}          `json:"finalized_sources"`
	SystemTools   map[string]string  `json:"system_tools"`
	ExtraMeta     map[string]string  `json:"extra_meta"`
}

type configurationView struct {
	TargetPlatform  string                       `json:"target_platform"`
	HostPlatform    platformView                 `json:"host_platform"`
	BuildPlatform   platformView                 `json:"build_platform"`
	Variant         map[string]any               `json:"variant"`
	Hash            hashView                     `json:"hash"`
	Directories     engine.Folders               `json:"directories"`
	Channels        []string                     `json:"channels"`
	ChannelPriority string                       `json:"channel_priority"`
	SolveStrategy   string                       `json:"solve_strategy"`
	Timestamp       *string                      `json:"timestamp"`
	Subpackages     map[string]map[string]string `json:"subpackages"`
	Packaging       packagingView                `json:"packaging_settings"`
}

type platformView struct {
	Platform string   `json:"platform"`
	Virtual  []string `json:"virtual_packages"`
}

type hashView struct {
	Hash   string `json:"hash"`
	Prefix string `json:"prefix,omitempty"`
}

type packagingView struct {
	Archive string `json:"archive_type"`
	Level   *int   `json:"compression_level,omitempty"`
}

type finalView struct {
	Build *environmentView `json:"build"`
	Host  *environmentView `json:"host"`
	Run   runView          `json:"run"`
}

type environmentView struct {
	Specs    []requirementView `json:"specs"`
	Resolved []recordView      `json:"resolved"`
}

// requirementView is a match spec with where it comes from: the recipe (source alone), a value of the
// variant, a pin, or what a package of an environment exports.
type requirementView struct {
	Source     string `json:"source,omitempty"`
	Variant    string `json:"variant,omitempty"`
	Subpackage string `json:"pin_subpackage,omitempty"`
	Compatible string `json:"pin_compatible,omitempty"`
	recipes.PinView
	Spec      string `json:"spec,omitempty"`
	From      string `json:"from,omitempty"`
	RunExport string `json:"run_export,omitempty"`
}

// recordView is a record with where it comes from: the URL of its channel, or "planned" or "external".
type recordView struct {
	*packages.Record
	Depends  []string `json:"depends"`
	FileName string   `json:"fn,omitempty"`
	URL      string   `json:"url,omitempty"`
	Channel  string   `json:"channel"`
}

type runView struct {
	Depends     []requirementView    `json:"depends"`
	Constraints []requirementView    `json:"constraints"`
	RunExports  *packages.RunExports `json:"run_exports,omitempty"`
}

// renderJSON prints the outputs in build order.
func (a *app) renderJSON(ctx context.Context, req *engine.Request) error {
	req.Unsolved = true
	outputs, warnings, renderErr := engine.Render(ctx, req)
	a.printWarnings(warnings)
	list := []renderedOutput{}
	book := newSubpackages()
	for _, o := range engine.BuildOrder(outputs) {
		list = append(list, renderedOf(req, o, book))
	}
	if err := a.printJSON(list); err != nil {
		return err
	}
	return renderErr
}

// renderSolved prints the outputs in build order, each with its environments.
func (a *app) renderSolved(ctx context.Context, req *engine.Request) error {
	tools, _, err := a.tools(ctx, req)
	if err != nil {
		return err
	}
	graph, renderErr, err := a.graph(ctx, req, tools)
	if err != nil {
		return err
	}
	list := []renderedOutput{}
	book := newSubpackages()
	for _, act := range graph.Actions {
		if act.Output.Staging {
			continue
		}
		v := renderedOf(req, act.Output, book)
		v.Dependencies = finalOf(act)
		list = append(list, v)
	}
	if err := a.printJSON(list); err != nil {
		return err
	}
	return renderErr
}

func (a *app) printWarnings(warnings diag.List) {
	for _, w := range warnings {
		a.printError(&diag.Failure{List: diag.List{w}})
	}
}

func virtualTexts(list []platforms.VirtualPackage) []string {
	texts := []string{}
	for _, v := range list {
		texts = append(texts, v.Name+"="+v.Version+"="+cmp.Or(v.Build, "0"))
	}
	return texts
}

func renderedOf(req *engine.Request, o *recipes.Output, book subpackages) renderedOutput {
	virtual := virtualTexts(req.Virtual)
	there := virtual
	if o.HostPlatform != o.BuildPlatform {
		there = virtualTexts(engine.HostVirtual(req, o))
	}
	v := renderedOutput{Recipe: o.RecipeView(), SystemTools: map[string]string{"forge": version}, ExtraMeta: req.ExtraMeta, Configuration: configurationView{
		TargetPlatform: o.Subdir(), HostPlatform: platformView{o.HostPlatform.String(), there}, BuildPlatform: platformView{o.BuildPlatform.String(), virtual},
		Variant: o.Variant, Hash: hashView{strings.TrimPrefix(o.Hash, "h"), o.HashPrefix()}, Directories: engine.BuildFolders(), Channels: channelURLs(req.Channels),
		ChannelPriority: req.ChannelPriority.String(), SolveStrategy: "highest", Subpackages: book.with(o), Packaging: packagingOf(req.PackageFormat),
	}}
	if v.ExtraMeta == nil {
		v.ExtraMeta = map[string]string{}
	}
	return v
}

func packagingOf(format string) packagingView {
	name, level, _ := strings.Cut(format, ":")
	v := packagingView{Archive: strings.ReplaceAll(name, "-", ".")}
	if n, err := strconv.Atoi(level); err == nil {
		v.Level = &n
	}
	return v
}

// subpackages are the outputs of each recipe up to the one that is printed.
type subpackages map[string]map[string]map[string]string

func newSubpackages() subpackages { return subpackages{} }

// with adds o to those of its recipe.
func (s subpackages) with(o *recipes.Output) map[string]map[string]string {
	next := map[string]map[string]string{o.Name: {"name": o.Name, "version": o.Version, "build_string": o.BuildString}}
	for name, p := range s[o.Recipe.File] {
		if name != o.Name {
			next[name] = p
		}
	}
	s[o.Recipe.File] = next
	return next
}

// channelURLs writes folders as file:// URLs.
func channelURLs(list []string) []string {
	out := []string{}
	for _, c := range list {
		out = append(out, channelURL(c))
	}
	return out
}

func channelURL(c string) string {
	if filepath.IsAbs(c) {
		return "file://" + filepath.ToSlash(c)
	}
	return c
}

func finalOf(a *engine.Action) *finalView {
	r := &a.Output.Requirements
	v := &finalView{Build: environmentOf(a, a.Build, r.Build), Host: environmentOf(a, a.Host, r.Host),
		Run: runView{Depends: requirementsOf(a, a.Record.Depends, r.Run), Constraints: requirementsOf(a, a.Record.Constrains, r.RunConstraints)}}
	if !a.RunExports.IsEmpty() {
		v.Run.RunExports = &a.RunExports
	}
	return v
}

// environmentOf is nil for an environment that nothing was asked for.
func environmentOf(a *engine.Action, e engine.Environment, own []recipes.Dependency) *environmentView {
	if len(e.Specs) == 0 {
		return nil
	}
	v := &environmentView{Specs: requirementsOf(a, e.Specs, own), Resolved: []recordView{}}
	for _, r := range e.Records {
		channel := channelURL(r.Channel)
		if channel != packages.ChannelPlanned && channel != packages.ChannelExternal {
			channel += "/"
		}
		v.Resolved = append(v.Resolved, recordView{r, append([]string{}, r.Depends...), r.FileName, r.URL, channel})
	}
	return v
}

// requirementsOf says of match specs where they come from. own are those of the recipe.
func requirementsOf(a *engine.Action, specs []string, own []recipes.Dependency) []requirementView {
	said := map[string]recipes.Dependency{}
	for _, d := range own {
		said[d.Ask()] = d
	}
	out := []requirementView{}
	for _, spec := range specs {
		d, ok := said[spec]
		origin, noted := a.Origins[spec]
		switch {
		case ok && d.Pinned() != nil:
			out = append(out, pinOf(d.Pinned(), spec))
		case ok && d.Variant != "":
			name, _, _ := strings.Cut(spec, " ")
			out = append(out, requirementView{Variant: name, Spec: spec})
		case ok || !noted:
			out = append(out, requirementView{Source: spec})
		case origin.Pin != nil:
			out = append(out, pinOf(origin.Pin, spec))
		default:
			out = append(out, requirementView{Spec: spec, From: origin.Environment, RunExport: origin.Package})
		}
	}
	return out
}

func pinOf(p *recipes.Pin, spec string) requirementView {
	v := requirementView{PinView: p.PinView(), Spec: spec}
	v.Name = ""
	if p.Subpackage {
		v.Subpackage = p.Name
	} else {
		v.Compatible = p.Name
	}
	return v
}
