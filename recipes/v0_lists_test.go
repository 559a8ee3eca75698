package recipes

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"forge/internal/diag"
)

// TestV0ListsAsSelectors has the lists of a variants file that conda-build 26.7 takes for selectors; of this file it
// reads {cxx_compiler_version: [12], foo: [a, b], bar: [[a]]}.
func TestV0ListsAsSelectors(t *testing.T) {
	const variants = `c_compiler_version: ["12"]
cxx_compiler_version: ["12"] # no
zip_keys:
  - [c_compiler_version, cxx_compiler_version]
foo: [a, b]  # [linux]
bar: [[a]]
# gone: [a]
gone: [a]  # [win]
"kept": ["ä"]  ` + `
empty: []
`
	r := renderMeta(t, "package:\n  name: a\n  version: 1\n", nil, func(o *RenderOptions) {
		o.Variants = append(o.Variants, VariantFile{Path: "m.yaml", Data: []byte(variants)})
	})
	var got []string
	for _, d := range r.Diagnostics {
		got = append(got, fmt.Sprintf("%d:%d %s %d", d.Pos.Line, d.Pos.Column, d.Code, d.Length))
	}
	want := []string{"1:21 list-as-selector 6", "4:5 list-as-selector 42", "9:9 list-as-selector 5"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// TestV0UnknownRequirements: conda-build passes over unknown keys in the requirements of an output, and refuses them at
// the top.
func TestV0UnknownRequirements(t *testing.T) {
	const head = "package:\n  name: a\n  version: 1\n"
	for _, tt := range []struct {
		name, text string
		want       diag.Severity
	}{
		{"output", head + "outputs:\n  - name: b\n    requirements:\n      run_constraint:\n        - c <0a0\n", diag.Warning},
		{"top", head + "requirements:\n  run_constraint:\n    - c <0a0\n", diag.Error},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := renderMeta(t, tt.text, nil, nil)
			if len(r.Diagnostics) != 1 || r.Diagnostics[0].Code != "unknown-key" || r.Diagnostics[0].Severity != tt.want {
				t.Errorf("got %v", r.Diagnostics)
			}
		})
	}
}
