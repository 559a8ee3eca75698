package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"

	"forge/digest"
	"forge/internal/fsx"
)

// Limits say what gc keeps.
type Limits struct {
	MaxSize int64         // bytes; not limited if negative
	MaxAge  time.Duration // since the last use; not limited if zero
	Keep    time.Duration // what was used within so long stays, also over MaxSize
	Now     time.Time
	DryRun  bool
}

// Collected is what gc did, or would do.
type Collected struct {
	Before  int64 `json:"bytes_before"`
	After   int64 `json:"bytes_after"`
	Results int   `json:"results"` // recorded results removed
	Trees   int   `json:"trees"`
	Blobs   int   `json:"blobs"`
	InUse   int   `json:"in_use"` // entries that were due but kept, for a running process uses them
}

// unit is what is evicted as one: a result, the record of a source, a tree. It keeps its blobs alive.
type unit struct {
	path string
	pin  string // what a process that uses it has in its list
	used time.Time
	size int64 // its own
	refs map[digest.Digest]bool
	tree bool
	gone bool
}

// gc is one collection.
type gc struct {
	*Store
	limits Limits
	pins   map[string]bool
	others int
	units  []*unit
	blobs  map[digest.Digest]int64 // sizes
	count  map[digest.Digest]int   // units that need it
	total  int64
	out    Collected
}

// GC removes what was not used for longer than MaxAge, then the least recently used until no more than
// MaxSize is left, and blobs that nothing needs. What a living process has used since it started is never
// removed. Two collections do not run at once.
func (s *Store) GC(ctx context.Context, limits Limits) (Collected, error) {
	if err := s.Sweep(ctx, limits.Now); err != nil {
		return Collected{}, err
	}
	var unlock func()
	if err := s.withRoom(ctx, limits, func() (err error) { unlock, err = s.Lock(ctx, "gc"); return err }); err != nil {
		return Collected{}, err
	}
	defer unlock()
	if !limits.DryRun {
		if err := s.withRoom(ctx, limits, func() error { _, err := s.join(); return err }); err != nil {
			return Collected{}, err
		}
	}
	g := &gc{Store: s, limits: limits, blobs: map[digest.Digest]int64{}, count: map[digest.Digest]int{}}
	var err error
	if g.pins, g.others, err = s.inUse(ctx); err != nil {
		return Collected{}, err
	}
	if err := g.read(); err != nil {
		return Collected{}, err
	}
	g.out.Before = g.total
	victims := g.choose()
	if !limits.DryRun {
		if err := g.remove(ctx, victims); err != nil {
			return g.out, err
		}
	}
	err = g.dropBlobs(ctx)
	g.out.After = g.total
	return g.out, err
}

// read takes stock of the store.
func (g *gc) read() error {
	inodes := map[uint64]digest.Digest{}
	err := filepath.WalkDir(g.path("cas"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return ignoreGone(err)
		}
		name := filepath.Base(filepath.Dir(path)) + strings.TrimSuffix(d.Name(), ".x")
		sum, perr := digest.Parse(name)
		info, err := d.Info()
		if perr != nil || err != nil {
			return ignoreGone(err)
		}
		g.blobs[sum] += info.Size()
		g.total += info.Size()
		if n := inodeOf(info); n != 0 {
			inodes[n] = sum
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, part := range []string{"actions", "sources"} {
		if err := g.readRecords(part); err != nil {
			return err
		}
	}
	if err := g.readTrees(inodes); err != nil {
		return err
	}
	last, runs, err := g.usedByRuns()
	if err != nil {
		return err
	}
	for _, u := range g.units {
		if t := last[u.pin]; u.pin != "" && t.After(u.used) {
			u.used = t
		}
	}
	g.units = append(g.units, runs...)
	for _, u := range g.units {
		g.total += u.size
		for d := range u.refs {
			g.count[d]++
		}
	}
	sort.SliceStable(g.units, func(i, j int) bool { return g.units[i].used.Before(g.units[j].used) })
	return nil
}

// readRecords makes a unit of each record in a folder; all digests in its text are what it needs.
func (g *gc) readRecords(part string) error {
	entries, err := os.ReadDir(g.path(part))
	if err != nil {
		return ignoreGone(err)
	}
	for _, e := range entries {
		path := g.path(part, e.Name())
		info, err := e.Info()
		if err != nil {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		u := &unit{path: path, used: info.ModTime(), size: info.Size(), refs: map[digest.Digest]bool{}}
		if part == "actions" {
			u.pin = string(rune(pinAction)) + " " + strings.TrimSuffix(e.Name(), ".json")
		}
		for _, hex := range digestPattern().FindAllString(string(text), -1) {
			g.needs(u, hex)
		}
		g.units = append(g.units, u)
	}
	return nil
}

func (g *gc) needs(u *unit, hex string) {
	if d, err := digest.Parse(hex); err == nil {
		if _, ok := g.blobs[d]; ok {
			u.refs[d] = true
		}
	}
}

// readTrees makes a unit of each tree: its list of files and the folder it was laid out in.
func (g *gc) readTrees(inodes map[uint64]digest.Digest) error {
	entries, err := os.ReadDir(g.path("trees"))
	if err != nil {
		return ignoreGone(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			continue
		}
		u := &unit{path: g.path("trees", e.Name()), used: info.ModTime(), refs: map[digest.Digest]bool{}, tree: true,
			pin: string(rune(pinTree)) + " " + strings.TrimSuffix(e.Name(), ".json")}
		if !e.IsDir() {
			u.size = info.Size()
			text, err := os.ReadFile(u.path)
			if err != nil {
				continue
			}
			for _, hex := range digestPattern().FindAllString(string(text), -1) {
				g.needs(u, hex)
			}
		} else if err := u.readFolder(inodes); err != nil {
			return err
		}
		g.units = append(g.units, u)
	}
	return nil
}

// readFolder finds the blobs a folder is made of by their inodes; other files are its own.
func (u *unit) readFolder(inodes map[uint64]digest.Digest) error {
	return filepath.WalkDir(u.path, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return ignoreGone(err)
		}
		info, err := d.Info()
		if err != nil {
			return ignoreGone(err)
		}
		if sum, ok := inodes[inodeOf(info)]; ok {
			u.refs[sum] = true
		} else {
			u.size += info.Size()
		}
		return nil
	})
}

// choose lists what is to go: by age, then by size, the least recently used first.
func (g *gc) choose() []*unit {
	var victims []*unit
	left := g.total - g.unneeded()
	for _, u := range g.units {
		old := g.limits.MaxAge > 0 && g.limits.Now.Sub(u.used) > g.limits.MaxAge
		if !old && (g.limits.MaxSize < 0 || left <= g.limits.MaxSize || g.limits.Keep > 0 && g.limits.Now.Sub(u.used) < g.limits.Keep) {
			continue
		}
		if g.inUseNow(u) {
			g.out.InUse++
			continue
		}
		victims = append(victims, u)
		left -= g.forget(u)
	}
	return victims
}

// inUseNow reports whether a process uses u: by name, or by one of its blobs. What has no name of its own yet
// somebody is writing, unless it is old.
func (g *gc) inUseNow(u *unit) bool {
	unfinished := strings.HasPrefix(filepath.Base(u.path), fsx.TempPrefix)
	if g.pins[u.pin] || unfinished && g.limits.Now.Sub(u.used) < young {
		return true
	}
	if u.pin != "" {
		return false
	}
	for d := range u.refs {
		if g.pins[string(rune(pinBlob))+" "+d.Hex()] {
			return true
		}
	}
	return false
}

// forget takes u out of the count and returns the bytes that this frees.
func (g *gc) forget(u *unit) int64 {
	u.gone = true
	freed := u.size
	for d := range u.refs {
		if g.count[d]--; g.count[d] == 0 {
			freed += g.blobs[d]
		}
	}
	g.total -= u.size
	if u.tree {
		g.out.Trees++
	} else {
		g.out.Results++
	}
	return freed
}

// unneeded is the size of the blobs that no unit needs.
func (g *gc) unneeded() (n int64) {
	for d, size := range g.blobs {
		if g.count[d] == 0 {
			n += size
		}
	}
	return n
}

// remove takes the victims away that nobody uses by then. What a process is to use it pins first and looks for after
// that, so either it does not find it or it keeps it.
func (g *gc) remove(ctx context.Context, victims []*unit) error {
	trash, err := g.TempDir("gc")
	if err != nil {
		return err
	}
	defer fsx.RemoveAll(trash) // when others may pin again
	return g.pinned(ctx, func() error {
		for i, u := range victims {
			if g.inUseNow(u) {
				g.restore(u)
				continue
			}
			switch err := os.Rename(u.path, filepath.Join(trash, fmt.Sprint(i))); {
			case errors.Is(err, fs.ErrPermission):
				g.restore(u) // a folder that another user of a shared store made
				g.out.InUse--
			case err != nil && !errors.Is(err, fs.ErrNotExist):
				return err
			}
		}
		return nil
	})
}

// pinned calls do with all that is in use known, and nobody pinning more meanwhile.
func (g *gc) pinned(ctx context.Context, do func() error) (err error) {
	unlock, err := fsx.Lock(ctx, g.pinsLock())
	if err != nil {
		return err
	}
	defer unlock()
	if g.pins, g.others, err = g.inUse(ctx); err != nil {
		return err
	}
	return do()
}

func (g *gc) restore(u *unit) {
	u.gone = false
	for d := range u.refs {
		g.count[d]++
	}
	g.total += u.size
	g.out.InUse++
	if u.tree {
		g.out.Trees--
	} else {
		g.out.Results--
	}
}

// young is how new a blob may be that nothing needs yet while others are at work: a result that names it
// may be about to be recorded.
const young = 24 * time.Hour

// dropBlobs removes the blobs that nothing needs. Units that came since the stock was taken are asked too.
func (g *gc) dropBlobs(ctx context.Context) error {
	if !g.limits.DryRun {
		again := &gc{Store: g.Store, blobs: map[digest.Digest]int64{}, count: map[digest.Digest]int{}}
		if err := again.read(); err != nil {
			return err
		}
		g.count = again.count
	}
	list := make([]digest.Digest, 0, len(g.blobs))
	for d := range g.blobs {
		if g.count[d] == 0 {
			list = append(list, d)
		}
	}
	if g.limits.DryRun {
		g.drop(list)
		return nil
	}
	for some := range slices.Chunk(list, 256) { // few enough that who pins hardly waits
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := g.pinned(ctx, func() error { g.drop(some); return nil }); err != nil {
			return err
		}
	}
	return nil
}

// drop removes those of the blobs that nobody uses.
func (g *gc) drop(list []digest.Digest) {
	for _, d := range list {
		if g.pins[string(rune(pinBlob))+" "+d.Hex()] {
			continue
		}
		if info, err := os.Lstat(g.blob(d, false)); g.others > 0 && err == nil && g.limits.Now.Sub(info.ModTime()) < young {
			continue
		}
		if !g.limits.DryRun {
			g.Forget(d)
		}
		g.out.Blobs++
		g.total -= g.blobs[d]
	}
}
