package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"forge/internal/fsx"
	"forge/recipes"
	"forge/sources"
	"forge/store"
	"forge/trust"
)

// Watch lists the paths that a run depended on, beside its request and what the caller knows of channels
// and keys: as long as they stay as they are, the same request would find nothing to do. The error says
// why there is no such list: what a source without a hash of its own is, only fetching can tell. facts are
// those of records that were held against the paths in this run.
func Watch(req *Request, tools Tools, g *Graph, outcomes []*Outcome, patterns []string) (list []store.Watch, facts [][]byte, err error) {
	w := &watcher{req: req, seen: map[store.Watch]bool{}}
	for _, step := range []func() error{
		func() error { return w.recipes(g, patterns) },
		func() error { return w.sources(g) },
		func() error { return w.externals(tools) },
		func() error { return w.packages(tools.Store, outcomes) },
	} {
		if err := step(); err != nil {
			return nil, nil, err
		}
	}
	for _, file := range req.VariantFiles {
		w.path(file)
	}
	w.look(req.LockFile, tools.Lock != nil)
	return w.list, w.facts, nil
}

// watcher collects what to watch, each once.
type watcher struct {
	req   *Request
	list  []store.Watch
	facts [][]byte
	seen  map[store.Watch]bool
}

func (w *watcher) add(path string, how store.How) {
	at := store.Watch{Path: here(w.req.WorkDir, path), How: how}
	if !w.seen[at] {
		w.seen[at] = true
		w.list = append(w.list, at)
	}
}

// here is path as seen from the working folder if it lies below it: the kernel has less to walk then.
func here(wd, path string) string {
	if rel, err := filepath.Rel(wd, path); err == nil && filepath.IsAbs(path) && filepath.IsLocal(rel) {
		return rel
	}
	return path
}

// look watches a path that was looked at, and what it leads to.
func (w *watcher) look(path string, there bool) {
	if !there {
		w.add(path, store.Absent)
		return
	}
	w.path(path)
}

// path watches a path that was there, and where it is a link, what that leads to.
func (w *watcher) path(path string) {
	for _, at := range store.LookedAt(path, true) {
		w.add(at.Path, at.How)
	}
}

// recipes watches the folders that were searched for recipes, and all of the recipes' own.
func (w *watcher) recipes(g *Graph, patterns []string) error {
	searched, err := recipes.Searched(patterns, w.req.WorkDir)
	if err != nil {
		return err
	}
	for _, path := range searched {
		w.path(path)
	}
	dirs := map[string]bool{}
	for _, file := range w.req.Recipes {
		dirs[filepath.Dir(absoluteFrom(w.req.WorkDir, file))] = true
	}
	for _, a := range g.Actions {
		dirs[absoluteFrom(w.req.WorkDir, a.Output.Recipe.Dir)] = true
	}
	for _, dir := range sortedKeys(dirs) {
		if err := w.folder(dir); err != nil {
			return err
		}
	}
	return nil
}

func absoluteFrom(wd, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(wd, path)
}

// folder watches all of a recipe's folder that counts.
func (w *watcher) folder(dir string) error {
	skip := recipeSkip(w.req, dir)
	w.path(dir)
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return err
	}
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		switch {
		case err != nil:
			return err
		case rel != "." && skip(filepath.ToSlash(rel), d):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.Type()&fs.ModeSymlink != 0 {
			w.path(path)
		} else {
			w.add(path, store.Same)
		}
		return nil
	})
}

// sources watches the files of those that lie on this machine, and refuses others that are not pinned by
// their recipe.
func (w *watcher) sources(g *Graph) error {
	for _, a := range g.Actions {
		for _, s := range a.Output.Sources {
			if sources.Fixed(s) {
				continue
			}
			list, ok, err := sources.LookedAt(a.Output.Recipe.Dir, s, []string{w.req.OutputDir, w.req.CacheDir})
			if err != nil {
				return err
			}
			if !ok {
				return fmt.Errorf("%s has a source whose content the recipe does not name", a.Output.Name)
			}
			for _, at := range list {
				w.look(at.Path, at.There)
			}
		}
	}
	return nil
}

// externals watches the files of the host that were looked at.
func (w *watcher) externals(tools Tools) error {
	paths, facts, all := tools.Externals.Looked()
	if !all {
		return errors.New("an external of the workspace is found by patterns")
	}
	for _, p := range paths {
		w.look(p.Path, p.There)
	}
	w.facts = facts
	return nil
}

// packages watches what is in the output folder and in the store.
func (w *watcher) packages(st *store.Store, outcomes []*Outcome) error {
	for _, o := range outcomes {
		if o.Built == nil || len(o.Placed) != len(placedSuffixes()) {
			return fmt.Errorf("%s was not published", o.Action.Output.Name)
		}
		for i, suffix := range placedSuffixes() {
			w.list = append(w.list, store.Watch{Path: here(w.req.WorkDir, o.Path+suffix), How: store.Same, Stamp: &o.Placed[i]})
		}
		w.add(st.Path(o.Built.Archive, false), store.Present)
		w.add(st.Path(o.Built.Statement, false), store.Present)
	}
	return nil
}

// placedSuffixes are the endings of a package and of what lies beside it.
func placedSuffixes() []string { return []string{"", trust.SuffixOpenPGP, trust.SuffixStatements} }

// stampPlaced notes how the files of a package are now that they were seen to be right.
func (o *Outcome) stampPlaced() {
	o.Placed = nil
	for _, suffix := range placedSuffixes() {
		s, err := fsx.StampOf(o.Path+suffix, false)
		if err != nil {
			return // nothing is recorded of this run then
		}
		o.Placed = append(o.Placed, s)
	}
}
