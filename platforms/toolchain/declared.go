package toolchain

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Declared is an external that a workspace describes itself (forge.hcl, external): host packages, whose
// closure is taken, files that no package has, or both. It stands in front of the built-in one.
type Declared struct {
	Name     string
	Version  string   // empty for the first package's observed one; needed where there are only files
	Packages []string // of the host's package manager; all must be installed
	Files    []string // globs of absolute paths; each must match something
	Programs []string // absolute paths; empty for those in usr/bin of the packages, and links named there
	Env      map[string]string
}

// tool is the catalogue's form of it.
func (d Declared) tool() tool {
	return tool{name: d.Name, deb: d.Packages, declared: &d, env: d.Env, inPrefix: true}
}

// withDeclared puts what a workspace declares in place of the built-in tools of the same names. A compiler
// that is declared by its language (rust) is that of the platform (rust_linux-64, what compiler("rust") says), too.
func withDeclared(all []tool, declared []Declared) []tool {
	for _, d := range declared {
		mine := d.tool()
		i := slices.IndexFunc(all, func(t tool) bool { return t.name == d.Name })
		if i < 0 {
			all = append(all, mine)
			continue
		}
		all[i] = mine
		for j, t := range all {
			_, ofPlatform := strings.CutPrefix(t.name, d.Name+"_")
			if ofPlatform && t.declared == nil && t.exports == nil && !slices.ContainsFunc(declared, func(o Declared) bool { return o.Name == t.name }) {
				mine.name, mine.depends = t.name, t.depends
				all[j] = mine
			}
		}
	}
	return all
}

// declaredHost finds declared externals; what it asks for and the host lacks is an error, since a person
// asked for it by name.
type declaredHost struct {
	root   string
	db     *dpkg // nil where the host has none
	looked *looked
}

func (h declaredHost) find(t tool) (string, []string, bool, error) {
	if t.declared == nil {
		return "", nil, false, nil
	}
	if err := h.check(t.declared); err != nil {
		return "", nil, false, err
	}
	version, programs := t.declared.Version, []string(nil)
	if len(t.deb) > 0 {
		observed, own, _, err := h.db.find(t)
		if err != nil {
			return "", nil, false, err
		}
		if version == "" {
			version = observed
		}
		programs = own
	}
	if len(t.declared.Programs) > 0 {
		programs = slices.Clone(t.declared.Programs)
	}
	return version, programs, true, nil
}

func (h declaredHost) check(d *Declared) error {
	if len(d.Packages)+len(d.Files) == 0 {
		return fmt.Errorf("external %s has neither packages nor files", d.Name)
	}
	if len(d.Packages) == 0 && d.Version == "" {
		return fmt.Errorf("external %s is made of files: say its version", d.Name)
	}
	for _, name := range d.Packages {
		if h.db == nil {
			return fmt.Errorf("external %s: packages are read from dpkg, which this host does not have; use files", d.Name)
		}
		if h.db.installed[name] == nil {
			return fmt.Errorf("external %s: the package %s is not installed", d.Name, name)
		}
	}
	for _, program := range d.Programs {
		at := filepath.Join(h.root, program)
		if rel, ok := belowRoot(h.root, program); ok {
			at = filepath.Join(h.root, filepath.FromSlash(rel))
		}
		info, err := os.Stat(at)
		h.looked.note(at, err == nil)
		if err != nil || !info.Mode().IsRegular() || !runs(info) {
			return fmt.Errorf("external %s: %s is no program on this host", d.Name, program)
		}
	}
	return nil
}

func (h declaredHost) parts(t tool) ([]part, error) {
	var parts []part
	if len(t.deb) > 0 {
		var err error
		if parts, err = h.db.parts(t); err != nil {
			return nil, err
		}
	}
	for _, pattern := range t.declared.Files {
		p, err := h.match(pattern)
		if err != nil {
			return nil, err
		}
		p.version = t.declared.Version
		parts = append(parts, p)
	}
	return parts, nil
}

// match expands one glob: files and links it names, and all below folders it names.
func (h declaredHost) match(pattern string) (part, error) {
	h.looked.patterns()
	p := part{name: "file://" + pattern}
	rel := strings.TrimPrefix(path.Clean(pattern), "/")
	absolute := path.IsAbs(pattern)
	if filepath.VolumeName(h.root) != "" { // C:/tools/** on Windows
		rel, absolute = belowRoot(h.root, path.Clean(pattern))
	}
	if !absolute || !fs.ValidPath(rel) || rel == "." {
		return p, fmt.Errorf("files: %q is not an absolute path below /", pattern)
	}
	names, err := doublestar.Glob(os.DirFS(h.root), rel, doublestar.WithNoFollow())
	if err != nil {
		return p, fmt.Errorf("files: %q: %w", pattern, err)
	}
	for _, name := range names {
		err := filepath.WalkDir(filepath.Join(h.root, name), func(at string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			rel, err := filepath.Rel(h.root, at)
			p.paths = append(p.paths, "/"+filepath.ToSlash(rel))
			return err
		})
		if err != nil {
			return p, err
		}
	}
	if len(p.paths) == 0 {
		return p, fmt.Errorf("files: nothing on this host is called %s", pattern)
	}
	slices.Sort(p.paths)
	p.paths = slices.Compact(p.paths)
	return p, nil
}
