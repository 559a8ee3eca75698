package engine

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"forge/platforms/elf"
)

// TestMissingSymbols holds what is missing to what `ldd -r` says.
func TestMissingSymbols(t *testing.T) {
	for _, tool := range []string{"gcc", "ldd"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(tool + " is not here")
		}
	}
	root := t.TempDir()
	lib := filepath.Join(root, "lib")
	os.Mkdir(lib, 0o755)
	for _, l := range []struct {
		name, code string
		link       []string
	}{
		{"one", "int one(void) { return 1; }", nil},
		{"two", "int one(void); int two(void) { return one(); }", []string{"-lone"}},
		{"direct", "int one(void); int f(void) { return one(); }", []string{"-lone"}},
		{"through", "int one(void), two(void); int f(void) { return one() + two(); }", []string{"-ltwo"}},
		{"weak", "int nobody(void) __attribute__((weak)); int f(void) { return nobody ? nobody() : 0; }", nil},
		{"libc", "#include <stdio.h>\nint f(void) { return puts(\"x\"); }", nil},
		{"data", "extern int counter; int other(void); int f(void) { return counter + other(); }", nil},
		{"partly", "int one(void); int other(void); int f(void) { return one() + other(); }", []string{"-lone"}},
	} {
		source := filepath.Join(root, l.name+".c")
		os.WriteFile(source, []byte(l.code), 0o644)
		args := append([]string{"-shared", "-fPIC", "-o", filepath.Join(lib, "lib"+l.name+".so"), "-Wl,-soname,lib" + l.name + ".so", source, "-L" + lib}, l.link...)
		if out, err := exec.Command("gcc", args...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %s", l.name, out)
		}
	}
	paths, _ := filepath.Glob(lib + "/*.so")
	var files []inspected
	for _, p := range paths {
		data, _ := os.ReadFile(p)
		info, err := elf.Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		b := inspected{path: "lib/" + filepath.Base(p), elf: info}
		if b.undefined, err = elf.Undefined(data); err != nil {
			t.Fatal(err)
		}
		files = append(files, b)
	}
	dir, err := os.OpenRoot(root)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	search := newSymbolSearch(dir, files)
	found := 0
	for _, b := range files {
		got, told := search.missing(b)
		if !told {
			t.Errorf("%s: nothing is told", b.path)
		}
		cmd := exec.Command("ldd", "-r", filepath.Join(root, b.path))
		cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+lib, "LC_ALL=C")
		out, _ := cmd.CombinedOutput()
		var want []string
		for _, m := range regexp.MustCompile(`undefined symbol: (\S+)`).FindAllSubmatch(out, -1) {
			want = append(want, string(m[1]))
		}
		slices.Sort(want)
		found += len(want)
		if d := cmp.Diff(want, append([]string(nil), got...)); d != "" {
			t.Errorf("%s (-ldd +forge):\n%s", b.path, d)
		}
	}
	if found != 3 {
		t.Errorf("ldd found %d symbols, not the 3 of data and partly", found)
	}
	os.Remove(filepath.Join(lib, "libone.so"))
	if _, told := newSymbolSearch(dir, nil).missing(files[slices.IndexFunc(files, func(b inspected) bool { return b.path == "lib/libpartly.so" })]); told {
		t.Error("a library that is not there is taken for one that defines nothing")
	}
	if ofInterpreter("PyErr_Format", nil) || !ofInterpreter("PyErr_Format", []string{"python"}) {
		t.Error("symbols of an interpreter")
	}
}
