package isa

import (
	"golang.org/x/arch/x86/x86asm"
)

// x86 reads one instruction: how long it is, and which abilities it asks of the CPU, by archspec's
// names; "" for what every x86-64 has. ok is false for bytes that are no instruction known here.
//
// The encodings are those of the Intel 64 Architectures Software Developer's Manual, volume 2. The library
// decodes what came before AVX; in 64-bit mode the first byte alone tells what came after.
func x86(b []byte) (size int, feature string, ok bool) {
	at := 0
	for at < len(b) && at < 4 && legacyPrefix(b[at]) {
		at++
	}
	if at < len(b) {
		switch b[at] {
		case 0xc5, 0xc4:
			return vex(b, at)
		case 0x62:
			return evex(b, at)
		case 0x8f:
			if at+1 < len(b) && b[at+1]&0x1f >= 8 {
				return xop(b, at)
			}
		}
	}
	in, err := x86asm.Decode(b, 64)
	if err != nil || in.Op == 0 { // a prefix alone has no Op
		return x86Gaps(b)
	}
	return in.Len, legacyFeature(in), true
}

func legacyPrefix(c byte) bool {
	return c == 0x66 || c == 0x67 || c == 0x2e || c == 0x3e || c == 0x64 || c == 0x65
}

// operands is the length of ModRM, SIB and displacement at b.
func operands(b []byte) (int, bool) {
	if len(b) == 0 {
		return 0, false
	}
	mod, rm, n := b[0]>>6, b[0]&7, 1
	if mod == 3 {
		return 1, true
	}
	base := rm
	if rm == 4 {
		if len(b) < 2 {
			return 0, false
		}
		base, n = b[1]&7, 2
	}
	switch {
	case mod == 1:
		n++
	case mod == 2, mod == 0 && base == 5:
		n += 4
	}
	return n, n <= len(b)
}

// rest is the length of what follows the opcode.
func rest(b []byte, immediate int) (int, bool) {
	n, ok := operands(b)
	return n + immediate, ok && n+immediate <= len(b)
}

func vex(b []byte, at int) (int, string, bool) {
	v := vexed{mode: 1}
	switch {
	case b[at] == 0xc5 && at+2 < len(b):
		v.pp, v.long = b[at+1]&3, b[at+1]&4 != 0
		at += 2
	case b[at] == 0xc4 && at+3 < len(b):
		v.mode, v.pp, v.long = b[at+1]&0x1f, b[at+2]&3, b[at+2]&4 != 0
		at += 3
	default:
		return 0, "", false
	}
	v.op = b[at]
	if v.mode == 1 && v.op == 0x77 { // vzeroupper, vzeroall
		return at + 1, "avx", true
	}
	if v.mode < 1 || v.mode > 3 || at+1 >= len(b) {
		return 0, "", false
	}
	v.register = b[at+1]>>6 == 3
	n, ok := rest(b[at+1:], v.immediate())
	return at + 1 + n, v.feature(), ok
}

// vexed is the opcode of an instruction with a VEX prefix.
type vexed struct {
	mode, pp, op byte // map: 1 is 0F, 2 is 0F38, 3 is 0F3A
	long         bool // 256 bits
	register     bool // no operand in memory
}

func (v vexed) immediate() int {
	if v.mode == 3 || v.mode == 1 && (v.op >= 0x70 && v.op <= 0x73 || v.op == 0xc2 || v.op >= 0xc4 && v.op <= 0xc6) {
		return 1
	}
	return 0
}

func (v vexed) feature() string {
	switch v.mode {
	case 1:
		return v.first()
	case 2:
		return v.second()
	}
	return v.third()
}

// wide is AVX2's name for what AVX has for 128 bits only.
func (v vexed) wide() string {
	if v.long {
		return "avx2"
	}
	return "avx"
}

func within(c byte, ranges ...byte) bool {
	for i := 0; i+1 < len(ranges); i += 2 {
		if c >= ranges[i] && c <= ranges[i+1] {
			return true
		}
	}
	return false
}

func (v vexed) first() string {
	switch {
	case within(v.op, 0x41, 0x42, 0x44, 0x47, 0x4a, 0x4b, 0x90, 0x93, 0x98, 0x99):
		return "avx512f" // mask registers
	case v.pp != 0 && within(v.op, 0x60, 0x6d, 0x70, 0x76, 0xd1, 0xd5, 0xd8, 0xdf, 0xe0, 0xe5, 0xe8, 0xef, 0xf1, 0xf6, 0xf8, 0xfe):
		return v.wide()
	case v.op == 0xd7:
		return v.wide()
	}
	return "avx"
}

func (v vexed) second() string {
	switch {
	case v.op == 0x13:
		return "f16c"
	case within(v.op, 0x18, 0x19) && v.register, within(v.op, 0x16, 0x16, 0x36, 0x36, 0x45, 0x47, 0x58, 0x5a, 0x78, 0x79, 0x8c, 0x8c, 0x8e, 0x8e, 0x90, 0x93):
		return "avx2"
	case within(v.op, 0x00, 0x0b, 0x1c, 0x1e, 0x20, 0x25, 0x28, 0x2b, 0x30, 0x35, 0x37, 0x41):
		return v.wide()
	case within(v.op, 0x96, 0x9f, 0xa6, 0xaf, 0xb6, 0xbf):
		return "fma"
	case within(v.op, 0x50, 0x53):
		return "avx_vnni"
	case within(v.op, 0xb0, 0xb1, 0xd2, 0xd3, 0xcb, 0xcd, 0xda, 0xda, 0xe0, 0xef):
		return "avx_vnni_int8" // and other late comers: no level has them
	case within(v.op, 0xb4, 0xb5):
		return "avx_ifma"
	case v.op == 0xcf:
		return "gfni"
	case within(v.op, 0xdb, 0xdf):
		if v.long {
			return "vaes"
		}
		return "aes"
	case within(v.op, 0xf2, 0xf3), v.op == 0xf7 && v.pp == 0:
		return "bmi1"
	case within(v.op, 0xf5, 0xf7):
		return "bmi2"
	case within(v.op, 0x49, 0x4b, 0x5c, 0x5e, 0x6c, 0x6c):
		return "amx_tile"
	}
	return "avx"
}

func (v vexed) third() string {
	switch {
	case within(v.op, 0x00, 0x02, 0x38, 0x39, 0x46, 0x46):
		return "avx2"
	case within(v.op, 0x0e, 0x0f, 0x42, 0x42, 0x4c, 0x4c):
		return v.wide()
	case v.op == 0x1d:
		return "f16c"
	case within(v.op, 0x30, 0x33):
		return "avx512f"
	case v.op == 0x44:
		if v.long {
			return "vpclmulqdq"
		}
		return "pclmulqdq"
	case within(v.op, 0x48, 0x49, 0x5c, 0x5f, 0x68, 0x6f, 0x78, 0x7f):
		return "fma4"
	case within(v.op, 0xce, 0xcf):
		return "gfni"
	case v.op == 0xdf:
		return "aes"
	case v.op == 0xf0:
		return "bmi2"
	}
	return "avx"
}

func evex(b []byte, at int) (int, string, bool) {
	if at+5 >= len(b) {
		return 0, "", false
	}
	mode, pp, op := b[at+1]&7, b[at+2]&3, b[at+4]
	if mode == 0 || mode == 4 || mode == 7 {
		return 0, "", false
	}
	immediate := 0
	if mode == 3 || mode == 1 && (within(op, 0x70, 0x73, 0xc2, 0xc2, 0xc4, 0xc6)) {
		immediate = 1
	}
	n, ok := rest(b[at+5:], immediate)
	return at + 5 + n, evexFeature(mode, pp, op, b[at+3]>>5&3, b[at+2]&0x80 != 0), ok
}

// evexFeature: length 2 is 512 bits; shorter vectors are AVX512VL's. wide is W: permutations of words are
// AVX512BW's, those of bytes are not.
func evexFeature(mode, pp, op, length byte, wide bool) string {
	switch {
	case mode >= 5:
		return "avx512_fp16"
	case mode == 2 && (op == 0x52 && pp == 2 || op == 0x72 && pp >= 2):
		return "avx512_bf16"
	case mode == 2 && within(op, 0x50, 0x53):
		return "avx512_vnni"
	case mode == 2 && within(op, 0xb4, 0xb5):
		return "avx512ifma"
	case mode == 2 && (op == 0x83 || !wide && within(op, 0x75, 0x75, 0x7d, 0x7d, 0x8d, 0x8d)):
		return "avx512vbmi"
	case mode == 2 && within(op, 0x62, 0x63, 0x70, 0x73), mode == 3 && within(op, 0x70, 0x73):
		return "avx512_vbmi2"
	case mode == 2 && (op == 0x54 || op == 0x8f):
		return "avx512_bitalg"
	case mode == 2 && op == 0x55:
		return "avx512_vpopcntdq"
	case mode == 2 && op == 0xcf, mode == 3 && within(op, 0xce, 0xcf):
		return "gfni"
	case mode == 2 && within(op, 0xdc, 0xdf):
		return "vaes"
	case mode == 3 && op == 0x44:
		return "vpclmulqdq"
	case length < 2:
		return "avx512vl"
	}
	return "avx512f"
}

// xop is AMD's own, of Bulldozer and its sons.
func xop(b []byte, at int) (int, string, bool) {
	if at+4 >= len(b) {
		return 0, "", false
	}
	immediate := map[byte]int{8: 1, 9: 0, 10: 4}[b[at+1]&0x1f]
	n, ok := rest(b[at+4:], immediate)
	return at + 4 + n, "xop", ok && b[at+1]&0x1f <= 10
}
