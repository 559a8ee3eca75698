//go:build !linux && !windows

package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"
)

// Child is for Linux alone: no other system's runner starts this program anew.
func Child([]string) int { return 1 }

func (r *runner) runFull(context.Context, Spec) (Result, error) {
	return Result{}, &UnavailableError{Full, lacksFull, "`--isolation none` accepts an ordinary process"}
}

func (r *runner) runLandlock(context.Context, Spec) (Result, error) {
	return Result{}, &UnavailableError{Landlock, "landlock is a part of Linux", "`--isolation none` accepts an ordinary process"}
}

// runNone runs an ordinary process and ends what it leaves behind, as far as the system can tell.
func (r *runner) runNone(ctx context.Context, spec Spec) (Result, error) {
	res, err := r.plain(ctx, spec, None)
	res.Isolation, res.Network = None, true
	return res, err
}

// plain is runNone for a command that may put walls around itself; level names them.
func (r *runner) plain(ctx context.Context, spec Spec, level Isolation) (res Result, err error) {
	if err := spec.checkInPlace(level); err != nil {
		return res, err
	}
	cmd := exec.Command(spec.Argv[0], spec.Argv[1:]...)
	cmd.Env, cmd.Dir = spec.Env, spec.Dir
	if cmd.Env == nil {
		cmd.Env = []string{}
	}
	cmd.Stdin, cmd.WaitDelay = spec.Stdin, time.Second
	log := &logger{left: spec.Limits.Log, bounded: spec.Limits.Log > 0, flooded: make(chan struct{}), now: r.now}
	if spec.Terminal {
		cmd.Stdout, cmd.Stderr = spec.Stdout, spec.Stderr
	} else {
		stdout, stderr, err := log.pipes(spec)
		if err != nil {
			return res, err
		}
		// A nil *os.File in an io.Writer would not be nil.
		if stdout != nil {
			cmd.Stdout = stdout
		}
		if stderr != nil {
			cmd.Stderr = stderr
		}
	}
	defer log.close()
	kin, err := newKin(cmd)
	if err != nil {
		return res, err
	}
	defer kin.close()
	began := r.now()
	if err := cmd.Start(); err != nil {
		return res, fmt.Errorf("start %s: %w", spec.Argv[0], err)
	}
	log.start()
	if err := kin.adopt(cmd); err != nil {
		cmd.Process.Kill()
		cmd.Wait()
		return res, fmt.Errorf("keep hold of %s: %w", spec.Argv[0], err)
	}
	exited := make(chan struct{})
	go func() { defer close(exited); cmd.Wait() }()
	wall := make(<-chan time.Time)
	if spec.Limits.Wall > 0 {
		t := time.NewTimer(spec.Limits.Wall)
		defer t.Stop()
		wall = t.C
	}
	select {
	case <-exited:
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-wall:
		res.KilledBy = "wall"
	case <-log.flooded:
		res.KilledBy = "log"
	}
	kin.kill(cmd)
	<-exited
	logErr := log.wait(true)
	res.Wall = r.now().Sub(began)
	res.Limits = Limits{Wall: spec.Limits.Wall, Log: spec.Limits.Log}
	if st := cmd.ProcessState; st != nil {
		res.CPU, res.ExitCode = st.UserTime()+st.SystemTime(), st.ExitCode()
	}
	if res.KilledBy != "" || err != nil || res.ExitCode < 0 {
		res.ExitCode = 137
	}
	return res, errors.Join(err, logErr)
}
