package elf

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Relocation says how a file's library search path becomes independent of where the prefix lies.
type Relocation struct {
	Prefix string   // as the build knew it
	Path   string   // of the file, relative to the prefix, slash separated
	Want   []string // folders relative to the prefix that must be searched, as "lib"
	Allow  []string // globs of folders outside the prefix that may stay
	Origin string   // folder relative to the prefix that the file was made for; empty for the one it lies in
}

// Change is what Relocate did.
type Change struct {
	Changed bool
	RunPath []string // the path now in the file
	Dropped []string // entries that led out of the prefix
	Touched []Range  // of the new content, what may differ from the same place in the old; in no order
}

// Relocate makes every entry of DT_RUNPATH or DT_RPATH that lies in the prefix relative to $ORIGIN, drops the
// others, and adds the wanted folders that are not there. The file's bytes may be changed, also when there is an
// error: it is not to be used any more. Files that are not dynamic, need no library and have no path come back as
// they are.
func (f *File) Relocate(r Relocation) ([]byte, Change, error) {
	if !f.Info.Dynamic {
		return f.image.b, Change{}, nil
	}
	c := r.plan(f.Info)
	if !c.Changed {
		return f.image.b, c, nil
	}
	out, touched, err := f.image.setEntries(c.RunPath)
	c.Changed, c.Touched = err == nil, touched
	return out, c, err
}

func (r Relocation) plan(info *Info) Change {
	old := info.RPath
	if len(info.RunPath) > 0 {
		old = info.RunPath
	}
	entries, dropped := r.entries(old, len(info.Needed) > 0)
	// Where both tags are present one has to go, whatever it says.
	changed := !slices.Equal(old, entries) || len(info.RPath) > 0 && len(info.RunPath) > 0
	return Change{Changed: changed, RunPath: entries, Dropped: dropped}
}

func (r Relocation) entries(old []string, needs bool) (entries, dropped []string) {
	dir := path.Dir(path.Clean("/" + r.Path))[1:]
	origin := dir
	if r.Origin != "" {
		origin = r.Origin
	}
	add := func(inside string) {
		e := "$ORIGIN"
		if rel := relative(dir, inside); rel != "." {
			e += "/" + rel
		}
		if !slices.Contains(entries, e) {
			entries = append(entries, e)
		}
	}
	for _, e := range old {
		inside, ok := r.inside(origin, e)
		switch {
		case ok:
			add(inside)
		case r.allowed(e):
			if !slices.Contains(entries, e) {
				entries = append(entries, e)
			}
		default:
			dropped = append(dropped, e)
		}
	}
	if needs {
		for _, w := range r.Want {
			if inside, ok := r.inside("", path.Join(r.Prefix, w)); ok {
				add(inside)
			}
		}
	}
	return entries, dropped
}

// inside is the folder an entry means, relative to the prefix, if it lies in it.
func (r Relocation) inside(dir, entry string) (string, bool) {
	prefix := strings.TrimRight(r.Prefix, "/")
	for _, origin := range []string{"$ORIGIN", "${ORIGIN}"} {
		if rest, ok := strings.CutPrefix(entry, origin); ok && (rest == "" || rest[0] == '/') {
			entry = prefix + "/" + dir + rest
		}
	}
	rest, ok := strings.CutPrefix(path.Clean(entry)+"/", prefix+"/")
	if !ok || prefix == "" || strings.Contains(rest, "$") {
		return "", false
	}
	return strings.TrimSuffix(rest, "/"), true
}

func (r Relocation) allowed(entry string) bool {
	for _, g := range r.Allow {
		if ok, _ := doublestar.Match(g, entry); ok {
			return true
		}
	}
	return false
}

// relative is the way from one folder to another, both relative to the prefix.
func relative(from, to string) string {
	split := func(p string) []string {
		return slices.DeleteFunc(strings.Split(p, "/"), func(s string) bool { return s == "" })
	}
	a, b := split(from), split(to)
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	way := strings.TrimSuffix(strings.Repeat("../", len(a))+strings.Join(b, "/"), "/")
	if way == "" {
		return "."
	}
	return way
}

// ReplaceFile puts a new file of the same mode and time in the place of name: other hard links keep the
// old content.
func ReplaceFile(name string, b []byte) error {
	st, err := os.Stat(name)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(name), ".forge-tmp-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(b)
	if err == nil {
		err = tmp.Chmod(st.Mode())
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Chtimes(tmp.Name(), st.ModTime(), st.ModTime())
	}
	if err == nil {
		err = os.Rename(tmp.Name(), name)
	}
	return err
}
