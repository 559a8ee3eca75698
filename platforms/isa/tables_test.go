package isa

import (
	"encoding/binary"
	"testing"
)

// A table behind a function's code, as LLVM writes it for Windows, holds bytes that would be AVX.
func TestJumpTable(t *testing.T) {
	code := []byte{0x48, 0x8d, 0x05, 1, 0, 0, 0, 0xc3} // lea rax, [rip+1]; ret
	entries := []int32{-8, -1, -3, -7}
	for _, e := range entries {
		code = binary.LittleEndian.AppendUint32(code, uint32(e))
	}
	avx := []byte{0xc5, 0xf8, 0x28, 0xc1} // vmovaps xmm0, xmm1
	for name, c := range map[string]struct {
		code  []byte
		found int
	}{
		"a table": {code, 0}, "code behind it": {append(code[:len(code):len(code)], avx...), 1},
		"no table": {append([]byte{0x48, 0x8d, 0x05, 1, 0, 0, 0, 0xc3}, avx...), 1},
	} {
		var r Report
		r.function(decoderFor(true, false), function{"f", 0, c.code}, abilities(level(t, "x86_64")), nil)
		if len(r.Findings) != c.found {
			t.Errorf("%s: %v", name, r.Findings)
		}
		if name == "a table" && r.Instructions != 2 {
			t.Errorf("%s: %d instructions", name, r.Instructions)
		}
	}
}
