package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// newJob copies from the Spec what its keeper needs.
func newJob(spec Spec, level Isolation) *job {
	j := &job{Argv: spec.Argv, Env: spec.Env, Dir: spec.Dir, Mounts: spec.Mounts, Links: spec.Links,
		Files: spec.accounts(), Hostname: spec.Hostname, OldKernel: spec.OldKernel, Limits: spec.Limits, Network: spec.Network,
		UID: spec.UID, GID: spec.GID, Terminal: spec.Terminal, Isolation: level, CPUs: cpuinfo(runtime.GOARCH)}
	if j.Hostname == "" {
		j.Hostname = "localhost"
	}
	// More files than the caller may have itself cannot be promised.
	var had unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &had) == nil {
		j.Limits.OpenFiles = int64(min(uint64(j.Limits.OpenFiles), had.Max))
	}
	return j
}

// accounts are the Spec's files, with a passwd and a group that name its user where it brings none.
func (s Spec) accounts() []File {
	if s.User == "" {
		return s.Files
	}
	home := "/"
	for _, e := range s.Env {
		if v, ok := strings.CutPrefix(e, "HOME="); ok && !strings.ContainsAny(v, ":\n") {
			home = v
		}
	}
	files := slices.Clone(s.Files)
	has := func(p string) bool {
		return slices.ContainsFunc(s.Files, func(f File) bool { return f.Path == p }) ||
			slices.ContainsFunc(s.Links, func(l Link) bool { return l.Path == p || l.Path == "/etc" }) ||
			slices.ContainsFunc(s.Mounts, func(m Mount) bool { return m.Target == p || m.Target == "/etc" && m.Source != "" })
	}
	if !has("/etc/passwd") {
		files = append(files, File{"/etc/passwd", fmt.Sprintf("%s:x:%d:%d::%s:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n", s.User, s.UID, s.GID, home)})
	}
	if !has("/etc/group") {
		files = append(files, File{"/etc/group", fmt.Sprintf("%s:x:%d:\nnogroup:x:65534:\n", s.User, s.GID)})
	}
	return files
}

// run starts a keeper, holds the command to its limits and collects the result. When it returns, the
// keeper is gone and with it every process of the command. start starts it, from a thread that lives as
// long; parse reads its report.
func (r *runner) run(ctx context.Context, spec Spec, j *job, parse func([]byte) ending, start func(*wire) (*os.Process, error)) (res Result, err error) {
	if err := ctx.Err(); err != nil {
		return res, err
	}
	group, err := newGroup(spec.Limits) // without one, rlimits do what they can, and the result says so
	defer group.remove()
	res.Limits = j.Limits
	switch {
	case !spec.Limits.counted():
	case group != nil:
		res.LimitedBy = group.kind()
	default:
		res.LimitedBy, res.LimitedWhy = "rlimit", fmt.Sprintf("no cgroup can be made here: %v", err)
		j.LimitMemory, j.LimitProcs = spec.Limits.Memory > 0, spec.Limits.Processes > 0
	}
	j.PrivateGroup = group != nil
	w, err := connect(spec, r.now)
	if err != nil {
		return res, err
	}
	defer w.close()
	disk := newDisk(spec, r.now)
	if disk == nil {
		res.Limits.Disk = 0
	}
	began := r.now()
	p, release, err := startOnThread(func() (*os.Process, error) { return start(w) })
	if err != nil {
		return res, err
	}
	defer release()
	w.started()
	if err := group.add(p.Pid); err != nil {
		p.Kill()
		p.Wait()
		return res, fmt.Errorf("put the sandbox into its cgroup: %w", err)
	}
	if spec.Started != nil {
		spec.Started(p.Pid)
	}
	w.life.Write([]byte{1}) // go; if it fails, the keeper is dead and its silence says so
	if disk != nil {
		disk.keep = p.Pid
	}
	end, state := r.watch(ctx, spec, j, p, w, group, disk, parse)
	res.Wall = r.now().Sub(began)
	res.Isolation, res.Network = j.Isolation, spec.Network
	if w.tracer != nil {
		res.Trace = w.tracer.end()
	}
	if state != nil {
		res.CPU = state.UserTime() + state.SystemTime()
		if ru, ok := state.SysUsage().(*syscall.Rusage); ok {
			res.PeakRSS = max(ru.Maxrss*1024, end.memory)
		}
	}
	return end.result(ctx, res, j, group)
}

// startOnThread calls start on an OS thread that lives until release is called. The death signal that
// guards a keeper goes off when the thread that started it ends, not the process.
func startOnThread(start func() (*os.Process, error)) (p *os.Process, release func(), err error) {
	started, done := make(chan struct{}), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		p, err = start()
		close(started)
		if err == nil {
			<-done
		}
	}()
	<-started
	return p, func() { close(done) }, err
}

// An ending is what became of a keeper.
type ending struct {
	exit     int
	err      error  // the command did not begin, and why
	silent   bool   // no report came
	how      string // the keeper ended
	killedBy string
	logErr   error
	memory   int64 // the most that all processes together had, as far as it was seen
}

// watch waits for the keeper's end, or brings it about.
func (r *runner) watch(ctx context.Context, spec Spec, j *job, p *os.Process, w *wire, group *group, disk *disk, parse func([]byte) ending) (e ending, state *os.ProcessState) {
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		state, _ = p.Wait()
	}()
	var wall <-chan time.Time
	if spec.Limits.Wall > 0 {
		t := time.NewTimer(spec.Limits.Wall)
		defer t.Stop()
		wall = t.C
	}
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	killedBy := ""
	all, measure := r.newMemoryWatch(j, p.Pid), r.newMemoryMeter(spec, p.Pid, group)
	for alive := true; alive; {
		select {
		case <-exited:
			alive = false
		case <-ctx.Done():
			killedBy = "cancel"
		case <-wall:
			killedBy = "wall"
		case <-w.flooded:
			killedBy = "log"
		case <-tick.C:
			measure.look()
			if spec.Limits.CPU > 0 && group.cpu() > spec.Limits.CPU {
				killedBy = "cpu"
			}
			if disk.over() {
				killedBy = "disk"
			}
			if all.over() {
				killedBy = "memory"
			}
		}
		if alive && killedBy != "" {
			w.kill(p, j, exited)
			alive = false
		}
	}
	if killedBy == "" && disk.overAtEnd() {
		killedBy = "disk"
	}
	// The keeper's report, far smaller than a pipe, lies there since before it ended.
	w.report.SetReadDeadline(r.now().Add(time.Second))
	b, _ := io.ReadAll(io.LimitReader(w.report, 1<<20))
	e = parse(b)
	e.how = howEnded(state)
	e.killedBy, e.memory, e.logErr = killedBy, measure.peak(), w.log.wait(j.Isolation != Full)
	return e, state
}

// howEnded says what became of a keeper that left no report.
func howEnded(state *os.ProcessState) string {
	if state == nil {
		return "ended without a word"
	}
	ws, ok := state.Sys().(syscall.WaitStatus)
	switch {
	case ok && ws.Signaled() && ws.Signal() == unix.SIGKILL:
		return "was killed (signal 9), not by forge: by somebody, or by the kernel for want of memory, which its log tells"
	case ok && ws.Signaled():
		return fmt.Sprintf("was ended from outside by signal %d (%s)", ws.Signal(), unix.SignalName(ws.Signal()))
	}
	return fmt.Sprintf("ended without a word, with exit code %d", state.ExitCode())
}

// outOfTime is the exit code of a command that reached its limit on CPU time, whoever saw it first: the kernel, which
// sends a single process SIGXCPU, or the watcher, which ends all of them for their sum.
const outOfTime = 128 + int(unix.SIGXCPU)

// result reads the ending: what the command did, or why it could not run.
func (e ending) result(ctx context.Context, res Result, j *job, g *group) (Result, error) {
	res.KilledBy = e.killedBy
	switch {
	case e.killedBy == "cancel":
		res.KilledBy, res.ExitCode = "", 137
		return res, context.Cause(ctx)
	case e.killedBy == "cpu":
		res.ExitCode = outOfTime
		return res, nil
	case e.killedBy != "":
		res.ExitCode = 137
		return res, nil
	case e.silent && g.oomKilled():
		res.ExitCode, res.KilledBy = 137, "memory"
		return res, nil
	case e.silent:
		return res, fmt.Errorf("run %s in sandbox: the process that keeps the sandbox %s", j.Argv[0], e.how)
	case e.err != nil:
		var se *stepError
		if errors.As(e.err, &se) && se.kind == aboutWall {
			return res, unavailable(j.Isolation, se.text, se.err)
		}
		return res, fmt.Errorf("run %s in sandbox: %w", j.Argv[0], e.err)
	}
	res.ExitCode = e.exit
	if res.KilledBy = killedBy(e.exit, res, g); res.KilledBy == "cpu" {
		res.ExitCode = outOfTime
	}
	if e.logErr != nil {
		return res, fmt.Errorf("write the output of %s: %w", j.Argv[0], e.logErr)
	}
	return res, nil
}

// killedBy names the limit that ended a command which failed, if one did.
func killedBy(exit int, res Result, g *group) string {
	l := res.Limits
	switch {
	case exit == 0:
		return ""
	case exit == outOfTime || (l.CPU > 0 && exit == 137 && res.CPU >= l.CPU):
		return "cpu"
	case exit == 128+int(unix.SIGXFSZ) && l.FileSize > 0:
		return "file_size"
	case g.oomKilled():
		return "memory"
	case g.forksRefused():
		return "processes"
	}
	return ""
}
