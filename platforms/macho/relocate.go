package macho

import (
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Relocation says how the paths in a file become independent of where the prefix lies.
type Relocation struct {
	Prefix string   // as the build knew it
	Path   string   // of the file, relative to the prefix, slash separated
	Want   []string // folders relative to the prefix that must be searched, as "lib"; the first is what @rpath stands for
	Allow  []string // globs of search paths outside the prefix that may stay
	// Find is where, relative to the prefix, the package or a dependency has a library of that file name.
	Find func(base string) (string, bool)
}

// Change is what Relocate did.
type Change struct {
	Changed bool
	Dropped []string // search paths that led out of the prefix
}

// Relocate writes install names and dependencies that lie in the prefix as @rpath/…, makes search paths in it
// relative to @loader_path, drops others, and signs the file anew where that is needed. b stays as it is.
func Relocate(b []byte, r Relocation) ([]byte, Change, error) {
	var c Change
	infos, err := Parse(b)
	if err != nil {
		return b, c, err
	}
	needs := slices.ContainsFunc(infos, func(i *Info) bool {
		return slices.ContainsFunc(i.Dependencies, func(d Dependency) bool { return strings.HasPrefix(r.dependency(d.Name), "@rpath/") })
	})
	out, changed, err := Rewrite(b, path.Base(r.Path), Edit{
		InstallName: r.installName,
		Dependency:  r.dependency,
		RPaths: func(old []string) []string {
			now, dropped := r.searchPath(old, needs)
			for _, d := range dropped {
				if !slices.Contains(c.Dropped, d) {
					c.Dropped = append(c.Dropped, d)
				}
			}
			return now
		},
	})
	c.Changed = changed
	return out, c, err
}

// root is what @rpath stands for, relative to the prefix.
func (r Relocation) root() string {
	if len(r.Want) == 0 {
		return "lib"
	}
	return r.Want[0]
}

// installName is @rpath/ and where the library lies; its last part stays, which is its ABI's name. One that
// begins with @ was chosen so.
func (r Relocation) installName(old string) string {
	if strings.HasPrefix(old, "@") {
		return old
	}
	at, ok := r.inside(old)
	if !ok {
		at = path.Join(path.Dir(r.Path), path.Base(old))
	}
	return "@rpath/" + relative(r.root(), at)
}

// dependency is how a library in the prefix is asked for. One that is named by a path of the build's other
// folders, or by none, is one of the prefix if there is such a file.
func (r Relocation) dependency(old string) string {
	if strings.HasPrefix(old, "@") || System(old) {
		return old
	}
	at, ok := r.inside(old)
	if !ok && r.Find != nil {
		at, ok = r.Find(path.Base(old))
	}
	if !ok {
		return old
	}
	return "@rpath/" + relative(r.root(), at)
}

// searchPath is what LC_RPATH entries become. No entry comes twice, which newer loaders refuse.
func (r Relocation) searchPath(old []string, needs bool) (now, dropped []string) {
	dir := path.Dir(path.Clean("/" + r.Path))[1:]
	add := func(e string) {
		if !slices.Contains(now, e) {
			now = append(now, e)
		}
	}
	for _, e := range old {
		inside, ok := r.inside(e)
		switch {
		case ok:
			add(loaderPath(dir, inside))
		case strings.HasPrefix(e, "@executable_path") || r.allowed(e):
			add(e)
		default:
			dropped = append(dropped, e)
		}
	}
	if needs {
		for _, w := range r.Want {
			if inside, ok := r.inside(path.Join(r.Prefix, w)); ok {
				add(loaderPath(dir, inside))
			}
		}
	}
	return now, dropped
}

func loaderPath(dir, inside string) string {
	if rel := relative(dir, inside); rel != "." {
		return "@loader_path/" + rel
	}
	return "@loader_path/"
}

// inside is the place a path means, relative to the prefix, if it lies in it.
func (r Relocation) inside(p string) (string, bool) {
	prefix := strings.TrimRight(r.Prefix, "/")
	if rest, ok := strings.CutPrefix(p, "@loader_path"); ok && (rest == "" || rest[0] == '/') {
		p = prefix + "/" + path.Dir(r.Path) + rest
	}
	rest, ok := strings.CutPrefix(path.Clean(p)+"/", prefix+"/")
	return strings.TrimSuffix(rest, "/"), ok && prefix != ""
}

func (r Relocation) allowed(entry string) bool {
	return slices.ContainsFunc(r.Allow, func(g string) bool {
		ok, err := doublestar.Match(g, entry)
		return ok && err == nil
	})
}

// relative is the way from a folder to a place, both relative to the prefix.
func relative(from, to string) string {
	rel, err := filepath.Rel("/"+filepath.FromSlash(from), "/"+filepath.FromSlash(to))
	if err != nil {
		return to
	}
	return filepath.ToSlash(rel)
}

// System tells of libraries and frameworks that are part of macOS, by their path.
func System(name string) bool {
	p := path.Clean(name)
	return strings.HasPrefix(p, "/usr/lib/") || strings.HasPrefix(p, "/System/")
}
