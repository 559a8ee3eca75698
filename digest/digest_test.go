package digest

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	d := Of([]byte("hello\n"))
	const sum = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03" // sha256sum's
	if d.Hex() != sum || d.Short() != sum[:12] || d.String() != "sha256:"+sum {
		t.Errorf("got %s", d)
	}
	for text, good := range map[string]bool{sum: true, "sha256:" + sum: true, sum[:63]: false, "g" + sum[1:]: false, "": false, "md5:" + sum: false} {
		got, err := Parse(text)
		if (err == nil) != good || good && got != d {
			t.Errorf("Parse(%q) is %v, %v", text, got, err)
		}
	}
	b, err := json.Marshal(struct{ D Digest }{d})
	var back struct{ D Digest }
	if err != nil || json.Unmarshal(b, &back) != nil || back.D != d {
		t.Errorf("%s came back as %v, %v", b, back.D, err)
	}
}

// A tree is what is in a folder: not when it was made, in which order, or by which name it was reached.
func TestFolder(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode fs.FileMode) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("real/b", "b", 0o644)
	write("real/a/run.sh", "x", 0o755)
	write("real/skipped/c", "c", 0o644)
	for link, to := range map[string]string{"real/link": "b", "linked": "real"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Skip(err) // Windows, without the right to
		}
	}
	skip := func(rel string, d fs.DirEntry) bool { return rel == "skipped" }
	entries, err := Folder(filepath.Join(dir, "real"), skip)
	if err != nil {
		t.Fatal(err)
	}
	want := []Entry{
		{Path: "a/run.sh", Kind: Exec, Sum: Of([]byte("x")), Size: 1},
		{Path: "b", Kind: File, Sum: Of([]byte("b")), Size: 1},
		{Path: "link", Kind: Symlink, Target: "b"},
	}
	if d := cmp.Diff(want, entries, cmp.Comparer(func(a, b Digest) bool { return a == b })); d != "" {
		t.Error(d)
	}
	through, err := Folder(filepath.Join(dir, "linked"), skip)
	if err != nil || Tree(through) != Tree(entries) {
		t.Errorf("through a link: %v %v", through, err)
	}
	all, err := Folder(filepath.Join(dir, "real"), nil)
	if err != nil || Tree(all) == Tree(entries) {
		t.Errorf("what is skipped does not count: %v", err)
	}
	if _, err := Folder(filepath.Join(dir, "nowhere"), nil); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("a folder that is not there: %v", err)
	}
}
