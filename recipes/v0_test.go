package recipes

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"forge/internal/diag"
	"forge/platforms"
)

// renderMeta renders meta.yaml text with the files beside it in a folder of its own.
func renderMeta(t *testing.T, text string, beside map[string]string, change func(o *RenderOptions)) *Rendered {
	t.Helper()
	dir := t.TempDir()
	for name, content := range beside {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "meta.yaml")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := platforms.Parse("linux-64")
	if err != nil {
		t.Fatal(err)
	}
	opts := RenderOptions{BuildPlatform: p}
	if change != nil {
		change(&opts)
	}
	return RenderFile(file, opts)
}

func mustRender(t *testing.T, text string, beside map[string]string, change func(o *RenderOptions)) []*Output {
	t.Helper()
	r := renderMeta(t, text, beside, change)
	if err := r.Diagnostics.Err(); err != nil {
		t.Fatal(err)
	}
	return r.Outputs
}

func TestV0Mistakes(t *testing.T) {
	head := "package:\n  name: a\n  version: 1\n"
	for _, tt := range []struct {
		name, in string
		want     []string // "line:column code"
	}{
		{"fine", head, nil},
		{"undefined", "package:\n  name: a\n  version: {{ verison }}\n", []string{"3:15 undefined"}},
		{"undefined where nothing is read", head + "outputs:\n  - name: b\n    version: {{ nope }}\n    build:\n      skip: true\n", nil},
		{"undefined attribute", head + "about:\n  home: {{ environ.nope }}\n", []string{"5:20 undefined"}},
		{"attribute of undefined", head + "about:\n  home: {{ nope.x }}\n", []string{"5:12 undefined"}},
		{"Jinja syntax", head + "about:\n  home: {{ 1 + }}\n", []string{"5:16 expression-syntax"}},
		{"unclosed tag", head + "about:\n  home: {{ 1\n", []string{"5:9 expression-syntax"}},
		{"after removed lines", "# c\n# d\n" + head + "# e\nabout:\n  foo: 1  # [win]\n  hmoe: x  # [unix]\n", []string{"9:3 unknown-key"}},
		{"after a loop", head + "{% for i in [1, 2] %}\n{% endfor %}\nabout:\n  hmoe: x\n", []string{"7:3 unknown-key"}},
		{"unknown section", head + "biuld:\n  number: 1\n", []string{"4:1 unknown-key"}},
		{"misplaced key", head + "build:\n  license: x\n", []string{"5:3 unknown-key"}},
		{"bad selector", "package:\n  name: a  # [unix and]\n  version: 1  # [== 1]\n", []string{"2:23 bad-selector", "3:18 bad-selector"}},
		{"selector of the wrong type", head + "build:\n  number: 1  # [py < 'x']\n", []string{"5:20 bad-selector"}},
		{"no name", "package:\n  version: 1\n", []string{"2:3 missing-key"}},
		{"no version", "package:\n  name: a\n", []string{"2:3 missing-key"}},
		{"no package", "build:\n  number: 1\n", []string{"0:0 missing-key"}},
		{"build number", head + "build:\n  number: x\n", []string{"5:11 bad-value"}},
		{"noarch", head + "build:\n  noarch: maybe\n", []string{"5:11 bad-value"}},
		{"requirement", head + "requirements:\n  host:\n    - zlib >=1,,\n", []string{"6:7 bad-spec"}},
		{"no hash", head + "source:\n  url: https://x.example/a.tar.gz\n", []string{"5:8 missing-hash"}},
		{"wrong hash", head + "source:\n  url: https://x.example/a.tar.gz\n  sha256: abc\n", []string{"5:8 missing-hash", "6:11 bad-value"}},
		{"pin of a stranger", head + "requirements:\n  host:\n    - {{ pin_subpackage('b') }}\n", []string{"6:7 missing-output"}},
		{"cycle", head + "outputs:\n  - name: b\n    requirements:\n      host:\n        - {{ pin_subpackage('c') }}\n  - name: c\n    requirements:\n      host:\n        - b\n", []string{"5:5 dependency-cycle"}},
		{"duplicate key", head + "about:\n  home: x\n  home: y\n", []string{"6:3 duplicate-key"}},
		{"YAML", head + "about:\n  home: [\n", []string{"5:9 yaml-syntax"}},
		{"signature", head + "source:\n  url: https://x.example/a\n  sha256: " + strings.Repeat("a", 64) + "\nextra:\n  forge:\n    signatures:\n      - source: 1\n", []string{"10:7 bad-signature"}},
		{"an endless template", head + "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}\n", []string{"4:19 too-expensive"}},
		{"a huge one", head + "about:\n  summary: {{ 'a' * 10 ** 9 }}\n", []string{"5:19 too-expensive"}},
		{"the clock", head + "about:\n  summary: {{ time.time() }}\n", []string{"5:15 undefined"}},
		{"the build's variables", head + "about:\n  summary: {{ environ['SUBDIR'] }} {{ environ.get('PKG_VERSION') }} {{ PKG_NAME }} {{ CPU_COUNT }} {{ ARCH }} {{ SP_DIR }}\n", nil},
		{"a key without effect", head + "build:\n  osx_is_app: true\n", []string{"5:15 unsupported"}},
		{"git", head + "about:\n  summary: {{ GIT_DESCRIBE_TAG }}\n", []string{"5:15 undefined"}},
		{"several", "package:\n  name: a\n  version: {{ v }}\nbiuld:\n  x: 1\nbuild:\n  number: y\nrequirements:\n  rnu: [z]\n",
			[]string{"3:15 undefined", "4:1 unknown-key", "7:11 bad-value", "9:3 unknown-key"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := renderMeta(t, tt.in, nil, nil)
			var got []string
			for _, d := range r.Diagnostics {
				if d.Severity != diag.Note {
					got = append(got, strings.TrimPrefix(diag.Pos{Line: d.Pos.Line, Column: d.Pos.Column}.String(), ":")+" "+d.Code)
					if d.Pos.Line == 0 {
						got[len(got)-1] = "0:0 " + d.Code
					}
				}
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("(-want +got)\n%s\n%v", d, r.Diagnostics)
			}
		})
	}
}

func TestV0Library(t *testing.T) {
	out := mustRender(t, `{% set name = "zlib" %}
{% set version = "1.2.13" %}
package:
  name: {{ name }}
  version: {{ version }}
source:
  url:
    - https://zlib.example/{{ name }}-{{ version }}.tar.gz
    - pkg:deb/debian/zlib@{{ version }}.dfsg?arch=source
  sha256: b3a24de97a8fdbc835b9833169501030b8977031bcb54b3b3ac13740f846ab30
  patches:
    - win.patch  # [win]
build:
  number: 3
  run_exports:
    - {{ pin_subpackage(name, max_pin='x.x') }}
requirements:
  build:
    - {{ compiler('c') }}
    - make
test:
  requires:
    - {{ compiler('c') }}
  commands:
    - test -f $PREFIX/include/zlib.h   # [unix]
    - test -f {{ PREFIX }}/lib/libz{{ SHLIB_EXT }}
about:
  license: Zlib
  license_file: {{ RECIPE_DIR }}/LICENSE
extra:
  forge:
    signatures:
      - url: https://zlib.example/zlib.asc
        fingerprint: 5ED46A6721D365587791E2AA783FCD8E58BCAFBA
        key: upstream.asc
`, map[string]string{"build.sh": "make install\n"}, nil)
	if len(out) != 1 {
		t.Fatalf("%d outputs", len(out))
	}
	o := out[0]
	// the hash is that of packages which conda-build makes with {c_compiler: gcc, target_platform: linux-64}
	for _, c := range [][2]string{{o.String(), "zlib-1.2.13-h9bf148f_3"}, {string(o.HashInput), `{"c_compiler": "gcc", "target_platform": "linux-64"}`},
		{o.Requirements.Build[0].Spec, "gcc_linux-64"}, {o.Requirements.RunExports.Weak[0].Spec, "zlib >=1.2.13,<1.3.0a0"},
		{o.Build.Scripts[0].Text, "make install\n"}, {o.Build.Scripts[0].File, "build.sh"}, {strings.Join(o.About.LicenseFiles, " "), "LICENSE"},
		{o.Tests[0].Script.Script.Text, "test -f $PREFIX/include/zlib.h\ntest -f $PREFIX/lib/libz.so"}, {o.Tests[0].Script.Run[0], "gcc_linux-64"},
		{o.Sources[0].URLs[1], "pkg:deb/debian/zlib@1.2.13.dfsg?arch=source"}, {o.Sources[0].Signatures[0].Key, "upstream.asc"}, {o.Subdir(), "linux-64"}} {
		if c[0] != c[1] {
			t.Errorf("got %q, want %q", c[0], c[1])
		}
	}
	if len(o.Sources[0].Patches) != 0 {
		t.Errorf("patches %q", o.Sources[0].Patches)
	}
}

func TestV0Outputs(t *testing.T) {
	text := `package:
  name: xz-split
  version: "5.4.1"
source:
  path: src
build:
  number: 1
requirements:
  build:
    - {{ compiler('c') }}
outputs:
  - name: liblzma
    build:
      run_exports:
        strong:
          - {{ pin_subpackage('liblzma', max_pin='x') }}
    requirements:
      build:
        - {{ compiler('c') }}
    files:
      - lib/liblzma*
      - include
  - name: xz
    script: install.sh
    requirements:
      host:
        - {{ pin_subpackage('liblzma', exact=True) }}
        - python
      run:
        - {{ pin_subpackage('liblzma', exact=True) }}
        - python
        - {{ pin_compatible('zlib', lower_bound='1.2.3', max_pin='x.x') }}
        - {{ pin_compatible('bzip2', upper_bound='2') }}
  - name: xz-meta
    build:
      noarch: generic
    requirements:
      run:
        - xz
        - __unix
`
	out := mustRender(t, text, map[string]string{"build.sh": "make", "install.sh": "make install", "src/x": ""}, nil)
	var got []string
	for _, o := range out {
		line := o.String() + " " + o.Subdir()
		if o.Staging {
			line += " staging"
		}
		if o.InheritFrom != nil {
			line += " from " + o.InheritFrom.Name
		}
		for _, d := range o.Requirements.Run {
			if d.Pin != nil {
				line += " | " + d.Pin.Name + " " + d.Pin.Lower + " " + d.Pin.Upper
			} else {
				line += " | " + d.Spec
			}
		}
		got = append(got, line)
	}
	want := []string{
		"xz-split linux-64 staging",
		"liblzma-5.4.1-h9bf148f_1 linux-64 from xz-split",
		"xz-5.4.1-py311_1 linux-64 from xz-split | liblzma 5.4.1 h9bf148f_1 | python x.x x.x | zlib 1.2.3 1.3.0a0 | bzip2 x.x.x.x.x.x 2",
		"xz-meta-5.4.1-ha770c72_1 noarch | xz | __unix",
	}
	got[3] = strings.Replace(got[3], out[3].BuildString, "ha770c72_1", 1)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if string(out[3].HashInput) != `{"__unix": "__unix"}` {
		t.Errorf("hash input %s", out[3].HashInput)
	}
	if d := cmp.Diff([]string{"lib/liblzma*", "include", "include/**"}, out[1].Build.Files.Include); d != "" {
		t.Error(d)
	}
	if out[1].OwnFilesOnly || !out[2].OwnFilesOnly {
		t.Errorf("a script's files are its own, a list of files takes from what was staged")
	}
	if len(out[0].Sources) != 1 || len(out[1].Sources) != 0 || len(out[3].Build.Scripts) != 0 {
		t.Errorf("sources or scripts are not with the output that builds")
	}
}

func TestV0Variants(t *testing.T) {
	text := "package:\n  name: a\n  version: 1\nrequirements:\n  host:\n    - python\n    - zlib\n  run:\n    - python\n"
	config := "python: [3.10, '3.11']\nzlib: [1.2]\nunused: [1, 2, 3]\n"
	out := mustRender(t, text, map[string]string{"conda_build_config.yaml": config}, nil)
	var got []string
	for _, o := range out {
		got = append(got, o.BuildString+" "+string(o.HashInput)+" "+o.Requirements.Host[0].Spec)
	}
	want := []string{`py310h98b59e4_0 {"target_platform": "linux-64", "zlib": "1.2"} python 3.10.*`, `py311h98b59e4_0 {"target_platform": "linux-64", "zlib": "1.2"} python 3.11.*`}
	for i := range got {
		got[i] = got[i][:5] + "h98b59e4" + got[i][13:]
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	out = mustRender(t, text, map[string]string{"conda_build_config.yaml": config}, func(o *RenderOptions) {
		o.Set = map[string][]string{"python": {"3.12"}}
		n := 7
		o.BuildNumber = &n
		o.BuildStringPrefix = "cuda"
	})
	if len(out) != 1 || !strings.HasPrefix(out[0].BuildString, "cuda_py312h") || !strings.HasSuffix(out[0].BuildString, "_7") {
		t.Errorf("got %v", out[0])
	}
}

func TestV0ZipKeys(t *testing.T) {
	text := "package:\n  name: a\n  version: 1\nrequirements:\n  host:\n    - aa\n    - bb\n"
	config := "aa:\n  - 1\n  - 2\n  - 3\nbb:\n  - x\n  - y\n  - z\nzip_keys:\n  -\n    - aa\n    - bb\n"
	for _, tt := range []struct {
		name string
		more string
		set  map[string][]string
		want string
		warn string
	}{
		{"all rows", "", nil, "1x 2y 3z", ""},
		{"a later file gives the group anew", "aa:\n  - 7\nbb:\n  - q\n", nil, "7q", ""},
		{"a later file chooses rows", "aa:\n  - 2\n  - 3\n", nil, "2y 3z", ""},
		{"a later file chooses no row", "# local\naa:\n  - 7\n", nil, "1x 2y 3z", "3:0 aa = 7 has no effect: the zip_keys group aa, bb has no such row, only 1, 2, 3"},
		{"the command line chooses a row", "", map[string][]string{"bb": {"y"}}, "2y", ""},
		{"the command line leaves the group", "", map[string][]string{"bb": {"w"}}, "1w 2w 3w", ""},
		{"the command line comes before files", "bb:\n  - q\n", map[string][]string{"bb": {"w"}}, "1w 2w 3w", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := renderMeta(t, text, map[string]string{"conda_build_config.yaml": config}, func(o *RenderOptions) {
				if tt.more != "" {
					o.Variants = []VariantFile{{"more.yaml", []byte(tt.more)}}
				}
				o.Set = tt.set
			})
			warned := ""
			for _, d := range r.Diagnostics {
				warned += fmt.Sprintf("%d:%d %s", d.Pos.Line, d.Pos.Column, d.Summary)
			}
			if warned != tt.warn {
				t.Errorf("said %q, want %q", warned, tt.warn)
			}
			var got []string
			for _, o := range r.Outputs {
				got = append(got, o.Full["aa"].(string)+o.Full["bb"].(string))
			}
			if s := strings.Join(got, " "); s != tt.want {
				t.Errorf("got %s, want %s", s, tt.want)
			}
		})
	}
}

func TestV0TooMany(t *testing.T) {
	var config, text strings.Builder
	text.WriteString("package:\n  name: a\n  version: 1\nrequirements:\n  host:\n")
	for _, k := range []string{"aa", "bb", "cc", "dd", "ee", "ff"} {
		config.WriteString(k + ": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n")
		text.WriteString("    - " + k + "\n")
	}
	start := time.Now()
	r := renderMeta(t, text.String(), map[string]string{"conda_build_config.yaml": config.String()}, nil)
	if !r.Diagnostics.HasErrors() || r.Diagnostics[0].Code != "too-many-variants" || !strings.Contains(r.Diagnostics[0].Summary, "aa 10 × bb 10") {
		t.Errorf("got %v", r.Diagnostics)
	}
	if time.Since(start) > 10*time.Second {
		t.Errorf("took %v", time.Since(start))
	}
}

func TestV0ReadsProjects(t *testing.T) {
	text := "{% set data = load_setup_py_data() %}\npackage:\n  name: {{ data.name }}\n  version: {{ data['version'] }}\nsource:\n  path: project\nrequirements:\n  run: {{ data.get('install_requires', []) }}\n"
	for name, beside := range map[string]map[string]string{
		"pyproject": {"project/pyproject.toml": "[project]\nname = \"x\"\nversion = \"1.5\"\ndependencies = [\"y\"]\n"},
		"setup.cfg": {"project/setup.cfg": "[metadata]\nname = x\nversion = 1.5\n[options]\ninstall_requires =\n    y\n"},
		"setup.py":  {"project/setup.py": "import os\nVERSION = '1.5'\nos.system('touch /tmp/never')\nsetup(name='x', version=VERSION,\n)\n"},
		"PKG-INFO":  {"project/PKG-INFO": "Metadata-Version: 2.1\nName: x\nVersion: 1.5\nRequires-Dist: y\n\nbody\n"},
	} {
		t.Run(name, func(t *testing.T) {
			out := mustRender(t, text, beside, nil)
			if out[0].Name != "x" || out[0].Version != "1.5" || name != "setup.py" && (len(out[0].Requirements.Run) != 1 || out[0].Requirements.Run[0].Spec != "y") {
				t.Errorf("got %v %v", out[0], out[0].Requirements.Run)
			}
		})
	}
	r := renderMeta(t, text, nil, nil)
	if len(r.Diagnostics) != 1 || r.Diagnostics[0].Pos.Line != 1 || !strings.Contains(r.Diagnostics[0].Summary, "write the version in the recipe") {
		t.Errorf("got %v", r.Diagnostics)
	}
}

func TestCutSelector(t *testing.T) {
	for _, tt := range []struct{ line, text, condition string }{
		{"- a  # [win]", "- a", "win"},
		{"- a  # [win] really", "- a", "win"},
		{"- a  # why [win]", "- a", "win"},
		{"- a  # [win] (not now)", "", ""},
		{"- a [win]", "- a", "win"},
		{"key: [a, b]", "", ""},
		{"- [a, b]", "", ""},
		{"- url#x  # [unix]", "- url", "unix"},
		{"- a  # [x][y]", "- a", "y"},
		{"- a  # []", "", ""},
		{"- {{ a[0] }}", "", ""},
		{"[win]", "", ""},
		{"a", "", ""},
		{"- a  # [(x)] ", "", ""},
	} {
		text, condition, _, ok := cutSelector(strings.TrimRight(tt.line, " "))
		if tt.line == "- a  # [(x)] " {
			tt.text, tt.condition = "- a", "(x)"
		}
		if ok != (tt.condition != "") || text != tt.text || condition != tt.condition {
			t.Errorf("%q: got %q %q %v", tt.line, text, condition, ok)
		}
	}
}

func FuzzV0(f *testing.F) {
	f.Add("package:\n  name: a\n  version: {{ x }}\noutputs:\n  - name: b # [unix]\n    build: {noarch: python}\n")
	f.Add("{% set a, b = 1, 2 %}\nsource:\n  - url: [x]\n    sha256: y\nrequirements: [z]\n")
	f.Add("build:\n  run_exports: {weak: [{{ pin_subpackage('a') }}]}\n  script: [a, {b: c}]\ntest: {imports: [{lang: r}]}\n")
	p, _ := platforms.Parse("linux-64")
	f.Fuzz(func(t *testing.T, text string) {
		r := Render(filepath.Join(t.TempDir(), "meta.yaml"), []byte(text), RenderOptions{BuildPlatform: p})
		for _, o := range r.Outputs {
			if strings.ContainsFunc(o.Name+o.Version+o.BuildString, func(c rune) bool { return c >= firstMark && c < afterMarks }) && !o.Skip &&
				!strings.ContainsFunc(text, func(c rune) bool { return c >= firstMark && c < afterMarks }) {
				t.Errorf("%q: a mark is left in %q", text, o.String())
			}
		}
	})
}

// FuzzSelector gives selectors and whole lines to the reader of meta.yaml: the places of mistakes lie in the
// text, and a selector that holds keeps its line.
func FuzzSelector(f *testing.F) {
	for _, s := range []string{"unix", "py>=36 and (linux or not osx)", "not (win", "np == 1.2", "target_platform == 'linux-64'", "os.environ.get('X', '') == ''", "a.b[0].c", "'x' * 10**9", "[[]]", "x if y else z"} {
		f.Add("- a", s)
	}
	p, _ := platforms.Parse("linux-64")
	o := RenderOptions{BuildPlatform: p, HostPlatform: p, TargetPlatform: p}
	f.Fuzz(func(t *testing.T, line, condition string) {
		text := "package:\n  name: a\n  version: 1\nextra:\n  x:\n    " + line + "  # [" + condition + "]\n    - end  # [unix]\n"
		r := Render("meta.yaml", []byte(text), o)
		lines := strings.Count(text, "\n") + 1
		for _, d := range r.Diagnostics {
			if d.Pos.Line > lines || d.Summary == "" {
				t.Fatalf("%q: %+v", text, d)
			}
		}
	})
}

// TestV0Loose holds what conda-build makes of a version without an operator: `python 3.11` is 3.11.* in what is
// solved, what the package says and what the tests ask for, and is left alone in run_constrained.
func TestV0Loose(t *testing.T) {
	out := mustRender(t, `package:
  name: a
  version: 1
build:
  noarch: python
requirements:
  host:
    - python {{ python_min }}
    - zlib 1.2.13 h0_0
  run:
    - python >={{ python_min }}
    - six 1.16
  run_constrained:
    - lxml 5.1
test:
  imports: [a]
  requires:
    - python {{ python_min }}
    - pip
    - pytest 8
`, map[string]string{"conda_build_config.yaml": "python_min: ['3.11']\n"}, nil)[0]
	asked := func(deps []Dependency) (list []string) {
		for _, d := range deps {
			list = append(list, d.Ask())
		}
		return list
	}
	got := [][]string{asked(out.Requirements.Host), asked(out.Requirements.Run), asked(out.Requirements.RunConstraints), out.Tests[0].Python.PythonVersions, out.Tests[0].Python.Requires}
	want := [][]string{{"python 3.11.*", "zlib 1.2.13 h0_0"}, {"python >=3.11", "six 1.16.*"}, {"lxml 5.1"}, {"3.11.*"}, {"pytest 8.*"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
