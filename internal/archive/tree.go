package archive

import (
	"fmt"
	"io"
	"os"
	"path"
	"sort"
	"strings"
	"time"

	"forge/internal/fsx"
)

// tree lays members out below root. It knows every path it made, so nothing depends on what a link
// on disk leads to. Links are made last: until then there is none to be followed.
type tree struct {
	root  *os.Root
	opts  Options
	paths map[string]*node
	folds map[string]string

	parent   *os.Root // the folder worked in last: members of one folder come together
	parentOf string
}

// in returns the folder of name, opened, and the last part of name. All that lies above name was made
// here and is no link.
func (t *tree) in(name string) (*os.Root, string, error) {
	dir, base := path.Split(name)
	dir = strings.TrimSuffix(dir, "/")
	if dir == "" {
		return t.root, base, nil
	}
	if t.parent == nil || t.parentOf != dir {
		t.close()
		r, err := t.root.OpenRoot(dir)
		if err != nil {
			return nil, "", err
		}
		t.parent, t.parentOf = r, dir
	}
	return t.parent, base, nil
}

func (t *tree) close() {
	if t.parent != nil {
		t.parent.Close()
		t.parent = nil
	}
}

type node struct {
	kind   kind
	target string
	mtime  time.Time
	said   bool // the archive has an entry of its own for this folder
}

func newTree(root *os.Root, opts Options) *tree {
	return &tree{root: root, opts: opts, paths: map[string]*node{}, folds: map[string]string{}}
}

func (t *tree) add(m *member) error {
	name, err := CleanName(m.name)
	if err != nil {
		return err
	}
	if name == "." {
		if m.kind != kindDir {
			return fmt.Errorf("entry %q is the folder itself, but no folder", m.name)
		}
		return nil
	}
	if err := t.parents(name); err != nil {
		return err
	}
	if old := t.paths[name]; old != nil {
		if err := t.again(name, old, m); err != nil || m.kind == kindDir {
			return err
		}
	} else if err := t.claim(name); err != nil {
		return err
	}
	switch m.kind {
	case kindDir:
		err = t.mkdir(name)
	case kindFile:
		err = t.file(name, m.body, m.exec, m.mtime)
	case kindHard:
		return t.hard(name, m.target)
	}
	t.paths[name] = &node{kind: m.kind, target: m.target, mtime: m.mtime, said: true}
	return err
}

// parents makes the folders above name; what is there and no folder is never written below.
func (t *tree) parents(name string) error {
	for i, c := range name {
		if c != '/' {
			continue
		}
		dir := name[:i]
		old := t.paths[dir]
		if old == nil {
			if err := t.claim(dir); err != nil {
				return err
			}
			if err := t.mkdir(dir); err != nil {
				return err
			}
			t.paths[dir] = &node{kind: kindDir}
		} else if old.kind != kindDir {
			return fmt.Errorf("entry %q lies below %q, which is no folder", name, dir)
		}
	}
	return nil
}

// claim holds the place of a new name, and refuses one that differs only by case where asked to.
func (t *tree) claim(name string) error {
	if !t.opts.OneCase {
		return nil
	}
	fold := foldName(name)
	if other, ok := t.folds[fold]; ok && other != name {
		return fmt.Errorf("entries %q and %q differ only in case or normalisation", other, name)
	}
	t.folds[fold] = name
	return nil
}

// again judges an entry whose name was there before.
func (t *tree) again(name string, old *node, m *member) error {
	if m.kind == kindDir && old.kind == kindDir {
		old.mtime, old.said = m.mtime, true
		return nil
	}
	if m.kind == kindDir || old.kind == kindDir || !t.opts.LastWins {
		return fmt.Errorf("entry %q is there twice", name)
	}
	if old.kind == kindLink { // not made yet
		return nil
	}
	return fsx.RemoveIn(t.root, name)
}

func (t *tree) mkdir(name string) error {
	dir, base, err := t.in(name)
	if err != nil {
		return err
	}
	if err := dir.Mkdir(base, 0o755); err != nil {
		return err
	}
	return dir.Chmod(base, 0o755) // whatever the umask is
}

func (t *tree) file(name string, body io.Reader, exec bool, mtime time.Time) error {
	perm := os.FileMode(0o644)
	if exec {
		perm = 0o755
	}
	dir, base, err := t.in(name)
	if err != nil {
		return err
	}
	f, err := dir.OpenFile(base, os.O_CREATE|os.O_EXCL|os.O_WRONLY, perm)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, body)
	if err == nil {
		err = f.Chmod(perm) // whatever the umask is
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("entry %q: %w", name, err)
	}
	return dir.Chtimes(base, mtime, mtime)
}

// hard copies the earlier file: two names of one file would let a build change both.
func (t *tree) hard(name, target string) error {
	from, err := CleanName(target)
	if err != nil {
		return fmt.Errorf("hard link %q: %w", name, err)
	}
	old := t.paths[from]
	if old == nil || old.kind == kindDir {
		return fmt.Errorf("entry %q is a hard link to %q, which is no earlier file of the archive", name, target)
	}
	if from == name {
		return fmt.Errorf("entry %q is a hard link to itself", name)
	}
	if old.kind == kindLink {
		t.paths[name] = &node{kind: kindLink, target: old.target, mtime: old.mtime}
		return nil
	}
	f, err := t.root.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	t.paths[name] = &node{kind: kindFile, mtime: old.mtime}
	return t.file(name, f, st.Mode()&0o100 != 0, old.mtime)
}

// finish judges the links, makes them, and sets the folders' mtimes, deepest first.
func (t *tree) finish() error {
	names := make([]string, 0, len(t.paths))
	for name := range t.paths {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if n := t.paths[name]; n.kind == kindLink {
			if err := t.judge(name, n.target); err != nil {
				return err
			}
		}
	}
	for _, name := range names {
		if n := t.paths[name]; n.kind == kindLink {
			if err := t.root.Symlink(n.target, name); err != nil {
				return err
			}
			if err := linkTime(t.root, name, n.mtime); err != nil {
				return err
			}
		}
	}
	for i := len(names) - 1; i >= 0; i-- {
		if err := t.dirTime(names[i]); err != nil {
			return err
		}
	}
	return nil
}

// dirTime gives a folder its own mtime, or that of the newest entry in it where the archive says none,
// so that the clock is nowhere in the tree.
func (t *tree) dirTime(name string) error {
	n := t.paths[name]
	if up := t.paths[path.Dir(name)]; up != nil && !up.said && n.mtime.After(up.mtime) {
		up.mtime = n.mtime
	}
	if n.kind != kindDir {
		return nil
	}
	if n.mtime.IsZero() {
		n.mtime = time.Unix(0, 0)
	}
	return t.root.Chtimes(name, n.mtime, n.mtime)
}

func (t *tree) judge(name, target string) error {
	if strings.ContainsFunc(target, unprintable) || strings.Contains(target, `\`) || target == "" {
		return fmt.Errorf("link %q has a target %q with characters that are refused", name, target)
	}
	if LinkStays(t.link, name, target) {
		return nil
	}
	if t.opts.AllowLink != nil && t.opts.AllowLink(name, target) {
		return nil
	}
	return fmt.Errorf("link %q leads out of the archive, to %q", name, target)
}

func (t *tree) link(name string) (string, bool) {
	n := t.paths[name]
	if n == nil || n.kind != kindLink {
		return "", false
	}
	return n.target, true
}
