package toolchain

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"forge/digest"
	"forge/store"
)

// importer brings files of the host into the store and remembers which it has seen.
type importer struct {
	store *store.Store
	root  string
	seen  *looked
	memo  string // file of the memory, in the store's folder

	mu    sync.Mutex
	known map[string]seen // by absolute path; nil until the memory was read
	fresh bool            // known has more than the file
	dirs  map[string]string
}

// stamp is what must be as it was for a file not to be read again.
type stamp struct {
	size, mtime, ctime int64
	inode              uint64
	mode               uint32
}

// seen is a file that is in the store.
type seen struct {
	stamp
	sum     digest.Digest
	checked bool // in this process: the file and the store were looked at
}

func newImporter(s *store.Store, root string, l *looked) *importer {
	im := &importer{store: s, root: root, seen: l, dirs: map[string]string{}}
	if s != nil {
		im.memo = filepath.Join(s.Root(), "externals")
	}
	return im
}

// load makes one tree of the parts and fills the external.
func (im *importer) load(ctx context.Context, e *External, parts []part, aliases []alias) error {
	if im.store == nil {
		return errors.New("no store was given")
	}
	im.recall()
	all := map[string]digest.Entry{}
	var origins []Origin
	for _, p := range parts {
		entries, err := im.part(ctx, p)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		if len(entries) == 0 {
			continue
		}
		origins = append(origins, Origin{Name: p.name, Version: p.version, Tree: digest.Tree(entries)})
		for _, entry := range entries {
			all[entry.Path] = entry
		}
	}
	for _, a := range aliases {
		to := "usr/bin/" + a.name
		if _, taken := all[to]; taken {
			continue
		}
		if _, ok := all["usr/bin/"+a.program]; ok {
			all[to] = digest.Entry{Path: to, Kind: digest.Symlink, Target: a.program}
		}
	}
	if len(all) == 0 {
		return errors.New("it has no files on this host")
	}
	entries := make([]digest.Entry, 0, len(all))
	for _, entry := range all {
		entries = append(entries, entry)
	}
	slices.SortFunc(entries, func(a, b digest.Entry) int { return strings.Compare(a.Path, b.Path) })
	tree, err := im.store.PutTree(entries)
	if err != nil {
		return err
	}
	e.Tree, e.Origin, e.Sums = tree, origins, sumsOf(e.Programs, entries)
	e.SetEntries(entries)
	return im.remember()
}

// part returns the entries of one part, sorted by path.
func (im *importer) part(ctx context.Context, p part) ([]digest.Entry, error) {
	entries := make([]digest.Entry, len(p.paths))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(4 * runtime.GOMAXPROCS(0)) // they wait for the disk, mostly
	const batch = 32
	for from := 0; from < len(p.paths); from += batch {
		g.Go(func() error {
			for i := from; i < min(from+batch, len(p.paths)); i++ {
				if err := ctx.Err(); err != nil {
					return err
				}
				var err error
				if entries[i], err = im.entry(p.paths[i]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for _, l := range p.links {
		entries = append(entries, digest.Entry{Path: l.path, Kind: digest.Symlink, Target: l.target})
	}
	for _, w := range p.texts {
		sum, err := im.store.PutBytes([]byte(w.text))
		if err != nil {
			return nil, err
		}
		entries = append(entries, digest.Entry{Path: w.path, Kind: digest.File, Sum: sum, Size: int64(len(w.text))})
	}
	entries = slices.DeleteFunc(entries, func(e digest.Entry) bool { return e.Path == "" })
	slices.SortFunc(entries, func(a, b digest.Entry) int { return strings.Compare(a.Path, b.Path) })
	return slices.CompactFunc(entries, func(a, b digest.Entry) bool { return a.Path == b.Path }), nil
}

// entry returns the tree entry of one path of the host, or none: for a folder, for what is listed and
// not there (an image without documents), and for what an ordinary user could not read, so that every
// user gets the same tree.
func (im *importer) entry(name string) (digest.Entry, error) {
	at := filepath.Join(im.root, name)
	info, err := os.Lstat(at)
	im.seen.note(at, err == nil)
	if errors.Is(err, fs.ErrNotExist) {
		return digest.Entry{}, nil
	}
	if err != nil {
		return digest.Entry{}, err
	}
	rel := im.place(name)
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(at)
		if err != nil || strings.HasPrefix(target, "/etc/alternatives/") {
			return digest.Entry{}, err
		}
		return digest.Entry{Path: rel, Kind: digest.Symlink, Target: target}, nil
	case !info.Mode().IsRegular() || info.Mode().Perm()&0o004 == 0:
		return digest.Entry{}, nil
	}
	kind := digest.File
	if info.Mode()&0o100 != 0 {
		kind = digest.Exec
	}
	sum, err := im.file(at, info, kind == digest.Exec)
	return digest.Entry{Path: rel, Kind: kind, Sum: sum, Size: info.Size()}, err
}

// file stores one file unless it was stored before and neither it nor the blob changed since.
func (im *importer) file(at string, info fs.FileInfo, exec bool) (digest.Digest, error) {
	now := stampOf(info)
	im.mu.Lock()
	old, ok := im.known[at]
	im.mu.Unlock()
	if ok && old.stamp == now {
		if old.checked {
			return old.sum, nil
		}
		if blob, err := os.Lstat(im.store.Path(old.sum, exec)); err == nil && blob.Size() == now.size {
			im.note(at, seen{now, old.sum, true}, false)
			return old.sum, nil
		}
	}
	sum, n, err := im.store.PutFile(at, exec)
	if err != nil {
		return sum, err
	}
	if n != now.size {
		return sum, fmt.Errorf("%s changed while it was read", at)
	}
	im.note(at, seen{now, sum, true}, true)
	return sum, nil
}

func (im *importer) note(at string, s seen, fresh bool) {
	im.mu.Lock()
	defer im.mu.Unlock()
	im.known[at] = s
	im.fresh = im.fresh || fresh
}

// place is where a listed path lies in the tree: below usr, through the links that merged /bin, /lib
// and others into it, and with no link in its folder.
func (im *importer) place(name string) string {
	dir, base := path.Split(path.Clean(name))
	im.mu.Lock()
	defer im.mu.Unlock()
	at, ok := im.dirs[dir]
	if !ok {
		at = strings.Trim(dir, "/")
		if resolved, err := filepath.EvalSymlinks(filepath.Join(im.root, dir)); err == nil {
			if rel, err := filepath.Rel(im.root, resolved); err == nil && filepath.IsLocal(rel) {
				at = filepath.ToSlash(rel)
			}
		}
		if top, _, _ := strings.Cut(at, "/"); top == "bin" || top == "sbin" || strings.HasPrefix(top, "lib") {
			at = "usr/" + at
		}
		im.dirs[dir] = at
	}
	return at + "/" + base
}
