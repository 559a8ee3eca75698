package conda

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Packages from before paths.json: files, has_prefix, hard links in the tar, and index.json of many minds.
func TestOldPackage(t *testing.T) {
	if _, err := exec.LookPath("bzip2"); err != nil {
		t.Skip("bzip2 is not on this machine")
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	put := func(h tar.Header, body string) {
		h.Size = int64(len(body))
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(body))
	}
	put(tar.Header{Name: "bin/a", Mode: 0o775, Uname: "me"}, "#!/opt/anaconda1anaconda2anaconda3/bin/x")
	put(tar.Header{Name: "bin/b", Typeflag: tar.TypeLink, Linkname: "bin/a"}, "")
	put(tar.Header{Name: "lib/with space", Mode: 0o644}, "\x00/ph/long\x00")
	put(tar.Header{Name: "lib/", Typeflag: tar.TypeDir, Mode: 0o755}, "")
	put(tar.Header{Name: "info/index.json"}, `{"name":"old","version":"1","build":"0","build_number":0,"depends":null,"track_features":["a","b"],
		"features":"f","license":null,"noarch":false,"platform":"linux","timestamp":1400000000}`)
	put(tar.Header{Name: "info/files"}, "bin/a\nbin/b\nlib/with space\n")
	put(tar.Header{Name: "info/has_prefix"}, "bin/a\nbin/b\n\"/ph/long\" binary \"lib/with space\"\n")
	w.Close()
	path := filepath.Join(t.TempDir(), "old-1-0.tar.bz2")
	cmd := exec.Command("bzip2", "-c")
	cmd.Stdin = &b
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	os.WriteFile(path, out, 0o644)
	p := open(t, path)
	rec, _ := p.Record()
	if rec.TrackFeatures != "a b" || rec.Features != "f" || rec.Depends == nil || rec.Timestamp != 1400000000000 {
		t.Errorf("%+v", rec)
	}
	dir := t.TempDir()
	got, err := p.Unpack(context.Background(), dir, "/p", "", nil)
	if d := cmp.Diff([]string{"bin/a", "bin/b", "lib/with space"}, got); d != "" || err != nil {
		t.Fatal(d, err)
	}
	for name, want := range map[string]string{"bin/a": "#!/p/bin/x", "bin/b": "#!/p/bin/x", "lib/with space": "\x00/p\x00\x00\x00\x00\x00\x00\x00"} {
		if b, _ := os.ReadFile(filepath.Join(dir, name)); string(b) != want {
			t.Errorf("%s: %q", name, b)
		}
	}
	if _, err := p.Info("nope"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if names, _ := p.InfoNames(); len(names) != 3 {
		t.Error(names)
	}
	if e, err := p.RunExports(); err != nil || !e.IsEmpty() {
		t.Error(e, err)
	}
}
