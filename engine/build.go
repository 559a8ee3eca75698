package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"forge/digest"
	"forge/internal/diag"
	"forge/packages"
	"forge/recipes"
	"forge/sandbox"
	"forge/sources"
)

// job is one build while it runs.
type job struct {
	*runner
	a          *Action
	built      map[*Action]*Built // of what a needs
	key        digest.Digest
	site       *site
	log        *logFile
	fetched    []sources.Fetched
	env        map[string]string
	before     map[string]stamp // the prefix before the script
	staged     map[string]bool  // what of the prefix the staging output left
	work       *workState       // the work folder before the script, where others come after it
	debug      debugData        // that was split off
	fromLevels map[string]bool  // what of the package was built for higher CPU levels
	result     sandbox.Result
	ran        bool // a script ran, so result holds
	warnings   []string
	trace      *sandbox.Trace // what the scripts opened, where that was asked for
	inputs     *Inputs        // the same, judged
	inputsSum  digest.Digest
	recipe     []digest.Entry // see recipeEntries
}

// build makes a's package from nothing and records it. Whatever fails, nothing of it stays.
func (r *runner) build(ctx context.Context, a *Action, key digest.Digest, built map[*Action]*Built) (*Built, error) {
	start := r.tools.Now()
	j := &job{runner: r, a: a, built: built, key: key}
	err := a.Output.About.Check()
	if err != nil {
		return nil, diag.List{{Code: "bad-value", Pos: a.Output.Pos, Summary: err.Error()}}.Err()
	}
	if j.site, err = r.newSite(ctx, a.Output.Name, r.vary.layout()); err != nil {
		return nil, err
	}
	defer func() {
		if !r.req.KeepBuild {
			r.leave(j.site)
		}
	}()
	if j.log, err = r.openLog(a); err != nil {
		return nil, err
	}
	defer j.log.Close()
	for _, step := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"fetch", j.fetch}, {"environment", j.environments}, {"unpack", j.unpack}, {"build", j.script},
	} {
		j.phase(step.name)
		if err := step.run(ctx); err != nil {
			return nil, err
		}
	}
	j.phase("package")
	b, err := j.finish(ctx)
	if err != nil {
		return nil, err
	}
	b.Seconds = r.tools.Now().Sub(start).Seconds()
	return b, nil
}

func (j *job) phase(name string) {
	j.report(Event{Kind: EventPhase, Action: j.a, Phase: name})
}

func (j *job) warn(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	j.warnings = append(j.warnings, text)
	fmt.Fprintln(j.log, "forge: warning: "+text)
	j.report(Event{Kind: EventWarning, Action: j.a, Phase: "build", Text: text})
}

// note writes to the log what is good to know and no reason to look.
func (j *job) note(format string, args ...any) {
	fmt.Fprintln(j.log, "forge: "+fmt.Sprintf(format, args...))
}

func (j *job) fetch(ctx context.Context) (err error) {
	j.fetched, err = j.runner.fetch(ctx, j.a)
	return err
}

// environments links the build and host environments into their prefixes.
func (j *job) environments(ctx context.Context) error {
	if err := j.install(ctx, j.a.Host, j.built, j.site.prefix, j.site.at.prefix, j.warn); err != nil {
		return err
	}
	buildDir, buildPrefix := j.site.build, j.site.at.build
	if j.a.Output.Build.MergeBuildHost {
		buildDir, buildPrefix = j.site.prefix, j.site.at.prefix
	}
	err := j.install(ctx, j.a.Build, j.built, buildDir, buildPrefix, j.warn)
	if err != nil {
		return err
	}
	if err := j.showExternals(ctx, j.a.Build, buildDir, j.a.Output.Build.MergeBuildHost); err != nil {
		return err
	}
	// What is here now belongs to dependencies; all that comes later belongs to the package.
	j.before, err = snapshot(j.site.prefix)
	return err
}

// unpack lays out the sources, or what the staging output left, and applies patches.
func (j *job) unpack(ctx context.Context) error {
	python := ""
	if rec := j.a.Host.find("python"); rec != nil {
		python = rec.Version
	}
	j.env = scriptEnv(j.a.Output, j.site.at, python, j.req.CPUs, j.epoch())
	externals, err := j.externalsOf(ctx, j.a.Build, j.a.Host)
	if err != nil {
		return err
	}
	activate(j.env, externals)
	if _, err := optimizeFlags(j.env, j.a.Output, externals); err != nil {
		return err
	}
	j.req.Widen.fill(j.env)
	if j.a.Staging != nil {
		if err := j.restore(ctx, j.built[j.a.Staging]); err != nil {
			return fmt.Errorf("staging output %s: %w", j.a.Staging.Output.Name, err)
		}
		if err := j.countOwnOnly(); err != nil {
			return err
		}
	}
	more, err := j.tools.Fetcher.Unpack(ctx, j.fetched, j.site.work, j.site.extra)
	if err != nil {
		return fmt.Errorf("sources of %s: %w", j.a.Output.Name, err)
	}
	for name, value := range more {
		j.env[name] = strings.ReplaceAll(value, j.site.extra, j.site.at.extra)
	}
	if err := j.patch(ctx); err != nil {
		return err
	}
	return j.restoreWork(ctx)
}

// epoch is the newest time inside the sources, 1980 where there is none (contracts: Sources).
func (j *job) epoch() int64 {
	const none = 315532800
	epoch := int64(0)
	for _, f := range j.fetched {
		epoch = max(epoch, f.Epoch)
	}
	if j.a.DebugOf != nil {
		epoch = j.built[j.a.DebugOf].Epoch
	}
	if j.a.Staging != nil {
		epoch = max(epoch, j.built[j.a.Staging].Epoch)
	}
	if epoch <= 0 {
		return none
	}
	return epoch
}

// script runs the recipe's scripts in the sandbox.
func (j *job) script(ctx context.Context) error {
	if j.a.DebugOf != nil {
		return j.restoreDebug(ctx)
	}
	if len(j.a.Output.Build.Scripts) == 0 {
		return nil
	}
	err := j.workBeforeScript(ctx)
	if err != nil {
		return err
	}
	if j.result, err = j.run(ctx, j.a.Output.Build.Scripts); err != nil {
		return err
	}
	j.ran = true
	if j.result.ExitCode != 0 || j.result.KilledBy != "" {
		return j.scriptFailure(ctx, j.result)
	}
	return j.openAll()
}

// run runs scripts with the build's environment, in the work folder.
func (j *job) run(ctx context.Context, scripts []recipes.Script) (sandbox.Result, error) {
	spec, err := j.buildSpec(ctx, scripts)
	if err != nil {
		return sandbox.Result{}, err
	}
	lessThanFull(j.log, j.site.level)
	spec.Started = func(pid int) { j.report(Event{Kind: EventProcess, Action: j.a, PID: pid}) }
	spec.Measure = func(memory int64) { j.report(Event{Kind: EventMemory, Action: j.a, Done: memory}) }
	spec.Stdout, spec.Stderr, spec.Trace = j.log, j.log, j.req.TraceInputs
	if err := j.refuseNativeRust(&spec); err != nil {
		return sandbox.Result{}, err
	}
	jobs, err := j.shareJobs(&spec)
	if err != nil {
		return sandbox.Result{}, err
	}
	defer jobs.leave()
	result, err := j.tools.Runner.Run(ctx, spec)
	j.addTrace(result.Trace)
	result.Trace = nil
	if result.LimitedWhy != "" {
		fmt.Fprintln(j.log, "forge: limits: CPU time is of each process, not of all together, and memory is looked at four times a second: "+result.LimitedWhy)
	}
	return result, err
}

// buildSpec is the sandbox of the build, with everything but the command.
func (j *job) buildSpec(ctx context.Context, scripts []recipes.Script) (sandbox.Spec, error) {
	externals, err := j.externalsOf(ctx, j.a.Build, j.a.Host)
	if err != nil {
		return sandbox.Spec{}, err
	}
	j.site.calls = callsOf(externals)
	spec, err := j.spec(ctx, j.site, externals)
	if err != nil {
		return spec, err
	}
	recipe, err := j.recipeFolder(ctx)
	if err != nil {
		return spec, err
	}
	j.vary.apply(j.env, &spec)
	j.req.Widen.apply(&spec)
	if !spec.Level.Places() {
		j.site.at.recipe, j.env["RECIPE_DIR"] = recipe, recipe
	}
	spec.Mounts = append(spec.Mounts, sandbox.Mount{Source: recipe, Target: j.site.at.recipe})
	spec.Dir = j.site.at.work
	return spec, j.site.prepare(&spec, scripts, j.env, filepath.Base(j.a.Output.Recipe.File))
}

// recipeFolder is the recipe's folder as it was hashed.
func (j *job) recipeFolder(ctx context.Context) (string, error) {
	entries, err := j.recipeEntries()
	if err != nil {
		return "", err
	}
	return j.tools.Store.Materialize(ctx, entries)
}

// recipeEntries lists the recipe's folder as it was hashed, stored at the first call: the package holds what the
// script saw, whatever became of the folder meanwhile.
func (j *job) recipeEntries() ([]digest.Entry, error) {
	if j.recipe != nil {
		return j.recipe, nil
	}
	entries, err := j.importRecipe(j.a)
	if err != nil {
		return nil, err
	}
	if got := digest.Tree(entries); got != j.a.RecipeTree {
		return nil, fmt.Errorf("%s changed since the plan was made; run the build again", j.a.Output.Recipe.Dir)
	}
	j.recipe = entries
	return entries, nil
}

// finish makes the package, or the snapshot of a staging output, of what the script left.
func (j *job) finish(ctx context.Context) (*Built, error) {
	b := &Built{Key: j.key, Epoch: j.epoch(), RunExports: j.a.RunExports}
	switch {
	case j.ran:
		b.Isolation, b.PeakMemory = string(j.result.Isolation), j.result.PeakRSS
	case j.a.DebugOf != nil:
		b.Isolation = j.built[j.a.DebugOf].Isolation
	case j.a.Staging != nil:
		b.Isolation = j.built[j.a.Staging].Isolation
	}
	if err := j.seeInputs(ctx); err != nil {
		return nil, err
	}
	b.Inputs = j.inputsSum
	if err := j.keepWork(ctx, b); err != nil {
		return nil, fmt.Errorf("keep the work folder for the outputs that come after %s: %w", j.a.Output.Name, err)
	}
	if j.a.Output.Staging {
		var err error
		if b.Materials, err = j.sourceMaterials(); err != nil {
			return nil, err
		}
		return b, j.keepStaged(ctx, b)
	}
	m, err := j.stage(ctx)
	if err != nil {
		return nil, err
	}
	if err := j.keepDebug(b); err != nil {
		return nil, err
	}
	if err := j.write(ctx, m, b); err != nil {
		return nil, err
	}
	return b, j.state(ctx, m, b)
}

// write puts the archive of m into the store and reads back what a dependent can see of it.
func (j *job) write(ctx context.Context, m *packages.Manifest, b *Built) error {
	tmp := filepath.Join(j.site.dir, j.a.Output.String()+j.tools.Format.Extension())
	f, err := os.Create(tmp)
	if err != nil {
		return err
	}
	err = errors.Join(j.tools.Format.Write(ctx, m, f), f.Close())
	if err != nil {
		return fmt.Errorf("write %s: %w", j.a.Output, err)
	}
	pkg, err := j.tools.Format.Open(tmp)
	if err != nil {
		return err
	}
	defer pkg.Close()
	if b.Content, err = pkg.ContentDigest(); err != nil {
		return err
	}
	var size int64
	if b.Archive, size, err = j.tools.Store.Take(tmp); err != nil {
		return err
	}
	b.Record = m.Record
	b.Record.SHA256, b.Record.Size = b.Archive.Hex(), size
	b.FileName = j.a.Output.String() + j.tools.Format.Extension()
	b.Record.FileName = b.FileName
	return nil
}
