package recipes

import (
	"strings"
	"testing"
)

// TestShippedRecipes renders every recipe that lies in this folder, for Linux and for Windows.
func TestShippedRecipes(t *testing.T) {
	files, err := Find([]string{"./..."}, ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		r := RenderFile(f, linuxOptions())
		for _, d := range r.Diagnostics {
			t.Errorf("%s", d)
		}
		for _, o := range r.Outputs {
			if !strings.Contains(o.BuildString, o.Hash) && !o.Staging {
				t.Errorf("%s: build string %q has no hash %s", f, o.BuildString, o.Hash)
			}
			t.Logf("%s: %s %d sources %d scripts", f, o, len(o.Sources), len(o.Build.Scripts))
		}
	}
}
