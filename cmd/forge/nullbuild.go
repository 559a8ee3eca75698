package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"forge/channels"
	"forge/digest"
	"forge/engine"
	"forge/internal/diag"
	"forge/internal/fsx"
	"forge/internal/plain"
	"forge/recipes"
	"forge/sandbox"
	"forge/store"
)

// lastRun is a build's memory of the run before it that was asked for the same. A run that finds all of
// that run's files as they were has nothing to do, and says again what that run said; it reads nothing
// else. Whatever is out of the ordinary leads to an ordinary build.
type lastRun struct {
	app      *app
	store    *store.Store
	id       digest.Digest
	patterns []string
	before   map[string]fsx.Stamp // the output folder's packages when the run began

	mu       sync.Mutex
	warnings []string // of the run, those that every run will give
	asked    bool     // a recipe asked a repository, which nobody watches
}

// What a record holds beside the paths.
const (
	textTable = 't' // the closing table, as lines
	textJSON  = 'j' // the same for --json
	textNotes = 'n' // warnings and notes of the recipes
	textWarn  = 'w' // warnings of the run
	textAsked = 'a' // what servers of channels were asked for
)

// lastRunOf is the memory for a request that lacks only its recipes; nil where this run is to be an
// ordinary one in any case, because more is wanted of it than its packages.
func (a *app) lastRunOf(ctx context.Context, req *engine.Request, f *buildFlags, args []string, reports buildReports) (*lastRun, error) {
	patterns := f.patterns(args)
	widened, err := plain.Of(req.Widen)
	if names, ok := widened.(map[string]any); err != nil || !ok || len(names) > 0 || len(req.Widen.Env) > 0 || req.Emulate {
		return nil, nil // it depends on more of the machine than is watched
	}
	if reports != (buildReports{}) || req.KeepBuild || req.TraceInputs || req.SkipExisting != "" || a.global.logStyle == "json" || slices.Contains(patterns, "-") {
		return nil, nil
	}
	for _, c := range req.Channels {
		if _, ok := channels.Watched(c, nil); !ok && !channels.OnServer(c) {
			return nil, nil
		}
	}
	st, err := a.open(req.CacheDir)
	if err != nil {
		return nil, err
	}
	level, err := engine.Level(ctx, req, engine.Tools{Store: st, Runner: sandbox.New(time.Now)})
	if err != nil {
		return nil, err
	}
	program, err := thisProgram()
	if err != nil {
		return nil, nil
	}
	fields, err := plain.Of(map[string]any{
		"request": req, "flags": fmt.Sprintf("%+v", *f), "patterns": patterns, "workspace": a.space.dir, "forge.hcl": a.space.sum, "configuration": a.config,
		"level": level, "program": program,
	})
	if err != nil {
		return nil, err
	}
	asked, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	return &lastRun{app: a, store: st, id: digest.Of(asked), patterns: patterns}, nil
}

// repeat says again what the last run said, if nothing that it depended on has changed since.
func (l *lastRun) repeat(ctx context.Context, req *engine.Request, asJSON bool) (done bool, err error) {
	if l == nil {
		return false, nil
	}
	run, err := l.store.LastRun(l.id)
	if err == nil {
		err = l.askAgain(ctx, req, run.Text(textAsked))
	}
	if err == nil {
		err = run.Unchanged()
	}
	if err != nil {
		l.app.detail("an ordinary build: %v", err)
		return false, nil
	}
	var notes []savedNote
	var warnings []string
	if json.Unmarshal(run.Text(textNotes), &notes) != nil || json.Unmarshal(run.Text(textWarn), &warnings) != nil {
		return false, nil
	}
	l.app.detail("nothing to do: %d paths are as the last run left them", run.Watched())
	var list diag.List
	for _, n := range notes {
		n.Diagnostic.Line = n.Text
		list = append(list, n.Diagnostic)
	}
	if !l.app.global.quiet {
		l.app.printList(list)
	}
	p := l.app.newProgress(0)
	for _, text := range warnings {
		p.line("warning", "warning", text, engine.Event{})
	}
	p.flush()
	p.close()
	run.Used(time.Now())
	l.app.sweep(ctx, l.store)
	switch {
	case asJSON:
		_, err = l.app.stdout.Write(run.Text(textJSON))
	case !l.app.global.quiet:
		err = l.app.writeUnchanged(run.Text(textTable))
	}
	return true, err
}

// askAgain brings the copies of what servers of channels have up to date: afterwards their stamps tell.
func (l *lastRun) askAgain(ctx context.Context, req *engine.Request, text []byte) error {
	var asked []channels.Asked
	if err := json.Unmarshal(text, &asked); err != nil {
		return err
	}
	return l.app.channelLoader(req).AskAgain(ctx, asked)
}

// watchServers watches the copies of what servers of channels were asked for.
func watchServers(req *engine.Request, set engine.Channels) (asked []channels.Asked, watch []store.Watch, err error) {
	if !slices.ContainsFunc(req.Channels, channels.OnServer) {
		return nil, nil, nil
	}
	opened, ok := set.(*channelSet)
	if !ok {
		return nil, nil, errors.New("nobody noted what the servers of channels were asked for")
	}
	asked = opened.loader.Asked()
	for i, a := range asked {
		switch {
		case a.Absent:
		case a.Stamp == fsx.Stamp{}:
			return nil, nil, fmt.Errorf("the copy of %s cannot be watched", a.Path)
		default:
			watch = append(watch, store.Watch{Path: a.Path, How: store.Same, Stamp: &asked[i].Stamp})
		}
	}
	return asked, watch, nil
}

// writeUnchanged writes a table all of whose packages are reused.
func (a *app) writeUnchanged(table []byte) error {
	if !isTerminal(a.stdout) && !a.coloured(a.stdout) {
		_, err := a.stdout.Write(table)
		return err
	}
	lines := strings.Split(strings.TrimSuffix(string(table), "\n"), "\n")
	a.paintTable(lines[:len(lines)-1], func(int) string { return string(engine.StatusReused) })
	_, err := fmt.Fprintln(a.stdout, lines[len(lines)-1])
	return err
}

// event notes what the next run would say, too.
func (l *lastRun) event(e engine.Event) {
	if l != nil && e.Kind == engine.EventWarning && e.Phase == "" {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.warnings = append(l.warnings, warningText(e))
	}
}

// begin notes how the output folder is before the run, and from now on whether a recipe asks a repository.
func (l *lastRun) begin(req *engine.Request) {
	if l == nil {
		return
	}
	l.before, _ = outputStamps(req, nil)
	if open := req.Git; open != nil {
		req.Git = func(ctx context.Context) recipes.Repositories { return askedRepositories{open(ctx), l} }
	}
}

// askedRepositories notes that it was asked.
type askedRepositories struct {
	of  recipes.Repositories
	run *lastRun
}

func (r askedRepositories) note() {
	r.run.mu.Lock()
	defer r.run.mu.Unlock()
	r.run.asked = true
}

// HeadRev implements recipes.Repositories.
func (r askedRepositories) HeadRev(repository, recipeDir string) (string, error) {
	r.note()
	return r.of.HeadRev(repository, recipeDir)
}

// LatestTag implements recipes.Repositories.
func (r askedRepositories) LatestTag(repository, recipeDir string) (recipes.Tag, error) {
	r.note()
	return r.of.LatestTag(repository, recipeDir)
}

// outputStamps are the stamps of the packages in those subdirs of the output folder that the run reads or
// writes.
func outputStamps(req *engine.Request, outcomes []*engine.Outcome) (map[string]fsx.Stamp, error) {
	all := map[string]fsx.Stamp{}
	for _, subdir := range outputSubdirs(req, outcomes) {
		stamps, err := channels.PackageStamps(req.OutputDir, subdir)
		if err != nil {
			return nil, err
		}
		maps.Copy(all, stamps)
	}
	return all, nil
}

func outputSubdirs(req *engine.Request, outcomes []*engine.Outcome) []string {
	names := append(channelSubdirs(req), req.TargetPlatform.String())
	for _, o := range outcomes {
		names = append(names, o.Action.Output.Subdir())
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// keep records a run in which all went well. What hinders it only costs the next run some time.
func (l *lastRun) keep(req *engine.Request, tools engine.Tools, g *engine.Graph, outcomes []*engine.Outcome) {
	if l == nil {
		return
	}
	if err := l.tryKeep(req, tools, g, outcomes); err != nil {
		l.app.detail("the next build will be an ordinary one: %v", err)
	}
}

func (l *lastRun) tryKeep(req *engine.Request, tools engine.Tools, g *engine.Graph, outcomes []*engine.Outcome) error {
	if jump := clockJump(l.app.began, time.Now()); jump > 5*time.Millisecond {
		return fmt.Errorf("the clock was set by %s", jump)
	}
	if l.asked {
		return errors.New("a recipe depends on the state of a repository")
	}
	watch, err := l.watchOutput(req, outcomes)
	if err != nil {
		return err
	}
	more, facts, err := engine.Watch(req, tools, g, outcomes, l.patterns)
	if err != nil {
		return err
	}
	watch = append(watch, more...)
	asked, copies, err := watchServers(req, tools.Channels)
	if err != nil {
		return err
	}
	watch = append(watch, copies...)
	for _, c := range req.Channels {
		paths, _ := channels.Watched(c, channelSubdirs(req))
		watch = append(watch, watchAll(paths)...)
	}
	keys, err := os.ReadDir(req.KeyDir)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if k.Type().IsRegular() {
			watch = append(watch, store.Watch{Path: filepath.Join(req.KeyDir, k.Name()), How: store.Content})
		}
	}
	texts, err := l.texts(req, outcomes)
	if err != nil {
		return err
	}
	if texts[textAsked], err = json.Marshal(append([]channels.Asked{}, asked...)); err != nil {
		return err
	}
	return l.store.KeepRun(store.RunRecord{ID: l.id, Began: l.app.began, Watch: watch, Facts: facts, Texts: texts})
}

// clockJump is by how much the wall clock was set between two times of this process.
func clockJump(from, to time.Time) time.Duration {
	return (to.Round(0).Sub(from.Round(0)) - to.Sub(from)).Abs()
}

// watchAll watches paths that are there, and those that may come.
func watchAll(paths []string) []store.Watch {
	var list []store.Watch
	for _, path := range paths {
		how := store.Followed
		if _, err := fsx.StampOf(path, true); err != nil {
			how = store.Absent
		}
		list = append(list, store.Watch{Path: path, How: how})
	}
	return list
}

// watchOutput watches the output folder, which is a channel that the run read and wrote: its index, and
// the packages that are not the run's own. It is an error if anybody else wrote there meanwhile.
func (l *lastRun) watchOutput(req *engine.Request, outcomes []*engine.Outcome) ([]store.Watch, error) {
	paths, _ := channels.Watched(req.OutputDir, outputSubdirs(req, outcomes))
	var list []store.Watch
	for _, w := range watchAll(paths[1:]) {
		stamp, err := fsx.StampOf(w.Path, true)
		if err == nil {
			w.Stamp, w.Own = &stamp, true // taken before the packages are listed: what comes later differs
		}
		list = append(list, w)
	}
	now, err := outputStamps(req, outcomes)
	if err != nil {
		return nil, err
	}
	if l.before == nil {
		return nil, errors.New("the output folder could not be read")
	}
	others := maps.Clone(l.before)
	for _, o := range outcomes {
		delete(now, o.Path)
		delete(others, o.Path)
	}
	if !maps.Equal(now, others) {
		return nil, errors.New("somebody else wrote into the output folder")
	}
	for _, path := range slices.Sorted(maps.Keys(now)) {
		list = append(list, store.Watch{Path: path, How: store.Same})
	}
	return list, nil
}

// savedNote is a diagnostic with the line that it shows.
type savedNote struct {
	diag.Diagnostic
	Text string `json:"text"`
}

// texts is what the next run says if it finds nothing to do: all packages reused, in no time.
func (l *lastRun) texts(req *engine.Request, outcomes []*engine.Outcome) (map[byte][]byte, error) {
	again := make([]*engine.Outcome, len(outcomes))
	for i, o := range outcomes {
		c := *o
		c.Status, c.Seconds = engine.StatusReused, 0
		again[i] = &c
	}
	var document bytes.Buffer
	if err := writeJSON(&document, jsonTable(req, again, engine.ReusedSummary(req, again))); err != nil {
		return nil, err
	}
	saved := []savedNote{}
	for _, d := range l.app.notes {
		saved = append(saved, savedNote{d, d.Line})
	}
	said, err := json.Marshal(saved)
	if err != nil {
		return nil, err
	}
	slices.Sort(l.warnings)
	warned, err := json.Marshal(append([]string{}, l.warnings...))
	if err != nil {
		return nil, err
	}
	table := strings.Join(append(tableLines(again), closingLine(again)), "\n") + "\n"
	return map[byte][]byte{textTable: []byte(table), textJSON: document.Bytes(), textNotes: said, textWarn: warned}, nil
}

// detail says something that only matters to who asks with -v.
func (a *app) detail(format string, args ...any) {
	if a.global.verbose > 0 {
		a.say("detail", fmt.Sprintf(format, args...))
	}
}
