package channels

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Bounds on repodata from strangers: a file that exceeds one is refused.
const (
	maxRepodata   = 4 << 30  // bytes of a repodata.json
	maxValue      = 16 << 20 // bytes of one record, key or info block
	maxRecords    = 4 << 20  // records of one subdir; the largest of conda-forge has less than one million
	maxCandidates = 50_000   // records of one name; the most that one has there are a few thousand
	maxNesting    = 64       // brackets in a value
	windowSize    = 256 << 10
)

// scanner walks JSON text through a window, without keeping what it passed.
type scanner struct {
	r          io.Reader
	buf        []byte
	start, end int   // of what is not read yet
	base       int64 // offset of buf[0] in the text
	eof        bool
}

func newScanner(r io.Reader) *scanner { return &scanner{r: r, buf: make([]byte, windowSize)} }

// offset is the place of the next byte in the text.
func (s *scanner) offset() int64 { return s.base + int64(s.start) }

func (s *scanner) fault(format string, args ...any) error {
	return fmt.Errorf("byte %d: %s", s.offset(), fmt.Sprintf(format, args...))
}

// fill reads more text behind what is not read yet.
func (s *scanner) fill() error {
	if s.eof {
		return io.ErrUnexpectedEOF
	}
	if s.start > 0 {
		copy(s.buf, s.buf[s.start:s.end])
		s.base += int64(s.start)
		s.start, s.end = 0, s.end-s.start
	}
	if s.end == len(s.buf) {
		if len(s.buf) >= 2*maxValue {
			return s.fault("a value is longer than %d bytes", maxValue)
		}
		s.buf = append(s.buf, make([]byte, len(s.buf))...)
	}
	n, err := io.ReadAtLeast(s.r, s.buf[s.end:], 1)
	s.end += n
	if errors.Is(err, io.EOF) {
		s.eof = true
		return io.ErrUnexpectedEOF
	}
	if s.base+int64(s.end) > maxRepodata {
		return s.fault("longer than %d bytes", int64(maxRepodata))
	}
	return err
}

// next skips white space and returns the byte behind it without reading that.
func (s *scanner) next() (byte, error) {
	for {
		for s.start < s.end {
			switch b := s.buf[s.start]; b {
			case ' ', '\t', '\r', '\n':
				s.start++
			default:
				return b, nil
			}
		}
		if err := s.fill(); err != nil {
			return 0, err
		}
	}
}

// expect reads one byte that must be b.
func (s *scanner) expect(b byte) error {
	got, err := s.next()
	if err != nil {
		return err
	}
	if got != b {
		return s.fault("expected %q instead of %q", b, got)
	}
	s.start++
	return nil
}

// key reads a string and the colon behind it; it is valid until the next read. Escapes stay as they are:
// no name that counts has any.
func (s *scanner) key() ([]byte, error) {
	if b, err := s.next(); err != nil || b != '"' {
		return nil, errors.Join(err, s.fault("expected a key"))
	}
	from := 1
	for {
		i := bytes.IndexByte(s.buf[s.start+from:s.end], '"')
		if i < 0 {
			from = s.end - s.start
			if err := s.fill(); err != nil {
				return nil, err
			}
			continue
		}
		key := s.buf[s.start+1 : s.start+from+i]
		if escaped(key) {
			from += i + 1
			continue
		}
		// The colon may need a fill, which would move the key.
		if rest := s.start + from + i + 1; rest < s.end && s.buf[rest] == ':' {
			s.start = rest + 1
			return key, nil
		}
		key = bytes.Clone(key)
		s.start += from + i + 1
		return key, s.expect(':')
	}
}

// escaped reports whether the quote behind the text is a part of it.
func escaped(text []byte) bool {
	n := len(text)
	for n > 0 && text[n-1] == '\\' {
		n--
	}
	return (len(text)-n)%2 == 1
}

// object calls f for every key of the object at hand; f reads the value.
func (s *scanner) object(f func(start int64, key []byte) error) error {
	if err := s.expect('{'); err != nil {
		return err
	}
	for first := true; ; first = false {
		b, err := s.next()
		if err != nil {
			return err
		}
		switch {
		case b == '}':
			s.start++
			return nil
		case b == ',' && !first:
			s.start++
			if _, err := s.next(); err != nil {
				return err
			}
		case !first:
			return s.fault("expected %q or %q instead of %q", ',', '}', b)
		}
		start := s.offset()
		key, err := s.key()
		if err != nil {
			return err
		}
		if err := f(start, key); err != nil {
			return err
		}
	}
}

// skip passes a value; what is inside is only looked at as far as needed to find the end.
func (s *scanner) skip() error {
	b, err := s.next()
	if err != nil {
		return err
	}
	if b == '{' {
		if done, err := s.skipFlat(); done || err != nil {
			return err
		}
	}
	return s.skipAny()
}

// skipFlat passes an object without nested ones and without escapes, which nearly all records are: the
// first "}" ends it if the quotes before it come in pairs.
func (s *scanner) skipFlat() (bool, error) {
	from := 0
	for {
		i := bytes.IndexByte(s.buf[s.start+from:s.end], '}')
		if i < 0 {
			from = s.end - s.start
			if err := s.fill(); err != nil {
				return false, err
			}
			continue
		}
		flat := s.buf[s.start : s.start+from+i+1]
		if bytes.IndexByte(flat[1:], '{') >= 0 || bytes.IndexByte(flat, '\\') >= 0 || bytes.Count(flat, quote)%2 != 0 {
			return false, nil
		}
		s.start += len(flat)
		return true, nil
	}
}

var quote = []byte{'"'}

// skipAny passes any value byte by byte.
func (s *scanner) skipAny() error {
	depth, inString, size := 0, false, int64(0)
	begin := s.offset()
	for {
		if s.start == s.end {
			if err := s.fill(); err != nil {
				return err
			}
		}
		if size = s.offset() - begin; size > maxValue && depth <= 1 && inString {
			return s.fault("a string is longer than %d bytes", maxValue)
		}
		b := s.buf[s.start]
		if !inString && depth == 0 && size > 0 && (b == ',' || b == '}' || b == ']') {
			return nil // the end of a number or word
		}
		s.start++
		switch {
		case inString && b == '\\':
			if s.start == s.end {
				if err := s.fill(); err != nil {
					return err
				}
			}
			s.start++
		case b == '"':
			inString = !inString
			if !inString && depth == 0 {
				return nil
			}
		case inString:
		case b == '{' || b == '[':
			if depth++; depth > maxNesting {
				return s.fault("brackets are nested deeper than %d", maxNesting)
			}
		case b == '}' || b == ']':
			if depth--; depth <= 0 {
				return nil
			}
		}
	}
}
