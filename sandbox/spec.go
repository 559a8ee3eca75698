// Package sandbox runs one command with only what it was given.
package sandbox

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"
)

// Isolation is how much of the machine a command could reach.
type Isolation string

// The levels, strongest first.
const (
	// Full: own user, mount, pid, net, uts and ipc namespaces, a root that holds only the mounts of
	// the Spec, seccomp, no new privileges.
	Full Isolation = "full"
	// Landlock: undeclared files cannot be opened and TCP is refused, but names can be seen.
	Landlock Isolation = "landlock"
	// Seatbelt: undeclared files of macOS cannot be opened, and there is no network; names can be seen.
	Seatbelt Isolation = "seatbelt"
	// AppContainer: files that were neither declared nor opened to every application of Windows cannot be
	// opened, and there is no network; names can be seen.
	AppContainer Isolation = "appcontainer"
	// None: an ordinary process.
	None Isolation = "none"
)

// Levels lists all, strongest first. A system has Full, or one of the walls between, or neither.
func Levels() []Isolation { return []Isolation{Full, Landlock, Seatbelt, AppContainer, None} }

// ParseIsolation reads the name of a level.
func ParseIsolation(word string) (Isolation, error) {
	if slices.Contains(Levels(), Isolation(word)) {
		return Isolation(word), nil
	}
	return "", fmt.Errorf("isolation %q: want full, landlock (Linux), seatbelt (macOS), appcontainer (Windows) or none", word)
}

// Suffices reports whether commands that ran at level i are good enough for one who accepts no less than least. The
// levels between full and none are those of different systems: none of them is more than another.
func (i Isolation) Suffices(least Isolation) bool {
	return i == Full || least == None || least != Full && i != None
}

// Mount places a file or folder of this machine into the command's view.
type Mount struct {
	Source   string // absolute path on this machine; empty for an empty tmpfs folder at Target
	Target   string // absolute path inside
	Writable bool
}

// Link is a symbolic link made in the root, such as /bin → usr/bin.
type Link struct{ Path, Target string }

// File is a small read-only file made in the root, such as /etc/passwd.
type File struct {
	Path string
	Data string
}

// Limits bound what a command may use; zero means no bound of ours.
type Limits struct {
	Memory    int64         `json:"memory,omitempty"`    // bytes, of all processes together where a cgroup can be had
	Processes int64         `json:"processes,omitempty"` // alive at once
	CPU       time.Duration `json:"cpu,omitempty"`       // CPU time
	FileSize  int64         `json:"file_size,omitempty"` // bytes of the largest file
	Disk      int64         `json:"disk,omitempty"`      // bytes that the writable folders may grow by (Linux)
	OpenFiles int64         `json:"open_files,omitempty"`
	Wall      time.Duration `json:"wall,omitempty"`
	Log       int64         `json:"log,omitempty"` // bytes of stdout and stderr together
}

// Spec is all that a command gets. Nothing of the caller's environment, files or network is added.
type Spec struct {
	Argv     []string
	Env      []string // NAME=value, exactly these
	Dir      string   // working folder, inside
	Mounts   []Mount  // in order; a later one may lie inside an earlier one
	Links    []Link
	Files    []File
	Hostname string
	// OldKernel lets uname say 2.6 and some more, to see what depends on it. On Linux only.
	OldKernel bool
	User      string // name of the uid in /etc/passwd
	UID, GID  int    // inside
	Limits    Limits
	Network   bool      // share the host's network: on request only, and recorded
	Level     Isolation // the least that will do; empty means Full
	Scratch   string    // path that no other command has at the same time; names its container on Windows
	Stdin     io.Reader // nil for /dev/null
	Stdout    io.Writer
	Stderr    io.Writer
	Measure   func(memory int64) // called now and then with the bytes of all processes together; on Linux only
	Trace     bool               // record what is opened, at level Full only
	// Started, if not nil, is told the first process of the command as this machine numbers it; all others
	// descend from it. Where processes cannot be looked at, it is not called.
	Started  func(pid int)
	Terminal bool // hand the caller's terminal through (for debug shells only)
}

// Result is what happened.
type Result struct {
	ExitCode  int       `json:"exit_code"`            // of the command; 128+signal when a signal ended it, SIGXCPU for CPU time spent
	Isolation Isolation `json:"isolation"`            // reached, never merely asked for
	Limits    Limits    `json:"limits"`               // that were in force
	LimitedBy string    `json:"limited_by,omitempty"` // "cgroup2", "cgroup1", "rlimit" or "job" for memory, processes and CPU time
	// LimitedWhy tells why memory, processes and CPU time are limited by rlimit, which counts the time of each
	// process by itself; their memory together is looked at now and then.
	LimitedWhy string `json:"limited_why,omitempty"`
	KilledBy   string `json:"killed_by,omitempty"` // "wall", "memory", "processes", "log", …: the limit that ended it
	Network    bool   `json:"network,omitempty"`   // shared the network of the machine
	// Restricted tells that the process had the user's rights without any privilege (Windows, isolation none).
	Restricted bool          `json:"restricted,omitempty"`
	Wall       time.Duration `json:"wall"`
	CPU        time.Duration `json:"cpu"`
	PeakRSS    int64         `json:"peak_rss"`        // bytes
	Trace      *Trace        `json:"trace,omitempty"` // where the Spec asked for it
}

// Runner runs commands. Implementations pass the contract suite in the package's tests.
type Runner interface {
	// Run runs spec to its end. err tells that the command could not be run as specified, or that ctx
	// ended; a command that fails is a Result. When Run returns no process of the command is left.
	Run(ctx context.Context, spec Spec) (Result, error)
}

// UnavailableError tells which wall of the asked level this machine cannot put up.
type UnavailableError struct {
	Level  Isolation
	Reason string // what was tried and what the kernel said
	Remedy string // what to do about it: the sysctl, the flag that accepts less
}

func (e *UnavailableError) Error() string {
	return "isolation " + string(e.Level) + " cannot be had here: " + e.Reason + "; " + e.Remedy
}
