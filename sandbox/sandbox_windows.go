package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// lacksFull says why Windows has no more than AppContainer.
const lacksFull = "Windows has no mount namespaces"

// remedy names what accepts less.
const remedy = "`--isolation appcontainer` walls off files and network, `--isolation none` accepts an ordinary process"

type host struct{}

// Child is for Linux alone: no other system's runner starts this program anew.
func Child([]string) int { return 1 }

func (r *runner) runFull(context.Context, Spec) (Result, error) {
	return Result{}, &UnavailableError{Full, lacksFull, remedy}
}

func (r *runner) runLandlock(context.Context, Spec) (Result, error) {
	return Result{}, &UnavailableError{Landlock, "landlock is a part of Linux", remedy}
}

// runContainer runs a process that can open only what the spec shows it and what Windows shows to every
// application: its own folder and the programs.
func (r *runner) runContainer(ctx context.Context, spec Spec) (Result, error) {
	if err := spec.checkInPlace(AppContainer); err != nil {
		return Result{}, err
	}
	box, err := newContainer(spec)
	if err != nil {
		return Result{}, &UnavailableError{AppContainer, err.Error(), "`--isolation none` accepts an ordinary process"}
	}
	defer box.close()
	return r.inJob(ctx, spec, AppContainer, box)
}

// runNone runs a process with this user's rights, less the privileges.
func (r *runner) runNone(ctx context.Context, spec Spec) (Result, error) {
	if err := spec.checkInPlace(None); err != nil {
		return Result{}, err
	}
	return r.inJob(ctx, spec, None, nil)
}

// inJob runs the command in a job object of its own and holds it to its limits. When it returns, no
// process of the job is left.
func (r *runner) inJob(ctx context.Context, spec Spec, level Isolation, box *container) (res Result, err error) {
	if err := ctx.Err(); err != nil {
		return res, context.Cause(ctx)
	}
	job, enforced, err := newJobObject(spec.Limits)
	if err != nil {
		return res, err
	}
	defer job.close()
	log := &logger{left: spec.Limits.Log, bounded: spec.Limits.Log > 0, flooded: make(chan struct{}), now: r.now}
	defer log.close()
	stdin, stdout, stderr, err := standardFiles(spec, log)
	if err != nil {
		return res, err
	}
	began := r.now()
	p, err := startRestricted(spec, job, stdin, stdout, stderr, box, &res)
	if err != nil {
		return res, fmt.Errorf("start %s: %w", spec.Argv[0], err)
	}
	defer p.close()
	log.start()
	if spec.Started != nil {
		spec.Started(p.pid)
	}
	exited := make(chan int, 1)
	go func() {
		code, err := p.wait()
		if err != nil {
			code = exitKilled
		}
		exited <- code
	}()
	code, killedBy, err := r.watch(ctx, spec, job, p, log, exited)
	job.end(r.now)
	if killedBy != "" || err != nil {
		<-exited
	}
	res.Isolation, res.Network, res.Wall = level, box == nil || spec.Network, r.now().Sub(began)
	res.ExitCode, res.KilledBy, res.PeakRSS, res.CPU = code, killedBy, job.peak(), job.cpu(p)
	res.Limits = enforced
	res.Limits.Wall, res.Limits.Log = spec.Limits.Wall, spec.Limits.Log
	if enforced.Memory > 0 || enforced.Processes > 0 {
		res.LimitedBy = "job"
	}
	return res, errors.Join(err, log.wait(false))
}

// watch waits for the command's end or brings it about.
func (r *runner) watch(ctx context.Context, spec Spec, job *jobObject, p *process, log *logger, exited <-chan int) (code int, killedBy string, err error) {
	var wall <-chan time.Time
	if spec.Limits.Wall > 0 {
		t := time.NewTimer(spec.Limits.Wall)
		defer t.Stop()
		wall = t.C
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case code := <-exited:
			if reached := job.limitReached(); reached != "" && code != 0 {
				return code, reached, nil
			}
			return code, "", nil
		case <-ctx.Done():
			job.end(r.now)
			return exitKilled, "", context.Cause(ctx)
		case <-wall:
			killedBy = "wall"
		case <-log.flooded:
			killedBy = "log"
		case <-tick.C:
			if spec.Limits.CPU > 0 && job.cpu(p) > spec.Limits.CPU {
				killedBy = "cpu"
			}
		}
		if killedBy != "" {
			job.end(r.now)
			return exitKilled, killedBy, nil
		}
	}
}

// startRestricted starts the command with a restricted token where the system makes one that can be used;
// a container's token is restricted already.
func startRestricted(spec Spec, job *jobObject, stdin, stdout, stderr *os.File, box *container, res *Result) (*process, error) {
	if box == nil {
		if token := restrictedToken(); token != 0 {
			defer token.Close()
			if p, err := start(spec, job, stdin, stdout, stderr, nil, token); err == nil {
				res.Restricted = true
				return p, nil
			}
		}
	}
	return start(spec, job, stdin, stdout, stderr, box, 0)
}

// standardFiles are what the command reads and writes: the caller's own only where it is given the terminal.
func standardFiles(spec Spec, log *logger) (stdin, stdout, stderr *os.File, err error) {
	if spec.Terminal {
		return asFile(spec.Stdin), asFile(spec.Stdout), asFile(spec.Stderr), nil
	}
	if stdin, err = log.feed(spec.Stdin); err != nil {
		return nil, nil, nil, err
	}
	stdout, stderr, err = log.pipes(spec)
	return stdin, stdout, stderr, err
}

func asFile(v any) *os.File {
	f, _ := v.(*os.File)
	return f
}
