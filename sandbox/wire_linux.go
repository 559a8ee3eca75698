package sandbox

import (
	"errors"
	"io"
	"os"
	"time"
)

// A wire is what connects a runner and its keeper.
type wire struct {
	life, report           *os.File    // ours: the keeper dies when life closes
	theirLife, theirReport *os.File    // until the keeper has them
	std                    [3]*os.File // the command's input and output
	theirs                 []*os.File  // all that is the keeper's alone
	input                  *os.File    // what the command reads, from our side
	stdin                  io.Reader
	tracer                 *tracer  // nil where nobody asked
	theirTrace             *os.File // the other end of its socket
	log                    *logger
	flooded                chan struct{}
}

func connect(spec Spec, now func() time.Time) (w *wire, err error) {
	w = &wire{flooded: make(chan struct{})}
	w.log = &logger{left: spec.Limits.Log, bounded: spec.Limits.Log > 0, flooded: w.flooded, now: now}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if w.theirLife, w.life, err = w.pipe(true); err != nil {
		return nil, err
	}
	if w.theirReport, w.report, err = w.pipe(false); err != nil {
		return nil, err
	}
	if spec.Trace {
		if w.tracer, err = w.trace(); err != nil {
			return nil, err
		}
	}
	if spec.Terminal {
		return w, w.terminal(spec)
	}
	if spec.Stdin != nil {
		// Through a pipe, also if it is a file: a descriptor can be opened anew, for writing, in /proc.
		w.stdin = spec.Stdin
		if w.std[0], w.input, err = w.pipe(true); err != nil {
			return nil, err
		}
	}
	if w.std[1], w.std[2], err = w.log.pipes(spec); err != nil {
		return nil, err
	}
	return w, w.nulls()
}

// pipe makes a pipe; the keeper has the end to read or the other one.
func (w *wire) pipe(theyRead bool) (theirs, ours *os.File, err error) {
	r, wr, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	if !theyRead {
		r, wr = wr, r
	}
	w.theirs = append(w.theirs, r)
	return r, wr, nil
}

// nulls fills up what nobody cares for.
func (w *wire) nulls() error {
	for i := range w.std {
		if w.std[i] == nil {
			f, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
			if err != nil {
				return err
			}
			w.std[i] = f
			w.theirs = append(w.theirs, f)
		}
	}
	return nil
}

func (w *wire) terminal(spec Spec) error {
	for i, v := range []any{spec.Stdin, spec.Stdout, spec.Stderr} {
		f, ok := v.(*os.File)
		if !ok {
			return errors.New("run in sandbox: a terminal is asked for, but input or output is none")
		}
		w.std[i] = f
	}
	return nil
}

// started closes our copies of the keeper's ends, so that its death is seen here, and lets data flow.
func (w *wire) started() {
	for _, f := range w.theirs {
		f.Close()
	}
	w.theirs = nil
	w.log.start()
	if w.input != nil {
		go func(to *os.File) { // it may wait for its reader longer than the command lives
			io.Copy(to, w.stdin)
			to.Close()
		}(w.input)
	}
}

// kill ends everything. Pid 1 takes its namespace with it; a keeper without one must be asked, by
// closing its pipe, to kill what it keeps, and gets the time for it.
func (w *wire) kill(p *os.Process, j *job, exited <-chan struct{}) {
	w.life.Close()
	if j.Isolation != Full {
		select {
		case <-exited:
			return
		case <-time.After(5 * time.Second):
		}
	}
	p.Kill()
	<-exited
}

func (w *wire) close() {
	for _, f := range append(w.theirs, w.life, w.report, w.input) {
		if f != nil {
			f.Close()
		}
	}
	if w.tracer != nil {
		w.tracer.end()
	}
	w.log.close()
}
