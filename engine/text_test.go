package engine

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"forge/platforms"
	"forge/recipes"
)

func TestPlaceholder(t *testing.T) {
	if p := Placeholder(); len(p) != 255 || !strings.HasPrefix(p, "/forge/h_env_placehold_placehold") {
		t.Errorf("%d characters: %s", len(p), p)
	}
}

// FuzzShellQuote: whatever a string holds, bash reads it back as one word.
func FuzzShellQuote(f *testing.F) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		f.Skip("bash is not on this machine")
	}
	for _, s := range []string{"", "a b", "it's", "$(touch x)", "`id`", "\\", "a\nb", "é ☃", "-n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsRune(s, 0) {
			t.Skip("no argument holds a NUL")
		}
		out, err := exec.Command(bash, "-c", "printf %s "+shellQuote(s)).Output()
		if err != nil || string(out) != s {
			t.Errorf("%q came back as %q (%v)", s, out, err)
		}
	})
}

// TestManifestFraming: no value can pass for another line or another value.
func TestManifestFraming(t *testing.T) {
	ids := map[string]string{}
	for _, parts := range [][]string{{"a", "b"}, {"a b"}, {`a" "b`}, {"a\" \"b"}, {"a", "b", ""}, {"a\nsource b"}} {
		var m Manifest
		m.add("source", parts...)
		id := m.ID().Hex()
		if old, ok := ids[id]; ok && old != strings.Join(parts, "|") {
			t.Errorf("%q and %q have one key", old, parts)
		}
		ids[id] = strings.Join(parts, "|")
	}
}

func TestFailedLine(t *testing.T) {
	tests := map[string]struct {
		log  []string
		want string
	}{
		"none":          {[]string{"a", "b"}, ""},
		"one":           {[]string{"a", failMark + "build.sh:3: exit 2: make"}, "build.sh:3: exit 2: make"},
		"innermost":     {[]string{failMark + "build.sh:9: exit 1: false", failMark + "build.sh:12: exit 1: f"}, "build.sh:9: exit 1: false"},
		"last run only": {[]string{failMark + "build.sh:1: exit 1: a", "went on", failMark + "build.sh:2: exit 1: b"}, "build.sh:2: exit 1: b"},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			if got := failedLine(c.log); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestCulprit(t *testing.T) {
	scripts := []recipes.Script{{Text: "one\ntwo", FirstLine: 10}, {File: "run_test.pl", FirstLine: 1, Text: "use strict;\n  die 'no';\nx"}}
	tests := map[string]struct {
		log  []string
		want string
	}{
		"marked":       {[]string{`File "/forge/script_0.py", line 1`, failMark + "build.sh:3: exit 2: make"}, "build.sh:3: exit 2: make"},
		"python":       {[]string{`Traceback (most recent call last):`, `  File "/forge/script_0.py", line 1, in <module>`, `  File "/forge/script_0.py", line 2, in f`, `    two`, `ValueError: boo`}, "recipe.yaml:11: exit 1: two"},
		"perl":         {[]string{"no at /forge/script_1.pl line 2."}, "run_test.pl:2: exit 1: die 'no';"},
		"ruby":         {[]string{"/forge/script_1.rb:2:in `f': boo (RuntimeError)", "\tfrom /forge/script_1.rb:3:in `<main>'"}, "run_test.pl:2: exit 1: die 'no';"},
		"node":         {[]string{"/forge/script_1.js:2", "  die 'no';", "Error: boo", "    at f (/forge/script_1.js:3:7)"}, "run_test.pl:2: exit 1: die 'no';"},
		"shell syntax": {[]string{"/forge/script_0.sh: line 2: unexpected EOF while looking for matching `)'"}, "recipe.yaml:11: exit 1: two"},
		"beyond":       {[]string{"/forge/script_0.sh: line 3: syntax error: unexpected end of file", "/forge/script_7.sh: line 1: x"}, "recipe.yaml:11: exit 1"},
		"elsewhere":    {[]string{`File "/forge/test/lib/python3/a.py", line 1`, "a.sh: line 3: x"}, ""},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			if got := culprit(c.log, scripts, "recipe.yaml", 1); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestSelected(t *testing.T) {
	paths := []string{"bin/xz", "include/lzma.h", "include/lzma/base.h", "lib/liblzma.so", "lib/liblzma.so.5", "share/man/man1/xz.1"}
	tests := map[string]struct {
		globs recipes.Globs
		want  []string
	}{
		"all":     {recipes.Globs{}, paths},
		"folder":  {recipes.Globs{Include: []string{"include"}}, []string{"include/lzma.h", "include/lzma/base.h"}},
		"slash":   {recipes.Globs{Include: []string{"include/"}}, []string{"include/lzma.h", "include/lzma/base.h"}},
		"star":    {recipes.Globs{Include: []string{"lib/*.so*"}}, []string{"lib/liblzma.so", "lib/liblzma.so.5"}},
		"exclude": {recipes.Globs{Exclude: []string{"share/**", "bin"}}, []string{"include/lzma.h", "include/lzma/base.h", "lib/liblzma.so", "lib/liblzma.so.5"}},
		"both":    {recipes.Globs{Include: []string{"lib/**"}, Exclude: []string{"**/*.5"}}, []string{"lib/liblzma.so"}},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(c.want, selected(paths, c.globs)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestDifferences(t *testing.T) {
	before := map[string]stamp{"lib/m/a.py": {size: 1}, "etc/x": {size: 1}, "gone": {size: 1}}
	after := map[string]stamp{
		"lib/m/a.py": {size: 1}, "etc/x": {size: 2}, "new": {},
		"lib/m/__pycache__/a.cpython-311.pyc": {}, "lib/m/__pycache__/b.cpython-311.pyc": {}, "lib/m/b.py": {},
	}
	added, changed := differences(before, after)
	if d := cmp.Diff([]string{"lib/m/__pycache__/b.cpython-311.pyc", "lib/m/b.py", "new"}, added); d != "" {
		t.Errorf("added: %s", d)
	}
	if d := cmp.Diff([]string{"etc/x", "gone"}, changed); d != "" {
		t.Errorf("changed: %s", d)
	}
}

func TestSpecName(t *testing.T) {
	for spec, want := range map[string]string{
		"zlib": "zlib", "zlib >=1.2": "zlib", "zlib>=1.2": "zlib", "zlib=1.2=h0": "zlib", "Zlib 1.*": "zlib",
		"conda-forge::zlib 1": "zlib", "zlib[version='>=1']": "zlib", "__glibc >=2.17": "__glibc", " zlib ": "zlib",
	} {
		if got := specName(spec); got != want {
			t.Errorf("%q: got %q, want %q", spec, got, want)
		}
	}
}

func TestCheckContents(t *testing.T) {
	linux, err := platforms.Parse("linux-64")
	if err != nil {
		t.Fatal(err)
	}
	o := &recipes.Output{TargetPlatform: linux}
	paths := []string{"bin/xz", "include/lzma.h", "lib/liblzma.so.5", "lib/python3.11/site-packages/mod/__init__.py"}
	good := recipes.ContentsTest{Bin: []string{"xz"}, Include: []string{"lzma.h"}, Lib: []string{"lzma"}, SitePackages: []string{"mod"}, Strict: true, NotFiles: []string{"**/*.a"}}
	if p := checkContents(o, good, paths); len(p) > 0 {
		t.Errorf("refused: %q", p)
	}
	bad := recipes.ContentsTest{Bin: []string{"unxz"}, NotLib: []string{"lzma"}, Strict: true}
	if p := checkContents(o, bad, paths); len(p) != 2+3 {
		t.Errorf("got %q", p)
	}
}

// What rattler-build 0.73 looks for: its own words where it finds nothing, on the platforms where they differ.
func TestContentNames(t *testing.T) {
	for _, test := range []struct {
		platform, kind, name string
		found                []string
	}{
		{"emscripten-wasm32", "bin", "foo", []string{"bin/foo.js", "bin/foo.wasm"}},
		{"linux-64", "bin", "foo", []string{"bin/foo"}},
		{"win-64", "bin", "foo", []string{"Library/bin/foo.cmd", "Scripts/foo.exe", "bin/foo.ps1", "Library/mingw-w64/bin/foo.com", "Library/usr/bin/foo", "foo.bat"}},
		{"emscripten-wasm32", "lib", "R/library/x/libs/x", []string{"lib/R/library/x/libs/x.so"}},
		{"linux-64", "lib", "R/library/x/libs/x", []string{"lib/R/library/x/libs/x.so", "lib/R/library/x/libs/x.so.1"}},
		{"osx-arm64", "lib", "R/library/x/libs/x", []string{"lib/R/library/x/libs/x.dylib", "lib/R/library/x/libs/x.1.dylib"}},
		{"emscripten-wasm32", "lib", "foo", []string{"lib/libfoo.so", "lib/foo.so.1"}},
		{"emscripten-wasm32", "lib", "libfoo.a", []string{"lib/libfoo.a"}},
		{"osx-arm64", "lib", "foo", []string{"lib/libfoo.1.dylib"}},
	} {
		p, err := platforms.Parse(test.platform)
		if err != nil {
			t.Fatal(err)
		}
		wanted := recipes.ContentsTest{Bin: []string{test.name}}
		if test.kind == "lib" {
			wanted = recipes.ContentsTest{Lib: []string{test.name}}
		}
		o := &recipes.Output{TargetPlatform: p}
		for _, file := range test.found {
			if problems := checkContents(o, wanted, []string{file}); len(problems) > 0 {
				t.Errorf("%s %s %s does not take %s: %q", test.platform, test.kind, test.name, file, problems)
			}
		}
		if len(checkContents(o, wanted, []string{"share/" + test.name})) == 0 {
			t.Errorf("%s %s %s takes what lies elsewhere", test.platform, test.kind, test.name)
		}
	}
}

func TestBrief(t *testing.T) {
	long := strings.Repeat("é", 500)
	for _, test := range []struct{ line, want string }{
		{"cc -I" + Placeholder() + "/include " + insideWork + "/a.c", "cc -I$PREFIX/include $SRC_DIR/a.c"},
		{"plain", "plain"},
		{long, strings.Repeat("é", 100) + " … 600 more … " + strings.Repeat("é", 100)},
	} {
		if got := brief(test.line); got != test.want {
			t.Errorf("%q: %q, want %q", test.line, got, test.want)
		}
	}
}
