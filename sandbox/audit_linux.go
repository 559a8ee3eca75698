package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Audit tries every attack in a sandbox of this machine and once without, one after the other, and hands
// each finding to each as it comes. scratch is a folder for it to work in; programs are mounted from the
// machine's own /usr. It fails where the sandbox itself cannot be had.
func Audit(ctx context.Context, now func() time.Time, scratch string, list []Attack, each func(Finding)) error {
	return (&auditor{runner: &runner{now: now, only: Full}, scratch: scratch}).audit(ctx, list, each)
}

type auditor struct {
	runner  *runner
	scratch string
	exe     string
	victim  *victim
	only    bool // inside: no controls
}

func (a *auditor) audit(ctx context.Context, list []Attack, each func(Finding)) error {
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return err
	}
	a.exe = filepath.Join(a.scratch, markTool)
	os.Remove(a.exe)
	if err := os.Symlink(exe, a.exe); err != nil {
		return fmt.Errorf("prepare audit: %w", err)
	}
	if err := a.possible(ctx); err != nil {
		return err
	}
	a.victim, err = newVictim(a.scratch, a.exe)
	if err != nil {
		return fmt.Errorf("prepare audit: %w", err)
	}
	defer a.victim.close()
	if broke, how, err := a.inside(ctx, Attack{Script: `$SYS umask 0 && touch f && grep -q forge-secret $RO/file`}); err != nil || !broke {
		return errors.Join(fmt.Errorf("prepare audit: the attacks' tool does not even run in the sandbox: %s", how), err)
	}
	for _, at := range list {
		f, err := a.try(ctx, at)
		if err != nil {
			return fmt.Errorf("try %s: %w", at.Name, err)
		}
		each(f)
	}
	return nil
}

// possible reports why no sandbox can be had, before anything else fails for the same reason.
func (a *auditor) possible(ctx context.Context) error {
	spec := Spec{Argv: []string{"/bin/true"}, Dir: "/", UID: 1000, GID: 1000, User: "build"}
	spec.Mounts, spec.Links = machinePrograms()
	_, err := a.runner.Run(ctx, spec)
	return err
}

func (a *auditor) try(ctx context.Context, at Attack) (Finding, error) {
	f := Finding{Attack: at}
	for _, p := range at.Needs {
		if _, err := exec.LookPath(p); err != nil {
			f.Held, f.Control = true, "not tried: no "+p+" here"
			return f, nil
		}
	}
	if err := a.victim.restore(); err != nil {
		return f, err
	}
	before := a.victim.state()
	broke, how, err := a.inside(ctx, at)
	if err != nil {
		return f, err
	}
	f.Held, f.Inside = !broke, how
	if after := a.victim.state(); after != before {
		f.Held, f.Inside = false, "changed what is outside: "+after
	}
	if !a.only {
		f.Works, f.Control, err = a.outside(ctx, at)
	}
	return f, err
}

// inside runs the attack in the sandbox.
func (a *auditor) inside(ctx context.Context, at Attack) (broke bool, how string, err error) {
	w, err := a.folder("in")
	if err != nil {
		return false, "", err
	}
	spec := Spec{
		Argv: []string{"/bin/bash", "-c", at.Script}, Dir: "/w", Hostname: "forge", User: "build", UID: 1000, GID: 1000,
		Env:    append(a.victim.env("/w", "/ro", "1", "/proc/cpuinfo"), "SYS=/attack/"+markTool),
		Limits: Limits{Processes: 300, FileSize: 300 << 20, Wall: 20 * time.Second, Log: 10 << 20},
	}
	spec.Mounts, spec.Links = machinePrograms()
	exe, err := filepath.EvalSymlinks(a.exe)
	if err != nil {
		return false, "", err
	}
	spec.Mounts = append(spec.Mounts, Mount{w, "/w", true}, Mount{a.victim.ro, "/ro", false}, Mount{exe, "/attack/" + markTool, false})
	overlay(&spec.Limits, at.Limits)
	var out bytes.Buffer
	spec.Stdout, spec.Stderr = &out, &out
	res, err := a.runner.Run(ctx, spec)
	if err != nil {
		return false, "", err
	}
	broke = res.ExitCode == 0
	if at.After != "" {
		broke, _, err = a.bash(ctx, at.After, w, &syscall.SysProcAttr{})
	}
	how = fmt.Sprintf("exit %d", res.ExitCode)
	if res.KilledBy != "" {
		how += ", killed by " + res.KilledBy
	}
	return broke, how + lastLine(out.String()), err
}

// outside runs the attack without a sandbox.
func (a *auditor) outside(ctx context.Context, at Attack) (works bool, how string, err error) {
	w, err := a.folder("out")
	if err != nil {
		return false, "", err
	}
	attr := &syscall.SysProcAttr{}
	switch at.Alone {
	case OnlyRoot:
		if os.Geteuid() != 0 {
			return false, "not tried: only root could", nil
		}
	case AsRoot:
		attr.Cloneflags = unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	works, how, err = a.bash(ctx, at.Script, w, attr)
	if err == nil && at.After != "" {
		works, _, err = a.bash(ctx, at.After, w, &syscall.SysProcAttr{})
	}
	return works, how, err
}

// bash runs a script on this machine as it is, in a session of its own that it does not outlive.
func (a *auditor) bash(ctx context.Context, script, w string, attr *syscall.SysProcAttr) (ok bool, how string, err error) {
	ctx, stop := context.WithTimeout(ctx, 20*time.Second)
	defer stop()
	cmd := exec.CommandContext(ctx, "/bin/bash", "-c", script)
	cmd.Dir = w
	cmd.Env = append(a.victim.env(w, a.victim.ro, a.victim.pid(), w), "SYS="+a.exe, "FORGE_TOKEN="+a.victim.secret, "SSH_AUTH_SOCK=/nowhere")
	cmd.ExtraFiles = []*os.File{a.victim.leak}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	attr.Setsid = true
	cmd.SysProcAttr, cmd.WaitDelay = attr, 100*time.Millisecond
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay):
		return true, "works", nil
	case errors.As(err, &exit):
		return false, fmt.Sprintf("does not work here: exit %d", exit.ExitCode()) + lastLine(out.String()), nil
	}
	return false, "", err
}

func (a *auditor) folder(name string) (string, error) {
	dir := filepath.Join(a.scratch, name)
	err := os.RemoveAll(dir)
	for try := 0; err != nil && try < 100; try++ {
		time.Sleep(50 * time.Millisecond) // a control's processes may still be at work in it
		err = os.RemoveAll(dir)
	}
	if err != nil {
		return "", err
	}
	return dir, os.Mkdir(dir, 0o755)
}

// machinePrograms mounts this machine's programs, wherever it keeps them. Builds never get that much.
func machinePrograms() (mounts []Mount, links []Link) {
	mounts = []Mount{{Source: "/usr", Target: "/usr"}}
	for _, p := range []string{"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store"} {
		to, err := os.Readlink(p)
		if err == nil {
			links = append(links, Link{p, to})
		} else if fi, err := os.Stat(p); err == nil && fi.IsDir() {
			mounts = append(mounts, Mount{Source: p, Target: p})
		}
	}
	// Debian's awk and others go through here.
	if fi, err := os.Stat("/etc/alternatives"); err == nil && fi.IsDir() {
		mounts = append(mounts, Mount{Source: "/etc/alternatives", Target: "/etc/alternatives"})
	}
	return mounts, links
}

func overlay(l *Limits, by Limits) {
	for _, p := range []struct{ to, from *int64 }{{&l.Memory, &by.Memory}, {&l.Processes, &by.Processes},
		{&l.FileSize, &by.FileSize}, {&l.Disk, &by.Disk}, {&l.OpenFiles, &by.OpenFiles}, {&l.Log, &by.Log}} {
		if *p.from != 0 {
			*p.to = *p.from
		}
	}
	if by.CPU != 0 {
		l.CPU = by.CPU
	}
	if by.Wall != 0 {
		l.Wall = by.Wall
	}
}

func lastLine(out string) string {
	out = strings.Trim(out, "\x00 \n")
	if i := strings.LastIndexByte(out, '\n'); i >= 0 {
		out = out[i+1:]
	}
	if out == "" {
		return ""
	}
	return ": " + out[:min(len(out), 200)]
}

// copyFile copies one small file.
func copyFile(to, from string, perm os.FileMode) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, perm)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
