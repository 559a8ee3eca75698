package sandbox

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Child keeps the sandbox this process was started for and returns the exit code to end with.
// See IsChild.
func Child(args []string) int {
	runtime.LockOSThread()
	switch args[0] {
	case markInit:
		return initMain()
	case markKeeper:
		return keeperMain()
	}
	unix.Pause() // markHold: until killed
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
	go dieWithParent()
	unix.CloseRange(0, 2, 0) // the command's own; a full pipe must not hold us
	r.Begun = true
	r.Exit = waitFor(pid)
	r.send()
	return 0
}

func initStart(j *job) (pid int, err error) {
	// The command has our uid: it must not read our memory, files or environment, nor change them.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return 0, &stepError{"protect pid 1", err}
	}
	resetSignals()
	if j.PrivateGroup {
		// Only now, that our parent has moved us: the namespace's root is the group we are in.
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
	// Second wall behind the filter: no further namespace can be made in here, by whatever call.
	if err := noMoreNamespaces(); err != nil {
		return 0, err
	}
	var s steps
	s.limitSteps(j)
	s.plainSteps(j)
	s.powerSteps(true)
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

// dieWithParent ends this process when its parent's end of the job pipe closes, however that comes about.
func dieWithParent() {
	waitClosed(fdJob)
	unix.Exit(1)
}

func waitClosed(fd int) {
	var b [64]byte
	for {
		n, err := unix.Read(fd, b[:])
		if n == 0 || (err != nil && err != unix.EINTR) {
			return
		}
	}
}

// waitFor reaps children until pid is among them, and returns its exit code.
func waitFor(pid int) int {
	for {
		var ws unix.WaitStatus
		got, err := unix.Wait4(-1, &ws, 0, nil)
		if err == unix.EINTR || (err == nil && got != pid) {
			continue
		}
		if err != nil {
			return 255
		}
		return exitCode(ws)
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

// noMoreNamespaces writes 0 into this user namespace's own counters. /proc/sys is read-only by now for
// the command's sake; the counters are reached through a proc mounted for the purpose.
func noMoreNamespaces() error {
	fs, err := unix.Fsopen("proc", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return &stepError{"open proc", err}
	}
	defer unix.Close(fs)
	if err := unix.FsconfigCreate(fs); err != nil {
		return &stepError{"open proc", err}
	}
	mnt, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC)
	if err != nil {
		return &stepError{"mount proc", err}
	}
	defer unix.Close(mnt)
	for _, kind := range []string{"user", "mnt", "pid", "net", "uts", "ipc", "cgroup", "time"} {
		name := "sys/user/max_" + kind + "_namespaces"
		fd, err := unix.Openat(mnt, name, unix.O_WRONLY|unix.O_CLOEXEC, 0)
		if err == unix.ENOENT {
			continue
		}
		if err != nil {
			return &stepError{"forbid " + kind + " namespaces", err}
		}
		_, err = unix.Write(fd, []byte("0"))
		unix.Close(fd)
		if err != nil {
			return &stepError{"forbid " + kind + " namespaces", err}
		}
	}
	return nil
}
