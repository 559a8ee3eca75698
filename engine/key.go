package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"

	"forge/digest"
	"forge/packages"
	"forge/recipes"
	"forge/sources"
	"forge/store"
)

// Manifest is what a build depends on, line by line: the lines that are hashed into its key are the
// very lines that `forge explain` prints.
type Manifest []string

// add appends one line; every part is quoted, so that no value can pass for another line.
func (m *Manifest) add(kind string, parts ...string) {
	var b strings.Builder
	b.WriteString(kind)
	for _, p := range parts {
		fmt.Fprintf(&b, " %q", p)
	}
	*m = append(*m, b.String())
}

// ID is the key: the SHA-256 of the lines.
func (m Manifest) ID() store.ActionID {
	return store.ActionID{Digest: digest.Of([]byte(strings.Join(m, "\n") + "\n"))}
}

// Diff lists what changed from old to m: lines that went ("-") and lines that came ("+").
func (m Manifest) Diff(old Manifest) []string {
	gone, here := map[string]bool{}, map[string]bool{}
	for _, l := range old {
		gone[l] = true
	}
	for _, l := range m {
		here[l] = true
	}
	var diff []string
	for _, l := range old {
		if !here[l] {
			diff = append(diff, "- "+l)
		}
	}
	for _, l := range m {
		if !gone[l] {
			diff = append(diff, "+ "+l)
		}
	}
	return diff
}

// manifest writes down all that a's result is a function of. built holds the results of what a needs.
func (r *runner) manifest(ctx context.Context, a *Action, built map[*Action]*Built) (Manifest, error) {
	o := a.Output
	level, err := r.level(ctx)
	if err != nil {
		return nil, err
	}
	var m Manifest
	m.add("forge", "key 1", "layout "+layoutVersion, "packer "+packerVersion)
	m.add("format", r.tools.Format.Name(), r.tools.Format.Compressor())
	m.add("output", o.Subdir(), o.Name, o.Version, o.BuildString)
	m.add("isolation", string(level))
	m.add("recipe", o.Recipe.Format, a.RecipeTree.Hex())
	fields, err := renderedFields(o)
	if err != nil {
		return nil, err
	}
	rendered, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	m.add("rendered", digest.Of(rendered).Hex())
	if err := r.sourceLines(ctx, a, &m); err != nil {
		return nil, err
	}
	if hasWheel(o) { // was not unpacked once
		m.add("wheels", "unpacked")
	}
	if a.Staging != nil {
		m.add("staging", a.Staging.Output.Name, built[a.Staging].Key.Hex())
	}
	for _, s := range scriptsBefore(o) {
		m.add("work script", s.at)
	}
	for _, b := range a.earlier(built) {
		m.add("work folder", b.Output.String(), built[b].Key.Hex())
	}
	if d := a.DebugOf; d != nil {
		m.add("debug data", d.Output.String(), built[d].Key.Hex())
	}
	for _, l := range a.Levels {
		m.add("level", l.Output.String(), built[l].Key.Hex())
	}
	for _, env := range []struct {
		name string
		env  Environment
	}{{"build", a.Build}, {"host", a.Host}} {
		if err := r.environmentLines(ctx, env.name, env.env, built, &m); err != nil {
			return nil, err
		}
	}
	if err := r.externalLine(ctx, "external", "base", &m); err != nil {
		return nil, err
	}
	if err := r.optimizeLines(ctx, a, &m); err != nil {
		return nil, err
	}
	for _, d := range a.Record.Depends {
		m.add("depends", d)
	}
	for _, c := range a.Record.Constrains {
		m.add("constrains", c)
	}
	exports, err := json.Marshal(a.RunExports)
	m.add("run_exports", string(exports))
	if r.req.IncludeRecipe {
		m.add("include_recipe")
	}
	if a.Host.find("python") != nil || a.Build.find("python") != nil { // pip's direct_url.json was packaged once
		m.add("dist-info", "1")
	}
	if len(aboutExtra(o, nil)) > len(o.About.Extra) { // was left out once
		m.add("about", "extra")
	}
	for _, k := range sortedKeys(r.req.ExtraMeta) {
		m.add("extra_meta", k, r.req.ExtraMeta[k])
	}
	if err != nil {
		return nil, err
	}
	wider, err := r.widened(a)
	for _, l := range wider {
		m.add("widened", l)
	}
	for _, name := range sortedKeys(r.req.Widen.Env) {
		m.add("variable", name, digest.Of([]byte(r.req.Widen.Env[name])).Hex())
	}
	return m, err
}

// sourceLines names each source by content. A URL source is named by the recipe's own hash, so that
// nothing is fetched to find out that nothing is to be done.
func (r *runner) sourceLines(ctx context.Context, a *Action, m *Manifest) error {
	if !slices.ContainsFunc(a.Output.Sources, func(s recipes.Source) bool { return !pinned(s) }) {
		for i, s := range a.Output.Sources {
			m.add("source", fmt.Sprint(i), s.Hashes["sha256"])
		}
		r.attestationLines(a, m)
		return nil
	}
	fetched, err := r.fetch(ctx, a)
	if err != nil {
		return err
	}
	for i := range fetched {
		m.add("source", fmt.Sprint(i), fetched[i].Digest().Hex())
	}
	r.attestationLines(a, m)
	return nil
}

// hasWheel reports whether a meta.yaml's output has a wheel among its sources.
func hasWheel(o *recipes.Output) bool {
	return o.Recipe.Format == "meta.yaml" && slices.ContainsFunc(o.Sources, func(s recipes.Source) bool {
		return sources.IsWheel(s.FileName) || sources.IsWheel(s.Path) || slices.ContainsFunc(s.URLs, sources.IsWheel)
	})
}

// attestationLines name what attestations of sources are verified with. Who must have attested is among the
// rendered fields, so that to ask for it makes another build, which fetches and checks.
func (r *runner) attestationLines(a *Action, m *Manifest) {
	for i, s := range a.Output.Sources {
		if s.Attestation != nil {
			m.add("attestation", fmt.Sprint(i), "trusted root", r.req.TrustedRoot.Digest().Hex())
		}
	}
}

// pinned reports whether the recipe itself names the bytes of a source.
func pinned(s recipes.Source) bool { return len(s.URLs) > 0 && s.Hashes["sha256"] != "" }

func (r *runner) environmentLines(ctx context.Context, name string, env Environment, built map[*Action]*Built, m *Manifest) error {
	records := append([]*packages.Record(nil), env.Records...)
	sort.Slice(records, func(i, j int) bool { return records[i].Name < records[j].Name })
	for _, rec := range records {
		switch rec.Channel {
		case packages.ChannelExternal:
			if err := r.externalLine(ctx, name+" external", rec.Name, m); err != nil {
				return err
			}
		case packages.ChannelPlanned:
			b := built[r.byRecord[rec]]
			if b == nil {
				return fmt.Errorf("%s: not built yet", rec)
			}
			m.add(name, rec.String(), b.Content.Hex())
		default:
			m.add(name, rec.String(), rec.SHA256)
		}
	}
	return nil
}

func (r *runner) externalLine(ctx context.Context, kind, name string, m *Manifest) error {
	e, err := r.external(ctx, name)
	if err != nil {
		return err
	}
	var vars map[string]string // no variables are no variables, whoever says so
	if len(e.Env) > 0 {
		vars = e.Env
	}
	env, err := json.Marshal(vars)
	m.add(kind, e.Record.Name, e.Record.Version, e.Tree.Hex(), string(env))
	return err
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
