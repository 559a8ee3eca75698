package sandbox

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The lower levels leave every file where it is: they cannot show a folder at another path. Links and
// Files of the Spec are not made, the machine's own stand in their place.

func (r *runner) runLandlock(ctx context.Context, spec Spec) (Result, error) {
	return r.lower(ctx, spec, Landlock)
}

func (r *runner) runNone(ctx context.Context, spec Spec) (Result, error) {
	return r.lower(ctx, spec, None)
}

func (r *runner) lower(ctx context.Context, spec Spec, level Isolation) (Result, error) {
	if err := spec.checkInPlace(level); err != nil {
		return Result{}, err
	}
	if spec.Trace {
		return Result{}, fmt.Errorf("run in sandbox: what a command opens is traced at isolation full only, not at %s", level)
	}
	if level == Landlock && landlockABI() < 1 {
		return Result{}, unavailable(Landlock, "ask for landlock", unix.ENOSYS)
	}
	j := newJob(spec, level)
	return r.run(ctx, spec, j, parseReport, func(w *wire) (*os.Process, error) {
		text, err := j.file()
		if err != nil {
			return nil, err
		}
		defer text.Close()
		cmd := exec.Command("/proc/self/exe")
		cmd.Args, cmd.Env = []string{markKeeper}, []string{"GOGC=off"}
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: !spec.Terminal}
		cmd.Stdin, cmd.Stdout, cmd.Stderr = w.std[0], w.std[1], w.std[2]
		cmd.ExtraFiles = []*os.File{w.theirLife, w.theirReport, text}
		err = cmd.Start()
		return cmd.Process, err
	})
}

// keeperMain watches over a command of the lower levels, which has no pid namespace: every process that
// comes of it stays our descendant, and all are killed before we end.
func keeperMain() int {
	var r report
	j, err := receive()
	if err == nil {
		err = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	}
	if err == nil {
		err = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	}
	var pid int
	if err == nil {
		ignoreSignals()
		pid, err = keeperStart(&j)
	}
	if err != nil {
		r.fail(err)
		r.send()
		return 1
	}
	unix.CloseRange(0, 2, 0)
	exit, orphaned := waitFor(pid)
	killDescendants()
	if !orphaned {
		r.Begun, r.Exit = true, exit
		r.send()
	}
	return 0
}

func keeperStart(j *job) (int, error) {
	runtime.LockOSThread()
	var s steps
	defer s.release()
	s.limitSteps(j)
	s.plainSteps(j)
	if j.Isolation == Landlock {
		s.powerSteps(hasCaps(unix.CAP_SETPCAP))
		fd, err := ruleset(j)
		if err != nil {
			return 0, err
		}
		s.add("restrict by landlock", unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(fd), 0)
	}
	if err := s.execSteps(j); err != nil {
		return 0, err
	}
	return s.spawn()
}

// ignoreSignals keeps the keeper alive through what is sent to a whole session or group.
func ignoreSignals() {
	ign := [4]uint64{1} // SIG_IGN
	for _, sig := range []unix.Signal{unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGPIPE,
		unix.SIGALRM, unix.SIGUSR1, unix.SIGUSR2, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU} {
		unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&ign)), 0, 8, 0, 0)
	}
}

// killDescendants ends every process below this one. They are stopped first, all that can be found until
// none is new, so that a fork bomb cannot outrun the killing.
func killDescendants() {
	stopped := map[int]bool{}
	for more := true; more; {
		more = false
		for _, pid := range descendants(os.Getpid()) {
			if !stopped[pid] {
				stopped[pid], more = true, true
				unix.Kill(pid, unix.SIGSTOP)
			}
		}
	}
	for {
		for _, pid := range descendants(os.Getpid()) {
			unix.Kill(pid, unix.SIGKILL)
		}
		var ws unix.WaitStatus
		if _, err := unix.Wait4(-1, &ws, 0, nil); err == unix.ECHILD {
			return
		}
	}
}

// descendants lists the living processes below one.
func descendants(of int) []int {
	var list []int
	for todo := []int{of}; len(todo) > 0; {
		pid := todo[0]
		todo = todo[1:]
		kids, ok := children(pid, of)
		if !ok {
			return descendantsBySearch(of)
		}
		list, todo = append(list, kids...), append(todo, kids...)
	}
	return list
}

// children asks the kernel, where it was built to answer (CONFIG_PROC_CHILDREN). A process that ended
// meanwhile has none.
func children(pid, of int) (list []int, ok bool) {
	tasks := "/proc/" + strconv.Itoa(pid) + "/task"
	threads, err := os.ReadDir(tasks)
	if err != nil {
		return nil, true
	}
	for _, t := range threads {
		b, err := os.ReadFile(tasks + "/" + t.Name() + "/children")
		if err != nil && pid == of && t.Name() == strconv.Itoa(pid) {
			return nil, false
		}
		for _, f := range strings.Fields(string(b)) {
			if n, err := strconv.Atoi(f); err == nil {
				list = append(list, n)
			}
		}
	}
	return list, true
}

// descendantsBySearch looks at every process there is.
func descendantsBySearch(of int) []int {
	parent := map[int]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, p := range stats {
		b, err := os.ReadFile(p)
		if err != nil {
			continue
		}
		// The name in parentheses may hold anything; the state and the parent follow the last one.
		f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
		if len(f) < 2 || f[0] == "Z" {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(p)))
		parent[pid], _ = strconv.Atoi(f[1])
	}
	var list []int
	for pid := range parent {
		for up, n := parent[pid], 0; up > 0 && n < len(parent); up, n = parent[up], n+1 {
			if up == of {
				list = append(list, pid)
				break
			}
		}
	}
	return list
}

func landlockABI() int {
	v, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0
	}
	return int(v)
}

// Rights of landlock (linux/landlock.h), those of the first ABI and what came with each later one.
const (
	landRead  = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	landFile  = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	landFirst = 1<<13 - 1
)

func landRights(abi int) uint64 {
	all := uint64(landFirst)
	if abi >= 2 {
		all |= unix.LANDLOCK_ACCESS_FS_REFER
	}
	if abi >= 3 {
		all |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	if abi >= 5 {
		all |= unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	}
	return all
}

// ruleset makes a landlock ruleset of the job's mounts: what is not named cannot be opened.
func ruleset(j *job) (int, error) {
	abi := landlockABI()
	all := landRights(abi)
	attr := unix.LandlockRulesetAttr{Access_fs: all}
	size := unsafe.Sizeof(attr.Access_fs)
	if abi >= 4 {
		size += unsafe.Sizeof(attr.Access_net)
		if !j.Network {
			attr.Access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
		}
	}
	if abi >= 6 {
		size = unsafe.Sizeof(attr)
		attr.Scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
	}
	r, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), size, 0)
	if errno != 0 {
		return -1, &stepError{label{"make landlock ruleset", aboutWall}, errno}
	}
	fd := int(r)
	for _, m := range j.Mounts {
		rights := uint64(landRead)
		if m.Writable {
			rights = all
		}
		if err := allowBeneath(fd, m.Target, rights&all); err != nil {
			return -1, err
		}
	}
	for _, d := range deviceNames() {
		if err := allowBeneath(fd, "/dev/"+d, landFile&all); err != nil {
			return -1, err
		}
	}
	return fd, allowBeneath(fd, "/proc", (unix.LANDLOCK_ACCESS_FS_READ_FILE|unix.LANDLOCK_ACCESS_FS_READ_DIR)&all)
}

func allowBeneath(ruleset int, path string, rights uint64) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("allow %s by landlock: %w", path, err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("allow %s by landlock: %w", path, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		rights &= landFile // others make no sense on a file, and are refused
	}
	a := unix.LandlockPathBeneathAttr{Allowed_access: rights, Parent_fd: int32(fd)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(ruleset), unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&a)), 0, 0, 0)
	if errno != 0 {
		return &stepError{label{"allow " + path + " by landlock", aboutWall}, errno}
	}
	return nil
}
