package engine

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"forge/packages"
	"forge/platforms"
	"forge/platforms/toolchain"
	"forge/recipes"
)

// candidates offers the outputs of this run, then the channels, then the host's externals. Strict
// channel priority makes a name that is planned here hide the same name elsewhere. It is safe for
// concurrent use once planned is complete; each name is read once.
type candidates struct {
	ctx       context.Context
	planned   map[string][]*packages.Record
	channels  Channels
	externals *externals
	rules     []ChannelPackages

	namesOnce sync.Once
	names     []string

	mu      sync.Mutex
	known   map[string][]*packages.Record
	exports map[*packages.Record]func() (packages.RunExports, error)
}

func newCandidates(ctx context.Context, req *Request, tools Tools) *candidates {
	return &candidates{
		ctx: ctx, planned: map[string][]*packages.Record{}, channels: tools.Channels, rules: req.ChannelPackages,
		externals: newExternals(tools.Externals), known: map[string][]*packages.Record{},
		exports: map[*packages.Record]func() (packages.RunExports, error){},
	}
}

// of lists all candidates of a name. The list is shared and must not be changed.
func (c *candidates) of(name string) ([]*packages.Record, error) {
	c.mu.Lock()
	all, ok := c.known[name]
	c.mu.Unlock()
	if ok {
		return all, nil
	}
	all = slices.Clone(c.planned[name])
	more, err := c.channels.Candidates(name)
	if err != nil {
		return nil, err
	}
	for _, r := range more {
		if belongs(c.rules, r.Channel, name) {
			all = append(all, r)
		}
	}
	e, err := c.externals.find(c.ctx, name)
	if err != nil {
		return nil, err
	}
	if e != nil {
		all = append(all, &e.Record)
	}
	all = slices.Clip(all)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known[name] = all
	return all, nil
}

// channelExports are the run_exports of a channel's record, read once.
func (c *candidates) channelExports(r *packages.Record) (packages.RunExports, error) {
	c.mu.Lock()
	read := c.exports[r]
	if read == nil {
		read = sync.OnceValues(func() (packages.RunExports, error) { return c.channels.RunExports(r) })
		c.exports[r] = read
	}
	c.mu.Unlock()
	return read()
}

// packaged reports whether a name can be had as a package, so that clients can install it.
func (c *candidates) packaged(name string) (bool, error) {
	if len(c.planned[name]) > 0 {
		return true, nil
	}
	records, err := c.of(name)
	return slices.ContainsFunc(records, func(r *packages.Record) bool { return r.Channel != packages.ChannelExternal }), err
}

// view is what one action sees of the candidates: it is not built with itself, and where its recipe
// says how to begin a loop, not with that part of the run. It notes what it was asked for.
type view struct {
	*candidates
	without *packages.Record
	apart   map[string]bool // names that are taken from a channel or the host
	subdir  string          // packages are for this platform, or for all; empty where only one can be had
	asked   map[string]bool // of the solve that is under way
}

func (c *candidates) view(without *packages.Record, apart map[string]bool) *view {
	return &view{candidates: c, without: without, apart: apart}
}

// Candidates implements resolver.Provider.
func (v *view) Candidates(name string) ([]*packages.Record, error) {
	if v.asked != nil {
		v.asked[name] = true
	}
	all, err := v.of(name)
	if err != nil || !v.hides(name) && v.subdir == "" {
		return all, err
	}
	return slices.DeleteFunc(slices.Clone(all), func(r *packages.Record) bool {
		return r == v.without || v.apart[name] && r.Channel == packages.ChannelPlanned || !v.fits(r)
	}), nil
}

// fits reports whether r can be in an environment of the view's platform. The host's tools always can:
// which of them run there is what their names say.
func (v *view) fits(r *packages.Record) bool {
	return v.subdir == "" || r.Subdir == v.subdir || r.Subdir == "noarch" || r.Channel == packages.ChannelExternal
}

// forKind shows, of a cross build, what an environment of that kind may hold: the builder's packages, or
// those of the machine that runs the result.
func (v *view) forKind(o *recipes.Output, kind string) {
	v.subdir = ""
	if o != nil && o.BuildPlatform != o.HostPlatform {
		v.subdir = platformFor(o, kind).String()
	}
}

func platformFor(o *recipes.Output, kind string) platforms.Platform {
	if kind == buildKind || kind == toolsKind {
		return o.BuildPlatform
	}
	return o.HostPlatform
}

// The kinds of environments.
const (
	buildKind = "build" // its programs run on the builder
	hostKind  = "host"
	testKind  = "test"
	toolsKind = "tools" // of a test: what it asks for of the machine that it runs on
)

// hides reports whether this view shows fewer candidates of a name than another would.
func (v *view) hides(name string) bool {
	return v.apart[name] || v.without != nil && v.without.Name == name
}

// Names implements resolver.Provider.
func (c *candidates) Names() []string {
	c.namesOnce.Do(func() {
		names := append(c.channels.Names(), c.externals.finder.Names()...)
		c.names = sorted(slices.AppendSeq(names, maps.Keys(c.planned)))
	})
	return c.names
}

// externals remembers what the host was found to offer.
type externals struct {
	finder toolchain.Finder
	mu     sync.Mutex
	found  map[string]*toolchain.External
}

func newExternals(f toolchain.Finder) *externals {
	return &externals{finder: f, found: map[string]*toolchain.External{}}
}

// find returns the external of that name, or nil.
func (x *externals) find(ctx context.Context, name string) (*toolchain.External, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if e, ok := x.found[name]; ok {
		return e, nil
	}
	e, err := x.finder.Find(ctx, name)
	if err != nil {
		return nil, err
	}
	x.found[name] = e
	return e, nil
}

// solved remembers environments by what was asked for: many packages are built with the same compiler
// and nothing else.
type solved struct {
	mu   sync.Mutex
	envs map[string]*solvedEnv
}

type solvedEnv struct {
	env   Environment
	asked map[string]bool
}

func memoKey(specs []string, favored []*packages.Record) string {
	var b strings.Builder
	b.WriteString(strings.Join(specs, "\n"))
	for _, r := range favored {
		b.WriteString("\n\n" + r.Channel + " " + r.Subdir + " " + r.String() + " " + r.SHA256)
	}
	return b.String()
}

// get returns an environment that v would have solved alike.
func (s *solved) get(key string, v *view) (Environment, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.envs[key]
	if e == nil || v.without != nil && e.asked[v.without.Name] {
		return Environment{}, false
	}
	for name := range v.apart {
		if e.asked[name] {
			return Environment{}, false
		}
	}
	return e.env, true
}

// put remembers what v solved last, unless it saw less than others would have.
func (s *solved) put(key string, v *view, env Environment) {
	for name := range v.asked {
		if v.hides(name) {
			return
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.envs[key] = &solvedEnv{env, v.asked}
}
