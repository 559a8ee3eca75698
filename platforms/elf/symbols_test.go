package elf

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestExports holds the list against nm's.
func TestExports(t *testing.T) {
	for _, tool := range []string{"gcc", "nm"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	dir := t.TempDir()
	source, script, lib := filepath.Join(dir, "f.c"), filepath.Join(dir, "v.map"), filepath.Join(dir, "libf.so")
	for file, text := range map[string]string{
		source: "int one(void){return 1;} int table[4]={1}; static int own(void){return 2;} int two(void){return own();}\n" +
			"__attribute__((visibility(\"hidden\"))) int hidden(void){return 3;} __attribute__((weak)) int soft(void){return 4;} extern int puts(const char*); int says(void){return puts(\"\");}\n",
		script: "F_1 { global: one; table; soft; says; local: *; };\nF_2 { global: two; } F_1;\n",
	} {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("gcc", "-shared", "-fPIC", "-Wl,--version-script="+script, "-o", lib, source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	data, err := os.ReadFile(lib)
	if err != nil {
		t.Fatal(err)
	}
	list, err := Exports(data)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range list {
		got = append(got, s.String())
		if s.Name == "table" && (!s.Data || s.Size != 16) || s.Name == "soft" && !s.Weak {
			t.Errorf("%+v", s)
		}
	}
	out, err := exec.Command("nm", "-D", "--defined-only", "--with-symbol-versions", lib).Output()
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		f := strings.Fields(line)
		if name := strings.ReplaceAll(f[len(f)-1], "@@", "@"); f[1] != "A" {
			want = append(want, name)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if _, err := Exports([]byte("no")); err == nil {
		t.Error("text is no ELF file")
	}
}

func FuzzExports(f *testing.F) {
	f.Add([]byte("\x7fELF\x02\x01\x01"))
	f.Fuzz(func(t *testing.T, b []byte) { _, _ = Exports(b) })
}
