package elf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// strtab returns place and size of the dynamic string table in the file.
func (f *image) strtab() (off, size uint64, err error) {
	addr, ok := f.value(dtStrTab)
	size, ok2 := f.value(dtStrSz)
	if !ok || !ok2 {
		return 0, 0, errors.New("elf: the dynamic section names no string table")
	}
	off, ok = f.offset(addr, size)
	if !ok {
		return 0, 0, errors.New("elf: the dynamic string table lies outside the file")
	}
	return off, size, nil
}

// str is the string at an offset of the dynamic string table.
func (f *image) str(at uint64) (string, error) {
	off, size, err := f.strtab()
	if err != nil {
		return "", err
	}
	if at >= size {
		return "", fmt.Errorf("elf: string %d lies outside the dynamic string table", at)
	}
	rest := f.b[off+at : off+size]
	end := bytes.IndexByte(rest, 0)
	if end < 0 {
		return "", errors.New("elf: the dynamic string table has no end")
	}
	return string(rest[:end]), nil
}

// isStringTag knows the tags whose value is an offset of the string table.
func isStringTag(tag int64) bool {
	switch tag {
	case dtNeeded, dtSoName, dtRPath, dtRunPath, dtConfig, dtDepAudit, dtAudit, dtAuxiliary, dtFilter:
		return true
	}
	return false
}

// references lists every offset of the string table that is used, but for one entry of the dynamic section. Linkers let one string be the end of another, so none may be changed without a look
// at who else uses it.
func (f *image) references(but int) ([]uint64, error) {
	refs, err := f.otherReferences()
	for i, e := range f.dyn {
		if i != but && isStringTag(e.tag) {
			refs = append(refs, e.val)
		}
	}
	return refs, err
}

// otherReferences are those of symbols and versions, in the order of their tables.
func (f *image) otherReferences() ([]uint64, error) {
	refs, err := f.symbolNames()
	if err != nil {
		return nil, err
	}
	needs, err := f.needs()
	if err != nil {
		return nil, err
	}
	for _, n := range needs {
		refs = append(refs, n.file)
		refs = append(refs, n.versions...)
	}
	defs, err := f.defs()
	if err != nil {
		return nil, err
	}
	return append(refs, defs...), nil
}

// symbolNames lists st_name of the dynamic symbols.
func (f *image) symbolNames() ([]uint64, error) {
	addr, ok := f.value(dtSymTab)
	if !ok {
		return nil, nil
	}
	entry := uint64(16)
	if f.wide {
		entry = 24
	}
	n, err := f.symbolCount(addr, entry)
	if err != nil {
		return nil, err
	}
	off, ok := f.offset(addr, n*entry)
	if !ok {
		return nil, errors.New("elf: the dynamic symbols lie outside the file")
	}
	names := make([]uint64, n, n+64) // some more: callers add those of versions
	if table := f.b[off : off+n*entry]; f.order == binary.LittleEndian {
		for i := range names {
			names[i] = uint64(binary.LittleEndian.Uint32(table[uint64(i)*entry:]))
		}
		return names, nil
	}
	for i := range n {
		names[i] = uint64(f.order.Uint32(f.b[off+i*entry:]))
	}
	return names, nil
}

func (f *image) symbolCount(addr, entry uint64) (uint64, error) {
	for _, s := range f.secs {
		if s.typ == shtDynSym && s.addr == addr && f.has(s.off, s.size) {
			return s.size / entry, nil
		}
	}
	if at, ok := f.value(dtHash); ok {
		// On s390x and alpha the words of DT_HASH have 8 bytes; they have section headers too.
		if off, ok := f.offset(at, 8); ok {
			return uint64(f.order.Uint32(f.b[off+4:])), nil
		}
	}
	if at, ok := f.value(dtGNUHash); ok {
		return f.countGNU(at)
	}
	return 0, errors.New("elf: the number of dynamic symbols is not told")
}

// countGNU walks the last chain of a GNU hash table, which ends with the last symbol.
func (f *image) countGNU(at uint64) (uint64, error) {
	bad := errors.New("elf: the GNU hash table lies outside the file")
	off, ok := f.offset(at, 16)
	if !ok {
		return 0, bad
	}
	u32 := func(p uint64) uint64 { return uint64(f.order.Uint32(f.b[p:])) }
	buckets, first, bloom := u32(off), u32(off+4), u32(off+8)
	table := off + 16 + bloom*f.word()
	if bloom > maxEntries*16 || buckets > maxEntries*256 || !f.has(table, buckets*4) {
		return 0, bad
	}
	last := uint64(0)
	for i := range buckets {
		last = max(last, u32(table+i*4))
	}
	if last < first {
		return first, nil
	}
	for chain := table + buckets*4 + (last-first)*4; ; chain += 4 {
		if !f.has(chain, 4) {
			return 0, bad
		}
		last++
		if u32(chain)&1 != 0 {
			return last, nil
		}
	}
}

// need is one library's entry of the version requirements.
type need struct {
	file     uint64
	versions []uint64
}

func (f *image) needs() ([]need, error) {
	addr, ok := f.value(dtVerNeed)
	count, ok2 := f.value(dtVerNeedNum)
	if !ok || !ok2 {
		return nil, nil
	}
	bad := errors.New("elf: the version requirements lie outside the file")
	if count > maxEntries {
		return nil, bad
	}
	var out []need
	for range count {
		off, ok := f.offset(addr, 16)
		if !ok {
			return nil, bad
		}
		n := need{file: uint64(f.order.Uint32(f.b[off+4:]))}
		aux := addr + uint64(f.order.Uint32(f.b[off+8:]))
		for range f.order.Uint16(f.b[off+2:]) {
			at, ok := f.offset(aux, 16)
			if !ok {
				return nil, bad
			}
			n.versions = append(n.versions, uint64(f.order.Uint32(f.b[at+8:])))
			aux += uint64(f.order.Uint32(f.b[at+12:]))
		}
		out = append(out, n)
		next := uint64(f.order.Uint32(f.b[off+12:]))
		if next == 0 {
			break
		}
		addr += next
	}
	return out, nil
}

func (f *image) defs() ([]uint64, error) {
	addr, ok := f.value(dtVerDef)
	count, ok2 := f.value(dtVerDefNum)
	if !ok || !ok2 {
		return nil, nil
	}
	bad := errors.New("elf: the version definitions lie outside the file")
	if count > maxEntries {
		return nil, bad
	}
	var out []uint64
	for range count {
		off, ok := f.offset(addr, 20)
		if !ok {
			return nil, bad
		}
		aux := addr + uint64(f.order.Uint32(f.b[off+12:]))
		for range f.order.Uint16(f.b[off+6:]) {
			at, ok := f.offset(aux, 8)
			if !ok {
				return nil, bad
			}
			out = append(out, uint64(f.order.Uint32(f.b[at:])))
			aux += uint64(f.order.Uint32(f.b[at+4:]))
		}
		next := uint64(f.order.Uint32(f.b[off+16:]))
		if next == 0 {
			break
		}
		addr += next
	}
	return out, nil
}
