package recipes

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A workspace's variants count less than all others, also than those beside a meta.yaml, which -m wins over.
func TestV0VariantFileOrder(t *testing.T) {
	text := "package:\n  name: a\n  version: 1\nbuild:\n  script: echo {{ one }} {{ two }} {{ three }} {{ four }}\n"
	out := mustRender(t, text, map[string]string{"conda_build_config.yaml": "two: [recipe]\nthree: [recipe]\nfour: [recipe]\n"}, func(o *RenderOptions) {
		o.Variants = []VariantFile{
			{BuiltInVariants, []byte("one: [built-in]\nfour: [built-in]\n")},
			{"/w/forge.hcl", []byte("one: [workspace]\ntwo: [workspace]\nthree: [workspace]\n")},
			{"/w/more.yaml", []byte("three: [given]\n")},
		}
	})
	want := map[string]any{"one": "workspace", "two": "recipe", "three": "given", "four": "recipe"}
	got := map[string]any{}
	for k := range want {
		got[k] = out[0].Full[k]
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// conda-build solves for, and writes into packages, zlib 1.2.* where a recipe says zlib 1.2.
func TestV0Starred(t *testing.T) {
	text := "package:\n  name: a\n  version: 1\nrequirements:\n  build: [cmake 3.9]\n  host: [zlib 1.2, png 1.6 0]\n  run: [zlib 1.2, tk >=8]\n  run_constrained: [lua 5.4]\ntest:\n  requires: [curl 8]\n  commands: [a]\n"
	o := mustRender(t, text, nil, nil)[0]
	var got []string
	for _, list := range [][]Dependency{o.Requirements.Build, o.Requirements.Host, o.Requirements.Run, o.Requirements.RunConstraints} {
		for _, d := range list {
			got = append(got, d.Spec+" | "+d.Ask())
		}
	}
	got = append(got, o.Tests[0].Script.Run...)
	want := []string{"cmake 3.9 | cmake 3.9.*", "zlib 1.2 | zlib 1.2.*", "png 1.6 0 | png 1.6 0", "zlib 1.2 | zlib 1.2.*", "tk >=8 | tk >=8", "lua 5.4 | lua 5.4", "curl 8.*"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
