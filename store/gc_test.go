package store

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"forge/digest"
	"forge/internal/fsx"
)

type result struct {
	Archive digest.Digest
	Text    string
}

func open(t *testing.T, root string) *Store {
	t.Helper()
	s, err := Open(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// put stores a result with a blob of its own, last used so long before now.
func put(t *testing.T, s *Store, name string, size int, ago time.Duration, now time.Time) (ActionID, digest.Digest) {
	t.Helper()
	blob, err := s.PutBytes([]byte(name + strings.Repeat("x", size)))
	if err != nil {
		t.Fatal(err)
	}
	id := ActionID{digest.Of([]byte("action " + name))}
	if err := s.SetResult(id, result{Archive: blob, Text: name}); err != nil {
		t.Fatal(err)
	}
	at := now.Add(-ago)
	os.Chtimes(s.actionPath(id), at, at)
	os.Chtimes(s.blob(blob, false), at, at)
	return id, blob
}

func collect(t *testing.T, s *Store, l Limits) Collected {
	t.Helper()
	defer s.Close()
	c, err := s.GC(context.Background(), l)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestGCByAgeAndSize(t *testing.T) {
	now := time.Now()
	root := t.TempDir()
	s := open(t, root)
	old, oldBlob := put(t, s, "old", 1000, 72*time.Hour, now)
	mid, midBlob := put(t, s, "mid", 1000, 48*time.Hour, now)
	young, youngBlob := put(t, s, "young", 1000, 25*time.Hour, now)
	s.Close() // its pins are gone; noteUse would count them as used now
	for id, ago := range map[ActionID]time.Duration{old: 72, mid: 48, young: 25} {
		at := now.Add(-ago * time.Hour)
		os.Chtimes(s.actionPath(id), at, at)
	}
	if c := collect(t, s, Limits{MaxSize: -1, MaxAge: 60 * time.Hour, Now: now, DryRun: true}); c.Results != 1 || c.Blobs != 1 || !s.Has(oldBlob) {
		t.Errorf("dry run: %+v", c)
	}
	if c := collect(t, s, Limits{MaxSize: -1, MaxAge: 60 * time.Hour, Now: now}); c.Results != 1 || s.Has(oldBlob) || !s.Has(midBlob) {
		t.Errorf("by age: %+v", c)
	}
	c := collect(t, s, Limits{MaxSize: 1500, Now: now})
	if c.Results != 1 || s.Has(midBlob) || !s.Has(youngBlob) || c.After > 1500 {
		t.Errorf("by size: %+v", c)
	}
	var r result
	if s.Result(young, &r) != nil || s.Result(mid, &r) == nil {
		t.Error("the wrong result went")
	}
}

// TestGCKeepsWhatIsUsed: another process has read a result and laid out a tree; neither goes, however old.
func TestGCKeepsWhatIsUsed(t *testing.T) {
	now := time.Now()
	root := t.TempDir()
	maker := open(t, root)
	used, usedBlob := put(t, maker, "used", 100, 1000*time.Hour, now)
	_, otherBlob := put(t, maker, "other", 100, 1000*time.Hour, now)
	sum, err := maker.PutBytes([]byte("a file of a tree"))
	if err != nil {
		t.Fatal(err)
	}
	tree := []digest.Entry{{Path: "f", Kind: digest.File, Sum: sum, Size: 16}}
	dir, err := maker.Materialize(context.Background(), tree)
	if err != nil {
		t.Fatal(err)
	}
	maker.Close()
	build := open(t, root)
	var r result
	if err := build.Result(used, &r); err != nil {
		t.Fatal(err)
	}
	if _, err := build.Materialize(context.Background(), tree); err != nil {
		t.Fatal(err)
	}
	past := now.Add(-2000 * time.Hour)
	for _, p := range []string{build.actionPath(used), dir, build.blob(otherBlob, false)} {
		os.Chtimes(p, past, past)
	}
	c := collect(t, open(t, root), Limits{MaxSize: 0, Now: now})
	if !build.Has(usedBlob) || build.Has(otherBlob) || c.InUse != 2 {
		t.Errorf("in use %v, other %v: %+v", build.Has(usedBlob), build.Has(otherBlob), c)
	}
	if _, err := os.Stat(filepath.Join(dir, "f")); err != nil {
		t.Error(err)
	}
	build.Close()
	c = collect(t, open(t, root), Limits{MaxSize: 0, Now: now})
	if _, err := os.Stat(dir); err == nil || c.After != 0 {
		t.Errorf("after it ended: %+v, %v", c, err)
	}
}

// TestGCKeepsWhatIsWritten: a record that has not its name yet is somebody's, for a day.
func TestGCKeepsWhatIsWritten(t *testing.T) {
	now, root := time.Now(), t.TempDir()
	st := open(t, root)
	put(t, st, "any", 1, time.Hour, now)
	for _, part := range []string{"actions", "trees"} {
		if err := os.MkdirAll(st.path(part), 0o755); err != nil {
			t.Fatal(err)
		}
		for name, age := range map[string]time.Duration{"new": time.Minute, "old": 25 * time.Hour} {
			p := st.path(part, fsx.TempPrefix+name)
			if err := os.WriteFile(p, []byte("{"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(p, now, now.Add(-age)); err != nil {
				t.Fatal(err)
			}
		}
	}
	st.Close()
	collect(t, open(t, root), Limits{MaxSize: 0, Now: now})
	for _, part := range []string{"actions", "trees"} {
		if _, err := os.Stat(st.path(part, fsx.TempPrefix+"new")); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(st.path(part, fsx.TempPrefix+"old")); err == nil {
			t.Errorf("%s: what a dead process left a day ago is still there", part)
		}
	}
}

// TestSweep: what a dead process left goes, what a living one has stays.
func TestSweep(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("what the dead process stands for here still has its files open, which Windows does not remove")
	}
	root := t.TempDir()
	alive := open(t, root)
	keep, err := alive.TempDir("build")
	if err != nil {
		t.Fatal(err)
	}
	dead := open(t, root)
	lost, err := dead.TempDir("build")
	if err != nil {
		t.Fatal(err)
	}
	os.MkdirAll(filepath.Join(lost, "closed"), 0o755)
	os.Chmod(filepath.Join(lost, "closed"), 0)
	dead.session.unlock() // as the kernel does when a process is killed
	if err := open(t, root).Sweep(context.Background(), time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(keep); err != nil {
		t.Error("a living process lost its folder")
	}
	if _, err := os.Stat(filepath.Dir(lost)); err == nil {
		t.Error("the folder of a dead process stayed")
	}
	entries, _ := os.ReadDir(filepath.Join(root, "tmp"))
	if len(entries) != 1 {
		t.Errorf("%d entries in tmp", len(entries))
	}
	dead.session.dir = ""
}

func TestVerifyAll(t *testing.T) {
	ctx := context.Background()
	s := open(t, t.TempDir())
	id, blob := put(t, s, "a", 10, 0, time.Now())
	sum, _ := s.PutBytes([]byte("in a tree"))
	tree := []digest.Entry{{Path: "d", Kind: digest.Dir}, {Path: "f", Kind: digest.File, Sum: sum, Size: 9}}
	if _, err := s.PutTree(tree); err != nil {
		t.Fatal(err)
	}
	dir, err := s.Materialize(ctx, tree)
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.VerifyAll(ctx)
	if err != nil || len(c.Damaged) != 0 || c.Blobs != 2 || c.Trees != 2 || c.Results != 1 {
		t.Fatalf("%+v, %v", c, err)
	}
	spoil(t, s.blob(blob, false))
	spoil(t, filepath.Join(dir, "f")) // the blob too: it is a link to it
	spoil(t, s.actionPath(id))
	c, err = s.VerifyAll(ctx)
	if err != nil || len(c.Damaged) != 4 {
		t.Fatalf("%+v, %v", c, err)
	}
	if c, _ = s.VerifyAll(ctx); len(c.Damaged) != 0 {
		t.Errorf("again: %+v", c)
	}
}

func spoil(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	os.Chmod(path, 0o644)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(b); err != nil {
		t.Fatal(err)
	}
}

func TestExportImport(t *testing.T) {
	ctx := context.Background()
	a, b := open(t, t.TempDir()), open(t, t.TempDir())
	id, blob := put(t, a, "shared", 10, 0, time.Now())
	var first, second bytes.Buffer
	if err := a.Export(ctx, []ActionID{id}, &first); err != nil {
		t.Fatal(err)
	}
	if err := a.Export(ctx, []ActionID{id}, &second); err != nil || !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("two exports differ", err)
	}
	n, err := b.Import(ctx, bytes.NewReader(first.Bytes()))
	if err != nil || n.Blobs != 1 || n.Results != 1 || !b.Has(blob) {
		t.Fatalf("%+v, %v", n, err)
	}
	var r result
	if err := b.Result(id, &r); err != nil || r.Text != "shared" {
		t.Error(r, err)
	}
	for i := 0; i < first.Len(); i += 211 {
		bad := bytes.Clone(first.Bytes())
		bad[i] ^= 0x20
		c := open(t, t.TempDir())
		c.Import(ctx, bytes.NewReader(bad))
		if got, err := c.Bytes(blob); err == nil && !bytes.HasPrefix(got, []byte("shared")) {
			t.Fatalf("byte %d: a damaged blob was taken", i)
		}
		if c.Result(id, &r) == nil && r.Text != "shared" {
			t.Fatalf("byte %d: a damaged result was taken", i)
		}
		c.Close()
	}
}
