package toolchain

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// glob is a tool that lies in one folder, outside any package database.
type glob struct {
	folder   string   // relative to /
	programs []string // below folder; all must be there
	version  func(folder string) (string, bool)
	skip     func(rel string) bool // drops files and folders that no build needs
	links    []link                // what puts its programs on the path
}

// globs is the host that looks into fixed folders.
type globs struct {
	root   string
	looked *looked
}

func (g globs) find(t tool) (string, []string, bool, error) {
	if t.glob == nil {
		return "", nil, false, nil
	}
	folder := filepath.Join(g.root, t.glob.folder)
	var programs []string
	for _, name := range t.glob.programs {
		info, err := os.Stat(filepath.Join(folder, name))
		g.looked.note(filepath.Join(folder, name), err == nil)
		if err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
			return "", nil, false, nil
		}
		programs = append(programs, "/"+path.Join(t.glob.folder, name))
	}
	g.looked.note(filepath.Join(folder, "VERSION"), exists(filepath.Join(folder, "VERSION")))
	version, ok := t.glob.version(folder)
	return version, programs, ok, nil
}

func (g globs) parts(t tool) ([]part, error) {
	folder := filepath.Join(g.root, t.glob.folder)
	version, _ := t.glob.version(folder)
	p := part{name: "file:///" + t.glob.folder, version: version, links: t.glob.links, texts: t.texts}
	err := filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(folder, name)
		switch {
		case err != nil:
			return err
		case rel == ".":
			g.looked.note(name, true)
		case t.glob.skip(filepath.ToSlash(rel)) && d.IsDir():
			return fs.SkipDir
		case d.IsDir():
			g.looked.note(name, true)
		case !t.glob.skip(filepath.ToSlash(rel)):
			p.paths = append(p.paths, "/"+path.Join(t.glob.folder, filepath.ToSlash(rel)))
		}
		return nil
	})
	return []part{p}, err
}
