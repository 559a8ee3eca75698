package elf

import "bytes"

const shtGNUVersym = 0x6fffffff

// growTable lets the string table grow over what GNU linkers put behind it, the versions of the symbols. Those
// move instead, which are two bytes for each symbol, a twelfth of its name. It reports false, and has changed
// nothing, where something else lies behind the table, or where the versions do not make enough room.
func (f *image) growTable(added []byte) (bool, error) {
	off, size, err := f.strtab()
	if err != nil {
		return false, err
	}
	old, n, ok := f.versions()
	end := off + size
	if !ok || old < end || old > end+1 || old+n < end+uint64(len(added)) {
		return false, nil
	}
	at, addr, ok := f.slackAnywhere(n)
	if !ok {
		if at, addr, err = f.append(n, false); err != nil {
			return false, err
		}
	}
	copy(f.b[at:at+n], f.b[old:old+n])
	clear(f.b[end : old+n])
	copy(f.b[end:], added)
	f.touch(at, n)
	f.touch(end, old+n-end)
	table, _ := f.value(dtStrTab)
	f.pointVersions(at, addr)
	f.pointTable(table, off, table, size+uint64(len(added)))
	return true, nil
}

// versions are place and size in the file of the symbols' versions (DT_VERSYM), if the section headers, where
// there are any, say the same.
func (f *image) versions() (off, n uint64, ok bool) {
	addr, has := f.value(dtVerSym)
	symbols, hasSymbols := f.value(dtSymTab)
	if !has || !hasSymbols {
		return 0, 0, false
	}
	entry := uint64(16)
	if f.wide {
		entry = 24
	}
	count, err := f.symbolCount(symbols, entry)
	if err != nil {
		return 0, 0, false
	}
	n = 2 * count
	if off, ok = f.offset(addr, n); !ok {
		return 0, 0, false
	}
	i := f.versionsSection(addr)
	return off, n, len(f.secs) == 0 || i >= 0 && f.secs[i].off == off && f.secs[i].size == n
}

func (f *image) versionsSection(addr uint64) int {
	for i, s := range f.secs {
		if s.typ == shtGNUVersym && s.addr == addr {
			return i
		}
	}
	return -1
}

func (f *image) pointVersions(off, addr uint64) {
	i := f.find(dtVerSym)
	if s := f.versionsSection(f.dyn[i].val); s >= 0 {
		f.secs[s].off, f.secs[s].addr = off, addr
		f.putSection(s)
	}
	f.dyn[i].val = addr
}

// slackAnywhere is slack behind any segment that cannot be written to, best one that cannot be run.
func (f *image) slackAnywhere(n uint64) (off, vaddr uint64, ok bool) {
	const executable, writable = 1, 2
	for _, flags := range []uint32{0, executable} {
		for i, s := range f.segs {
			if s.typ != ptLoad || s.flags&(executable|writable) != flags {
				continue
			}
			if off, vaddr, ok = f.slackBehind(i, n, 2); ok {
				return off, vaddr, true
			}
		}
	}
	return 0, 0, false
}

// slackBehind finds n unused bytes, aligned, behind a segment: the padding up to the next page, which is in the
// file and gets mapped anyway.
func (f *image) slackBehind(i int, n, align uint64) (off, vaddr uint64, ok bool) {
	s := f.segs[i]
	if s.filesz != s.memsz || s.filesz == 0 {
		return 0, 0, false
	}
	pad := -(s.vaddr + s.memsz) & (align - 1)
	n += pad
	off, vaddr = s.off+s.filesz, s.vaddr+s.memsz
	if off+n > f.nextUse(off) || vaddr+n > f.nextPage(vaddr) || len(bytes.Trim(f.b[off:off+n], "\x00")) > 0 {
		return 0, 0, false
	}
	f.segs[i].filesz += n
	f.segs[i].memsz += n
	f.putSegment(i)
	return off + pad, vaddr + pad, true
}
