package engine

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"forge/digest"
	"forge/internal/fsx"
	"forge/packages"
	"forge/provenance"
	"forge/recipes"
	"forge/sandbox"
)

// RebuildAsk is what Rebuild is asked for.
type RebuildAsk struct {
	File      string           // the package
	Statement provenance.Build // how it was made; the caller checked who says so
	Recipe    string           // folder to take the recipe from where the package lacks it
	Times     int              // plain rebuilds
	Vary      []string         // dimensions
	Formats   func(packer string) (packages.Format, error)
	// OtherInputs goes on where this machine cannot offer what the package was built with.
	OtherInputs bool
}

// Attempt is one rebuild.
type Attempt struct {
	Archive   digest.Digest `json:"sha256"`
	Varied    []string      `json:"varied,omitempty"`
	Isolation string        `json:"isolation,omitempty"`
	Seconds   float64       `json:"seconds"`
}

// The verdicts of a rebuild.
const (
	VerdictIdentical = "identical"
	VerdictDifferent = "different"
)

// RebuildReport is what came of it.
type RebuildReport struct {
	Package     string        `json:"package"`
	SHA256      digest.Digest `json:"sha256"`
	Verdict     string        `json:"verdict"`
	SameInputs  bool          `json:"same_inputs"` // the key of the rebuild is the recorded one
	Key         digest.Digest `json:"key"`
	Notes       []string      `json:"notes,omitempty"`
	Attempts    []Attempt     `json:"rebuilds"`
	Differences []Difference  `json:"differences"`
	NotVaried   []string      `json:"not_varied,omitempty"` // what of "all" this machine cannot vary, and why
}

// Rebuild builds a package again from its own record and compares. The key of the build covers all that
// goes into it, so it proves that the record was enough: where it is another, the error says what differs.
func Rebuild(ctx context.Context, req *Request, tools Tools, ask RebuildAsk, report func(Event)) (*RebuildReport, error) {
	r := &rebuild{req: req, tools: tools, ask: ask, report: report}
	dir, err := tools.Store.TempDir("rebuild")
	if err != nil {
		return nil, err
	}
	defer fsx.RemoveAll(dir)
	if err := r.prepare(ctx, dir); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(ask.File), err)
	}
	return r.all(ctx)
}

// rebuild is one package being built again.
type rebuild struct {
	req     *Request
	tools   Tools
	ask     RebuildAsk
	report  func(Event)
	planner *planner
	target  *Action
	built   map[*Action]*Built
	out     RebuildReport
	plain   *attempted
}

// attempted is an attempt with what is needed to compare it.
type attempted struct {
	Attempt
	file       string
	start, end time.Time
}

// prepare makes the plan out of the record.
func (r *rebuild) prepare(ctx context.Context, dir string) error {
	b := r.ask.Statement
	if err := r.like(b); err != nil {
		return err
	}
	runner := newRunner(r.req, r.tools, &Graph{}, nil)
	format, err := runner.formatOf(filepath.Base(r.ask.File))
	if err != nil {
		return err
	}
	pkg, err := format.Open(r.ask.File)
	if err != nil {
		return err
	}
	defer pkg.Close()
	rec, err := pkg.Record()
	if err != nil {
		return err
	}
	folder := filepath.Join(dir, "recipe")
	if err := os.Mkdir(folder, 0o755); err != nil {
		return err
	}
	file, err := recordedRecipe(r.tools.Store, pkg, b, r.ask.Recipe, folder)
	if err != nil {
		return err
	}
	r.req.WorkDir, r.req.Recipes = dir, []string{file}
	_, err = pkg.Info("recipe/" + filepath.Base(file))
	r.req.IncludeRecipe = err == nil
	outputs, target, err := recordedOutputs(ctx, r.req, b, rec)
	if err != nil {
		return err
	}
	if err := r.extraMeta(pkg, target); err != nil {
		return err
	}
	return r.plan(ctx, outputs, target, rec)
}

// like sets the request to what the statement says of isolation, limits and format.
func (r *rebuild) like(b provenance.Build) error {
	if b.Isolation != "" {
		r.req.Isolation = sandbox.Isolation(b.Isolation)
	}
	if err := checkWidening(r.req.Widen, b); err != nil {
		return err
	}
	r.req.SkipTests = true
	// Which outputs were made of several levels is in the materials, the levels themselves in the variant.
	r.req.Optimize = Optimize{Packages: []string{""}}
	if slices.ContainsFunc(b.Materials, func(m provenance.Material) bool { return m.Kind == materialLevel }) {
		r.req.Optimize = Optimize{}
	}
	var err error
	r.tools.Format, err = r.ask.Formats(b.Packer)
	return err
}

// plan solves the output's environments with nothing but the recorded packages.
func (r *rebuild) plan(ctx context.Context, outputs []*recipes.Output, target *recipes.Output, rec *packages.Record) error {
	runner := newRunner(r.req, r.tools, &Graph{}, nil)
	recorded, ours, missing := findRecorded(runner, r.ask.Statement)
	if len(missing) > 0 {
		return &LackError{missing}
	}
	for _, spec := range rec.Depends {
		recorded.known[specName(spec)] = true
	}
	r.tools.Channels, r.req.ChannelPackages, r.req.SkipExisting = recorded, nil, SkipNone
	r.tools.Lock, r.req.Locked = nil, false // the record is the lock
	r.tools.Externals = newRecordedExternals(r.tools.Externals, r.ask.Statement)
	p := newPlanner(ctx, r.req, r.tools)
	if err := p.enter(outputs); err != nil {
		return err
	}
	r.setAside(p, target)
	for _, a := range ours {
		if err := r.adoptPlanned(p, recorded, a); err != nil {
			return err
		}
	}
	p.activate(p.index[r.target])
	p.rounds()
	p.reportStuck()
	r.planner = p
	p.reportUnknown()
	p.problems.Sort()
	return p.problems.Err()
}

// setAside keeps the recipe's other outputs out of the environments: of them no more is needed than
// names and versions, for pins. Those that were used are among the recorded packages.
func (r *rebuild) setAside(p *planner, target *recipes.Output) {
	r.built = map[*Action]*Built{}
	for i, a := range p.all {
		switch {
		case a.Output == target:
			r.target = a
			p.from.planned[a.Output.Name] = []*packages.Record{&a.Record}
		case a.Output == target.DebugOf: // it is built first
		case r.leftWork(a): // so is this
			p.activate(i)
			if a.Output.Name != target.Name {
				delete(p.from.planned, a.Output.Name)
			}
		case !a.Output.Staging:
			p.states[i] = planState{active: true, done: true, tested: true, settled: true}
			if a.Output.Name != target.Name {
				delete(p.from.planned, a.Output.Name)
			}
		}
	}
}

// adoptPlanned enters a package that was an output of the original run.
func (r *rebuild) adoptPlanned(p *planner, recorded *recordedPackages, a *Action) error {
	sum, err := digest.Parse(a.Record.SHA256)
	if err != nil {
		return err
	}
	if !r.tools.Store.Has(sum) {
		if _, _, err := r.tools.Store.PutFile(recorded.files[a.Record.SHA256], false); err != nil {
			return err
		}
	}
	b := &Built{Record: a.Record, RunExports: a.RunExports, FileName: a.Record.FileName, Archive: sum}
	format, err := newRunner(r.req, r.tools, &Graph{}, nil).formatOf(b.FileName)
	if err != nil {
		return err
	}
	pkg, err := format.Open(r.tools.Store.Path(sum, false))
	if err != nil {
		return err
	}
	defer pkg.Close()
	if b.Content, err = pkg.ContentDigest(); err != nil {
		return err
	}
	r.built[a] = b
	// For pins the recorded package comes before the recipe's own word on it.
	delete(p.byName, a.Record.Name)
	p.adopt(a)
	return nil
}

// attempt builds the output once, with v different on purpose.
func (r *rebuild) attempt(ctx context.Context, dims []string) (*attempted, error) {
	req := *r.req
	v := variation{}
	for _, d := range dims {
		v[d] = true
	}
	req.CPUs = v.cpus(req.CPUs)
	run := newRunner(&req, r.tools, r.planner.graph, r.report)
	run.vary = v
	built := withSelf(r.built, nil, nil)
	delete(built, nil)
	start := r.tools.Now()
	if err := run.buildFirst(ctx, r.target, built, workNames(r.ask.Statement)); err != nil {
		return nil, err
	}
	m, err := run.manifest(ctx, r.target, built)
	if err != nil {
		return nil, err
	}
	if err := r.checkKey(ctx, run, m); err != nil {
		return nil, err
	}
	b, err := run.build(ctx, r.target, m.ID().Digest, built)
	if err != nil {
		return nil, err
	}
	end := r.tools.Now()
	return &attempted{Attempt: Attempt{Archive: b.Archive, Varied: dims, Isolation: b.Isolation, Seconds: end.Sub(start).Seconds()},
		file: r.tools.Store.Path(b.Archive, false), start: start, end: end}, nil
}

// leftWork reports whether a's script changed the work folder in which the target's began.
func (r *rebuild) leftWork(a *Action) bool {
	return slices.Contains(workNames(r.ask.Statement), a.Output.String()) && a.Output.LeavesWork
}

// buildFirst builds what a starts from or is merged of: staging outputs, other CPU levels, and the outputs of those
// names whose scripts ran before in its work folder.
func (r *runner) buildFirst(ctx context.Context, a *Action, built map[*Action]*Built, work []string) error {
	first := append(slices.Clone(a.Levels), a.Staging, a.DebugOf)
	for b := a.After; b != nil; b = b.After {
		if slices.Contains(work, b.Output.String()) {
			first = append(first, b)
		}
	}
	for _, b := range slices.Backward(first) {
		if b == nil || built[b] != nil {
			continue
		}
		if err := r.buildFirst(ctx, b, built, work); err != nil {
			return err
		}
		m, err := r.manifest(ctx, b, built)
		if err != nil {
			return err
		}
		if built[b], err = r.build(ctx, b, m.ID().Digest, built); err != nil {
			return err
		}
	}
	return nil
}

// checkKey holds the key of the rebuild to the recorded one.
func (r *rebuild) checkKey(ctx context.Context, run *runner, m Manifest) error {
	r.out.Key, r.out.SameInputs = m.ID().Digest, m.ID().Digest == r.ask.Statement.Key
	if r.out.SameInputs || r.out.Notes != nil {
		return nil
	}
	r.out.Notes = r.inputDifferences(ctx, run, m)
	if !r.ask.OtherInputs {
		return &LackError{append(r.out.Notes, "--other-inputs builds with these all the same; the verdict is then about both")}
	}
	return nil
}

// all makes the rebuilds and compares them.
func (r *rebuild) all(ctx context.Context) (*RebuildReport, error) {
	sum, _, err := digest.OfFile(r.ask.File)
	if err != nil {
		return nil, err
	}
	r.out.Package, r.out.SHA256, r.out.Differences = filepath.Base(r.ask.File), sum, []Difference{}
	for range max(1, r.ask.Times) {
		a, err := r.attempt(ctx, nil)
		if err != nil {
			return nil, err
		}
		r.out.Attempts = append(r.out.Attempts, a.Attempt)
		if a.Archive != sum {
			if err := r.compare(ctx, r.ask.File, a, ""); err != nil {
				return nil, err
			}
		}
		if r.plain == nil {
			r.plain = a
		}
	}
	dims, reasons := variable(r.ask.Vary, r.req.CacheDir)
	if r.out.NotVaried = reasons; len(dims) > 0 {
		r.ask.Vary = dims
		if err := r.varied(ctx); err != nil {
			return nil, err
		}
	}
	r.out.Verdict = VerdictIdentical
	if len(r.out.Differences) > 0 {
		r.out.Verdict = VerdictDifferent
	}
	return &r.out, nil
}

// varied builds once with everything varied. Only where that makes other differences than a plain rebuild
// is each dimension varied alone, to know which of them it is.
func (r *rebuild) varied(ctx context.Context) error {
	a, err := r.attempt(ctx, r.ask.Vary)
	if err != nil {
		return err
	}
	r.out.Attempts = append(r.out.Attempts, a.Attempt)
	found, err := r.fresh(ctx, a)
	if err != nil || len(found) == 0 {
		return err
	}
	if len(r.ask.Vary) == 1 {
		return r.compare(ctx, r.plain.file, a, r.ask.Vary[0])
	}
	before := len(r.out.Differences)
	for _, d := range r.ask.Vary {
		one, err := r.attempt(ctx, []string{d})
		if err != nil {
			return err
		}
		r.out.Attempts = append(r.out.Attempts, one.Attempt)
		if err := r.compare(ctx, r.plain.file, one, d); err != nil {
			return err
		}
	}
	if len(r.out.Differences) == before { // only together
		return r.compare(ctx, r.plain.file, a, "")
	}
	return nil
}

// fresh lists what differs between a and the plain rebuild and was not found before.
func (r *rebuild) fresh(ctx context.Context, a *attempted) ([]Difference, error) {
	if a.Archive == r.plain.Archive {
		return nil, nil
	}
	list, err := comparePackages(ctx, r.tools, r.plain.file, a.file)
	var fresh []Difference
	for _, d := range list {
		if !r.knows(d, "") {
			fresh = append(fresh, d)
		}
	}
	return fresh, err
}

// knows reports whether d shows again what was found already. A difference that moves about or has another
// name each time is known by its file or folder. What two dimensions change in one place is two differences: who is
// told of the first alone mends it and builds again in vain.
func (r *rebuild) knows(d Difference, dimension string) bool {
	for _, old := range r.out.Differences {
		switch {
		case dimension != "" && old.dimension != "" && classOf(old.dimension) != classOf(dimension):
		case d.Where == "name" && old.Where == "name" && path.Dir(old.Path) == path.Dir(d.Path):
			return true
		case old.Path != d.Path:
		case old.Where == d.Where, old.order, old.hint != "" && strings.HasPrefix(old.Where, "line "),
			byteOffset().ReplaceAllString(old.Where, "") == byteOffset().ReplaceAllString(d.Where, ""):
			return true
		}
	}
	return false
}

var byteOffset = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`byte \d+$`) })

// compare adds what differs between the package in file and an attempt; dimension is what was varied.
func (r *rebuild) compare(ctx context.Context, file string, a *attempted, dimension string) error {
	list, err := comparePackages(ctx, r.tools, file, a.file)
	if err != nil {
		return err
	}
	for _, d := range list {
		if r.knows(d, dimension) {
			continue
		}
		d.dimension = dimension
		classify(&d, evidence{start: a.start, end: a.end, dimension: dimension})
		r.out.Differences = append(r.out.Differences, d)
	}
	return nil
}
