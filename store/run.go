package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"forge/digest"
	"forge/internal/fsx"
)

// How says what of a watched path must stay as it was.
type How byte

// The ways to watch a path.
const (
	Same     How = 's' // the path itself: its whole stamp
	Followed How = 'f' // what it leads to, if it is a link
	Absent   How = '-' // there is nothing of that name, or a link that leads nowhere
	Present  How = 'b' // a file of that size: a blob of the store, whose times and links change
	Content  How = 'c' // its bytes
)

// Watch is a path that a run has read, or made.
type Watch struct {
	Path string // absolute, or relative to the working folder of all runs with one id
	How  How
	// Stamp, if not nil, is what the run saw the path to be when it had looked at it. Without it, the path
	// must not have changed since the run began.
	Stamp *fsx.Stamp
	Own   bool // the run itself wrote it last
}

// RunRecord is what a run leaves so that the next one that would find nothing to do can know it without
// reading anything: the stamps of all that it depends on, and what it said in the end.
type RunRecord struct {
	ID    digest.Digest // of what was asked for
	Began time.Time     // before anything was read
	Watch []Watch
	Facts [][]byte // facts of another record that were looked at since, as LastRun.Facts gives them
	// Held is what there must be in the store, and all that was used of it. Without it, whatever this process
	// has used so far counts as used.
	Held  []Watch
	Texts map[byte][]byte // what to say again, by a name of one letter
}

// UnsettledError names a path that changed while the run was under way, or so short before that time
// stamps cannot tell.
type UnsettledError struct{ Path string }

// Error says so.
func (e *UnsettledError) Error() string {
	return fmt.Sprintf("%s changed while the run was under way", e.Path)
}

const (
	runMagic   = "forge run 1\n"
	blockFacts = 4096
	factBlock  = 'F'
	heldBlock  = 'H' // facts about the store
	usedBlock  = 'U' // what the run used of the store: keys of results and trees
	stampSize  = 5*8 + 4
)

func (s *Store) runPath(id digest.Digest) string { return s.path("runs", id.Hex()) }

// KeepRun records a run. It fails with an UnsettledError where what was read may not be what is there now;
// then no record of that id is left.
func (s *Store) KeepRun(r RunRecord) error {
	path := s.runPath(r.ID)
	out := append([]byte(runMagic), rawSum(r.ID)...)
	out, err := appendFacts(out, factBlock, r.Watch, r.Began)
	if err == nil {
		out, err = appendFacts(out, heldBlock, r.Held, r.Began)
	}
	if err != nil {
		_ = os.Remove(path)
		return err
	}
	for _, block := range r.Facts {
		out = appendBlock(out, factBlock, block)
	}
	used := []byte{}
	if r.Held == nil {
		used = s.used()
	}
	out = appendBlock(out, usedBlock, used)
	for _, name := range sortedBytes(r.Texts) {
		out = appendBlock(out, name, r.Texts[name])
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return fsx.WriteCache(path, out, 0o600) // its blocks have check sums
}

func appendFacts(out []byte, name byte, list []Watch, began time.Time) ([]byte, error) {
	for watch := range slices.Chunk(list, blockFacts) {
		var block []byte
		for _, w := range watch {
			var err error
			if block, err = appendFact(block, w, began); err != nil {
				return nil, err
			}
		}
		out = appendBlock(out, name, block)
	}
	return out, nil
}

// used lists the results and trees that this process has used: kind and raw digest of each.
func (s *Store) used() []byte {
	s.session.mu.Lock()
	defer s.session.mu.Unlock()
	list := []byte{}
	for pin := range s.session.pinned {
		if d, err := digest.Parse(strings.TrimSpace(pin[2:])); err == nil && pin[0] != pinBlob {
			list = append(append(list, pin[0]), rawSum(d)...)
		}
	}
	return list
}

// usedByRuns tells, by pin, when recorded runs last used it; runs are the records themselves.
func (s *Store) usedByRuns() (last map[string]time.Time, runs []*unit, err error) {
	entries, err := os.ReadDir(s.path("runs"))
	if err != nil {
		return nil, nil, ignoreGone(err)
	}
	last = map[string]time.Time{}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		runs = append(runs, &unit{path: s.path("runs", e.Name()), used: info.ModTime(), size: info.Size()})
		id, err := digest.Parse(e.Name())
		if err != nil {
			continue
		}
		run, err := s.LastRun(id)
		if err != nil {
			continue
		}
		for used := range slices.Chunk(run.Text(usedBlock), 1+digest.Size) {
			if d, err := digest.FromSum(used[1:]); err == nil {
				pin := string(rune(used[0])) + " " + d.Hex()
				if last[pin].Before(info.ModTime()) {
					last[pin] = info.ModTime()
				}
			}
		}
	}
	return last, runs, nil
}

func sortedBytes(m map[byte][]byte) []byte {
	var names []byte
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

func rawSum(d digest.Digest) []byte {
	sum := d.Sum()
	return sum[:]
}

// appendBlock frames data: name, length, check sum (CRC-32C), data.
func appendBlock(out []byte, name byte, data []byte) []byte {
	out = append(out, name)
	out = binary.LittleEndian.AppendUint64(out, uint64(len(data)))
	out = binary.LittleEndian.AppendUint32(out, checksum(data))
	return append(out, data...)
}

func checksum(data []byte) uint32 { return crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)) }

// appendFact looks at a path and writes down how it is: how, length of the path, path, what How asks for.
func appendFact(b []byte, w Watch, began time.Time) ([]byte, error) {
	if len(w.Path) > 1<<16-1 || w.Path == "" {
		return nil, &UnsettledError{w.Path}
	}
	b = append(b, byte(w.How))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(w.Path)))
	b = append(b, w.Path...)
	if w.How == Content {
		sum, _, err := digest.OfFile(w.Path)
		return append(b, rawSum(sum)...), err
	}
	now, err := fsx.StampOf(w.Path, w.How.follows())
	switch {
	case w.How == Absent && errors.Is(err, fs.ErrNotExist):
		return b, nil
	case w.How == Absent && err == nil:
		return nil, &UnsettledError{w.Path}
	case errors.Is(err, fs.ErrNotExist):
		return nil, &UnsettledError{w.Path}
	case err != nil:
		return nil, fmt.Errorf("look at %s: %w", w.Path, err)
	case w.How == Present && now.IsRegular():
		return binary.LittleEndian.AppendUint64(b, uint64(now.Size)), nil
	case w.How == Present:
		return nil, &UnsettledError{w.Path}
	case w.Stamp != nil && *w.Stamp != now, w.Stamp == nil && !w.Own && !now.Settled(began):
		return nil, &UnsettledError{w.Path}
	}
	return appendStamp(b, now), nil
}

func appendStamp(b []byte, s fsx.Stamp) []byte {
	for _, n := range [...]uint64{s.Device, s.Inode, uint64(s.Size), uint64(s.Modified), uint64(s.Changed)} {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	return binary.LittleEndian.AppendUint32(b, s.Mode)
}

func readStamp(b []byte) fsx.Stamp {
	n := func(i int) uint64 { return binary.LittleEndian.Uint64(b[8*i:]) }
	return fsx.Stamp{Device: n(0), Inode: n(1), Size: int64(n(2)), Modified: int64(n(3)), Changed: int64(n(4)), Mode: binary.LittleEndian.Uint32(b[40:])}
}

// LastRun is a record that was read.
type LastRun struct {
	path  string
	facts [][]byte
	held  [][]byte // facts about the store
	texts map[byte][]byte
	count atomic.Int64 // facts looked at
}

var errNoRun = errors.New("no run of this kind is recorded")

// LastRun reads the record of the last run that was asked for the same; an error where there is none or
// where it is damaged.
func (s *Store) LastRun(id digest.Digest) (*LastRun, error) {
	data, err := os.ReadFile(s.runPath(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNoRun
	}
	if err != nil {
		return nil, err
	}
	rest, ok := strings.CutPrefix(string(data[:min(len(data), len(runMagic)+digest.Size)]), runMagic)
	if !ok || rest != string(rawSum(id)) {
		return nil, errDamaged
	}
	r := &LastRun{path: s.runPath(id), texts: map[byte][]byte{}}
	for b := data[len(runMagic)+digest.Size:]; len(b) > 0; {
		if len(b) < 13 {
			return nil, errDamaged
		}
		name, size, sum := b[0], binary.LittleEndian.Uint64(b[1:]), binary.LittleEndian.Uint32(b[9:])
		if b = b[13:]; size > uint64(len(b)) {
			return nil, errDamaged
		}
		block := b[:size]
		if b = b[size:]; checksum(block) != sum {
			return nil, errDamaged
		}
		switch name {
		case factBlock:
			r.facts = append(r.facts, block)
		case heldBlock:
			r.held = append(r.held, block)
		default:
			r.texts[name] = block
		}
	}
	if len(r.facts)+len(r.held) == 0 || r.texts[usedBlock] == nil {
		return nil, errDamaged
	}
	return r, nil
}

// Used notes that the record was of use now, and with it all that its run had used of the store: gc keeps
// what was used last.
func (r *LastRun) Used(now time.Time) { _ = os.Chtimes(r.path, now, now) }

// Text is what the run left under that name.
func (r *LastRun) Text(name byte) []byte { return r.texts[name] }

// Facts are the watched paths as they were, but for those in the store: for another record of a run that
// has looked at them now.
func (r *LastRun) Facts() [][]byte { return r.facts }

// Watched is the number of paths that the last Unchanged looked at.
func (r *LastRun) Watched() int { return int(r.count.Load()) }

// changedError names the first path that is not as it was.
type changedError struct{ path, what string }

func (e *changedError) Error() string { return e.path + " " + e.what }

// Unchanged looks at all paths again, those in the store with them. The error names one that is not as it was;
// whatever cannot be looked at counts as changed.
func (r *LastRun) Unchanged() error { return r.check(slices.Concat(r.facts, r.held)) }

// UnchangedOutside is Unchanged without the paths in the store, for who finds out by using them that one is
// missing.
func (r *LastRun) UnchangedOutside() error { return r.check(r.facts) }

func (r *LastRun) check(blocks [][]byte) error {
	// What runs change themselves, recipes and packages, stands first: where one did, nothing else needs a look.
	if len(blocks) > 0 {
		rest, err := r.checkBlock(blocks[0], firstFacts, nil)
		if err != nil {
			return err
		}
		blocks = append([][]byte{rest}, blocks[1:]...)
	}
	var group errgroup.Group
	group.SetLimit(max(2, runtime.GOMAXPROCS(0)))
	var failed atomic.Bool
	for _, block := range blocks {
		group.Go(func() error {
			_, err := r.checkBlock(block, len(block), &failed)
			return err
		})
	}
	return group.Wait()
}

// firstFacts is how many paths are looked at before others are looked at side by side.
const firstFacts = 64

// checkBlock looks at up to most paths of a block and returns the rest of it. It ends where another found out
// that the run is none to repeat.
func (r *LastRun) checkBlock(block []byte, most int, failed *atomic.Bool) (rest []byte, err error) {
	var stamps fsx.Stamps
	defer stamps.Close()
	for n := 0; len(block) > 0 && n < most; n++ {
		if failed != nil && n%64 == 0 && failed.Load() {
			return nil, nil
		}
		if block, err = checkFact(block, &stamps); err != nil {
			if failed != nil {
				failed.Store(true)
			}
			return nil, err
		}
		r.count.Add(1)
	}
	return block, nil
}

// follows: a link that leads nowhere is absent, too.
func (h How) follows() bool { return h == Followed || h == Absent }

// size is the length of what is written down of a path watched so.
func (h How) size() (n int, known bool) {
	switch h {
	case Same, Followed:
		return stampSize, true
	case Absent:
		return 0, true
	case Present:
		return 8, true
	case Content:
		return digest.Size, true
	}
	return 0, false
}

// checkFact looks at the first path of a block and returns the rest of the block.
func checkFact(b []byte, stamps *fsx.Stamps) ([]byte, error) {
	if len(b) < 3 {
		return nil, errDamaged
	}
	how, n := How(b[0]), int(binary.LittleEndian.Uint16(b[1:]))
	size, known := how.size()
	if b = b[3:]; !known || len(b) < n+size {
		return nil, errDamaged
	}
	path, was, rest := string(b[:n]), b[n:n+size], b[n+size:]
	if how == Content {
		sum, _, err := digest.OfFile(path)
		if err != nil || string(rawSum(sum)) != string(was) {
			return nil, &changedError{path, "has other content"}
		}
		return rest, nil
	}
	now, err := stamps.Of(path, how.follows())
	switch {
	case how == Absent && errors.Is(err, fs.ErrNotExist):
		return rest, nil
	case how == Absent:
		return nil, &changedError{path, "is new"}
	case errors.Is(err, fs.ErrNotExist):
		return nil, &changedError{path, "is gone"}
	case err != nil:
		return nil, &changedError{path, "cannot be looked at"}
	case how == Present && (!now.IsRegular() || uint64(now.Size) != binary.LittleEndian.Uint64(was)),
		how != Present && now != readStamp(was):
		return nil, &changedError{path, "changed"}
	}
	return rest, nil
}
