package engine

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"forge/recipes"
)

func TestAboutExtra(t *testing.T) {
	o := &recipes.Output{Extra: map[string]any{"recipe-maintainers": []any{"a"}, "n": 1, "forge": map[string]any{"dispatch": "x"}}}
	want := map[string]any{"recipe-maintainers": []any{"a"}, "n": "2", "flow": "ci"}
	if d := cmp.Diff(want, aboutExtra(o, map[string]string{"n": "2", "flow": "ci"})); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[string]any{"dispatch": "x"}, o.Extra["forge"]); d != "" {
		t.Errorf("the recipe's own changed: %s", d)
	}
}
