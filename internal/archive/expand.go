package archive

import (
	"bufio"
	"bytes"
	"io"
)

// Expand decompresses data, whose first bytes say by what it was compressed ("gz", "bz2", "xz", "zst", "lz", "Z"), to no
// more than limit bytes; what lies beyond is left out. compression is empty for anything else.
func Expand(data []byte, limit int64) (plain []byte, compression string, err error) {
	for _, m := range magics {
		if m.compression == "" || !bytes.HasPrefix(data, []byte(m.magic)) {
			continue
		}
		r, done, err := decompress(bufio.NewReader(bytes.NewReader(data)), m.compression)
		if err != nil {
			return nil, m.compression, err
		}
		defer done()
		plain, err = io.ReadAll(io.LimitReader(r, limit))
		return plain, m.compression, err
	}
	return nil, "", nil
}
