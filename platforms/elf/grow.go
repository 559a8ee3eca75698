package elf

import (
	"fmt"
	"math"
	"slices"
)

// bssSmall is how much of zeros the file may grow by before other ways are tried, bssMost the most ever.
const (
	bssSmall = 64 << 10
	bssMost  = 32 << 20
)

// moveTable lets the string table grow by a text where it is, or puts it elsewhere and zeroes the old one.
func (f *image) moveTable(added []byte) error {
	if ok, err := f.growTable(added); ok || err != nil {
		return err
	}
	old, _ := f.value(dtStrTab)
	size, _ := f.value(dtStrSz)
	n := size + uint64(len(added))
	at, addr, ok := f.slack(old, n)
	if !ok {
		var err error
		if at, addr, err = f.append(n, false); err != nil {
			return err
		}
	}
	if err := f.copyTable(at, added); err != nil {
		return err
	}
	f.touch(at, n)
	f.pointTable(old, at, addr, n)
	return nil
}

// copyTable copies the string table to a new place, at, with added behind it, and clears the old one.
func (f *image) copyTable(at uint64, added []byte) error {
	off, size, err := f.strtab()
	if err != nil {
		return err
	}
	old := f.b[off : off+size]
	copy(f.b[at+uint64(copy(f.b[at:], old)):], added)
	clear(old)
	f.touch(off, size)
	return nil
}

// moveBoth puts string table and dynamic section into a place that can be written: the loader notes
// things in the dynamic section.
func (f *image) moveBoth(added []byte) error {
	old, _ := f.value(dtStrTab)
	size, _ := f.value(dtStrSz)
	size += uint64(len(added))
	n := (size + 15) &^ 15
	slots := uint64(f.slots + 1)
	bytesOfDyn := slots * 2 * f.word()
	at, addr, err := f.append(n+bytesOfDyn, true)
	if err != nil {
		return err
	}
	if err := f.copyTable(at, added); err != nil {
		return err
	}
	f.touch(at, n+bytesOfDyn)
	f.pointTable(old, at, addr, size)
	s := &f.segs[f.dynSeg]
	for i := range f.secs {
		if f.secs[i].typ == shtDynamic {
			f.secs[i].off, f.secs[i].addr, f.secs[i].size = at+n, addr+n, bytesOfDyn
			f.putSection(i)
		}
	}
	for i := range f.dyn {
		if f.mach == machMIPS && f.dyn[i].tag == dtMIPSRldMapRel {
			f.dyn[i].val += s.vaddr - (addr + n) // relative to its own place
		}
	}
	clear(f.b[s.off : s.off+s.filesz])
	f.touch(s.off, s.filesz)
	s.off, s.vaddr, s.paddr, s.filesz, s.memsz = at+n, addr+n, addr+n, bytesOfDyn, bytesOfDyn
	f.putSegment(f.dynSeg)
	f.dynAt, f.slots = at+n, int(slots)
	return nil
}

func (f *image) pointTable(old, off, addr, size uint64) {
	f.dyn[f.find(dtStrTab)].val = addr
	f.dyn[f.find(dtStrSz)].val = size
	f.putDynamic()
	for i, s := range f.secs {
		if s.typ == shtStrTab && s.flags&shfAlloc != 0 && s.addr == old {
			f.secs[i].off, f.secs[i].addr, f.secs[i].size = off, addr, size
			f.putSection(i)
		}
	}
}

// slack finds n unused bytes behind the segment that holds addr.
func (f *image) slack(addr, n uint64) (off, vaddr uint64, ok bool) {
	for i, s := range f.segs {
		if s.typ == ptLoad && addr >= s.vaddr && addr-s.vaddr < s.filesz {
			return f.slackBehind(i, n, 1)
		}
	}
	return 0, 0, false
}

// nextUse is the first offset from off on that something in the file needs.
func (f *image) nextUse(off uint64) uint64 {
	next := uint64(len(f.b))
	use := func(at, n uint64) {
		if n > 0 && at+n > off {
			next = min(next, max(at, off))
		}
	}
	for _, s := range f.segs {
		if s.typ == ptLoad {
			use(s.off, s.filesz)
		}
	}
	for _, s := range f.secs {
		if s.typ != shtNoBits {
			use(s.off, s.size)
		}
	}
	phSize, shSize := f.sizes()
	use(f.shoff, uint64(len(f.secs))*shSize)
	use(f.phoff, uint64(len(f.segs))*phSize)
	return next
}

// nextPage is where, behind vaddr, the first page of another segment begins.
func (f *image) nextPage(vaddr uint64) uint64 {
	next := uint64(math.MaxUint64)
	for _, s := range f.segs {
		if s.typ == ptLoad && s.vaddr >= vaddr {
			next = min(next, s.vaddr&^(max(s.align, 4096)-1))
		}
	}
	return next
}

// append makes n bytes at the end of the last segment, or of a new one, and returns where they are.
func (f *image) append(n uint64, write bool) (off, vaddr uint64, err error) {
	last := -1
	for i, s := range f.segs {
		if s.typ == ptLoad && (last < 0 || s.vaddr >= f.segs[last].vaddr) {
			last = i
		}
	}
	if last < 0 {
		return 0, 0, fmt.Errorf("elf: %w: no segment is loaded", ErrNoRoom)
	}
	const writable = 2
	s := f.segs[last]
	limit := uint64(math.MaxUint64)
	if !f.wide {
		limit = math.MaxUint32
	}
	if end := s.vaddr + s.memsz; end > limit-2*maxAlign-n {
		return 0, 0, fmt.Errorf("elf: %w: the address space ends", ErrNoRoom)
	}
	canExtend := s.memsz >= s.filesz && f.has(s.off, s.filesz) && (!write || s.flags&writable != 0) && f.endsFile(last)
	bss := s.memsz - s.filesz
	if canExtend && bss <= bssSmall {
		return f.extend(last, n)
	}
	if i := f.spareNote(true); i >= 0 {
		return f.newSegment(i, last, n, write)
	}
	if canExtend && bss <= bssMost {
		return f.extend(last, n)
	}
	if i := f.spareNote(false); i >= 0 { // the note stays in its section; no program needs it to run
		return f.newSegment(i, last, n, write)
	}
	return 0, 0, fmt.Errorf("elf: %w: its data is followed by %d bytes of zeros, and no program header is to spare", ErrNoRoom, bss)
}

// endsFile tells whether no other segment's content lies behind that of the last one.
func (f *image) endsFile(last int) bool {
	end := f.segs[last].off + f.segs[last].filesz
	for i, s := range f.segs {
		if i != last && s.typ == ptLoad && s.filesz > 0 && s.off+s.filesz > end {
			return false
		}
	}
	phSize, _ := f.sizes()
	return f.phoff+uint64(len(f.segs))*phSize <= end
}

// extend makes the zeros behind the last segment's content real and puts n bytes after them. What lies
// behind in the file is not loaded and moves.
func (f *image) extend(last int, n uint64) (off, vaddr uint64, err error) {
	s := &f.segs[last]
	end, bss := s.off+s.filesz, s.memsz-s.filesz
	vaddr = (s.vaddr + s.memsz + 15) &^ 15
	off = s.off + vaddr - s.vaddr
	insert := off + n - end
	if behind := uint64(len(f.b)) - end; behind > 0 {
		insert = (insert + 63) &^ 63 // keeps the alignment of what moves
	}
	size := uint64(len(f.b))
	f.b = slices.Grow(f.b, int(insert))[:size+insert]
	copy(f.b[end+insert:], f.b[end:size])
	clear(f.b[end : end+insert])
	f.touch(end, uint64(len(f.b))-end)
	if f.shoff >= end && f.shoff > 0 {
		f.shoff += insert
		_, shAt, _ := f.headerAt()
		f.putAddr(shAt, f.shoff)
		f.touch(shAt, f.word())
	}
	for i := range f.secs {
		sec := &f.secs[i]
		inBSS := sec.typ == shtNoBits && sec.flags&shfAlloc != 0 && sec.flags&shfTLS == 0 && sec.addr >= s.vaddr+s.filesz && sec.addr < s.vaddr+s.memsz
		switch {
		case inBSS && bss > 0:
			sec.typ, sec.off = 1, s.off+sec.addr-s.vaddr // SHT_PROGBITS: the zeros are in the file now
		case sec.off >= end && sec.flags&shfAlloc == 0:
			sec.off += insert
		}
		f.putSection(i)
	}
	for i := range f.segs { // notes and the like that are not loaded may lie behind
		if g := &f.segs[i]; i != last && g.typ != ptLoad && g.vaddr == 0 && g.filesz > 0 && g.off >= end {
			g.off += insert
			f.putSegment(i)
		}
	}
	s.memsz = vaddr + n - s.vaddr
	s.filesz = s.memsz
	f.putSegment(last)
	return off, vaddr, nil
}

// spareNote finds a note segment whose header another may have: the one that repeats PT_GNU_PROPERTY, which
// loaders read first, or with twin unset any. Segments that are loaded stand in the order of their
// addresses, so it must come after them.
func (f *image) spareNote(twin bool) int {
	for i, s := range f.segs {
		if s.typ != ptNote || f.lastLoad() > i {
			continue
		}
		if !twin || slices.ContainsFunc(f.segs, func(p segment) bool {
			return p.typ == ptGNUProperty && s.off == p.off && s.filesz == p.filesz
		}) {
			return i
		}
	}
	return -1
}

func (f *image) lastLoad() int {
	last := -1
	for i, s := range f.segs {
		if s.typ == ptLoad {
			last = i
		}
	}
	return last
}

// newSegment turns program header i into a segment of n bytes at the end of the file.
func (f *image) newSegment(i, last int, n uint64, write bool) (off, vaddr uint64, err error) {
	s := f.segs[last]
	page := max(s.align, 4096)
	off = (uint64(len(f.b)) + 15) &^ 15
	vaddr = (s.vaddr+s.memsz+page-1)&^(page-1) + off%page
	f.touch(uint64(len(f.b)), off+n-uint64(len(f.b)))
	f.b = append(f.b, make([]byte, off+n-uint64(len(f.b)))...)
	flags := uint32(4)
	if write {
		flags |= 2
	}
	f.segs[i] = segment{ptLoad, flags, off, vaddr, vaddr, n, n, page}
	f.putSegment(i)
	return off, vaddr, nil
}
