package archive

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"forge/digest"

	"github.com/google/go-cmp/cmp"
)

// TestCorpus extracts every archive of the folder FORGE_ARCHIVE_CORPUS and compares a tar's files, modes,
// mtimes and links with what tar(1) makes of it.
func TestCorpus(t *testing.T) {
	root := os.Getenv("FORGE_ARCHIVE_CORPUS")
	if root == "" {
		t.Skip("FORGE_ARCHIVE_CORPUS names no folder")
	}
	started := time.Now().UTC().Format("2006-01-02T15:04:05")
	filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil
		}
		f, err := os.Open(p)
		if err != nil {
			return err
		}
		kind, err := detect(f, d.Name())
		f.Close()
		if err != nil {
			return nil
		}
		format := kind.String()
		t.Run(d.Name(), func(t *testing.T) {
			dst := filepath.Join(t.TempDir(), "dst")
			info, err := Extract(context.Background(), p, d.Name(), dst, Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%+v", info)
			if !strings.HasPrefix(format, "tar") {
				return
			}
			ref := t.TempDir()
			if out, err := exec.Command("tar", "xf", p, "-C", ref, "--no-same-owner").CombinedOutput(); err != nil {
				t.Fatalf("%s", out)
			}
			want, got := contents(t, ref), contents(t, dst)
			for p, s := range want { // tar gives folders without an entry the time it made them
				if strings.HasSuffix(s, "dir") && s[:19] >= started && strings.HasSuffix(got[p], "dir") {
					got[p] = s
				}
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		})
		return nil
	})
}

func contents(t *testing.T, root string) map[string]string {
	out := map[string]string{}
	filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(root, p)
		info, ierr := d.Info()
		if err != nil || ierr != nil || rel == "." {
			return err
		}
		s := info.ModTime().UTC().Format("2006-01-02T15:04:05 ")
		switch {
		case d.IsDir():
			s += "dir"
		case d.Type()&fs.ModeSymlink != 0:
			target, _ := os.Readlink(p)
			s += "-> " + target
		default:
			sum, _, _ := digest.OfFile(p)
			s += sum.Short()
			if info.Mode()&0o100 != 0 {
				s += " exec"
			}
		}
		out[rel] = s
		return nil
	})
	return out
}
