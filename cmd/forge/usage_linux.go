package main

import (
	"os"
	"strconv"
	"strings"
	"time"
)

// usage is what the running sandboxes take of the machine, by their first process.
type usage struct {
	at    time.Time
	ticks map[int]uint64 // CPU time of each process tree, in clock ticks
	cpu   map[int]float64
	mem   map[int]int64
	roots map[int]bool
}

const (
	clockTick   = 100 // USER_HZ, the same on every Linux that Go runs on
	usagePeriod = time.Second
)

// of is how many cores and how much memory the tree below pid takes; the next sample counts it.
func (u *usage) of(pid int) (cores float64, memory int64) {
	if pid == 0 {
		return 0, 0
	}
	if u.roots == nil {
		u.roots = map[int]bool{}
	}
	u.roots[pid] = true
	return u.cpu[pid], u.mem[pid]
}

// sample looks at /proc, at most once a second.
func (u *usage) sample(now time.Time) {
	if len(u.roots) == 0 || now.Sub(u.at) < usagePeriod {
		return
	}
	all := processTable()
	children := map[int][]int{}
	for pid, p := range all {
		children[p.parent] = append(children[p.parent], pid)
	}
	ticks, cpu, mem := map[int]uint64{}, map[int]float64{}, map[int]int64{}
	span := now.Sub(u.at).Seconds()
	for root := range u.roots {
		todo := []int{root}
		for len(todo) > 0 {
			p, ok := all[todo[0]]
			if ok {
				ticks[root] += p.ticks
				mem[root] += p.memory
			}
			todo = append(todo[1:], children[todo[0]]...)
		}
		if before, ok := u.ticks[root]; ok && ticks[root] >= before {
			cpu[root] = float64(ticks[root]-before) / clockTick / span
		}
	}
	u.at, u.ticks, u.cpu, u.mem, u.roots = now, ticks, cpu, mem, nil
}

type process struct {
	parent int
	ticks  uint64 // of itself and of children it has waited for
	memory int64
}

// processTable reads /proc/PID/stat (proc_pid_stat(5)) of all that can be seen.
func processTable() map[int]process {
	all := map[int]process{}
	dir, err := os.Open("/proc")
	if err != nil {
		return all
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	page := int64(os.Getpagesize())
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		data, err := os.ReadFile("/proc/" + name + "/stat")
		if err != nil {
			continue
		}
		text := string(data)
		fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
		if len(fields) < 22 {
			continue
		}
		number := func(i int) uint64 { n, _ := strconv.ParseUint(fields[i], 10, 64); return n }
		all[pid] = process{parent: int(number(1)), ticks: number(11) + number(12) + number(13) + number(14), memory: int64(number(21)) * page}
	}
	return all
}
