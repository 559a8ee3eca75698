package conda

import (
	"bytes"
	"io"
	"os"
)

// spool keeps what is written to it: in memory as long as it is small, else in a temporary file. The zero
// value is empty.
type spool struct {
	small bytes.Buffer
	file  *os.File
	size  int64
}

// spoolMemory is how much of a spool stays in memory.
const spoolMemory = 1 << 20

// Write implements io.Writer.
func (s *spool) Write(p []byte) (int, error) {
	if s.file == nil && s.small.Len()+len(p) > spoolMemory {
		if err := s.spill(); err != nil {
			return 0, err
		}
	}
	if s.file == nil {
		s.size += int64(len(p))
		return s.small.Write(p)
	}
	n, err := s.file.Write(p)
	s.size += int64(n)
	return n, err
}

func (s *spool) spill() (err error) {
	if s.file, err = os.CreateTemp("", "forge-tar-"); err != nil {
		return err
	}
	os.Remove(s.file.Name()) // nothing is left, however this process ends; Windows keeps the name of an open file
	_, err = s.small.WriteTo(s.file)
	return err
}

// Reader reads all that was written.
func (s *spool) Reader() (io.Reader, error) {
	if s.file == nil {
		return &s.small, nil
	}
	_, err := s.file.Seek(0, io.SeekStart)
	return s.file, err
}

// Close removes the file, if there is one.
func (s *spool) Close() {
	if s.file != nil {
		s.file.Close()
		os.Remove(s.file.Name())
	}
}
