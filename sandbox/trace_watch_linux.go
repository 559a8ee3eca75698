package sandbox

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// seccompNotif, seccompAnswer: struct seccomp_notif and seccomp_notif_resp (linux/seccomp.h).
type seccompNotif struct {
	id         uint64
	pid, flags uint32
	nr         int32
	arch       uint32
	ip         uint64
	args       [6]uint64
}

type seccompAnswer struct {
	id    uint64
	val   int64
	err   int32
	flags uint32
}

// Requests to a listener, as ioctl has them on the CPUs we know (linux/seccomp.h).
const (
	notifRecv    = 0xc0502100
	notifSend    = 0xc0182101
	notifIDValid = 0x40082102
	goOn         = 1 // SECCOMP_USER_NOTIF_FLAG_CONTINUE
)

// A tracer answers the listener of one command: it writes down the name and lets the call go on.
type tracer struct {
	socket   *os.File // ours; the listener comes through it
	listener int
	root     int               // the command's root folder, -1 until it is known
	names    map[string]string // asked for, absolute → where that is, empty for nowhere
	executed map[string]bool
	lost     int64
	buf      []byte
	done     chan struct{}
	sum      *Trace // once it has ended
}

// trace makes the pair of sockets and begins to listen.
func (w *wire) trace() (*tracer, error) {
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("trace a sandbox: %w", err)
	}
	w.theirTrace = os.NewFile(uintptr(p[1]), "trace")
	w.theirs = append(w.theirs, w.theirTrace)
	t := &tracer{socket: os.NewFile(uintptr(p[0]), "trace"), listener: -1, root: -1,
		names: map[string]string{}, executed: map[string]bool{}, buf: make([]byte, 4096), done: make(chan struct{})}
	go t.listen()
	return t, nil
}

// listen runs until the last process of the command is gone, or its side of the socket closed without a
// listener having come.
func (t *tracer) listen() {
	defer close(t.done)
	if t.listener = t.receive(); t.listener < 0 {
		return
	}
	defer unix.Close(t.listener)
	for {
		fds := []unix.PollFd{{Fd: int32(t.listener), Events: unix.POLLIN}}
		if _, err := unix.Poll(fds, -1); err == unix.EINTR {
			continue
		}
		if fds[0].Revents&unix.POLLIN == 0 {
			return
		}
		t.answer()
	}
}

func (t *tracer) receive() int {
	space := make([]byte, unix.CmsgSpace(4))
	for {
		_, n, _, _, err := unix.Recvmsg(int(t.socket.Fd()), make([]byte, 1), space, unix.MSG_CMSG_CLOEXEC)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return -1
		}
		messages, err := unix.ParseSocketControlMessage(space[:n])
		if err != nil || len(messages) != 1 {
			return -1
		}
		fds, err := unix.ParseUnixRights(&messages[0])
		if err != nil || len(fds) != 1 {
			return -1
		}
		return fds[0]
	}
}

// answer takes one call. That a call went away meanwhile, with its process, is no failure.
func (t *tracer) answer() {
	var n seccompNotif
	if t.ioctl(notifRecv, unsafe.Pointer(&n)) != 0 {
		return
	}
	name, ok := t.name(&n)
	// Memory was read by pid; it was this process's if it still waits.
	if id := n.id; t.ioctl(notifIDValid, unsafe.Pointer(&id)) == 0 {
		if ok {
			t.note(&n, name)
		} else {
			t.lost++
		}
	}
	t.ioctl(notifSend, unsafe.Pointer(&seccompAnswer{id: n.id, flags: goOn}))
}

func (t *tracer) ioctl(request uintptr, arg unsafe.Pointer) unix.Errno {
	for {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(t.listener), request, uintptr(arg))
		if errno != unix.EINTR {
			return errno
		}
	}
}

// name is the absolute path, inside, that a call is about.
func (t *tracer) name(n *seccompNotif) (string, bool) {
	dir, at := 0, 1
	switch n.nr {
	case unix.SYS_OPENAT, unix.SYS_STATX, unix.SYS_FACCESSAT, unix.SYS_FACCESSAT2, unix.SYS_READLINKAT, unix.SYS_EXECVEAT:
	case unix.SYS_EXECVE:
		dir, at = -1, 0
	default:
		dir, at = namedBy(n.nr)
	}
	text, ok := t.read(int(n.pid), uintptr(n.args[at]))
	if !ok || path.IsAbs(text) {
		return path.Clean(text), ok
	}
	from := "/proc/" + strconv.Itoa(int(n.pid)) + "/cwd"
	if fd := unix.AT_FDCWD; dir >= 0 && int32(n.args[dir]) != int32(fd) {
		from = fmt.Sprintf("/proc/%d/fd/%d", n.pid, int32(n.args[dir]))
	}
	base, err := os.Readlink(from)
	return path.Join(base, text), err == nil && path.IsAbs(base)
}

// read reads a string of a process, page by page: what follows it may not be mapped.
func (t *tracer) read(pid int, at uintptr) (string, bool) {
	const page = 4096
	got := 0
	for got < len(t.buf) {
		size := min(int(page-(at+uintptr(got))%page), len(t.buf)-got)
		local := []unix.Iovec{{Base: &t.buf[got], Len: uint64(size)}}
		n, err := unix.ProcessVMReadv(pid, local, []unix.RemoteIovec{{Base: at + uintptr(got), Len: size}}, 0)
		if err != nil || n <= 0 {
			return "", false
		}
		if end := bytes.IndexByte(t.buf[got:got+n], 0); end >= 0 {
			return string(t.buf[:got+end]), true
		}
		got += n
	}
	return "", false
}

// note keeps what a call asked for. What was absent once is asked for again, for it may have been made.
func (t *tracer) note(n *seccompNotif, name string) {
	where, known := t.names[name]
	if !known && len(t.names) >= maxTraced {
		t.lost++
		return
	}
	if !known || where == "" {
		where = t.resolve(int(n.pid), name)
		t.names[name] = where
	}
	if (n.nr == unix.SYS_EXECVE || n.nr == unix.SYS_EXECVEAT) && where != "" && !t.executed[where] {
		t.executed[where] = true
		if by := t.interpreter(where); by != "" {
			if t.names[by] = t.resolve(int(n.pid), by); t.names[by] != "" {
				t.executed[t.names[by]] = true
			}
		}
	}
}

// interpreter is the program that the first line of a script names; the kernel opens it without a call.
func (t *tracer) interpreter(name string) string {
	fd, err := t.open(name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return ""
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	line := make([]byte, 256)
	if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return ""
	}
	n, _ := unix.Pread(fd, line, 0)
	rest, ok := bytes.CutPrefix(line[:max(n, 0)], []byte("#!"))
	words := bytes.Fields(rest[:max(bytes.IndexByte(rest, '\n'), 0)])
	if !ok || len(words) == 0 || words[0][0] != '/' {
		return ""
	}
	return path.Clean(string(words[0]))
}

// open opens a path inside as the command would, and nothing outside.
func (t *tracer) open(name string, flags uint64) (int, error) {
	return unix.Openat2(t.root, name, &unix.OpenHow{Flags: flags | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS})
}

// resolve follows links inside the command's root, as the call itself will.
func (t *tracer) resolve(pid int, name string) string {
	if t.root < 0 {
		root, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/root", unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return ""
		}
		t.root = root
	}
	fd, err := t.open(name, unix.O_PATH)
	if err != nil {
		return ""
	}
	defer unix.Close(fd)
	where, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
	if err != nil {
		return name
	}
	return where
}

// end waits for the listener to close, which the end of the sandbox brings about, and sums up.
func (t *tracer) end() *Trace {
	if t.sum != nil {
		return t.sum
	}
	unix.Shutdown(int(t.socket.Fd()), unix.SHUT_RDWR) // where no listener came, none is waited for
	<-t.done
	t.socket.Close()
	if t.root >= 0 {
		unix.Close(t.root)
	}
	sum := &Trace{Lost: t.lost}
	for name, where := range t.names {
		if where == "" {
			sum.Absent = append(sum.Absent, name)
		} else {
			sum.Opened = append(sum.Opened, where)
		}
	}
	for where := range t.executed {
		sum.Executed = append(sum.Executed, where)
	}
	for _, list := range []*[]string{&sum.Opened, &sum.Executed, &sum.Absent} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	t.sum = sum
	return sum
}
