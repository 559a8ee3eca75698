package packages

import (
	"bytes"
	"encoding/binary"
)

// finder looks for one long text. It reads four bytes at the end of where the text would lie and skips as
// far as no occurrence of those four in the text allows one (Wu and Manber, "A fast algorithm for
// multi-pattern searching", 1994, for a single pattern): of most files it looks at a few bytes in 250.
type finder struct {
	want []byte
	skip []uint16 // by the hash of four bytes; nil for a text too short to gain by it
}

const gram = 4

func gramHash(b []byte) uint32 { return binary.LittleEndian.Uint32(b) * 0x9e3779b1 >> 20 }

func newFinder(want string) *finder {
	f := &finder{want: []byte(want)}
	if len(want) < 4*gram {
		return f
	}
	last := len(want) - gram
	f.skip = make([]uint16, 1<<12)
	for i := range f.skip {
		f.skip[i] = uint16(min(last+1, 1<<15))
	}
	for at := range last + 1 {
		h := gramHash(f.want[at:])
		f.skip[h] = min(f.skip[h], uint16(min(last-at, 1<<15)))
	}
	return f
}

// in tells whether the text is in b. The empty text is nowhere.
func (f *finder) in(b []byte) bool {
	if f.skip == nil {
		return len(f.want) > 0 && bytes.Contains(b, f.want)
	}
	last := len(f.want) - gram
	for at := 0; at <= len(b)-len(f.want); {
		skip := int(f.skip[gramHash(b[at+last:])])
		if skip == 0 {
			if bytes.Equal(b[at:at+len(f.want)], f.want) {
				return true
			}
			skip = 1
		}
		at += skip
	}
	return false
}
