package recipes

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The expectations follow conda-build's merge_or_update_dict.
func TestAppendAndClobber(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"meta.yaml":           "package:\n  name: a\n  version: 1\nbuild:\n  number: 1\nrequirements:\n  host:\n    - zlib\n  run:\n    - x\n    - y\nabout:\n  summary: s\n",
		"recipe_append.yaml":  "build:\n  number: 7\nrequirements:\n  host:\n    - bzip2\n    - winonly  # [win]\n  build:\n    - make\n",
		"recipe_clobber.yaml": "requirements:\n  run:\n    - z\nabout:\n  license: MIT\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := RenderFile(filepath.Join(dir, "meta.yaml"), linuxOptions())
	if err := r.Diagnostics.Err(); err != nil {
		t.Fatal(err)
	}
	o := r.Outputs[0]
	got := []string{strings.Join(specTexts(o.Requirements.Build), " "), strings.Join(specTexts(o.Requirements.Host), " "), strings.Join(specTexts(o.Requirements.Run), " "),
		o.BuildString, o.About.Summary, o.About.License}
	if d := cmp.Diff([]string{"make", "zlib bzip2", "z", "7", "s", "MIT"}, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if err := os.WriteFile(filepath.Join(dir, "recipe_append.yaml"), []byte("build:\n  nunber: 7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := RenderFile(filepath.Join(dir, "meta.yaml"), linuxOptions()).Diagnostics.Err(); err == nil || !strings.Contains(err.Error(), `recipe_append.yaml:2:3: error: unknown key "nunber"`) {
		t.Errorf("a mistake in it: %v", err)
	}
}
