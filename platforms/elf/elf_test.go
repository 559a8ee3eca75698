package elf

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tool skips where a program of the machine that is needed is not there.
func tool(t testing.TB, name string) string {
	p, err := exec.LookPath(name)
	if err != nil {
		t.Skip(name + " is not on this machine")
	}
	return p
}

func run(t testing.TB, argv ...string) string {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH=", "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", argv, err, out)
	}
	return string(out)
}

const libSource = `
int lib(void) { return 42; }
int origin(void) { return 1; }
`

const mainSource = `
#include <stdio.h>
extern int lib(void);
static char zeros[%d];
int main(int argc, char **argv) { zeros[argc] = 7; printf("%%d %%d\n", lib(), zeros[argc] + zeros[argc + 1]); return 0; }
`

// The ways a linker lays a program out that matter here.
func TestRelocate(t *testing.T) {
	gcc := tool(t, "gcc")
	long := "/" + strings.Repeat("placehold_", 20) + "prefix"
	tests := map[string]struct {
		flags []string
		rpath string // "" for none; PREFIX stands for the placeholder
		bss   int
		want  string
	}{
		"in place":                     {rpath: "PREFIX/lib", want: "$ORIGIN/../lib"},
		"rpath tag":                    {flags: []string{"-Wl,--disable-new-dtags"}, rpath: "PREFIX/lib", want: "$ORIGIN/../lib"},
		"both dropped and kept":        {rpath: "/usr/lib/foo:PREFIX/lib:PREFIX/lib/sub:PREFIX/lib", want: "$ORIGIN/../lib:$ORIGIN/../lib/sub"},
		"origin kept":                  {rpath: "$ORIGIN/../lib", want: "$ORIGIN/../lib"},
		"origin out":                   {rpath: "$ORIGIN/../../out", want: "$ORIGIN/../lib"},
		"none":                         {want: "$ORIGIN/../lib"},
		"none, no slack":               {flags: []string{"-Wl,-z,noseparate-code"}, want: "$ORIGIN/../lib"},
		"none, no pie":                 {flags: []string{"-no-pie"}, want: "$ORIGIN/../lib"},
		"none, no pie, no slack":       {flags: []string{"-no-pie", "-Wl,-z,noseparate-code"}, want: "$ORIGIN/../lib"},
		"none, no spare tags":          {flags: []string{"-Wl,--spare-dynamic-tags=0"}, want: "$ORIGIN/../lib"},
		"none, no spare, no relacount": {flags: []string{"-Wl,--spare-dynamic-tags=0", "-no-pie"}, want: "$ORIGIN/../lib"},
		"none, no spare, noseparate":   {flags: []string{"-Wl,--spare-dynamic-tags=0", "-no-pie", "-Wl,-z,noseparate-code"}, want: "$ORIGIN/../lib"},
		"none, big zeros":              {flags: []string{"-Wl,-z,noseparate-code"}, bss: 300 << 20, want: "$ORIGIN/../lib"},
		"none, some zeros":             {flags: []string{"-Wl,-z,noseparate-code"}, bss: 50 << 10, want: "$ORIGIN/../lib"},
		"none, big zeros, move":        {flags: []string{"-Wl,--spare-dynamic-tags=0", "-no-pie", "-Wl,-z,noseparate-code"}, bss: 300 << 20, want: "$ORIGIN/../lib"},
		"short":                        {rpath: "/x", want: "$ORIGIN/../lib"},
		"sysv hash":                    {flags: []string{"-Wl,--hash-style=sysv"}, want: "$ORIGIN/../lib"},
		"no relro":                     {flags: []string{"-Wl,-z,norelro,-z,noseparate-code"}, want: "$ORIGIN/../lib"},
		"bind now":                     {flags: []string{"-Wl,-z,now"}, rpath: "PREFIX/lib", want: "$ORIGIN/../lib"},
		"gold":                         {flags: []string{"-fuse-ld=gold"}, want: "$ORIGIN/../lib"},
		"gold rpath":                   {flags: []string{"-fuse-ld=gold"}, rpath: "PREFIX/lib", want: "$ORIGIN/../lib"},
		"lld":                          {flags: []string{"-fuse-ld=lld"}, want: "$ORIGIN/../lib"},
		"debug info":                   {flags: []string{"-g", "-Wl,-z,noseparate-code"}, want: "$ORIGIN/../lib"},
		"stripped":                     {flags: []string{"-s", "-Wl,-z,noseparate-code"}, want: "$ORIGIN/../lib"},
		"exports":                      {flags: []string{"-rdynamic"}, rpath: "PREFIX/lib", want: "$ORIGIN/../lib"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			bin, lib := filepath.Join(dir, "bin"), filepath.Join(dir, "lib")
			os.Mkdir(bin, 0o755)
			os.Mkdir(lib, 0o755)
			os.WriteFile(filepath.Join(dir, "l.c"), []byte(libSource), 0o644)
			os.WriteFile(filepath.Join(dir, "m.c"), fmt.Appendf(nil, mainSource, max(tt.bss, 64)), 0o644)
			run(t, gcc, "-shared", "-fPIC", "-o", filepath.Join(lib, "libl.so"), filepath.Join(dir, "l.c"))
			prog := filepath.Join(bin, "m")
			argv := append([]string{gcc, "-o", prog, filepath.Join(dir, "m.c"), "-L" + lib, "-ll"}, tt.flags...)
			if tt.rpath != "" {
				argv = append(argv, "-Wl,-rpath,"+strings.ReplaceAll(tt.rpath, "PREFIX", long))
			}
			if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
				if strings.Contains(string(out), "cannot find") && strings.Contains(string(out), "ld") || strings.Contains(string(out), "unrecognized option") {
					t.Skipf("%s", out)
				}
				t.Fatalf("%s", out)
			}
			before, _ := os.ReadFile(prog)
			copied := bytes.Clone(before)
			c, err := relocateFile(prog, Relocation{Prefix: long, Path: "bin/m", Want: []string{"lib"}})
			if err != nil {
				t.Fatal(err)
			}
			after, _ := os.ReadFile(prog)
			if got := strings.Join(c.RunPath, ":"); got != tt.want {
				t.Errorf("run path %s, want %s", got, tt.want)
			}
			if got := run(t, prog); got != "42 7\n" {
				t.Errorf("the program says %q", got)
			}
			if bytes.Contains(after, []byte(long)) {
				t.Error("the old prefix is still in the file")
			}
			t.Logf("%d bytes before, %d after", len(before), len(after))
			second, err := Open(copied)
			if err != nil {
				t.Fatal(err)
			}
			again, _, err := second.Relocate(Relocation{Prefix: long, Path: "bin/m", Want: []string{"lib"}})
			if err != nil || !bytes.Equal(again, after) {
				t.Errorf("two runs differ: %v", err)
			}
			oracles(t, prog, tt.want)
		})
	}
}

// oracles asks binutils and patchelf whether the file is whole.
func oracles(t *testing.T, prog, want string) {
	if p, err := exec.LookPath("patchelf"); err == nil {
		if got := strings.TrimSpace(run(t, p, "--print-rpath", prog)); got != want {
			t.Errorf("patchelf reads %q", got)
		}
		again := prog + "-patched"
		run(t, "cp", prog, again)
		if strings.Contains(t.Name(), "origin_kept") {
			return // patchelf breaks the symbol "lib", whose name is the end of this very path
		}
		run(t, p, "--set-rpath", "$ORIGIN/../lib:/nowhere/"+strings.Repeat("x", 400), again)
		if got := run(t, again); got != "42 7\n" {
			t.Errorf("patched once more it says %q", got)
		}
	}
	if p, err := exec.LookPath("readelf"); err == nil {
		out := run(t, p, "-aW", prog)
		if strings.Contains(out, "Warning") || strings.Contains(out, "Error") || !strings.Contains(out, "["+want+"]") {
			t.Errorf("readelf: %s", grep(out, "Warning|Error|PATH"))
		}
	}
	if p, err := exec.LookPath("strip"); err == nil {
		again := prog + "-stripped"
		run(t, p, "-o", again, prog)
		if got := run(t, again); got != "42 7\n" {
			t.Errorf("stripped it says %q", got)
		}
	}
}

func grep(text, words string) string {
	var out []string
	for _, l := range strings.Split(text, "\n") {
		for _, w := range strings.Split(words, "|") {
			if strings.Contains(l, w) {
				out = append(out, l)
			}
		}
	}
	return strings.Join(out, "\n")
}

func TestParse(t *testing.T) {
	gcc := tool(t, "gcc")
	dir := t.TempDir()
	src := filepath.Join(dir, "l.c")
	os.WriteFile(src, []byte("#include <stdio.h>\nint f(void) { return puts(\"x\"); }"), 0o644)
	lib := filepath.Join(dir, "libf.so")
	run(t, gcc, "-shared", "-fPIC", "-Wl,-soname,libf.so.1", "-Wl,-rpath,/a:/b", "-o", lib, src)
	got, err := Read(lib)
	if err != nil {
		t.Fatal(err)
	}
	want := &Info{Bits: 64, Machine: 62, Type: Shared, Dynamic: true, SoName: "libf.so.1", Needed: []string{"libc.so.6"},
		RunPath: []string{"/a", "/b"}, Versions: map[string][]string{"libc.so.6": {"GLIBC_2.2.5"}}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got.GlibcFloor() != "2.2.5" {
		t.Error(got.GlibcFloor())
	}
	obj := filepath.Join(dir, "l.o")
	run(t, gcc, "-c", "-o", obj, src)
	if got, err := Read(obj); err != nil || got.Dynamic || got.Type != Relocatable {
		t.Error(got, err)
	}
	if _, err := Read(src); err == nil {
		t.Error("a text is read as ELF")
	}
}
