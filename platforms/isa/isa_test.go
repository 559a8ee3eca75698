package isa

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"forge/platforms/cpu"
)

func level(t testing.TB, name string) *cpu.Level {
	l, err := cpu.Parse(name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestX86(t *testing.T) {
	for _, test := range []struct {
		bytes   []byte
		size    int
		feature string
	}{
		{[]byte{0xf3, 0x0f, 0x1e, 0xfa}, 4, ""},                                 // endbr64
		{[]byte{0x48, 0x89, 0xe5}, 3, ""},                                       // mov rbp, rsp
		{[]byte{0xf2, 0x0f, 0x7c, 0xc1}, 4, "sse3"},                             // haddps
		{[]byte{0x66, 0x0f, 0x38, 0x00, 0xc1}, 5, "ssse3"},                      // pshufb
		{[]byte{0x66, 0x0f, 0x3a, 0x63, 0xc1, 0x0c}, 6, "sse4_2"},               // pcmpistri
		{[]byte{0xf3, 0x48, 0x0f, 0xb8, 0xc0}, 5, "popcnt"},                     //
		{[]byte{0xf3, 0x0f, 0xbc, 0xc0}, 4, ""},                                 // tzcnt, or rep bsf
		{[]byte{0xc5, 0xf8, 0x77}, 3, "avx"},                                    // vzeroupper
		{[]byte{0xc5, 0xf4, 0x58, 0xc2}, 4, "avx"},                              // vaddps ymm
		{[]byte{0xc5, 0xf5, 0xfe, 0xc2}, 4, "avx2"},                             // vpaddd ymm
		{[]byte{0xc5, 0xf1, 0xfe, 0xc2}, 4, "avx"},                              // vpaddd xmm
		{[]byte{0xc4, 0xe2, 0x7d, 0x18, 0x07}, 5, "avx"},                        // vbroadcastss ymm, m32
		{[]byte{0xc4, 0xe2, 0x7d, 0x18, 0xc0}, 5, "avx2"},                       // vbroadcastss ymm, xmm
		{[]byte{0xc4, 0xe2, 0xf5, 0xb8, 0xc2}, 5, "fma"},                        // vfmadd231pd
		{[]byte{0xc4, 0xe2, 0x78, 0xf2, 0xc1}, 5, "bmi1"},                       // andn
		{[]byte{0xc4, 0xe3, 0x7b, 0xf0, 0xc1, 0x07}, 6, "bmi2"},                 // rorx
		{[]byte{0xc4, 0xe2, 0x79, 0x13, 0xc1}, 5, "f16c"},                       // vcvtph2ps
		{[]byte{0x62, 0xf1, 0x74, 0x48, 0x58, 0xc2}, 6, "avx512f"},              // vaddps zmm
		{[]byte{0x62, 0xf1, 0x74, 0x28, 0x58, 0x44, 0x24, 0x01}, 8, "avx512vl"}, // vaddps ymm, [rsp+32]
		{[]byte{0x62, 0xf2, 0x75, 0x48, 0x50, 0xc2}, 6, "avx512_vnni"},          // vpdpbusd zmm
		{[]byte{0x62, 0xf2, 0xf5, 0x48, 0x8d, 0xc2}, 6, "avx512f"},              // vpermw zmm
		{[]byte{0x62, 0xf2, 0x75, 0x48, 0x8d, 0xc2}, 6, "avx512vbmi"},           // vpermb zmm
		{[]byte{0x0f, 0xa2}, 2, asksCPU},                                        // cpuid
		{[]byte{0x0f, 0x38, 0xcb, 0xc1}, 4, "sha_ni"},                           // sha256rnds2
		{[]byte{0x66, 0x0f, 0x38, 0xdc, 0xc1}, 5, "aes"},                        // aesenc
		{[]byte{0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0}, 10, ""},           // nop
		{[]byte{0x06}, 0, ""},                                                   // push es: not in 64-bit mode
		{[]byte{0xc5}, 0, ""},                                                   // cut short
		{[]byte{0x62, 0xf1}, 0, ""},                                             //
		{[]byte{0xc4, 0xe2, 0x75, 0xb8, 0x84}, 0, ""},                           //
		{nil, 0, ""},
	} {
		size, feature, ok := x86(test.bytes)
		if ok != (test.size > 0) || ok && (size != test.size || feature != test.feature) {
			t.Errorf("% x: %d %q %v, want %d %q", test.bytes, size, feature, ok, test.size, test.feature)
		}
	}
}

// What gcc makes for a level is found to be of that level and not of the one below; an intrinsic in a
// function that is named for it is dispatch code.
func TestCheckCompiled(t *testing.T) {
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("no gcc")
	}
	dir := t.TempDir()
	source := filepath.Join(dir, "a.c")
	if err := os.WriteFile(source, []byte(`#include <immintrin.h>
double dot(const double *a, const double *b, int n) { double s = 0; for (int i = 0; i < n; i++) s += a[i] * b[i]; return s; }
int bits(unsigned long x) { return __builtin_popcountl(x); }
__attribute__((target("avx2"))) int sum_avx2(const int *p) { return _mm256_extract_epi32(_mm256_add_epi32(_mm256_loadu_si256((void*)p), _mm256_loadu_si256((void*)(p + 8))), 0); }
`), 0o644); err != nil {
		t.Fatal(err)
	}
	compile := func(march string) []byte {
		out := filepath.Join(dir, march+".so")
		if msg, err := exec.Command("gcc", "-O3", "-ffast-math", "-shared", "-fPIC", "-march="+march, "-o", out, source).CombinedOutput(); err != nil {
			t.Skipf("gcc cannot build for %s here: %s", march, msg)
		}
		b, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, test := range []struct {
		march, level string
		functions    []string
	}{
		{"x86-64", "x86_64", nil},
		{"x86-64-v2", "x86_64_v2", nil},
		{"x86-64-v2", "x86_64", []string{"bits"}},
		{"x86-64-v3", "x86_64_v3", nil},
		{"x86-64-v3", "x86_64_v2", []string{"dot"}},
		{"x86-64-v4", "x86_64_v4", nil},
		{"x86-64-v4", "x86_64_v3", []string{"dot"}},
		{"haswell", "haswell", nil},
	} {
		r, err := Check(compile(test.march), level(t, test.level), nil)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, f := range r.Findings {
			if len(names) == 0 || names[len(names)-1] != f.Function {
				names = append(names, f.Function)
			}
		}
		if d := cmp.Diff(test.functions, names); d != "" {
			t.Errorf("%s as %s: %v (-want +got):\n%s", test.march, test.level, r.Findings, d)
		}
		if strings.HasPrefix(test.march, "x86-64") && (test.level == "x86_64" || test.level == "x86_64_v2") && len(r.Dispatched) == 0 {
			t.Errorf("%s as %s: sum_avx2 was not seen", test.march, test.level)
		}
		if r.Instructions < 20 || r.Unknown > 0 {
			t.Errorf("%s: %d instructions, %d unknown", test.march, r.Instructions, r.Unknown)
		}
	}
}

// The helpers that compilers call for atomic operations ask the CPU; what only begins as they do does not.
func TestOutlineAtomics(t *testing.T) {
	for name, want := range map[string]bool{"__aarch64_ldadd4_acq_rel": true, "__aarch64_swp1_rel": true, "__aarch64_cas16_acq": true,
		"__aarch64_ldset4_relax": true, "__aarch64_sum": false, "ldadd4": false} {
		if got := dispatched(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// objdump finds the same instruction boundaries in the C library, which has AVX-512 by hand.
func TestBoundariesAsObjdump(t *testing.T) {
	objdump, err := exec.LookPath("objdump")
	if err != nil {
		t.Skip("no objdump")
	}
	lib := "/lib/x86_64-linux-gnu/libm.so.6"
	file, err := os.ReadFile(lib)
	if err != nil {
		t.Skip("no " + lib)
	}
	out, err := exec.Command(objdump, "-d", "--no-show-raw-insn", "-j", ".text", lib).Output()
	if err != nil {
		t.Fatal(err)
	}
	theirs := map[uint64]bool{}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		if at, rest, ok := strings.Cut(strings.TrimSpace(lines.Text()), ":\t"); ok && !strings.Contains(rest, "(bad)") {
			if n, err := strconv.ParseUint(at, 16, 64); err == nil {
				theirs[n] = true
			}
		}
	}
	code, err := read(file)
	if err != nil {
		t.Fatal(err)
	}
	missing, total := 0, 0
	for _, f := range code.functions {
		for at := 0; at < len(f.bytes); {
			size, _, ok := x86(f.bytes[at:])
			if !ok {
				at++
				continue
			}
			if address := f.address + uint64(at); len(theirs) > 0 && address >= 0xd000 && !theirs[address] && f.bytes[max(at-1, 0)] != 0x9b /* objdump joins fwait */ && strings.HasPrefix(f.name, ".text") {
				if missing++; missing < 5 {
					t.Errorf("%#x in %s begins no instruction of objdump's", address, f.name)
				}
			}
			total++
			at += size
		}
	}
	t.Logf("%d instructions, %d of objdump's, %d begin elsewhere", total, len(theirs), missing)
}

func FuzzX86(f *testing.F) {
	for _, b := range [][]byte{{0xc4, 0xe2, 0xf5, 0xb8, 0xc2}, {0x62, 0xf1, 0x74, 0x48, 0x58, 0xc2}, {0x8f, 0xe9, 0x78, 0x81, 0xc0}, {0x0f, 0xa2}} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if size, _, ok := x86(b); ok && (size <= 0 || size > len(b) || size > 19) {
			t.Errorf("% x: size %d of %d", b, size, len(b))
		}
	})
}

func FuzzCheck(f *testing.F) {
	f.Add([]byte("\x7fELF\x02\x01\x01"))
	f.Add([]byte("MZ"))
	f.Add([]byte{0xcf, 0xfa, 0xed, 0xfe, 7, 0, 0, 1})
	l := level(f, "x86_64_v3")
	f.Fuzz(func(t *testing.T, b []byte) { Check(b, l, nil) })
}
