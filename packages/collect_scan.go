package packages

import (
	"bytes"
	"crypto/sha256"
	"io"
	"path/filepath"

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
}

func (c *collector) scan(p string) (scan, error) {
	if s, ok := c.scans[p]; ok {
		return s, nil
	}
	f, err := c.dir.Open(filepath.FromSlash(p))
	if err != nil {
		return scan{}, err
	}
	defer f.Close()
	s, err := scanReader(f, c.prefix)
	if err == nil {
		c.scans[p] = s
	}
	return s, err
}

func scanBytes(b []byte, prefix string) scan {
	s, _ := scanReader(bytes.NewReader(b), prefix)
	return s
}

// scanReader keeps the last bytes of each block, lest a prefix across two blocks be missed.
func scanReader(r io.Reader, prefix string) (scan, error) {
	const block = 256 << 10
	var s scan
	h := sha256.New()
	want, mark := []byte(prefix), []byte("\xff Go buildinf:")
	tail := max(len(want), len(mark)) - 1
	buf := make([]byte, block+tail)
	kept := 0
	for {
		n, err := r.Read(buf[kept:])
		fresh, window := buf[kept:kept+n], buf[:kept+n]
		if h.Write(fresh); s.size == 0 {
			s.native = isNative(fresh)
		}
		s.size += int64(n)
		s.nul = s.nul || bytes.IndexByte(fresh, 0) >= 0
		s.prefix = s.prefix || len(want) > 0 && bytes.Contains(window, want)
		s.golang = s.golang || s.native && bytes.Contains(window, mark)
		kept = min(len(window), tail)
		copy(buf, window[len(window)-kept:])
		if err == io.EOF {
			break
		}
		if err != nil {
			return scan{}, err
		}
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
