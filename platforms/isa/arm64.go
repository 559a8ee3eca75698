package isa

import "encoding/binary"

// arm64 reads one instruction of AArch64. It tells apart those that one CPU has and another has not;
// the encodings are those of the Arm Architecture Reference Manual, C4.1.
func arm64(b []byte) (size int, feature string, ok bool) {
	if len(b) < 4 {
		return 0, "", false
	}
	w := binary.LittleEndian.Uint32(b)
	switch {
	case w>>25&0xf == 2: // op0 0b0010 is SVE's
		return 4, "sve", true
	case w&0x3b200c00 == 0x38200000, // LDADD, SWP and their kin
		w&0x3fa07c00 == 0x08a07c00, // CAS
		w&0xbfa07c00 == 0x08207c00: // CASP
		return 4, "atomics", true
	case w&0xbf20fc00 == 0x0e009400, w&0xbf00f400 == 0x0f00e000: // SDOT, UDOT: vector, by element
		return 4, "asimddp", true
	case w&0x7fe0f000 == 0x1ac04000: // CRC32
		return 4, "crc32", true
	case w&0xff3e0c00 == 0x4e280800: // AESE and its kin
		return 4, "aes", true
	case w&0xffe08c00 == 0x5e000000: // SHA1C to SHA256SU1
		return 4, "sha2", true
	}
	return 4, "", true
}
