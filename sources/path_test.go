package sources

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"forge/recipes"
)

func TestPath(t *testing.T) {
	top := t.TempDir()
	write(t, top, map[string]string{"recipe/recipe.yaml": "", "src/main.c": "m", "src/build/x.o": "o", "src/.gitignore": "*.o\n", "src/doc/a.txt": "a",
		"src/.git/HEAD": "ref", "src/out/p.conda": "p", "a.txt": "single"})
	os.WriteFile(filepath.Join(top, "a.tgz"), tgz(t, map[string]string{"d/in": "1"}), 0o644)
	if err := os.Symlink("/etc/passwd", filepath.Join(top, "src", "link")); err != nil {
		t.Skip("no symbolic links here: ", err)
	}
	os.Chmod(filepath.Join(top, "src/main.c"), 0o755)
	all := []string{".gitignore *.o", "doc/a.txt a", "link -> /etc/passwd", "main.c m"}
	cases := []struct {
		name string
		src  recipes.Source
		want []string
	}{
		{"gitignore", recipes.Source{Path: "../src", UseGitignore: true}, all},
		{"all", recipes.Source{Path: "../src"}, []string{".git/HEAD ref", ".gitignore *.o", "build/x.o o", "doc/a.txt a", "link -> /etc/passwd", "main.c m"}},
		{"absolute", recipes.Source{Path: filepath.Join(top, "src"), UseGitignore: true}, all},
		{"filter", recipes.Source{Path: "../src", Include: []string{"*.c", "doc"}}, []string{"doc/a.txt a", "main.c m"}},
		{"into a folder", recipes.Source{Path: "../src", Include: []string{"*.c"}, TargetDirectory: "sub"}, []string{"sub/main.c m"}},
		{"file", recipes.Source{Path: "../a.txt"}, []string{"a.txt single"}},
		{"file, renamed", recipes.Source{Path: "../a.txt", FileName: "b"}, []string{"b single"}},
		{"archive", recipes.Source{Path: "../a.tgz"}, []string{"in 1"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := newGetter(t, func(cfg *Config) { cfg.Ignore = []string{filepath.Join(top, "src", "out")} })
			f := fetch(t, g, output(filepath.Join(top, "recipe"), c.src))
			dir, _ := unpack(t, g, f)
			if d := cmp.Diff(c.want, lines(t, dir)); d != "" {
				t.Error(d)
			}
			if info, err := os.Stat(filepath.Join(dir, "main.c")); err == nil && info.Mode().Perm() != 0o755 {
				t.Errorf("main.c has mode %v", info.Mode())
			}
			if f[0].Digest().IsZero() {
				t.Error("no digest")
			}
		})
	}
	t.Run("what is unpacked is what was digested", func(t *testing.T) {
		g := newGetter(t)
		out := output(filepath.Join(top, "recipe"), recipes.Source{Path: "../src", Include: []string{"doc"}})
		f := fetch(t, g, out)
		write(t, top, map[string]string{"src/doc/a.txt": "later"})
		dir, _ := unpack(t, g, f)
		if d := cmp.Diff([]string{"doc/a.txt a"}, lines(t, dir)); d != "" {
			t.Error(d)
		}
		if fetch(t, g, out)[0].Digest() == f[0].Digest() {
			t.Error("a change does not change the digest")
		}
	})
	for path, words := range map[string]string{"../nowhere": "does not exist", "/dev/null": "is not a regular file"} {
		_, err := newGetter(t).Fetch(context.Background(), output(filepath.Join(top, "recipe"), recipes.Source{Path: path}), nil)
		wantError(t, err, path, words)
	}
}

// TestGitignore asks git itself which files it would ignore.
func TestGitignore(t *testing.T) {
	git, err := exec.LookPath("git")
	if err != nil {
		t.Skip("git is not here to compare with")
	}
	top := t.TempDir()
	write(t, top, map[string]string{
		".gitignore":       "*.o\n# comment\n\\#literal\n/anchored\nbuild/\n!keep.o\n**/deep/*.tmp\nfoo/**\na/**/z\ntrail \nspace\\ \n{brace}\nx[0-9].c\n!important/\nnode_modules\nlog*.txt\n!/log-keep.txt\n",
		"sub/.gitignore":   "!sub.o\n/only-here\n*.bak\n",
		"sub/deeper/k.bak": "", "sub/sub.o": "", "sub/only-here": "", "sub/x/only-here": "", "m.o": "", "keep.o": "", "sub/keep.o": "",
		"#literal": "", "anchored": "", "sub/anchored": "", "build/x": "", "sub/build/y": "", "q/deep/a.tmp": "", "deep/b.tmp": "", "deep/x/c.tmp": "",
		"foo/a": "", "foo/b/c": "", "a/z": "", "a/b/c/z": "", "trail": "", "space ": "", "{brace}": "", "brace": "", "x1.c": "", "xx.c": "",
		"important/i.o": "", "node_modules/p/i.js": "", "lib/node_modules/q": "", "log1.txt": "", "log-keep.txt": "", "sub/log-keep.txt": "", "plain.c": "",
		"excluded.local": "", "file/build": "",
	})
	run := func(stdin string, args ...string) string {
		cmd := exec.Command(git, args...)
		cmd.Dir, cmd.Stdin = top, strings.NewReader(stdin)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
		var out bytes.Buffer
		cmd.Stdout = &out
		if err := cmd.Run(); err != nil && args[0] != "check-ignore" {
			t.Fatal(args, err)
		}
		return out.String()
	}
	run("", "init", "-q")
	write(t, top, map[string]string{".git/info/exclude": "*.local\n"})
	for _, below := range []string{".", "sub"} {
		want := run("", "ls-files", "-z", "--others", "--exclude-standard", "--", below)
		var expected []string
		for _, p := range strings.Split(strings.TrimRight(want, "\x00"), "\x00") {
			rel, _ := filepath.Rel(below, p)
			expected = append(expected, filepath.ToSlash(rel))
		}
		g := newGetter(t)
		f := fetch(t, g, output(top, recipes.Source{Path: below, UseGitignore: true}))
		entries, err := g.Store.Tree(f[0].Tree)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range entries {
			got = append(got, e.Path)
		}
		if d := cmp.Diff(expected, got); d != "" {
			t.Errorf("below %s: git and forge differ:\n%s", below, d)
		}
	}
}

func FuzzGitignore(f *testing.F) {
	f.Add("*.o\n!a/b\n/x/**\n", "a/b.o", true)
	f.Add("[a-\n\\\n{a,b}\n", "q", false)
	f.Fuzz(func(t *testing.T, text, rel string, isDir bool) {
		if rel == "" || strings.HasPrefix(rel, "/") {
			return
		}
		for _, r := range rulesOf(text) {
			r.matches(rel)
		}
	})
}
