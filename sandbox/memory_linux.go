package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A memoryWatch holds the processes of a command together to a limit where no cgroup does: the rlimit counts each
// by itself, and what they share not at all. A nil one holds nothing. Page cache and what lies in /tmp and /dev/shm,
// which have limits of their own, are not counted.
type memoryWatch struct {
	limit int64
	keep  int       // whose descendants are watched
	rest  time.Time // no count before
	now   func() time.Time
}

func (r *runner) newMemoryWatch(j *job, keeper int) *memoryWatch {
	if !j.LimitMemory {
		return nil
	}
	return &memoryWatch{limit: j.Limits.Memory, keep: keeper, now: r.now}
}

// over tells whether they have more than they may. What is cheap to read is an upper bound; only where that is
// passed, the kernel is asked to share out what several have mapped, which takes it long.
func (m *memoryWatch) over() bool {
	if m == nil || m.now().Before(m.rest) {
		return false
	}
	began := m.now()
	pids := descendants(m.keep)
	files := memoryFiles(pids)
	most := files
	for _, pid := range pids {
		most += residentOf(pid)
	}
	if most > m.limit {
		private, shared := int64(0), int64(0)
		for _, pid := range pids {
			p, s := shareOf(pid)
			private, shared = private+p, shared+s
		}
		if private+max(shared, files) > m.limit {
			return true
		}
	}
	m.rest = began.Add(9 * m.now().Sub(began))
	return false
}

// A memoryMeter looks now and then at what the processes of a command have together, so that the most of it is known
// at the end. A nil one does not.
type memoryMeter struct {
	keep  int    // whose descendants are counted
	group *group // that counts them, nil for none
	tell  func(memory int64)
	most  int64
	rest  time.Time // no count before
	now   func() time.Time
}

func (r *runner) newMemoryMeter(spec Spec, keeper int, g *group) *memoryMeter {
	if spec.Measure == nil {
		return nil
	}
	return &memoryMeter{keep: keeper, group: g, tell: spec.Measure, now: r.now}
}

// look counts, unless the last count was so long that it would cost more than a hundredth of the time. What several
// have mapped is shared out: processes that were forked from a large one have not its size each.
func (m *memoryMeter) look() {
	if m == nil || m.now().Before(m.rest) {
		return
	}
	began := m.now()
	total := m.group.memory()
	if m.group == nil {
		pids := descendants(m.keep)
		total = memoryFiles(pids)
		for _, pid := range pids {
			private, shared := shareOf(pid)
			total += private + shared
		}
	}
	m.most = max(m.most, total)
	m.rest = began.Add(99 * m.now().Sub(began))
	m.tell(total)
}

// peak is the most that was seen.
func (m *memoryMeter) peak() int64 {
	if m == nil {
		return 0
	}
	return m.most
}

// residentOf is what a process has in memory, all that it shares included.
func residentOf(pid int) int64 {
	b, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	f := bytes.Fields(b)
	if len(f) < 2 {
		return 0
	}
	n, _ := strconv.ParseInt(string(f[1]), 10, 64)
	return n * int64(os.Getpagesize())
}

// shareOf is a process's share of the memory that it has mapped and no file of a disk holds (proc_pid_smaps(5)); of
// one that hides from its own user (PR_SET_DUMPABLE), all that it has.
func shareOf(pid int) (private, shared int64) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/smaps_rollup")
	if errors.Is(err, fs.ErrPermission) {
		return residentOf(pid), 0
	}
	for line := range strings.Lines(string(b)) {
		var kb int64
		switch name, rest, _ := strings.Cut(line, ":"); name {
		case "Pss_Anon":
			fmt.Sscan(rest, &kb)
			private = kb << 10
		case "Pss_Shmem":
			fmt.Sscan(rest, &kb)
			shared = kb << 10
		}
	}
	return private, shared
}

// memoryFiles is what open files hold that lie in memory and have no name (memfd_create(2)).
func memoryFiles(pids []int) (total int64) {
	seen := map[fileID]bool{}
	for _, pid := range pids {
		dir := "/proc/" + strconv.Itoa(pid) + "/fd/"
		list, _ := os.ReadDir(dir)
		for _, e := range list {
			if to, err := os.Readlink(dir + e.Name()); err != nil || !strings.HasPrefix(to, "/memfd:") {
				continue
			}
			var st unix.Stat_t
			if unix.Stat(dir+e.Name(), &st) != nil {
				continue
			}
			if id := (fileID{uint64(st.Dev), st.Ino}); !seen[id] {
				seen[id] = true
				total += st.Blocks * 512
			}
		}
	}
	return total
}
