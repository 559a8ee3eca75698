// Package cpu knows CPU microarchitectures: which includes which, what a compiler has to be told to build
// for one, and which one this machine is. The table is archspec's (https://archspec.readthedocs.io).
package cpu

import (
	_ "embed" // the table
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
)

//go:embed archspec/microarchitectures.json
var table []byte

// Level is one microarchitecture: a generic level such as x86_64_v3, or a product such as haswell.
type Level struct {
	Name     string
	Vendor   string   // "generic" for levels
	Features []string // as /proc/cpuinfo names them, sorted; those of the parents are among them
	parents  []*Level
	rank     int // how many levels it includes beside itself
	entry    entry
}

// entry is a line of the table.
type entry struct {
	From       []string        `json:"from"`
	Vendor     string          `json:"vendor"`
	Features   []string        `json:"features"`
	Generation int             `json:"generation"`
	Part       string          `json:"cpupart"`
	Compilers  json.RawMessage `json:"compilers"` // []compiler by name; most of the table, and seldom asked for
}

type compiler struct {
	Versions string `json:"versions"` // "11.1:", ":11.0", "4.6:11.0"; both ends count
	Name     string `json:"name"`
	Flags    string `json:"flags"`
}

// known is the table, read when it is first asked for.
var known = sync.OnceValue(func() map[string]*Level {
	var file struct {
		Levels map[string]entry `json:"microarchitectures"`
	}
	if err := json.Unmarshal(table, &file); err != nil {
		panic("embedded table of microarchitectures: " + err.Error())
	}
	all := make(map[string]*Level, len(file.Levels))
	for name, e := range file.Levels {
		slices.Sort(e.Features)
		all[name] = &Level{Name: name, Vendor: e.Vendor, Features: e.Features, entry: e}
	}
	for _, l := range all {
		for _, from := range l.entry.From {
			l.parents = append(l.parents, all[from])
		}
	}
	for _, l := range all {
		l.rank = len(l.ancestors())
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
		if n := a.rank - b.rank; n != 0 {
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
	return l == other || slices.ContainsFunc(l.parents, func(p *Level) bool { return p.Includes(other) })
}

func (l *Level) ancestors() map[*Level]bool {
	set := map[*Level]bool{}
	for _, p := range l.parents {
		set[p] = true
		for a := range p.ancestors() {
			set[a] = true
		}
	}
	return set
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
