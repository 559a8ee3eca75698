package sandbox

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// systool makes system calls that no ordinary program makes, for the attacks of Audit. Its arguments are
// calls, separated by --: a name or number and up to six arguments. These are numbers, s:text and x:hex
// for memory that holds this, b:N for N bytes of zeros, i:N for an iovec of as many, @ for the result of the call before, @N for that
// of the Nth. A call that fails ends the tool with code 1, unless a dash stands before its name.
// m:N is memory N once more, d:N+M the 4 bytes at M in it. Beside system calls it knows exec (a program), hold (until killed), say (what
// memory N holds), poke (the 8 bytes at an offset of memory N become a value) and pass (a socket a descriptor).
func systool(args []string) int {
	runtime.LockOSThread()
	t := tool{}
	for len(args) > 0 {
		n := 0
		for n < len(args) && args[n] != "--" {
			n++
		}
		if err := t.call(args[:n]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		args = args[min(n+1, len(args)):]
	}
	return 0
}

type tool struct {
	results []uintptr
	keep    [][]byte
}

func (t *tool) call(words []string) error {
	if len(words) == 0 {
		return nil
	}
	name, lenient := strings.CutPrefix(words[0], "-")
	switch name {
	case "exec":
		return unix.Exec(words[1], words[1:], os.Environ())
	case "hold":
		for parent := os.Getppid(); os.Getppid() == parent; { // and no longer than the one that looks at it
			time.Sleep(time.Second)
		}
		return nil
	case "say":
		n, err := strconv.Atoi(words[1])
		if err != nil || n >= len(t.keep) {
			return fmt.Errorf("say %s: no such memory", words[1])
		}
		fmt.Println(strings.Trim(string(t.keep[n]), "\x00"))
		return nil
	case "poke":
		return t.poke(words[1:])
	case "pass":
		return t.pass(words[1:])
	}
	nr, err := callNumber(name)
	if err != nil {
		return err
	}
	var a [6]uintptr
	for i, w := range words[1:] {
		if a[i], err = t.arg(w); err != nil {
			return err
		}
	}
	r, errno := made(nr, a)
	runtime.KeepAlive(t.keep)
	t.results = append(t.results, r)
	if errno != 0 && !lenient {
		return fmt.Errorf("%s: %w", name, errno)
	}
	return nil
}

// poke changes memory that a call left or will read.
func (t *tool) poke(words []string) error {
	var a [3]uintptr
	for i, w := range words {
		var err error
		if a[i], err = t.arg(w); err != nil {
			return err
		}
	}
	if a[0] >= uintptr(len(t.keep)) || a[1]+8 > uintptr(len(t.keep[a[0]])) {
		return fmt.Errorf("poke %v: no such memory", words)
	}
	binary.NativeEndian.PutUint64(t.keep[a[0]][a[1]:], uint64(a[2]))
	return nil
}

// pass hands a descriptor through a socket (unix(7), SCM_RIGHTS).
func (t *tool) pass(words []string) error {
	sock, err := t.arg(words[0])
	if err != nil {
		return err
	}
	fd, err := t.arg(words[1])
	if err != nil {
		return err
	}
	if err := unix.Sendmsg(int(sock), []byte{0}, unix.UnixRights(int(fd)), nil, 0); err != nil {
		return fmt.Errorf("pass: %w", err)
	}
	return nil
}

// made makes the system call. A child that comes of it has done its part at once: in it the runtime has no
// other threads, and to be told of the call's end it would wait for one.
func made(nr uintptr, a [6]uintptr) (uintptr, syscall.Errno) {
	if nr != unix.SYS_CLONE && nr != unix.SYS_CLONE3 {
		r, _, errno := syscall.Syscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5])
		return r, errno
	}
	r, _, errno := syscall.RawSyscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5])
	if r == 0 && errno == 0 {
		syscall.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
	}
	return r, errno
}

func (t *tool) arg(w string) (uintptr, error) {
	kind, rest, ok := strings.Cut(w, ":")
	switch {
	case strings.HasPrefix(w, "@"):
		n := len(t.results) - 1
		if len(w) > 1 {
			n, _ = strconv.Atoi(w[1:])
		}
		if n < 0 || n >= len(t.results) {
			return 0, fmt.Errorf("%s: no such result", w)
		}
		return t.results[n], nil
	case ok && kind == "s":
		return t.memory(append([]byte(rest), 0)), nil
	case ok && kind == "b":
		n, err := strconv.Atoi(rest)
		return t.memory(make([]byte, max(n, 1))), err
	case ok && kind == "i":
		n, err := strconv.Atoi(rest)
		v := binary.NativeEndian.AppendUint64(nil, uint64(t.memory(make([]byte, max(n, 1)))))
		return t.memory(binary.NativeEndian.AppendUint64(v, uint64(n))), err
	case ok && kind == "m":
		n, err := strconv.Atoi(rest)
		if err != nil || n >= len(t.keep) {
			return 0, fmt.Errorf("%s: no such memory", w)
		}
		return uintptr(unsafe.Pointer(&t.keep[n][0])), nil
	case ok && kind == "d":
		var n, off int
		if _, err := fmt.Sscanf(rest, "%d+%d", &n, &off); err != nil || n >= len(t.keep) || off+4 > len(t.keep[n]) {
			return 0, fmt.Errorf("%s: no such memory", w)
		}
		return uintptr(binary.NativeEndian.Uint32(t.keep[n][off:])), nil
	case ok && kind == "x":
		b, err := hex.DecodeString(rest)
		return t.memory(append(b, 0)), err
	}
	if v, err := strconv.ParseInt(w, 0, 64); err == nil {
		return uintptr(v), nil
	}
	v, err := strconv.ParseUint(w, 0, 64)
	return uintptr(v), err
}

func (t *tool) memory(b []byte) uintptr {
	t.keep = append(t.keep, b)
	return uintptr(unsafe.Pointer(&b[0]))
}

func callNumber(name string) (uintptr, error) {
	if n, ok := archCalls()[name]; ok {
		return n, nil
	}
	if n, ok := map[string]uintptr{
		"add_key": unix.SYS_ADD_KEY, "adjtimex": unix.SYS_ADJTIMEX, "bpf": unix.SYS_BPF, "chdir": unix.SYS_CHDIR,
		"chroot": unix.SYS_CHROOT, "clone": unix.SYS_CLONE, "clone3": unix.SYS_CLONE3, "connect": unix.SYS_CONNECT, "bind": unix.SYS_BIND,
		"fanotify_init": unix.SYS_FANOTIFY_INIT, "fchmod": unix.SYS_FCHMOD, "fchmodat": unix.SYS_FCHMODAT, "fchmodat2": unix.SYS_FCHMODAT2,
		"fsconfig": unix.SYS_FSCONFIG, "fsmount": unix.SYS_FSMOUNT, "fsopen": unix.SYS_FSOPEN, "fsetxattr": unix.SYS_FSETXATTR,
		"ftruncate": unix.SYS_FTRUNCATE, "io_uring_setup": unix.SYS_IO_URING_SETUP, "ioctl": unix.SYS_IOCTL, "kcmp": unix.SYS_KCMP,
		"keyctl": unix.SYS_KEYCTL, "kill": unix.SYS_KILL, "linkat": unix.SYS_LINKAT, "listmount": unix.SYS_LISTMOUNT,
		"lsetxattr": unix.SYS_LSETXATTR, "memfd_secret": unix.SYS_MEMFD_SECRET, "mkdirat": unix.SYS_MKDIRAT, "mknodat": unix.SYS_MKNODAT,
		"mmap": unix.SYS_MMAP, "mount": unix.SYS_MOUNT, "mount_setattr": unix.SYS_MOUNT_SETATTR, "move_mount": unix.SYS_MOVE_MOUNT,
		"move_pages": unix.SYS_MOVE_PAGES, "mq_open": unix.SYS_MQ_OPEN, "msgrcv": unix.SYS_MSGRCV, "name_to_handle_at": unix.SYS_NAME_TO_HANDLE_AT,
		"open_tree": unix.SYS_OPEN_TREE, "openat": unix.SYS_OPENAT, "openat2": unix.SYS_OPENAT2, "perf_event_open": unix.SYS_PERF_EVENT_OPEN,
		"personality": unix.SYS_PERSONALITY, "pidfd_getfd": unix.SYS_PIDFD_GETFD, "pidfd_open": unix.SYS_PIDFD_OPEN,
		"pidfd_send_signal": unix.SYS_PIDFD_SEND_SIGNAL, "pivot_root": unix.SYS_PIVOT_ROOT, "prctl": unix.SYS_PRCTL, "prlimit64": unix.SYS_PRLIMIT64,
		"process_vm_readv": unix.SYS_PROCESS_VM_READV, "process_vm_writev": unix.SYS_PROCESS_VM_WRITEV, "ioprio_set": unix.SYS_IOPRIO_SET, "ptrace": unix.SYS_PTRACE, "read": unix.SYS_READ, "recvfrom": unix.SYS_RECVFROM,
		"request_key": unix.SYS_REQUEST_KEY, "sched_setaffinity": unix.SYS_SCHED_SETAFFINITY, "sched_setscheduler": unix.SYS_SCHED_SETSCHEDULER,
		"sendto": unix.SYS_SENDTO, "setdomainname": unix.SYS_SETDOMAINNAME, "setgid": unix.SYS_SETGID, "sethostname": unix.SYS_SETHOSTNAME,
		"setns": unix.SYS_SETNS, "setpriority": unix.SYS_SETPRIORITY, "setuid": unix.SYS_SETUID, "setxattr": unix.SYS_SETXATTR,
		"shmat": unix.SYS_SHMAT, "socket": unix.SYS_SOCKET, "socketpair": unix.SYS_SOCKETPAIR, "statmount": unix.SYS_STATMOUNT, "symlinkat": unix.SYS_SYMLINKAT,
		"syslog": unix.SYS_SYSLOG, "umask": unix.SYS_UMASK, "umount2": unix.SYS_UMOUNT2, "unlinkat": unix.SYS_UNLINKAT, "unshare": unix.SYS_UNSHARE,
		"acct": unix.SYS_ACCT, "delete_module": unix.SYS_DELETE_MODULE, "fcntl": unix.SYS_FCNTL, "finit_module": unix.SYS_FINIT_MODULE,
		"fspick": unix.SYS_FSPICK, "inotify_init1": unix.SYS_INOTIFY_INIT1, "io_setup": unix.SYS_IO_SETUP, "mlock": unix.SYS_MLOCK,
		"open_by_handle_at": unix.SYS_OPEN_BY_HANDLE_AT, "quotactl": unix.SYS_QUOTACTL, "sched_setattr": unix.SYS_SCHED_SETATTR,
		"sched_setparam": unix.SYS_SCHED_SETPARAM, "setsockopt": unix.SYS_SETSOCKOPT, "settimeofday": unix.SYS_SETTIMEOFDAY,
		"swapoff": unix.SYS_SWAPOFF, "vhangup": unix.SYS_VHANGUP, "wait4": unix.SYS_WAIT4, "nanosleep": unix.SYS_NANOSLEEP,
		"clock_settime": unix.SYS_CLOCK_SETTIME, "clock_adjtime": unix.SYS_CLOCK_ADJTIME, "sendmsg": unix.SYS_SENDMSG, "sendmmsg": unix.SYS_SENDMMSG,
		"close": unix.SYS_CLOSE, "listen": unix.SYS_LISTEN, "kexec_load": unix.SYS_KEXEC_LOAD, "memfd_create": unix.SYS_MEMFD_CREATE, "shmget": unix.SYS_SHMGET, "shmctl": unix.SYS_SHMCTL,
		"userfaultfd": unix.SYS_USERFAULTFD, "utimensat": unix.SYS_UTIMENSAT, "write": unix.SYS_WRITE, "reboot": unix.SYS_REBOOT,
	}[name]; ok {
		return n, nil
	}
	n, err := strconv.ParseUint(name, 0, 64)
	if err != nil {
		return 0, fmt.Errorf("unknown system call %s", name)
	}
	return uintptr(n), nil
}
