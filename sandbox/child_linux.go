package sandbox

import (
	"path/filepath"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Child keeps the sandbox this process was started for and returns the exit code to end with.
// See IsChild.
func Child(args []string) int {
	switch filepath.Base(args[0]) {
	case markInit:
		return initMain()
	case markKeeper:
		return keeperMain()
	case markTool:
		return systool(args[1:])
	}
	// markHold: until killed, or until the pipe from a parent that was killed itself closes.
	for {
		if _, err := unix.Read(0, make([]byte, 1)); err != unix.EINTR {
			break
		}
	}
	return 0
}

// initMain is pid 1: it builds the root, starts the command in it, reaps whatever becomes an orphan and
// ends when the command does. With pid 1 the kernel ends every process of the namespace.
func initMain() int {
	var r report
	j, err := receive()
	if err != nil {
		r.fail(err)
		r.send()
		return 1
	}
	pid, err := initStart(&j)
	if err != nil {
		r.fail(err)
		r.send()
		return 1
	}
	unix.CloseRange(0, 2, 0) // the command's own; a full pipe must not hold us
	exit, orphaned := waitFor(pid)
	if !orphaned {
		r.Begun, r.Exit = true, exit
		r.send()
	}
	unix.Exit(0) // at once, and with us every process in here
	return 0
}

func initStart(j *job) (pid int, err error) {
	// The command has our uid: it must not read our memory, files or environment, nor change them.
	if j.up(wallHidden) {
		if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
			return 0, &stepError{"protect pid 1", err}
		}
	}
	resetSignals()
	if j.PrivateGroup {
		// Only now, that our parent has moved us: the namespace's root is the group we are in. It is a
		// matter of this thread, so the command must come from it, too.
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_NEWCGROUP); err != nil {
			return 0, &stepError{"make cgroup namespace", err}
		}
	}
	if err := unix.Sethostname([]byte(j.Hostname)); err != nil {
		return 0, &stepError{"set host name", err}
	}
	if err := unix.Setdomainname([]byte("(none)")); err != nil {
		return 0, &stepError{"set domain name", err}
	}
	if !j.Network {
		if err := loopbackUp(); err != nil {
			return 0, &stepError{"bring up loopback", err}
		}
	}
	if err := enterRoot(j); err != nil {
		return 0, err
	}
	var s steps
	s.limitSteps(j)
	s.plainSteps(j)
	if j.up(wallPower) {
		s.powerSteps(true)
	}
	if err := s.execSteps(j); err != nil {
		return 0, err
	}
	return s.spawn()
}

// resetSignals gives every signal its default action, which for pid 1 means that nothing from inside
// the namespace can end it, not even a forged SIGSEGV.
func resetSignals() {
	var dfl [32]byte
	for sig := uintptr(1); sig <= 64; sig++ {
		unix.RawSyscall6(unix.SYS_RT_SIGACTION, sig, uintptr(unsafe.Pointer(&dfl)), 0, 8, 0, 0)
	}
}

// waitFor waits until the command ends, or the runner that wants to know: its end of the life pipe
// closes, however that comes about. Orphans that land here are reaped on the way. It blocks in plain
// system calls on one thread, so that no scheduler stands between the end and the news of it.
func waitFor(pid int) (exit int, orphaned bool) {
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return 255, true
	}
	fds := [2]unix.PollFd{{Fd: fdLife, Events: unix.POLLIN}, {Fd: int32(pidfd), Events: unix.POLLIN}}
	pause := int64(time.Second)
	for {
		ts := unix.NsecToTimespec(pause)
		unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&fds)), uintptr(len(fds)), uintptr(unsafe.Pointer(&ts)), 0, 0, 0)
		if fds[0].Revents != 0 {
			return 0, true
		}
		pause = int64(time.Second)
		for {
			var ws uint32
			got, _, errno := unix.RawSyscall6(unix.SYS_WAIT4, ^uintptr(0), uintptr(unsafe.Pointer(&ws)), unix.WNOHANG, 0, 0, 0)
			if errno != 0 || got == 0 {
				break
			}
			if int(got) == pid {
				return exitCode(unix.WaitStatus(ws)), false
			}
			pause = int64(20 * time.Millisecond) // where one orphan ends, more do
		}
	}
}

func exitCode(ws unix.WaitStatus) int {
	if ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return ws.ExitStatus()
}

func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	req, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	req.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, req)
}
