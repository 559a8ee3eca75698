package engine

import (
	"testing"

	"forge/platforms"
	"forge/recipes"
)

// TestMacBaseline: compilers use what every Mac has without being told.
func TestMacBaseline(t *testing.T) {
	for subdir, want := range map[string]string{"osx-64": "core2", "osx-arm64": "m1"} {
		p, err := platforms.Parse(subdir)
		if err != nil {
			t.Fatal(err)
		}
		if l := heldTo(&recipes.Output{TargetPlatform: p}); l == nil || l.Name != want {
			t.Errorf("%s: held to %v, want %s", subdir, l, want)
		}
	}
}
