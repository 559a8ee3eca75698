package conda

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"forge/digest"
	"forge/internal/archive"
	"forge/internal/fsx"
	"forge/packages"
)

// maxReplaced bounds a file whose placeholder is replaced in memory.
const maxReplaced = 2 << 30

// Unpack implements packages.Package. Several packages may be unpacked into one dir at once. A path that
// another package has made is left where it has the same content, else clobber decides. Links and mtimes
// are the archive's; where python is given it is a version as conda writes it in paths, "3.11" or "3.13t",
// without it a noarch python package is laid out as it is in the archive.
// Post-link scripts are not run.
func (p *pkg) Unpack(ctx context.Context, dir, prefix, python string, clobber func(path string) error) ([]string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("unpack %s: %w", p.rec, err)
	}
	defer root.Close()
	if clobber == nil {
		clobber = refuseClobber
	}
	u := &unpacker{root: root, prefix: prefix, python: python, dirs: map[string]bool{}, clobber: clobber,
		noarch: p.rec.NoArch == "python" && python != ""}
	defer u.close()
	if err := u.all(ctx, p); err != nil {
		return nil, fmt.Errorf("unpack %s: %w", p.rec, err)
	}
	slices.Sort(u.paths)
	return u.paths, nil
}

type unpacker struct {
	root           *os.Root
	prefix, python string
	noarch         bool
	dirs           map[string]bool // made or seen
	parent         *os.Root        // the folder worked in last: files of one folder come together
	parentOf       string
	paths          []string
	newest         time.Time
	clobber        func(path string) error // asked before what another package made is replaced
}

func (u *unpacker) all(ctx context.Context, p *pkg) error {
	if strings.ContainsAny(u.prefix, "\x00\n") || u.prefix == "" {
		return fmt.Errorf("the prefix %q is no path", u.prefix)
	}
	if u.noarch && !pythonVersion().MatchString(u.python) {
		return fmt.Errorf("%q is no version of a python that a noarch package could be put in", u.python)
	}
	if err := p.each(ctx, u.put); err != nil {
		return err
	}
	if !u.noarch || p.link == nil {
		return nil
	}
	for _, text := range p.link.EntryPoints {
		e, err := packages.ParseEntryPoint(text)
		if err != nil {
			return err
		}
		if u.windows() {
			if err := u.windowsEntry(e); err != nil {
				return err
			}
			continue
		}
		body := strings.NewReader(entryScript(e, u.prefix, u.python))
		if err := u.file("bin/"+e.Command, true, u.newest, body); err != nil {
			return err
		}
	}
	return nil
}

// place is where a path of the package goes.
func (u *unpacker) place(p string) string {
	if !u.noarch {
		return p
	}
	if u.windows() {
		return windowsPlace(p)
	}
	if rest, ok := strings.CutPrefix(p, "site-packages/"); ok {
		return "lib/python" + u.python + "/site-packages/" + rest
	}
	if rest, ok := strings.CutPrefix(p, "python-scripts/"); ok {
		return "bin/" + rest
	}
	return p
}

func (u *unpacker) put(f *packages.File, m *archive.Member) error {
	if m.ModTime.After(u.newest) {
		u.newest = m.ModTime
	}
	to := u.place(f.Path)
	switch f.Kind {
	case digest.Dir:
		return u.mkdir(to)
	case digest.Symlink:
		return u.link(to, f.Target)
	}
	if m.Kind == archive.KindHard {
		return u.hard(to, u.place(m.Target), f.Kind == digest.Exec, m.ModTime)
	}
	if f.FileMode == packages.NoPrefix || f.Prefix == u.prefix && f.FileMode == packages.Binary {
		return u.file(to, f.Kind == digest.Exec, m.ModTime, m.Body)
	}
	b, err := io.ReadAll(io.LimitReader(m.Body, maxReplaced+1))
	if err != nil {
		return err
	}
	if len(b) > maxReplaced {
		return fmt.Errorf("%q: a file with a placeholder may have %d bytes at most", f.Path, maxReplaced)
	}
	if f.FileMode == packages.Text {
		b = replaceText(b, f.Prefix, u.written())
	} else if u.windows() {
		// Clients leave binary files alone there.
	} else if b, err = replaceBinary(b, f.Prefix, u.prefix, path.Base(to)); err != nil {
		return fmt.Errorf("%q: %w", f.Path, err)
	}
	return u.file(to, f.Kind == digest.Exec, m.ModTime, bytes.NewReader(b))
}

func (u *unpacker) hard(to, from string, exec bool, mtime time.Time) error {
	src, err := u.root.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	return u.file(to, exec, mtime, src)
}

func (u *unpacker) mkdir(dir string) error {
	if dir == "." || u.dirs[dir] {
		return nil
	}
	if err := u.mkdir(path.Dir(dir)); err != nil {
		return err
	}
	err := u.root.Mkdir(dir, 0o755)
	if err == nil {
		err = u.root.Chmod(dir, 0o755) // whatever the umask is
	} else if errors.Is(err, fs.ErrExist) {
		err = nil
		if st, serr := u.root.Stat(dir); serr != nil || !st.IsDir() {
			err = fmt.Errorf("%q is in the way: another package has made it and it is no folder", dir)
		}
	}
	u.dirs[dir] = err == nil
	return err
}

// in makes the folder of a path and returns it, opened, with the path's last part.
func (u *unpacker) in(to string) (*os.Root, string, error) {
	dir, base := path.Split(to)
	dir = path.Clean(dir)
	if u.parent == nil || u.parentOf != dir {
		u.close()
		if err := u.mkdir(dir); err != nil {
			return nil, "", err
		}
		r, err := u.root.OpenRoot(dir)
		if err != nil {
			return nil, "", err
		}
		u.parent, u.parentOf = r, dir
	}
	return u.parent, base, nil
}

func (u *unpacker) close() {
	if u.parent != nil {
		u.parent.Close()
		u.parent = nil
	}
}

func (u *unpacker) link(to, target string) error {
	dir, base, err := u.in(to)
	if err != nil {
		return err
	}
	err = dir.Symlink(target, base)
	if errors.Is(err, fs.ErrExist) {
		err = nil
		if old, rerr := dir.Readlink(base); rerr != nil || old != target {
			err = u.replaceLink(dir, base, to, target)
		}
	}
	if err == nil {
		u.paths = append(u.paths, to)
	}
	return err
}

// replaceLink puts the link in the place of another package's file or link.
func (u *unpacker) replaceLink(dir *os.Root, base, to, target string) error {
	if err := u.clobbers(dir, base, to); err != nil {
		return err
	}
	tmp := tempName()
	defer fsx.RemoveIn(dir, tmp)
	if err := dir.Symlink(target, tmp); err != nil {
		return err
	}
	return dir.Rename(tmp, base)
}

// clobbers asks whether what is at base may be replaced. A folder may not: others have files in it.
func (u *unpacker) clobbers(dir *os.Root, base, to string) error {
	info, err := dir.Lstat(base)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return fmt.Errorf("%q is a folder of another package", to)
	}
	return u.clobber(to)
}

// tempName is a name for what is not whole yet: another may unpack here too.
func tempName() string { return fmt.Sprintf("%s%016x", fsx.TempPrefix, rand.Uint64()) }

func refuseClobber(to string) error {
	return fmt.Errorf("%q is there already with another content: two packages of the environment hold it", to)
}

// file writes beside the final name first and links it there, so that whoever meets it sees it whole.
func (u *unpacker) file(to string, exec bool, mtime time.Time, body io.Reader) error {
	dir, base, err := u.in(to)
	if err != nil {
		return err
	}
	tmp := tempName()
	perm := fs.FileMode(0o644)
	if exec {
		perm = 0o755
	}
	defer fsx.RemoveIn(dir, tmp)
	if err := write(dir, tmp, perm, body); err != nil {
		return fmt.Errorf("%q: %w", to, err)
	}
	if err := dir.Chtimes(tmp, mtime, mtime); err != nil {
		return err
	}
	err = dir.Link(tmp, base)
	if errors.Is(err, fs.ErrExist) {
		if err = nil; !same(dir, tmp, base, exec) {
			if err = u.clobbers(dir, base, to); err == nil {
				err = dir.Rename(tmp, base)
			}
		}
	}
	if err == nil {
		u.paths = append(u.paths, to)
	}
	return err
}

func write(dir *os.Root, name string, perm fs.FileMode, body io.Reader) error {
	f, err := dir.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, perm)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, body)
	if err == nil {
		err = f.Chmod(perm)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// execBits is whether files of this system have the bit that lets them be run.
const execBits = os.PathSeparator != '\\'

func same(dir *os.Root, a, b string, exec bool) bool {
	st, err := dir.Lstat(b)
	if err != nil || !st.Mode().IsRegular() || execBits && (st.Mode()&0o100 != 0) != exec {
		return false
	}
	x, err1 := dir.Open(a)
	if err1 != nil {
		return false
	}
	defer x.Close()
	y, err2 := dir.Open(b)
	if err2 != nil {
		return false
	}
	defer y.Close()
	dx, _, err1 := digest.OfReader(x)
	dy, _, err2 := digest.OfReader(y)
	return err1 == nil && err2 == nil && dx == dy
}
