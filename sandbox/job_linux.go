package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// File descriptors of a keeper beside the command's own three.
const (
	fdLife   = 3 // when this pipe closes, our parent is gone
	fdReport = 4 // one report goes out here
	fdJob    = 5 // the job, a file in memory: it waits for no reader
)

// A job is a Spec made ready for one level of isolation on this machine.
type job struct {
	Argv, Env    []string
	Dir          string
	Mounts       []Mount
	Links        []Link
	Files        []File
	Hostname     string
	OldKernel    bool
	UID, GID     int
	Limits       Limits
	LimitMemory  bool // by rlimit, for want of a cgroup
	LimitProcs   bool // likewise
	Network      bool
	Terminal     bool
	Isolation    Isolation
	CPUs         string // text for /proc/cpuinfo
	PrivateGroup bool   // in a cgroup of its own
	Without      []wall // left down, by tests that show what each is for
}

// A wall is one defence that a test can leave down. No Spec can.
type wall string

const (
	wallFilter   wall = "seccomp filter"
	wallPower    wall = "capabilities and no_new_privs"
	wallHidden   wall = "pid 1 not dumpable"
	wallNesting  wall = "no user namespaces inside"
	wallFiles    wall = "inherited files closed"
	wallNetwork  wall = "a network of its own"
	wallIPC      wall = "IPC of its own"
	wallReadOnly wall = "read-only mounts"
	wallFacts    wall = "the machine's facts covered"
	wallCounts   wall = "the user's counts limited"
	wallGroup    wall = "a cgroup namespace of its own"
	wallAbstract wall = "no abstract sockets on a shared network"
)

func (j *job) up(w wall) bool { return !slices.Contains(j.Without, w) }

// A report is what a keeper answers: how the command ended, or which step failed.
type report struct {
	Begun bool          `json:"begun,omitempty"` // the command ran
	Exit  int           `json:"exit"`
	Step  string        `json:"step,omitempty"`
	Kind  kind          `json:"kind,omitempty"`
	Errno syscall.Errno `json:"errno,omitempty"`
	Err   string        `json:"err,omitempty"` // another failure
}

func (r *report) fail(err error) {
	var se *stepError
	if errors.As(err, &se) {
		r.Step, r.Kind, r.Errno = se.text, se.kind, se.err
		return
	}
	r.Err = err.Error()
}

func (r report) send() {
	b, _ := json.Marshal(r)
	unix.Write(fdReport, b)
}

// parseReport reads a report on the parent's side.
func parseReport(b []byte) (e ending) {
	var r report
	if err := json.Unmarshal(b, &r); err != nil {
		return ending{silent: true}
	}
	switch {
	case r.Begun:
		e.exit = r.Exit
	case r.Step != "":
		e.err = &stepError{label{r.Step, r.Kind}, r.Errno}
	default:
		e.err = errors.New(r.Err)
	}
	return e
}

// receive reads the job, and waits until its cgroup has this process.
func receive() (job, error) {
	var j job
	f := os.NewFile(fdJob, "job")
	defer f.Close()
	b, err := io.ReadAll(f)
	if err == nil {
		err = json.Unmarshal(b, &j)
	}
	var word [1]byte
	if n, _ := unix.Read(fdLife, word[:]); n != 1 {
		err = errors.Join(err, errors.New("parent is gone"))
	}
	if err != nil {
		return j, fmt.Errorf("read the sandbox's job: %w", err)
	}
	return j, nil
}

// file writes the job where its keeper finds it.
func (j *job) file() (*os.File, error) {
	b, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	fd, err := unix.MemfdCreate("job", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make a file in memory: %w", err)
	}
	f := os.NewFile(uintptr(fd), "job")
	if _, err = f.WriteAt(b, 0); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// limitSteps bound what is counted by process. They bind the command alone, never its keeper.
func (s *steps) limitSteps(j *job) {
	set := func(name string, what int, v uint64) {
		s.add("set limit on "+name, unix.SYS_PRLIMIT64, 0, uintptr(what), place(s, unix.Rlimit{Cur: v, Max: v}), 0)
	}
	// One byte, not none: only 1 keeps the kernel from starting the machine's crash handler (fs/coredump.c).
	set("core files", unix.RLIMIT_CORE, 1)
	set("file locks in memory", unix.RLIMIT_MEMLOCK, 8<<20)
	var had unix.Rlimit
	if v := j.Limits.OpenFiles; v > 0 {
		set("open files", unix.RLIMIT_NOFILE, uint64(v))
	} else if unix.Getrlimit(unix.RLIMIT_NOFILE, &had) == nil {
		set("open files", unix.RLIMIT_NOFILE, min(4096, had.Max)) // for want of a wish, the same everywhere
	}
	if unix.Getrlimit(unix.RLIMIT_STACK, &had) == nil && had.Max >= 8<<20 {
		s.add("set stack size", unix.SYS_PRLIMIT64, 0, unix.RLIMIT_STACK, place(s, unix.Rlimit{Cur: 8 << 20, Max: had.Max}), 0)
	}
	if v := j.Limits.FileSize; v > 0 {
		set("file size", unix.RLIMIT_FSIZE, uint64(v))
	}
	if v := j.Limits.CPU; v > 0 {
		secs := uint64((v + time.Second - 1) / time.Second)
		s.add("set limit on CPU time", unix.SYS_PRLIMIT64, 0, unix.RLIMIT_CPU, place(s, unix.Rlimit{Cur: secs, Max: secs + 2}), 0)
	}
	if j.LimitMemory {
		// What a process can write to, not what it reserves: Go, Java and Node reserve far more than they use.
		set("memory", unix.RLIMIT_DATA, uint64(j.Limits.Memory))
	}
	if j.LimitProcs {
		set("processes", unix.RLIMIT_NPROC, uint64(j.Limits.Processes)+keeperTasks)
	}
}

// forgetSignals resets every signal, whatever the caller had caught, ignored or masked.
func (s *steps) forgetSignals() {
	const sigactionSize = 4 * 8 // of struct sigaction on 64-bit CPUs, zero: the default action
	dfl := place(s, [sigactionSize]byte{})
	for sig := uintptr(1); sig <= 64; sig++ {
		s.try(unix.SYS_RT_SIGACTION, sig, dfl, 0, 8)
	}
	s.add("clear signal mask", unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, place(s, uint64(0)), 0, 8)
}

// plainSteps give every command the same start, whatever its caller had inherited.
func (s *steps) plainSteps(j *job) {
	if !j.Terminal {
		s.add("start session", unix.SYS_SETSID)
	}
	s.forgetSignals()
	s.add("set umask", unix.SYS_UMASK, 0o022)
	if j.OldKernel {
		s.add("report an old kernel", unix.SYS_PERSONALITY, uname26)
	} else {
		s.try(unix.SYS_PERSONALITY, 0)
	}
	s.try(unix.SYS_KEYCTL, unix.KEYCTL_JOIN_SESSION_KEYRING, 0)
	if j.up(wallFiles) {
		s.add("close files", unix.SYS_CLOSE_RANGE, 3, uintptr(^uint32(0)), unix.CLOSE_RANGE_CLOEXEC)
	}
}

// secureBits (linux/securebits.h): uid 0 is nobody special, a change of uid moves no capability, none is
// kept over one, none is raised into the ambient set; each locked.
const secureBits = 1<<0 | 1<<1 | 1<<2 | 1<<3 | 1<<5 | 1<<6 | 1<<7

// powerSteps take away every capability and the ways to get one.
func (s *steps) powerSteps(bounded bool) {
	s.add("set no_new_privs", unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	if bounded {
		for c := uintptr(0); c <= unix.CAP_LAST_CAP; c++ {
			s.try(unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, c, 0, 0, 0)
		}
		s.add("lock capabilities", unix.SYS_PRCTL, unix.PR_SET_SECUREBITS, secureBits, 0, 0, 0)
	}
	s.try(unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
	hdr := place(s, unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3})
	s.add("drop capabilities", unix.SYS_CAPSET, hdr, place(s, [2]unix.CapUserData{}))
}

// execSteps end the list: filter, then the command.
func (s *steps) execSteps(j *job) error {
	dir := j.Dir
	if dir == "" {
		dir = "/"
	}
	s.push(label{"enter " + dir + " inside the sandbox", aboutCommand}, unix.SYS_CHDIR, []uintptr{s.str(dir)})
	if j.Isolation != None && j.up(wallFilter) {
		if err := s.filterSteps(j.Isolation == Full || j.Network); err != nil {
			return err
		}
	}
	argv, envp := s.strs(j.Argv), s.strs(j.Env)
	paths, where := lookPath(j.Argv[0], j.Env)
	for i, p := range paths {
		st := s.push(label{"start " + j.Argv[0] + where + " inside the sandbox", aboutCommand}, unix.SYS_EXECVE, []uintptr{s.str(p), argv, envp})
		if i < len(paths)-1 {
			st.skip = 0
		}
	}
	return s.err
}

// lookPath lists where a command may be, as a shell would look for it in the PATH that the command
// itself gets.
func lookPath(name string, env []string) (paths []string, where string) {
	if strings.Contains(name, "/") {
		return []string{name}, ""
	}
	search := ""
	for _, e := range env {
		if v, ok := strings.CutPrefix(e, "PATH="); ok {
			search = v
		}
	}
	for _, d := range strings.Split(search, ":") {
		if strings.HasPrefix(d, "/") { // a relative entry is a program of whoever wrote the folder
			paths = append(paths, d+"/"+name)
		}
	}
	if len(paths) == 0 {
		paths = []string{"/" + name}
	}
	return paths, " (searched in PATH=" + search + ")"
}
