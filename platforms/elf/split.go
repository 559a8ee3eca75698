package elf

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
	"strings"
)

// ErrNoBuildID is returned, wrapped, by Split for a file that holds debug data and no build ID.
var ErrNoBuildID = errors.New("it has no build ID")

// SplitFile is a program or library in two parts.
type SplitFile struct {
	Stripped []byte // without debug data and symbol table; .gnu_debuglink names the other part
	Debug    []byte // headers, notes, debug data and symbol table; what is loaded has no content here
	BuildID  string // hexadecimal, of both parts
}

// DebugPath is where debuggers look for the debug part, below a folder for such files:
// .build-id/ab/cdef.debug (GDB manual, "Separate Debug Files").
func (s *SplitFile) DebugPath() string { return ".build-id/" + s.BuildID[:2] + "/" + s.debugName() }

func (s *SplitFile) debugName() string { return s.BuildID[2:] + ".debug" }

const (
	shtNull     = 0
	shtProgBits = 1
	shtSymTab   = 2
	shtRelA     = 4
	shtRel      = 9
	shtNote     = 7
	shfGroup    = 0x200
	debugLink   = ".gnu_debuglink"
)

// Split parts executables and shared libraries from their debug data, as objcopy --only-keep-debug, strip
// --strip-unneeded and objcopy --add-gnu-debuglink do. It returns nil for a file that has no debug data, or that
// is of another type. All that the loader reads stays where it is, byte for byte.
func Split(b []byte) (*SplitFile, error) {
	f, err := parse(b)
	if err != nil {
		return nil, err
	}
	if t := Type(f.typ); t != Executable && t != Shared || len(f.secs) < 2 {
		return nil, nil
	}
	s := &splitter{image: f}
	if err := s.read(); err != nil || !s.hasDebug() {
		return nil, err
	}
	id := s.buildID()
	if len(id) < 4 {
		return nil, fmt.Errorf("elf: split off debug data: %w", ErrNoBuildID)
	}
	out := &SplitFile{BuildID: id}
	if out.Debug, err = s.debugFile(); err != nil {
		return nil, err
	}
	out.Stripped, err = s.strippedFile(out.debugName(), crc32.ChecksumIEEE(out.Debug))
	return out, err
}

// splitter is an image with the names of its sections.
type splitter struct {
	*image
	names    []string
	shstrndx int
}

func (s *splitter) read() error {
	_, _, counts := s.headerAt()
	s.shstrndx = int(s.order.Uint16(s.b[counts+8:]))
	if len(s.secs) >= 0xff00 || s.shstrndx == 0 || s.shstrndx >= len(s.secs) {
		return errors.New("elf: split off debug data: the table of section names cannot be read")
	}
	total := uint64(0)
	for i, sec := range s.secs {
		if sec.typ != shtNoBits && sec.typ != shtNull && !s.has(sec.off, sec.size) {
			return fmt.Errorf("elf: section %d lies outside the file", i)
		}
		if sec.typ != shtNoBits {
			total += sec.size
		}
		loaded := sec.flags&shfAlloc != 0
		if sec.typ == shtNull && i > 0 || sec.flags&shfGroup != 0 || (!loaded || sec.typ == shtNote) && sec.align > 4096 || total > 2*uint64(len(s.b)) {
			return errors.New("elf: split off debug data: the file has sections that no linker makes")
		}
	}
	table := s.content(s.shstrndx)
	for _, sec := range s.secs {
		if uint64(sec.name) >= uint64(len(table)) {
			return errors.New("elf: split off debug data: a section has no name")
		}
		name, _, ended := bytes.Cut(table[sec.name:], []byte{0})
		if !ended {
			return errors.New("elf: split off debug data: a section's name has no end")
		}
		s.names = append(s.names, string(name))
	}
	return nil
}

func (s *splitter) content(i int) []byte {
	if s.secs[i].typ == shtNoBits || s.secs[i].typ == shtNull {
		return nil
	}
	return s.b[s.secs[i].off : s.secs[i].off+s.secs[i].size]
}

func isDebug(name string) bool {
	return strings.HasPrefix(name, ".debug_") || strings.HasPrefix(name, ".zdebug_") || name == ".gdb_index"
}

func (s *splitter) hasDebug() bool {
	return slices.ContainsFunc(s.names, func(n string) bool { return n == ".debug_info" || n == ".zdebug_info" })
}

// leaves tells what is only in the debug part: debug data, the symbol table and its strings.
func (s *splitter) leaves(i int) bool {
	if s.secs[i].flags&shfAlloc != 0 {
		return false
	}
	switch s.secs[i].typ {
	case shtSymTab, shtRelA, shtRel: // relocations that --emit-relocs keeps
		return true
	}
	if isDebug(s.names[i]) {
		return true
	}
	if s.secs[i].typ != shtStrTab || i == s.shstrndx {
		return false
	}
	return slices.ContainsFunc(s.secs, func(sec section) bool { return sec.typ == shtSymTab && int(sec.link) == i })
}

// buildID reads the note of the GNU build ID.
func (s *splitter) buildID() string {
	const gnuBuildID = 3
	for i, sec := range s.secs {
		if sec.typ != shtNote {
			continue
		}
		for note := s.content(i); len(note) >= 12; {
			nameLen, descLen, kind := s.order.Uint32(note), s.order.Uint32(note[4:]), s.order.Uint32(note[8:])
			from := 12 + (uint64(nameLen)+3)&^3
			to := from + uint64(descLen)
			if to > uint64(len(note)) {
				break
			}
			if kind == gnuBuildID && string(note[12:12+nameLen]) == "GNU\x00" {
				return fmt.Sprintf("%x", note[from:to])
			}
			note = note[min((to+3)&^3, uint64(len(note))):]
		}
	}
	return ""
}

// debugFile has all sections under their old numbers, so that symbols keep theirs. Of what is loaded only
// notes have content.
func (s *splitter) debugFile() ([]byte, error) {
	phSize, _ := s.sizes()
	ehSize := s.headerSize()
	w := &elfWriter{image: s.image}
	w.b = append(bytes.Clone(s.b[:ehSize]), make([]byte, phSize*uint64(len(s.segs)))...)
	secs := slices.Clone(s.secs)
	for i := range secs {
		sec := &secs[i]
		switch {
		case i == 0:
		case sec.typ == shtNoBits, sec.flags&shfAlloc != 0 && sec.typ != shtNote:
			sec.typ, sec.off = shtNoBits, uint64(len(w.b))
		default:
			sec.off = w.add(s.content(i), sec.align)
		}
	}
	segs := slices.Clone(s.segs)
	for i := range segs {
		s.emptied(&segs[i], secs)
	}
	return w.finish(secs, segs, ehSize, s.shstrndx)
}

// headerSize is that of the ELF header.
func (s *splitter) headerSize() uint64 {
	if s.wide {
		return 64
	}
	return 52
}

// emptied makes a program header of the debug part: it keeps its addresses, and content only where all of it
// is one note section.
func (s *splitter) emptied(seg *segment, secs []section) {
	old := *seg
	seg.off, seg.filesz = 0, 0
	phSize, _ := s.sizes()
	headers := s.headerSize() + phSize*uint64(len(s.segs))
	switch {
	case old.typ == ptPhdr:
		seg.off, seg.filesz = s.headerSize(), headers-s.headerSize()
		return
	case old.typ == ptLoad && old.off == 0:
		seg.filesz = min(old.filesz, headers)
		return
	case old.align > 1:
		seg.off = old.vaddr % old.align
	}
	for i := range secs {
		was := s.secs[i]
		if was.typ == shtNote && was.flags&shfAlloc != 0 && was.off == old.off && was.size == old.filesz {
			seg.off, seg.filesz = secs[i].off, secs[i].size
		}
	}
}

// strippedFile keeps the start of the file, up to the end of what is loaded, as it is.
func (s *splitter) strippedFile(link string, sum uint32) ([]byte, error) {
	end, err := s.loadedEnd()
	if err != nil {
		return nil, err
	}
	w := &elfWriter{image: s.image}
	w.b = bytes.Clone(s.b[:end])
	number := make([]uint32, len(s.secs))
	var secs []section
	var names []string
	for i, sec := range s.secs {
		if s.leaves(i) {
			number[i] = math.MaxUint32
			continue
		}
		if sec.flags&shfAlloc != 0 && len(secs) != i {
			return nil, errors.New("elf: split off debug data: what is loaded stands behind debug data among the sections")
		}
		number[i] = uint32(len(secs))
		if sec.flags&shfAlloc == 0 && i > 0 && i != s.shstrndx {
			sec.off = w.add(s.content(i), sec.align)
		}
		secs, names = append(secs, sec), append(names, s.names[i])
	}
	for k := range secs {
		if l := secs[k].link; l != 0 && int(l) < len(number) {
			if secs[k].link = number[l]; secs[k].link == math.MaxUint32 {
				secs[k].link = 0
			}
		}
	}
	linkText := append([]byte(link), 0)
	linkText = append(linkText, make([]byte, (4-len(linkText)%4)%4+4)...)
	s.order.PutUint32(linkText[len(linkText)-4:], sum)
	secs = append(secs, section{typ: shtProgBits, off: w.add(linkText, 4), size: uint64(len(linkText)), align: 4})
	names = append(names, debugLink)
	at := int(number[s.shstrndx])
	table := sectionNames(secs, names)
	secs[at].off, secs[at].size = w.add(table, 1), uint64(len(table))
	return w.finish(secs, nil, 0, at)
}

// sectionNames makes the table of names and points the sections into it.
func sectionNames(secs []section, names []string) []byte {
	table := []byte{0}
	for i, n := range names {
		if n == "" {
			secs[i].name = 0
			continue
		}
		at := bytes.Index(table, append([]byte(n), 0))
		if at < 0 {
			at = len(table)
			table = append(append(table, n...), 0)
		}
		secs[i].name = uint32(at)
	}
	return table
}

// loadedEnd is the end of all that segments and loaded sections hold in the file.
func (s *splitter) loadedEnd() (uint64, error) {
	phSize, _ := s.sizes()
	end := s.phoff + phSize*uint64(len(s.segs))
	for _, seg := range s.segs {
		if seg.filesz > 0 {
			if !s.has(seg.off, seg.filesz) {
				return 0, errors.New("elf: split off debug data: a segment lies outside the file")
			}
			end = max(end, seg.off+seg.filesz)
		}
	}
	for _, sec := range s.secs {
		if sec.flags&shfAlloc != 0 && sec.typ != shtNoBits {
			end = max(end, sec.off+sec.size)
		}
	}
	for i, sec := range s.secs {
		if s.leaves(i) && sec.size > 0 && sec.off < end {
			return 0, errors.New("elf: split off debug data: debug data lies within what is loaded")
		}
	}
	return end, nil
}

// elfWriter appends sections to a file.
type elfWriter struct {
	*image
	b []byte
}

// add appends content at a multiple of align and returns where it is.
func (w *elfWriter) add(content []byte, align uint64) uint64 {
	w.pad(max(align, 1))
	at := uint64(len(w.b))
	w.b = append(w.b, content...)
	return at
}

func (w *elfWriter) pad(align uint64) {
	if rest := uint64(len(w.b)) % align; rest > 0 {
		w.b = append(w.b, make([]byte, align-rest)...)
	}
}

// finish appends the section headers and sets the file's header. segs, if any, are written at phoff.
func (w *elfWriter) finish(secs []section, segs []segment, phoff uint64, shstrndx int) ([]byte, error) {
	w.pad(8)
	_, shSize := w.sizes()
	shoff := uint64(len(w.b))
	w.b = append(w.b, make([]byte, shSize*uint64(len(secs)))...)
	if !w.wide && uint64(len(w.b)) > math.MaxUint32 {
		return nil, errors.New("elf: split off debug data: the file is too large for 32 bits")
	}
	g := &image{b: w.b, order: w.order, wide: w.wide, phoff: phoff, shoff: shoff, segs: segs, secs: secs}
	phAt, shAt, counts := g.headerAt()
	if segs != nil {
		g.putAddr(phAt, phoff)
	}
	g.putAddr(shAt, shoff)
	for i := range segs {
		g.putSegment(i)
	}
	for i := range secs {
		g.putSection(i)
	}
	g.order.PutUint16(g.b[counts+6:], uint16(len(secs)))
	g.order.PutUint16(g.b[counts+8:], uint16(shstrndx))
	return g.b, nil
}
