package packages

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"os"
	"path"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// seen is what readAhead found at a path.
type seen struct {
	scan
	regular bool // it is a file that was opened
	exec    bool // its owner may run it
	scanned bool
}

// readAhead scans the files that add will ask for, on all cores. What it could not open, or is no file, is
// left for add to look at and tell of.
func (c *collector) readAhead() {
	wanted := make([]int, 0, len(c.paths))
	for i, p := range c.paths {
		if c.takes(p) {
			wanted = append(wanted, i)
		}
	}
	large := c.lookAll(wanted, runtime.GOMAXPROCS(0), largeFile)
	// The largest first: the memory for it is enough for all after it.
	slices.SortFunc(large, func(a, b sizedPath) int { return cmp.Or(cmp.Compare(b.size, a.size), cmp.Compare(a.index, b.index)) })
	wanted = wanted[:0]
	for _, l := range large {
		wanted = append(wanted, l.index)
	}
	c.lookAll(wanted, max(runtime.GOMAXPROCS(0)/2, 1), math.MaxInt64)
}

// sizedPath is one of collector.paths.
type sizedPath struct {
	index int
	size  int64
}

// largeFile is the size from which on files are scanned after the others, and fewer at a time: a program is
// held whole, and memory that was not in use before costs a tenth of a digest over it.
const largeFile = 4 << 20

// lookAll scans paths with so many workers and returns those that are larger than most.
func (c *collector) lookAll(indexes []int, many int, most int64) (large []sizedPath) {
	var next atomic.Int64
	var workers sync.WaitGroup
	var mu sync.Mutex
	for range min(many, len(indexes)) {
		workers.Go(func() {
			a := &ahead{collector: c, reader: newReader()}
			defer a.close()
			for k := next.Add(1) - 1; k < int64(len(indexes)); k = next.Add(1) - 1 {
				i := indexes[k]
				if size := a.look(c.paths[i], &c.ahead[i], most); size > 0 {
					mu.Lock()
					large = append(large, sizedPath{i, size})
					mu.Unlock()
				}
			}
		})
	}
	workers.Wait()
	return large
}

// ahead reads files for a collector. Paths come sorted, so it keeps the folder of the last one open.
type ahead struct {
	*collector
	reader *reader
	name   string // of the folder
	in     *folder
}

func (a *ahead) close() {
	if a.in != nil {
		a.in.close()
		a.in = nil
	}
}

// look scans p if it is a file, unless it is larger than most: then it returns its size, else 0.
func (a *ahead) look(p string, to *seen, most int64) (size int64) {
	dir, base := splitPath(p)
	if err := a.enter(dir); err != nil {
		return 0
	}
	f, err := a.in.open(base)
	if err != nil {
		return 0
	}
	defer f.close()
	if f.size > most {
		return f.size
	}
	to.regular, to.exec, to.scanned = true, f.exec, true
	to.scan, to.err = a.reader.read(f, a.finder, a.inspecting(p))
	return 0
}

// splitPath parts a clean path into folder, "." for the top, and name.
func splitPath(p string) (dir, base string) {
	if base = path.Base(p); len(base) == len(p) {
		return ".", base
	}
	return p[:len(p)-len(base)-1], base
}

func (a *ahead) enter(dir string) (err error) {
	if a.in != nil && dir == a.name {
		return nil
	}
	a.close()
	a.name = dir
	a.in, err = openFolder(a.dir, dir)
	return err
}

func (c *collector) inspecting(p string) func([]byte) ([]byte, error) {
	if c.opts.Inspect == nil {
		return nil
	}
	return func(b []byte) ([]byte, error) { return c.opts.Inspect(p, b) }
}

// scan is of a file of the payload, or of what a link leads to: that may belong to a dependency.
func (c *collector) scan(p string) (scan, error) {
	s := c.others[p]
	if i, ok := slices.BinarySearch(c.paths, p); ok {
		s = &c.ahead[i]
	}
	if s == nil {
		s = &seen{}
		c.others[p] = s
	}
	if !s.scanned {
		s.scanned = true
		s.scan, s.err = c.scanNow(p)
	}
	return s.scan, s.err
}

func (c *collector) scanNow(p string) (scan, error) {
	a := &ahead{collector: c, reader: newReader()}
	defer a.close()
	dir, base := splitPath(p)
	if err := a.enter(dir); err != nil {
		return scan{}, err
	}
	f, err := a.in.open(base)
	if err != nil {
		return scan{}, err
	}
	defer f.close()
	if _, ours := slices.BinarySearch(c.paths, p); ours && c.takes(p) {
		return a.reader.read(f, c.finder, c.inspecting(p))
	}
	return a.reader.read(f, c.finder, nil)
}

// takes reports whether a file at p becomes a file of the payload with the content that it has.
func (c *collector) takes(p string) bool {
	if CheckPath(p) != nil || c.dropped(p) || isInstaller(p) {
		return false
	}
	if c.opts.NoArch != "python" {
		return true
	}
	_, keep := noarchPath(p, c.opts.EntryPoints)
	return keep
}

// read scans an open file, unless it is a sparse one.
func (r *reader) read(f *regularFile, want *finder, inspect func([]byte) ([]byte, error)) (scan, error) {
	if err := checkSparse(f, f.size); err != nil {
		return scan{}, err
	}
	return r.scan(f, f.size, want, inspect)
}

// CheckSparse refuses a file of a gigabyte or more of which hardly anything was ever written: to read it takes for ever.
func CheckSparse(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return checkSparse(f, info.Size())
}

func checkSparse(f io.Seeker, size int64) error {
	if size < sparseFrom {
		return nil
	}
	if held := dataIn(f); held < size/sparseRatio {
		return fmt.Errorf("it is a sparse file: %d bytes long, of which %d were written; the package would hold all of them. Make it shorter or remove it in the build script", size, held)
	}
	return nil
}

// A file so large, of which so little was ever written, is no file for a package: to read its 8 EB of zeros takes for ever.
const (
	sparseFrom  = 1 << 30
	sparseRatio = 64
)
