package cpu

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// entry is what the table says of a level.
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

// entries is the whole table, read when it is first asked for.
var entries = sync.OnceValue(func() map[string]entry {
	var file struct {
		Levels map[string]entry `json:"microarchitectures"`
	}
	if err := json.Unmarshal(table, &file); err != nil {
		panic("embedded table of microarchitectures: " + err.Error())
	}
	return file.Levels
})

// Flags are the words that make a compiler ("gcc", "clang") of a version ("12.2.0") build for l. A
// compiler the table knows nothing of, or that is too old for the level, is an error: code for another
// level than asked for must not come out.
func (l *Level) Flags(name, version string) ([]string, error) {
	v, ok := numbers(version)
	if !ok {
		return nil, fmt.Errorf("flags of %s for %s: version %q is no list of numbers", name, l.Name, version)
	}
	var all map[string][]compiler
	if known := entries()[l.Name].Compilers; len(known) > 0 {
		if err := json.Unmarshal(known, &all); err != nil {
			return nil, fmt.Errorf("flags of %s for %s: embedded table: %w", name, l.Name, err)
		}
	}
	list, ok := all[name]
	if !ok {
		return nil, fmt.Errorf("flags of %s for %s: none are known", name, l.Name)
	}
	for _, c := range list {
		low, high, _ := strings.Cut(c.Versions, ":")
		if from, ok := numbers(low); ok && before(v, from) {
			continue
		}
		if to, ok := numbers(high); ok && before(to, v) {
			continue
		}
		called := c.Name
		if called == "" {
			called = l.Name
		}
		return strings.Fields(strings.NewReplacer("{name}", called, "{family}", l.Family().Name).Replace(c.Flags)), nil
	}
	return nil, fmt.Errorf("flags of %s for %s: version %s cannot build for it", name, l.Name, version)
}

func numbers(version string) ([]int, bool) {
	var list []int
	for _, part := range strings.Split(version, ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil, false
		}
		list = append(list, n)
	}
	return list, true
}

// before compares as archspec does: 11 stands before 11.0.
func before(a, b []int) bool {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return len(a) < len(b)
}
