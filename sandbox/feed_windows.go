package sandbox

import (
	"io"
	"os"
)

// feed makes the end that the command reads: a file as it is, anything else through a pipe, nil for nothing.
func (l *logger) feed(from io.Reader) (*os.File, error) {
	if from == nil {
		return nil, nil
	}
	if f, ok := from.(*os.File); ok {
		return f, nil
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	l.theirs = append(l.theirs, r)
	go func() { // ends when the command has read all, or is gone and the pipe breaks
		defer w.Close()
		io.Copy(w, from)
	}()
	return r, nil
}
