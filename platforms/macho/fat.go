package macho

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// part is one slice of a fat file.
type part struct {
	cpu, sub uint32
	align    uint32 // power of two
	off      uint64
	b        []byte
}

// isFat tells of files that hold several slices.
func isFat(b []byte) bool {
	if !Is(b) {
		return false
	}
	magic := binary.BigEndian.Uint32(b)
	return magic == magicFat || magic == magicFat2
}

// split takes a file into its slices; a file for one processor is its only one.
func split(b []byte) ([]part, error) {
	if !Is(b) {
		return nil, ErrNotMachO
	}
	if !isFat(b) {
		return []part{{b: b}}, nil
	}
	count, size := int(binary.BigEndian.Uint32(b[4:])), archSize(b)
	if len(b) < 8+count*size {
		return nil, malformed("table of processors is cut short")
	}
	var parts []part
	for i := range count {
		p, length := readArch(b[8+i*size:], size)
		if p.align > 30 || p.off < uint64(8+count*size) || p.off > uint64(len(b)) || length > uint64(len(b))-p.off {
			return nil, malformed("slice %d lies outside the file", i)
		}
		p.b = b[p.off : p.off+length : p.off+length]
		parts = append(parts, p)
	}
	sorted := slices.Clone(parts)
	slices.SortFunc(sorted, func(a, b part) int { return cmp.Compare(a.off, b.off) })
	for i := 1; i < len(sorted); i++ {
		if last := sorted[i-1]; last.off+uint64(len(last.b)) > sorted[i].off {
			return nil, malformed("slices overlap")
		}
	}
	return parts, nil
}

// archSize is that of fat_arch or fat_arch_64.
func archSize(b []byte) int {
	if binary.BigEndian.Uint32(b) == magicFat2 {
		return 32
	}
	return 20
}

func readArch(b []byte, size int) (p part, length uint64) {
	o := binary.BigEndian
	p = part{cpu: o.Uint32(b), sub: o.Uint32(b[4:])}
	if size == 32 {
		p.off, length, p.align = o.Uint64(b[8:]), o.Uint64(b[16:]), o.Uint32(b[24:])
	} else {
		p.off, length, p.align = uint64(o.Uint32(b[8:])), uint64(o.Uint32(b[12:])), o.Uint32(b[16:])
	}
	return p, length
}

// join puts the slices back. Each keeps its place where none has another size than before; else they are
// laid out anew, in their order.
func join(b []byte, old, now []part) ([]byte, error) {
	if !isFat(b) {
		return now[0].b, nil
	}
	same := true
	for i := range now {
		same = same && len(now[i].b) == len(old[i].b)
	}
	if same {
		out := slices.Clone(b)
		for _, p := range now {
			copy(out[p.off:], p.b)
		}
		return out, nil
	}
	size := archSize(b)
	out := slices.Clone(b[:8+len(now)*size])
	for i, p := range now {
		for uint64(len(out))%(1<<p.align) != 0 {
			out = append(out, 0)
		}
		if size == 20 && uint64(len(out))+uint64(len(p.b)) > 1<<32-1 {
			return nil, malformed("slice %d would lie behind 4 GiB", i)
		}
		at, o := out[8+i*size:], binary.BigEndian
		if size == 32 {
			o.PutUint64(at[8:], uint64(len(out)))
			o.PutUint64(at[16:], uint64(len(p.b)))
		} else {
			o.PutUint32(at[8:], uint32(len(out)))
			o.PutUint32(at[12:], uint32(len(p.b)))
		}
		out = append(out, p.b...)
	}
	return out, nil
}

// each does edit to every slice.
func each(b []byte, edit func(*image) error) ([]byte, error) {
	parts, err := split(b)
	if err != nil {
		return nil, err
	}
	now := slices.Clone(parts)
	for i, p := range parts {
		m, err := parse(slices.Clone(p.b))
		if err != nil {
			return nil, err
		}
		if err := edit(m); err != nil {
			return nil, err
		}
		now[i].b = m.b
	}
	return join(b, parts, now)
}
