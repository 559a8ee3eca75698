package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
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
	fdMounts = 6 // the first of the mounts a privileged parent took out for us
)

// A job is what a Runner tells the keeper it starts.
type job struct {
	Argv, Env    []string
	Dir          string
	Mounts       []Mount
	Taken        bool // mounts with a source come as file descriptors from fdMounts on, in order
	Links        []Link
	Files        []File
	Hostname     string
	Limits       Limits
	LimitMemory  bool // by rlimit, for want of a cgroup
	LimitProcs   bool // likewise
	Network      bool
	Terminal     bool
	Isolation    Isolation
	CPUs         string // text for /proc/cpuinfo
	PrivateGroup bool   // this process is in a cgroup of its own
	Without      []wall // left down, by tests that show what each is for
}

// A wall is one defence that a test can leave down. No Spec can.
type wall string

const (
	wallFilter  wall = "seccomp filter"
	wallPower   wall = "capabilities and no_new_privs"
	wallHidden  wall = "pid 1 not dumpable"
	wallNesting wall = "no user namespaces inside"
	wallFiles   wall = "inherited files closed"
)

func (j *job) up(w wall) bool { return !slices.Contains(j.Without, w) }

// A report is what the keeper answers: how the command ended, or which wall could not be put up.
type report struct {
	Exit  int           `json:"exit"`
	What  string        `json:"what,omitempty"`
	Errno syscall.Errno `json:"errno,omitempty"`
	Err   string        `json:"err,omitempty"`
	Begun bool          `json:"begun,omitempty"` // the command ran
}

func (r *report) fail(err error) {
	r.Err = err.Error()
	var se *stepError
	if errors.As(err, &se) {
		r.What = se.what
		errors.As(se.err, &r.Errno)
	}
}

func (r report) send() {
	b, _ := json.Marshal(r)
	unix.Write(fdReport, b)
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
	if err == nil && j.PrivateGroup {
		var word [1]byte
		if n, _ := unix.Read(fdLife, word[:]); n != 1 {
			err = errors.New("parent is gone")
		}
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
		s.add("set limit on "+name, unix.SYS_PRLIMIT64, 0, uintptr(what), point(s, &unix.Rlimit{Cur: v, Max: v}), 0)
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
		s.add("set stack size", unix.SYS_PRLIMIT64, 0, unix.RLIMIT_STACK, point(s, &unix.Rlimit{Cur: 8 << 20, Max: had.Max}), 0)
	}
	if v := j.Limits.FileSize; v > 0 {
		set("file size", unix.RLIMIT_FSIZE, uint64(v))
	}
	if v := j.Limits.CPU; v > 0 {
		secs := uint64((v + time.Second - 1) / time.Second)
		s.add("set limit on CPU time", unix.SYS_PRLIMIT64, 0, unix.RLIMIT_CPU, point(s, &unix.Rlimit{Cur: secs, Max: secs + 2}), 0)
	}
	if j.LimitMemory {
		// What a process can write to, not what it reserves: Go, Java and Node reserve far more than they use.
		set("memory", unix.RLIMIT_DATA, uint64(j.Limits.Memory))
	}
	if j.LimitProcs {
		// The keeper's own threads are counted with the command's.
		set("processes", unix.RLIMIT_NPROC, uint64(j.Limits.Processes)+keeperThreads())
	}
}

func keeperThreads() uint64 {
	b, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(b), "\nThreads:")
	line, _, _ := strings.Cut(rest, "\n")
	n, err := strconv.ParseUint(strings.TrimSpace(line), 10, 32)
	if err != nil {
		return 16
	}
	return n
}

// plainSteps give every command the same start, whatever its caller had ignored, masked or inherited.
func (s *steps) plainSteps(j *job) {
	if !j.Terminal {
		s.add("start session", unix.SYS_SETSID)
	}
	const sigactionSize = 4 * 8 // of struct sigaction on 64-bit CPUs, zero: the default action
	dfl := point(s, &[sigactionSize]byte{})
	for sig := uintptr(1); sig <= 64; sig++ {
		s.try(unix.SYS_RT_SIGACTION, sig, dfl, 0, 8)
	}
	s.add("clear signal mask", unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, point(s, new(uint64)), 0, 8)
	s.add("set umask", unix.SYS_UMASK, 0o022)
	s.try(unix.SYS_PERSONALITY, 0)
	s.try(unix.SYS_KEYCTL, unix.KEYCTL_JOIN_SESSION_KEYRING, 0)
	if !j.up(wallFiles) {
		return
	}
	s.add("close files", unix.SYS_CLOSE_RANGE, 3, uintptr(^uint32(0)), unix.CLOSE_RANGE_CLOEXEC)
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
	hdr := point(s, &unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3})
	s.add("drop capabilities", unix.SYS_CAPSET, hdr, point(s, &[2]unix.CapUserData{}))
}

// execSteps end the list: filter, then the command.
func (s *steps) execSteps(j *job) error {
	dir := j.Dir
	if dir == "" {
		dir = "/"
	}
	at, err := s.str(dir)
	if err != nil {
		return err
	}
	s.add("enter "+dir, unix.SYS_CHDIR, at)
	path, err := lookPath(j.Argv[0], j.Env, dir)
	if err != nil {
		return err
	}
	file, err := s.str(path)
	if err != nil {
		return err
	}
	argv, err := s.strs(j.Argv)
	if err != nil {
		return err
	}
	envp, err := s.strs(j.Env)
	if err != nil {
		return err
	}
	if j.Isolation != None && j.up(wallFilter) {
		if err := s.filterSteps(j.Isolation == Full || j.Network); err != nil {
			return err
		}
	}
	s.add("start "+path, unix.SYS_EXECVE, file, argv, envp)
	return nil
}

// lookPath finds a command as a shell would, in the PATH that the command itself gets.
func lookPath(name string, env []string, dir string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	search := ""
	for _, e := range env {
		if v, ok := strings.CutPrefix(e, "PATH="); ok {
			search = v
		}
	}
	for _, d := range strings.Split(search, ":") {
		if !strings.HasPrefix(d, "/") {
			continue // a relative entry is a program of whoever wrote the folder
		}
		p := d + "/" + name
		if fi, err := os.Stat(p); err == nil && fi.Mode().IsRegular() && fi.Mode()&0o111 != 0 {
			return p, nil
		}
	}
	return "", &stepError{"start " + name + " (searched in PATH=" + search + ")", unix.ENOENT}
}
