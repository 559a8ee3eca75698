package engine

import (
	"testing"

	"forge/recipes"
)

func TestVariantWord(t *testing.T) {
	const no = "build environment: no solution for "
	word := func(key, value string) string {
		return "it is the variant that asks for it (" + key + " = " + value + "): --variant " + key + "=VERSION asks for another, or a variants file, or the variant block of forge.hcl"
	}
	for _, tt := range []struct {
		spec, reason string
		variant      map[string]any
		want         string
	}{
		{"gcc_linux-64 7.*", no + "gcc_linux-64 7.*: there is only 12", map[string]any{"c_compiler": "gcc", "c_compiler_version": "7"}, word("c_compiler_version", "7")},
		{"gcc_linux-64 =14", no + "gcc_linux-64 14.*: there is only 12", map[string]any{"c_compiler": "gcc", "c_compiler_version": 14}, word("c_compiler_version", "14")},
		{"gcc_linux-64 14.*", no + "gcc_linux-64 14.*: x", map[string]any{"c_compiler_version": "14"}, word("c_compiler_version", "14")},
		{"gxx_linux-64 14.*", no + "gxx_linux-64 14.*: x", map[string]any{"c_compiler": "gcc", "c_compiler_version": "14", "cxx_compiler": "gxx", "cxx_compiler_version": "14"}, word("cxx_compiler_version", "14")},
		{"sysroot_linux-64 2.17.*", no + "sysroot_linux-64 2.17.*: x", map[string]any{"c_stdlib": "sysroot", "c_stdlib_version": "2.17"}, word("c_stdlib_version", "2.17")},
		{"r-base 4.3.*", no + "r-base 4.3.*: x", map[string]any{"r_base": "4.3"}, word("r_base", "4.3")},
		{"perl 5.26.2.*", no + "make: x", map[string]any{"perl": "5.26.2"}, ""},  // another demand
		{"perl 5.30", no + "perl 5.30: x", map[string]any{"perl": "5.26.2"}, ""}, // the recipe's own
		{"perl", no + "perl: x", map[string]any{"perl": ""}, ""},
	} {
		o := &recipes.Output{Variant: tt.variant}
		o.Requirements.Build = []recipes.Dependency{{Spec: tt.spec}}
		if got := variantWord(o, tt.reason); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.spec, got, tt.want)
		}
	}
}
