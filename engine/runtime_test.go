package engine

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCondaBuildDepends(t *testing.T) {
	tests := map[string]struct{ in, want []string }{
		"sorted":          {[]string{"zlib", "bzip2 >=1", "__glibc >=2.17"}, []string{"__glibc >=2.17", "bzip2 >=1", "zlib"}},
		"bare goes":       {[]string{"python >=3.9", "python"}, []string{"python >=3.9"}},
		"bounds stay":     {[]string{"x >=1", "x", "x <3"}, []string{"x <3", "x >=1"}},
		"exact wins":      {[]string{"x >=1,<2.0a0", "x", "x 1.2 h1_0"}, []string{"x 1.2 h1_0"}},
		"two exact":       {[]string{"x 1.2 h1_0", "x 1.3 h1_0"}, []string{"x 1.2 h1_0", "x 1.3 h1_0"}},
		"not exact":       {[]string{"python_abi 3.11.* *_cp311", "python_abi"}, []string{"python_abi 3.11.* *_cp311"}},
		"nothing":         {nil, []string{}},
		"one bare is one": {[]string{"python"}, []string{"python"}},
	}
	for name, tt := range tests {
		if diff := cmp.Diff(tt.want, condaBuildDepends(tt.in)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
