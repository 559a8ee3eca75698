package fsx

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// Stamps gives what StampOf gives, in whatever order and wherever links lead.
func TestStamps(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no stamps")
	}
	dir := t.TempDir()
	for _, d := range []string{"a", "b"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
		for _, f := range []string{"x", "y"} {
			if err := os.WriteFile(filepath.Join(dir, d, f), []byte(d), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, to := range map[string]string{"link": "a", "a/out": "../b/x", "a/lost": "nowhere"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	var s Stamps
	defer s.Close()
	for _, name := range []string{"a/x", "a/y", "a/out", "a/lost", "a/none", "link/x", "link/y", "none/x", "none/y", "a/x/no", "a/x/nor", "b/x", "a/x", "a", "b", "a/../b/x", "a/../b/y", "a/.", "a/.."} {
		path := dir + "/" + name
		for _, follow := range []bool{false, true} {
			want, err := StampOf(path, follow)
			got, err2 := s.Of(path, follow)
			if got != want || err != err2 {
				t.Errorf("%s, follow %v: %+v %v, want %+v %v", name, follow, got, err2, want, err)
			}
		}
	}
}
