package recipes

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"forge/internal/diag"
	"forge/platforms"
)

func sortedFields(s string) []string {
	words := strings.Fields(s)
	slices.Sort(words)
	return words
}

// TestV1Words holds the filters and tests of ${{ }} against rattler-build's list: those and no more.
func TestV1Words(t *testing.T) {
	d := v1Language()
	for _, tt := range []struct {
		name, want string
		got        []string
	}{
		{"filters", "version_to_buildstring replace lower upper int abs bool default first last length list join min max reverse sort trim unique split",
			slices.Sorted(maps.Keys(d.Filters))},
		{"tests", "undefined defined none safe escaped odd even number integer int float string sequence boolean startingwith endingwith eq == ne != lt < le <= gt > ge >= in true false",
			slices.Sorted(maps.Keys(d.Tests))},
	} {
		if diff := cmp.Diff(sortedFields(tt.want), tt.got); diff != "" {
			t.Errorf("%s (-list +forge)\n%s", tt.name, diff)
		}
	}
	for _, f := range strings.Fields("attr indent select selectattr dictsort reject rejectattr round map title capitalize urlencode escape pprint safe items float tojson string") {
		if r := renderText("package: {name: a, version: 1}\nabout:\n  summary: \"${{ [1] | "+f+" }}\"\n", nil); !r.Diagnostics.HasErrors() {
			t.Errorf("the filter %s is taken; rattler-build has none", f)
		}
	}
}

// v0FieldList is conda-build's metadata.FIELDS, and after a | what its code reads beside them.
const v0FieldList = `
package: name version
source: fn url md5 sha1 sha224 sha256 sha384 sha512 content_sha256 content_sha384 content_sha512 content_hash_skip path path_via_symlink git_url git_tag git_branch git_rev git_depth hg_url hg_tag svn_url svn_rev svn_ignore_externals svn_username svn_password folder no_hoist patches
build: number string entry_points osx_is_app disable_pip features track_features preserve_egg_dir no_link binary_relocation script noarch noarch_python python_version_independent has_prefix_files binary_has_prefix_files ignore_prefix_files detect_binary_files_with_prefix skip_compile_pyc rpaths rpaths_patcher script_env always_include_files skip msvc_compiler pin_depends include_recipe preferred_env preferred_env_executable_paths run_exports ignore_run_exports ignore_run_exports_from requires_features provides_features force_use_keys force_ignore_keys merge_build_host pre-link post-link pre-unlink missing_dso_whitelist missing_dso_allowlist runpath_whitelist runpath_allowlist error_overdepending error_overlinking overlinking_ignore_patterns python_site_packages_path | activate_in_script ignore_verify_codes no_move_top_level_workdir_loops noarch_python_build_age
outputs: name version number entry_points script script_interpreter build requirements test about extra files type run_exports target | noarch string
requirements: build host run conflicts run_constrained
app: entry icon summary type cli_opts own_environment
test: requires commands files imports source_files downstreams | script
about: home dev_url doc_url doc_source_url license_url license summary description license_family identifiers tags keywords license_file prelink_message readme | recipe_log_file
extra:
`

// TestV0Fields holds the keys of meta.yaml against conda-build's list: those and no more.
func TestV0Fields(t *testing.T) {
	var sections []string
	for _, line := range strings.Split(strings.TrimSpace(v0FieldList), "\n") {
		section, keys, _ := strings.Cut(line, ":")
		sections = append(sections, section)
		got := slices.Sorted(slices.Values(v0Fields(section)))
		if diff := cmp.Diff(sortedFields(strings.ReplaceAll(keys, "|", " ")), append([]string(nil), got...)); diff != "" && len(got)+len(strings.Fields(keys)) > 0 {
			t.Errorf("%s (-list +forge)\n%s", section, diff)
		}
	}
	if diff := cmp.Diff(slices.Sorted(slices.Values(sections)), slices.Sorted(slices.Values(v0Sections()))); diff != "" {
		t.Error(diff)
	}
}

// v0NameList are conda-build's names in Jinja: its functions and objects, its selectors and the variables
// of the environment of a build on Linux.
const v0NameList = `
load_setup_py_data load_setuptools load_npm load_file_regex load_file_data load_str_data pin_compatible pin_subpackage compiler stdlib cdt ccache
resolved_packages installed environ
linux32 linux64 arm unix win32 win64 os nomkl linux osx win emscripten wasi freebsd zos x86 x86_64 aarch64 arm64 armv6l armv7l ppc64 ppc64le riscv64
s390x wasm32 z build_platform target_platform py py3k py2k py26 py27 py33 py34 py35 py36 np pl lua luajit debug opt
CONDA_BUILD CONDA_BUILD_STATE PYTHONNOUSERSITE CONDA_DEFAULT_ENV ARCH PREFIX BUILD_PREFIX SYS_PREFIX SYS_PYTHON SUBDIR SRC_DIR HTTPS_PROXY HTTP_PROXY
DIRTY ROOT RECIPE_DIR PKG_NAME PKG_VERSION PKG_BUILDNUM PKG_BUILD_STRING PKG_HASH CPU_COUNT LANG LC_ALL MAKEFLAGS REQUESTS_CA_BUNDLE SHLIB_EXT PATH
CONDA_PY PY3K PY_VER STDLIB_DIR SP_DIR PYTHON NPY_VER CONDA_NPY NPY_DISTUTILS_APPEND_FLAGS PERL_VER CONDA_PERL PERL LUA_VER CONDA_LUA LUA LUA_INCLUDE_DIR
R_VER CONDA_R R R_USER PIP_NO_BUILD_ISOLATION PIP_NO_DEPENDENCIES PIP_IGNORE_INSTALLED PIP_CACHE_DIR PIP_NO_INDEX PYTHONDONTWRITEBYTECODE
HOME PKG_CONFIG_PATH CMAKE_GENERATOR SSL_CERT_FILE CFLAGS CXXFLAGS LDFLAGS QEMU_LD_PREFIX QEMU_UNAME DEJAGNU DISPLAY LD_RUN_PATH BUILD
`

// TestV0Names: each of them means something in a template.
func TestV0Names(t *testing.T) {
	for _, name := range strings.Fields(v0NameList) {
		text := "package:\n  name: a\n  version: 1\nabout:\n  summary: x{% if " + name + " is defined %}yes{% else %}no{% endif %}\n"
		r := renderMeta(t, text, nil, nil)
		if r.Diagnostics.HasErrors() || r.Outputs[0].About.Summary != "xyes" {
			t.Errorf("%s: %v", name, r.Diagnostics)
		}
	}
}

// TestV0Selectors: what selectors know of each platform follows from its name.
func TestV0Selectors(t *testing.T) {
	archs := map[string]string{"32": "x86", "64": "x86_64"}
	for _, subdir := range platforms.Subdirs() {
		family, arch, ok := strings.Cut(subdir, "-")
		if !ok {
			continue
		}
		p, err := platforms.Parse(subdir)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]bool{family: true, arch: true, "target_platform == '" + subdir + "'": true, "build_platform == 'linux-64'": true}
		delete(want, arch)
		if word := archs[arch]; word != "" {
			want[word], want["x86"] = true, true
		} else {
			want[arch] = true
		}
		switch subdir {
		case "linux-32", "linux-64", "win-32", "win-64":
			want[strings.ReplaceAll(subdir, "-", "")] = true
		}
		want["unix"] = family == "linux" || family == "osx" || family == "emscripten"
		for _, word := range strings.Fields("linux osx win emscripten wasi freebsd zos x86 x86_64 aarch64 arm64 armv6l armv7l ppc64 ppc64le riscv64 s390x wasm32 z linux32 linux64 win32 win64 unix") {
			if !want[word] {
				want[word] = false // every word is asked for
			}
		}
		want["arm"] = strings.HasPrefix(subdir, "linux-arm")
		var text strings.Builder
		text.WriteString("package:\n  name: a\n  version: 1\nextra:\n  found:\n")
		for i, word := range sortedNames(want) {
			fmt.Fprintf(&text, "    - %d  # [%s]\n", i, word)
		}
		text.WriteString("    - end\n")
		r := renderMeta(t, text.String(), nil, func(o *RenderOptions) { o.TargetPlatform, o.HostPlatform = p, p })
		var holds []string
		for _, d := range r.Diagnostics {
			if d.Severity == diag.Error {
				t.Errorf("%s: %s", subdir, d.String())
			}
		}
		for i, word := range sortedNames(want) {
			if want[word] {
				holds = append(holds, fmt.Sprint(i))
			}
		}
		if len(r.Outputs) == 0 {
			continue
		}
		if diff := cmp.Diff(strings.Join(append(holds, "end"), " "), strings.Trim(fmt.Sprint(r.Outputs[0].Extra["found"]), "[]")); diff != "" {
			t.Errorf("%s: %v\n%s", subdir, sortedNames(want), diff)
		}
	}
}
