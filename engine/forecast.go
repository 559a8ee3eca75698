package engine

import (
	"context"
	"fmt"
	"strings"
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
		if err != nil && (!req.KeepGoing || ctx.Err() != nil) {
			return nil, fmt.Errorf("%s: %w", a.Output.Name, err)
		}
		if err != nil {
			f = Forecast{Action: a, Status: StatusBuilt, Reason: "cannot be told: " + err.Error()}
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
	for _, b := range a.Needed() {
		if built[b] == nil {
			name := b.Output.Name
			if b.Output.LevelOf != nil {
				name = b.Output.String()
			}
			waiting = append(waiting, name)
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
	if f.Built = r.recordedOf(a, f.Lines.ID()); f.Built != nil {
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

// Expected is how long each action took last time, in seconds; 0 for one that was never built here.
func Expected(req *Request, tools Tools, g *Graph) map[*Action]float64 {
	r := newRunner(req, tools, g, nil)
	all := make(map[*Action]float64, len(g.Actions))
	for _, a := range g.Actions {
		var old remembered
		if r.tools.Store.Result(rememberKey(r.req, a), &old) == nil {
			all[a] = old.Seconds
		}
	}
	return all
}
