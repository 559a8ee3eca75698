package packages

import (
	"bytes"
	"encoding/binary"
)

// finder looks for one long text. However it lies, it holds four of the bytes at every so many places, so
// only those are looked at, and only where they are four of the text is it looked for (the idea of Wu and
// Manber, "A fast algorithm for multi-pattern searching", 1994). The places do not depend on what is found, so
// the CPU reads many at a time: of most files a few bytes in 250.
type finder struct {
	want  []byte
	grams *[1 << grams / 64]uint64 // a bit for the hash of each four bytes; nil for a text too short to gain by it
}

const (
	gram  = 4
	grams = 15 // bits of a hash
)

func gramHash(b []byte) uint32 { return binary.LittleEndian.Uint32(b) * 0x9e3779b1 >> (32 - grams) }

func newFinder(want string) *finder {
	f := &finder{want: []byte(want)}
	if len(want) < 4*gram {
		return f
	}
	f.grams = new([1 << grams / 64]uint64)
	for at := range len(want) - gram + 1 {
		h := gramHash(f.want[at:])
		f.grams[h/64] |= 1 << (h % 64)
	}
	return f
}

// in tells whether the text is in b. The empty text is nowhere.
func (f *finder) in(b []byte) bool {
	if f.grams == nil {
		return len(f.want) > 0 && bytes.Contains(b, f.want)
	}
	last := len(f.want) - gram
	for at := last; at+gram <= len(b); at += last + 1 {
		h := gramHash(b[at:])
		if f.grams[h/64]>>(h%64)&1 != 0 && bytes.Contains(b[at-last:min(at+len(f.want), len(b))], f.want) {
			return true
		}
	}
	return false
}
