package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A change is one system call by which forge changes files, as it happened.
type change struct {
	call   string // "create", "write", "sync", "rename", "link", "symlink", "unlink", "mkdir", "chmod"
	path   string // absolute; of an open file, its name
	target string // new name of rename and link, text of symlink
	off    int64  // of write
	data   []byte // of write
	perm   uint32
}

// A watcher runs forge under ptrace, one system call at a time, and sees every change it makes below some
// folders. The programs that forge starts are left alone.
type watcher struct {
	below []string
	keep  bool // data of writes

	// before is called before the nth change (from 1). It says what becomes of it.
	before func(n int, c change) verdict

	changes []change
	output  bytes.Buffer
	tasks   map[int]*tracedTask
	pid     int
}

type verdict int

const (
	letGo    verdict = iota
	killNow          // SIGKILL, before the call takes effect
	noSpace          // the call fails: no space left on device
	readOnly         // the call fails: read-only file system
)

type tracedTask struct {
	inside bool // between entry and exit
	change *change
	fd     int
	fail   syscall.Errno
}

// run runs forge to its end and returns its exit code, -1 if it was killed.
func (t *watcher) run(tb testing.TB, dir, cache string, args ...string) int {
	tb.Helper()
	runtime.LockOSThread() // ptrace knows threads
	defer runtime.UnlockOSThread()
	r, w, err := os.Pipe()
	if err != nil {
		tb.Fatal(err)
	}
	copied := make(chan struct{})
	go func() { io.Copy(&t.output, r); close(copied) }()
	cmd := forgeCommand(dir, cache, args...)
	p, err := os.StartProcess(cmd.Path, cmd.Args, &os.ProcAttr{Dir: dir, Env: cmd.Env, Files: []*os.File{nil, w, w},
		Sys: &syscall.SysProcAttr{Ptrace: true, Setpgid: true}})
	w.Close()
	if err != nil {
		tb.Fatal(err)
	}
	t.pid, t.tasks, t.changes = p.Pid, map[int]*tracedTask{}, nil
	defer p.Release()
	var ws syscall.WaitStatus
	if _, err := syscall.Wait4(t.pid, &ws, syscall.WALL, nil); err != nil {
		tb.Fatal(err)
	}
	if err := syscall.PtraceSetOptions(t.pid, syscall.PTRACE_O_TRACESYSGOOD|syscall.PTRACE_O_TRACECLONE|unix.PTRACE_O_EXITKILL); err != nil {
		tb.Skipf("ptrace: %v", err)
	}
	t.tasks[t.pid] = &tracedTask{}
	syscall.PtraceSyscall(t.pid, 0)
	code := t.loop(tb)
	<-copied
	r.Close()
	return code
}

func (t *watcher) loop(tb testing.TB) int {
	for {
		var ws syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &ws, syscall.WALL, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			tb.Fatalf("wait for forge: %v", err)
		}
		switch {
		case ws.Exited() && pid == t.pid:
			return ws.ExitStatus()
		case ws.Signaled() && pid == t.pid:
			return -1
		case !ws.Stopped():
			delete(t.tasks, pid)
			continue
		}
		deliver := 0
		switch sig := ws.StopSignal(); {
		case sig == syscall.SIGTRAP|0x80:
			t.stopped(pid)
		case t.tasks[pid] == nil:
			t.tasks[pid] = &tracedTask{} // a new thread begins with a stop
		case sig == syscall.SIGTRAP:
		default:
			deliver = int(sig)
		}
		syscall.PtraceSyscall(pid, deliver)
	}
}

// stopped is called at the entry and at the exit of each system call of each thread.
func (t *watcher) stopped(tid int) {
	task := t.tasks[tid]
	if task == nil {
		task = &tracedTask{}
		t.tasks[tid] = task
	}
	task.inside = !task.inside
	var regs syscall.PtraceRegs
	if syscall.PtraceGetRegs(tid, &regs) != nil {
		return
	}
	if task.inside {
		t.entered(tid, task, &regs)
		return
	}
	if task.fail != 0 {
		regs.Rax = uint64(-int64(task.fail))
		syscall.PtraceSetRegs(tid, &regs)
		task.fail, task.change = 0, nil
		return
	}
	if c := task.change; c != nil {
		if n := int64(regs.Rax); n >= 0 {
			t.happened(tid, task, n)
		}
		task.change = nil
	}
}

func (t *watcher) entered(tid int, task *tracedTask, regs *syscall.PtraceRegs) {
	c := t.decode(tid, task, regs)
	if c == nil || !t.watched(*c) {
		return
	}
	task.change = c
	v := letGo
	if t.before != nil {
		v = t.before(len(t.changes)+1, *c)
	}
	switch v {
	case killNow:
		syscall.Kill(t.pid, syscall.SIGKILL)
	case noSpace, readOnly:
		task.fail = syscall.ENOSPC
		if v == readOnly {
			task.fail = syscall.EROFS
		}
		regs.Orig_rax = ^uint64(0)
		syscall.PtraceSetRegs(tid, regs)
	}
	if v != letGo || c.call != "write" {
		t.changes = append(t.changes, *c)
	} else {
		t.changes = append(t.changes, change{call: "write", path: c.path, off: c.off})
	}
}

// happened completes what is known only afterwards: what a write wrote.
func (t *watcher) happened(tid int, task *tracedTask, n int64) {
	if task.change.call != "write" || !t.keep {
		return
	}
	f, err := os.Open(fmt.Sprintf("/proc/%d/fd/%d", tid, task.fd))
	if err != nil {
		return
	}
	defer f.Close()
	c := *task.change
	c.data = make([]byte, n)
	f.ReadAt(c.data, c.off)
	for i := len(t.changes) - 1; i >= 0; i-- {
		if w := &t.changes[i]; w.call == "write" && w.path == c.path && w.off == c.off && w.data == nil {
			w.data = c.data
			break
		}
	}
}

func (t *watcher) watched(c change) bool {
	for _, b := range t.below {
		if c.path == b || c.call == "sync" && c.path == filepath.Dir(b) || strings.HasPrefix(c.path, b+"/") || strings.HasPrefix(c.target, b+"/") && c.call != "symlink" {
			return true
		}
	}
	return false
}

// decode reads a system call that changes files, nil for others.
func (t *watcher) decode(tid int, task *tracedTask, r *syscall.PtraceRegs) *change {
	at := func(fd, name uint64) string { return t.resolve(tid, int32(fd), t.text(tid, name)) }
	open := func(fd uint64) string {
		p, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", tid, int32(fd)))
		return p
	}
	switch r.Orig_rax {
	case unix.SYS_OPENAT:
		if r.Rdx&unix.O_CREAT == 0 {
			return nil
		}
		if _, err := os.Lstat(at(r.Rdi, r.Rsi)); err == nil && r.Rdx&unix.O_TRUNC == 0 {
			return nil // a lock that is there already
		}
		return &change{call: "create", path: at(r.Rdi, r.Rsi), perm: uint32(r.R10)}
	case unix.SYS_WRITE:
		task.fd = int(r.Rdi)
		return &change{call: "write", path: open(r.Rdi), off: t.offset(tid, r.Rdi)}
	case unix.SYS_PWRITE64:
		task.fd = int(r.Rdi)
		return &change{call: "write", path: open(r.Rdi), off: int64(r.R10)}
	case unix.SYS_COPY_FILE_RANGE:
		task.fd = int(r.Rdx)
		return &change{call: "write", path: open(r.Rdx), off: t.offset(tid, r.Rdx)}
	case unix.SYS_SENDFILE:
		task.fd = int(r.Rdi)
		return &change{call: "write", path: open(r.Rdi), off: t.offset(tid, r.Rdi)}
	case unix.SYS_FSYNC, unix.SYS_FDATASYNC:
		return &change{call: "sync", path: open(r.Rdi)}
	case unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2:
		return &change{call: "rename", path: at(r.Rdi, r.Rsi), target: at(r.Rdx, r.R10)}
	case unix.SYS_LINKAT:
		return &change{call: "link", path: at(r.Rdi, r.Rsi), target: at(r.Rdx, r.R10)}
	case unix.SYS_SYMLINKAT:
		return &change{call: "symlink", path: at(r.Rsi, r.Rdx), target: t.text(tid, r.Rdi)}
	case unix.SYS_UNLINKAT:
		return &change{call: "unlink", path: at(r.Rdi, r.Rsi)}
	case unix.SYS_MKDIRAT:
		return &change{call: "mkdir", path: at(r.Rdi, r.Rsi)}
	case unix.SYS_FCHMOD:
		return &change{call: "chmod", path: open(r.Rdi), perm: uint32(r.Rsi)}
	case unix.SYS_FCHMODAT:
		return &change{call: "chmod", path: at(r.Rdi, r.Rsi), perm: uint32(r.Rdx)}
	}
	return nil
}

func (t *watcher) offset(tid int, fd uint64) int64 {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%d", tid, int32(fd)))
	pos, flags := int64(0), int64(0)
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) == 2 && f[0] == "pos:" {
			pos, _ = strconv.ParseInt(f[1], 10, 64)
		}
		if len(f) == 2 && f[0] == "flags:" {
			flags, _ = strconv.ParseInt(f[1], 8, 64)
		}
	}
	if flags&unix.O_APPEND != 0 {
		if info, err := os.Stat(fmt.Sprintf("/proc/%d/fd/%d", tid, int32(fd))); err == nil {
			return info.Size()
		}
	}
	return pos
}

func (t *watcher) resolve(tid int, fd int32, name string) string {
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	dir := fmt.Sprintf("/proc/%d/fd/%d", tid, fd)
	if fd == unix.AT_FDCWD {
		dir = fmt.Sprintf("/proc/%d/cwd", tid)
	}
	base, err := os.Readlink(dir)
	if err != nil {
		return name
	}
	return filepath.Join(base, name)
}

// text reads a string that ends with a zero.
func (t *watcher) text(tid int, addr uint64) string {
	f, err := os.Open(fmt.Sprintf("/proc/%d/mem", tid))
	if err != nil {
		return ""
	}
	defer f.Close()
	var buf [4096]byte
	n, _ := f.ReadAt(buf[:min(4096, 4096-int(addr%4096))], int64(addr))
	b := buf[:n]
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return string(b[:i])
	}
	if n < len(buf) {
		more := make([]byte, 4096)
		m, _ := f.ReadAt(more, int64(addr)+int64(n))
		b = append(append([]byte{}, b...), more[:m]...)
		if i := bytes.IndexByte(b, 0); i >= 0 {
			return string(b[:i])
		}
	}
	return ""
}
