//go:build !unix

package packages

import (
	"os"
	"path/filepath"
)

// folder is one folder of a prefix.
type folder struct{ root *os.Root }

func openFolder(root *os.Root, name string) (*folder, error) {
	dir, err := root.OpenRoot(filepath.FromSlash(name))
	if err != nil {
		return nil, err
	}
	return &folder{dir}, nil
}

func (d *folder) close() { d.root.Close() }

// regularFile is a regular file that is open for reading.
type regularFile struct {
	*os.File
	size int64
	exec bool // the owner may run it
}

// open opens a regular file of the folder. Links are not followed.
func (d *folder) open(base string) (*regularFile, error) {
	info, err := d.root.Lstat(base)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &os.PathError{Op: "open", Path: base, Err: errNotRegular}
	}
	f, err := d.root.Open(base)
	if err != nil {
		return nil, err
	}
	return &regularFile{f, info.Size(), executable(info)}, nil
}

func (f *regularFile) close() { f.Close() }
