package elf

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// FuzzSetRunPath holds that whatever is read does not panic, and that what was rewritten reads as it should.
func FuzzSetRunPath(f *testing.F) {
	if gcc, err := exec.LookPath("gcc"); err == nil {
		dir := f.TempDir()
		src, out := filepath.Join(dir, "m.c"), filepath.Join(dir, "m")
		os.WriteFile(src, []byte("int f(void){return 0;}"), 0o644)
		for _, flags := range [][]string{{"-Wl,-rpath,/a/long/path"}, {"-s", "-Wl,--spare-dynamic-tags=0", "-Wl,-z,noseparate-code"}} {
			if exec.Command(gcc, append([]string{"-shared", "-nostdlib", "-o", out, src}, flags...)...).Run() == nil {
				b, _ := os.ReadFile(out)
				f.Add(b)
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		before, err := Parse(b)
		if err != nil {
			return
		}
		for _, path := range [][]string{{"$ORIGIN/../lib", "/and/a/much/longer/one/than/there/ever/was"}, {"/x"}, nil} {
			out, touched, err := setRunPath(bytes.Clone(b), path)
			if err != nil || !before.Dynamic {
				continue
			}
			if !bytes.Equal(patched(b, out, touched), out) {
				t.Fatal("differs in more than is told")
			}
			after, err := Parse(out)
			if err != nil {
				t.Fatalf("what was written is not read: %v", err)
			}
			got := append(slices.Clone(after.RunPath), after.RPath...)
			if !slices.Equal(got, path) {
				t.Errorf("run path %q, want %q", got, path)
			}
		}
	})
}
