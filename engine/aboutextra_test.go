package engine

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"forge/packages"
	"forge/recipes"
)

// TestAboutExtra holds that about.json names a recipe's maintainers, as conda-build's and rattler-build's do,
// and nothing that is said to Forge.
func TestAboutExtra(t *testing.T) {
	o := &recipes.Output{Extra: map[string]any{"recipe-maintainers": []any{"a"}, "forge": map[string]any{"signatures": "x"}}}
	o.About = recipes.About{About: packages.About{Extra: map[string]any{"tags": "b"}}}
	want := map[string]any{"recipe-maintainers": []any{"a"}, "tags": "b"}
	if diff := cmp.Diff(want, aboutExtra(o)); diff != "" {
		t.Error(diff)
	}
	if len(o.Extra) != 2 || len(o.About.Extra) != 1 {
		t.Error("the recipe was changed")
	}
}
