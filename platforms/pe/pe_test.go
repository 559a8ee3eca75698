package pe

import (
	"debug/pe"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// corpus are the PE files of this machine: Wine's own libraries and MinGW's runtimes.
func corpus(t testing.TB) []string {
	t.Helper()
	var all []string
	for _, glob := range []string{
		"/usr/lib/x86_64-linux-gnu/wine/x86_64-windows/*", "/usr/lib/wine/x86_64-windows/*",
		"/usr/lib/gcc/x86_64-w64-mingw32/*/*.dll", "/usr/x86_64-w64-mingw32/lib/*.dll",
		filepath.Join(os.Getenv("SystemRoot"), "System32", "*.dll"),
	} {
		hits, err := filepath.Glob(glob)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, hits...)
	}
	return all
}

var dllName = regexp.MustCompile(`(?m)^\s*DLL Name: (.*?)\s*$`)

// TestImportsAgreeWithObjdump holds the reader against binutils on every PE file of the machine.
func TestImportsAgreeWithObjdump(t *testing.T) {
	files := corpus(t)
	objdump, err := exec.LookPath("objdump")
	if err != nil || len(files) == 0 {
		t.Skip("no objdump, or no PE files on this machine (Debian: wine64, gcc-mingw-w64-x86-64)")
	}
	if testing.Short() || len(files) > 120 {
		files = every(files, 60)
	}
	n := 0
	for _, file := range files {
		info, err := read(file)
		if errors.Is(err, ErrNotPE) {
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		out, err := exec.Command(objdump, "-p", file).Output()
		if err != nil {
			continue
		}
		var want []string
		for _, m := range dllName.FindAllStringSubmatch(string(out), -1) {
			want = append(want, m[1])
		}
		slices.Sort(want)
		got := slices.DeleteFunc(slices.Clone(info.Imports), func(s string) bool {
			return slices.Contains(info.Delayed, s) && !slices.Contains(want, s) // binutils 2.40 prints no delayed ones
		})
		if diff := cmp.Diff(slices.Compact(want), got); diff != "" {
			t.Errorf("%s:\n%s", file, diff)
		}
		n++
	}
	t.Logf("%d files agree", n)
	if n == 0 {
		t.Skip("objdump reads no PE here")
	}
}

// every keeps about n of a list.
func every(list []string, n int) []string {
	step := max(1, len(list)/n)
	var keep []string
	for i := 0; i < len(list); i += step {
		keep = append(keep, list[i])
	}
	return keep
}

// TestHeadersAgreeWithGo holds machine and kind against debug/pe.
func TestHeadersAgreeWithGo(t *testing.T) {
	files := corpus(t)
	if len(files) == 0 {
		t.Skip("no PE files on this machine (Debian: wine64, gcc-mingw-w64-x86-64)")
	}
	for _, file := range every(files, 200) {
		info, err := read(file)
		if errors.Is(err, ErrNotPE) {
			continue
		}
		f, oerr := pe.Open(file)
		if err != nil || oerr != nil {
			t.Errorf("%s: %v, %v", file, err, oerr)
			continue
		}
		if info.Machine != f.Machine || info.DLL != (f.Characteristics&pe.IMAGE_FILE_DLL != 0) || info.Stamp != f.TimeDateStamp {
			t.Errorf("%s: %+v, %+v", file, info, f.FileHeader)
		}
		f.Close()
	}
	t.Logf("%d files", len(files))
}

func TestSystem(t *testing.T) {
	if !slices.IsSorted(systemLibraries()) {
		t.Error("the list is not sorted")
	}
	for name, want := range map[string]bool{"KERNEL32.dll": true, "api-ms-win-crt-heap-l1-1-0.dll": true, "msvcrt.dll": true,
		"vcruntime140.dll": false, "msvcp140.dll": false, "libssp-0.dll": false, "zlib.dll": false, "": false} {
		if System(name) != want {
			t.Errorf("%s: %t", name, !want)
		}
	}
}

func TestNotPE(t *testing.T) {
	for _, text := range []string{"", "MZ", "#!/bin/sh\n", "MZ" + strings.Repeat("\x00", 100), "\x7fELF" + strings.Repeat("x", 100)} {
		if _, err := Parse([]byte(text)); !errors.Is(err, ErrNotPE) {
			t.Errorf("%.10q: %v", text, err)
		}
	}
}

// FuzzRead: whatever the file says of itself, reading it ends, and in bounds.
func FuzzRead(f *testing.F) {
	for _, file := range every(corpus(f), 6) {
		if b, err := os.ReadFile(file); err == nil && len(b) < 256<<10 {
			f.Add(b)
		}
	}
	f.Add([]byte("MZ"))
	f.Fuzz(func(t *testing.T, b []byte) {
		info, err := Parse(b)
		if err == nil {
			for _, name := range info.Imports {
				if name == "" || strings.ContainsAny(name, "/\\\x00") {
					t.Errorf("import %q", name)
				}
			}
		}
	})
}

// read parses a file on this machine.
func read(file string) (*Info, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return Parse(b)
}
