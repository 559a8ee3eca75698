package recipes

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"forge/platforms"
)

// keyCase is a line of testdata/v1_keys.jsonl: a recipe about one key of recipe.yaml and what
// rattler-build 0.73 renders of it for linux-64 (Want), or that it refuses it (Error).
type keyCase struct {
	Key, Recipe, Error string
	V3, Experimental   bool
	Want               []map[string]any
}

// differentKeys are the cases that Forge answers differently on purpose, and why.
func differentKeys() map[string]string {
	return map[string]string{
		"source.sha256 empty":                    "a placeholder is no hash, so it is not shown as one",
		"source.md5 empty":                       "a placeholder is no hash, so it is not shown as one",
		"source.patches late":                    "a patch in the recipe's folder is named relative to it",
		"source.git.depth -1":                    "the default is left out, said or unsaid",
		"source.git.expected_commit (bad)":       "three digits are no commit: refused, where the peer fails after the fetch",
		"tests.python.python_version list":       "the peer's own hint offers >=3.7, and then refuses it",
		"tests.python.python_version list (bad)": "\"x y\" is no version; the peer finds out when it solves",
		"tag":                                    "!!str says what the value is already",
	}
}

// TestV1Keys holds each key of recipe.yaml, with a good value and a wrong one, against rattler-build.
func TestV1Keys(t *testing.T) {
	dir := t.TempDir()
	for _, f := range []string{"b.sh", "t.sh"} {
		if err := os.WriteFile(filepath.Join(dir, f), []byte("true\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	different, total := differentKeys(), 0
	eachLine(t, "testdata/v1_keys.jsonl", func(line []byte) {
		var c keyCase
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatal(err)
		}
		total++
		diff := keyDifference(filepath.Join(dir, "recipe.yaml"), &c)
		if (diff != "") != (different[c.Key] != "") {
			t.Errorf("%s\n%s%s", c.Key, c.Recipe, diff)
		}
	})
	t.Logf("%d recipes, %d answered otherwise on purpose", total, len(different))
}

func keyDifference(path string, c *keyCase) string {
	linux, _ := platforms.Parse("linux-64")
	r := renderV1(path, []byte(c.Recipe), RenderOptions{BuildPlatform: linux, HostPlatform: linux, TargetPlatform: linux,
		AllowUnhashed: true, RepodataV3: c.V3, Experimental: c.Experimental, keepPins: true})
	if r.Diagnostics.HasErrors() != (c.Error != "") {
		return "the peer says " + quoted(c.Error) + ", forge " + fmt.Sprint(r.Diagnostics)
	}
	if c.Error != "" {
		return ""
	}
	got, want := []any{}, []any{}
	for _, o := range r.Outputs {
		if !o.Skip && !o.Staging {
			got = append(got, withoutHosts(o.RecipeView()))
		}
	}
	for _, w := range c.Want {
		want = append(want, withoutHosts(w))
	}
	return cmp.Diff(want, got)
}

// TestV1Names holds what expressions know of the platform (74 names, the compilers, cdt and the platform
// functions) on each platform against rattler-build 0.73.
func TestV1Names(t *testing.T) {
	eachLine(t, "testdata/v1_names.jsonl", func(line []byte) {
		var want struct {
			Platform        string
			True, Undefined []string
			Text            map[string]string
		}
		if err := json.Unmarshal(line, &want); err != nil {
			t.Fatal(err)
		}
		p, err := platforms.Parse(want.Platform)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range v1Names() {
			text := "false"
			if slices.Contains(want.True, name) {
				text = "true"
			} else if s, ok := want.Text[name]; ok {
				text = s
			}
			r := renderText("package: {name: a, version: 1}\nabout:\n  summary: \"${{ "+name+" }}\"\n", func(o *RenderOptions) { o.HostPlatform, o.TargetPlatform = p, p })
			switch {
			case slices.Contains(want.Undefined, name): // platforms that came after 0.73
				if r.Diagnostics.HasErrors() || r.Outputs[0].About.Summary != "false" {
					t.Errorf("%s: %s: %v", want.Platform, name, r.Diagnostics)
				}
			case r.Diagnostics.HasErrors():
				t.Errorf("%s: %s: want %s, got %v", want.Platform, name, text, r.Diagnostics)
			case r.Outputs[0].About.Summary != text:
				t.Errorf("%s: %s is %s, want %s", want.Platform, name, r.Outputs[0].About.Summary, text)
			}
		}
	})
}

// v1Names are the names and calls of testdata/v1_names.jsonl.
func v1Names() []string {
	names := strings.Fields(`target_platform build_platform host_platform unix SHLIB_EXT ios aarch64 arm64 armv6l armv7a armv7l loongarch64
		ppc ppc64 ppc64le riscv32 riscv64 s390x wasm32 wasm64 x86 x86_64 z linux osx win emscripten wasi freebsd zos iossimulator android
		compiler('c') compiler('cxx') compiler('fortran') compiler('rust') compiler('go') cdt('x')
		is_linux(target_platform) is_osx(target_platform) is_windows(target_platform) is_unix(target_platform) is_ios(target_platform) is_android(target_platform)`)
	for _, p := range platforms.Subdirs() {
		if p != "noarch" {
			names = append(names, strings.ReplaceAll(p, "-", ""))
		}
	}
	return names
}

// TestV1KeyList holds the keys that the reader takes (as its JSON Schema tells, which is made by asking
// it) against the list of rattler-build's.
func TestV1KeyList(t *testing.T) {
	keys := map[string]map[string]bool{}
	s := schemaOf(t, "recipe.yaml")
	listKeys(s, s, "", keys, map[string]bool{})
	var got strings.Builder
	for _, at := range slices.Sorted(maps.Keys(keys)) {
		got.WriteString(at + ": " + strings.Join(slices.Sorted(maps.Keys(keys[at])), " ") + "\n")
	}
	if d := cmp.Diff(strings.TrimPrefix(v1KeyList, "\n"), got.String()); d != "" {
		t.Errorf("(-list +reader)\n%s", d)
	}
}

// listKeys enters the properties of a schema and of all below it, by the path to them.
func listKeys(root map[string]any, schema any, at string, keys map[string]map[string]bool, seen map[string]bool) {
	if section, ok := strings.CutPrefix(at, "outputs."); ok && strings.Contains(" about build requirements source tests ", " "+section+" ") {
		at = section
	}
	m, ok := schema.(map[string]any)
	if !ok {
		return
	}
	if ref, ok := m["$ref"].(string); ok {
		if !seen[at+ref] {
			seen[at+ref] = true
			listKeys(root, root["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")], at, keys, seen)
		}
		return
	}
	properties, _ := m["properties"].(map[string]any)
	if _, conditional := properties["then"]; conditional {
		for _, branch := range []string{"then", "else"} {
			listKeys(root, properties[branch], at, keys, seen)
		}
		return
	}
	for k, v := range properties {
		if keys[at] == nil {
			keys[at] = map[string]bool{}
		}
		keys[at][k] = true
		listKeys(root, v, strings.TrimPrefix(at+"."+k, "."), keys, seen)
	}
	for _, word := range []string{"allOf", "anyOf", "oneOf"} {
		for _, sub := range anyList(m[word]) {
			listKeys(root, sub, at, keys, seen)
		}
	}
	listKeys(root, m["items"], at, keys, seen)
}

// v1KeyList are the keys of each mapping of a recipe.yaml as rattler-build 0.74 takes them, by the path to
// it; sections of outputs are as those of the recipe. ($schema is for editors.)
const v1KeyList = `
: $schema about build context extra outputs package recipe requirements schema_version source tests version
about: description documentation homepage license license_family license_file repository summary
build: always_copy_files always_include_files dynamic_linking files flags merge_build_and_host_envs noarch number post_process prefix_detection python script skip steps string variant
build.dynamic_linking: binary_relocation missing_dso_allowlist overdepending_behavior overlinking_behavior rpath_allowlist rpaths
build.files: exclude include
build.post_process: files regex replacement
build.prefix_detection: force_file_type ignore ignore_binary_files
build.prefix_detection.force_file_type: binary text
build.python: entry_points site_packages_path skip_pyc_compilation use_python_app_entrypoint version_independent
build.script: content cwd env file interpreter secrets
build.steps: cwd env if interpreter run
build.variant: down_prioritize_variant ignore_keys use_keys
outputs: about build inherit package requirements source staging tests
outputs.inherit: from run_exports
outputs.package: name version
outputs.staging: name
package: name version
recipe: name version
requirements: build extras host ignore_run_exports run run_constraints run_exports
requirements.ignore_run_exports: by_name from_package
requirements.run_exports: noarch strong strong_constraints weak weak_constraints
source: attestation branch depth expected_commit file_name filter git lfs md5 patches path rev sha256 submodules tag target_directory url use_gitignore
source.attestation: bundle_url publishers
source.filter: exclude include
tests: downstream files package_contents perl python r requirements ruby script
tests.files: recipe source
tests.package_contents: bin files include lib site_packages strict
tests.package_contents.bin: exists not_exists
tests.package_contents.files: exists not_exists
tests.package_contents.include: exists not_exists
tests.package_contents.lib: exists not_exists
tests.package_contents.site_packages: exists not_exists
tests.perl: uses
tests.python: imports pip_check python_version
tests.r: libraries
tests.requirements: build run
tests.ruby: requires
tests.script: content cwd env file interpreter secrets
`
