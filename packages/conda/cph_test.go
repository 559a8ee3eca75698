package conda

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// conda-package-handling reads what is written here, and what it writes is read here.
func TestPackageHandling(t *testing.T) {
	cph := os.Getenv("FORGE_CPH")
	if cph == "" {
		t.Skip("FORGE_CPH names no program")
	}
	list := testPackages(t)
	for kind, other := range map[string]string{V1: extV2, V2: extV1} {
		dir := channel(t, kind, list...)
		for _, m := range list {
			sub := filepath.Join(dir, m.Record.Subdir)
			stem := m.Record.String()
			f, _ := New(kind, 0)
			ours := filepath.Join(sub, stem+f.Extension())
			for _, args := range [][]string{{"x", ours, "--dest", filepath.Join(sub, "x-"+stem)}, {"t", ours, other}} {
				if out, err := exec.Command(cph, args...).CombinedOutput(); err != nil {
					t.Fatalf("cph %v: %s", args, out)
				}
			}
			for _, p := range m.Files {
				if _, err := os.Lstat(filepath.Join(sub, "x-"+stem, p.Path)); err != nil {
					t.Error(err)
				}
			}
			a := open(t, ours)
			b := open(t, filepath.Join(sub, stem+other))
			da, err := a.ContentDigest()
			if err != nil {
				t.Fatal(err)
			}
			if db, err := b.ContentDigest(); err != nil || da != db {
				t.Error(stem, da, db, err)
			}
			na, _ := a.InfoNames()
			nb, _ := b.InfoNames()
			if d := cmp.Diff(na, nb); d != "" {
				t.Error(d)
			}
		}
	}
}
