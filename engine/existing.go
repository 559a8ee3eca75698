package engine

import (
	"fmt"
	"path/filepath"
	"slices"

	"forge/packages"
	"forge/recipes"
)

// SkipExisting says where a package may be for its output not to be built.
type SkipExisting string

// The places: nowhere, the output folder, or any channel of the request.
const (
	SkipNone  SkipExisting = "none"
	SkipLocal SkipExisting = "local"
	SkipAll   SkipExisting = "all"
)

// Existing is an output that is not built because a channel has its package: the same name, version,
// build string and subdir. Its bytes may come of other inputs; that is what --skip-existing accepts.
type Existing struct {
	Output *recipes.Output
	Record *packages.Record
	Where  string // the channel; a folder as seen from the working folder
}

// errExists is why an existing package has no result of this run.
type errExists struct{ channel string }

func (e errExists) Error() string { return "exists in " + e.channel }

// IsExisting reports whether err only says that the package was there (--skip-existing).
func IsExisting(err error) bool {
	_, ok := err.(errExists)
	return ok
}

// seen is a channel as people call it from the working folder.
func (p *planner) seen(channel string) string {
	if rel, err := filepath.Rel(p.req.WorkDir, channel); err == nil && filepath.IsAbs(channel) && filepath.IsLocal(rel) {
		return filepath.ToSlash(rel)
	}
	return channel
}

// ExistingOutcomes are the rows of what is not built because it exists.
func (g *Graph) ExistingOutcomes() []*Outcome {
	var list []*Outcome
	for _, e := range g.Existing {
		list = append(list, &Outcome{Action: &Action{Output: e.Output, Record: *e.Record}, Status: StatusSkipped, Err: errExists{e.Where}})
	}
	return list
}

// existing finds the package of an output in the channels that the request names for that.
func (p *planner) existing(o *recipes.Output) (*packages.Record, error) {
	if o.Staging || p.req.SkipExisting != SkipLocal && p.req.SkipExisting != SkipAll {
		return nil, nil
	}
	records, err := p.tools.Channels.Candidates(o.Name)
	if err != nil {
		return nil, fmt.Errorf("look for %s: %w", o, err)
	}
	for _, r := range records {
		if r.Version == o.Version && r.Build == o.BuildString && r.Subdir == o.Subdir() &&
			(p.req.SkipExisting == SkipAll || r.Channel == p.req.OutputDir) && belongs(p.req.ChannelPackages, r.Channel, r.Name) {
			return r, nil
		}
	}
	return nil, nil
}

// skipExisting takes the outputs out of the run whose package exists. The package stands in for the
// output: dependents are solved with it as with an output of this run, ahead of every channel.
func (p *planner) skipExisting(outputs []*recipes.Output) ([]*recipes.Output, error) {
	var kept []*recipes.Output
	for _, o := range outputs {
		r, err := p.existing(o)
		if err != nil {
			return nil, err
		}
		if r == nil {
			kept = append(kept, o)
			continue
		}
		p.graph.Existing = append(p.graph.Existing, Existing{o, r, p.seen(r.Channel)})
		standIn := *r
		standIn.Channel = packages.ChannelPlanned
		p.standIns[&standIn] = r
		p.from.planned[o.Name] = append(p.from.planned[o.Name], &standIn)
	}
	if len(p.graph.Existing) == 0 {
		return kept, nil
	}
	// A staging output is only built for those that start from it.
	return slices.DeleteFunc(kept, func(o *recipes.Output) bool {
		return o.Staging && !slices.ContainsFunc(kept, func(k *recipes.Output) bool { return k.InheritFrom == o })
	}), nil
}

// dropUnused leaves, of what exists, what was asked for by name or is used.
func (g *Graph) dropUnused(wanted []string) {
	used := map[*packages.Record]bool{}
	for _, a := range g.Actions {
		for _, env := range a.environments() {
			for _, r := range env.Records {
				used[r] = true
			}
		}
	}
	g.Existing = slices.DeleteFunc(g.Existing, func(e Existing) bool { return !used[e.Record] && !slices.Contains(wanted, e.Output.Name) })
}

// real puts the channels' records in place of those that stood in for them.
func (p *planner) real(records []*packages.Record) []*packages.Record {
	for i, r := range records {
		if channel := p.standIns[r]; channel != nil {
			records[i] = channel
		}
	}
	return records
}
