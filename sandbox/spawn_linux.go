package sandbox

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A sandbox is built by a forked copy of this process that never becomes a Go program again: between
// fork and exec, code that allocates, grows its stack or takes a lock must not run. So all that the copy
// does is laid out beforehand, as a list of system calls, and made by one loop (forkSteps). No program
// has to be started only to build a sandbox.

// A step is one system call.
type step struct {
	nr   uintptr
	arg  [6]uintptr // some of them registers
	min  uintptr    // a smaller result is a failure
	out  int32      // register that keeps the result, or -1
	skip int32      // after a failure: steps to leave out, and go on; -1: the end
}

// Numbers that are no system calls.
const (
	opFork  = 1<<40 + iota // fork; this process goes on at step arg[0], the new one here
	opWatch                // reap until the process in arg[0] ends or the pipe arg[1] closes, then report and exit
)

// Argument values that stand for the content of a register.
const regBase = 1 << 62

func reg(n int) uintptr { return regBase + uintptr(n) }

// A kind says what a failing step is about.
type kind int

const (
	aboutWall    kind = iota // a wall that this machine may not be able to put up
	aboutPlace               // a path of the Spec
	aboutCommand             // the command itself
)

// A label describes a step to people.
type label struct {
	text string
	kind kind
}

// steps is a list of steps under construction. What they point to lies outside of Go's heap, which the
// copy of this process finds empty.
type steps struct {
	list   []step
	labels []label
	regs   int
	unused []int // registers to use again
	chunks [][]byte
	free   []byte
	spare  []memory // what the copy finds empty, but for the stack in use
	err    error    // the first mistake in laying out
}

func (s *steps) push(l label, nr uintptr, args []uintptr) *step {
	st := step{nr: nr, out: -1, skip: -1}
	copy(st.arg[:], args)
	s.list, s.labels = append(s.list, st), append(s.labels, l)
	return &s.list[len(s.list)-1]
}

// add adds a step that puts up a wall.
func (s *steps) add(text string, nr uintptr, args ...uintptr) {
	s.push(label{text, aboutWall}, nr, args)
}

// try adds a step whose failure does not matter.
func (s *steps) try(nr uintptr, args ...uintptr) { s.push(label{}, nr, args).skip = 0 }

// open adds a step that opens something, and returns its register.
func (s *steps) open(l label, nr uintptr, args ...uintptr) int {
	r := s.newReg()
	s.push(l, nr, args).out = int32(r)
	return r
}

// close adds a step that closes what r holds, and frees r.
func (s *steps) close(r int) {
	s.try(unix.SYS_CLOSE, reg(r))
	s.unused = append(s.unused, r)
}

func (s *steps) newReg() int {
	if n := len(s.unused); n > 0 {
		r := s.unused[n-1]
		s.unused = s.unused[:n-1]
		return r
	}
	s.regs++
	return s.regs - 1
}

// alloc returns zeroed memory that stays where it is and is no part of Go's heap.
func (s *steps) alloc(n int) []byte {
	n = (n + 15) &^ 15
	if n > len(s.free) {
		b, err := unix.Mmap(-1, 0, max(n, 256<<10), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
		if err != nil {
			s.err = errors.Join(s.err, fmt.Errorf("get memory for a sandbox: %w", err))
			return make([]byte, n)
		}
		s.chunks, s.free = append(s.chunks, b), b
	}
	b := s.free[:n:n]
	s.free = s.free[n:]
	return b
}

// release gives the memory back.
func (s *steps) release() {
	for _, c := range s.chunks {
		unix.Munmap(c)
	}
	s.chunks, s.free = nil, nil
}

func (s *steps) bytes(b []byte) uintptr {
	m := s.alloc(len(b) + 1)
	copy(m, b)
	return uintptr(unsafe.Pointer(&m[0]))
}

func (s *steps) str(v string) uintptr {
	if strings.IndexByte(v, 0) >= 0 {
		s.err = errors.Join(s.err, fmt.Errorf("%q holds a NUL", v))
	}
	return s.bytes([]byte(v))
}

func (s *steps) strs(v []string) uintptr {
	m := s.alloc(8 * (len(v) + 1))
	list := unsafe.Slice((*uintptr)(unsafe.Pointer(&m[0])), len(v)+1)
	for i := range v {
		list[i] = s.str(v[i])
	}
	return uintptr(unsafe.Pointer(&m[0]))
}

// place copies v, which holds no Go pointers, and returns the copy's address.
func place[T any](s *steps, v T) uintptr {
	m := s.alloc(int(unsafe.Sizeof(v)))
	*(*T)(unsafe.Pointer(&m[0])) = v
	return uintptr(unsafe.Pointer(&m[0]))
}

// What a copy reports, in three words: how it went, and two values.
const (
	saysFailed = 1 // step, errno
	saysEnded  = 2 // wait status
)

type record [3]uint32

// A stepError tells which step failed, and what the kernel said.
type stepError struct {
	label
	err syscall.Errno
}

func (e *stepError) Error() string {
	why := e.err.Error()
	if e.kind == aboutPlace {
		switch e.err {
		case unix.ELOOP, unix.ENOTDIR:
			why = "a file or a symbolic link stands in the way"
		case unix.EINVAL:
			why = "a folder is there"
		case unix.ENOENT, unix.EROFS:
			why = "it is missing in a read-only mount; make it there first, or mount it before"
		}
	}
	return e.text + ": " + why
}

func (e *stepError) Unwrap() error { return e.err }

// failed reads a record of a failure.
func (s *steps) failed(r record) error {
	if int(r[1]) >= len(s.labels) {
		return fmt.Errorf("a sandbox reports a failure that it cannot have had: %d", r[1])
	}
	return &stepError{s.labels[r[1]], syscall.Errno(r[2])}
}

// fork makes a copy of this process that makes the steps. The copy belongs to the calling OS thread.
// Failures are reported to the pipe report. The steps are used up.
func (s *steps) fork(flags uintptr, report int) (pid int, err error) {
	defer s.release() // the copy has its own
	if s.err != nil {
		return 0, s.err
	}
	m := s.alloc(len(s.list) * int(unsafe.Sizeof(step{})))
	list := unsafe.Slice((*step)(unsafe.Pointer(&m[0])), len(s.list))
	copy(list, s.list)
	m = s.alloc(8 * (s.regs + 1))
	regs := unsafe.Slice((*uintptr)(unsafe.Pointer(&m[0])), s.regs+1)
	if s.err != nil {
		return 0, s.err
	}
	m = s.alloc(int(unsafe.Sizeof(memory{})) * (len(s.spare) + 1))
	spare := unsafe.Slice((*memory)(unsafe.Pointer(&m[0])), len(s.spare)+1)[:0]
	for _, r := range s.spare {
		if !s.owns(r.from, r.to) {
			spare = append(spare, r)
		}
	}
	// One at a time: the stack of another may lie in what this copy is to find empty.
	syscall.ForkLock.Lock()
	defer syscall.ForkLock.Unlock()
	// No signal may come to the copy before it has forgotten our handlers.
	all, old := ^uint64(0), uint64(0)
	syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&all)), uintptr(unsafe.Pointer(&old)), 8, 0, 0)
	child, errno := forkSteps(flags|uintptr(unix.SIGCHLD), list, regs, uintptr(report), spare)
	syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&old)), 0, 8, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(child), nil
}

// spawn is fork for a list that ends in an execve: it returns when that has succeeded, or with the step
// that failed.
func (s *steps) spawn() (pid int, err error) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return 0, fmt.Errorf("make pipe: %w", err)
	}
	defer unix.Close(p[0])
	pid, err = s.fork(0, p[1])
	unix.Close(p[1])
	if err != nil {
		return 0, fmt.Errorf("fork: %w", err)
	}
	var say record
	n, err := unix.Read(p[0], unsafe.Slice((*byte)(unsafe.Pointer(&say)), unsafe.Sizeof(say)))
	for errors.Is(err, unix.EINTR) {
		n, err = unix.Read(p[0], unsafe.Slice((*byte)(unsafe.Pointer(&say)), unsafe.Sizeof(say)))
	}
	if n <= 0 {
		return pid, err
	}
	var ws unix.WaitStatus
	unix.Wait4(pid, &ws, 0, nil)
	return 0, s.failed(say)
}

// forkSteps forks; the copy makes the steps and never returns. It calls nothing but RawSyscall6, which
// needs no stack of its own.
//
//go:noinline
//go:norace
//go:nocheckptr
func forkSteps(flags uintptr, list []step, regs []uintptr, report uintptr, spare []memory) (uintptr, syscall.Errno) {
	var say record
	var status uint32
	var fds [2]unix.PollFd
	var pause unix.Timespec
	here := uintptr(unsafe.Pointer(&say)) &^ (stackKept - 1)
	for i := range spare {
		low, high := spare[i].around(here)
		if spare[i].from < low {
			syscall.RawSyscall6(unix.SYS_MADVISE, spare[i].from, low-spare[i].from, spare[i].leave, 0, 0, 0)
		}
		if high < spare[i].to {
			syscall.RawSyscall6(unix.SYS_MADVISE, high, spare[i].to-high, spare[i].leave, 0, 0, 0)
		}
	}
	pid, _, errno := syscall.RawSyscall6(unix.SYS_CLONE, flags, 0, 0, 0, 0, 0)
	if pid != 0 || errno != 0 {
		for i := range spare {
			syscall.RawSyscall6(unix.SYS_MADVISE, spare[i].from, spare[i].to-spare[i].from, spare[i].keep, 0, 0, 0)
		}
		return pid, errno
	}
	for i := 0; i < len(list); i++ {
		st := &list[i]
		var a [6]uintptr
		for k := range a {
			a[k] = st.arg[k]
			if a[k]&^(regBase-1) == regBase {
				a[k] = regs[a[k]-regBase]
			}
		}
		switch st.nr {
		case opFork:
			pid, _, errno = syscall.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
			if errno == 0 && pid != 0 {
				regs[st.out] = pid
				i = int(st.arg[0]) - 1
			}
		case opWatch:
			fds[0] = unix.PollFd{Fd: int32(a[1]), Events: unix.POLLIN}
			fds[1] = unix.PollFd{Fd: int32(a[2]), Events: unix.POLLIN}
			pause.Sec = 1
			for {
				syscall.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&fds)), 2, uintptr(unsafe.Pointer(&pause)), 0, 0, 0)
				if fds[0].Revents != 0 {
					syscall.RawSyscall6(unix.SYS_EXIT_GROUP, 1, 0, 0, 0, 0, 0) // whoever wants to know is gone
				}
				pause = unix.Timespec{Sec: 1}
				for {
					pid, _, errno = syscall.RawSyscall6(unix.SYS_WAIT4, ^uintptr(0), uintptr(unsafe.Pointer(&status)), unix.WNOHANG, 0, 0, 0)
					if errno != 0 || pid == 0 {
						break
					}
					if pid == a[0] {
						say = record{saysEnded, status}
						syscall.RawSyscall6(unix.SYS_WRITE, report, uintptr(unsafe.Pointer(&say)), unsafe.Sizeof(say), 0, 0, 0)
						syscall.RawSyscall6(unix.SYS_EXIT_GROUP, 0, 0, 0, 0, 0, 0)
					}
					pause = unix.Timespec{Nsec: 20_000_000} // where one orphan ends, more do
				}
			}
		default:
			var r uintptr
			r, _, errno = syscall.RawSyscall6(st.nr, a[0], a[1], a[2], a[3], a[4], a[5])
			if errno == 0 && r < st.min {
				errno = unix.EPIPE
			}
			if st.out >= 0 {
				regs[st.out] = r
			}
		}
		if errno == 0 {
			continue
		}
		if st.skip < 0 {
			say = record{saysFailed, uint32(i), uint32(errno)}
			syscall.RawSyscall6(unix.SYS_WRITE, report, uintptr(unsafe.Pointer(&say)), unsafe.Sizeof(say), 0, 0, 0)
			break
		}
		i += int(st.skip)
	}
	for {
		syscall.RawSyscall6(unix.SYS_EXIT_GROUP, 127, 0, 0, 0, 0, 0)
	}
}

// memory is a part of this process's memory.
type memory struct {
	from, to    uintptr
	leave, keep uintptr // advice to madvise before the fork, and after
}

// around is what of m the copy must have of the stack that is in use near here.
//
//go:nosplit
func (m memory) around(here uintptr) (low, high uintptr) {
	low, high = min(max(m.from, here-stackKept), m.to), max(min(m.to, here+2*stackKept), m.from)
	return low, high
}

// stackKept is how much stays around the place where the copy's stack is in use, and its alignment.
const stackKept = 64 << 10
