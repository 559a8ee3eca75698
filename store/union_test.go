package store_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"forge/digest"
	"forge/store"
)

// The entries of a union are asked for only where nobody noted which tree it is, or that is not laid out.
func TestMaterializeUnion(t *testing.T) {
	s, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	put := func(path string) ([]digest.Entry, digest.Digest) {
		sum, err := s.PutBytes([]byte(path))
		if err != nil {
			t.Fatal(err)
		}
		entries := []digest.Entry{{Path: path, Kind: digest.File, Sum: sum, Size: int64(len(path))}}
		tree, err := s.PutTree(entries)
		if err != nil {
			t.Fatal(err)
		}
		return entries, tree
	}
	a, treeA := put("usr/bin/a")
	b, treeB := put("usr/bin/b")
	asked := 0
	lay := func(trees []digest.Digest, entries ...[]digest.Entry) string {
		t.Helper()
		dir, err := s.MaterializeUnion(t.Context(), trees, time.Now(), func() ([]digest.Entry, error) {
			asked++
			return store.Merge(entries...)
		})
		if err != nil {
			t.Fatal(err)
		}
		return dir
	}
	both := []digest.Digest{treeA, treeB}
	for _, want := range []int{1, 1} {
		if dir := lay(both, a, b); asked != want {
			t.Errorf("asked %d times, want %d", asked, want)
		} else if data, err := os.ReadFile(filepath.Join(dir, "usr/bin/b")); err != nil || string(data) != "usr/bin/b" {
			t.Errorf("%q, %v", data, err)
		}
	}
	if err := os.RemoveAll(lay(both, a, b)); err != nil {
		t.Fatal(err)
	}
	if lay(both, a, b); asked != 2 {
		t.Errorf("asked %d times, want 2: the folder was gone", asked)
	}
	if lay([]digest.Digest{treeA}, a) == lay(both, a, b) || asked != 3 {
		t.Errorf("asked %d times, want 3: another union", asked)
	}
	runs, err := filepath.Glob(filepath.Join(s.Root(), "runs", "*"))
	if err != nil || len(runs) != 1 {
		t.Fatalf("%v, %v", runs, err)
	}
	data, err := os.ReadFile(runs[0])
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-1] ^= 1
	if err := os.WriteFile(runs[0], data, 0o600); err != nil {
		t.Fatal(err)
	}
	if lay(both, a, b); asked != 4 {
		t.Errorf("asked %d times, want 4: the record was damaged", asked)
	}
}
