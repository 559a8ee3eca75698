package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// flipBit turns one bit in the middle of a file around, in the file itself, as a bad disk does; all its names
// and its times stay.
func flipBit(t *testing.T, path string) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	os.Chmod(path, 0o644)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	var b [1]byte
	f.ReadAt(b[:], info.Size()/2)
	b[0] ^= 0x10
	f.WriteAt(b[:], info.Size()/2)
	f.Close()
	os.Chmod(path, info.Mode().Perm())
	os.Chtimes(path, info.ModTime(), info.ModTime())
}

// TestBitRot flips one bit in each file of a small store and builds: what the store has, and what has to be
// built with it. Nothing wrong is ever put out, and the next run heals.
func TestBitRot(t *testing.T) {
	p := newFaultPlace(t)
	clean := filepath.Join(filepath.Dir(p.warm), "clean")
	again := append(append([]string{}, faultBuild...), "--output-dir", "again")
	newer := []string{"build", "-j1", "./b", "--up-to", "b", "./a", "--build-num", "1", "--output-dir", "newer"}
	run := func(dir string, args []string) (string, error) {
		out, err := forgeCommand(dir, filepath.Join(dir, ".cache"), args...).CombinedOutput()
		return string(out), err
	}
	good := filepath.Join(filepath.Dir(p.warm), "good")
	place := faultPlace{warm: clean}
	place.copy(t, good)
	if out, err := run(good, newer); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want := packageSums(t, filepath.Join(good, "newer"))
	place.copy(t, p.dir)
	files := storeFiles(t, clean, p.warm)
	for i, file := range files {
		tell(t, "a flipped bit", i, len(files))
		path := filepath.Join(p.dir, file)
		before, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		flipBit(t, path)
		for name, try := range map[string]struct {
			args []string
			out  string
			want map[string]string
		}{"reuse": {again, "again", p.want}, "build": {newer, "newer", want}} {
			os.RemoveAll(filepath.Join(p.dir, try.out))
			forgetResults(t, p.dir, clean)
			said, err := run(p.dir, try.args)
			got := packageSums(t, filepath.Join(p.dir, try.out))
			for pkg, sum := range got {
				if try.want[pkg] != sum {
					t.Errorf("%s: one bit of %s: %s is not the package it should be", name, file, pkg)
				}
			}
			if d := cmp.Diff(try.want, got); d != "" && err == nil {
				t.Errorf("%s: one bit of %s: all is well, it says\n%s", name, file, d)
			}
			if err != nil {
				t.Errorf("%s: one bit of %s: not healed: %s", name, file, said)
			}
		}
		if after, err := os.Stat(path); err == nil && os.SameFile(before, after) {
			flipBit(t, path) // nothing needed it
		}
	}
}

// forgetResults takes away the results that came after clean, so that there is something to build again.
func forgetResults(t *testing.T, dir, clean string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, ".cache", "actions"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if _, err := os.Stat(filepath.Join(clean, ".cache", "actions", e.Name())); err != nil {
			os.Remove(filepath.Join(dir, ".cache", "actions", e.Name()))
		}
	}
}

// storeFiles lists the files of a store, below place: those that warm has not, and some of those it has, or
// with FORGE_TEST_ALL all.
func storeFiles(t *testing.T, place, warm string) []string {
	t.Helper()
	var list []string
	shared := 0
	for _, part := range []string{"actions", "cas", "runs", "sources", "trees"} {
		filepath.WalkDir(filepath.Join(place, ".cache", part), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			rel, _ := filepath.Rel(place, path)
			inTree := part == "trees" && !strings.HasSuffix(rel, ".json")
			info, err := d.Info()
			if err != nil || inTree || info.Size() == 0 {
				return err // a link to a blob, which has its turn
			}
			if _, err := os.Stat(filepath.Join(warm, rel)); err == nil {
				if shared++; shared%500 != 1 && !testAll() {
					return nil
				}
			}
			list = append(list, rel)
			return nil
		})
	}
	return list
}
