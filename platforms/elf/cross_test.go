package elf

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Other classes and byte orders, run by qemu-user.
func TestRelocateCross(t *testing.T) {
	targets := map[string]struct {
		triple, qemu string
		bits         int
		big          bool
	}{
		"s390x":   {"s390x-linux-gnu", "qemu-s390x", 64, true},
		"powerpc": {"powerpc-linux-gnu", "qemu-ppc", 32, true},
		"i386":    {"i686-linux-gnu", "qemu-i386", 32, false},
		"aarch64": {"aarch64-linux-gnu", "qemu-aarch64", 64, false},
		"mipsel":  {"mipsel-linux-gnu", "qemu-mipsel", 32, false},
		"riscv64": {"riscv64-linux-gnu", "qemu-riscv64", 64, false},
	}
	long := "/" + strings.Repeat("placehold_", 20) + "prefix"
	flags := map[string][]string{
		"in place": {"-Wl,-rpath," + long + "/lib"},
		"slack":    nil,
		"end":      {"-Wl,-z,noseparate-code"},
		"move":     {"-Wl,--spare-dynamic-tags=0", "-no-pie", "-Wl,-z,noseparate-code"},
		"gone":     {"-Wl,-rpath,/nowhere", "-Wl,-rpath," + long + "/lib", "-Wl,--disable-new-dtags"},
	}
	for name, target := range targets {
		for how, extra := range flags {
			t.Run(name+"/"+how, func(t *testing.T) {
				gcc, qemu := tool(t, target.triple+"-gcc"), tool(t, target.qemu)
				dir := t.TempDir()
				bin, lib := filepath.Join(dir, "bin"), filepath.Join(dir, "lib")
				os.Mkdir(bin, 0o755)
				os.Mkdir(lib, 0o755)
				os.WriteFile(filepath.Join(dir, "l.c"), []byte(libSource), 0o644)
				os.WriteFile(filepath.Join(dir, "m.c"), fmt.Appendf(nil, mainSource, 5000), 0o644)
				run(t, gcc, "-shared", "-fPIC", "-o", filepath.Join(lib, "libl.so"), filepath.Join(dir, "l.c"))
				prog := filepath.Join(bin, "m")
				run(t, append([]string{gcc, "-o", prog, filepath.Join(dir, "m.c"), "-L" + lib, "-ll"}, extra...)...)
				info, err := Read(prog)
				if err != nil || info.Bits != target.bits || info.BigEndian != target.big {
					t.Fatalf("%+v %v", info, err)
				}
				for _, p := range []string{"bin/m", "lib/libl.so"} {
					if _, err := relocateFile(filepath.Join(dir, p), Relocation{Prefix: long, Path: p, Want: []string{"lib"}}); err != nil {
						t.Fatal(err)
					}
				}
				if got := run(t, qemu, "-L", "/usr/"+target.triple, prog); got != "42 7\n" {
					t.Errorf("the program says %q", got)
				}
			})
		}
	}
}
