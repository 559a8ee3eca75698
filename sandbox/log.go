package sandbox

import (
	"io"
	"os"
	"sync"
	"time"
)

// A logger carries a command's output to its writers and counts it. The command gets pipes, never the
// caller's own files: it could truncate those, or set their flags.
type logger struct {
	bounded bool
	flooded chan struct{} // closed when more than left came
	now     func() time.Time

	mu     sync.Mutex
	left   int64
	err    error
	over   bool
	theirs []*os.File
	ours   []*os.File
	dest   []io.Writer
	group  sync.WaitGroup
}

// pipes makes the ends that the command writes to; nil where the output is not wanted.
func (l *logger) pipes(spec Spec) (stdout, stderr *os.File, err error) {
	if spec.Stdout != nil {
		if stdout, err = l.pipe(spec.Stdout); err != nil {
			return nil, nil, err
		}
	}
	if spec.Stderr == nil {
		return stdout, nil, nil
	}
	if same(spec.Stdout, spec.Stderr) { // one pipe keeps the order of lines
		return stdout, stdout, nil
	}
	stderr, err = l.pipe(spec.Stderr)
	return stdout, stderr, err
}

// same reports whether two writers are one; some types cannot be compared.
func same(a, b io.Writer) (eq bool) {
	defer func() {
		if recover() != nil {
			eq = false
		}
	}()
	return a == b
}

func (l *logger) pipe(dest io.Writer) (*os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	l.ours, l.theirs, l.dest = append(l.ours, r), append(l.theirs, w), append(l.dest, dest)
	return w, nil
}

func (l *logger) start() {
	for _, f := range l.theirs {
		f.Close()
	}
	l.theirs = nil
	for i, r := range l.ours {
		l.group.Go(func() { l.copy(l.dest[i], r) })
	}
}

// copy reads to the end also when nobody wants it any more, or the command would hang on a full pipe.
func (l *logger) copy(dest io.Writer, r io.Reader) {
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			if b := l.take(buf[:n]); len(b) > 0 {
				if _, werr := dest.Write(b); werr != nil {
					l.mu.Lock()
					l.err, l.over = werr, true
					l.mu.Unlock()
				}
			}
		}
		if err != nil {
			return
		}
	}
}

// take returns as much of b as may still be written.
func (l *logger) take(b []byte) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return nil
	}
	if !l.bounded {
		return b
	}
	if int64(len(b)) > l.left {
		b, l.over = b[:l.left], true
		close(l.flooded)
	}
	l.left -= int64(len(b))
	return b
}

// wait returns when all is written. If strays may hold the pipes open, what they write late is lost.
func (l *logger) wait(strays bool) error {
	if strays {
		for _, f := range l.ours {
			f.SetReadDeadline(l.now().Add(time.Second))
		}
	}
	l.group.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

func (l *logger) close() {
	for _, f := range append(l.theirs, l.ours...) {
		f.Close()
	}
	l.group.Wait()
}
