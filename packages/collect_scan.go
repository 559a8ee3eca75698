package packages

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"hash"
	"io"

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

func scanBytes(b []byte, prefix string) scan {
	s, _ := newReader().scan(bytes.NewReader(b), int64(len(b)), newFinder(prefix), nil)
	return s
}

// readBlock is how much is read at once: what fits into a core's own cache.
const readBlock = 256 << 10

// readRoom is the least memory for a program. What of it is not used costs nothing.
const readRoom = 2 * largeFile

var errNotRegular = errors.New("it is no regular file")

// reader has the memory that reading files takes.
type reader struct {
	block []byte // a part of a text, behind the end of the part before
	room  []byte // for a program
	hash  hash.Hash
	sum   [sha256.Size]byte
}

func newReader() *reader { return &reader{hash: sha256.New()} }

// scan reads a file of so many bytes once. Programs, libraries and scripts are held whole for inspect, and what that
// returns is what the scan is of; other files are read in blocks.
func (r *reader) scan(file io.Reader, size int64, want *finder, inspect func([]byte) ([]byte, error)) (scan, error) {
	if room := readBlock + max(len(want.want), len(goMark), readBlock/4); len(r.block) < room { // some more, for what inspect adds
		r.block = make([]byte, room)
	}
	n, err := io.ReadFull(file, r.block[:readBlock])
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return scan{}, err
	}
	if head := r.block[:n]; inspect != nil && (isProgram(head) || bytes.HasPrefix(head, []byte("#!"))) {
		return r.program(head, size, err == nil, file, want, inspect)
	}
	return r.stream(n, err == nil, file, want)
}

func (r *reader) program(head []byte, size int64, more bool, file io.Reader, want *finder, inspect func([]byte) ([]byte, error)) (scan, error) {
	b := head
	if more {
		var err error
		if b, err = r.rest(head, size, file); err != nil {
			return scan{}, err
		}
	}
	b, err := inspect(b)
	if err != nil {
		return scan{}, err
	}
	l := r.look(b, want)
	l.feed(b, 0)
	l.golang = l.native && l.prefix && bytes.Contains(b, []byte(goMark))
	return l.end(), nil
}

// rest reads the file to its end, behind head.
func (r *reader) rest(head []byte, told int64, file io.Reader) ([]byte, error) {
	size := max(len(head), int(told))
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
	l := r.look(r.block[:n], want)
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
	reader *reader
	want   *finder
	marks  bool // Go's is looked for
}

func (r *reader) look(head []byte, want *finder) look {
	r.hash.Reset()
	return look{scan: scan{native: isNative(head)}, reader: r, want: want}
}

// lookBlock is how much is looked at before the next: what fits into the innermost cache.
const lookBlock = 32 << 10

// feed takes what comes next of the content, the part of window behind what was kept of the part before.
func (l *look) feed(window []byte, kept int) {
	l.size += int64(len(window) - kept)
	for at := kept; at < len(window); at += lookBlock {
		end := min(at+lookBlock, len(window))
		part := window[at:end]
		l.reader.hash.Write(part)
		l.nul = l.nul || bytes.IndexByte(part, 0) >= 0
		l.prefix = l.prefix || l.want.in(window[max(at-len(l.want.want), 0):end])
		l.golang = l.golang || l.marks && bytes.Contains(window[max(at-len(goMark), 0):end], []byte(goMark))
	}
}

func (l *look) end() scan {
	l.sum, _ = digest.FromSum(l.reader.hash.Sum(l.reader.sum[:0]))
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
