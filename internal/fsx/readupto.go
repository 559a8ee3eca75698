package fsx

import (
	"fmt"
	"io"
	"os"
)

// ReadUpTo reads a file that may have so many bytes. One with more is an error, and is not read to its end: a device
// has none.
func ReadUpTo(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		return nil, fmt.Errorf("read %s: it has more than the %d bytes it may have", path, most)
	}
	return data, err
}
