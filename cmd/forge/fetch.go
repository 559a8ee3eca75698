package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"forge/engine"
	"forge/internal/diag"
	"forge/recipes"
	"forge/sources"
)

func fetchCommand(a *app) *cobra.Command {
	var f buildFlags
	var asJSON bool
	c := &cobra.Command{
		Use:   "fetch [RECIPE]...",
		Short: "Get the sources of recipes into the store, checked, so that --offline can build",
		Long: `Fetch gets every source of every output into the store: files by their hash, what their
signatures and attestations must say, git commits, and what a Go, npm or cargo package locks. With --offline
it says what is missing. For a source without a hash, --allow-unhashed prints the line to write
into the recipe, once you have compared it with what the makers of the file publish.`,
		Example: "  forge fetch ./recipes/... && forge build --offline ./recipes/...\n  forge fetch --json ./recipes/zlib\n  forge fetch --experimental ./recipes/flask      verify the attestation that the recipe asks for",
		RunE: func(cmd *cobra.Command, args []string) error {
			req, err := a.request(&f, args)
			if err != nil {
				return err
			}
			return a.fetch(cmd.Context(), req, asJSON)
		},
	}
	f.register(c.Flags())
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return c
}

// fetchRow is one source of one recipe.
type fetchRow struct {
	Recipe string `json:"recipe"`
	Status string `json:"status"` // "fetched", "stored" or "failed"
	Source string `json:"source"`
	Error  string `json:"error,omitempty"`
	*sources.Fetched
}

// fetchJob is one source to get, as an output of its own.
type fetchJob struct {
	out *recipes.Output
	row fetchRow
	err error
}

// fetch gets all sources, several at once, and goes on past those that fail.
func (a *app) fetch(ctx context.Context, req *engine.Request, asJSON bool) error {
	outputs, warnings, renderErr := engine.Render(ctx, req)
	for _, w := range warnings {
		if !a.global.quiet {
			a.printError(&diag.Failure{List: diag.List{w}})
		}
	}
	if renderErr != nil && len(outputs) == 0 {
		return renderErr
	}
	st, err := a.open(req.CacheDir)
	if err != nil {
		return err
	}
	jobs := fetchJobs(req, outputs)
	a.runFetch(ctx, a.fetcher(req, st), jobs)
	if err := ctx.Err(); err != nil {
		return err
	}
	if asJSON {
		err = a.writeFetchJSON(jobs)
	} else if !a.global.quiet {
		a.writeFetchTable(jobs)
		a.writeUnhashed(jobs)
	}
	return errors.Join(err, a.fetchFailures(jobs, renderErr))
}

// fetchJobs lists the sources of all outputs, each once: the outputs of a recipe share theirs.
func fetchJobs(req *engine.Request, outputs []*recipes.Output) []*fetchJob {
	var jobs []*fetchJob
	seen := map[string]bool{}
	for _, o := range outputs {
		if o.Skip {
			continue
		}
		for _, s := range o.Sources {
			key := s
			key.Pos = diag.Pos{}
			id, err := json.Marshal(key)
			if err != nil || seen[o.Recipe.Dir+string(id)] {
				continue
			}
			seen[o.Recipe.Dir+string(id)] = true
			one := *o
			one.Sources = []recipes.Source{s}
			dir := o.Recipe.Dir
			if rel, err := filepath.Rel(req.WorkDir, dir); err == nil {
				dir = filepath.ToSlash(rel)
			}
			jobs = append(jobs, &fetchJob{out: &one, row: fetchRow{Recipe: dir, Source: sourceName(s)}})
		}
	}
	return jobs
}

// sourceName is a source as the recipe calls it first.
func sourceName(s recipes.Source) string {
	switch {
	case s.Git != nil:
		return s.Git.URL
	case s.Path != "":
		return s.Path
	case len(s.URLs) > 0:
		return s.URLs[0]
	}
	return ""
}

func (a *app) runFetch(ctx context.Context, fetcher *sources.Getter, jobs []*fetchJob) {
	view := &fetchView{a: a, live: a.global.logStyle == "fancy" && isTerminal(a.stderr) && !a.global.quiet, done: map[string]sources.Progress{}}
	var group errgroup.Group
	group.SetLimit(4)
	for _, j := range jobs {
		group.Go(func() error {
			if ctx.Err() != nil {
				return nil
			}
			got, err := fetcher.Fetch(ctx, j.out, view.progress)
			j.row.Status = "fetched"
			switch {
			case err != nil:
				j.err, j.row.Status, j.row.Error = err, "failed", err.Error()
				return nil
			case got[0].Stored:
				j.row.Status = "stored"
			}
			j.row.Fetched = &got[0]
			return nil
		})
	}
	group.Wait()
	view.clear()
}

// fetchView shows on a terminal, in one line, what is on its way.
type fetchView struct {
	mu   sync.Mutex
	a    *app
	live bool
	done map[string]sources.Progress
}

func (v *fetchView) progress(p sources.Progress) {
	if !v.live {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.done[p.Name] = p; p.Total >= 0 && p.Done >= p.Total {
		delete(v.done, p.Name)
	}
	var parts []string
	for _, name := range sortedNames(v.done) {
		p := v.done[name]
		text := fmt.Sprintf("%s %.1f MB", name, float64(p.Done)/1e6)
		if p.Total > 0 {
			text = fmt.Sprintf("%s %d%%", name, 100*p.Done/p.Total)
		}
		parts = append(parts, diag.Printable(text))
	}
	line := []rune(strings.Join(parts, ", "))
	room := max(widthOf(v.a.stderr)-2, 0) // what is broken over two lines could not be taken back
	fmt.Fprintf(v.a.stderr, "\r\x1b[K%s", string(line[:min(len(line), room)]))
}

func (v *fetchView) clear() {
	if v.live {
		fmt.Fprint(v.a.stderr, "\r\x1b[K")
	}
}

func (a *app) writeFetchJSON(jobs []*fetchJob) error {
	rows := []fetchRow{}
	for _, j := range jobs {
		if f := j.row.Fetched; f != nil && f.Files == nil {
			f.Files = []sources.File{} // no null in JSON
		}
		rows = append(rows, j.row)
	}
	return a.printJSON(map[string]any{"sources": rows})
}

func (a *app) writeFetchTable(jobs []*fetchJob) {
	t := tabwriter.NewWriter(a.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "RECIPE\tSOURCE\tSIZE\tDIGEST\tSTATUS\tSIGNATURE")
	for _, j := range jobs {
		name, size, sum, signature := j.row.Source, "-", "-", "-"
		if f := j.row.Fetched; f != nil {
			var n int64
			for _, file := range f.Files {
				n += file.Size
			}
			if len(f.Files) > 0 {
				name, size = f.Files[0].Name, fmt.Sprintf("%.1f MB", float64(n)/1e6)
			}
			if len(f.Files) > 1 {
				name += fmt.Sprintf(" and %d more", len(f.Files)-1)
			}
			sum, signature = f.Digest().Short(), signatureText(f)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", diag.Printable(j.row.Recipe), diag.Printable(name), size, sum, j.row.Status, signature)
	}
	t.Flush()
}

// writeUnhashed prints the line that is missing in a recipe which does not say what bytes it wants.
func (a *app) writeUnhashed(jobs []*fetchJob) {
	for _, j := range jobs {
		f := j.row.Fetched
		if f == nil || !f.Unhashed || len(f.Files) == 0 {
			continue
		}
		pos, form := j.out.Sources[0].Pos, "sha256: %s"
		if strings.HasSuffix(pos.File, ".hcl") {
			form = "sha256 = %q"
		}
		fmt.Fprintf(a.stdout, "%s: "+form+"\n", pos, f.Files[0].Digest.Hex())
	}
}

// signatureText is the verdict in a few words.
func signatureText(f *sources.Fetched) string {
	text := "-"
	for _, s := range f.Signatures {
		if text == "-" {
			text = "good"
		}
		if len(s.Allowed) > 0 {
			text = "good, by exception"
		}
	}
	for _, a := range f.Attestations {
		text = strings.TrimPrefix(text+", ", "-, ") + "attested by " + a.Publisher
	}
	return diag.Printable(text)
}

// fetchFailures prints what failed and gives the error of the whole.
func (a *app) fetchFailures(jobs []*fetchJob, renderErr error) error {
	failed := 0
	for _, j := range jobs {
		if j.err != nil {
			a.printError(j.err)
			failed++
		}
	}
	if failed > 0 {
		if renderErr != nil {
			a.printError(renderErr)
		}
		return fmt.Errorf("%d of %d sources could not be fetched", failed, len(jobs))
	}
	return renderErr
}
