package channels

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"forge/packages"
)

const exportsText = `{"info":{"subdir":"linux-64","version":1},
"packages":{"old-1-0.tar.bz2":{"run_exports":{"strong":["old"]}}},
"packages.conda":{"a-1-0.conda":{"run_exports":{"weak":["a >=1,<2"]}},"b-1-0.conda":{"run_exports":{}}}}`

// TestExportReader reads the file from a folder and from a server, once each.
func TestExportReader(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "linux-64"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "linux-64", "run_exports.json"), []byte(exportsText), 0o644); err != nil {
		t.Fatal(err)
	}
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/c/linux-64/run_exports.json" {
			http.NotFound(w, r)
			return
		}
		asked++
		w.Write([]byte(exportsText))
	}))
	defer server.Close()
	for _, base := range []string{"file://" + dir, server.URL + "/c"} {
		e := &ExportReader{Loader: &Loader{CacheDir: t.TempDir()}}
		for name, want := range map[string]packages.RunExports{
			"a-1-0.conda": {Weak: []string{"a >=1,<2"}}, "b-1-0.conda": {}, "old-1-0.tar.bz2": {Strong: []string{"old"}},
		} {
			got, ok, err := e.Lookup(context.Background(), &packages.Record{URL: base + "/linux-64/" + name})
			if err != nil || !ok {
				t.Errorf("%s/%s: %v, %v", base, name, ok, err)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s/%s: %s", base, name, d)
			}
		}
		for _, url := range []string{base + "/linux-64/c-1-0.conda", base + "/noarch/a-1-0.conda", "nowhere"} {
			if _, ok, err := e.Lookup(context.Background(), &packages.Record{URL: url}); ok || err != nil {
				t.Errorf("%s: %v, %v; want the archive to be asked", url, ok, err)
			}
		}
	}
	if asked != 1 {
		t.Errorf("the server was asked %d times", asked)
	}
}

func TestExportReaderRefusesNonsense(t *testing.T) {
	dir := t.TempDir()
	os.MkdirAll(filepath.Join(dir, "linux-64"), 0o755)
	for _, text := range []string{"", "[", `{"packages":{"a":{"run_exports":{"weak":"a"}}}}`, `{"packages":[]}`} {
		if err := os.WriteFile(filepath.Join(dir, "linux-64", "run_exports.json"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		e := &ExportReader{Loader: &Loader{}}
		if _, _, err := e.Lookup(context.Background(), &packages.Record{URL: "file://" + dir + "/linux-64/a"}); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

// TestNamedRepodata reads current_repodata.json where a channel has one, repodata.json where not.
func TestNamedRepodata(t *testing.T) {
	const all = `{"packages.conda":{"a-1-0.conda":{"name":"a","version":"1","build":"0","build_number":0,"depends":[]},
"a-2-0.conda":{"name":"a","version":"2","build":"0","build_number":0,"depends":[]}}}`
	const current = `{"packages.conda":{"a-2-0.conda":{"name":"a","version":"2","build":"0","build_number":0,"depends":[]}}}`
	dir := t.TempDir()
	for path, text := range map[string]string{"linux-64/repodata.json": all, "linux-64/current_repodata.json": current, "noarch/repodata.json": all} {
		os.MkdirAll(filepath.Dir(filepath.Join(dir, path)), 0o755)
		if err := os.WriteFile(filepath.Join(dir, path), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer server.Close()
	for _, channel := range []string{dir, server.URL} {
		for file, want := range map[string][]int{"": {2, 2}, "current_repodata.json": {1, 2}} {
			l := &Loader{CacheDir: t.TempDir(), File: file, NoShards: true}
			parts, err := l.Open(context.Background(), channel, []string{"linux-64", "noarch"})
			if err != nil {
				t.Fatalf("%s, %q: %v", channel, file, err)
			}
			if d := cmp.Diff(want, []int{count(t, parts[0]), count(t, parts[1])}); d != "" {
				t.Errorf("%s, %q: %s", channel, file, d)
			}
		}
	}
}

func count(t *testing.T, r *Repodata) int {
	t.Helper()
	records, err := r.All()
	if err != nil {
		t.Fatal(err)
	}
	return len(records)
}
