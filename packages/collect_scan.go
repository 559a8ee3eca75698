package packages

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

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

// readAhead scans the regular files among paths on all cores. Errors are kept for whoever asks for the
// file's scan.
func (c *collector) readAhead(paths []string) {
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, p := range paths {
		if !c.packed(p) {
			continue
		}
		group.Go(func() error {
			s, err := c.read(p, c.opts.Inspect)
			s.err = err
			mu.Lock()
			defer mu.Unlock()
			c.scans[p] = s
			return nil
		})
	}
	group.Wait()
}

// packed tells whether add will scan p as a file of the payload.
func (c *collector) packed(p string) bool {
	if CheckPath(p) != nil || c.dropped(p) || isInstaller(p) {
		return false
	}
	if c.opts.NoArch == "python" {
		if _, keep := noarchPath(p, c.opts.EntryPoints); !keep {
			return false
		}
	}
	info, err := c.dir.Lstat(filepath.FromSlash(p))
	return err == nil && info.Mode().IsRegular()
}

// scan is of a file of the payload, or of what a link leads to: that may belong to a dependency.
func (c *collector) scan(p string) (scan, error) {
	if s, ok := c.scans[p]; ok {
		return s, s.err
	}
	s, err := c.read(p, nil)
	if err == nil {
		c.scans[p] = s
	}
	return s, err
}

func (c *collector) read(p string, inspect func(string, []byte) ([]byte, error)) (scan, error) {
	f, err := c.dir.Open(filepath.FromSlash(p))
	if err != nil {
		return scan{}, err
	}
	defer f.Close()
	r := c.readers.Get().(*reader)
	defer c.readers.Put(r)
	return r.scan(f, c.finder, func(b []byte) ([]byte, error) {
		if inspect == nil {
			return b, nil
		}
		return inspect(p, b)
	})
}

func scanBytes(b []byte, prefix string) scan {
	s, _ := newReader().scan(bytes.NewReader(b), newFinder(prefix), nil)
	return s
}

// readBlock is how much is read at once: what fits into a core's own cache.
const readBlock = 256 << 10

// reader has the memory that reading files takes.
type reader struct {
	block []byte // a part of a text, behind the end of the part before
	whole []byte // a program
}

func newReader() *reader { return &reader{} }

// scan reads a file once. Programs and libraries are held whole for inspect, and what that returns is
// what the scan is of; other files are read in blocks.
func (r *reader) scan(file io.Reader, want *finder, inspect func([]byte) ([]byte, error)) (scan, error) {
	tail := max(len(want.want)-1, 0)
	if len(r.block) < readBlock+tail {
		r.block = make([]byte, readBlock+tail)
	}
	n, err := io.ReadFull(file, r.block[:readBlock])
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return scan{}, err
	}
	if head := r.block[:n]; inspect != nil && isProgram(head) {
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
	s := scan{sum: digest.Of(b), size: int64(len(b)), native: isNative(b), nul: bytes.IndexByte(b, 0) >= 0, prefix: want.in(b)}
	s.golang = s.native && s.prefix && bytes.Contains(b, []byte(goMark))
	return s, nil
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
	if cap(r.whole) <= size {
		r.whole = make([]byte, 0, size+size/8+1)
	}
	b := append(r.whole[:0], head...)
	for {
		n, err := file.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			r.whole = b[:0]
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
	s := scan{native: isNative(r.block[:n])}
	mark := newFinder(goMark)
	h := sha256.New()
	for kept, tail := 0, max(len(want.want), len(goMark))-1; ; {
		window, fresh := r.block[:kept+n], r.block[kept:kept+n]
		h.Write(fresh)
		s.size += int64(n)
		s.nul = s.nul || bytes.IndexByte(fresh, 0) >= 0
		s.prefix = s.prefix || want.in(window)
		s.golang = s.golang || s.native && mark.in(window)
		if !more {
			break
		}
		kept = min(len(window), tail)
		copy(r.block, window[len(window)-kept:])
		var err error
		n, err = io.ReadFull(file, r.block[kept:])
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return scan{}, err
		}
		more = err == nil
	}
	s.sum, _ = digest.FromSum(h.Sum(nil))
	return s, nil
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
