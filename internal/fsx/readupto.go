package fsx

import (
	"fmt"
	"io"
	"os"
)

// ReadRegular is ReadUpTo for a file that nobody named outright: what is no file is not opened, as a pipe may wait for
// ever.
func ReadRegular(path string, most int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read %s: it is no file", path)
	}
	return ReadUpTo(path, most)
}

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
