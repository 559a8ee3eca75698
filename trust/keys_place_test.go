package trust

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func noLinks(from, to string) error {
	return &os.LinkError{Op: "link", Old: from, New: to, Err: errors.ErrUnsupported}
}

// TestPlaceWithoutLinks: where a file system has no links, of many that make a key at once one wins, and no key is
// replaced.
func TestPlaceWithoutLinks(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	var all sync.WaitGroup
	made := make([]bool, 20)
	for i := range made {
		from := filepath.Join(dir, fmt.Sprint("tmp", i))
		if err := os.WriteFile(from, fmt.Append(nil, i), 0o600); err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			var err error
			if made[i], err = place(from, path, noLinks); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for i, m := range made {
		got, err := os.ReadFile(path)
		if err != nil || m != (string(got) == fmt.Sprint(i)) {
			t.Errorf("%d: made %v, the key is %q, %v", i, m, got, err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || checkPrivate(path, info, "chmod 600") != nil {
		t.Errorf("%v, %v", info, err)
	}
}

// TestPlaceAfterKill: an empty file is what a killed process left, and no key.
func TestPlaceAfterKill(t *testing.T) {
	for name, link := range map[string]func(string, string) error{"links": os.Link, "none": noLinks} {
		dir := t.TempDir()
		path, from := filepath.Join(dir, "key"), filepath.Join(dir, "tmp")
		for file, text := range map[string]string{path: "", from: "new"} {
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		made, err := place(from, path, link)
		if got, _ := os.ReadFile(path); !made || err != nil || string(got) != "new" {
			t.Errorf("%s: made %v, %v, %q", name, made, err, got)
		}
	}
}

// TestPlaceKeeps: a key that is there stays, and so does whatever else has its name.
func TestPlaceKeeps(t *testing.T) {
	for name, link := range map[string]func(string, string) error{"links": os.Link, "none": noLinks} {
		dir := t.TempDir()
		path, from := filepath.Join(dir, "key"), filepath.Join(dir, "tmp")
		for file, text := range map[string]string{path: "old", from: "new"} {
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		made, err := place(from, path, link)
		if got, _ := os.ReadFile(path); made || err != nil || string(got) != "old" {
			t.Errorf("%s: made %v, %v, %q", name, made, err, got)
		}
	}
}
