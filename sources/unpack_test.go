package sources

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"forge/recipes"
)

// local writes b to a file called name and returns its file URL and hash as a source.
func local(t *testing.T, name string, b []byte) recipes.Source {
	t.Helper()
	p := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(p, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return recipes.Source{URLs: []string{"file://" + filepath.ToSlash(p)}, Hashes: sha(b)}
}

func with(s recipes.Source, change func(*recipes.Source)) recipes.Source {
	change(&s)
	return s
}

func TestUnpack(t *testing.T) {
	top := tgz(t, map[string]string{"a-1/": "", "a-1/Makefile": "all:", "a-1/src/": "", "a-1/src/m.c": "int", "a-1/src/m.txt": "t", "a-1/l": "-> src/m.c"})
	flat := tgz(t, map[string]string{"x": "1", "y": "2"})
	zip := zipped(t, map[string]string{"z-1/in": "z"})
	wheel := zipped(t, map[string]string{"w/__init__.py": "", "w-1.dist-info/METADATA": "m"})
	cases := []struct {
		name   string
		format string
		list   []recipes.Source
		want   []string
	}{
		{"one folder at the top is hoisted", "recipe.yaml", []recipes.Source{local(t, "a.tar.gz", top)},
			[]string{"Makefile all:", "l -> src/m.c", "src/m.c int", "src/m.txt t"}},
		{"no_hoist", "recipe.yaml", []recipes.Source{with(local(t, "a.tgz", top), func(s *recipes.Source) { s.NoHoist = true })},
			[]string{"a-1/Makefile all:", "a-1/l -> src/m.c", "a-1/src/m.c int", "a-1/src/m.txt t"}},
		{"nothing to hoist", "recipe.yaml", []recipes.Source{local(t, "a.tar.gz", flat)}, []string{"x 1", "y 2"}},
		{"zip", "recipe.yaml", []recipes.Source{local(t, "a.zip", zip)}, []string{"in z"}},
		{"content decides, not the name", "recipe.yaml", []recipes.Source{local(t, "v1.2", zip)}, []string{"in z"}},
		{"a wheel from a plain URL is kept", "recipe.yaml", []recipes.Source{local(t, "w-1-py3-none-any.whl", wheel)}, []string{"w-1-py3-none-any.whl " + string(wheel)}},
		{"conda-build unpacks it, too", "meta.yaml", []recipes.Source{local(t, "w-1-py3-none-any.whl", wheel)},
			[]string{"w/__init__.py", "w-1-py3-none-any.whl " + string(wheel), "w-1.dist-info/METADATA m"}},
		{"conda-build unpacks it, too, and hoists nothing", "meta.yaml", []recipes.Source{with(local(t, "w", zip), func(s *recipes.Source) { s.FileName = "w.whl" })},
			[]string{"w.whl " + string(zip), "z-1/in z"}},
		{"plain file", "recipe.yaml", []recipes.Source{local(t, "notes.txt", []byte("hi"))}, []string{"notes.txt hi"}},
		{"renamed", "recipe.yaml", []recipes.Source{with(local(t, "notes.txt", []byte("hi")), func(s *recipes.Source) { s.FileName = "n" })}, []string{"n hi"}},
		{"file_name keeps an archive", "recipe.yaml", []recipes.Source{with(local(t, "a.zip", zip), func(s *recipes.Source) { s.FileName = "b.zip" })}, []string{"b.zip " + string(zip)}},
		{"fn does not", "meta.yaml", []recipes.Source{with(local(t, "v1", zip), func(s *recipes.Source) { s.FileName = "b.zip" })}, []string{"in z"}},
		{"target directory", "recipe.yaml", []recipes.Source{
			local(t, "a.tgz", flat), with(local(t, "b.zip", zip), func(s *recipes.Source) { s.TargetDirectory = "third/party" }),
			with(local(t, "c.txt", []byte("c")), func(s *recipes.Source) { s.TargetDirectory = "third" })},
			[]string{"third/c.txt c", "third/party/in z", "x 1", "y 2"}},
		{"the later source wins", "recipe.yaml", []recipes.Source{local(t, "a.tgz", flat), local(t, "y", []byte("new"))}, []string{"x 1", "y new"}},
		{"folders are merged", "recipe.yaml", []recipes.Source{local(t, "a.tgz", top), local(t, "b.tgz", tgz(t, map[string]string{"q/src/n.c": "n"}))},
			[]string{"Makefile all:", "l -> src/m.c", "src/m.c int", "src/m.txt t", "src/n.c n"}},
		{"filter", "recipe.yaml", []recipes.Source{with(local(t, "a.tgz", top), func(s *recipes.Source) { s.Include, s.Exclude = []string{"src"}, []string{"*.txt"} })},
			[]string{"src/m.c int"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := newGetter(t)
			out := output("", c.list...)
			out.Recipe.Format = c.format
			dir, _ := unpack(t, g, fetch(t, g, out))
			if d := cmp.Diff(c.want, lines(t, dir)); d != "" {
				t.Error(d)
			}
			if left := leftovers(t, g); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

func TestUnpackRefused(t *testing.T) {
	link := local(t, "a.tgz", tgz(t, map[string]string{"lib/": "", "out": "-> lib", "t": "x"}))
	cases := []struct {
		name  string
		list  []recipes.Source
		words string
	}{
		{"target above", []recipes.Source{with(link, func(s *recipes.Source) { s.TargetDirectory = "../x" })}, "leads out of the work folder"},
		{"target absolute", []recipes.Source{with(link, func(s *recipes.Source) { s.TargetDirectory = "/tmp/x" })}, "leads out of the work folder"},
		{"target through a link", []recipes.Source{link, with(link, func(s *recipes.Source) { s.TargetDirectory = "out/x" })}, "out is a link of an earlier source"},
		{"folder over a link", []recipes.Source{link, local(t, "b.tgz", tgz(t, map[string]string{"out/evil": "x", "y": ""}))}, "out is a folder here and a link"},
		{"link out of the archive", []recipes.Source{local(t, "b.tgz", tgz(t, map[string]string{"a": "-> ../../etc", "b": ""}))}, "a.tgz|b.tgz"},
		{"name says archive, content does not", []recipes.Source{local(t, "a.tar.gz", []byte("<html>"))}, "not an archive"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := newGetter(t)
			f := fetch(t, g, output("", c.list...))
			_, err := g.Unpack(context.Background(), f, t.TempDir(), t.TempDir())
			if err == nil || !strings.Contains(err.Error(), strings.Split(c.words, "|")[len(strings.Split(c.words, "|"))-1]) {
				t.Errorf("error %v, want %q", err, c.words)
			}
		})
	}
}

func TestTimes(t *testing.T) {
	g := newGetter(t)
	f := fetch(t, g, output("", local(t, "a.tgz", tgz(t, map[string]string{"x": "1", "y": "2"})), local(t, "n.txt", []byte("n"))))
	if f[0].Epoch != 1_600_000_000 || f[1].Epoch != 0 {
		t.Errorf("epochs %d and %d", f[0].Epoch, f[1].Epoch)
	}
	dir, _ := unpack(t, g, f)
	for name, want := range map[string]int64{"x": 1_600_000_000, "n.txt": leastEpoch} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || !info.ModTime().Equal(time.Unix(want, 0)) {
			t.Errorf("%s has time %v, %v", name, info.ModTime().Unix(), err)
		}
	}
}

// TestDamagedStore holds that what is unpacked is hashed again, and fetched again if it is not itself.
func TestDamagedStore(t *testing.T) {
	for _, offline := range []bool{false, true} {
		g := newGetter(t)
		f := fetch(t, g, output("", local(t, "n.txt", []byte("good"))))
		path := g.Store.Path(f[0].Files[0].Digest, false)
		os.Chmod(path, 0o644)
		os.WriteFile(path, []byte("evil"), 0o644)
		g.Offline = offline
		dir := t.TempDir()
		_, err := g.Unpack(context.Background(), f, dir, t.TempDir())
		if offline {
			wantError(t, err, "damaged", "forge fetch")
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]string{"n.txt good"}, lines(t, dir)); d != "" {
			t.Error(d)
		}
	}
}
