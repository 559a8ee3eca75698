package packages

import (
	"io"
	"math"
)

// Seek's further directions (lseek(2)).
const (
	seekData = 3
	seekHole = 4
)

// dataIn counts the bytes of a file that are not holes, and leaves it at its beginning. Where the file system cannot tell, or
// there are too many parts to look at, it is a lot.
func dataIn(f io.Seeker) (held int64) {
	defer f.Seek(0, io.SeekStart)
	at := int64(0)
	for range 100_000 {
		from, err := f.Seek(at, seekData)
		if err != nil { // no more data
			return held
		}
		if at, err = f.Seek(from, seekHole); err != nil {
			return math.MaxInt64
		}
		held += at - from
	}
	return math.MaxInt64
}
