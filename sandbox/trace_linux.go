package sandbox

import (
	"fmt"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// retNotify makes a call wait until the listener has looked at it (linux/seccomp.h).
const retNotify = 0x7fc00000

// notEmptyPath leaves out calls on an open file, which name nothing; reading leaves out files that are
// only written.
func notEmptyPath(flags uint32) []test { return []test{{flags, anyBit, unix.AT_EMPTY_PATH, nil}} }

func notReading(flags uint32) []test {
	return []test{{flags, anyBit, unix.O_CREAT | unix.O_WRONLY, nil}}
}

// tracedCalls are the calls that name a file they do not make; when tells which of them to let pass.
func tracedCalls() []rule {
	return append([]rule{
		{nr: unix.SYS_OPENAT, when: notReading(2)},
		{nr: unix.SYS_STATX, when: notEmptyPath(2)},
		{nr: unix.SYS_FACCESSAT},
		{nr: unix.SYS_FACCESSAT2, when: notEmptyPath(3)},
		{nr: unix.SYS_READLINKAT},
		{nr: unix.SYS_EXECVE},
		{nr: unix.SYS_EXECVEAT, when: notEmptyPath(4)},
	}, archTraced()...)
}

// traceFilter sends the traced calls to a listener and allows all others; the filter that forbids is
// another one, and the kernel takes the stricter answer of the two.
func traceFilter(list []rule) ([]bpf.RawInstruction, error) {
	prog := []bpf.Instruction{
		bpf.LoadAbsolute{Off: offArch, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: auditArch, SkipTrue: 1},
		bpf.RetConstant{Val: retAllow},
		bpf.LoadAbsolute{Off: offNr, Size: 4},
	}
	for _, r := range list {
		body := r.answers(retAllow)
		if len(r.when) == 0 {
			body = nil
		}
		body = append(body, bpf.RetConstant{Val: retNotify})
		if len(body) > 255 {
			return nil, fmt.Errorf("trace rule for call %d is too long", r.nr)
		}
		prog = append(prog, bpf.JumpIf{Cond: bpf.JumpEqual, Val: r.nr, SkipFalse: uint8(len(body))})
		prog = append(prog, body...)
	}
	return bpf.Assemble(append(prog, bpf.RetConstant{Val: retAllow}))
}

// traceSteps load the filter and hand its listener to the runner, through the socket to. The number of
// the listener is not known when the steps are laid out, so it takes over that of the file at.
func (s *steps) traceSteps(to, at uintptr) error {
	raw, err := traceFilter(tracedCalls())
	if err != nil {
		return err
	}
	l := label{"trace what is opened", aboutWall}
	fd := s.open(l, unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER, s.program(raw))
	s.add(l.text, unix.SYS_DUP3, reg(fd), at, unix.O_CLOEXEC)
	s.close(fd)
	rights := place(s, struct {
		unix.Cmsghdr
		fd  int32
		pad int32
	}{unix.Cmsghdr{Len: uint64(unsafe.Sizeof(unix.Cmsghdr{})) + 4, Level: unix.SOL_SOCKET, Type: unix.SCM_RIGHTS}, int32(at), 0})
	data := place(s, struct{ base, len uintptr }{s.bytes([]byte{1}), 1})
	// unix.Msghdr holds pointers, and what lies in this memory may not.
	msg := place(s, struct {
		name                      uintptr
		namelen                   uint64
		iov, iovlen, control, len uintptr
		flags                     uint64
	}{iov: data, iovlen: 1, control: rights, len: unsafe.Sizeof(unix.Cmsghdr{}) + 8})
	s.push(l, unix.SYS_SENDMSG, []uintptr{to, msg, 0}).min = 1
	return nil
}
