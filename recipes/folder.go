package recipes

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// folder is a recipe's folder as one rendering sees it. A recipe asks for a dozen files that mostly are
// not there, so what is missing is found out without opening anything: the first few names are asked of
// the system, from then on one listing tells.
type folder struct {
	dir   string
	asked int
	names []string // in lower case, for file systems that do not tell; nil before the listing
}

const askBeforeListing = 3

// read is readScript for a name in the folder.
func (f *folder) read(name string) (string, error) {
	if f.lacks(name) {
		return "", &fs.PathError{Op: "statat", Path: name, Err: syscall.ENOENT}
	}
	return readScript(f.dir, name)
}

// lacks reports whether it is sure that there is no such file.
func (f *folder) lacks(name string) bool {
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, `/\`) {
		return false
	}
	if f.asked++; f.names == nil && f.asked > askBeforeListing {
		f.list()
	}
	if f.names != nil && isASCII(name) {
		return !slices.Contains(f.names, strings.ToLower(name))
	}
	_, err := os.Lstat(filepath.Join(f.dir, name))
	return errors.Is(err, fs.ErrNotExist)
}

func (f *folder) list() {
	names, err := folderNames(f.dir)
	if err != nil {
		return
	}
	f.names = make([]string, len(names))
	for i, n := range names {
		f.names[i] = strings.ToLower(n)
	}
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
