package elf

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Info is what an ELF file says of itself.
type Info struct {
	Bits        int // 64 or 32
	BigEndian   bool
	Machine     uint16 // e_machine
	Type        Type
	Interpreter string // PT_INTERP
	Dynamic     bool   // it has a dynamic section
	SoName      string
	Needed      []string // in the file's order
	RPath       []string // DT_RPATH, split at colons
	RunPath     []string // DT_RUNPATH, split at colons
	// Versions are the symbol versions needed of each library, by its name, sorted.
	Versions map[string][]string
}

// Type is e_type.
type Type uint16

// The types of file.
const (
	Relocatable Type = 1
	Executable  Type = 2 // at a fixed address
	Shared      Type = 3 // libraries and position independent executables
	Core        Type = 4
)

// Read reads the file at path. The error wraps ErrNotELF where it is none.
func Read(path string) (*Info, error) {
	b, err := readELF(path)
	if err != nil {
		return nil, err
	}
	info, err := Parse(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return info, nil
}

// readELF reads a file whole only if it begins as ELF does.
func readELF(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, 4)
	if n, _ := f.ReadAt(head, 0); !Is(head[:n]) {
		return nil, fmt.Errorf("%s: %w", path, ErrNotELF)
	}
	return os.ReadFile(path)
}

// File is an ELF file in memory.
type File struct {
	Info  *Info
	image *image
}

// Open reads the tables of an ELF file in memory, which b stays for. The error wraps ErrNotELF where it is none.
func Open(b []byte) (*File, error) {
	f, err := parse(b)
	if err != nil {
		return nil, err
	}
	info, err := f.info()
	return &File{info, f}, err
}

// Parse reads what an ELF file in memory says of itself.
func Parse(b []byte) (*Info, error) {
	f, err := Open(b)
	if err != nil {
		return nil, err
	}
	return f.Info, nil
}

func (f *image) info() (*Info, error) {
	b := f.b
	info := &Info{Bits: 32, BigEndian: b[5] == 2, Machine: f.mach, Type: Type(f.typ), Dynamic: f.dynSeg >= 0}
	if f.wide {
		info.Bits = 64
	}
	for _, s := range f.segs {
		if s.typ == ptInterp && s.filesz > 0 && s.filesz < 4096 && f.has(s.off, s.filesz) {
			text, _, _ := bytes.Cut(b[s.off:s.off+s.filesz], []byte{0})
			info.Interpreter = string(text)
		}
	}
	if !info.Dynamic {
		return info, nil
	}
	return info, f.describe(info)
}

func (f *image) describe(info *Info) error {
	for _, e := range f.dyn {
		switch e.tag {
		case dtNeeded, dtSoName, dtRPath, dtRunPath:
		default:
			continue
		}
		s, err := f.str(e.val)
		if err != nil {
			return err
		}
		switch e.tag {
		case dtNeeded:
			info.Needed = append(info.Needed, s)
		case dtSoName:
			info.SoName = s
		case dtRPath:
			info.RPath = splitPath(s)
		case dtRunPath:
			info.RunPath = splitPath(s)
		}
	}
	needs, err := f.needs()
	if err != nil {
		return err
	}
	for _, n := range needs {
		lib, err := f.str(n.file)
		if err != nil {
			return err
		}
		for _, v := range n.versions {
			s, err := f.str(v)
			if err != nil {
				return err
			}
			if info.Versions == nil {
				info.Versions = map[string][]string{}
			}
			info.Versions[lib] = append(info.Versions[lib], s)
		}
		slices.Sort(info.Versions[lib])
	}
	return nil
}

func splitPath(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ":")
}

// GlibcFloor is the oldest glibc that has all symbol versions the file needs, "2.34" for GLIBC_2.34; empty
// where it needs none.
func (i *Info) GlibcFloor() string {
	best := []int(nil)
	text := ""
	for _, versions := range i.Versions {
		for _, v := range versions {
			rest, ok := strings.CutPrefix(v, "GLIBC_")
			if !ok {
				continue
			}
			if n, ok := numbers(rest); ok && slices.Compare(n, best) > 0 {
				best, text = n, rest
			}
		}
	}
	return text
}

func numbers(s string) ([]int, bool) {
	var out []int
	for _, part := range strings.Split(s, ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil, false // GLIBC_PRIVATE, GLIBC_ABI_DT_RELR
		}
		out = append(out, n)
	}
	return out, true
}
