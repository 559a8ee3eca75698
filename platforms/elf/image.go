// Package elf reads the dynamic section of ELF files and rewrites their library search path and interpreter.
//
// Layout and names follow the System V gABI, "Object Files" and "Program Loading and Dynamic Linking".
package elf

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrNotELF is returned, wrapped, for what does not begin as an ELF file.
var ErrNotELF = errors.New("not an ELF file")

// Is tells by its first bytes whether a file is ELF.
func Is(head []byte) bool { return len(head) >= 4 && string(head[:4]) == "\x7fELF" }

// image is a file in memory with its tables decoded. Offsets in it are checked before they are used.
type image struct {
	b      []byte
	order  binary.ByteOrder
	wide   bool // ELF64
	typ    uint16
	mach   uint16
	phoff  uint64
	shoff  uint64
	segs   []segment
	secs   []section
	dyn    []dynEntry // up to the first DT_NULL, without it
	slots  int        // entries the dynamic section has room for, DT_NULLs included
	dynAt  uint64     // file offset
	dynSeg int        // index of PT_DYNAMIC, -1 for none

	touched []Range // what was written to
}

// Range is a part of a file.
type Range struct{ Off, Len uint64 }

func (f *image) touch(off, n uint64) { f.touched = append(f.touched, Range{off, n}) }

type segment struct {
	typ, flags                              uint32
	off, vaddr, paddr, filesz, memsz, align uint64
}

type section struct {
	name, typ, link, info  uint32
	flags, addr, off, size uint64
	align, entsize         uint64
}

type dynEntry struct {
	tag int64
	val uint64
}

// Segment and section types, and tags of the dynamic section.
const (
	ptLoad        = 1
	ptDynamic     = 2
	ptInterp      = 3
	ptNote        = 4
	ptPhdr        = 6
	ptGNUProperty = 0x6474e553

	shtNoBits  = 8
	shtStrTab  = 3
	shtDynSym  = 11
	shtDynamic = 6
	shfAlloc   = 2
	shfTLS     = 0x400

	dtNull          = 0
	dtNeeded        = 1
	dtHash          = 4
	dtStrTab        = 5
	dtSymTab        = 6
	dtStrSz         = 10
	dtSymEnt        = 11
	dtSoName        = 14
	dtRPath         = 15
	dtRunPath       = 29
	dtConfig        = 0x6ffffefa
	dtDepAudit      = 0x6ffffefb
	dtAudit         = 0x6ffffefc
	dtGNUHash       = 0x6ffffef5
	dtRelACount     = 0x6ffffff9
	dtRelCount      = 0x6ffffffa
	dtVerSym        = 0x6ffffff0
	dtVerDef        = 0x6ffffffc
	dtVerDefNum     = 0x6ffffffd
	dtVerNeed       = 0x6ffffffe
	dtVerNeedNum    = 0x6fffffff
	dtAuxiliary     = 0x7ffffffd
	dtFilter        = 0x7fffffff
	dtMIPSRldMapRel = 0x70000035

	machMIPS   = 8
	maxEntries = 1 << 16
	maxAlign   = 1 << 30
)

func parse(b []byte) (*image, error) {
	if !Is(b) {
		return nil, ErrNotELF
	}
	f := &image{b: b, dynSeg: -1}
	if len(b) < 52 {
		return nil, errors.New("elf: header is cut short")
	}
	switch b[4] {
	case 1:
	case 2:
		f.wide = true
	default:
		return nil, fmt.Errorf("elf: class %d is unknown", b[4])
	}
	switch b[5] {
	case 1:
		f.order = binary.LittleEndian
	case 2:
		f.order = binary.BigEndian
	default:
		return nil, fmt.Errorf("elf: byte order %d is unknown", b[5])
	}
	if f.wide && len(b) < 64 {
		return nil, errors.New("elf: header is cut short")
	}
	f.typ, f.mach = f.order.Uint16(b[16:]), f.order.Uint16(b[18:])
	if err := f.readTables(); err != nil {
		return nil, err
	}
	return f, f.readDynamic()
}

// word is the natural size of an address in the file.
func (f *image) word() uint64 {
	if f.wide {
		return 8
	}
	return 4
}

func (f *image) addr(at uint64) uint64 {
	if f.wide {
		return f.order.Uint64(f.b[at:])
	}
	return uint64(f.order.Uint32(f.b[at:]))
}

func (f *image) putAddr(at, v uint64) {
	if f.wide {
		f.order.PutUint64(f.b[at:], v)
	} else {
		f.order.PutUint32(f.b[at:], uint32(v))
	}
}

// has tells whether n bytes at off lie in the file.
func (f *image) has(off, n uint64) bool {
	return off <= uint64(len(f.b)) && n <= uint64(len(f.b))-off
}

// header fields that differ in place between the classes.
func (f *image) headerAt() (phoff, shoff, phentsize uint64) {
	if f.wide {
		return 32, 40, 54
	}
	return 28, 32, 42
}

func (f *image) sizes() (ph, sh uint64) {
	if f.wide {
		return 56, 64
	}
	return 32, 40
}

func (f *image) readTables() error {
	phAt, shAt, counts := f.headerAt()
	phSize, shSize := f.sizes()
	f.phoff, f.shoff = f.addr(phAt), f.addr(shAt)
	u16 := func(at uint64) uint64 { return uint64(f.order.Uint16(f.b[at:])) }
	phentsize, phnum, shentsize, shnum := u16(counts), u16(counts+2), u16(counts+4), u16(counts+6)
	if phnum > 0 {
		if phnum == 0xffff {
			return errors.New("elf: more than 65,534 program headers")
		}
		if phentsize != phSize || !f.has(f.phoff, phnum*phSize) {
			return errors.New("elf: the program headers lie outside the file")
		}
	}
	f.segs = make([]segment, 0, phnum)
	for i := range phnum {
		s := f.segmentAt(f.phoff + i*phSize)
		if s.typ == ptLoad && (s.off+s.filesz < s.off || s.vaddr+s.memsz < s.vaddr || s.align > maxAlign || s.align&(s.align-1) != 0) {
			return errors.New("elf: a segment lies outside the address space")
		}
		f.segs = append(f.segs, s)
	}
	if f.shoff == 0 {
		return nil
	}
	if shentsize != shSize || !f.has(f.shoff, shSize) {
		return errors.New("elf: the section headers lie outside the file")
	}
	if shnum == 0 { // more than 65,279: the count stands in the first header
		shnum = f.sectionAt(f.shoff).size
	}
	if shnum > maxEntries*16 || !f.has(f.shoff, shnum*shSize) {
		return errors.New("elf: the section headers lie outside the file")
	}
	f.secs = make([]section, 0, shnum)
	for i := range shnum {
		f.secs = append(f.secs, f.sectionAt(f.shoff+i*shSize))
	}
	return nil
}

func (f *image) segmentAt(at uint64) segment {
	u32 := func(d uint64) uint32 { return f.order.Uint32(f.b[at+d:]) }
	if f.wide {
		return segment{u32(0), u32(4), f.addr(at + 8), f.addr(at + 16), f.addr(at + 24), f.addr(at + 32), f.addr(at + 40), f.addr(at + 48)}
	}
	return segment{u32(0), u32(24), f.addr(at + 4), f.addr(at + 8), f.addr(at + 12), f.addr(at + 16), f.addr(at + 20), f.addr(at + 28)}
}

func (f *image) putSegment(i int) {
	phSize, _ := f.sizes()
	at, s := f.phoff+uint64(i)*phSize, f.segs[i]
	f.touch(at, phSize)
	fields := []uint64{s.off, s.vaddr, s.paddr, s.filesz, s.memsz}
	f.order.PutUint32(f.b[at:], s.typ)
	first, flags, align := at+4, at+24, at+28
	if f.wide {
		first, flags, align = at+8, at+4, at+48
	}
	for k, v := range fields {
		f.putAddr(first+uint64(k)*f.word(), v)
	}
	f.order.PutUint32(f.b[flags:], s.flags)
	f.putAddr(align, s.align)
}

func (f *image) sectionAt(at uint64) section {
	w := f.word()
	u32 := func(p uint64) uint32 { return f.order.Uint32(f.b[p:]) }
	p := at + 8
	s := section{name: u32(at), typ: u32(at + 4)}
	s.flags, s.addr, s.off, s.size = f.addr(p), f.addr(p+w), f.addr(p+2*w), f.addr(p+3*w)
	s.link, s.info = u32(p+4*w), u32(p+4*w+4)
	s.align, s.entsize = f.addr(p+4*w+8), f.addr(p+5*w+8)
	return s
}

func (f *image) putSection(i int) {
	_, shSize := f.sizes()
	w, s := f.word(), f.secs[i]
	at := f.shoff + uint64(i)*shSize
	p := at + 8
	f.touch(at, shSize)
	f.order.PutUint32(f.b[at:], s.name)
	f.order.PutUint32(f.b[at+4:], s.typ)
	for k, v := range []uint64{s.flags, s.addr, s.off, s.size} {
		f.putAddr(p+uint64(k)*w, v)
	}
	f.order.PutUint32(f.b[p+4*w:], s.link)
	f.order.PutUint32(f.b[p+4*w+4:], s.info)
	f.putAddr(p+4*w+8, s.align)
	f.putAddr(p+5*w+8, s.entsize)
}

// offset finds n bytes at a virtual address in the file.
func (f *image) offset(vaddr, n uint64) (uint64, bool) {
	for _, s := range f.segs {
		if s.typ == ptLoad && vaddr >= s.vaddr && vaddr-s.vaddr <= s.filesz && n <= s.filesz-(vaddr-s.vaddr) {
			off := s.off + vaddr - s.vaddr
			return off, off >= s.off && f.has(off, n)
		}
	}
	return 0, false
}

// readDynamic reads PT_DYNAMIC. Files that hold only debug data have the header and no content: such
// have no dynamic section here.
func (f *image) readDynamic() error {
	for i, s := range f.segs {
		if s.typ == ptDynamic {
			f.dynSeg = i
		}
	}
	if f.dynSeg < 0 {
		return nil
	}
	for _, s := range f.secs {
		if s.typ == shtNoBits && s.flags&shfAlloc != 0 && s.addr == f.segs[f.dynSeg].vaddr && s.size > 0 && s.flags&shfTLS == 0 {
			f.dynSeg = -1
			return nil
		}
	}
	s := f.segs[f.dynSeg]
	size := 2 * f.word()
	if s.filesz == 0 {
		f.dynSeg = -1
		return nil
	}
	if !f.has(s.off, s.filesz) || s.filesz/size > maxEntries {
		return errors.New("elf: the dynamic section lies outside the file")
	}
	f.dynAt, f.slots = s.off, int(s.filesz/size)
	f.dyn = make([]dynEntry, 0, f.slots)
	for i := range f.slots {
		at := f.dynAt + uint64(i)*size
		tag := int64(f.addr(at))
		if !f.wide {
			tag = int64(int32(f.order.Uint32(f.b[at:])))
		}
		if tag == dtNull {
			return nil
		}
		f.dyn = append(f.dyn, dynEntry{tag, f.addr(at + f.word())})
	}
	return nil
}

// putDynamic writes the entries back and fills the rest with DT_NULL.
func (f *image) putDynamic() {
	w := f.word()
	f.touch(f.dynAt, uint64(f.slots)*2*w)
	for i := range f.slots {
		e := dynEntry{}
		if i < len(f.dyn) {
			e = f.dyn[i]
		}
		at := f.dynAt + uint64(i)*2*w
		f.putAddr(at, uint64(e.tag))
		f.putAddr(at+w, e.val)
	}
}

func (f *image) find(tag int64) int {
	for i, e := range f.dyn {
		if e.tag == tag {
			return i
		}
	}
	return -1
}

func (f *image) value(tag int64) (uint64, bool) {
	if i := f.find(tag); i >= 0 {
		return f.dyn[i].val, true
	}
	return 0, false
}
