package recipes

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// People keep recipes elsewhere and link to them.
func TestFindThroughLinks(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"real/a/recipe.yaml", "elsewhere/b/meta.yaml", "elsewhere/b/deeper/recipe.yaml"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"link": "real", "real/b": "../elsewhere/b", "real/round": ".", "real/_hidden": "../elsewhere/b"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Skip(err) // Windows, without the right to
		}
	}
	for _, root := range []string{"real", "link"} {
		got, err := Find([]string{root + "/..."}, dir)
		want := []string{filepath.Join(root, "a", "recipe.yaml"), filepath.Join(root, "b", "meta.yaml")}
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("%s: %s %v", root, d, err)
		}
	}
}

// TestVariantFileWithoutEnd: a device that never ends is refused, not read.
func TestVariantFileWithoutEnd(t *testing.T) {
	if _, err := os.Stat("/dev/zero"); err != nil {
		t.Skip("this machine has no /dev/zero")
	}
	if _, err := ReadVariantFiles([]string{"/dev/zero"}); err == nil || !strings.Contains(err.Error(), "more than the 16777216 bytes") {
		t.Errorf("error %v", err)
	}
}
