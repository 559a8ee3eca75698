package main

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"forge/digest"
	"forge/engine"
	"forge/internal/diag"
	"forge/internal/fsx"
	"forge/packages"
	"forge/trust"
)

//go:embed report.html
var reportPage string

//go:embed report.js
var reportScript string

func reportCommand(a *app) *cobra.Command {
	var out, dir, trace string
	var keyFiles []string
	c := &cobra.Command{
		Use:   "report",
		Short: "Write one HTML page about all packages in output/",
		Long: `Reads the packages in the output folder with their signatures and statements and writes one
page that needs nothing else: the graph of what was built with what, when it ran, sizes, which
package brings which library, tests, and for each package what it was made from and who signed
it. It opens from disk, without a network.

The timeline is that of the last build that built something, or of the trace given.`,
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
			if dir == "" {
				dir = a.getenv("CONDA_BLD_PATH")
			}
			r, err := a.readReport(cmd.Context(), absolute(wd, dir, filepath.Join(space.dir, "output")), trace, keyFiles)
			if err != nil {
				return err
			}
			if out == "-" {
				return errors.Join(r.write(a.stdout), r.unread())
			}
			if err := fillNamed(out, r.write); err != nil {
				return err
			}
			fmt.Fprintf(a.stdout, "%d %s in %s\n", len(r.Packages), plural("package", len(r.Packages)), out)
			return r.unread()
		},
	}
	c.Flags().StringVarP(&out, "output", "o", "forge-report.html", "file to write; - for standard output")
	c.Flags().StringVar(&dir, "output-dir", "", "folder of the packages (default output)")
	c.Flags().StringArrayVar(&keyFiles, "key", nil, "trust the public keys in this file (PEM or OpenPGP) and no others; may be repeated")
	c.Flags().StringVar(&trace, "trace", "", "what forge build --trace wrote: draws its timeline")
	return c
}

// reported is all that the page shows; it stands in the page as JSON. Every text in it is a stranger's and
// gets there as text only.
type reported struct {
	Dir      string             `json:"dir"`
	Packages []*reportedPackage `json:"packages"`
	Timeline []reportedSlice    `json:"timeline,omitempty"`
	Span     float64            `json:"span,omitempty"`    // seconds of the timeline
	Summary  string             `json:"summary,omitempty"` // of the run that it shows

	damaged []error // packages that could not be read: the page says so, and the verb fails
}

func (r *reported) unread() error { return errors.Join(r.damaged...) }

type reportedPackage struct {
	Name      string              `json:"name"` // name-version-build
	Subdir    string              `json:"subdir"`
	File      string              `json:"file"`
	License   string              `json:"license,omitempty"`
	SHA256    string              `json:"sha256"`
	Size      int64               `json:"size"`
	Installed int64               `json:"installed"`
	Files     int                 `json:"files"`
	Biggest   []reportedFile      `json:"biggest,omitempty"`
	Seconds   float64             `json:"seconds,omitempty"`
	Depends   []string            `json:"depends,omitempty"`
	Built     []int               `json:"built,omitempty"` // with these packages of the page, by number
	Recorded  int                 `json:"recorded_tests"`
	Tests     []engine.TestRecord `json:"tests,omitempty"`
	Offers    []string            `json:"offers,omitempty"`
	Needs     []reportedLibrary   `json:"needs,omitempty"`
	Good      bool                `json:"good"`
	Reason    string              `json:"reason,omitempty"`
	Signed    []string            `json:"signed,omitempty"`
	Isolation string              `json:"isolation,omitempty"`
	Recipe    string              `json:"recipe,omitempty"`
	Commit    string              `json:"commit,omitempty"`
	Key       string              `json:"key,omitempty"`
	Epoch     int64               `json:"epoch,omitempty"`
	Widened   []string            `json:"widened,omitempty"`
	Materials []reportedMaterial  `json:"materials,omitempty"` // but for the good packages of the page
}

type reportedFile struct {
	Path string `json:"path"`
	Size int64  `json:"size"`
}

// reportedLibrary is a library that files of the package need, and the package of the page that has it.
type reportedLibrary struct {
	Name  string `json:"name"`
	Files int    `json:"files"`
	From  int    `json:"from"` // number of a package, -1 for none here
}

type reportedMaterial struct {
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	Digest string `json:"digest"`
	Status string `json:"status,omitempty"`
}

type reportedSlice struct {
	Name    string  `json:"name"`
	Lane    int     `json:"lane"`
	Start   float64 `json:"start"` // seconds
	Seconds float64 `json:"seconds"`
	Failed  bool    `json:"failed,omitempty"`
}

// write makes the page. No script but this one can run in it, whatever a package is called.
func (r *reported) write(w io.Writer) error {
	t, err := template.New("report").Parse(reportPage)
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(reportScript))
	return t.Execute(w, map[string]any{
		"Title": fmt.Sprintf("%d packages", len(r.Packages)), "Data": r,
		"Script": template.JS(reportScript), "Hash": template.HTMLAttr("'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"),
	})
}

func (a *app) readReport(ctx context.Context, dir, trace string, keyFiles []string) (*reported, error) {
	keys, err := a.trustedKeys(keyFiles)
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
	st, err := a.openStore()
	if err != nil {
		return nil, err
	}
	r := &reported{Dir: filepath.ToSlash(relative(dir))}
	reader := packageReader{dir: dir, chain: newChain(keys, opener(formats), time.Now()), keys: keys,
		tools: engine.Tools{Store: st, Formats: formats, Now: time.Now}, seconds: a.buildSeconds()}
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		p, err := reader.read(ctx, f)
		if err != nil {
			p = unreadable(f, err)
			r.damaged = append(r.damaged, fmt.Errorf("%s: %w", relative(f), err))
		}
		r.Packages = append(r.Packages, p)
	}
	r.connect()
	if trace == "" {
		trace = filepath.Join(dir, "logs", traceFile)
		if _, err := os.Stat(trace); err != nil {
			return r, nil
		}
	}
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

// packageReader collects what there is to say of a package.
type packageReader struct {
	dir     string
	chain   *chain
	keys    *trust.KeySet
	tools   engine.Tools
	seconds map[string]float64
}

func (r packageReader) read(ctx context.Context, file string) (*reportedPackage, error) {
	c := r.chain.check(ctx, file)
	pkg, err := r.chain.open(file)
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
		Depends: rec.Depends, Good: c.Good, Reason: c.Reason, Seconds: r.seconds[c.SHA256.Hex()], Tests: engine.RecordedTestRuns(r.dir, rec.String())}
	for _, id := range c.KeyIDs {
		p.Signed = append(p.Signed, id+origin(r.keys, id))
	}
	if b := c.build; b != nil {
		p.Isolation, p.Recipe, p.Commit, p.Key, p.Epoch, p.Widened = b.Isolation, b.Recipe, b.GitCommit, b.Key.Hex(), b.Epoch, b.Widened
	}
	for _, m := range c.Materials {
		p.Materials = append(p.Materials, reportedMaterial{m.Kind, m.Name, digestText(m.Digest), m.Status})
	}
	p.readFiles(pkg)
	if p.Recorded, err = engine.CountTests(pkg); err != nil {
		return nil, err
	}
	links, err := engine.ReadLinks(ctx, r.tools, file)
	if err != nil {
		return nil, err
	}
	p.Offers = links.Offers
	for _, name := range sortedNames(links.Needs) {
		p.Needs = append(p.Needs, reportedLibrary{Name: name, Files: links.Needs[name], From: -1})
	}
	return p, nil
}

// unreadable is what can be said of a package that cannot be read.
func unreadable(file string, err error) *reportedPackage {
	p := &reportedPackage{Name: filepath.Base(file), File: filepath.Base(file), Subdir: filepath.Base(filepath.Dir(file)), Reason: "it cannot be read: " + err.Error()}
	if sum, size, err := digest.OfFile(file); err == nil {
		p.SHA256, p.Size = sum.Hex(), size
	}
	return p
}

func digestText(m map[string]string) string {
	for _, k := range []string{"sha256", "gitCommit", "forgeTree"} {
		if m[k] != "" {
			return fmt.Sprintf("%s %.16s…", k, m[k])
		}
	}
	return ""
}

// readFiles counts the files and keeps the biggest.
func (p *reportedPackage) readFiles(pkg packages.Package) {
	var list struct {
		Paths []struct {
			Path string `json:"_path"`
			Size int64  `json:"size_in_bytes"`
		} `json:"paths"`
	}
	data, err := pkg.Info("paths.json")
	if err != nil || json.Unmarshal(data, &list) != nil {
		return
	}
	p.Files = len(list.Paths)
	for _, f := range list.Paths {
		p.Installed += f.Size
		p.Biggest = append(p.Biggest, reportedFile{f.Path, f.Size})
	}
	slices.SortStableFunc(p.Biggest, func(a, b reportedFile) int { return int(b.Size - a.Size) })
	p.Biggest = slices.Clip(p.Biggest[:min(len(p.Biggest), 8)])
}

// connect finds which packages of the page were built with which, and who brings the libraries.
func (r *reported) connect() {
	number, brings := map[string]int{}, map[string]int{}
	for i, p := range r.Packages {
		number[p.Name] = i
		for _, lib := range p.Offers {
			if _, taken := brings[lib]; !taken {
				brings[lib] = i
			}
		}
	}
	for i, p := range r.Packages {
		var rest []reportedMaterial
		for _, m := range p.Materials {
			j, here := number[m.Name]
			if here = here && m.Kind == "package" && j != i; here {
				p.Built = append(p.Built, j)
			}
			if !here || m.Status != statusGood {
				rest = append(rest, m) // of the others the page has all there is to say
			}
		}
		p.Materials = rest
		for k, lib := range p.Needs {
			if j, here := brings[lib.Name]; here {
				p.Needs[k].From = j
			}
		}
	}
}

// mostTrace is the longest trace, or table of a build, that is read; 10,000 packages make some 5 MB.
const mostTrace = 256 << 20

// timeline reads a trace.
func (r *reported) timeline(file string) error {
	data, err := fsx.ReadUpTo(file, mostTrace)
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
	r.Summary = strings.TrimSpace(diag.Printable(summaryText(t.Summary)))
	for _, e := range t.TraceEvents {
		if e.Cat == "package" && e.TID >= 1 && e.TID <= 1000 && e.Dur >= 0 && e.TS >= 0 {
			r.Timeline = append(r.Timeline, reportedSlice{Name: e.Name, Lane: e.TID - 1, Start: float64(e.TS) / 1e6, Seconds: float64(e.Dur) / 1e6, Failed: e.Args["status"] == "failed"})
		}
	}
	return nil
}
