package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"

	"forge/internal/fsx"
	"forge/packages"
	"forge/platforms/toolchain"
	"forge/recipes"
	"forge/sandbox"
)

// Session is a build that was set up as far as its script and stays, to be worked on.
type Session struct {
	Dir string `json:"-"`

	Output    string            `json:"output"` // name-version-build
	Name      string            `json:"name"`
	Recipe    string            `json:"recipe"` // absolute
	Level     sandbox.Isolation `json:"isolation"`
	Env       map[string]string `json:"env"`
	Externals []string          `json:"externals"`
	Build     []string          `json:"build"` // exact specs of what is in the environments
	Host      []string          `json:"host"`
	Merged    bool              `json:"merge_build_and_host_envs,omitempty"`
	Sources   []SessionSource   `json:"sources"`
	Scripts   []recipes.Script  `json:"scripts"`
	Widen     Widening          `json:"widened,omitzero"`
}

// SessionSource is where a source lies in the work folder and in the recipe.
type SessionSource struct {
	TargetDirectory string   `json:"target_directory,omitempty"` // below the work folder
	Patches         []string `json:"patches,omitempty"`
	Line            int      `json:"line"` // of the recipe file
}

const sessionFile = "session.json"

// WorkDir is the folder of the unpacked sources; PristineDir holds them as they were.
func (s *Session) WorkDir() string     { return filepath.Join(s.Dir, "work") }
func (s *Session) pristineDir() string { return filepath.Join(s.Dir, "pristine") }

// SetUp builds what target needs, sets its build up as far as the script, and leaves it in dir, in the
// place of what was there.
func SetUp(ctx context.Context, req *Request, tools Tools, g *Graph, target *Action, dir string, report func(Event)) (s *Session, err error) {
	r := newRun(req, tools, g, report)
	if err := r.dependencies(ctx, g, target); err != nil {
		return nil, err
	}
	if err := fsx.RemoveAll(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil { // it may hold variables of the caller
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, fsx.RemoveAll(dir))
		}
	}()
	j := &job{runner: r.runner, a: target, built: r.built}
	level, err := r.level(ctx)
	if err != nil {
		return nil, err
	}
	if j.site, err = makeSite(dir, level, insideLayout()); err != nil {
		return nil, err
	}
	if j.log, err = createLog(filepath.Join(dir, "setup.log")); err != nil {
		return nil, err
	}
	defer j.log.Close()
	for _, step := range []struct {
		name string
		run  func(context.Context) error
	}{{"fetch", j.fetch}, {"environment", j.environments}, {"unpack", j.unpack}} {
		j.phase(step.name)
		if err := step.run(ctx); err != nil {
			return nil, err
		}
	}
	if s, err = j.session(ctx, dir); err != nil {
		return nil, err
	}
	return s, s.save()
}

// session writes down what it takes to go on later.
func (j *job) session(ctx context.Context, dir string) (*Session, error) {
	o := j.a.Output
	recipe, err := j.recipeFolder(ctx)
	if err != nil {
		return nil, err
	}
	if err := os.CopyFS(filepath.Join(dir, "recipe"), os.DirFS(recipe)); err != nil {
		return nil, err
	}
	if !j.site.level.Places() {
		j.site.at.recipe = filepath.Join(dir, "recipe")
	}
	j.env["RECIPE_DIR"] = j.site.at.recipe
	s := &Session{Dir: dir, Output: o.String(), Name: o.Name, Recipe: absoluteRecipe(j.req, o), Level: j.site.level, Env: j.env,
		Build: exactSpecs(j.a.Build), Host: exactSpecs(j.a.Host), Merged: o.Build.MergeBuildHost, Scripts: o.Build.Scripts, Widen: j.req.Widen}
	for _, env := range []Environment{j.a.Build, j.a.Host} {
		for _, rec := range env.Records {
			if rec.Channel == packages.ChannelExternal {
				s.Externals = append(s.Externals, rec.Name)
			}
		}
	}
	for _, source := range o.Sources {
		s.Sources = append(s.Sources, SessionSource{TargetDirectory: source.TargetDirectory, Patches: source.Patches, Line: source.Pos.Line})
	}
	return s, os.CopyFS(s.pristineDir(), os.DirFS(s.WorkDir()))
}

func absoluteRecipe(req *Request, o *recipes.Output) string {
	if filepath.IsAbs(o.Recipe.File) {
		return o.Recipe.File
	}
	return filepath.Join(req.WorkDir, o.Recipe.File)
}

func exactSpecs(env Environment) []string {
	list := []string{}
	for _, r := range env.Records {
		list = append(list, exactSpec(r))
	}
	return list
}

func (s *Session) save() error {
	data, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		return err
	}
	return fsx.WriteFile(filepath.Join(s.Dir, sessionFile), data, 0o600)
}

// OpenSession reads the session in dir.
func OpenSession(dir string) (*Session, error) {
	data, err := os.ReadFile(filepath.Join(dir, sessionFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no build is set up in %s: run forge debug setup", dir)
	}
	if err != nil {
		return nil, err
	}
	s := &Session{Dir: dir}
	if err := json.Unmarshal(data, s); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, sessionFile), err)
	}
	return s, nil
}

// FindSession looks for the session that the folder at lies in.
func FindSession(at string) (*Session, error) {
	for dir := at; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, sessionFile)); err == nil {
			return OpenSession(dir)
		}
		if dir == filepath.Dir(dir) {
			return nil, fmt.Errorf("%s is not in a build that was set up: run forge debug setup", at)
		}
	}
}

// Run runs a command in the session: in the sandbox of the build, with its environment.
func (s *Session) Run(ctx context.Context, req *Request, tools Tools, e Entry) (sandbox.Result, error) {
	r := newRunner(req, tools, &Graph{}, nil)
	var externals []*toolchain.External
	for _, name := range unique(append([]string{toolchain.Base}, s.Externals...)) {
		found, err := r.external(ctx, name)
		if err != nil {
			return sandbox.Result{}, err
		}
		externals = append(externals, found)
	}
	site := siteAt(s.Dir, s.Level, insideLayout())
	if !s.Level.Places() {
		site.at.recipe = filepath.Join(s.Dir, "recipe")
	}
	spec, err := r.spec(ctx, site, externals)
	if err != nil {
		return sandbox.Result{}, err
	}
	s.Widen.apply(&spec)
	spec.Mounts = append(spec.Mounts, sandbox.Mount{Source: filepath.Join(s.Dir, "recipe"), Target: site.at.recipe})
	spec.Dir = site.at.work
	if err := e.enter(&spec, site, s); err != nil {
		return sandbox.Result{}, err
	}
	return tools.Runner.Run(ctx, spec)
}

// Add installs more packages beside what is in an environment of the session already, which stays as it
// is, and returns what came.
func (s *Session) Add(ctx context.Context, req *Request, tools Tools, host bool, specs []string) ([]string, error) {
	tools.Lock = nil
	have, site := &s.Build, siteAt(s.Dir, s.Level, insideLayout())
	dir, prefix := site.build, site.at.build
	if host || s.Merged {
		dir, prefix = site.prefix, site.at.prefix
	}
	if host {
		have = &s.Host
	}
	kind := toolsKind
	if host {
		kind = testKind
	}
	p := newPlanner(ctx, req, tools)
	env, err := p.forTests(&Action{Output: outputOf(req, &packages.Record{Name: s.Name})}).environment(kind, slices.Concat(*have, specs))
	if err != nil {
		return nil, err
	}
	r := newRunner(req, tools, &Graph{}, nil)
	var added []string
	for _, rec := range env.Records {
		spec := exactSpec(rec)
		if slices.Contains(*have, spec) {
			continue
		}
		if rec.Channel == packages.ChannelExternal {
			s.Externals = append(s.Externals, rec.Name)
			e, err := r.external(ctx, rec.Name)
			if err != nil {
				return nil, err
			}
			activate(s.Env, []*toolchain.External{e})
		} else if _, err := r.installOne(ctx, rec, nil, dir, prefix, pythonOf(env), nil); err != nil {
			return nil, fmt.Errorf("install %s: %w", rec, err)
		}
		*have = append(*have, spec)
		added = append(added, rec.String())
	}
	return added, s.save()
}

func pythonOf(env Environment) string {
	if rec := env.find("python"); rec != nil {
		return majorMinor(rec.Version)
	}
	return ""
}

// Change is a file of the work folder that is not as it was unpacked. Old is nil of a new one, New of one
// that is gone.
type Change struct {
	Source   int    // index in Session.Sources
	Path     string // below that source's folder, slash separated
	Old, New []byte
}

// Changes lists what was changed in the work folder below dir (absolute; the whole of it where dir is
// empty), sorted. Links and folders are no changes.
func (s *Session) Changes(dir string) ([]Change, error) {
	if dir == "" {
		dir = s.WorkDir()
	}
	below, err := filepath.Rel(s.WorkDir(), dir)
	if err != nil || !filepath.IsLocal(below) {
		return nil, fmt.Errorf("%s is not in the work folder %s", dir, s.WorkDir())
	}
	old, err := textsBelow(s.pristineDir(), below)
	if err != nil {
		return nil, err
	}
	now, err := textsBelow(s.WorkDir(), below)
	if err != nil {
		return nil, err
	}
	var list []Change
	for _, path := range sortedKeys(now) {
		if before, ok := old[path]; !ok || string(before) != string(now[path]) {
			list = append(list, s.change(path, before, now[path]))
		}
	}
	for _, path := range sortedKeys(old) {
		if _, still := now[path]; !still {
			list = append(list, s.change(path, old[path], nil))
		}
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].Source < list[j].Source })
	return list, nil
}

// change finds the source that a path belongs to: the one in the innermost folder.
func (s *Session) change(path string, before, now []byte) Change {
	c := Change{Path: path, Old: before, New: now}
	longest := -1
	for i, source := range s.Sources {
		folder := filepath.ToSlash(filepath.Clean(filepath.Join("/", source.TargetDirectory)))[1:]
		rel := path
		if folder != "" {
			var err error
			if rel, err = filepath.Rel(folder, path); err != nil || !filepath.IsLocal(rel) {
				continue
			}
		}
		if len(folder) > longest {
			longest, c.Source, c.Path = len(folder), i, filepath.ToSlash(rel)
		}
	}
	return c
}

// mostPatched is the longest file that can be patched.
const mostPatched = 64 << 20

// textsBelow reads the regular files below a part of root, by their path from root.
func textsBelow(root, below string) (map[string][]byte, error) {
	files := map[string][]byte{}
	err := filepath.WalkDir(filepath.Join(root, below), func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil || info.Size() > mostPatched {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if data == nil {
			data = []byte{}
		}
		files[filepath.ToSlash(rel)] = data
		return err
	})
	return files, err
}
