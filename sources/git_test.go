package sources

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"forge/recipes"
)

// repository makes a git repository; each step is a commit of these files, or a command where it begins with "git ".
func repository(t *testing.T) (dir string, git func(args ...string) string) {
	t.Helper()
	bin, err := exec.LookPath("git")
	if err != nil {
		t.Skip("git is not here")
	}
	dir = t.TempDir()
	git = func(args ...string) string {
		t.Helper()
		cmd := exec.Command(bin, append([]string{"-c", "protocol.file.allow=always"}, args...)...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org",
			"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org", "GIT_AUTHOR_DATE=1600000000 +0000", "GIT_COMMITTER_DATE=1600000000 +0000")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	git("init", "-q", "-b", "main")
	return dir, git
}

func commit(t *testing.T, dir string, git func(...string) string, files map[string]string) string {
	t.Helper()
	write(t, dir, files)
	git("add", "-A")
	git("commit", "-q", "-m", "c", "--allow-empty")
	return git("rev-parse", "HEAD")
}

func TestGit(t *testing.T) {
	dir, git := repository(t)
	os.Symlink("a", filepath.Join(dir, "link"))
	first := commit(t, dir, git, map[string]string{"a": "1", "run.sh": "#!", ".gitattributes": "*.txt text eol=crlf\n"})
	git("update-index", "--chmod=+x", "run.sh")
	git("tag", "v1")
	second := commit(t, dir, git, map[string]string{"a": "2", "b/c": "x"})
	git("tag", "-a", "-m", "annotated", "v2")
	git("branch", "side", "v1")
	url := "file://" + filepath.ToSlash(dir)
	cases := []struct {
		name   string
		git    recipes.Git
		commit string
	}{
		{"HEAD", recipes.Git{URL: url}, second},
		{"a path", recipes.Git{URL: dir}, second},
		{"commit", recipes.Git{URL: url, Rev: first}, first},
		{"part of a commit", recipes.Git{URL: url, Rev: first[:10]}, first},
		{"rev that is a tag", recipes.Git{URL: url, Rev: "v1"}, first},
		{"rev that is a branch", recipes.Git{URL: url, Rev: "side"}, first},
		{"tag", recipes.Git{URL: url, Tag: "v2"}, second},
		{"branch", recipes.Git{URL: url, Branch: "side"}, first},
		{"shallow", recipes.Git{URL: url, Tag: "v2", Depth: 1}, second},
		{"expected", recipes.Git{URL: url, Tag: "v1", ExpectedCommit: strings.ToUpper(first)}, first},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := newGetter(t)
			f := fetch(t, g, output("", recipes.Source{Git: &c.git}))
			if f[0].GitCommit != c.commit || f[0].Epoch != 1_600_000_000 || f[0].Tree.IsZero() {
				t.Errorf("got %+v, want commit %s", f[0], c.commit)
			}
			want := []string{".gitattributes *.txt text eol=crlf", "a 1", "link -> a", "run.sh #!"}
			if c.commit == second {
				want = []string{".gitattributes *.txt text eol=crlf", "a 2", "b/c x", "link -> a", "run.sh #!"}
			}
			out, _ := unpack(t, g, f)
			if d := cmp.Diff(want, lines(t, out)); d != "" {
				t.Error(d)
			}
			if left := leftovers(t, g); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
			g.Offline = true
			again := fetch(t, g, output("", recipes.Source{Git: &c.git}))
			if again[0].Tree != f[0].Tree {
				t.Error("offline gives another tree")
			}
		})
	}
	t.Run("a branch that moved", func(t *testing.T) {
		g := newGetter(t)
		src := recipes.Source{Git: &recipes.Git{URL: url, Branch: "moving"}}
		git("branch", "moving", "v1")
		fetch(t, g, output("", src))
		git("branch", "-f", "moving", "v2")
		if f := fetch(t, g, output("", src)); f[0].GitCommit != second {
			t.Errorf("got %s", f[0].GitCommit)
		}
	})
	t.Run("a tag that moved", func(t *testing.T) {
		_, err := newGetter(t).Fetch(context.Background(), output("", recipes.Source{Git: &recipes.Git{URL: url, Tag: "v2", ExpectedCommit: first}}), nil)
		wantError(t, err, "tag v2 is commit "+second, "recipe expects "+first)
	})
	t.Run("a damaged copy", func(t *testing.T) {
		g := newGetter(t)
		src := recipes.Source{Git: &recipes.Git{URL: url, Branch: "side"}}
		fetch(t, g, output("", src))
		copies, _ := filepath.Glob(filepath.Join(g.Store.Root(), "sources", "git-*"))
		os.WriteFile(filepath.Join(copies[0], "HEAD"), []byte("junk"), 0o644)
		fetch(t, g, output("", src))
	})
}

func TestGitRefused(t *testing.T) {
	dir, git := repository(t)
	commit(t, dir, git, map[string]string{"a": "1"})
	mark := filepath.Join(t.TempDir(), "ran")
	for _, c := range []struct {
		git   recipes.Git
		words string
	}{
		{recipes.Git{URL: "ext::sh -c touch% " + mark}, "is no address"},
		{recipes.Git{URL: "ext::sh"}, "is no address"},
		{recipes.Git{URL: "fd::17"}, "is no address"},
		{recipes.Git{URL: "--upload-pack=touch " + mark}, "is no address"},
		{recipes.Git{URL: "-u" + mark}, "is no address"},
		{recipes.Git{URL: "ssh://-oProxyCommand=touch " + mark + "/x"}, "hyphen"},
		{recipes.Git{URL: "ssh://u@-oProxyCommand=x/y"}, "hyphen"},
		{recipes.Git{URL: "u@-oProxyCommand=x:y"}, "is no address"},
		{recipes.Git{URL: "ftp://x/y"}, "is none of https"},
		{recipes.Git{URL: "https://x/\x1b[2J"}, "is no address|control"},
		{recipes.Git{URL: dir, Rev: "--output=" + mark}, "is no name of a commit"},
		{recipes.Git{URL: dir, Branch: "-x"}, "is no name"},
		{recipes.Git{URL: dir, Tag: "a..b"}, "is no name"},
		{recipes.Git{URL: dir, Rev: "HEAD@{1}"}, "is no name"},
		{recipes.Git{URL: dir, Rev: "a b"}, "is no name"},
		{recipes.Git{URL: dir, Tag: "a", Branch: "b"}, "more than one"},
		{recipes.Git{URL: dir, ExpectedCommit: "abc"}, "no whole commit id"},
		{recipes.Git{URL: dir, Tag: "none"}, "none"},
		{recipes.Git{URL: filepath.Join(dir, "nowhere")}, "nowhere"},
	} {
		_, err := newGetter(t).Fetch(context.Background(), output("", recipes.Source{Git: &c.git}), nil)
		if err == nil || !strings.Contains(err.Error(), strings.Split(c.words, "|")[0]) && !strings.Contains(err.Error(), "control") {
			t.Errorf("%+v: error %v, want %q", c.git, err, c.words)
		}
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("a command of the recipe's was run")
	}
}

func TestGitHooksAndFilters(t *testing.T) {
	dir, git := repository(t)
	mark := filepath.Join(t.TempDir(), "ran")
	commit(t, dir, git, map[string]string{".gitattributes": "* filter=evil\n", "a": "1"})
	git("config", "filter.evil.smudge", "touch "+mark)
	git("config", "uploadpack.packObjectsHook", "touch "+mark)
	git("config", "core.fsmonitor", "touch "+mark)
	write(t, dir, map[string]string{".git/hooks/post-checkout": "#!/bin/sh\ntouch " + mark + "\n"})
	os.Chmod(filepath.Join(dir, ".git/hooks/post-checkout"), 0o755)
	fetch(t, newGetter(t), output("", recipes.Source{Git: &recipes.Git{URL: dir}}))
	if _, err := GitState(context.Background(), dir); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("a command of the repository's was run")
	}
}

func TestSubmodules(t *testing.T) {
	inner, igit := repository(t)
	commit(t, inner, igit, map[string]string{"in": "side"})
	outer, ogit := repository(t)
	ogit("submodule", "--quiet", "add", inner, "third/inner")
	commit(t, outer, ogit, map[string]string{"a": "1"})
	for _, on := range []bool{false, true} {
		g := newGetter(t)
		f := fetch(t, g, output("", recipes.Source{Git: &recipes.Git{URL: outer, Submodules: on}}))
		dir, _ := unpack(t, g, f)
		_, err := os.Stat(filepath.Join(dir, "third/inner/in"))
		if (err == nil) != on {
			t.Errorf("submodules %t: %v in %q", on, err, lines(t, dir))
		}
	}
}

func TestGitState(t *testing.T) {
	ctx := context.Background()
	if s, err := GitState(ctx, t.TempDir()); err != nil || s != (State{}) {
		t.Errorf("no repository: %+v, %v", s, err)
	}
	dir, git := repository(t)
	if s, err := GitState(ctx, dir); err != nil || s != (State{}) {
		t.Errorf("no commit: %+v, %v", s, err)
	}
	head := commit(t, dir, git, map[string]string{"recipes/zlib/recipe.yaml": "z", "recipes/png/recipe.yaml": "p", ".gitignore": "output/\n*.local\n"})
	git("remote", "add", "origin", "https://user:token@example.org/x/y.git?k=v")
	zlib := filepath.Join(dir, "recipes", "zlib")
	tree := git("rev-parse", "HEAD:recipes/zlib")
	want := State{Commit: head, Tree: tree, Remote: "https://example.org/x/y.git", Path: "recipes/zlib", Clean: true}
	check := func(name string, want State) {
		t.Helper()
		s, err := GitState(ctx, zlib)
		if err != nil {
			t.Error(name, err)
		}
		if d := cmp.Diff(want, s); d != "" {
			t.Error(name, d)
		}
	}
	check("clean", want)
	write(t, dir, map[string]string{"recipes/png/recipe.yaml": "changed", "recipes/zlib/output/x": "o"})
	check("a change elsewhere and what forge leaves", want)
	dirty := want
	dirty.Clean = false
	for name, file := range map[string]string{"changed": "recipe.yaml", "new": "build.sh", "ignored": "x.local"} {
		old, _ := os.ReadFile(filepath.Join(zlib, file))
		write(t, zlib, map[string]string{file: "other"})
		check(name, dirty)
		os.Remove(filepath.Join(zlib, file))
		if old != nil {
			write(t, zlib, map[string]string{file: string(old)})
		}
	}
	check("put back", want)
	os.Remove(filepath.Join(zlib, "recipe.yaml"))
	check("deleted", dirty)
	if s, err := GitState(ctx, write(t, filepath.Join(dir, "new"), map[string]string{"recipe.yaml": ""})); err != nil || s.Clean {
		t.Errorf("a folder that is not committed: %+v, %v", s, err)
	}
}

func TestPublicRemote(t *testing.T) {
	for in, want := range map[string]string{
		"https://example.org/a.git":          "https://example.org/a.git",
		"https://me:pw@example.org/a.git":    "https://example.org/a.git",
		"https://oauth2:t@example.org/a?x#y": "https://example.org/a",
		"git@example.org:me/a.git":           "ssh://example.org/me/a.git",
		"ssh://git@example.org:22/me/a":      "ssh://example.org:22/me/a",
		"/home/me/repo":                      "",
		"file:///home/me/repo":               "",
		"../repo":                            "",
		`C:\repo`:                            "",
		"":                                   "",
	} {
		if got := publicRemote(in); got != want {
			t.Errorf("%q gives %q, want %q", in, got, want)
		}
	}
}

func TestLFS(t *testing.T) {
	if _, err := newGetter(t).find("git-lfs"); err != nil {
		t.Skip(err)
	}
	dir, git := repository(t)
	git("lfs", "install", "--local")
	git("lfs", "track", "*.bin")
	commit(t, dir, git, map[string]string{"a.bin": "large"})
	for _, on := range []bool{false, true} {
		g := newGetter(t)
		f := fetch(t, g, output("", recipes.Source{Git: &recipes.Git{URL: dir, LFS: on}, Include: []string{"a.bin"}}))
		out, _ := unpack(t, g, f)
		if got := lines(t, out); (got[0] == "a.bin large") != on {
			t.Errorf("lfs %t: %q", on, got)
		}
	}
}
