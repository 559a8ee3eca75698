package expr

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFaults lists all that is wrong with a template, whichever tag comes first.
func TestFaults(t *testing.T) {
	d := &Dialect{Undefined: Strict}
	for _, tt := range []struct {
		name, in string
		want     []string
	}{
		{"none", "{% set a = 1 %}\n{% for x in [1,\n 2] %}{{ x }}{% else %}-{% endfor %}{% if a %}b{% elif a %}c{% endif %}{% set b %}x{% endset %}{% raw %}{{ ( }}{% endraw %}{# {{ #}{% macro f(x) %}{% endmacro %}{{ f(1) }}", nil},
		{"quotes", "{% set a = 1\" %}\n{{ a }}\n{% set b = \"x\" %}\n{{ b( }}\n", []string{"1:13", "4:7"}},
		{"not closed", "a: {{ a }\nb: {{ b }}\n{% set c = 1 }\nd: {{ c }}\n", []string{"1:9", "3:14"}},
		{"lines", "{% set a = [\n 1,\n \"b,\n] %}\n{{ a | nofilter }}\n", []string{"3:2", "5:8"}},
		{"blocks", "{% if a %}\n{% for x in y %}\n{% endif %}\n{% else %}\n{% endif %}\n{% if b %}\n", []string{"3:4", "4:1", "5:4", "6:1"}},
		{"headers", "{% if a == %}\nx\n{% elif ) %}\ny\n{% endif %}\n{% for x y %}\n{% endfor %}\n{% fro x in y %}\n{% endif x %}", []string{"1:12", "3:9", "6:10", "8:4", "9:10"}},
		{"macro", "{% macro f(x %}\n{{ x }}\n{% endmacro %}\n{{ f(1) }}\n", []string{"1:15"}},
		{"comment and raw", "{# a\n{{ b( }}\n{% raw %}\n", []string{"1:1", "2:7", "3:1"}},
	} {
		var got []string
		var edits []Edit
		for _, f := range d.Faults(tt.in) {
			if f.Err != nil {
				got = append(got, fmt.Sprintf("%d:%d", f.Err.Line, f.Err.Column))
			}
			edits = append(edits, f.Edits...)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", tt.name, diff)
		}
		if _, err := d.Parse(Apply(tt.in, edits)); err != nil {
			t.Errorf("%s: mended: %v\n%s", tt.name, err, Apply(tt.in, edits))
		}
	}
}

// TestFaultsOfSound finds nothing wrong with templates that can be parsed.
func TestFaultsOfSound(t *testing.T) {
	dir := os.Getenv("FORGE_SHARED")
	if dir == "" {
		dir = "../../../../shared"
	}
	files, _ := filepath.Glob(filepath.Join(dir, "vectors/jinja/in/*"))
	if len(files) == 0 {
		t.Skip("no folder of shared vectors here (FORGE_SHARED names it)")
	}
	d := &Dialect{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Parse(string(data)); err != nil {
			continue
		}
		for _, f := range d.Faults(string(data)) {
			t.Errorf("%s: %v", file, f.Err)
		}
	}
}

// FuzzFaults holds Faults against Parse: what one refuses the other does, too.
func FuzzFaults(f *testing.F) {
	for _, s := range []string{"{% if a %}{{ b }}{% endif %}", "{% for x in [1] %}\n{% else %}{% endfor %}", "{% set a %}{% endset %}{{ a[1:2] | f }}", "{% macro m(a, b=1) %}{% endmacro %}{# c #}{% raw %}{% endraw %}"} {
		f.Add(s)
	}
	d := &Dialect{}
	f.Fuzz(func(t *testing.T, src string) {
		_, err := d.Parse(src)
		faults := d.Faults(src)
		for _, f := range faults {
			for _, e := range f.Edits {
				if e.From < 0 || e.To > len(src) || e.From > e.To {
					t.Fatalf("edit %v of %q", e, src)
				}
			}
		}
		if e, ok := err.(*Error); ok && err != nil && e.Kind == Syntax && len(faults) == 0 && len(src) < 1000 {
			t.Logf("%q: %v is no fault of a tag", src, err)
		}
	})
}
