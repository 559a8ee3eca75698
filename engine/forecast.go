package engine

import (
	"context"
	"fmt"
	"strings"

	"forge/packages"
)

// Forecast says what a run would do with one action, and why.
type Forecast struct {
	Action *Action
	Status Status // StatusReused or StatusBuilt
	Reason string
	Lines  Manifest // what is hashed; empty where a dependency is not known yet
	Diff   []string // against the last build of this output
	Built  *Built   // of a reused one
}

// Foresee says for every action of g whether it would be built; nothing is run or written but sources
// and externals that have to be read to know.
func Foresee(ctx context.Context, req *Request, tools Tools, g *Graph) ([]Forecast, error) {
	r := newRunner(req, tools, g, nil)
	built := map[*Action]*Built{}
	var list []Forecast
	for _, a := range g.Actions {
		f, err := r.foresee(ctx, a, built)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", a.Output.Name, err)
		}
		if f.Built != nil {
			built[a] = f.Built
		}
		list = append(list, f)
	}
	return list, nil
}

func (r *runner) foresee(ctx context.Context, a *Action, built map[*Action]*Built) (Forecast, error) {
	f := Forecast{Action: a, Status: StatusBuilt}
	var waiting []string
	for _, b := range a.Needs {
		if built[b] == nil {
			waiting = append(waiting, b.Output.Name)
		}
	}
	if len(waiting) > 0 {
		f.Reason = "built after " + strings.Join(waiting, ", ") + "; reused if their content stays the same"
		return f, nil
	}
	var err error
	if f.Lines, err = r.manifest(ctx, a, built); err != nil {
		return f, err
	}
	if f.Built = r.recorded(f.Lines.ID()); f.Built != nil {
		f.Status, f.Reason = StatusReused, "nothing that it is made of changed"
		return f, nil
	}
	var old remembered
	if r.tools.Store.Result(rememberKey(r.req, a), &old) != nil {
		f.Reason = "was never built here"
		return f, nil
	}
	f.Diff = f.Lines.Diff(old.Lines)
	f.Reason = changeReason(f.Diff)
	return f, nil
}

// changeReason names the kinds of lines that changed, for one line of text.
func changeReason(diff []string) string {
	if len(diff) == 0 {
		return "its result is no longer in the store"
	}
	var what []string
	for _, l := range diff {
		fields := strings.SplitN(l[2:], " ", 3)
		word := fields[0]
		if len(fields) > 1 && (word == "build" || word == "host" || word == "external") {
			word += " " + strings.Trim(strings.Replace(fields[1], "external", "", 1), `" `)
			if fields[1] == "external" && len(fields) > 2 {
				name, _, _ := strings.Cut(strings.TrimPrefix(fields[2], `"`), `"`)
				word = "external " + name
			}
		}
		what = append(what, word)
	}
	return "changed: " + strings.Join(unique(what), ", ")
}

// lockOf lists a record for a lock file: channel records by URL and sha256, outputs of this run by name.
func lockOf(r *packages.Record) string {
	switch r.Channel {
	case packages.ChannelPlanned:
		return "output " + r.Name + " " + r.Version + " " + r.Build
	case packages.ChannelExternal:
		return "external " + r.Name + " " + r.Version
	}
	url := r.URL
	if url == "" {
		url = r.Channel + "/" + r.Subdir + "/" + r.FileName
	}
	return url + " sha256:" + r.SHA256
}

// Lock is the text of forge.lock: every solved environment, sorted, one record a line, so that a
// change of one dependency is a change of one line.
func (g *Graph) Lock() string {
	var b strings.Builder
	b.WriteString("# forge.lock 1: solved environments; written by forge lock, read by people and diff\n")
	for _, a := range g.Actions {
		fmt.Fprintf(&b, "\n[%s/%s]\n", a.Output.Subdir(), a.Output)
		for _, env := range []struct {
			name string
			Environment
		}{{"build", a.Build}, {"host", a.Host}} {
			lines := []string{}
			for _, r := range env.Records {
				lines = append(lines, lockOf(r))
			}
			for _, l := range unique(lines) {
				fmt.Fprintf(&b, "%s %s\n", env.name, l)
			}
		}
		for _, d := range a.Record.Depends {
			fmt.Fprintf(&b, "run %s\n", d)
		}
	}
	return b.String()
}
