package recipes

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestV0Pins says what conda-build's apply_pin_expressions gives where a recipe.yaml's pins give something else.
func TestV0Pins(t *testing.T) {
	r := renderMeta(t, `package: {name: p, version: 1}
outputs:
  - name: short
    version: "1.2"
  - name: letter
    version: 1.1.1g
  - name: user
    requirements:
      run:
        - {{ pin_subpackage('short', max_pin='x.x.x') }}
        - {{ pin_subpackage('letter', max_pin='x.x.x.x') }}
        - {{ pin_subpackage('letter', min_pin='x.x', upper_bound='2.0') }}
        - {{ pin_compatible('zlib', max_pin='x.x.x.x') }}
        - {{ pin_subpackage('letter', min_pin='2.13.3', max_pin=None) }}
        - {{ pin_subpackage('short', min_pin='0.5', max_pin='9') }}
`, nil, nil)
	if r.Diagnostics.HasErrors() {
		t.Fatal(r.Diagnostics.Err())
	}
	var got []string
	for _, d := range r.Outputs[2].Requirements.Run {
		text := d.Spec
		if d.Pin != nil {
			text, _ = d.Pin.Apply("1.2.3", "")
		}
		got = append(got, text)
	}
	want := []string{"short >=1.2,<1.3.0a0", "letter >=1.1.1g,<1.1.1h", "letter >=1.1,<2.0", "zlib >=1.2.3,<1.2.4.0a0",
		"letter >=1.1.1g", "short >=1.2,<2.0a0"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
