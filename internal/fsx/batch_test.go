package fsx_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"forge/internal/fsx"
)

// content is what the files in dir hold, with one name for all that are not whole.
func content(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, e := range entries {
		data, _ := os.ReadFile(filepath.Join(dir, e.Name()))
		name := e.Name()
		if ok, _ := filepath.Match(fsx.TempPrefix+"*", name); ok {
			name = "beside " + string(data)
		}
		all[name] = string(data)
	}
	return all
}

func TestBatch(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	want := func(when string, want map[string]string) {
		t.Helper()
		if diff := cmp.Diff(want, content(t, dir)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
	}
	var b fsx.Batch
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(b.WriteFile(at("a"), []byte("old"), 0o644))
	must(b.StageFile(at("a"), []byte("new"), 0o644))
	beside, err := b.Stage(at("b"), 0o600, func(w io.Writer) error { _, err := w.Write([]byte("2")); return err })
	must(err)
	if data, err := os.ReadFile(beside); err != nil || string(data) != "2" {
		t.Errorf("beside its place: %q, %v", data, err)
	}
	want("staged", map[string]string{"a": "old", "beside new": "new", "beside 2": "2"})
	must(b.Place())
	want("placed", map[string]string{"a": "new", "b": "2"})
	must(b.Done())

	must(b.StageFile(at("c"), []byte("3"), 0o644))
	full := errors.New("full")
	if err := b.Write(at("d"), 0o644, func(io.Writer) error { return full }); !errors.Is(err, full) {
		t.Errorf("error %v", err)
	}
	want("one failed", map[string]string{"a": "new", "b": "2", "beside 3": "3"})
	b.Drop()
	want("dropped", map[string]string{"a": "new", "b": "2"})

	must(os.Mkdir(at("folder"), 0o755))
	must(os.WriteFile(at("folder/x"), nil, 0o644))
	must(b.StageFile(at("b"), []byte("first"), 0o644))
	must(b.StageFile(at("folder"), []byte("in the way"), 0o644))
	must(b.StageFile(at("e"), []byte("last"), 0o644))
	if err := b.Place(); err == nil {
		t.Error("a folder was replaced by a file")
	}
	want("one could not be placed", map[string]string{"a": "new", "b": "first", "folder": ""})
	if info, err := os.Stat(at("a")); err != nil || info.Mode().Perm() != 0o644 {
		t.Error(info, err)
	}
}
