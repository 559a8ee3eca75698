package sandbox

import (
	"encoding/binary"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// TestFilter runs the filter in x/net's machine, on calls that the kernel of this machine may not have.
// That machine reads big-endian, so its packets are written so.
func TestFilter(t *testing.T) {
	if argLow != 0 {
		t.Skip("written for little-endian CPUs")
	}
	const perm, nosys, allow = retErrno | uint32(unix.EPERM), retErrno | uint32(unix.ENOSYS), retAllow
	for _, c := range []struct {
		name   string
		fenced bool
		nr     uint32
		args   []uint32
		want   uint32
	}{
		{"read", true, unix.SYS_READ, nil, allow},
		{"execve", true, unix.SYS_EXECVE, nil, allow},
		{"mseal, the last one known", true, unix.SYS_MSEAL, nil, allow},
		{"setxattrat, the first one unknown", true, unix.SYS_MSEAL + 1, nil, nosys},
		{"x32 read", true, 0x40000000, nil, nosys},
		{"negative", true, 0xffffffff, nil, nosys},
		{"openat2", true, unix.SYS_OPENAT2, nil, nosys},
		{"clone3", true, unix.SYS_CLONE3, nil, nosys},
		{"mount", true, unix.SYS_MOUNT, nil, perm},
		{"ptrace", true, unix.SYS_PTRACE, nil, allow},
		{"a thread", true, unix.SYS_CLONE, []uint32{unix.CLONE_VM | unix.CLONE_THREAD | unix.CLONE_SIGHAND}, allow},
		{"a user namespace", true, unix.SYS_CLONE, []uint32{unix.CLONE_NEWUSER | uint32(unix.SIGCHLD)}, perm},
		{"unshare files", true, unix.SYS_UNSHARE, []uint32{unix.CLONE_FILES}, allow},
		{"unshare time", true, unix.SYS_UNSHARE, []uint32{unix.CLONE_NEWTIME}, perm},
		{"unix socket", true, unix.SYS_SOCKET, []uint32{unix.AF_UNIX, 1, 0}, allow},
		{"internet socket", true, unix.SYS_SOCKET, []uint32{unix.AF_INET, 1, 0}, allow},
		{"internet socket, no network namespace", false, unix.SYS_SOCKET, []uint32{unix.AF_INET, 1, 0}, retErrno | uint32(unix.EAFNOSUPPORT)},
		{"unix socket, no network namespace", false, unix.SYS_SOCKET, []uint32{unix.AF_UNIX, 1, 0}, allow},
		{"vsock", true, unix.SYS_SOCKET, []uint32{unix.AF_VSOCK, 1, 0}, retErrno | uint32(unix.EAFNOSUPPORT)},
		{"unix socket pair", true, unix.SYS_SOCKETPAIR, []uint32{unix.AF_UNIX, 1, 0}, allow},
		{"TIPC socket pair", true, unix.SYS_SOCKETPAIR, []uint32{unix.AF_TIPC, 1, 0}, retErrno | uint32(unix.EAFNOSUPPORT)},
		{"netlink route", true, unix.SYS_SOCKET, []uint32{unix.AF_NETLINK, 3, unix.NETLINK_ROUTE}, allow},
		{"netlink audit", true, unix.SYS_SOCKET, []uint32{unix.AF_NETLINK, 3, unix.NETLINK_AUDIT}, retErrno | uint32(unix.EPROTONOSUPPORT)},
		{"fchmod 755", true, unix.SYS_FCHMOD, []uint32{3, 0o755}, allow},
		{"fchmod sticky", true, unix.SYS_FCHMOD, []uint32{3, 0o1777}, allow},
		{"fchmod setuid", true, unix.SYS_FCHMOD, []uint32{3, 0o4755}, perm},
		{"fchmodat setgid", true, unix.SYS_FCHMODAT, []uint32{3, 0, 0o2755}, perm},
		{"open to read, rubbish as mode", true, unix.SYS_OPENAT, []uint32{3, 0, unix.O_RDONLY | unix.O_DIRECTORY, 0o7777}, allow},
		{"create setuid", true, unix.SYS_OPENAT, []uint32{3, 0, unix.O_CREAT | unix.O_WRONLY, 0o4755}, perm},
		{"create plain", true, unix.SYS_OPENAT, []uint32{3, 0, unix.O_CREAT | unix.O_WRONLY, 0o666}, allow},
		{"unnamed setgid", true, unix.SYS_OPENAT, []uint32{3, 0, unix.O_TMPFILE | unix.O_WRONLY, 0o2666}, perm},
		{"fifo", true, unix.SYS_MKNODAT, []uint32{3, 0, unix.S_IFIFO | 0o644}, allow},
		{"socket file", true, unix.SYS_MKNODAT, []uint32{3, 0, unix.S_IFSOCK | 0o644}, allow},
		{"character device", true, unix.SYS_MKNODAT, []uint32{3, 0, unix.S_IFCHR | 0o644}, perm},
		{"block device", true, unix.SYS_MKNODAT, []uint32{3, 0, unix.S_IFBLK | 0o644}, perm},
		{"ask for the limit on core files", true, unix.SYS_PRLIMIT64, []uint32{0, unix.RLIMIT_CORE, 0, 1}, allow},
		{"set the limit on core files", true, unix.SYS_PRLIMIT64, []uint32{0, unix.RLIMIT_CORE, 1}, retErrno},
		{"set the limit on open files", true, unix.SYS_PRLIMIT64, []uint32{0, unix.RLIMIT_NOFILE, 1}, allow},
		{"set the limit on core files, the old way", true, setrlimit, []uint32{unix.RLIMIT_CORE, 1}, retErrno},
		{"map", true, unix.SYS_MMAP, []uint32{0, 4096, 3, unix.MAP_PRIVATE | unix.MAP_ANONYMOUS}, allow},
		{"map huge pages", true, unix.SYS_MMAP, []uint32{0, 4096, 3, unix.MAP_PRIVATE | unix.MAP_ANONYMOUS | unix.MAP_HUGETLB}, retErrno | uint32(unix.ENOMEM)},
		{"huge shared memory", true, unix.SYS_SHMGET, []uint32{0, 4096, shmHugeTLB}, retErrno | uint32(unix.ENOMEM)},
		{"send", true, unix.SYS_SENDTO, []uint32{3, 0, 1, unix.MSG_NOSIGNAL}, allow},
		{"send urgently", true, unix.SYS_SENDTO, []uint32{3, 0, 1, unix.MSG_OOB}, retErrno | uint32(unix.EOPNOTSUPP)},
		{"terminal size", true, unix.SYS_IOCTL, []uint32{0, unix.TIOCGWINSZ}, allow},
		{"terminal input", true, unix.SYS_IOCTL, []uint32{0, unix.TIOCSTI}, perm},
		{"terminal paste", true, unix.SYS_IOCTL, []uint32{0, unix.TIOCLINUX}, perm},
		{"own limits", true, unix.SYS_PRLIMIT64, []uint32{0, 7}, allow},
		{"pid 1's limits", true, unix.SYS_PRLIMIT64, []uint32{1, 7}, perm},
		{"plain personality", true, unix.SYS_PERSONALITY, []uint32{0}, allow},
		{"ask for personality", true, unix.SYS_PERSONALITY, []uint32{0xffffffff}, allow},
		{"fixed addresses", true, unix.SYS_PERSONALITY, []uint32{addrNoRandomize}, allow},
		{"executable data", true, unix.SYS_PERSONALITY, []uint32{0x0400000}, perm},
	} {
		got := judge(t, c.fenced, auditArch, c.nr, c.args)
		if got != c.want {
			t.Errorf("%s: answer %#x, want %#x", c.name, got, c.want)
		}
	}
	if got := judge(t, true, unix.AUDIT_ARCH_I386, unix.SYS_READ, nil); got != retKill {
		t.Errorf("i386: answer %#x", got)
	}
}

func judge(t *testing.T, fenced bool, arch, nr uint32, args []uint32) uint32 {
	t.Helper()
	raw, err := filter(rules(fenced))
	if err != nil {
		t.Fatal(err)
	}
	prog, ok := bpf.Disassemble(raw)
	if !ok {
		t.Fatal("the filter holds something unknown")
	}
	vm, err := bpf.NewVM(prog)
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, 64)
	binary.BigEndian.PutUint32(data[offNr:], nr)
	binary.BigEndian.PutUint32(data[offArch:], arch)
	for i, a := range args {
		binary.BigEndian.PutUint32(data[offArgs+8*i+argLow:], a)
		if nr != unix.SYS_PRLIMIT64 || i != 2 { // but for this pointer, the kernel does not look there
			binary.BigEndian.PutUint32(data[offArgs+8*i+4-argLow:], 0xdeadbeef)
		}
	}
	out, err := vm.Run(data)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(out)
}
