package digest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Kind says what a tree entry is.
type Kind byte

// The kinds a tree may hold; devices, sockets and fifos are never part of one.
const (
	File    Kind = 'f'
	Exec    Kind = 'x' // a file with the owner's execute bit
	Symlink Kind = 'l'
	Dir     Kind = 'd' // only where a folder is empty or must exist
)

// Entry is one path of a tree. Path is relative, slash separated and clean.
type Entry struct {
	Path   string `json:"path"`
	Kind   Kind   `json:"kind"`
	Sum    Digest `json:"sha256,omitzero"`
	Size   int64  `json:"size,omitempty"`
	Target string `json:"target,omitempty"`
}

// Tree names a set of entries: the digest of their framed lines, sorted by path.
// Two trees have one digest exactly when every path, kind, content and link target is the same.
func Tree(entries []Entry) Digest {
	byPath := func(a, b Entry) int { return strings.Compare(a.Path, b.Path) }
	if !slices.IsSortedFunc(entries, byPath) {
		entries = slices.Clone(entries)
		slices.SortFunc(entries, byPath)
	}
	h := sha256.New()
	line := []byte("forge tree 1\n")
	for _, e := range entries {
		line = append(line, byte(e.Kind), ' ')
		line = append(strconv.AppendQuote(line, e.Path), ' ')
		line = append(hex.AppendEncode(line, e.Sum.sum[:]), ' ')
		line = append(strconv.AppendInt(line, e.Size, 10), ' ')
		line = append(strconv.AppendQuote(line, e.Target), '\n')
		if len(line) > 4<<10 {
			h.Write(line)
			line = line[:0]
		}
	}
	h.Write(line)
	d, _ := FromSum(h.Sum(nil))
	return d
}

// Folder reads the tree below root, which may be a link to a folder. skip, if not nil, is asked for each relative path and drops it,
// with all below it, when it answers true. Anything but files, links and folders is an error.
func Folder(root string, skip func(rel string, d fs.DirEntry) bool) ([]Entry, error) {
	var entries []Entry
	root, err := filepath.EvalSymlinks(root)
	if err != nil {
		return nil, err
	}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil || rel == "." {
			return err
		}
		rel = filepath.ToSlash(rel)
		if skip != nil && skip(rel, d) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		e, ok, err := entryOf(path, rel, d)
		if ok {
			entries = append(entries, e)
		}
		return err
	})
	return entries, err
}

func entryOf(path, rel string, d fs.DirEntry) (Entry, bool, error) {
	switch {
	case d.IsDir():
		return Entry{}, false, nil
	case d.Type()&fs.ModeSymlink != 0:
		target, err := os.Readlink(path)
		return Entry{Path: rel, Kind: Symlink, Target: filepath.ToSlash(target)}, true, err
	case d.Type().IsRegular():
		info, err := d.Info()
		if err != nil {
			return Entry{}, false, err
		}
		sum, n, err := OfFile(path)
		e := Entry{Path: rel, Kind: File, Sum: sum, Size: n}
		if info.Mode()&0o100 != 0 {
			e.Kind = Exec
		}
		return e, true, err
	}
	return Entry{}, false, fmt.Errorf("%s is %s; only files, folders and links are kept", path, SpecialName(d.Type()))
}

// SpecialName says what a file is that is no file, folder or link.
func SpecialName(m fs.FileMode) string {
	switch {
	case m&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	case m&fs.ModeDevice != 0:
		return "a device"
	}
	return "of kind " + m.String()
}
