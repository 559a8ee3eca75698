package engine

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"forge/digest"
	"forge/internal/plain"
	"forge/packages"
	"forge/platforms/toolchain"
	"forge/provenance"
	"forge/recipes"
	"forge/sandbox"
	"forge/sources"
)

// runner carries one graph through fetching, building, testing and recording.
type runner struct {
	req      *Request
	tools    Tools
	graph    *Graph
	report   func(Event)
	byRecord map[*packages.Record]*Action
	vary     variation // of a rebuild
	sites    sites
	tokens   *tokens // jobs that may run at once; nil where nothing else runs

	mu        sync.Mutex
	loaded    map[string]*toolchain.External
	roots     map[string]string                     // folders of externals laid out together, by their trees
	materials map[digest.Digest]provenance.Material // of externals, by their trees
	reached   sandbox.Isolation                     // see level
	sourceMu  sync.Mutex
	checked   map[digest.Digest]bool // blobs that were read and are whole
}

func newRunner(req *Request, tools Tools, g *Graph, report func(Event)) *runner {
	if report == nil {
		report = func(Event) {}
	}
	r := &runner{req: req, tools: tools, graph: g, report: report,
		byRecord: map[*packages.Record]*Action{}, loaded: map[string]*toolchain.External{}, roots: map[string]string{}, materials: map[digest.Digest]provenance.Material{}, checked: map[digest.Digest]bool{}}
	for _, a := range g.Actions {
		r.byRecord[&a.Record] = a
	}
	return r
}

// external returns an external with its tree imported into the store.
func (r *runner) external(ctx context.Context, name string) (*toolchain.External, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.loaded[name]; e != nil {
		return e, nil
	}
	e, err := r.tools.Externals.Find(ctx, name)
	if err != nil {
		return nil, err
	}
	if e == nil {
		return nil, fmt.Errorf("external %q is not on this machine", name)
	}
	if err := r.tools.Externals.Load(ctx, e); err != nil {
		return nil, fmt.Errorf("external %q: %w", name, err)
	}
	r.loaded[name] = e
	return e, nil
}

// externalsOf loads the externals of envs, base first.
func (r *runner) externalsOf(ctx context.Context, envs ...Environment) ([]*toolchain.External, error) {
	names := []string{toolchain.Base}
	for _, env := range envs {
		for _, rec := range env.Records {
			if rec.Channel == packages.ChannelExternal {
				names = append(names, rec.Name)
			}
		}
	}
	var list []*toolchain.External
	for _, name := range unique(names) {
		e, err := r.external(ctx, name)
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, nil
}

// fetch gets the sources of a; two actions never fetch at once, the fetcher itself is parallel.
func (r *runner) fetch(ctx context.Context, a *Action) ([]sources.Fetched, error) {
	if len(a.Output.Sources) == 0 {
		return nil, nil
	}
	r.sourceMu.Lock()
	defer r.sourceMu.Unlock()
	return r.tools.Fetcher.Fetch(ctx, a.Output, func(p sources.Progress) {
		r.report(Event{Kind: EventProgress, Action: a, Phase: "fetch " + p.Name, Done: p.Done, Total: p.Total})
	})
}

// importRecipe stores the recipe's folder, so that what is hashed is what the sandbox sees.
func (r *runner) importRecipe(a *Action) ([]digest.Entry, error) {
	entries, err := recipeTree(r.req, a.Output.Recipe.Dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.Kind == digest.File || e.Kind == digest.Exec {
			file := path.Join(a.Output.Recipe.Dir, e.Path)
			got, _, err := r.tools.Store.PutFile(file, e.Kind == digest.Exec)
			if err != nil {
				return nil, err
			}
			if got != e.Sum {
				return nil, fmt.Errorf("%s changed while it was read; run the build again", file)
			}
		}
	}
	return entries, nil
}

// recipeTree lists a recipe's folder without what version control, editors and Forge itself leave there.
func recipeTree(req *Request, dir string) ([]digest.Entry, error) {
	return digest.Folder(dir, recipeSkip(req, dir))
}

// recipeSkip tells what does not count of a recipe's folder.
func recipeSkip(req *Request, dir string) func(rel string, d fs.DirEntry) bool {
	return func(rel string, d fs.DirEntry) bool {
		name := d.Name()
		if d.IsDir() {
			own := filepath.Join(dir, rel)
			return name == ".git" || name == "__pycache__" || own == req.OutputDir || own == req.CacheDir
		}
		return name == ".DS_Store" || strings.HasSuffix(name, "~") || strings.HasSuffix(name, ".swp") || strings.HasPrefix(name, ".#")
	}
}

// allFields is an Output without its methods: it marshals every field, where View leaves out what
// people need not see.
type allFields recipes.Output

// renderedFields is the whole output without its places, which move when a comment is added above, and
// without the path it was read from.
func renderedFields(o *recipes.Output) (any, error) {
	c := allFields(*o)
	c.Recipe = recipes.Origin{Format: o.Recipe.Format, Index: o.Recipe.Index}
	c.InheritFrom = nil  // it has a key of its own, and the path of the recipe in it
	c.LeavesWork = false // what comes after it says nothing of it
	v, err := plain.Of(c)
	if err != nil {
		return nil, err
	}
	return withoutPlaces(v), nil
}

func withoutPlaces(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if k == "Pos" || k == "LicensePos" || k == "FirstLine" {
				delete(v, k)
				continue
			}
			v[k] = withoutPlaces(e)
		}
	case []any:
		for i := range v {
			v[i] = withoutPlaces(v[i])
		}
	}
	return v
}
