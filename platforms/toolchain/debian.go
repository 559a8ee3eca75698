package toolchain

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// find takes the programs of a tool's own packages, not of those they need.
func (db *dpkg) find(t tool) (string, []string, bool, error) {
	roots := db.roots(t)
	if len(roots) == 0 {
		return "", nil, false, nil
	}
	version := db.installed[roots[0]].version
	for _, name := range t.versions {
		if p := db.installed[name]; p != nil {
			version = p.version
			break
		}
	}
	var programs []string
	for _, name := range roots {
		names, err := db.files(db.installed[name])
		if err != nil {
			return "", nil, false, err
		}
		for _, file := range names {
			if dir := filepath.Dir(file); dir == "/usr/bin" || dir == "/bin" {
				programs = append(programs, "/usr/bin/"+filepath.Base(file))
			}
		}
	}
	programs = append(programs, t.programs...)
	slices.Sort(programs)
	return upstream(version), slices.Compact(programs), true, nil
}

// roots are the installed packages that a tool is made of; none where the first is not installed.
func (db *dpkg) roots(t tool) []string {
	if len(t.deb) == 0 || db.installed[t.deb[0]] == nil {
		return nil
	}
	var roots []string
	for _, name := range t.deb {
		if db.installed[name] != nil {
			roots = append(roots, name)
		}
	}
	for _, names := range t.anyOf {
		for _, name := range names {
			if db.installed[name] != nil {
				roots = append(roots, name)
				break
			}
		}
	}
	return roots
}

// parts lists the closure's files, each package's own, and the links that update-alternatives made.
func (db *dpkg) parts(t tool) ([]part, error) {
	var parts []part
	for _, p := range db.closure(db.roots(t)) {
		names, err := db.files(p)
		if err != nil {
			return nil, err
		}
		one := part{name: "pkg:deb/debian/" + p.name + "@" + purlVersion(p.version) + "?arch=" + p.arch, version: p.version, arch: p.arch}
		for _, name := range names {
			if kept(name) && !slices.Contains(t.without, name) {
				one.paths = append(one.paths, name)
				specs, err := db.specsBeside(name)
				if err != nil {
					return nil, err
				}
				one.texts = append(one.texts, specs...)
			}
		}
		parts = append(parts, one)
	}
	if len(parts) > 0 {
		parts[0].paths, parts[0].texts = append(parts[0].paths, t.made...), append(parts[0].texts, t.texts...)
	}
	for _, folder := range t.whole {
		if err := db.takeWhole(parts, folder); err != nil {
			return nil, err
		}
	}
	return db.alternatives(parts)
}

// takeWhole puts what lies below folder in the place of what the package that owns it lists there:
// `npm install -g npm` replaces files that dpkg goes on listing.
func (db *dpkg) takeWhole(parts []part, folder string) error {
	below := func(name string) bool { return strings.HasPrefix(name, folder+"/") }
	owner := slices.IndexFunc(parts, func(p part) bool { return slices.ContainsFunc(p.paths, below) })
	if owner < 0 {
		return nil
	}
	paths := slices.DeleteFunc(parts[owner].paths, below)
	top := filepath.Join(db.root, folder)
	err := filepath.WalkDir(top, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			db.looked.note(at, true)
			return nil
		}
		rel, err := filepath.Rel(top, at)
		if name := path.Join(folder, filepath.ToSlash(rel)); err == nil && kept(name) {
			paths = append(paths, name)
		}
		return err
	})
	parts[owner].paths = paths
	return err
}

// purlVersion escapes what the package URL specification wants escaped in a version.
func purlVersion(v string) string {
	return strings.NewReplacer("%", "%25", ":", "%3A", "+", "%2B").Replace(v)
}

// kept reports whether a listed path can matter to a build: documents, translations and what only
// desktops and services read is left out, and all of /etc and /var.
func kept(path string) bool {
	if strings.HasSuffix(path, ".pod") || strings.ContainsAny(path, "\n\t") {
		return false
	}
	for _, top := range []string{"/usr/", "/bin/", "/sbin/", "/lib/", "/lib64/", "/lib32/", "/libx32/"} {
		if rest, ok := strings.CutPrefix(path, top); ok {
			return top != "/usr/" || keptUsr(rest)
		}
	}
	return false
}

func keptUsr(rest string) bool {
	if strings.HasPrefix(rest, "include/node/") || strings.HasPrefix(rest, "games/") {
		return false
	}
	share, ok := strings.CutPrefix(rest, "share/")
	if !ok {
		return true
	}
	top, below, _ := strings.Cut(share, "/")
	switch top {
	case "doc", "man", "info", "locale", "lintian", "doc-base", "bug", "icons", "applications", "pixmaps", "menu", "metainfo",
		"bash-completion", "zsh", "fish", "vim", "emacs", "gdb", "apport", "common-licenses", "systemtap", "mime", "polkit-1":
		return false
	}
	return !(strings.HasPrefix(top, "cmake-") && strings.HasPrefix(below, "Help/"))
}

// alternatives adds the links of update-alternatives (cc, c++, awk, …) whose program is among the
// parts, to the part that has it. They name the program itself: /etc is not part of an external.
func (db *dpkg) alternatives(parts []part) ([]part, error) {
	owner := map[string]int{}
	for i, p := range parts {
		for _, name := range p.paths {
			owner["/usr"+strings.TrimPrefix(name, "/usr")] = i
		}
	}
	const bin = "usr/bin"
	db.looked.note(filepath.Join(db.root, bin), true)
	db.looked.note(filepath.Join(db.root, "etc/alternatives"), exists(filepath.Join(db.root, "etc/alternatives")))
	names, err := os.ReadDir(filepath.Join(db.root, bin))
	if err != nil {
		return nil, err
	}
	for _, d := range names {
		if d.Type()&os.ModeSymlink == 0 {
			continue
		}
		target, err := os.Readlink(filepath.Join(db.root, bin, d.Name()))
		if err != nil || !strings.HasPrefix(target, "/etc/alternatives/") {
			continue
		}
		final, err := os.Readlink(filepath.Join(db.root, target))
		if err != nil {
			continue
		}
		final = "/usr" + strings.TrimPrefix(final, "/usr")
		if i, ok := owner[final]; ok {
			parts[i].links = append(parts[i].links, link{bin + "/" + d.Name(), final})
		}
	}
	return parts, nil
}
