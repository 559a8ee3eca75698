package engine

import (
	"context"
	"sort"

	"forge/packages"
	"forge/platforms/toolchain"
)

// candidates offers the outputs of this run, then the channels, then the host's externals. Strict
// channel priority makes a name that is planned here hide the same name elsewhere.
type candidates struct {
	ctx       context.Context
	planned   map[string][]*packages.Record
	without   *packages.Record // an output never builds on itself
	channels  Channels
	externals *externals
}

// Candidates implements resolver.Provider.
func (c *candidates) Candidates(name string) ([]*packages.Record, error) {
	var all []*packages.Record
	for _, r := range c.planned[name] {
		if r != c.without {
			all = append(all, r)
		}
	}
	more, err := c.channels.Candidates(name)
	if err != nil {
		return nil, err
	}
	all = append(all, more...)
	e, err := c.externals.find(c.ctx, name)
	if err != nil {
		return nil, err
	}
	if e != nil {
		all = append(all, &e.Record)
	}
	return all, nil
}

// Names implements resolver.Provider.
func (c *candidates) Names() []string {
	names := append(c.channels.Names(), c.externals.finder.Names()...)
	for name := range c.planned {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// packaged reports whether a name can be had as a package, so that clients can install it.
func (c *candidates) packaged(name string) (bool, error) {
	if len(c.planned[name]) > 0 {
		return true, nil
	}
	records, err := c.channels.Candidates(name)
	return len(records) > 0, err
}

// externals remembers what the host was found to offer.
type externals struct {
	finder toolchain.Finder
	found  map[string]*toolchain.External
}

func newExternals(f toolchain.Finder) *externals {
	return &externals{finder: f, found: map[string]*toolchain.External{}}
}

// find returns the external of that name, or nil. It is called by one goroutine at a time.
func (x *externals) find(ctx context.Context, name string) (*toolchain.External, error) {
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
