package elf

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// corpus calls f for each ELF file of the folders that FORGE_ELF_CORPUS names.
func corpus(t *testing.T, f func(path string, b []byte, info *Info)) {
	dirs := os.Getenv("FORGE_ELF_CORPUS")
	if dirs == "" {
		t.Skip("FORGE_ELF_CORPUS names no folders")
	}
	for _, dir := range filepath.SplitList(dirs) {
		filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return nil
			}
			b, err := readELF(p)
			if err != nil {
				return nil
			}
			info, err := Parse(b)
			if err != nil {
				t.Errorf("%s: %v", p, err)
				return nil
			}
			f(p, b, info)
			return nil
		})
	}
}

var neededVersion = regexp.MustCompile(`Name: GLIBC_([0-9.]+) `)

// TestCorpusFacts holds what is read of every file against readelf's: libraries, search path, interpreter, name,
// and the newest glibc that a version needs.
func TestCorpusFacts(t *testing.T) {
	readelf := tool(t, "readelf")
	files, floors := 0, map[string]int{}
	corpus(t, func(p string, b []byte, info *Info) {
		if Type(info.Type) == Relocatable || Type(info.Type) == Core {
			return
		}
		files++
		cmd := exec.Command(readelf, "-dlVW", p)
		cmd.Env = append(os.Environ(), "LC_ALL=C")
		said, err := cmd.Output()
		if err != nil {
			t.Logf("%s: readelf: %v", p, err)
			return
		}
		text := string(said)
		got := []string{info.Interpreter, info.SoName, strings.Join(info.Needed, " "), strings.Join(info.RPath, ":"), strings.Join(info.RunPath, ":"), info.GlibcFloor()}
		want := []string{between(text, "program interpreter: "), between(text, "Library soname: ["), strings.Join(all(text, "Shared library: ["), " "),
			between(text, "Library rpath: ["), between(text, "Library runpath: ["), newest(neededVersion.FindAllStringSubmatch(needs(text), -1))}
		if info.Dynamic && !slices.Equal(got, want) {
			t.Errorf("%s: read %q, readelf says %q", p, got, want)
		}
		floors[info.GlibcFloor()]++
	})
	t.Logf("%d files; floors of glibc: %v", files, floors)
}

func all(text, before string) (list []string) {
	for _, line := range strings.Split(text, "\n") {
		if _, rest, ok := strings.Cut(line, before); ok {
			list = append(list, strings.TrimRight(rest, "]"))
		}
	}
	return list
}

func between(text, before string) string {
	if list := all(text, before); len(list) > 0 {
		return list[0]
	}
	return ""
}

// needs is the part of readelf -V about needed versions.
func needs(text string) string {
	_, rest, _ := strings.Cut(text, "Version needs section")
	return rest
}

// newest of dotted numbers, by a comparison that is not the code's own.
func newest(found [][]string) (best string) {
	key := func(s string) string {
		var parts []string
		for _, p := range strings.Split(s, ".") {
			parts = append(parts, strings.Repeat("0", 6-len(p))+p)
		}
		return strings.Join(parts, ".")
	}
	for _, f := range found {
		if best == "" || key(f[1]) > key(best) {
			best = f[1]
		}
	}
	return best
}

var address = regexp.MustCompile(`0x[0-9a-f]+`)

// TestCorpusLoads gives every file of this machine's kind a longer search path and has the loader resolve all
// symbols and versions of it: its answer must be the same as of the file as it was. readelf must find nothing wrong
// that it did not find before, and see the same symbols with the same versions.
func TestCorpusLoads(t *testing.T) {
	const loader = "/lib64/ld-linux-x86-64.so.2"
	if _, err := os.Stat(loader); err != nil {
		t.Skip("no " + loader)
	}
	readelf := tool(t, "readelf")
	dir := t.TempDir()
	files, refused := 0, 0
	corpus(t, func(p string, b []byte, info *Info) {
		moves := func(name string) bool { return strings.Contains(name, "ORIGIN") } // what it needs, when it lies elsewhere
		if !info.Dynamic || info.Machine != 62 || len(info.Needed) == 0 || slices.ContainsFunc(info.Needed, moves) {
			return
		}
		// The paths searched before stay first, so that the answers are comparable.
		paths := append(append(slices.Clone(info.RPath), info.RunPath...), "/nowhere/"+strings.Repeat("long", 60))
		if len(info.RunPath) > 0 {
			paths = append(slices.Clone(info.RunPath), paths[len(paths)-1])
		}
		origin := filepath.Dir(p)
		for i := range paths { // the file lies elsewhere now
			paths[i] = strings.NewReplacer("${ORIGIN}", origin, "$ORIGIN", origin).Replace(paths[i])
		}
		paths = slices.DeleteFunc(paths, func(s string) bool { return s == "" })
		out, _, err := setRunPath(bytes.Clone(b), paths)
		if err != nil {
			refused++
			t.Logf("%s: %v", p, err)
			return
		}
		files++
		name := filepath.Join(dir, filepath.Base(p))
		if os.WriteFile(name, out, 0o755) != nil {
			return
		}
		defer os.Remove(name)
		was, is := resolved(loader, p, origin), resolved(loader, name, origin)
		if was != strings.ReplaceAll(is, name, p) {
			t.Errorf("%s: the loader said\n%s\nand says now\n%s", p, was, is)
		}
		if a, b := symbolsOf(t, readelf, p), symbolsOf(t, readelf, name); a != b {
			t.Errorf("%s: readelf does not see the symbols, versions or warnings that it saw", p)
		}
	})
	t.Logf("%d files load as before, %d refused", files, refused)
}

// resolved is what the loader says of a file whose every symbol it looks up (ldd -r).
func resolved(loader, file, origin string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, loader, file)
	cmd.Env = []string{"LD_TRACE_LOADED_OBJECTS=1", "LD_WARN=yes", "LD_BIND_NOW=yes", "LD_VERBOSE=", "LD_LIBRARY_PATH=" + origin}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return err.Error()
	}
	return address.ReplaceAllString(string(out), "0x")
}

func symbolsOf(t *testing.T, readelf, file string) string {
	cmd := exec.Command(readelf, "--dyn-syms", "-W", file)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	out, _ := cmd.CombinedOutput()
	return strings.ReplaceAll(string(out), file, "")
}
