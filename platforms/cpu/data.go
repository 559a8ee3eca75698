// Package cpu knows CPU microarchitectures: which includes which, what a compiler has to be told to build
// for one, and which one this machine is. The table is archspec's (https://archspec.readthedocs.io).
package cpu

import (
	_ "embed" // the table
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// The table as it comes, and what every run needs of it: lines of name, vendor, generation, part, parents and
// features, apart by tabs, parents before children. To read the whole as JSON takes a millisecond. A test holds the
// two against each other, and writes the second one.
var (
	//go:embed archspec/microarchitectures.json
	table []byte
	//go:embed archspec/levels.tsv
	lines string
)

// Level is one microarchitecture: a generic level such as x86_64_v3, or a product such as haswell.
type Level struct {
	Name       string
	Vendor     string   // "generic" for levels
	Features   []string // as /proc/cpuinfo names them, sorted; those of the parents are among them
	generation int      // of POWER
	part       string   // of Arm
	parents    []*Level
	index      int
	below      set // the levels it includes beside itself
}

// set is a set of levels by their index.
type set [4]uint64

func (s *set) add(i int)     { s[i/64] |= 1 << (i % 64) }
func (s set) has(i int) bool { return s[i/64]&(1<<(i%64)) != 0 }

func (s set) size() (n int) {
	for _, word := range s {
		n += bits.OnesCount64(word)
	}
	return n
}

// known is the table, read when it is first asked for.
var known = sync.OnceValue(func() map[string]*Level {
	all := make(map[string]*Level, strings.Count(lines, "\n"))
	for line := range strings.Lines(lines) {
		field := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		l := &Level{Name: field[0], Vendor: field[1], part: field[3], index: len(all), Features: strings.Fields(field[5])}
		l.generation, _ = strconv.Atoi(field[2])
		for _, from := range strings.Fields(field[4]) {
			parent := all[from]
			l.parents = append(l.parents, parent)
			l.below.add(parent.index)
			for i, word := range parent.below {
				l.below[i] |= word
			}
		}
		all[l.Name] = l
	}
	return all
})

// Parse reads a name: archspec's (x86_64_v3, haswell) or the psABI's, as compilers take it (x86-64-v3).
// "native" is no level: what a build makes must not depend on the machine it runs on.
func Parse(name string) (*Level, error) {
	if name == "native" {
		return nil, fmt.Errorf("CPU level %q: packages are not built for whatever CPU the builder has; name a level, such as x86-64-v3", name)
	}
	if l := known()[name]; l != nil {
		return l, nil
	}
	if l := known()[strings.ReplaceAll(name, "-", "_")]; l != nil {
		return l, nil
	}
	return nil, fmt.Errorf("unknown CPU level %q", name)
}

// Levels lists the levels of a machine as conda calls it ("x86_64", "aarch64", "ppc64le", "riscv64"),
// oldest first.
func Levels(machine string) []*Level {
	var list []*Level
	for _, l := range known() {
		if l.Family().Name == machine {
			list = append(list, l)
		}
	}
	slices.SortFunc(list, func(a, b *Level) int {
		if n := a.below.size() - b.below.size(); n != 0 {
			return n
		}
		if n := len(a.Features) - len(b.Features); n != 0 {
			return n
		}
		return strings.Compare(a.Name, b.Name)
	})
	return list
}

// Family is the oldest level of l's machines: x86_64, aarch64.
func (l *Level) Family() *Level {
	for len(l.parents) > 0 {
		l = l.parents[0]
	}
	return l
}

// Includes tells whether what is built for other runs on l.
func (l *Level) Includes(other *Level) bool {
	return l == other || l.below.has(other.index)
}

// RunsOn lists the names of all known machines that run what is built for l, l first, sorted: the build
// strings that __archspec has on them.
func (l *Level) RunsOn() []string {
	var names []string
	for name, other := range known() {
		if other != l && other.Includes(l) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return append([]string{l.Name}, names...)
}
