package toolchain

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"forge/digest"
	"forge/internal/fsx"
)

// memoryHead begins the memory's file; another one is not read.
const memoryHead = "forge externals 1\n"

// recall reads the memory once. A damaged line, or file, is only forgotten.
func (im *importer) recall() {
	im.mu.Lock()
	defer im.mu.Unlock()
	if im.known != nil {
		return
	}
	im.known = map[string]seen{}
	b, err := os.ReadFile(im.memo)
	if err != nil {
		return
	}
	body, ok := strings.CutPrefix(string(b), memoryHead)
	if !ok {
		return
	}
	im.known = make(map[string]seen, strings.Count(body, "\n"))
	for line := range strings.Lines(body) {
		if name, s, ok := parseMemory(strings.TrimSuffix(line, "\n")); ok {
			im.known[name] = s
		}
	}
}

// parseMemory reads one line: sha256, size, mtime, ctime, inode, mode and path, apart by tabs.
func parseMemory(line string) (string, seen, bool) {
	var f [7]string
	for i := range f[:6] {
		var ok bool
		if f[i], line, ok = strings.Cut(line, "\t"); !ok {
			return "", seen{}, false
		}
	}
	sum, err := digest.Parse(f[0])
	if err != nil || line == "" {
		return "", seen{}, false
	}
	var n [5]int64
	for i := range n {
		if n[i], err = strconv.ParseInt(f[i+1], 10, 64); err != nil {
			return "", seen{}, false
		}
	}
	return line, seen{stamp: stamp{n[0], n[1], n[2], uint64(n[3]), uint32(n[4])}, sum: sum}, true
}

// remember writes the memory if there is news. Of two processes the last one wins; the other's files
// are read once more.
func (im *importer) remember() error {
	im.mu.Lock()
	defer im.mu.Unlock()
	if !im.fresh {
		return nil
	}
	var b bytes.Buffer
	b.WriteString(memoryHead)
	for _, name := range slices.Sorted(maps.Keys(im.known)) {
		s := im.known[name]
		fmt.Fprintf(&b, "%s\t%d\t%d\t%d\t%d\t%d\t%s\n", s.sum.Hex(), s.size, s.mtime, s.ctime, int64(s.inode), s.mode, name)
	}
	if err := fsx.WriteFile(im.memo, b.Bytes(), 0o644); err != nil {
		return fmt.Errorf("remember imported files: %w", err)
	}
	im.fresh = false
	return nil
}
