package recipes

import "testing"

// A key that extra names first counts where it is read again.
func TestKeyInExtraAndElsewhere(t *testing.T) {
	text := "extra:\n  note: ${{ flavor }}\npackage:\n  name: a\n  version: 1\nbuild:\n  number: 0\n  script: ${{ flavor }}\n"
	o := linuxOptions()
	o.Set = map[string][]string{"flavor": {"x", "y"}}
	if r := Render("recipe.yaml", []byte(text), o); len(r.Outputs) != 2 || r.Diagnostics.HasErrors() {
		t.Errorf("%d outputs: %v", len(r.Outputs), r.Diagnostics)
	}
}
