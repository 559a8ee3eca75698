package sandbox

import (
	"fmt"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// The filter is a table of rules over the system calls that exist today. What came after, and the two
// that carry their arguments where a filter cannot look (openat2, clone3), answer "not implemented", so
// that a C library falls back on calls the filter can judge.

// A rule answers one system call with errno if one of its tests holds, or always if it has none.
type rule struct {
	nr    uint32
	errno unix.Errno
	when  []test
}

// A test looks at the low 32 bits of one argument, which is all the kernel reads of most of those tested here.
type test struct {
	arg  uint32
	op   op
	val  uint32
	then *test // must hold as well
}

// highBits, added to an argument's number, means its high 32 bits: for pointers.
const highBits = 1 << 8

type op int

const (
	anyBit op = iota // some bit of val is set
	equals
	notOneOf // is not val; a set is a chain of these
)

const setIDBits = unix.S_ISUID | unix.S_ISGID

// Namespaces a command may not make: in a user namespace of its own it would have every capability.
const newNamespaces = unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET |
	unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWCGROUP | unix.CLONE_NEWTIME

// lastKnown is the newest system call that has been read and judged; it has the same number everywhere.
const lastKnown = unix.SYS_MSEAL

// rules are those of every CPU; archRules adds the calls that only older ones have. Without a network
// namespace around it (fenced is false), a command gets no internet sockets at all.
func rules(fenced bool) []rule {
	always := func(e unix.Errno, nrs ...uint32) (list []rule) {
		for _, nr := range nrs {
			list = append(list, rule{nr: nr, errno: e})
		}
		return list
	}
	var r []rule
	r = append(r, always(unix.ENOSYS,
		unix.SYS_CLONE3, unix.SYS_OPENAT2,
		unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
		unix.SYS_IO_SETUP, // of its requests (fs.aio-max-nr) there is one number for the whole machine
		unix.SYS_MEMFD_SECRET, unix.SYS_STATMOUNT, unix.SYS_LISTMOUNT)...)
	r = append(r, always(unix.EPERM,
		// Mounts and namespaces.
		unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_SETNS,
		unix.SYS_OPEN_TREE, unix.SYS_MOVE_MOUNT, unix.SYS_FSOPEN, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT,
		unix.SYS_FSPICK, unix.SYS_MOUNT_SETATTR,
		// Files by handle go around every path (CVE-2014-9357 and the "shocker" of that year).
		unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_NAME_TO_HANDLE_AT,
		// Keys are not in a namespace.
		unix.SYS_KEYCTL, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY,
		// Doors into the kernel that no build needs.
		unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD, unix.SYS_KCMP, unix.SYS_PIDFD_GETFD,
		unix.SYS_FANOTIFY_INIT, unix.SYS_FANOTIFY_MARK, unix.SYS_LOOKUP_DCOOKIE,
		unix.SYS_KEXEC_LOAD, unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE,
		// The machine.
		unix.SYS_REBOOT, unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_ACCT, unix.SYS_SYSLOG, unix.SYS_VHANGUP,
		unix.SYS_SETHOSTNAME, unix.SYS_SETDOMAINNAME, unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME,
		unix.SYS_CLOCK_ADJTIME, unix.SYS_ADJTIMEX, unix.SYS_QUOTACTL, unix.SYS_QUOTACTL_FD,
		unix.SYS_NFSSERVCTL, unix.SYS_MIGRATE_PAGES, unix.SYS_MOVE_PAGES)...)
	// Attributes hold capabilities, labels and ACLs, none of which a package may bring.
	r = append(r, always(unix.EOPNOTSUPP, unix.SYS_SETXATTR, unix.SYS_LSETXATTR, unix.SYS_FSETXATTR)...)
	r = append(r,
		rule{unix.SYS_UNSHARE, unix.EPERM, []test{{0, anyBit, newNamespaces, nil}}},
		rule{unix.SYS_CLONE, unix.EPERM, []test{{0, anyBit, newNamespaces, nil}}},
		// Pushing input into a terminal (CVE-2017-5226), by copy and paste too, and line disciplines.
		rule{unix.SYS_IOCTL, unix.EPERM, []test{{1, equals, unix.TIOCSTI, nil}, {1, equals, unix.TIOCLINUX, nil}, {1, equals, unix.TIOCSETD, nil}}},
		// A setuid file is one however it comes to be.
		rule{unix.SYS_FCHMOD, unix.EPERM, []test{{1, anyBit, setIDBits, nil}}},
		rule{unix.SYS_FCHMODAT, unix.EPERM, []test{{2, anyBit, setIDBits, nil}}},
		rule{unix.SYS_FCHMODAT2, unix.EPERM, []test{{2, anyBit, setIDBits, nil}}},
		rule{unix.SYS_MKDIRAT, unix.EPERM, []test{{2, anyBit, setIDBits, nil}}},
		rule{unix.SYS_MKNODAT, unix.EPERM, append(deviceTests(2), test{2, anyBit, setIDBits, nil})},
		rule{unix.SYS_OPENAT, unix.EPERM, creatingSetID(2, 3)},
		rule{unix.SYS_MQ_OPEN, unix.EPERM, []test{{2, anyBit, setIDBits, nil}}},
		// Only families that a network namespace fences in; not vsock, not those with a history.
		rule{unix.SYS_SOCKET, unix.EAFNOSUPPORT, []test{{0, notOneOf, unix.AF_UNIX, &test{0, notOneOf, unix.AF_INET,
			&test{0, notOneOf, unix.AF_INET6, &test{0, notOneOf, unix.AF_NETLINK, nil}}}}}},
		rule{unix.SYS_SOCKETPAIR, unix.EAFNOSUPPORT, []test{{0, notOneOf, unix.AF_UNIX, nil}}}, // others are TIPC's and the like
		// Of netlink, only the route family that getaddrinfo and getifaddrs speak.
		rule{unix.SYS_SOCKET, unix.EPROTONOSUPPORT, []test{{0, equals, unix.AF_NETLINK, &test{2, notOneOf, unix.NETLINK_ROUTE, nil}}}},
		rule{unix.SYS_SOCKET, unix.ESOCKTNOSUPPORT, []test{{0, equals, unix.AF_INET, &test{1, anyBit, rareTypes, nil}},
			{0, equals, unix.AF_INET6, &test{1, anyBit, rareTypes, nil}}}},
		rule{unix.SYS_SOCKET, unix.EPROTONOSUPPORT, []test{rareProtocols(unix.AF_INET), rareProtocols(unix.AF_INET6)}},
		// Protocols on top of TCP: kTLS, SMC, ESP (CVE-2023-0461). A kernel without them answers so.
		rule{unix.SYS_SETSOCKOPT, unix.ENOENT, []test{{1, equals, unix.SOL_TCP, &test{2, equals, unix.TCP_ULP, nil}}}},
		// A lease on a file makes who opens it for writing wait, outside too (fcntl(2), lease-break-time).
		rule{unix.SYS_FCNTL, unix.EPERM, []test{{1, equals, unix.F_SETLEASE, nil}}},
		// Address space layout may be fixed (some compilers' tests do), other personalities not.
		rule{unix.SYS_PERSONALITY, unix.EPERM, []test{{0, notOneOf, 0, &test{0, notOneOf, 0xffffffff,
			&test{0, notOneOf, addrNoRandomize, &test{0, notOneOf, perLinux32, nil}}}}}},
	)
	r = append(r, coreRules()...)
	r = append(r, sharedMemoryRules()...)
	r = append(r, keeperRules()...)
	if !fenced {
		r = append(r, rule{unix.SYS_SOCKET, unix.EAFNOSUPPORT, []test{{0, notOneOf, unix.AF_UNIX, nil}}})
	}
	return append(r, archRules()...)
}

// coreRules keep the limit on core files at 1. Where the machine hands cores to a program, which then runs outside
// and as root (core(5)), every other limit lets it be called, 0 too (CVE-2022-4415, CVE-2025-4598, CVE-2025-5054).
// What a command wants, no cores, it has, so the call succeeds.
func coreRules() []rule {
	given := func(arg uint32) []test {
		return []test{{1, equals, unix.RLIMIT_CORE, &test{arg, anyBit, 0xffffffff, nil}},
			{1, equals, unix.RLIMIT_CORE, &test{arg + highBits, anyBit, 0xffffffff, nil}}}
	}
	return []rule{{unix.SYS_PRLIMIT64, 0, given(2)}, {setrlimit, 0, []test{{0, equals, unix.RLIMIT_CORE, nil}}}}
}

// sharedMemoryRules refuse huge pages, of which the machine has one pool that no limit knows of, and urgent data,
// which hardly any program sends (CVE-2025-38236: from a browser's sandbox into the kernel).
func sharedMemoryRules() []rule {
	return []rule{
		{unix.SYS_MMAP, unix.ENOMEM, []test{{3, anyBit, unix.MAP_HUGETLB, nil}}},
		{unix.SYS_MEMFD_CREATE, unix.EINVAL, []test{{1, anyBit, unix.MFD_HUGETLB, nil}}},
		{unix.SYS_SHMGET, unix.ENOMEM, []test{{2, anyBit, shmHugeTLB, nil}}},
		{unix.SYS_SENDTO, unix.EOPNOTSUPP, []test{{3, anyBit, unix.MSG_OOB, nil}}},
		{unix.SYS_SENDMSG, unix.EOPNOTSUPP, []test{{2, anyBit, unix.MSG_OOB, nil}}},
		{unix.SYS_SENDMMSG, unix.EOPNOTSUPP, []test{{3, anyBit, unix.MSG_OOB, nil}}},
	}
}

// shmHugeTLB is SHM_HUGETLB (linux/shm.h).
const shmHugeTLB = 0o4000

// keeperRules protect pid 1, which has the command's uid: prlimit asks for no more, the others for no fewer
// capabilities, too. Starved, it could not end when it is told to.
func keeperRules() []rule {
	r := []rule{
		{unix.SYS_SETPRIORITY, unix.EPERM, []test{{0, equals, unix.PRIO_USER, nil}, {1, equals, 1, nil}}},
		{unix.SYS_IOPRIO_SET, unix.EPERM, []test{{0, equals, ioprioWhoUser, nil}, {1, equals, 1, nil}}},
	}
	for _, nr := range []uint32{unix.SYS_PRLIMIT64, unix.SYS_SCHED_SETSCHEDULER, unix.SYS_SCHED_SETPARAM,
		unix.SYS_SCHED_SETATTR, unix.SYS_SCHED_SETAFFINITY} {
		r = append(r, rule{nr, unix.EPERM, []test{{0, equals, 1, nil}}})
	}
	return r
}

// ioprioWhoUser means all processes of a user (linux/ioprio.h).
const ioprioWhoUser = 3

// rareTypes has a bit of SOCK_RDM, SOCK_SEQPACKET and SOCK_DCCP, and none of what internet programs use.
const rareTypes = 4

// rareProtocols holds for a socket of an internet family that is neither TCP nor UDP. Most others are modules
// that the kernel loads when first asked: SCTP, DCCP, L2TP (CVE-2021-23133, CVE-2017-6074).
func rareProtocols(family uint32) test {
	return test{0, equals, family, &test{2, notOneOf, 0, &test{2, notOneOf, unix.IPPROTO_TCP,
		&test{2, notOneOf, unix.IPPROTO_UDP, nil}}}}
}

// Personalities (linux/personality.h).
const (
	perLinux32      = 0x8
	uname26         = 0x20000
	addrNoRandomize = 0x40000
)

func creatingSetID(flags, mode uint32) []test {
	return []test{
		{flags, anyBit, unix.O_CREAT | (unix.O_TMPFILE &^ unix.O_DIRECTORY), &test{mode, anyBit, setIDBits, nil}},
	}
}

// deviceTests hold for mknod of character and block devices, whiteouts too (device 0, which needs no
// privilege): their types share a bit that FIFO, socket and plain file have not.
func deviceTests(mode uint32) []test { return []test{{mode, anyBit, unix.S_IFCHR, nil}} }

// Offsets in struct seccomp_data (linux/seccomp.h).
const (
	offNr   = 0
	offArch = 4
	offArgs = 16
)

// Answers of a filter (linux/seccomp.h).
const (
	retAllow = 0x7fff0000
	retErrno = 0x00050000
	retKill  = 0x80000000
)

// filter assembles the rules. A call for another CPU mode ends the process: its numbers mean other calls.
func filter(list []rule) ([]bpf.RawInstruction, error) {
	prog := []bpf.Instruction{
		bpf.LoadAbsolute{Off: offArch, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: auditArch, SkipTrue: 1},
		bpf.RetConstant{Val: retKill},
		bpf.LoadAbsolute{Off: offNr, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpLessOrEqual, Val: lastKnown, SkipTrue: 1},
		bpf.RetConstant{Val: retErrno | uint32(unix.ENOSYS)},
	}
	for _, r := range list {
		body := r.body()
		if len(body) > 255 {
			return nil, fmt.Errorf("seccomp rule for call %d is too long", r.nr)
		}
		prog = append(prog, bpf.JumpIf{Cond: bpf.JumpEqual, Val: r.nr, SkipFalse: uint8(len(body))})
		prog = append(prog, body...)
	}
	return bpf.Assemble(append(prog, bpf.RetConstant{Val: retAllow}))
}

// body is what runs for r's call: it answers, or falls through with the number loaded again.
func (r rule) body() []bpf.Instruction { return r.answers(retErrno | uint32(r.errno)) }

// answers is body with an answer of the caller's.
func (r rule) answers(ret uint32) []bpf.Instruction {
	no := bpf.RetConstant{Val: ret}
	if len(r.when) == 0 {
		return []bpf.Instruction{no}
	}
	var out []bpf.Instruction
	for _, t := range r.when {
		var chain []test
		for c := &t; c != nil; c = c.then {
			chain = append(chain, *c)
		}
		for i, c := range chain {
			left := uint8(2*(len(chain)-1-i) + 1) // to the end of this test
			j := bpf.JumpIf{Val: c.val, SkipFalse: left}
			switch c.op {
			case anyBit:
				j.Cond = bpf.JumpBitsSet
			case equals:
				j.Cond = bpf.JumpEqual
			case notOneOf:
				j.Cond = bpf.JumpNotEqual
			}
			half := uint32(argLow)
			if c.arg >= highBits {
				half = 4 - argLow
			}
			out = append(out, bpf.LoadAbsolute{Off: offArgs + 8*(c.arg%highBits) + half, Size: 4}, j)
		}
		out = append(out, no)
	}
	return append(out, bpf.LoadAbsolute{Off: offNr, Size: 4})
}

// filterSteps loads the filter as the last thing before execve.
func (s *steps) filterSteps(fenced bool) error {
	raw, err := filter(rules(fenced))
	if err != nil {
		return err
	}
	s.add("load seccomp filter", unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, s.program(raw))
	return nil
}

// program places a filter's code where the kernel finds it.
func (s *steps) program(raw []bpf.RawInstruction) uintptr {
	m := s.alloc(len(raw) * int(unsafe.Sizeof(unix.SockFilter{})))
	code := unsafe.Slice((*unix.SockFilter)(unsafe.Pointer(&m[0])), len(raw))
	for i, in := range raw {
		code[i] = unix.SockFilter{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	// unix.SockFprog holds a pointer, and what lies in this memory may not.
	return place(s, struct {
		len    uint16
		filter uintptr
	}{uint16(len(code)), uintptr(unsafe.Pointer(&m[0]))})
}
