package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"forge/internal/diag"
	"forge/internal/fsx"
	"forge/sandbox"
	"forge/store"
)

// Dimensions are what a rebuild can be made to differ in, with the class of difference each reveals.
var dimensions = []struct{ name, class string }{
	{"path", ClassPath}, {"uid", ClassUser}, {"hostname", ClassHost}, {"locale", ClassLocale}, {"jobs", ClassCPU}, {"timezone", ClassTimestamp},
	{"clock", ClassTimestamp}, {"order", ClassOrder}, {"kernel", ClassKernel},
}

// variation is what is different about a build on purpose. The zero value is the usual build.
type variation map[string]bool

// ParseVariations reads the words of --vary; "all" is every one of them.
func ParseVariations(words []string) ([]string, error) {
	var names []string
	for _, d := range dimensions {
		names = append(names, d.name)
	}
	var list []string
	for _, w := range words {
		switch {
		case w == "all":
			list = append(list, names...)
		case classOf(w) != "":
			list = append(list, w)
		default:
			err := fmt.Errorf("cannot vary %q: want all or some of %s", w, strings.Join(names, ", "))
			if near := diag.Nearest(w, names); near != "" {
				err = fmt.Errorf("%w; did you mean %q?", err, near)
			}
			return nil, err
		}
	}
	return unique(list), nil
}

// VaryWords are the words of --vary.
func VaryWords() []string {
	words := []string{"all"}
	for _, d := range dimensions {
		words = append(words, d.name)
	}
	return words
}

func classOf(dimension string) string {
	for _, d := range dimensions {
		if d.name == dimension {
			return d.class
		}
	}
	return ""
}

// layout is the inside of a build: at other paths, but for PREFIX, which is the placeholder that
// packages are allowed to hold.
func (v variation) layout() layout {
	at := insideLayout()
	if v["path"] {
		const other = "/elsewhere/for-a-rebuild"
		at.root, at.work, at.build, at.recipe, at.extra = other, other+"/source", other+"/tools", other+"/instructions", other+"/more"
	}
	return at
}

// cpus is CPU_COUNT.
func (v variation) cpus(usual int) int {
	if v["jobs"] {
		return usual + 3
	}
	return usual
}

// apply changes environment and sandbox of a build.
func (v variation) apply(env map[string]string, spec *sandbox.Spec) {
	if v["uid"] {
		spec.UID, spec.GID, spec.User = buildUID+234, buildGID+234, "someone"
		env["USER"], env["LOGNAME"] = spec.User, spec.User
		for i, f := range spec.Files {
			if f.Path == "/etc/passwd" || f.Path == "/etc/group" {
				spec.Files[i].Data = strings.NewReplacer(buildUser+":x", spec.User+":x", fmt.Sprintf(":%d:", buildUID), fmt.Sprintf(":%d:", spec.UID)).Replace(f.Data)
			}
		}
	}
	if v["hostname"] {
		spec.Hostname = "another-machine"
	}
	if v["locale"] {
		env["LANG"], env["LC_ALL"], env["LANGUAGE"] = "et_EE.ISO-8859-15", "C", "et"
	}
	if v["timezone"] {
		env["TZ"] = "Pacific/Kiritimati"
	}
	spec.OldKernel = v["kernel"]
	if v["clock"] {
		if lib := clockLibrary(); lib != "" {
			const inside = "/forge/clock/libfaketime.so.1"
			spec.Mounts = append(spec.Mounts, sandbox.Mount{Source: lib, Target: inside})
			env["LD_PRELOAD"], env["FAKETIME"], env["FAKETIME_DONT_FAKE_MONOTONIC"], env["DONT_FAKE_MONOTONIC"] = inside, "+400d", "1", "1"
		}
	}
}

// clockLibrary is the machine's libfaketime: nothing else can give a process another time of day.
func clockLibrary() string {
	for _, pattern := range []string{"/usr/lib/*/faketime/libfaketime.so.1", "/usr/lib/faketime/libfaketime.so.1", "/usr/lib64/faketime/libfaketime.so.1"} {
		if found, err := filepath.Glob(pattern); err == nil && len(found) > 0 {
			return found[0]
		}
	}
	return ""
}

// memoryDir is a file system in memory. It lists folders in another order than one on a disk: the last
// file that was made comes first.
const memoryDir = "/dev/shm"

// cannotVary says why a dimension cannot be varied on this machine; empty where it can.
func cannotVary(dimension string, store string) string {
	switch dimension {
	case "clock":
		if clockLibrary() == "" {
			return "clock: libfaketime is not installed (pkg:deb/debian/libfaketime)"
		}
	case "order":
		if info, err := os.Stat(memoryDir); err != nil || !info.IsDir() {
			return "order: there is no " + memoryDir
		}
		if sameDevice(memoryDir, store) {
			return "order: the store lies on the same file system as " + memoryDir
		}
	case "kernel":
		if runtime.GOOS != "linux" {
			return "kernel: only Linux lets a process see another name"
		}
	}
	return ""
}

// variable splits the dimensions into those that can be varied here and the reasons for the others.
func variable(dims []string, store string) (can, reasons []string) {
	for _, d := range dims {
		if why := cannotVary(d, store); why != "" {
			reasons = append(reasons, why)
		} else {
			can = append(can, d)
		}
	}
	return can, reasons
}

// tempDir is where a build of this variation happens.
func (v variation) tempDir(st *store.Store, name string) (string, error) {
	if !v["order"] {
		return st.TempDir(name)
	}
	if err := sweepMemory(); err != nil {
		return "", err
	}
	return os.MkdirTemp(memoryDir, fmt.Sprintf("%s%d-", memoryPrefix, os.Getpid()))
}

const memoryPrefix = "forge-order-"

// sweepMemory removes what killed processes left in memory.
func sweepMemory() error {
	left, err := filepath.Glob(filepath.Join(memoryDir, memoryPrefix+"*"))
	if err != nil {
		return err
	}
	for _, dir := range left {
		var pid int
		if _, err := fmt.Sscanf(strings.TrimPrefix(filepath.Base(dir), memoryPrefix), "%d-", &pid); err != nil || alive(pid) {
			continue
		}
		if err := fsx.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}
