package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"forge/internal/fsx"
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

// writeNamed is fillNamed with the content at hand.
func writeNamed(path string, data []byte) error {
	return fillNamed(path, func(w io.Writer) error { _, err := w.Write(data); return err })
}

// fillNamed writes a file that the user named, keeping its mode: as a whole or not at all. A link is followed; into
// what is no file (/dev/null, a pipe) it is written, since a file in its place would be another thing.
func fillNamed(path string, fill func(io.Writer) error) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fsx.Write(path, 0o644, fill)
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("write %s: it is a folder", path)
	case !info.Mode().IsRegular():
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(fill(f), f.Close())
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	return fsx.Write(path, info.Mode().Perm(), fill)
}
