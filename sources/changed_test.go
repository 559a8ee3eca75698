package sources

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestChangedSince(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not here")
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=n", "-c", "user.email=e"}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ChangedSince(context.Background(), dir, "HEAD"); err == nil {
		t.Error("a folder in no repository has no changes to tell")
	}
	git("init", "-q", "-b", "main")
	write("a/x", "1")
	write("b/y z\nä", "1")
	write("c", "1")
	write("moved", "a long enough text to be seen as moved")
	git("add", ".")
	git("commit", "-q", "-m", "one")
	git("branch", "old")
	write("a/x", "2")
	git("commit", "-q", "-a", "-m", "two")
	write("b/y z\nä", "2")
	write("new/file", "")
	git("rm", "-q", "c")
	git("mv", "moved", "here")
	for _, c := range []struct {
		ref  string
		want []string
	}{
		{"HEAD", []string{"b/y z\nä", "c", "here", "moved", "new/file"}},
		{"old", []string{"a/x", "b/y z\nä", "c", "here", "moved", "new/file"}},
	} {
		got, err := ChangedSince(context.Background(), filepath.Join(dir, "a"), c.ref)
		if err != nil {
			t.Fatal(err)
		}
		for i := range got {
			got[i], err = filepath.Rel(dir, got[i])
			if err != nil {
				t.Fatal(err)
			}
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: -want +got\n%s", c.ref, d)
		}
	}
	for _, ref := range []string{"nowhere", "", "--all", "HEAD:a", "-1"} {
		if got, err := ChangedSince(context.Background(), dir, ref); err == nil {
			t.Errorf("%q is no commit, yet %d files changed since", ref, len(got))
		}
	}
}
