// Package pe reads the programs and libraries of Windows.
package pe

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Machines of a file header (Microsoft, PE Format, Machine Types).
const (
	MachineI386  = 0x014c
	MachineAMD64 = 0x8664
	MachineARM64 = 0xaa64
)

// Info is what the loader of Windows reads of a file: which processor it is for and what it needs.
type Info struct {
	Machine   uint16
	DLL       bool
	Managed   bool     // code of .NET: what it needs stands elsewhere
	Subsystem uint16   // 2 windowed, 3 console
	Imports   []string // names of DLLs as they are written, sorted; those loaded at the first call, too
	Delayed   []string // of Imports, those that are loaded at the first call
	Exports   string   // the name a DLL gives itself, empty for none
	Stamp     uint32   // seconds since 1970, or a digest where the linker writes one (/Brepro)
	Debug     []string // files with debug information that it names (PDB)
}

// ErrNotPE tells that a file is no program or library of Windows.
var ErrNotPE = errors.New("not a PE file")

// Bounds on what a file may claim of itself.
const (
	maxSections = 96 // the loader's own
	maxEntries  = 4096
	maxName     = 1024
)

// Parse reads a file in memory. It returns ErrNotPE for anything else than PE, and an error that says what
// is wrong for a PE file that no loader would take.
func Parse(b []byte) (*Info, error) {
	img := &image{r: bytes.NewReader(b), size: int64(len(b))}
	if err := img.headers(); err != nil {
		return nil, err
	}
	for _, step := range []func() error{img.imports, img.delayed, img.exports, img.debug} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	slices.Sort(img.info.Imports)
	img.info.Imports = slices.Compact(img.info.Imports)
	slices.Sort(img.info.Delayed)
	return &img.info, nil
}

// section is where a part of the file is loaded.
type section struct{ address, virtual, offset, size uint32 }

// directory is one entry of the optional header's table.
type directory struct{ address, size uint32 }

// The directories that are read, by their place in the table.
const (
	dirExport  = 0
	dirImport  = 1
	dirDebug   = 6
	dirDelayed = 13
	dirManaged = 14
)

type image struct {
	r        io.ReaderAt
	size     int64
	info     Info
	base     uint64
	sections []section
	dirs     [16]directory
}

var le = binary.LittleEndian

// at reads n bytes at a place in the file.
func (m *image) at(offset int64, n int) ([]byte, error) {
	if offset < 0 || n < 0 || offset > m.size-int64(n) {
		return nil, fmt.Errorf("PE: %d bytes at %d lie beyond its end at %d", n, offset, m.size)
	}
	b := make([]byte, n)
	_, err := m.r.ReadAt(b, offset)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return b, err
}

func (m *image) headers() error {
	dos, err := m.at(0, 64)
	if err != nil || dos[0] != 'M' || dos[1] != 'Z' {
		return ErrNotPE
	}
	start := int64(le.Uint32(dos[60:]))
	coff, err := m.at(start, 24)
	if err != nil || string(coff[:4]) != "PE\x00\x00" {
		return ErrNotPE // a program of DOS
	}
	m.info.Machine, m.info.Stamp = le.Uint16(coff[4:]), le.Uint32(coff[8:])
	m.info.DLL = le.Uint16(coff[22:])&0x2000 != 0
	sections, length := int(le.Uint16(coff[6:])), int(le.Uint16(coff[20:]))
	if sections > maxSections {
		return fmt.Errorf("PE: it has %d sections, more than the %d that Windows loads", sections, maxSections)
	}
	optional, err := m.at(start+24, length)
	if err != nil {
		return err
	}
	if err := m.optional(optional); err != nil {
		return err
	}
	table, err := m.at(start+24+int64(length), 40*sections)
	if err != nil {
		return err
	}
	for b := table; len(b) >= 40; b = b[40:] {
		m.sections = append(m.sections, section{virtual: le.Uint32(b[8:]), address: le.Uint32(b[12:]), size: le.Uint32(b[16:]), offset: le.Uint32(b[20:])})
	}
	return nil
}

// optional reads the optional header, which every program and library has.
func (m *image) optional(b []byte) error {
	count, table := 0, 0
	switch {
	case len(b) >= 96 && le.Uint16(b) == 0x10b: // PE32
		m.base, count, table = uint64(le.Uint32(b[28:])), int(le.Uint32(b[92:])), 96
	case len(b) >= 112 && le.Uint16(b) == 0x20b: // PE32+
		m.base, count, table = le.Uint64(b[24:]), int(le.Uint32(b[108:])), 112
	default:
		return fmt.Errorf("PE: its optional header of %d bytes is of no known kind", len(b))
	}
	m.info.Subsystem = le.Uint16(b[68:])
	for i := range min(count, len(m.dirs)) {
		if at := table + 8*i; at+8 <= len(b) {
			m.dirs[i] = directory{le.Uint32(b[at:]), le.Uint32(b[at+4:])}
		}
	}
	m.info.Managed = m.dirs[dirManaged].address != 0
	return nil
}

// offset is where in the file an address of the loaded image comes from.
func (m *image) offset(address uint32) (int64, error) {
	for _, s := range m.sections {
		if address >= s.address && address-s.address < max(s.size, s.virtual) {
			if address-s.address >= s.size {
				return 0, fmt.Errorf("PE: address 0x%x is not in the file", address)
			}
			return int64(s.offset) + int64(address-s.address), nil
		}
	}
	return 0, fmt.Errorf("PE: address 0x%x is in no section", address)
}

// load reads n bytes at an address of the loaded image.
func (m *image) load(address uint32, n int) ([]byte, error) {
	at, err := m.offset(address)
	if err != nil {
		return nil, err
	}
	return m.at(at, n)
}

// text reads a string that ends with a NUL.
func (m *image) text(address uint32) (string, error) {
	at, err := m.offset(address)
	if err != nil {
		return "", err
	}
	b, err := m.at(at, int(min(maxName, m.size-at)))
	if err != nil {
		return "", err
	}
	i := slices.Index(b, 0)
	if i < 0 {
		return "", fmt.Errorf("PE: the name at 0x%x has no end", address)
	}
	return string(b[:i]), nil
}

// name reads the name of a DLL; one that is a path or has control characters is refused.
func (m *image) name(address uint32) (string, error) {
	s, err := m.text(address)
	if err != nil {
		return "", err
	}
	if s == "" || strings.ContainsAny(s, `/\:"`) || strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) >= 0 {
		return "", fmt.Errorf("PE: it imports from %q, which is no name of a DLL", s)
	}
	return s, nil
}

// each calls fn with the entries of a table of the given size, until one that is all zero.
func (m *image) each(dir int, size int, fn func([]byte) (bool, error)) error {
	d := m.dirs[dir]
	if d.address == 0 {
		return nil
	}
	for i := range uint32(maxEntries) {
		b, err := m.load(d.address+i*uint32(size), size)
		if err != nil {
			return err
		}
		if more, err := fn(b); err != nil || !more {
			return err
		}
	}
	return fmt.Errorf("PE: a table has more than %d entries", maxEntries)
}

func (m *image) imports() error {
	return m.each(dirImport, 20, func(b []byte) (bool, error) {
		name, thunks := le.Uint32(b[12:]), le.Uint32(b[16:])
		if name == 0 || thunks == 0 { // as the loader reads it
			return false, nil
		}
		s, err := m.name(name)
		m.info.Imports = append(m.info.Imports, s)
		return true, err
	})
}

func (m *image) delayed() error {
	return m.each(dirDelayed, 32, func(b []byte) (bool, error) {
		name := uint64(le.Uint32(b[4:]))
		if name == 0 {
			return false, nil
		}
		if le.Uint32(b)&1 == 0 { // of Visual C++ 6: an address, not relative to the image
			if name < m.base {
				return false, fmt.Errorf("PE: address 0x%x lies before the image", name)
			}
			name -= m.base
		}
		s, err := m.name(uint32(name))
		m.info.Imports, m.info.Delayed = append(m.info.Imports, s), append(m.info.Delayed, s)
		return true, err
	})
}

func (m *image) exports() error {
	d := m.dirs[dirExport]
	if d.address == 0 {
		return nil
	}
	b, err := m.load(d.address, 40)
	if err != nil {
		return err
	}
	if name := le.Uint32(b[12:]); name != 0 {
		m.info.Exports, err = m.text(name)
	}
	return err
}

// debug reads which PDB files it names (CodeView, "RSDS").
func (m *image) debug() error {
	const entry, codeView = 28, 2
	d := m.dirs[dirDebug]
	for i := range min(d.size/entry, maxEntries) {
		b, err := m.load(d.address+i*entry, entry)
		if err != nil {
			return err
		}
		size, at := le.Uint32(b[16:]), int64(le.Uint32(b[24:]))
		if le.Uint32(b[12:]) != codeView || size < 25 || size > maxName {
			continue
		}
		cv, err := m.at(at, int(size))
		if err != nil {
			return err
		}
		if path, _, ok := strings.Cut(string(cv[24:]), "\x00"); ok && string(cv[:4]) == "RSDS" {
			m.info.Debug = append(m.info.Debug, path)
		}
	}
	return nil
}
