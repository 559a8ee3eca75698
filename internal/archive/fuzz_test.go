package archive

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// FuzzExtract holds that nothing is ever made outside of the folder, that a failure leaves the folder empty,
// and that reading without writing agrees with extracting.
func FuzzExtract(f *testing.F) {
	plain := tarOf(f, dir("d"), reg("d/f", "text"), sym("d/l", "f"), hard("d/h", "d/f"))
	f.Add(plain, "x.tar")
	f.Add(gz(plain), "x.tgz")
	f.Add(zipOf(f, "a/b", "c"), "x.zip")
	for name, argv := range map[string][]string{"x.tar.xz": {"xz", "-c"}, "x.tar.bz2": {"bzip2", "-c"}, "x.tar.zst": {"zstd", "-c"},
		"x.tar.lzma": {"xz", "--format=lzma", "-c"}, "x.tar.lz": {"lzip", "-c"}, "x.tar.Z": {"compress", "-c"}} {
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Stdin = bytes.NewReader(plain)
		if out, err := cmd.Output(); err == nil {
			f.Add(out, name)
		}
	}
	limits := Limits{Bytes: 1 << 20, Entries: 1000}
	f.Fuzz(func(t *testing.T, b []byte, name string) {
		outer := t.TempDir()
		src, dst := filepath.Join(outer, "src"), filepath.Join(outer, "dst")
		os.WriteFile(src, b, 0o600)
		_, err := Extract(context.Background(), src, name, dst, Options{Limits: limits, LastWins: len(b)%2 == 0, StripTop: len(b)%3 == 0})
		if left, _ := os.ReadDir(outer); len(left) > 2 {
			t.Errorf("outside of the folder there is %v", left)
		}
		if left, _ := os.ReadDir(dst); err != nil && len(left) > 0 {
			t.Errorf("failed with %v and left %v", err, left)
		}
		if _, rerr := walk(context.Background(), src, name, limits, func(*member) error { return nil }); rerr != nil && err == nil {
			t.Errorf("extracted, but not read: %v", rerr)
		}
	})
}
