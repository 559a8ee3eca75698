package elf

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What the kernel and the loader make of a rewritten program: a link to the loader, at a short and at a long
// path, is its interpreter.
func TestSetInterpreter(t *testing.T) {
	gcc := tool(t, "gcc")
	for name, flags := range map[string][]string{
		"pie": nil, "fixed address": {"-no-pie"}, "no slack": {"-no-pie", "-Wl,-z,noseparate-code"}, "stripped": {"-s"},
		"no section headers": {"-s", "-Wl,-z,nosectionheader"}, "gold": {"-fuse-ld=gold"}, "lld": {"-fuse-ld=lld"}, "ifunc": {"-DIFUNC"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			src, prog := filepath.Join(dir, "m.c"), filepath.Join(dir, "m")
			os.WriteFile(src, []byte(`#include <stdio.h>
#ifdef IFUNC
static int one(void) { return 6; }
static void *pick(void) { return one; }
int six(void) __attribute__((ifunc("pick")));
#else
int six(void) { return 6; }
#endif
static char zeros[5000];
int main(int argc, char **argv) { zeros[argc] = 1; printf("%d\n", six() + zeros[argc] + zeros[argc + 1]); return 0; }
`), 0o644)
			if out, err := exec.Command(gcc, append([]string{"-o", prog, src}, flags...)...).CombinedOutput(); err != nil {
				t.Skipf("%s", out)
			}
			b, err := os.ReadFile(prog)
			if err != nil {
				t.Fatal(err)
			}
			info, err := Parse(b)
			if err != nil || info.Interpreter == "" {
				t.Fatal(info, err)
			}
			short, long := filepath.Join(dir, "i"), filepath.Join(dir, strings.Repeat("l", 250))
			for _, link := range []string{short, long} {
				if err := os.Symlink(info.Interpreter, link); err != nil {
					t.Fatal(err)
				}
				checkInterpreter(t, prog+"-new", b, link, "7\n")
			}
		})
	}
}

// checkInterpreter sets the interpreter as production does and asks readelf and patchelf, then runs the program.
func checkInterpreter(t *testing.T, name string, b []byte, path, says string) {
	t.Helper()
	f, err := Open(bytes.Clone(b))
	if err != nil {
		t.Fatal(err)
	}
	out, change, err := f.SetInterpreter(path)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if !change.Changed || !bytes.Equal(patched(b, out, change.Touched), out) {
		t.Error("differs in more than is told")
	}
	// The library path can be changed afterwards, on the same file.
	out, change, err = f.Relocate(Relocation{Prefix: "/p", Path: "bin/m", Want: []string{"lib"}})
	if err != nil || !bytes.Equal(patched(b, out, change.Touched), out) {
		t.Fatalf("relocated too, it differs in more than is told, or: %v", err)
	}
	if err := os.WriteFile(name, out, 0o755); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(name)
	if got := run(t, name); got != says {
		t.Errorf("with interpreter %s the program says %q", path, got)
	}
	if p, err := exec.LookPath("patchelf"); err == nil {
		if got := strings.TrimSpace(run(t, p, "--print-interpreter", name)); got != path {
			t.Errorf("patchelf reads %q", got)
		}
	}
	if p, err := exec.LookPath("readelf"); err == nil {
		if said := run(t, p, "-lW", name); !strings.Contains(said, "[Requesting program interpreter: "+path+"]") || strings.Contains(said, "arning") {
			t.Errorf("readelf says %s", said)
		}
	}
}

func TestSetInterpreterRefuses(t *testing.T) {
	gcc := tool(t, "gcc")
	dir := t.TempDir()
	src := filepath.Join(dir, "m.c")
	os.WriteFile(src, []byte("int main(void) { return 0; }"), 0o644)
	for name, flags := range map[string][]string{"static": {"-static"}, "static-pie": {"-static-pie"}, "library": {"-shared", "-fPIC"}, "object": {"-c"}} {
		out := filepath.Join(dir, name)
		if exec.Command(gcc, append([]string{"-o", out, src}, flags...)...).Run() != nil {
			continue
		}
		b, _ := os.ReadFile(out)
		f, err := Open(b)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := f.SetInterpreter("/lib/x"); !errors.Is(err, ErrNoInterpreter) {
			t.Errorf("%s: %v", name, err)
		}
	}
	out := filepath.Join(dir, "m")
	run(t, gcc, "-o", out, src)
	b, _ := os.ReadFile(out)
	for _, path := range []string{"", "lib/ld.so", "/a\x00b", "/" + strings.Repeat("x", 4095)} {
		f, err := Open(bytes.Clone(b))
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := f.SetInterpreter(path); err == nil {
			t.Errorf("%.20q is an interpreter", path)
		}
	}
}

// TestCorpusInterpreter gives every program of the machine another interpreter, a longer path, as patchelf does to a
// copy: both must name it, resolve the same libraries and symbols, and keep what else the file says of itself.
func TestCorpusInterpreter(t *testing.T) {
	patchelf, readelf := tool(t, "patchelf"), tool(t, "readelf")
	dir := t.TempDir()
	long := filepath.Join(dir, strings.Repeat("l", 200))
	files, grown, refused := 0, int64(0), 0
	corpus(t, func(p string, b []byte, info *Info) {
		if info.Interpreter == "" || info.Machine != 62 || info.Bits != 64 {
			return
		}
		if err := os.Remove(long); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if err := os.Symlink(info.Interpreter, long); err != nil {
			t.Fatal(err)
		}
		f, err := Open(bytes.Clone(b))
		if err != nil {
			t.Fatal(err)
		}
		out, change, err := f.SetInterpreter(long)
		if err != nil {
			refused++
			t.Logf("%s: %v", p, err)
			return
		}
		files++
		grown += int64(len(out) - len(b))
		if !bytes.Equal(patched(b, out, change.Touched), out) {
			t.Errorf("%s: differs in more than is told", p)
		}
		ours, theirs := filepath.Join(dir, filepath.Base(p)), filepath.Join(dir, filepath.Base(p)+".theirs")
		if os.WriteFile(ours, out, 0o755) != nil || os.WriteFile(theirs, b, 0o755) != nil {
			t.Fatal("the disk is full")
		}
		defer os.Remove(ours)
		defer os.Remove(theirs)
		if said, err := exec.Command(patchelf, "--set-interpreter", long, theirs).CombinedOutput(); err != nil {
			t.Logf("%s: patchelf: %s", p, said)
		} else if a, b := interpreterOf(t, patchelf, theirs), interpreterOf(t, patchelf, ours); a != b {
			t.Errorf("%s: patchelf's has %q, ours %q", p, a, b)
		}
		origin := filepath.Dir(p)
		loader := info.Interpreter
		if was, is := resolved(loader, p, origin), resolved(loader, ours, origin); was != strings.NewReplacer(long+" => "+loader, loader, ours, p).Replace(is) {
			t.Errorf("%s: the loader said\n%s\nand says now\n%s", p, was, is)
		}
		if a, b := symbolsOf(t, readelf, p), symbolsOf(t, readelf, ours); a != b {
			t.Errorf("%s: readelf does not see the symbols, versions or warnings that it saw", p)
		}
	})
	t.Logf("%d programs, grown by %d bytes, %d refused", files, grown, refused)
}

func interpreterOf(t *testing.T, patchelf, file string) string {
	return strings.TrimSpace(run(t, patchelf, "--print-interpreter", file))
}
