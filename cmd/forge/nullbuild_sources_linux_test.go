package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// emptyNullWorkspace has no recipes yet.
func emptyNullWorkspace(t *testing.T, args ...string) *nullWorkspace {
	return &nullWorkspace{t: t, dir: t.TempDir(), cache: t.TempDir(), program: os.Args[0],
		args: append([]string{"build", "-v", "./r/...", "--no-test"}, args...)}
}

func (w *nullWorkspace) git(args ...string) string {
	w.t.Helper()
	c := exec.Command("git", append([]string{"-C", w.path("repo"), "-c", "user.name=n", "-c", "user.email=e@x", "-c", "init.defaultBranch=main"}, args...)...)
	out, err := c.CombinedOutput()
	if err != nil {
		w.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// TestNullBuildSources: sources on this machine are watched, file by file; what is no part of them is not.
func TestNullBuildSources(t *testing.T) {
	if testing.Short() {
		t.Skip("builds many times")
	}
	w := emptyNullWorkspace(t)
	for name, text := range map[string]string{
		"src/a.txt": "a\n", "src/deep/b.txt": "b\n", "src/deep/note.md": "n\n", "src/ignored.o": "o\n", "src/.gitignore": "*.o\n",
		"other/a.txt": "other\n", "one.txt": "one\n", "repo/file": "1\n",
		"r/p/recipe.yaml": "package: {name: p, version: '1'}\nsource: {path: ../../link, filter: {exclude: ['**/*.md']}, patches: [x.patch]}\nbuild: {script: 'cat a.txt > $PREFIX/p'}\n",
		"r/p/x.patch":     "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1,2 @@\n a\n+z\n",
		"r/f/recipe.yaml": "package: {name: f, version: '1'}\nsource: {path: ../../one.txt}\nbuild: {script: 'cat one.txt > $PREFIX/f'}\n",
	} {
		w.write(name, text)
	}
	w.must(os.Symlink("src", w.path("link")))
	w.git("init", "-q")
	w.git("add", "file")
	w.git("commit", "-qm", "1")
	w.write("r/g/recipe.yaml", fmt.Sprintf("package: {name: g, version: '1'}\nsource: {git: %s, rev: %s}\nbuild: {script: 'cat file > $PREFIX/g'}\n", w.path("repo"), w.git("rev-parse", "HEAD")))
	w.settle()
	for _, c := range []struct {
		name   string
		change func()
		same   bool // it makes no difference
	}{
		{"a file with the old size and time", func() { w.sameLooks(w.path("src/deep/b.txt")) }, false},
		{"a file that was touched", func() { w.must(os.Chtimes(w.path("src/deep/b.txt"), t0(), t0())) }, false},
		{"a new mode", func() { w.must(os.Chmod(w.path("src/deep/b.txt"), 0o755)) }, false},
		{"a new file", func() { w.write("src/deep/c.txt", "c\n") }, false},
		{"a removed file", func() { w.must(os.Remove(w.path("src/deep/c.txt"))) }, false},
		{"a new folder", func() { w.write("src/new/d.txt", "d\n") }, false},
		{"a file that is left out", func() { w.write("src/deep/note.md", "m\n") }, true},
		{"a file that git ignores", func() { w.write("src/ignored.o", "p\n") }, true},
		{"what git ignores", func() { w.write("src/.gitignore", "*.o\n*.txt~\n") }, false},
		{"what git ignores below", func() { w.write("src/deep/.gitignore", "*.q\n") }, false},
		{"a repository around it", func() { w.write(".git/HEAD", "ref: refs/heads/main\n") }, false},
		{"what that ignores", func() { w.write(".gitignore", "*.tmp\n") }, false},
		{"what is ignored in that", func() { w.write(".git/info/exclude", "*.bak\n") }, false},
		{"no repository any more", func() { w.must(os.RemoveAll(w.path(".git"))) }, false},
		{"a link to another folder", func() {
			w.must(os.Remove(w.path("link")))
			w.must(os.Symlink("other", w.path("link")))
			w.write("r/p/x.patch", "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1,2 @@\n other\n+z\n")
		}, false},
		{"the folder that was, which no link leads to", func() { w.write("src/a.txt", "b\n") }, true},
		{"a patch", func() { w.write("r/p/x.patch", "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1,2 @@\n other\n+y\n") }, false},
		{"a file that is a source, with the old size and time", func() { w.sameLooks(w.path("one.txt")) }, false},
		{"more commits in a repository of which one is named", func() {
			w.write("repo/file", "2\n")
			w.git("commit", "-qam", "2")
		}, true},
		{"another commit", func() {
			w.write("r/g/recipe.yaml", fmt.Sprintf("package: {name: g, version: '1'}\nsource: {git: %s, rev: %s}\nbuild: {script: 'cat file > $PREFIX/g'}\n", w.path("repo"), w.git("rev-parse", "HEAD")))
		}, false},
	} {
		c.change()
		if null, text := w.run(); null != c.same {
			t.Errorf("%s: nothing to do is %v:\n%s", c.name, null, text)
		}
		w.settle()
	}
	w.write("r/g/recipe.yaml", fmt.Sprintf("package: {name: g, version: '1'}\nsource: {git: %s, branch: main}\nbuild: {script: 'cat file > $PREFIX/g'}\n", w.path("repo")))
	for range 3 {
		if null, text := w.run(); null {
			t.Errorf("a branch is taken as if it could not move:\n%s", text)
		}
	}
}

// serverChannel is a channel on a server whose files and answers can be changed.
type serverChannel struct {
	mu    sync.Mutex
	files map[string]string
	age   string
	asked int // answers with a body or that there is none
	kept  int // answers that it is as it was
}

func (s *serverChannel) ServeHTTP(out http.ResponseWriter, req *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, ok := s.files[req.URL.Path]
	tag := fmt.Sprintf("%q", fmt.Sprint(len(text), text))
	tag = `"` + strings.NewReplacer(`"`, "", `\`, "").Replace(tag) + `"`
	out.Header().Set("ETag", tag)
	if s.age != "" {
		out.Header().Set("Cache-Control", "max-age="+s.age)
	}
	switch {
	case !ok:
		s.asked++
		http.NotFound(out, req)
	case req.Header.Get("If-None-Match") == tag:
		s.kept++
		out.WriteHeader(http.StatusNotModified)
	default:
		s.asked++
		out.Write([]byte(text))
	}
}

func (s *serverChannel) set(name, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files[name] = text
}

func (s *serverChannel) counts() (asked, kept int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked, kept = s.asked, s.kept
	s.asked, s.kept = 0, 0
	return asked, kept
}

// TestNullBuildServer: a channel on a server is asked whether it changed, as often as its answers want it.
func TestNullBuildServer(t *testing.T) {
	if testing.Short() {
		t.Skip("builds many times")
	}
	const index = `{"info":{"subdir":"linux-64"},"packages":{},"packages.conda":{}}`
	s := &serverChannel{files: map[string]string{"/linux-64/repodata.json": index}}
	server := httptest.NewServer(s)
	defer server.Close()
	w := emptyNullWorkspace(t, "-c", server.URL)
	w.write("r/a/recipe.yaml", "package: {name: a, version: '1'}\nbuild: {script: 'touch $PREFIX/a'}\n")
	w.settle()
	s.counts()
	if null, text := w.run(); !null {
		t.Errorf("the server says that nothing changed:\n%s", text)
	}
	if _, kept := s.counts(); kept != 1 {
		t.Errorf("the server was asked %d times whether its index changed", kept)
	}
	for _, c := range []struct {
		name   string
		change func()
	}{
		{"a new index", func() { s.set("/linux-64/repodata.json", strings.Replace(index, "{}", "{ }", 1)) }},
		{"a new subdir", func() { s.set("/noarch/repodata.json", index) }},
		{"a subdir that went", func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.files, "/noarch/repodata.json")
		}},
		{"a copy that is gone", func() {
			found, err := filepath.Glob(filepath.Join(w.cache, "channels", "repodata", "*.json"))
			w.must(err)
			if len(found) == 0 {
				t.Fatal("no copy of an index is in the cache")
			}
			for _, f := range found {
				w.must(os.Remove(f))
			}
		}},
	} {
		c.change()
		if null, text := w.run(); null {
			t.Errorf("%s: it was not noticed:\n%s", c.name, text)
		}
		w.settle()
	}
	s.mu.Lock()
	s.age = "3600"
	s.mu.Unlock()
	s.set("/linux-64/repodata.json", index)
	w.settle()
	s.counts()
	if null, text := w.run(); !null {
		t.Errorf("the answers may be used for an hour:\n%s", text)
	}
	if _, kept := s.counts(); kept != 0 {
		t.Errorf("the server was asked %d times, and its answer may be used for an hour", kept)
	}
	s.mu.Lock()
	s.age = ""
	s.mu.Unlock()
	server.Close()
	if null, text := w.run(); null {
		t.Errorf("noarch could not be asked for, and that was not noticed:\n%s", text)
	}
}

// t0 is some other time.
func t0() time.Time { return time.Unix(1_500_000_000, 0) }
