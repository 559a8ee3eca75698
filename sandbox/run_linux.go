package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// runFull runs spec behind every wall there is.
func (r *runner) runFull(ctx context.Context, spec Spec) (Result, error) {
	who, err := outsideID()
	if err != nil {
		return Result{}, err
	}
	j := newJob(spec, Full)
	j.Without = r.without
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{markInit}
	cmd.SysProcAttr = who.attr(spec)
	if who.privileged {
		mounts, back, err := r.takeMounts(spec.Mounts, who)
		defer func() {
			for _, f := range mounts {
				f.Close()
			}
		}()
		if err != nil {
			return Result{}, err
		}
		defer func() { back() }()
		j.Taken = true
		cmd.ExtraFiles = mounts
	}
	return r.run(ctx, spec, j, cmd)
}

// newJob copies from the Spec what its keeper needs.
func newJob(spec Spec, level Isolation) *job {
	j := &job{Argv: spec.Argv, Env: spec.Env, Dir: spec.Dir, Mounts: spec.Mounts, Links: spec.Links,
		Files: spec.accounts(), Hostname: spec.Hostname, Limits: spec.Limits, Network: spec.Network,
		Terminal: spec.Terminal, Isolation: level, CPUs: cpuinfo(runtime.GOARCH)}
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
		if v, ok := strings.CutPrefix(e, "HOME="); ok {
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

// run starts the keeper, gives it the job, holds the command to its limits and collects the result.
// When it returns, the keeper is gone and with it every process of the command.
func (r *runner) run(ctx context.Context, spec Spec, j *job, cmd *exec.Cmd) (res Result, err error) {
	if err := ctx.Err(); err != nil {
		return res, err
	}
	group, _ := newGroup(spec.Limits) // without one, rlimits do what they can, and the result says so
	defer group.remove()
	res.Limits, res.LimitedBy = j.Limits, group.kind()
	if group == nil && (spec.Limits.Memory > 0 || spec.Limits.Processes > 0) {
		res.LimitedBy = "rlimit"
		j.LimitMemory, j.LimitProcs = spec.Limits.Memory > 0, spec.Limits.Processes > 0
	}
	j.PrivateGroup = group != nil
	began := r.now()
	wire, err := connect(cmd, spec, j, r.now)
	if err != nil {
		return res, err
	}
	defer wire.close()
	release, err := startOnThread(cmd)
	if err != nil {
		return res, unavailable(j.Isolation, "start the sandbox", err)
	}
	defer release()
	wire.started()
	if group != nil {
		err := group.add(cmd.Process.Pid)
		if err == nil {
			_, err = wire.life.Write([]byte{1})
		}
		if err != nil {
			cmd.Process.Kill()
			cmd.Wait()
			return res, fmt.Errorf("put the sandbox into its cgroup: %w", err)
		}
	}
	end := r.watch(ctx, spec, j, cmd, wire, group)
	res.Wall = r.now().Sub(began)
	res.Isolation, res.Network = j.Isolation, spec.Network
	if st := cmd.ProcessState; st != nil {
		res.CPU = st.UserTime() + st.SystemTime()
		if ru, ok := st.SysUsage().(*syscall.Rusage); ok {
			res.PeakRSS = ru.Maxrss * 1024
		}
	}
	return end.result(ctx, res, j, group)
}

// startOnThread starts cmd from an OS thread that lives until release is called. The death signal that
// guards cmd fires when the thread that started it ends, not the process.
func startOnThread(cmd *exec.Cmd) (release func(), err error) {
	started, done := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		started <- cmd.Start()
		<-done
	}()
	if err := <-started; err != nil {
		close(done)
		return nil, err
	}
	return func() { close(done) }, nil
}

// An ending is what became of a keeper.
type ending struct {
	rep      report
	repErr   error // no report came
	killedBy string
	logErr   error
}

// watch waits for the keeper's end, or brings it about.
func (r *runner) watch(ctx context.Context, spec Spec, j *job, cmd *exec.Cmd, w *wire, group *group) ending {
	var e ending
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		cmd.Wait()
	}()
	var wall <-chan time.Time
	if spec.Limits.Wall > 0 {
		t := time.NewTimer(spec.Limits.Wall)
		defer t.Stop()
		wall = t.C
	}
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for alive := true; alive; {
		select {
		case <-exited:
			alive = false
		case <-ctx.Done():
			e.killedBy = "cancel"
		case <-wall:
			e.killedBy = "wall"
		case <-w.flooded:
			e.killedBy = "log"
		case <-tick.C:
			if spec.Limits.CPU > 0 && group.cpu() > spec.Limits.CPU {
				e.killedBy = "cpu"
			}
		}
		if alive && e.killedBy != "" {
			w.kill(cmd, j, exited)
			alive = false
		}
	}
	// The keeper's report, far smaller than a pipe, lies there since before it ended.
	w.report.SetReadDeadline(r.now().Add(time.Second))
	b, err := io.ReadAll(io.LimitReader(w.report, 1<<20))
	if err == nil {
		err = json.Unmarshal(b, &e.rep)
	}
	e.repErr = err
	e.logErr = w.log.wait(j.Isolation != Full)
	return e
}

// result reads the ending: what the command did, or why it could not run.
func (e ending) result(ctx context.Context, res Result, j *job, g *group) (Result, error) {
	res.KilledBy = e.killedBy
	switch {
	case e.killedBy == "cancel":
		res.KilledBy, res.ExitCode = "", 137
		return res, context.Cause(ctx)
	case e.killedBy != "":
		res.ExitCode = 137
		return res, nil
	case e.repErr != nil && g.oomKilled():
		res.ExitCode, res.KilledBy = 137, "memory"
		return res, nil
	case e.repErr != nil:
		return res, fmt.Errorf("run %s in sandbox: its pid 1 ended without a word", j.Argv[0])
	case !e.rep.Begun:
		if e.rep.What != "" && e.rep.Errno != 0 {
			return res, unavailable(j.Isolation, e.rep.What, e.rep.Errno)
		}
		return res, fmt.Errorf("run %s in sandbox: %s", j.Argv[0], e.rep.Err)
	}
	res.ExitCode = e.rep.Exit
	res.KilledBy = killedBy(e.rep.Exit, res, g)
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
	case exit == 128+int(unix.SIGXCPU) || (l.CPU > 0 && exit == 137 && res.CPU >= l.CPU):
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

// A wire is the pipes between a runner and its keeper.
type wire struct {
	life    *os.File // write end; the keeper dies when it closes
	report  *os.File // read end
	theirs  []*os.File
	flooded chan struct{}
	log     *logger
	stdin   *os.File
}

func connect(cmd *exec.Cmd, spec Spec, j *job, now func() time.Time) (*wire, error) {
	w := &wire{flooded: make(chan struct{})}
	w.log = &logger{left: spec.Limits.Log, bounded: spec.Limits.Log > 0, flooded: w.flooded, now: now}
	lifeR, lifeW, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	w.life, w.theirs = lifeW, []*os.File{lifeR}
	repR, repW, err := os.Pipe()
	if err != nil {
		w.close()
		return nil, err
	}
	w.report, w.theirs = repR, append(w.theirs, repW)
	text, err := j.file()
	if err != nil {
		w.close()
		return nil, err
	}
	w.theirs = append(w.theirs, text)
	cmd.ExtraFiles = append([]*os.File{lifeR, repW, text}, cmd.ExtraFiles...)
	cmd.Env = []string{"GOMAXPROCS=1", "GOGC=off", "GODEBUG=containermaxprocs=0"}
	cmd.WaitDelay = 100 * time.Millisecond
	if spec.Stdin != nil {
		// Through a pipe, also if it is a file: a descriptor can be opened anew, for writing, in /proc.
		cmd.Stdin = struct{ io.Reader }{spec.Stdin}
	}
	if spec.Terminal {
		cmd.Stdin = spec.Stdin
		cmd.Stdout, cmd.Stderr = spec.Stdout, spec.Stderr
		return w, nil
	}
	if err := w.log.pipes(cmd, spec); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// started closes our copies of the keeper's ends, so that its death is seen here.
func (w *wire) started() {
	for _, f := range w.theirs {
		f.Close()
	}
	w.theirs = nil
	w.log.start()
}

// kill ends everything. Pid 1 takes its namespace with it; a keeper without one must be asked, by
// closing its pipe, to kill what it keeps, and gets the time for it.
func (w *wire) kill(cmd *exec.Cmd, j *job, exited <-chan struct{}) {
	w.life.Close()
	if j.Isolation != Full {
		select {
		case <-exited:
			return
		case <-time.After(5 * time.Second):
		}
	}
	cmd.Process.Kill()
	<-exited
}

func (w *wire) close() {
	for _, f := range append(w.theirs, w.life, w.report) {
		f.Close()
	}
	w.log.close()
}
