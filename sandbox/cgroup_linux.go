package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A group is a control group (or one for each controller, in version 1) that holds one sandbox. A nil
// group holds nothing and bounds nothing.
type group struct {
	version int
	dirs    map[string]string // by controller; version 2 has one folder under ""
}

// counted tells whether there is a limit that only a cgroup can count over all processes.
func (l Limits) counted() bool { return l.Memory > 0 || l.Processes > 0 || l.CPU > 0 }

// newGroup makes a group with the limits on it. err says why there is none; without limits that only
// cgroups can count, none is wanted.
func newGroup(l Limits) (*group, error) {
	if !l.counted() {
		return nil, nil
	}
	return newGroupAt("/sys/fs/cgroup", "/proc/self/cgroup", l)
}

func newGroupAt(mounts, self string, l Limits) (*group, error) {
	b, err := os.ReadFile(self)
	if err != nil {
		return nil, err
	}
	own := map[string]string{}
	for line := range strings.Lines(string(b)) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) != 3 {
			continue
		}
		for c := range strings.SplitSeq(f[1], ",") {
			own[c] = f[2]
		}
	}
	if _, ok := own["memory"]; ok {
		return newGroup1(mounts, own, l)
	}
	return newGroup2(mounts, own[""], l)
}

// newGroup1 uses version 1: one hierarchy for each controller.
func newGroup1(mounts string, own map[string]string, l Limits) (*group, error) {
	g := &group{version: 1, dirs: map[string]string{}}
	for _, c := range []string{"memory", "pids", "cpuacct"} {
		at, ok := own[c]
		if !ok {
			continue
		}
		dir, err := makeGroup(filepath.Join(mounts, c, at))
		if err != nil {
			g.remove()
			return nil, err
		}
		g.dirs[c] = dir
	}
	var err error
	if l.Memory > 0 {
		err = g.set("memory", "memory.limit_in_bytes", l.Memory)
		if err == nil { // with swap accounting; not every kernel has it
			g.set("memory", "memory.memsw.limit_in_bytes", l.Memory)
		}
	}
	if l.Processes > 0 && err == nil {
		err = g.set("pids", "pids.max", l.Processes+keeperTasks)
	}
	if err != nil {
		g.remove()
		return nil, err
	}
	return g, nil
}

// newGroup2 uses version 2: beside our own group, where its parent is ours (systemd delegates so), or at
// the top, where root may.
func newGroup2(mounts, own string, l Limits) (*group, error) {
	var errs []error
	for _, parent := range []string{filepath.Join(mounts, filepath.Dir(own)), mounts} {
		has, err := os.ReadFile(filepath.Join(parent, "cgroup.subtree_control"))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		missing := ""
		for _, c := range []string{"memory", "pids"} {
			if !strings.Contains(" "+strings.TrimSpace(string(has))+" ", " "+c+" ") {
				missing += " +" + c
			}
		}
		if missing != "" {
			if err := os.WriteFile(filepath.Join(parent, "cgroup.subtree_control"), []byte(missing[1:]), 0); err != nil {
				errs = append(errs, err)
				continue
			}
		}
		g, err := fillGroup2(parent, l)
		if err == nil {
			return g, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

func fillGroup2(parent string, l Limits) (*group, error) {
	dir, err := makeGroup(parent)
	if err != nil {
		return nil, err
	}
	g := &group{version: 2, dirs: map[string]string{"": dir}}
	if l.Memory > 0 {
		err = g.set("", "memory.max", l.Memory)
		if err == nil {
			g.set("", "memory.swap.max", 0)
			g.set("", "memory.oom.group", 0)
		}
	}
	if l.Processes > 0 && err == nil {
		err = g.set("", "pids.max", l.Processes+keeperTasks)
	}
	if err != nil {
		g.remove()
		return nil, err
	}
	return g, nil
}

// keeperTasks is how many tasks of the keeper are counted with the command's: pid 1 is one, the keeper of
// the lower levels a small Go program.
const keeperTasks = 8

// groupPrefix begins the names of our groups; the process that made one follows.
const groupPrefix = "forge-"

// makeGroup makes a folder for a group below parent, and removes those that dead runners left there.
func makeGroup(parent string) (string, error) {
	old, _ := filepath.Glob(filepath.Join(parent, groupPrefix+"*"))
	for _, d := range old {
		pid, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(d), groupPrefix), "-")
		if _, err := os.Stat("/proc/" + pid); err != nil {
			os.Remove(d)
		}
	}
	return os.MkdirTemp(parent, groupPrefix+strconv.Itoa(os.Getpid())+"-*")
}

func (g *group) set(controller, file string, v int64) error {
	dir, ok := g.dirs[controller]
	if !ok {
		return fmt.Errorf("no cgroup for %s", controller)
	}
	return os.WriteFile(filepath.Join(dir, file), strconv.AppendInt(nil, v, 10), 0o600)
}

func (g *group) add(pid int) error {
	if g == nil {
		return nil
	}
	for _, dir := range g.dirs {
		if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), strconv.AppendInt(nil, int64(pid), 10), 0); err != nil {
			return err
		}
	}
	return nil
}

func (g *group) remove() {
	if g == nil {
		return
	}
	for _, dir := range g.dirs {
		// The last process may take a moment to leave its group after it was reaped.
		for wait := time.Millisecond; os.Remove(dir) != nil && wait < time.Second; wait *= 2 {
			if _, err := os.Stat(dir); err != nil {
				break
			}
			time.Sleep(wait)
		}
	}
}

func (g *group) kind() string {
	if g == nil {
		return ""
	}
	return "cgroup" + strconv.Itoa(g.version)
}

// memory is what all processes together have now that cannot be dropped; zero where nobody counts.
func (g *group) memory() int64 {
	switch {
	case g == nil:
		return 0
	case g.version == 1:
		return g.number("memory", "memory.stat", "total_rss") + g.number("memory", "memory.stat", "total_shmem")
	}
	return g.number("", "memory.stat", "anon") + g.number("", "memory.stat", "shmem")
}

// cpu is the time that all processes took so far; zero where nobody counts.
func (g *group) cpu() time.Duration {
	if g == nil {
		return 0
	}
	if g.version == 1 {
		return time.Duration(g.number("cpuacct", "cpuacct.usage", ""))
	}
	return time.Duration(g.number("", "cpu.stat", "usage_usec")) * time.Microsecond
}

func (g *group) oomKilled() bool {
	if g == nil {
		return false
	}
	if g.version == 1 {
		return g.number("memory", "memory.oom_control", "oom_kill") > 0
	}
	return g.number("", "memory.events", "oom_kill") > 0
}

func (g *group) forksRefused() bool {
	if g == nil {
		return false
	}
	if g.version == 1 {
		return g.number("pids", "pids.events", "max") > 0
	}
	return g.number("", "pids.events", "max") > 0
}

// number reads a file of one number, or the line of a file that begins with key.
func (g *group) number(controller, file, key string) int64 {
	b, err := os.ReadFile(filepath.Join(g.dirs[controller], file))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if key == "" && len(f) == 1 || len(f) == 2 && f[0] == key {
			n, _ := strconv.ParseInt(f[len(f)-1], 10, 64)
			return n
		}
	}
	return 0
}
