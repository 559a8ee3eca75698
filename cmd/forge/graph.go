package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"forge/engine"
	"forge/internal/diag"
	"forge/internal/fsx"
	"forge/recipes"
	"forge/sources"
	"forge/store"
)

// graphFlags say which part of the graph is printed, and how.
type graphFlags struct {
	buildFlags
	format, since       string
	dependents, seconds []string
	shards, shard       int
	stage               int
}

func graphCommand(a *app) *cobra.Command {
	var f graphFlags
	var asJSON bool
	c := &cobra.Command{
		Use:   "graph [RECIPE]...",
		Short: "Draw which package needs which, and divide the work",
		Long: `Graph reads the recipes and nothing else: no channel is opened, nothing is solved. A solid
edge says that a package is built with another, a dashed one that it runs or is tested with it.

--since keeps what a change makes necessary: the packages of changed recipe folders and those
that are built or tested with them.

--shards N divides the work among N machines. It is cut into stages; the shards of one stage
need nothing of each other and take about the same time, by the seconds the last builds took.
What is built in one stage has to be in a channel or a shared store before the next begins.
--shard I lists the names for machine I of N, in build order; --stage S only those of a stage.

--json prints {"packages": [...]}, in build order: name, versions, variants, recipes, hard and soft (what
each is built, and run or tested with), seconds and whether they were measured; with --shards
{"stages": [{"shards": [{"seconds", "names"}]}]}, with --shard {"names": [...]}.`,
		Example: `  forge graph ./recipes/... | dot -Tsvg > graph.svg
  forge graph --format svg ./recipes/... > graph.svg
  forge graph --rdeps-of zlib --json ./recipes/...
  forge graph --since origin/main --shards 4 ./recipes/...
  forge build $(forge graph --shards 4 --shard 2 --stage 1 ./recipes/... | sed 's/^/--up-to /') ./recipes/...`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && len(f.recipes) == 0 && f.recipeDir == "" {
				args = []string{"./..."}
			}
			if asJSON {
				if f.format != "" && f.format != "json" {
					return usageError{fmt.Errorf("--json and --format %s: want one of them", f.format)}
				}
				f.format = "json"
			}
			if err := f.check(cmd); err != nil {
				return err
			}
			req, err := a.request(&f.buildFlags, args)
			if err != nil {
				return err
			}
			return a.drawGraph(cmd.Context(), req, &f)
		},
	}
	f.register(c.Flags())
	c.Flags().BoolVar(&asJSON, "json", false, "the same as --format json")
	c.Flags().StringVar(&f.format, "format", "", "dot, json or svg (default dot; with --shards text)")
	c.Flags().StringArrayVar(&f.dependents, "rdeps-of", nil, "only this output and what needs it")
	c.Flags().StringVar(&f.since, "since", "", "only what the change since this git commit, tag or branch makes necessary")
	c.Flags().IntVar(&f.shards, "shards", 0, "divide the work among this many machines")
	c.Flags().IntVar(&f.shard, "shard", 0, "list the names for this machine, from 1")
	c.Flags().IntVar(&f.stage, "stage", 0, "with --shard: only of this stage, from 1")
	c.Flags().StringArrayVar(&f.seconds, "durations", nil, "take seconds from this table (forge build --json) instead of the store")
	return c
}

// check finds what the flags contradict each other in.
func (f *graphFlags) check(cmd *cobra.Command) error {
	set := func(name string) bool { return cmd.Flags().Changed(name) }
	switch {
	case !slices.Contains([]string{"", "dot", "json", "svg", "text"}, f.format):
		return usageError{fmt.Errorf("--format %q: want dot, json or svg", f.format)}
	case set("shards") && f.shards < 1:
		return usageError{fmt.Errorf("--shards %d: want a number from 1", f.shards)}
	case set("shard") && !set("shards"):
		return usageError{fmt.Errorf("--shard says which of how many: add --shards N")}
	case set("shard") && (f.shard < 1 || f.shard > f.shards):
		return usageError{fmt.Errorf("--shard %d: want a number from 1 to %d", f.shard, f.shards)}
	case set("stage") && (!set("shard") || f.stage < 1):
		return usageError{fmt.Errorf("--stage is a number from 1 and goes with --shard")}
	case f.shards > 0 && (f.format == "dot" || f.format == "svg"), f.shards == 0 && f.format == "text":
		return usageError{fmt.Errorf("--format %s: shards are printed as text or json, graphs as dot, json or svg", f.format)}
	}
	return nil
}

func (a *app) drawGraph(ctx context.Context, req *engine.Request, f *graphFlags) error {
	outputs, warnings, renderErr := engine.Render(ctx, req)
	if !a.global.quiet {
		for _, w := range warnings {
			a.printError(&diag.Failure{List: diag.List{w}})
		}
	}
	if len(outputs) == 0 {
		return renderErr
	}
	g, err := a.selectGraph(ctx, req, f, engine.NewRecipeGraph(outputs))
	if err != nil {
		return err
	}
	if f.shards > 0 {
		err = a.writeShards(g, f)
	} else {
		err = a.writeGraph(g, f.format)
	}
	if err != nil {
		return err
	}
	return renderErr
}

// selectGraph keeps what the flags ask for and adds the estimates.
func (a *app) selectGraph(ctx context.Context, req *engine.Request, f *graphFlags, g *engine.RecipeGraph) (*engine.RecipeGraph, error) {
	for _, loop := range g.Loops() {
		a.printError(&diag.Failure{List: diag.List{{Severity: diag.Warning, Code: "cycle", Summary: "dependency cycle: " + loop}}})
	}
	given, err := readDurations(f.seconds)
	if err != nil {
		return nil, err
	}
	var st *store.Store
	if f.shards > 0 || f.format == "json" {
		if st, err = a.open(req.CacheDir); err != nil {
			return nil, err
		}
	}
	g.Estimate(st, given)
	if f.since != "" {
		changed, err := sources.ChangedSince(ctx, req.WorkDir, f.since)
		if err != nil {
			return nil, err
		}
		removed, err := a.removedNames(ctx, req, f.since, changed, g)
		if err != nil {
			return nil, err
		}
		g = g.Since(append(changed, a.forAll(req, changed)...), removed)
	}
	if len(req.UpTo) > 0 {
		if g, err = g.UpTo(req.UpTo); err != nil {
			return nil, err
		}
	}
	if len(f.dependents) > 0 {
		if g, err = g.DependentsOf(f.dependents); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// removedNames are names that the changed recipes offered before and that neither they nor the recipes of
// the graph, which may be a part of all, offer now.
func (a *app) removedNames(ctx context.Context, req *engine.Request, since string, changed []string, g *engine.RecipeGraph) ([]string, error) {
	dir, err := os.MkdirTemp("", "forge-since-")
	if err != nil {
		return nil, err
	}
	defer fsx.RemoveAll(dir)
	before := *req
	if before.Recipes, err = sources.RecipesBefore(ctx, req.WorkDir, since, changed, recipes.IsRecipeName, dir); err != nil {
		return nil, err
	}
	now := *req
	now.Recipes = recipesHolding(changed)
	// What cannot be rendered offers nothing; of today's recipes the graph has told why.
	old, _, _ := engine.Render(ctx, &before)
	current, _, _ := engine.Render(ctx, &now)
	removed := g.Removed(old, current)
	if len(removed) > 0 && !a.global.quiet {
		a.say("note", "no longer offered by a recipe: "+strings.Join(removed, ", "))
	}
	return removed, ctx.Err()
}

// recipesHolding are the recipe files of the folders that hold one of the files.
func recipesHolding(files []string) (out []string) {
	seen := map[string]bool{}
	for _, file := range files {
		for dir := filepath.Dir(file); !seen[dir]; dir = filepath.Dir(dir) {
			seen[dir] = true
			if found, err := recipes.Find([]string{dir}, dir); err == nil {
				out = append(out, found...)
				break
			}
		}
	}
	return out
}

// forAll is "/" where a file changed that every recipe is rendered with, and says so.
func (a *app) forAll(req *engine.Request, changed []string) []string {
	shared := map[string]bool{}
	for _, f := range req.VariantFiles {
		shared[linkless(absolute(req.WorkDir, f, ""))] = true
	}
	for dir := linkless(req.WorkDir); ; dir = filepath.Dir(dir) {
		shared[filepath.Join(dir, "forge.hcl")] = true
		if dir == filepath.Dir(dir) {
			break
		}
	}
	for _, file := range changed {
		if shared[file] {
			if !a.global.quiet {
				a.say("note", relativeTo(req.WorkDir, file)+" changed, which every recipe is rendered with: all of them count as changed")
			}
			return []string{"/"}
		}
	}
	return nil
}

func linkless(path string) string {
	if p, err := filepath.EvalSymlinks(path); err == nil {
		return p
	}
	return path
}

// readDurations adds up the seconds by name of closing tables as forge build --json prints them.
func readDurations(files []string) (map[string]float64, error) {
	given := map[string]float64{}
	for _, path := range files {
		b, err := fsx.ReadUpTo(path, mostTrace)
		if err != nil {
			return nil, fmt.Errorf("--durations: %w", err)
		}
		var table struct{ Packages []row }
		if err := json.Unmarshal(b, &table); err != nil {
			return nil, fmt.Errorf("--durations %s: want what forge build --json prints: %w", path, err)
		}
		for _, r := range table.Packages {
			if r.Status == string(engine.StatusBuilt) || r.Status == "" {
				given[r.Name] += r.Seconds
			}
		}
	}
	return given, nil
}

func (a *app) writeShards(g *engine.RecipeGraph, f *graphFlags) error {
	stages, err := g.Shards(f.shards)
	if err != nil {
		return err
	}
	if f.shard > 0 {
		return a.writeShard(stages, f)
	}
	if f.format == "json" {
		return a.printJSON(map[string]any{"stages": shardsView(stages)})
	}
	for s, stage := range stages {
		for k, shard := range stage.Shards {
			fmt.Fprintf(a.stdout, "stage %d shard %d  %.1f s  %s\n", s+1, k+1, shard.Seconds, diag.Printable(strings.Join(nodeNames(shard.Nodes), " ")))
		}
	}
	return nil
}

// writeShard lists the names for one machine.
func (a *app) writeShard(stages []engine.Stage, f *graphFlags) error {
	names := []string{}
	for s, stage := range stages {
		if f.stage == 0 || f.stage == s+1 {
			names = append(names, nodeNames(stage.Shards[f.shard-1].Nodes)...)
		}
	}
	if f.format == "json" {
		return a.printJSON(map[string]any{"names": names})
	}
	for _, n := range names {
		fmt.Fprintln(a.stdout, diag.Printable(n))
	}
	return nil
}

type shardView struct {
	Seconds float64  `json:"seconds"`
	Names   []string `json:"names"`
}

func shardsView(stages []engine.Stage) []map[string][]shardView {
	out := []map[string][]shardView{}
	for _, stage := range stages {
		var shards []shardView
		for _, s := range stage.Shards {
			shards = append(shards, shardView{s.Seconds, nodeNames(s.Nodes)})
		}
		out = append(out, map[string][]shardView{"shards": shards})
	}
	return out
}

func nodeNames(nodes []*engine.Node) []string {
	names := []string{}
	for _, n := range nodes {
		names = append(names, n.Name)
	}
	return names
}
