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
	partial bool // more was looked at than is noted
}

func (l *looked) note(path string, there bool) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.there[path] = there
}

// patterns says that names were matched, which no list of paths can stand for.
func (l *looked) patterns() {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.partial = true
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// Looked implements Finder.
func (f *finder) Looked() ([]Looked, bool) {
	l := f.looked
	// What merges /bin and /lib into /usr decides where files are.
	for _, top := range []string{"bin", "sbin", "lib", "lib64"} {
		path := filepath.Join(f.cfg.Root, top)
		l.note(path, exists(path))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]Looked, 0, len(l.there))
	for _, path := range slices.Sorted(maps.Keys(l.there)) {
		list = append(list, Looked{path, l.there[path]})
	}
	return list, !l.partial
}
