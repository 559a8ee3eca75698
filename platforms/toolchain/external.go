// Package toolchain finds compilers and tools of the host and declares them as externals.
package toolchain

import (
	"context"
	"maps"

	"forge/digest"
	"forge/packages"
)

// External is a tool of the host: a package that was not built by us, as a tree of exactly its files.
type External struct {
	Record     packages.Record     // name as conda-forge calls it, observed version, Channel "external"
	RunExports packages.RunExports // libstdcxx, __glibc >=X
	Origin     []Origin            // where its files come from, for provenance
	Tree       digest.Digest       // of Entries; known after Load
	Entries    []digest.Entry      // paths below /, in the store; known after Load
	Env        map[string]string   // what activating it sets: CC, CFLAGS, …
	Set        map[string]string   // those of Env that the workspace set, in place of Usual
	Usual      map[string]string   // Env as it is where no workspace sets anything; known where Set is not empty
	Calls      []string            // batch files that activating it calls, absolute (Windows)
	Folders    []string            // absolute, that its programs read beside its files, at levels that leave all in place (macOS)
	Programs   []string            // absolute paths of the programs it offers
	Shown      []Shown             // what is seen of it in the build prefix, too
}

// With is e with other values of some variables, in place of those that were set before.
func (e *External) With(set map[string]string) *External {
	c := *e
	if len(e.Set) > 0 {
		c.Env = e.Usual
	}
	c.Usual, c.Set = nil, nil
	if len(set) > 0 {
		c.Usual, c.Set = c.Env, set
		c.Env = maps.Clone(c.Env)
		if c.Env == nil {
			c.Env = map[string]string{}
		}
		maps.Copy(c.Env, set)
	}
	return &c
}

// Shown is a link from the build prefix to a file or folder of an external. Build scripts look for tools and
// their data there, because as conda packages that is where they would lie: $BUILD_PREFIX/share/gnuconfig,
// $BUILD_PREFIX/bin/pkg-config.
type Shown struct {
	Path   string // below the build prefix
	Target string // absolute
}

// Origin is one host package, or one glob, that an external is made of.
type Origin struct {
	Name    string        `json:"name"` // pkg:deb/debian/gcc-12@12.2.0-14?arch=amd64, or file:///usr/local/go
	Version string        `json:"version"`
	Tree    digest.Digest `json:"sha256"` // digest of its files as a tree
}

// Finder finds externals. It looks into fixed folders, never on the caller's PATH, and imports files
// into the store only when an external is loaded.
type Finder interface {
	// Names lists what it could offer.
	Names() []string
	// Find returns the external of that name without its tree, or nil where the host has none.
	Find(ctx context.Context, name string) (*External, error)
	// Load imports the external's files into the store and fills Tree, Entries and Origin. Unchanged
	// files are not read again (dpkg's status, path, size, mtime and inode are trusted for that).
	Load(ctx context.Context, e *External) error
	// Restore is Load where the store turned out not to have all files (store.ErrMissing): nothing is taken from
	// what an earlier run noted.
	Restore(ctx context.Context, e *External) error
	// Looked lists the paths of the host that the answers of Find and Load so far depend on: as long as
	// they stay as they are, so do the answers. What is known of an earlier run comes as facts of its record
	// (store.LastRun). all is false where that is not the whole of it.
	Looked() (paths []Looked, facts [][]byte, all bool)
}

// Looked is a path that was looked at, and whether there was anything.
type Looked struct {
	Path  string
	There bool
}

// Base is the name of the external that is in every sandbox: bash coreutils sed grep awk findutils
// diffutils tar gzip patch, the C library they need, and nothing else.
const Base = "base"
