package main

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A disk replays changes in memory and tells what a loss of power may leave of them: of a file's content
// what was synced, of a folder's names what was synced. (ext4 and others promise more; POSIX does not.)
type disk struct {
	root string // the initial state lies here on this machine
	base string // and was there when the changes were made
	top  *dnode
}

// dnode is a file, folder or link.
type dnode struct {
	dir          bool
	now, durable map[string]*dnode // names of a folder
	from         string            // content is that of this file, until it is written
	data, synced []byte
	target       string // of a symbolic link
	perm         fs.FileMode
}

func newDisk(root, base string) *disk {
	d := &disk{root: root, base: base}
	d.top = d.load(root)
	return d
}

func (d *disk) load(path string) *dnode {
	info, err := os.Lstat(path)
	if err != nil {
		return &dnode{dir: true, now: map[string]*dnode{}, durable: map[string]*dnode{}, perm: 0o755}
	}
	n := &dnode{perm: info.Mode().Perm()}
	switch {
	case info.IsDir():
		n.dir, n.now, n.durable = true, map[string]*dnode{}, map[string]*dnode{}
		entries, _ := os.ReadDir(path)
		for _, e := range entries {
			n.now[e.Name()] = d.load(filepath.Join(path, e.Name()))
			n.durable[e.Name()] = n.now[e.Name()]
		}
	case info.Mode().Type() == fs.ModeSymlink:
		n.target, _ = os.Readlink(path)
	default:
		n.from = path
	}
	return n
}

// find returns the folder of a path, the name in it and what is there.
func (d *disk) find(path string) (dir *dnode, name string, n *dnode) {
	rel, err := filepath.Rel(d.base, path)
	if err != nil || !filepath.IsLocal(rel) || rel == "." {
		return nil, "", d.top
	}
	dir = d.top
	parts := strings.Split(rel, "/")
	for _, p := range parts[:len(parts)-1] {
		if dir = dir.now[p]; dir == nil || !dir.dir {
			return nil, "", nil
		}
	}
	name = parts[len(parts)-1]
	return dir, name, dir.now[name]
}

func (n *dnode) content() []byte {
	if n.from != "" {
		n.data, _ = os.ReadFile(n.from)
		n.synced, n.from = n.data, ""
	}
	return n.data
}

func (d *disk) apply(c change) {
	dir, name, n := d.find(c.path)
	switch c.call {
	case "sync":
		if n == nil {
			return
		}
		if n.dir {
			n.durable = map[string]*dnode{}
			for k, v := range n.now {
				n.durable[k] = v
			}
			return
		}
		n.synced = append([]byte{}, n.content()...)
		return
	case "write":
		if n == nil || n.dir {
			return
		}
		b := append([]byte{}, n.content()...)
		if end := int(c.off) + len(c.data); end > len(b) {
			b = append(b, make([]byte, end-len(b))...)
		}
		copy(b[c.off:], c.data)
		n.data = b
		return
	}
	if dir == nil {
		return
	}
	switch c.call {
	case "create":
		if n == nil {
			dir.now[name] = &dnode{perm: 0o600}
		} else if !n.dir {
			n.content()
			n.data = nil
		}
	case "mkdir":
		if n == nil {
			dir.now[name] = &dnode{dir: true, now: map[string]*dnode{}, durable: map[string]*dnode{}, perm: 0o700}
		}
	case "symlink":
		dir.now[name] = &dnode{target: c.target}
	case "unlink":
		delete(dir.now, name)
	case "chmod":
		if n != nil {
			n.perm = fs.FileMode(c.perm).Perm()
		}
	case "rename", "link":
		to, toName, _ := d.find(c.target)
		if to == nil || n == nil {
			return
		}
		to.now[toName] = n
		if c.call == "rename" {
			delete(dir.now, name)
		}
	}
}

// A loss says what is missing after power was lost.
type loss struct{ names, data bool }

// state names what a loss leaves: the same text for the same files.
func (d *disk) state(l loss) string {
	h := sha256.New()
	var put func(n *dnode, path string)
	put = func(n *dnode, path string) {
		fmt.Fprintf(h, "%q %v %o %q %q ", path, n.dir, n.perm, n.target, n.from)
		switch {
		case n.dir:
			names := n.names(l)
			for _, name := range slices.Sorted(maps.Keys(names)) {
				put(names[name], path+"/"+name)
			}
		case n.from == "" && n.target == "":
			fmt.Fprintf(h, "%q", n.left(l))
		}
	}
	put(d.top, "")
	return string(h.Sum(nil))
}

func (n *dnode) names(l loss) map[string]*dnode {
	if l.names {
		return n.durable
	}
	return n.now
}

func (n *dnode) left(l loss) []byte {
	if l.data {
		return n.synced
	}
	return n.data
}

// write makes the state after a loss at path.
func (d *disk) write(t *testing.T, path string, l loss) {
	t.Helper()
	made := map[*dnode]string{}
	var put func(n *dnode, path string)
	put = func(n *dnode, path string) {
		var err error
		switch {
		case n.dir:
			err = os.Mkdir(path, n.perm|0o700)
			for name, child := range n.names(l) {
				put(child, filepath.Join(path, name))
			}
		case made[n] != "":
			err = os.Link(made[n], path)
		case n.target != "":
			err = os.Symlink(n.target, path)
		case n.from != "":
			err = os.Link(n.from, path)
		default:
			err = os.WriteFile(path, n.left(l), n.perm)
		}
		if err != nil {
			t.Fatal(err)
		}
		made[n] = path
	}
	put(d.top, path)
}
