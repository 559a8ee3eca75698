package sandbox

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// runFull runs spec behind every wall there is.
func (r *runner) runFull(ctx context.Context, spec Spec) (Result, error) {
	who := outsideID()
	spec = r.weakened(spec)
	j := newJob(spec, Full)
	j.Without = r.without
	var s steps
	defer s.release()
	var mounts []*os.File
	defer func() {
		for _, f := range mounts {
			f.Close()
		}
	}()
	if who.privileged {
		var back func() error
		var err error
		mounts, back, err = r.takeMounts(spec.Mounts, who)
		if err != nil {
			return Result{}, err
		}
		defer func() { back() }()
	}
	return r.run(ctx, spec, j, s.parse, func(w *wire) (*os.Process, error) {
		if err := s.pidOne(j, w, who, mounts); err != nil {
			return nil, err
		}
		pid, err := s.fork(who.namespaces(spec, j), int(w.theirReport.Fd()))
		if err != nil {
			return nil, unavailable(Full, "make namespaces", err)
		}
		p, err := os.FindProcess(pid)
		if err != nil {
			return nil, err
		}
		if err := who.writeMaps(pid, j.UID, j.GID); err != nil {
			p.Kill()
			p.Wait()
			return nil, unavailable(Full, "map the user of the sandbox", err)
		}
		return p, nil
	})
}

// weakened is the Spec with the walls that it says itself left down, for tests.
func (r *runner) weakened(spec Spec) Spec {
	spec.Network = spec.Network || slices.Contains(r.without, wallNetwork)
	if slices.Contains(r.without, wallReadOnly) {
		spec.Mounts = slices.Clone(spec.Mounts)
		for i := range spec.Mounts {
			spec.Mounts[i].Writable = spec.Mounts[i].Writable || spec.Mounts[i].Target == "/ro"
		}
	}
	return spec
}

// parse reads what pid 1 reported, or the command before it was one.
func (s *steps) parse(b []byte) ending {
	var say record
	if err := binary.Read(bytes.NewReader(b), binary.NativeEndian, &say); err != nil {
		return ending{silent: true}
	}
	if say[0] == saysFailed {
		return ending{err: s.failed(say)}
	}
	return ending{exit: exitCode(unix.WaitStatus(say[1]))}
}

// pidOne lays out the life of pid 1: it builds the root, forks the command, reaps whatever becomes an
// orphan and ends when the command does. With it the kernel ends every process of the namespace.
func (s *steps) pidOne(j *job, w *wire, who identity, mounts []*os.File) error {
	life, report := uintptr(w.theirLife.Fd()), uintptr(w.theirReport.Fd())
	kept := []int{int(life), int(report), int(w.std[0].Fd()), int(w.std[1].Fd()), int(w.std[2].Fd())}
	if w.theirTrace != nil {
		kept = append(kept, int(w.theirTrace.Fd()))
	}
	var taken []int
	if who.privileged {
		taken = []int{}
		for _, f := range mounts {
			kept = append(kept, int(f.Fd()))
			taken = append(taken, s.newReg())
		}
	}
	s.alone(j, kept)
	for i, f := range mounts {
		// Into a register: what is taken out is closed when it is in place.
		s.push(label{"take mount", aboutWall}, unix.SYS_FCNTL, []uintptr{f.Fd(), unix.F_DUPFD_CLOEXEC, 0}).out = int32(taken[i])
	}
	s.push(label{"wait for the runner", aboutWall}, unix.SYS_READ, []uintptr{life, s.bytes(nil), 1}).min = 1
	s.become(j, who)
	s.names(j)
	if err := s.enterRoot(j, taken); err != nil {
		return err
	}
	pid := s.newReg()
	s.push(label{"fork", aboutWall}, opFork, nil).out = int32(pid)
	fork := len(s.list) - 1
	if err := s.command(j, w); err != nil {
		return err
	}
	s.list[fork].arg[0] = uintptr(len(s.list))
	s.closeAllBut(int(life), int(report)) // the command's output is none of ours
	pidfd := s.open(label{"open the command", aboutWall}, unix.SYS_PIDFD_OPEN, reg(pid), 0)
	s.leaveMemory()
	s.push(label{"watch", aboutWall}, opWatch, []uintptr{reg(pid), life, reg(pidfd)})
	return s.err
}

// alone cuts the copy loose: from the caller's session, files and signals.
func (s *steps) alone(j *job, kept []int) {
	if j.Terminal {
		s.add("make process group", unix.SYS_SETPGID, 0, 0)
		s.try(unix.SYS_IOCTL, uintptr(kept[2]), unix.TIOCSPGRP, place(s, int32(1))) // our pid, seen from inside
	} else {
		s.add("start session", unix.SYS_SETSID)
	}
	if j.up(wallFiles) {
		s.closeAllBut(kept...)
	}
	s.forgetSignals()
}

// closeAllBut closes what this process has open, also what it opens between now and the fork.
func (s *steps) closeAllBut(kept ...int) {
	slices.Sort(kept)
	next := 0
	for _, fd := range slices.Compact(kept) {
		if fd > next {
			s.add("close files", unix.SYS_CLOSE_RANGE, uintptr(next), uintptr(fd-1), 0)
		}
		next = fd + 1
	}
	s.add("close files", unix.SYS_CLOSE_RANGE, uintptr(next), uintptr(^uint32(0)), 0)
}

// become takes on the identity inside, and makes pid 1 safe from it: the command has the same uid.
func (s *steps) become(j *job, who identity) {
	if who.privileged {
		uid, gid := uintptr(j.UID), uintptr(j.GID)
		s.add("drop groups", unix.SYS_SETGROUPS, 0, 0)
		s.add("become the sandbox's group", unix.SYS_SETRESGID, gid, gid, gid)
		s.add("become the sandbox's user", unix.SYS_SETRESUID, uid, uid, uid)
	}
	// After the change of uid, which clears it. The parent may have died before: then the pipe is closed.
	s.add("die with the runner", unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL))
	dumpable := uintptr(0)
	if !j.up(wallHidden) {
		dumpable = 1
	}
	s.add("protect pid 1", unix.SYS_PRCTL, unix.PR_SET_DUMPABLE, dumpable)
	s.add("name pid 1", unix.SYS_PRCTL, unix.PR_SET_NAME, s.str("forge-sandbox"))
	// The caller's arguments and environment, which anybody could read in /proc/1/cmdline.
	if start, end := argumentMemory(); end > start {
		zero := s.open(label{"open /dev/zero", aboutWall}, unix.SYS_OPENAT, ^uintptr(99), s.str("/dev/zero"), unix.O_RDONLY|unix.O_CLOEXEC)
		s.push(label{"forget arguments", aboutWall}, unix.SYS_READ, []uintptr{reg(zero), start, end - start}).min = end - start
		s.close(zero)
	}
}

// argumentMemory is where this process keeps its arguments and environment (proc_pid_stat(5)).
func argumentMemory() (start, end uintptr) {
	b, _ := os.ReadFile("/proc/self/stat")
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(f) < 49 {
		return 0, 0
	}
	from, _ := strconv.ParseUint(f[45], 10, 64) // arg_start, field 48 of all
	argEnd, _ := strconv.ParseUint(f[46], 10, 64)
	envEnd, _ := strconv.ParseUint(f[48], 10, 64)
	return uintptr(from), uintptr(max(argEnd, envEnd))
}

// names gives the other namespaces their constant content.
func (s *steps) names(j *job) {
	// Only now, that the runner may have moved us: the namespace's root is the group we are in.
	switch {
	case !j.up(wallGroup):
	case j.PrivateGroup:
		s.add("make cgroup namespace", unix.SYS_UNSHARE, unix.CLONE_NEWCGROUP)
	default:
		s.try(unix.SYS_UNSHARE, unix.CLONE_NEWCGROUP) // a kernel without cgroups has no path of one to hide
	}
	s.add("set host name", unix.SYS_SETHOSTNAME, s.str(j.Hostname), uintptr(len(j.Hostname)))
	s.add("set domain name", unix.SYS_SETDOMAINNAME, s.str("(none)"), 6)
	if !j.Network {
		l := label{"bring up loopback", aboutWall}
		req := place(s, struct {
			name  [16]byte
			flags uint16
			pad   [22]byte
		}{name: [16]byte{'l', 'o'}, flags: unix.IFF_UP | unix.IFF_RUNNING})
		sock := s.open(l, unix.SYS_SOCKET, unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		s.add(l.text, unix.SYS_IOCTL, reg(sock), unix.SIOCSIFFLAGS, req)
		s.close(sock)
	}
}

// command lays out what the command's process does before it is the command.
func (s *steps) command(j *job, w *wire) error {
	for i, f := range w.std {
		if from := f.Fd(); from != uintptr(i) {
			s.add("hand over files", unix.SYS_DUP3, from, uintptr(i), 0)
		}
	}
	s.limitSteps(j)
	s.plainSteps(j)
	if j.up(wallPower) {
		s.powerSteps(true)
	} else {
		s.ambient()
	}
	if j.Network && j.up(wallAbstract) && landlockABI() >= 6 {
		s.noAbstractSockets()
	}
	if w.theirTrace != nil {
		if err := s.traceSteps(w.theirTrace.Fd(), w.theirLife.Fd()); err != nil {
			return err
		}
	}
	return s.execSteps(j)
}

// noAbstractSockets fences off what a shared network brings beside the internet: the sockets of the machine that
// have names and no files, X11's and containerd's among them, and a way to pass descriptors out (CVE-2020-15257,
// CVE-2024-27297). Kernels before 6.12 cannot.
func (s *steps) noAbstractSockets() {
	attr := unix.LandlockRulesetAttr{Scoped: unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET}
	l := label{"fence off abstract sockets", aboutWall}
	set := s.open(l, unix.SYS_LANDLOCK_CREATE_RULESET, place(s, attr), unsafe.Sizeof(attr), 0)
	s.add(l.text, unix.SYS_LANDLOCK_RESTRICT_SELF, reg(set), 0)
	s.close(set)
}

// ambient keeps capabilities over execve, for the tests that leave that wall down.
func (s *steps) ambient() {
	var data [2]unix.CapUserData
	caps := []uint{unix.CAP_SYS_ADMIN, unix.CAP_NET_ADMIN}
	for _, c := range caps {
		data[0].Effective |= 1 << c
		data[0].Permitted |= 1 << c
		data[0].Inheritable |= 1 << c
	}
	all := data
	all[0].Effective, all[0].Permitted, all[1].Effective, all[1].Permitted = ^uint32(0), ^uint32(0), 0x1ff, 0x1ff
	all[0].Inheritable, all[1].Inheritable = ^uint32(0), 0x1ff
	hdr := place(s, unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3})
	s.add("keep capabilities", unix.SYS_CAPSET, hdr, place(s, all))
	for c := uintptr(0); c <= unix.CAP_LAST_CAP; c++ {
		s.try(unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, c, 0, 0)
	}
}

// leaveMemory notes what the copy of this process does not need, which is nearly all. To copy the tables of
// large memory, twice, and to tear them down again is most of what a fork costs; and pid 1, which stays as
// long as the command, holds neither the caller's keys nor its heap.
func (s *steps) leaveMemory() {
	b, _ := os.ReadFile("/proc/self/maps")
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) < 5 || !strings.HasPrefix(f[1], "rw-p") || len(f) > 5 && strings.HasPrefix(f[5], "[") && !strings.HasPrefix(f[5], "[anon") {
			continue
		}
		lo, hi, _ := strings.Cut(f[0], "-")
		from, _ := strconv.ParseUint(lo, 16, 64)
		to, _ := strconv.ParseUint(hi, 16, 64)
		if to-from < 64<<10 || s.owns(uintptr(from), uintptr(to)) {
			continue
		}
		m := memory{uintptr(from), uintptr(to), unix.MADV_WIPEONFORK, unix.MADV_KEEPONFORK}
		if f[4] != "0" { // variables of the program: a file's pages cannot be wiped, and need not be there at all
			m.leave, m.keep = unix.MADV_DONTFORK, unix.MADV_DOFORK
		}
		s.spare = append(s.spare, m)
	}
}

// owns reports whether the steps lie between from and to.
func (s *steps) owns(from, to uintptr) bool {
	for _, c := range s.chunks {
		if at := uintptr(unsafe.Pointer(&c[0])); from < at+uintptr(len(c)) && at < to {
			return true
		}
	}
	return false
}

// namespaces are the flags of clone for spec.
func (id identity) namespaces(spec Spec, j *job) uintptr {
	flags := uintptr(unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWUTS)
	if j.up(wallIPC) {
		flags |= unix.CLONE_NEWIPC
	}
	if !spec.Network {
		flags |= unix.CLONE_NEWNET
	}
	return flags
}

// writeMaps says who the process is inside: one user, one group, and nobody else.
func (id identity) writeMaps(pid, uid, gid int) error {
	return writeMaps(pid, fmt.Sprintf("%d %d 1", uid, id.uid), fmt.Sprintf("%d %d 1", gid, id.gid), id.privileged)
}

func writeMaps(pid int, uids, gids string, groups bool) error {
	dir := "/proc/" + strconv.Itoa(pid) + "/"
	if !groups {
		if err := os.WriteFile(dir+"setgroups", []byte("deny"), 0); err != nil {
			return err
		}
	}
	if err := os.WriteFile(dir+"gid_map", []byte(gids), 0); err != nil {
		return err
	}
	return os.WriteFile(dir+"uid_map", []byte(uids), 0)
}
