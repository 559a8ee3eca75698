package sandbox

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A step is one system call that a new process makes between fork and exec, where Go code that
// allocates, grows its stack or takes a lock must not run. The caller lays all of them out beforehand.
type step struct {
	what string // for the error
	nr   uintptr
	arg  [5]uintptr
	may  bool // may fail
}

// steps is a list of steps along with the memory that their arguments point to.
type steps struct {
	list []step
	keep []any
}

func (s *steps) add(what string, nr uintptr, args ...uintptr) {
	st := step{what: what, nr: nr}
	copy(st.arg[:], args)
	s.list = append(s.list, st)
}

// try adds a step whose failure does not matter.
func (s *steps) try(nr uintptr, args ...uintptr) {
	s.add("", nr, args...)
	s.list[len(s.list)-1].may = true
}

func (s *steps) str(v string) (uintptr, error) {
	p, err := unix.BytePtrFromString(v)
	if err != nil {
		return 0, err
	}
	s.keep = append(s.keep, p)
	return uintptr(unsafe.Pointer(p)), nil
}

func (s *steps) strs(v []string) (uintptr, error) {
	list := make([]*byte, len(v)+1)
	for i := range v {
		p, err := unix.BytePtrFromString(v[i])
		if err != nil {
			return 0, err
		}
		list[i] = p
	}
	s.keep = append(s.keep, list)
	return uintptr(unsafe.Pointer(&list[0])), nil
}

// point adds the memory behind p, which must be a pointer, and returns its address.
func point[T any](s *steps, p *T) uintptr {
	s.keep = append(s.keep, p)
	return uintptr(unsafe.Pointer(p))
}

// spawn forks and makes the steps in the new process; the last one is an execve. It returns when that
// succeeded, or with the step that failed.
//
// It is a plain fork, not Go's own: the seccomp filter must be the last thing before execve, and the
// limits must not bind the process that watches. The caller keeps its OS thread.
func (s *steps) spawn() (pid int, err error) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return 0, fmt.Errorf("make pipe: %w", err)
	}
	defer unix.Close(p[0])
	var word [2]uint32
	pid, errno := forkSteps(s.list, uintptr(p[1]), &word)
	runtime.KeepAlive(s.keep)
	unix.Close(p[1])
	if errno != 0 {
		return 0, fmt.Errorf("fork: %w", errno)
	}
	b := unsafe.Slice((*byte)(unsafe.Pointer(&word)), unsafe.Sizeof(word))
	n, rerr := unix.Read(p[0], b)
	for errors.Is(rerr, unix.EINTR) {
		n, rerr = unix.Read(p[0], b)
	}
	if n <= 0 {
		return pid, rerr
	}
	var ws unix.WaitStatus
	unix.Wait4(pid, &ws, 0, nil)
	return 0, &stepError{s.list[word[0]].what, syscall.Errno(word[1])}
}

// A stepError tells which wall could not be put up, and what the kernel said.
type stepError struct {
	what string
	err  error
}

func (e *stepError) Error() string { return e.what + ": " + e.err.Error() }
func (e *stepError) Unwrap() error { return e.err }

//go:noinline
//go:norace
//go:nocheckptr
func forkSteps(list []step, report uintptr, word *[2]uint32) (int, syscall.Errno) {
	pid, _, errno := syscall.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if pid != 0 || errno != 0 {
		return int(pid), errno
	}
	for i := range list {
		st := &list[i]
		_, _, errno = syscall.RawSyscall6(st.nr, st.arg[0], st.arg[1], st.arg[2], st.arg[3], st.arg[4], 0)
		if errno != 0 && !st.may {
			word[0], word[1] = uint32(i), uint32(errno)
			break
		}
	}
	syscall.RawSyscall(unix.SYS_WRITE, report, uintptr(unsafe.Pointer(word)), unsafe.Sizeof(*word))
	for {
		syscall.RawSyscall(unix.SYS_EXIT_GROUP, 127, 0, 0)
	}
}
