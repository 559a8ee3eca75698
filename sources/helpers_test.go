package sources

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"forge/digest"
	"forge/recipes"
	"forge/store"
)

// newGetter is a fetcher over an empty store, quick to give up.
func newGetter(t *testing.T, change ...func(*Config)) *Getter {
	t.Helper()
	s, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Store: s, Env: os.Environ(), Backoff: time.Millisecond, Stall: 5 * time.Second}
	for _, f := range change {
		f(&c)
	}
	return New(c)
}

func sha(b []byte) map[string]string { return map[string]string{"sha256": digest.Of(b).Hex()} }

func output(dir string, list ...recipes.Source) *recipes.Output {
	return &recipes.Output{Name: "demo", Recipe: recipes.Origin{Dir: dir, File: "recipe.yaml", Format: "recipe.yaml"}, Sources: list}
}

// tgz packs files by name; a name that ends in a slash is a folder, content "-> x" is a link to x.
func tgz(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, name := range names(files) {
		h := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(files[name])), ModTime: time.Unix(1_600_000_000, 0), Typeflag: tar.TypeReg}
		if target, ok := strings.CutPrefix(files[name], "-> "); ok {
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, target, 0
		} else if strings.HasSuffix(name, "/") {
			h.Typeflag, h.Mode = tar.TypeDir, 0o755
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			w.Write([]byte(files[name]))
		}
	}
	w.Close()
	z.Close()
	return b.Bytes()
}

func zipped(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range names(files) {
		f, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Unix(1_600_000_000, 0)})
		if err != nil {
			t.Fatal(err)
		}
		f.Write([]byte(files[name]))
	}
	w.Close()
	return b.Bytes()
}

func names(files map[string]string) []string {
	var list []string
	for n := range files {
		list = append(list, n)
	}
	sort.Strings(list)
	return list
}

func write(t *testing.T, dir string, files map[string]string) string {
	t.Helper()
	for name, text := range files {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// lines lists what lies below dir: "path content", "path -> target".
func lines(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := digest.Folder(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	list := []string{}
	for _, e := range entries {
		if e.Kind == digest.Symlink {
			list = append(list, e.Path+" -> "+e.Target)
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(e.Path)))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, strings.TrimSpace(e.Path+" "+string(b)))
	}
	return list
}

// leftovers are temporary files in the store.
func leftovers(t *testing.T, g *Getter) []string {
	t.Helper()
	list, _ := filepath.Glob(filepath.Join(g.Store.Root(), "tmp", "*", "*"))
	list = slices.DeleteFunc(list, func(p string) bool { return filepath.Base(p) == "lock" || filepath.Base(p) == "used" }) // the session's own
	more, _ := filepath.Glob(filepath.Join(g.Store.Root(), "sources", ".forge-tmp-*"))
	return append(list, more...)
}

func fetch(t *testing.T, g *Getter, out *recipes.Output) []Fetched {
	t.Helper()
	f, err := g.Fetch(context.Background(), out, nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func unpack(t *testing.T, g *Getter, f []Fetched) (string, map[string]string) {
	t.Helper()
	dir, extra := t.TempDir(), t.TempDir()
	env, err := g.Unpack(context.Background(), f, dir, extra)
	if err != nil {
		t.Fatal(err)
	}
	return dir, env
}

func wantError(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", words)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
}
