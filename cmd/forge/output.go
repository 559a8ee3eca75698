package main

import (
	"errors"
	"io"
	"sync"
)

// output is the program's standard output. It keeps the first failure to write, of which every verb is to fail: what
// was printed is what a verb was run for, and who reads a file does not see that the disk was full.
type output struct {
	to io.Writer

	mu    sync.Mutex
	first error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.to.Write(p)
	if err != nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.first == nil {
			o.first = err
		}
	}
	return n, err
}

// over is what a verb came to, with what came of its output. A failure that was said already is not said again.
func (o *output) over(err error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	var exit exitError
	if o.first != nil && (err == nil || errors.As(err, &exit)) {
		return o.first
	}
	return err
}

// raw is the writer itself, for who looks whether it is a terminal, or hands it to another process.
func raw(w io.Writer) io.Writer {
	if o, ok := w.(*output); ok {
		return o.to
	}
	return w
}
