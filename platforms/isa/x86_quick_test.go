package isa

import (
	"debug/elf"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// agree holds quick to what the library says.
func agree(t *testing.T, b []byte) (quickly bool) {
	t.Helper()
	n := quick(b)
	if n == 0 {
		return false
	}
	if size, feature, ok := x86(b); !ok || feature != "" || size != n {
		t.Errorf("% x: quickly %d, else %d %q %v", b[:min(len(b), 15)], n, size, feature, ok)
	}
	return true
}

// Every opcode with all prefixes and ModRM bytes is read as the library reads it.
func TestQuickOpcodes(t *testing.T) {
	b := make([]byte, 32)
	random := rand.New(rand.NewPCG(1, 2))
	quickly, all := 0, 0
	for _, prefix := range [][]byte{{}, {0x66}, {0xf2}, {0xf3}, {0x48}, {0x41}, {0x66, 0x48}, {0x66, 0x41}, {0xf2, 0x48}, {0xf3, 0x48}, {0xf3, 0x44}, {0x0f}, {0x66, 0x0f}, {0xf2, 0x0f}, {0xf3, 0x0f},
		{0x48, 0x0f}, {0x44, 0x0f}, {0x66, 0x48, 0x0f}, {0x66, 0x44, 0x0f}, {0xf2, 0x48, 0x0f}, {0xf3, 0x48, 0x0f}, {0xf3, 0x41, 0x0f}, {0x48, 0x66}, {0x40}, {0x4f, 0x0f}, {0x64}, {0x64, 0x48}, {0x64, 0x66}, {0x64, 0x0f}, {0x64, 0xf3, 0x0f}} {
		for op := range 256 {
			for modrm := range 256 {
				for i := range b {
					b[i] = byte(random.Uint32())
				}
				at := copy(b, prefix)
				b[at], b[at+1] = byte(op), byte(modrm)
				all++
				if agree(t, b) {
					quickly++
				}
			}
			if t.Failed() {
				return
			}
		}
	}
	t.Logf("%d of %d", quickly, all)
}

// Most of this machine's code is read quickly, and as the library reads it.
func TestQuickOnCode(t *testing.T) {
	libraries, _ := filepath.Glob("/lib/x86_64-linux-gnu/lib[cmg]*.so.*")
	if len(libraries) == 0 {
		t.Skip("no x86-64 libraries here")
	}
	if testing.Short() || os.Getenv("FORGE_ISA_ALL") == "" {
		libraries = libraries[:min(len(libraries), 8)]
	}
	quickly, all := 0, 0
	for _, lib := range libraries {
		f, err := elf.Open(lib)
		if err != nil {
			continue
		}
		s := f.Section(".text")
		if s == nil || f.Machine != elf.EM_X86_64 {
			f.Close()
			continue
		}
		code, _ := s.Data()
		f.Close()
		for at := 0; at < len(code); {
			size, _, ok := x86(code[at:])
			if !ok {
				at++
				continue
			}
			all++
			if agree(t, code[at:]) {
				quickly++
			}
			at += size
		}
	}
	t.Logf("%.1f %% of %d instructions", 100*float64(quickly)/float64(max(all, 1)), all)
	if quickly*100 < all*85 {
		t.Errorf("only %d of %d instructions are read quickly", quickly, all)
	}
}
