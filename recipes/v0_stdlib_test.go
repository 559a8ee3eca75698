package recipes

import (
	"testing"
)

// TestV0StdlibHash has hashes of conda-forge's own packages, of zlib 1.3.1, lz4-c 1.10.0 and libexpat 2.7.1: they hold
// what sysroot_linux-64 exports.
func TestV0StdlibHash(t *testing.T) {
	const c, both = "    - {{ compiler('c') }}\n    - {{ stdlib('c') }}\n", "    - {{ compiler('c') }}\n    - {{ compiler('cxx') }}\n    - {{ stdlib('c') }}\n"
	for _, tt := range []struct {
		name, gcc, build, more string
		unsolved               bool
		want                   string
	}{
		{"C with GCC 13", "13", c, "", false, "hb9d3cd8_0"},
		{"C and C++ with GCC 13", "13", both, "", false, "h5888daf_0"},
		{"C and C++ with GCC 14", "14", both, "", false, "hecca717_0"},
		{"before anything is solved", "13", c, "", true, "hd0c01bc_0"},
		{"what is exported is ignored", "13", c, "build:\n  ignore_run_exports: [__glibc, x]\n", false, "hd0c01bc_0"},
		{"who exports is ignored", "13", c, "build:\n  ignore_run_exports_from:\n    - {{ stdlib('c') }}\n", false, "hd0c01bc_0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := "package:\n  name: a\n  version: 1\n" + tt.more + "requirements:\n  build:\n" + tt.build
			config := "c_compiler_version: " + tt.gcc + "\ncxx_compiler_version: " + tt.gcc + "\nc_stdlib: sysroot\nc_stdlib_version: 2.17\nchannel_targets: conda-forge main\n"
			out := mustRender(t, text, map[string]string{"conda_build_config.yaml": config}, func(o *RenderOptions) {
				o.Solved = !tt.unsolved
			})
			if out[0].BuildString != tt.want {
				t.Errorf("%s, want %s, of %s", out[0].BuildString, tt.want, out[0].HashInput)
			}
		})
	}
}
