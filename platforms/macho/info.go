package macho

import (
	"errors"
	"fmt"
)

// Info is what a file says of itself for one processor.
type Info struct {
	CPU          uint32
	SubType      uint32
	Type         Type
	InstallName  string // LC_ID_DYLIB: what files that link to this one will look for
	Current      Version
	Compatible   Version
	Dependencies []Dependency // in the file's order, on which its symbols are numbered
	RPaths       []string     // LC_RPATH, in the file's order
	Platform     uint32       // 1 is macOS (PLATFORM_MACOS); 0 where nothing says it
	MinOS        Version      // the oldest system it runs on
	SDK          Version
	Signature    *Signature // nil for none
}

// Version is X.Y.Z as load commands pack it, 16.8.8 bits.
type Version uint32

func (v Version) String() string {
	if v&0xff == 0 {
		return fmt.Sprintf("%d.%d", v>>16, v>>8&0xff)
	}
	return fmt.Sprintf("%d.%d.%d", v>>16, v>>8&0xff, v&0xff)
}

// Kind is how a library is asked for.
type Kind string

// The kinds of dependency.
const (
	Load     Kind = "load"     // LC_LOAD_DYLIB
	Weak     Kind = "weak"     // may be missing
	Reexport Kind = "reexport" // its symbols count as this file's own
	Upward   Kind = "upward"   // of a cycle, the way back
	Lazy     Kind = "lazy"     // loaded at the first call
)

func kindOf(cmd uint32) (Kind, bool) {
	switch cmd {
	case lcLoadDylib:
		return Load, true
	case lcLoadWeak:
		return Weak, true
	case lcReexport:
		return Reexport, true
	case lcUpward:
		return Upward, true
	case lcLazyLoad:
		return Lazy, true
	}
	return "", false
}

// Dependency is a library that a file needs.
type Dependency struct {
	Name                string // a path, or one that begins with @rpath/, @loader_path/ or @executable_path/
	Kind                Kind
	Current, Compatible Version
}

// Parse reads a file in memory. What a fat file holds that is no Mach-O, such as an archive, is left out.
func Parse(b []byte) ([]*Info, error) {
	parts, err := split(b)
	if err != nil {
		return nil, err
	}
	var infos []*Info
	for _, p := range parts {
		m, err := parse(p.b)
		if errors.Is(err, ErrNotMachO) {
			continue
		}
		if err != nil {
			return nil, err
		}
		info, err := m.describe()
		if err != nil {
			return nil, err
		}
		infos = append(infos, info)
	}
	return infos, nil
}

func (m *image) describe() (*Info, error) {
	info := &Info{CPU: m.cpu, SubType: m.sub, Type: m.typ}
	for i, c := range m.cmds {
		if err := m.tell(info, c); err != nil {
			return nil, malformed("load command %d: %w", i, err)
		}
	}
	var err error
	if m.signed >= 0 {
		info.Signature, err = m.signature()
	}
	return info, err
}

func (m *image) tell(info *Info, c command) error {
	if kind, ok := kindOf(c.kind); ok || c.kind == lcIDDylib {
		name, _, err := m.name(c, dylibHead)
		if err != nil {
			return err
		}
		d := Dependency{name, kind, Version(m.order.Uint32(c.raw[16:])), Version(m.order.Uint32(c.raw[20:]))}
		if ok {
			info.Dependencies = append(info.Dependencies, d)
		} else {
			info.InstallName, info.Current, info.Compatible = d.Name, d.Current, d.Compatible
		}
		return nil
	}
	switch c.kind {
	case lcRPath:
		name, _, err := m.name(c, rpathHead)
		info.RPaths = append(info.RPaths, name)
		return err
	case lcBuildVersion:
		if len(c.raw) < 24 {
			return errors.New("build version is cut short")
		}
		info.Platform = m.order.Uint32(c.raw[8:])
		info.MinOS, info.SDK = Version(m.order.Uint32(c.raw[12:])), Version(m.order.Uint32(c.raw[16:]))
	case lcMinMacOS, lcMinIPhone, lcMinTV, lcMinWatch:
		if len(c.raw) < 16 {
			return errors.New("minimum version is cut short")
		}
		info.Platform = map[uint32]uint32{lcMinMacOS: 1, lcMinIPhone: 2, lcMinTV: 3, lcMinWatch: 4}[c.kind]
		info.MinOS, info.SDK = Version(m.order.Uint32(c.raw[8:])), Version(m.order.Uint32(c.raw[12:]))
	}
	return nil
}

// The size of the fields in front of a name, where the command has no more than those of loader.h.
const (
	dylibHead = 24
	rpathHead = 12
)

// name is the string of a command and where in it the string begins.
func (m *image) name(c command, head int) (string, int, error) {
	if len(c.raw) < head {
		return "", 0, errors.New("it is cut short")
	}
	at := m.order.Uint32(c.raw[8:])
	if uint64(at) < uint64(head) || uint64(at) > uint64(len(c.raw)) {
		return "", 0, fmt.Errorf("its name begins at %d of %d bytes", at, len(c.raw))
	}
	s := text(c.raw[at:])
	if len(s) > maxName {
		return "", 0, fmt.Errorf("its name has %d characters", len(s))
	}
	return s, int(at), nil
}
