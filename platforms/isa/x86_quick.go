package isa

// Most instructions of a program are few kinds of old ones. quick reads those from a table; the library,
// which finds out all about an instruction, takes twenty times as long. What differs in whether it is one,
// or in what it asks for, by its prefixes or operands is not in the table.

// How an opcode of the table goes on. What is 0 is not in the table.
const (
	known    = 1 << iota
	modRM    // ModRM, SIB, displacement
	byteImm  // an immediate byte
	wordImm  // four bytes, two with an operand size prefix
	fullImm  // the same, and eight with REX.W
	inMemory // no register as the ModRM operand
	plain    // only without a prefix of those that choose between kinds, 66 F2 F3
	sized    // with 66 or none of them
)

// quickOne is of the opcodes of one byte, quickTwo of those behind 0F: the Intel 64 Architectures Software
// Developer's Manual, volume 2, appendix A, tables.
var quickOne, quickTwo = quickOpcodes()

func quickOpcodes() (one, two [256]byte) {
	set := func(table *[256]byte, form byte, ranges ...byte) {
		for i := 0; i+1 < len(ranges); i += 2 {
			for op := int(ranges[i]); op <= int(ranges[i+1]); op++ {
				table[op] = known | form
			}
		}
	}
	for op := byte(0); op < 0x40; op += 8 { // ADD OR ADC SBB AND SUB XOR CMP
		set(&one, modRM|sized, op, op+3)
		set(&one, byteImm|plain, op+4, op+4)
		set(&one, wordImm|sized, op+5, op+5)
	}
	set(&one, plain, 0x50, 0x5f, 0xc3, 0xc3, 0xc9, 0xc9, 0xcc, 0xcc)
	set(&one, sized, 0x90, 0x99)
	set(&one, modRM|sized, 0x84, 0x8b)
	set(&one, modRM|plain, 0x63, 0x63)
	set(&one, modRM|inMemory|sized, 0x8d, 0x8d)
	set(&one, modRM|byteImm|sized, 0x6b, 0x6b, 0x80, 0x80, 0x83, 0x83)
	set(&one, modRM|wordImm|sized, 0x69, 0x69, 0x81, 0x81)
	set(&one, byteImm|plain, 0x6a, 0x6a, 0x70, 0x7f, 0xa8, 0xa8, 0xb0, 0xb7, 0xeb, 0xeb)
	set(&one, wordImm|plain, 0x68, 0x68, 0xe8, 0xe9)
	set(&one, wordImm|sized, 0xa9, 0xa9)
	set(&one, fullImm|sized, 0xb8, 0xbf)

	set(&two, plain, 0x05, 0x05, 0x0b, 0x0b, 0xc8, 0xcf)
	set(&two, modRM|sized, 0x1f, 0x1f, 0x28, 0x29, 0x2e, 0x2f, 0x40, 0x4f, 0x54, 0x57, 0x60, 0x6b, 0x6e, 0x6e, 0x74, 0x76,
		0xa3, 0xa3, 0xa5, 0xa5, 0xab, 0xab, 0xad, 0xad, 0xaf, 0xaf, 0xb1, 0xb1, 0xb3, 0xb3, 0xb6, 0xb7, 0xbb, 0xbb, 0xbc, 0xbf, 0xc1, 0xc1,
		0xd1, 0xd5, 0xd8, 0xdf, 0xe0, 0xe5, 0xe8, 0xef, 0xf1, 0xf6, 0xf8, 0xfe)
	set(&two, modRM|plain, 0x90, 0x9f, 0xb0, 0xb0, 0xc0, 0xc0)
	set(&two, modRM, 0x10, 0x11, 0x51, 0x51, 0x58, 0x5a, 0x5c, 0x5f)
	set(&two, modRM|inMemory|sized, 0x12, 0x13, 0x16, 0x17, 0xe7, 0xe7)
	set(&two, modRM|sized, 0x14, 0x15)
	set(&two, modRM|byteImm|sized, 0xa4, 0xa4, 0xac, 0xac, 0xc6, 0xc6)
	set(&two, modRM|byteImm, 0x70, 0x70, 0xc2, 0xc2)
	set(&two, wordImm|plain, 0x80, 0x8f)
	return one, two
}

// quick is the size of an instruction that every x86-64 has, 0 for what it does not know.
func quick(b []byte) int {
	if len(b) < 15 {
		return 0 // near the end nothing is quick
	}
	at := 0
	var chosen, rex byte // the prefix that chooses
	if b[0] == 0x64 {    // FS: what belongs to a thread
		at = 1
	}
	switch b[at] {
	case 0x66, 0xf2, 0xf3:
		chosen = b[at]
		at++
	}
	if b[at]&0xf0 == 0x40 {
		rex = b[at]
		at++
	}
	op := b[at]
	at++
	form := quickOne[op]
	switch {
	case op == 0x0f:
		form = quickTwo[b[at]]
		at++
	case chosen&0xf0 == 0xf0:
		return 0
	case op == 0xc6 && b[at]&0x38 == 0:
		form = known | modRM | byteImm | plain
	case op == 0xc7 && b[at]&0x38 == 0:
		form = known | modRM | wordImm | sized
	case (op == 0xc0 || op == 0xc1) && b[at]&0x38 != 0x30:
		form = known | modRM | byteImm | sized
	case op >= 0xd0 && op <= 0xd3 && b[at]&0x38 != 0x30:
		form = known | modRM | sized
	case op == 0xf6 || op == 0xf7:
		form = testForm(op, b[at])
	case op == 0xff && b[at]&0x38 <= 0x30 && b[at]&0x38 != 0x18 && b[at]&0x38 != 0x28:
		form = known | modRM | plain
	}
	if form == 0 || form&plain != 0 && chosen != 0 || form&sized != 0 && chosen&0xf0 == 0xf0 {
		return 0
	}
	if form&modRM != 0 {
		m := b[at]
		at++
		if m>>6 == 3 {
			if form&inMemory != 0 {
				return 0
			}
		} else {
			at += displacement(m, b[at])
		}
	}
	return at + immediates(form, chosen, rex)
}

// testForm is of the group of TEST, NOT, NEG, MUL and DIV, of which only TEST has an immediate.
func testForm(op, modrm byte) byte {
	switch modrm & 0x38 {
	case 0x00:
		if op == 0xf6 {
			return known | modRM | byteImm | plain
		}
		return known | modRM | wordImm | sized
	case 0x08:
		return 0
	}
	return known | modRM | sized
}

// displacement is the length of SIB and displacement behind a ModRM byte that names memory.
func displacement(modrm, sib byte) int {
	n, base := 0, modrm&7
	if base == 4 {
		n, base = 1, sib&7
	}
	switch {
	case modrm>>6 == 1:
		return n + 1
	case modrm>>6 == 2, base == 5:
		return n + 4
	}
	return n
}

func immediates(form, chosen, rex byte) int {
	n := 0
	if form&byteImm != 0 {
		n++
	}
	if form&(wordImm|fullImm) != 0 {
		switch {
		case form&fullImm != 0 && rex&8 != 0:
			n += 8
		case chosen == 0x66 && rex&8 == 0:
			n += 2
		default:
			n += 4
		}
	}
	return n
}
