package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"forge/engine"
	"forge/internal/diag"
	"forge/internal/fsx"
	"forge/trust"

	_ "embed"
)

//go:embed report.html
var reportPage string

func reportCommand(a *app) *cobra.Command {
	var out, dir, trace string
	c := &cobra.Command{
		Use:   "report",
		Short: "Write one HTML page about all packages in output/",
		Long: `Reads the packages in the output folder with their signatures and statements and writes one
page that needs nothing else: graph, build times, sizes, tests, and for each package what it was made
from and who signed it. It opens from disk, without a network.`,
		Example: "  forge report -o report.html\n  forge build ./recipes/... --trace trace.json; forge report --trace trace.json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			wd, err := os.Getwd()
			if err != nil {
				return err
			}
			space, err := a.workspace(wd)
			if err != nil {
				return err
			}
			r, err := a.readReport(cmd.Context(), absolute(wd, dir, filepath.Join(space.dir, "output")), trace)
			if err != nil {
				return err
			}
			if out == "-" {
				return r.write(a.stdout)
			}
			if err := fsx.Write(out, 0o644, r.write); err != nil {
				return err
			}
			fmt.Fprintf(a.stdout, "%d packages in %s\n", len(r.Packages), out)
			return nil
		},
	}
	c.Flags().StringVarP(&out, "output", "o", "forge-report.html", "file to write; - for standard output")
	c.Flags().StringVar(&dir, "output-dir", "", "folder of the packages (default output)")
	c.Flags().StringVar(&trace, "trace", "", "what forge build --trace wrote: draws the timeline")
	return c
}

// reported is all that the page shows.
type reported struct {
	Dir      string
	Packages []*reportedPackage
	Bytes    int64
	Seconds  float64
	Graph    template.HTML // drawn here, every text in it escaped
	Lanes    []reportedLane
	Span     float64 // seconds of the timeline
	Summary  string  // of the run that the timeline shows
}

type reportedPackage struct {
	ID, Name, File, Subdir, License, SHA256 string
	Size                                    int64
	Installed                               int64
	Files, Tests                            int
	Seconds                                 float64
	Width                                   float64 // of the bar, in percent of the longest build
	Depends                                 []string
	Good                                    bool
	Reason, Signed, Isolation, Recipe       string
	Materials                               []checkedMaterial
}

type reportedLane struct{ Slices []reportedSlice }

type reportedSlice struct {
	Name        string
	Left, Width float64 // percent
	Seconds     float64
	Failed      bool
}

func (r *reported) write(w io.Writer) error {
	t, err := template.New("report").Funcs(template.FuncMap{
		"kb": func(n int64) string { return fmt.Sprintf("%.1f", float64(n)/1e3) },
		"digest": func(m map[string]string) string {
			for _, k := range []string{"sha256", "gitCommit", "forgeTree"} {
				if m[k] != "" {
					return fmt.Sprintf("%s %.16s…", k, m[k])
				}
			}
			return ""
		},
		"clean": diag.Printable,
	}).Parse(reportPage)
	if err != nil {
		return err
	}
	return t.Execute(w, r)
}

func (a *app) readReport(ctx context.Context, dir, trace string) (*reported, error) {
	keys, err := a.trustedKeys(nil)
	if err != nil {
		return nil, err
	}
	formats, err := readFormats()
	if err != nil {
		return nil, err
	}
	var files []string
	for _, f := range formats {
		found, err := filepath.Glob(filepath.Join(dir, "*", "*"+f.Extension()))
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no package in %s: build some first, or name the folder with --output-dir", dir)
	}
	sort.Strings(files)
	r := &reported{Dir: relative(dir)}
	chain := newChain(keys, opener(formats), time.Now())
	seconds := a.buildSeconds()
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		p, err := reportPackage(ctx, chain, keys, f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", relative(f), err)
		}
		p.ID, p.Seconds = fmt.Sprintf("p%d", len(r.Packages)), seconds[p.SHA256]
		r.Packages = append(r.Packages, p)
		r.Bytes += p.Size
		r.Seconds += p.Seconds
	}
	longest := 0.0
	for _, p := range r.Packages {
		longest = max(longest, p.Seconds)
	}
	for _, p := range r.Packages {
		if longest > 0 {
			p.Width = 100 * p.Seconds / longest
		}
	}
	r.draw()
	return r, r.timeline(trace)
}

// buildSeconds is how long builds took, by the sha256 of their packages, as far as the store knows.
func (a *app) buildSeconds() map[string]float64 {
	all := map[string]float64{}
	st, err := a.openStore()
	if err != nil {
		return all
	}
	list, err := cachedPackages(st, nil)
	if err != nil {
		return all
	}
	for _, c := range list {
		all[c.SHA256] = c.Seconds
	}
	return all
}

func reportPackage(ctx context.Context, chain *chain, keys *trust.KeySet, file string) (*reportedPackage, error) {
	c := chain.check(ctx, file)
	pkg, err := chain.open(file)
	if err != nil {
		return nil, err
	}
	defer pkg.Close()
	rec, err := pkg.Record()
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	p := &reportedPackage{Name: rec.String(), File: filepath.Base(file), Subdir: rec.Subdir, License: rec.License, SHA256: c.SHA256.Hex(), Size: info.Size(),
		Depends: rec.Depends, Good: c.Good, Reason: c.Reason, Materials: c.Materials}
	for _, id := range c.KeyIDs {
		p.Signed += id + origin(keys, id) + " "
	}
	if c.build != nil {
		p.Isolation, p.Recipe = c.build.Isolation, c.build.Recipe
	}
	var paths struct {
		Paths []struct {
			Size int64 `json:"size_in_bytes"`
		} `json:"paths"`
	}
	if data, err := pkg.Info("paths.json"); err == nil && json.Unmarshal(data, &paths) == nil {
		p.Files = len(paths.Paths)
		for _, f := range paths.Paths {
			p.Installed += f.Size
		}
	}
	tests, err := engine.CountTests(pkg)
	p.Tests = tests
	return p, err
}

// draw makes the graph: who was built with whom, by the statements.
func (r *reported) draw() {
	const most = 300 // boxes that still make a picture
	if len(r.Packages) > most {
		return
	}
	g := &engine.RecipeGraph{}
	byName := map[string]*engine.Node{}
	for _, p := range r.Packages {
		byName[p.Name] = &engine.Node{Name: p.Name}
	}
	done := map[string]bool{}
	var visit func(p *reportedPackage)
	of := map[string]*reportedPackage{}
	for _, p := range r.Packages {
		of[p.Name] = p
	}
	visit = func(p *reportedPackage) {
		if done[p.Name] {
			return
		}
		done[p.Name] = true
		n := byName[p.Name]
		for _, m := range p.Materials {
			if q := of[m.Name]; m.Kind == "package" && q != nil && q != p {
				visit(q)
				n.Hard = append(n.Hard, byName[m.Name])
			}
		}
		g.Nodes = append(g.Nodes, n)
	}
	for _, p := range r.Packages {
		visit(p)
	}
	svg := drawSVG(g)
	r.Graph = template.HTML(svg[strings.Index(svg, "<svg"):])
}

// timeline reads a trace; without one the page has none.
func (r *reported) timeline(file string) error {
	if file == "" {
		return nil
	}
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return usageError{err}
	}
	var t struct {
		TraceEvents []traceEvent   `json:"traceEvents"`
		Summary     engine.Summary `json:"otherData"`
	}
	if err == nil {
		err = json.Unmarshal(data, &t)
	}
	if err != nil {
		return fmt.Errorf("read the trace %s: %w", file, err)
	}
	end := int64(1)
	for _, e := range t.TraceEvents {
		end = max(end, e.TS+e.Dur)
	}
	r.Span = float64(end) / 1e6
	r.Summary = summaryText(t.Summary)
	for _, e := range t.TraceEvents {
		if e.Cat != "package" || e.TID < 1 || e.TID > 1000 {
			continue
		}
		for len(r.Lanes) < e.TID {
			r.Lanes = append(r.Lanes, reportedLane{})
		}
		l := &r.Lanes[e.TID-1]
		l.Slices = append(l.Slices, reportedSlice{Name: e.Name, Left: 100 * float64(e.TS) / float64(end), Width: 100 * float64(e.Dur) / float64(end),
			Seconds: float64(e.Dur) / 1e6, Failed: e.Args["status"] == "failed"})
	}
	return nil
}
