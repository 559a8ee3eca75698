package toolchain

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// looked notes the paths of the host that were looked at. A nil one notes nothing.
type looked struct {
	mu      sync.Mutex
	there   map[string]bool
	partial bool            // more was looked at than is noted
	scope   map[string]bool // what was noted since begin; nil when nobody asked
	open    bool            // more was looked at since begin
	facts   [][]byte        // of records that were looked at instead
}

// begin starts to collect what is noted, for end to return. Others may note something meanwhile: whoever
// depends on more than was needed is only asked again too soon.
func (l *looked) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.scope, l.open = map[string]bool{}, false
}

// end is what was noted since begin; all is false where that is not the whole of it.
func (l *looked) end() (scope map[string]bool, all bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	scope, l.scope = l.scope, nil
	return scope, !l.open
}

func (l *looked) addFacts(facts [][]byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.facts = append(l.facts, facts...)
}

func (l *looked) note(path string, there bool) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.there[path] = there
	if l.scope != nil {
		l.scope[path] = there
	}
}

// patterns says that names were matched, which no list of paths can stand for.
func (l *looked) patterns() {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.partial, l.open = true, true
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// noteTops notes what merges /bin and /lib into /usr, which decides where files are.
func (f *finder) noteTops() {
	for _, top := range []string{"bin", "sbin", "lib", "lib64"} {
		path := filepath.Join(f.cfg.Root, top)
		f.looked.note(path, exists(path))
	}
}

// Looked implements Finder.
func (f *finder) Looked() ([]Looked, [][]byte, bool) {
	f.noteTops()
	l := f.looked
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]Looked, 0, len(l.there))
	for _, path := range slices.Sorted(maps.Keys(l.there)) {
		list = append(list, Looked{path, l.there[path]})
	}
	return list, l.facts, !l.partial
}
