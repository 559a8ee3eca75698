package packages

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"forge/digest"
)

// scan is what one reading of a file tells.
type scan struct {
	sum    digest.Digest
	size   int64
	nul    bool // a NUL byte is in it: not a text
	prefix bool // the placeholder is in it
	native bool // it begins as a program or library of one platform does
	golang bool // it holds the mark of Go's linker
	err    error
}

// goMark is what Go's linker writes before what the build was made of (debug/buildinfo).
const goMark = "\xff Go buildinf:"

// readAhead looks at all paths, and scans the files that add will ask for, on all cores. Errors are kept
// for whoever asks.
func (c *collector) readAhead(paths []string) {
	names := slices.DeleteFunc(slices.Clone(paths), func(p string) bool { return CheckPath(p) != nil || c.dropped(p) })
	large := c.lookAll(names, runtime.GOMAXPROCS(0), largeFile)
	// The largest first: the memory for it is enough for all after it.
	slices.SortFunc(large, func(a, b sizedPath) int { return cmp.Or(cmp.Compare(b.size, a.size), cmp.Compare(a.path, b.path)) })
	names = names[:0]
	for _, l := range large {
		names = append(names, l.path)
	}
	c.lookAll(names, max(runtime.GOMAXPROCS(0)/2, 1), math.MaxInt64)
}

type sizedPath struct {
	path string
	size int64
}

// largeFile is the size from which on files are scanned after the others, and fewer at a time: a program is
// held whole, and memory that was not in use before costs a tenth of a digest over it.
const largeFile = 4 << 20

// lookAll scans names with so many workers and returns those that are larger than most.
func (c *collector) lookAll(names []string, many int, most int64) (large []sizedPath) {
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(many, len(names)) {
		workers.Go(func() {
			a := &ahead{collector: c, reader: newReader()}
			defer a.close()
			for i := next.Add(1) - 1; i < int64(len(names)); i = next.Add(1) - 1 {
				if size := a.look(names[i], most); size > 0 {
					c.mu.Lock()
					large = append(large, sizedPath{names[i], size})
					c.mu.Unlock()
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
	folder string
	open   *os.Root
}

func (a *ahead) close() {
	if a.open != nil {
		a.open.Close()
	}
}

// look scans p if it is a file that add will ask for, unless it is larger than most: then it returns its size,
// else 0. What fails here add meets, too, and tells.
func (a *ahead) look(p string, most int64) (size int64) {
	dir, err := a.enter(path.Dir(p))
	if err != nil {
		return 0
	}
	info, err := dir.Lstat(path.Base(p))
	if err != nil {
		return 0
	}
	if info.Mode().IsRegular() && info.Size() > most {
		return info.Size()
	}
	wanted := info.Mode().IsRegular() && !isInstaller(p)
	if wanted && a.opts.NoArch == "python" {
		_, wanted = noarchPath(p, a.opts.EntryPoints)
	}
	var s scan
	if wanted {
		s, err = a.reader.read(dir, path.Base(p), a.finder, a.inspecting(p))
		s.err = err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.infos[p] = info
	if wanted {
		a.scans[p] = s
	}
	return 0
}

func (a *ahead) enter(folder string) (*os.Root, error) {
	if folder == a.folder && a.open != nil {
		return a.open, nil
	}
	a.close()
	var err error
	a.folder = folder
	a.open, err = a.dir.OpenRoot(filepath.FromSlash(folder))
	return a.open, err
}

func (c *collector) inspecting(p string) func([]byte) ([]byte, error) {
	if c.opts.Inspect == nil {
		return nil
	}
	return func(b []byte) ([]byte, error) { return c.opts.Inspect(p, b) }
}

// lstat is what readAhead saw, or what is there.
func (c *collector) lstat(p string) (fs.FileInfo, error) {
	if info := c.infos[p]; info != nil {
		return info, nil
	}
	return c.dir.Lstat(filepath.FromSlash(p))
}

// scan is of a file of the payload, or of what a link leads to: that may belong to a dependency.
func (c *collector) scan(p string) (scan, error) {
	s, ok := c.scans[p]
	if !ok {
		s, s.err = newReader().read(c.dir, p, c.finder, nil)
		c.scans[p] = s
	}
	return s, s.err
}

func (r *reader) read(dir *os.Root, p string, want *finder, inspect func([]byte) ([]byte, error)) (scan, error) {
	f, err := dir.Open(filepath.FromSlash(p))
	if err != nil {
		return scan{}, err
	}
	defer f.Close()
	if err := CheckSparse(f); err != nil {
		return scan{}, err
	}
	return r.scan(f, want, inspect)
}

// CheckSparse refuses a file of a gigabyte or more of which hardly anything was ever written: to read it takes for ever.
func CheckSparse(f *os.File) error {
	info, err := f.Stat()
	if err != nil || info.Size() < sparseFrom {
		return err
	}
	if held := dataIn(f); held < info.Size()/sparseRatio {
		return fmt.Errorf("it is a sparse file: %d bytes long, of which %d were written; the package would hold all of them. Make it shorter or remove it in the build script", info.Size(), held)
	}
	return nil
}

// A file so large, of which so little was ever written, is no file for a package: to read its 8 EB of zeros takes for ever.
const (
	sparseFrom  = 1 << 30
	sparseRatio = 64
)

func scanBytes(b []byte, prefix string) scan {
	s, _ := newReader().scan(bytes.NewReader(b), newFinder(prefix), nil)
	return s
}

// readBlock is how much is read at once: what fits into a core's own cache.
const readBlock = 256 << 10

// readRoom is the least memory for a program. What of it is not used costs nothing.
const readRoom = 2 * largeFile

// reader has the memory that reading files takes.
type reader struct {
	block []byte // a part of a text, behind the end of the part before
	room  []byte // for a program
}

func newReader() *reader { return &reader{} }

// scan reads a file once. Programs, libraries and scripts are held whole for inspect, and what that returns is
// what the scan is of; other files are read in blocks.
func (r *reader) scan(file io.Reader, want *finder, inspect func([]byte) ([]byte, error)) (scan, error) {
	if room := readBlock + max(len(want.want), len(goMark), readBlock/4); len(r.block) < room { // some more, for what inspect adds
		r.block = make([]byte, room)
	}
	n, err := io.ReadFull(file, r.block[:readBlock])
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return scan{}, err
	}
	if head := r.block[:n]; inspect != nil && (isProgram(head) || bytes.HasPrefix(head, []byte("#!"))) {
		return r.program(head, err == nil, file, want, inspect)
	}
	return r.stream(n, err == nil, file, want)
}

func (r *reader) program(head []byte, more bool, file io.Reader, want *finder, inspect func([]byte) ([]byte, error)) (scan, error) {
	b := head
	if more {
		var err error
		if b, err = r.rest(head, file); err != nil {
			return scan{}, err
		}
	}
	b, err := inspect(b)
	if err != nil {
		return scan{}, err
	}
	l := newLook(b, want)
	l.feed(b, 0)
	l.golang = l.native && l.prefix && bytes.Contains(b, []byte(goMark))
	return l.end(), nil
}

// rest reads the file to its end, behind head.
func (r *reader) rest(head []byte, file io.Reader) ([]byte, error) {
	size := len(head)
	if f, ok := file.(fs.File); ok {
		info, err := f.Stat()
		if err != nil {
			return nil, err
		}
		size = max(size, int(info.Size()))
	}
	if room := size + size/8 + readBlock; cap(r.room) < room { // some more, for what inspect adds
		r.room = make([]byte, 0, max(room, readRoom))
	}
	b := append(r.room[:0], head...)
	for {
		n, err := file.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return nil, err
		}
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
	}
}

// stream keeps the last bytes of each block, lest a prefix across two blocks be missed.
func (r *reader) stream(n int, more bool, file io.Reader, want *finder) (scan, error) {
	l := newLook(r.block[:n], want)
	l.marks = l.native
	for kept, tail := 0, max(len(want.want), len(goMark))-1; ; {
		window := r.block[:kept+n]
		l.feed(window, kept)
		if !more {
			return l.end(), nil
		}
		kept = min(len(window), tail)
		copy(r.block, window[len(window)-kept:])
		var err error
		n, err = io.ReadFull(file, r.block[kept:kept+readBlock])
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return scan{}, err
		}
		more = err == nil
	}
}

// look is a scan under way.
type look struct {
	scan
	hash  hash.Hash
	want  *finder
	marks bool // Go's is looked for
}

func newLook(head []byte, want *finder) *look {
	return &look{scan: scan{native: isNative(head)}, hash: sha256.New(), want: want}
}

// lookBlock is how much is looked at before the next: what fits into the innermost cache.
const lookBlock = 32 << 10

// feed takes what comes next of the content, the part of window behind what was kept of the part before.
func (l *look) feed(window []byte, kept int) {
	l.size += int64(len(window) - kept)
	for at := kept; at < len(window); at += lookBlock {
		end := min(at+lookBlock, len(window))
		part := window[at:end]
		l.hash.Write(part)
		l.nul = l.nul || bytes.IndexByte(part, 0) >= 0
		l.prefix = l.prefix || l.want.in(window[max(at-len(l.want.want), 0):end])
		l.golang = l.golang || l.marks && bytes.Contains(window[max(at-len(goMark), 0):end], []byte(goMark))
	}
}

func (l *look) end() scan {
	l.sum, _ = digest.FromSum(l.hash.Sum(nil))
	return l.scan
}

// isNative knows ELF and Mach-O by their first bytes.
func isNative(head []byte) bool {
	if len(head) < 8 {
		return false
	}
	switch string(head[:4]) {
	case "\x7fELF", "\xfe\xed\xfa\xce", "\xfe\xed\xfa\xcf", "\xce\xfa\xed\xfe", "\xcf\xfa\xed\xfe":
		return true
	}
	return false
}

// isProgram knows what Inspect is given: ELF, Mach-O, fat Mach-O (or a Java class), PE.
func isProgram(head []byte) bool {
	return isNative(head) || bytes.HasPrefix(head, []byte("MZ")) || bytes.HasPrefix(head, []byte("\xca\xfe\xba\xbe"))
}
