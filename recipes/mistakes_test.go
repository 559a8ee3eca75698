package recipes

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var updateMistakes = flag.Bool("update-mistakes", false, "write testdata/mistakes/*/want.txt anew")

// TestMistakes holds what is said of wrong recipes of each format against what was read and found good: all
// mistakes of a file, each with its place, its line, and what to do.
func TestMistakes(t *testing.T) {
	files, err := filepath.Glob("testdata/mistakes/*/*")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, file := range files {
		if formatOf(file) == "" {
			continue
		}
		n++
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for _, d := range Render(filepath.Base(file), data, linuxOptions()).Diagnostics {
			b.WriteString(d.String() + "\n")
		}
		golden := filepath.Join(filepath.Dir(file), "want.txt")
		if *updateMistakes {
			if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), b.String()); d != "" {
			t.Errorf("%s (-want +got); -update-mistakes writes it anew\n%s", file, d)
		}
	}
	if n < 30 {
		t.Errorf("%d wrong recipes", n)
	}
}
