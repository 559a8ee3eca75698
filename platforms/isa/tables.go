package isa

import "encoding/binary"

// tables are the jump tables that lie among the code of a function: LLVM puts them behind the code of a function for
// Windows, and any bytes of theirs would be read as instructions.
type tables []span

type span struct{ from, to int }

// note adds the table that the instruction at an offset of f loads the address of (lea reg, [rip+x]), if what lies
// there is one: at least three offsets of 32 bits, relative to their table, that all lead into the function.
func (t *tables) note(f function, at int) {
	b := f.bytes[at:]
	const size = 7
	if len(b) < size || b[1] != 0x8d || b[0]&^0x04 != 0x48 || b[2]&0xc7 != 0x05 {
		return
	}
	from := at + size + int(int32(binary.LittleEndian.Uint32(b[3:])))
	if from < at+size || from >= len(f.bytes) {
		return
	}
	to := from
	for to+4 <= len(f.bytes) {
		leads := from + int(int32(binary.LittleEndian.Uint32(f.bytes[to:])))
		if leads < 0 || leads >= from {
			break
		}
		to += 4
	}
	if to-from >= 3*4 {
		*t = append(*t, span{from, to})
	}
}

// end is where the table ends that an offset lies in, 0 where it lies in none.
func (t tables) end(at int) int {
	for _, s := range t {
		if s.from <= at && at < s.to {
			return s.to
		}
	}
	return 0
}
