package engine

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"sync"

	"forge/platforms"
	"forge/platforms/cpu"
	"forge/platforms/elf"
	"forge/platforms/isa"
	"forge/platforms/macho"
	"forge/platforms/pe"
)

// inspector is given each program and library of a package once, while the package's files are collected:
// it makes library paths relative, and notes what the checks that come after ask for.
type inspector struct {
	j      *job
	level  *cpu.Level // nil where no table has this machine
	allow  []string   // extra.forge.cpu_dispatch
	dylibs dylibs     // of the prefix, for macOS

	mu   sync.Mutex // guards what follows: files come from several goroutines
	seen []inspected
}

// inspected is what was found out about one program or library.
type inspected struct {
	path    string // relative to the prefix
	elf     *elf.Info
	pe      *pe.Info
	macho   []*macho.Info // for each processor
	level   *cpu.Level    // that its code is held against
	code    *isa.Report   // nil where it was not asked for
	dropped []string      // out of the library path
	// undefined are the symbols of a library that the file itself does not name the origin of.
	undefined []string
}

func (j *job) newInspector(paths []string) (*inspector, error) {
	known, err := j.dylibs(paths)
	return &inspector{j: j, level: heldTo(j.a.Output), allow: dispatchList(j.a.Output.Extra), dylibs: known}, err
}

// allowed reports whether the recipe lets the file have instructions of any level, also by the name that
// it had before it became one of several levels.
func (n *inspector) allowed(p string) bool {
	return matchAny(n.allow, p) || n.j.fromLevels[p] && matchAny(n.allow, hwcapsLibraries+"/"+path.Base(p))
}

// file inspects one file and returns its content, which is then also that on disk.
func (n *inspector) file(p string, data []byte) ([]byte, error) {
	if n.j.a.DebugOf != nil {
		return data, nil // nothing in it is run or linked to
	}
	if bytes.HasPrefix(data, []byte("#!")) {
		return n.j.findable(p, data)
	}
	b := inspected{path: p, level: n.level}
	var err error
	platform := n.j.a.Output.TargetPlatform
	if l := hwcapsLevel(p); l != nil && platform.OS() == "linux" {
		b.level = l
	}
	if b.level != nil && ownFormat(platform, data) && !n.allowed(p) {
		if b.code, err = isa.Check(data, b.level, n.allow); err != nil {
			return nil, fmt.Errorf("read its instructions: %w", err)
		}
	}
	switch {
	case platform.IsWindows():
		if b.pe, err = pe.Parse(data); errors.Is(err, pe.ErrNotPE) {
			err = nil
		}
	case platform.OS() == "linux" && elf.Is(data):
		data, err = n.linux(&b, data)
	case platform.OS() == "osx" && macho.Is(data):
		data, err = n.mac(&b, data)
	}
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.seen = append(n.seen, b)
	return data, nil
}

// ownFormat reports whether data is a program or library that the platform itself runs: Python's tools carry
// launchers for Windows, of several processors, wherever they are.
func ownFormat(p platforms.Platform, data []byte) bool {
	switch p.OS() {
	case "win":
		return bytes.HasPrefix(data, []byte("MZ"))
	case "osx":
		return macho.Is(data)
	}
	return elf.Is(data)
}

func (n *inspector) linux(b *inspected, data []byte) (_ []byte, err error) {
	f, err := elf.Open(data)
	if err != nil {
		return nil, err
	}
	b.elf = f.Info
	if commonLibrary(b.path) && b.elf.Dynamic {
		if b.undefined, err = elf.Undefined(data); err != nil {
			return nil, err
		}
	}
	var change elf.Change
	data, change, err = n.j.relocate(b.path, f, data)
	b.dropped = change.Dropped
	if err != nil {
		return nil, err
	}
	return n.j.splitDebug(b.path, data)
}

// binaries are the inspected files, in the order of their paths.
func (n *inspector) binaries() []inspected {
	slices.SortFunc(n.seen, func(a, b inspected) int { return cmp.Compare(a.path, b.path) })
	return n.seen
}
