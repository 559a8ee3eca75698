//go:build linux

package toolchain

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"forge/digest"
	"forge/store"
)

// What was loaded is taken from its record without a look at dpkg's database, until anything that it depends
// on changes. Each case changes one thing.
func TestKeptExternal(t *testing.T) {
	cases := map[string]struct {
		change func(root string, s *store.Store, e *External) error
		lost   bool // the record must not be used
		maker  string
	}{
		"nothing":         {},
		"another program": {maker: "other", lost: true},
		"a file's bytes":  {change: write("usr/bin/make-real"), lost: true},
		"a file's mode": {change: func(root string, _ *store.Store, _ *External) error {
			return os.Chmod(filepath.Join(root, "usr/bin/make-real"), 0o711)
		}, lost: true},
		"a file of no account": {change: write("usr/share/doc/make/x")},
		"a file that was gone": {change: write("usr/bin/gone"), lost: true},
		"a file goes":          {change: remove("usr/lib/libz.so.1"), lost: true},
		"dpkg's status":        {change: write("var/lib/dpkg/status"), lost: true},
		"a list of files":      {change: write("var/lib/dpkg/info/libz1.list"), lost: true},
		"another list name":    {change: write("var/lib/dpkg/info/libc6.list"), lost: true},
		"a new program":        {change: write("usr/bin/new"), lost: true}, // might be an alternative's link
		"an alternative": {change: func(root string, _ *store.Store, _ *External) error {
			return os.Remove(filepath.Join(root, "etc/alternatives/make"))
		}, lost: true},
		"/lib": {change: func(root string, _ *store.Store, _ *External) error {
			lib := filepath.Join(root, "lib")
			if err := os.Remove(lib); err != nil {
				return err
			}
			return os.Symlink("usr/other", lib)
		}, lost: true},
		"a lost blob": {change: func(_ string, s *store.Store, e *External) error {
			s.Forget(entriesOf(e)[2].Sum)
			return nil
		}}, // found out when it is used: see TestRestore
		"a lost tree": {change: func(_ string, s *store.Store, e *External) error {
			return os.Remove(filepath.Join(s.Root(), "trees", e.Tree.Hex()+".json"))
		}, lost: true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			root := miniature(t)
			cfg := finderOf(t, root).(*finder).cfg
			cfg.Now = func() time.Time { return time.Now().Add(time.Minute) } // all files are older
			first := load(t, New(cfg), "make")
			if c.change != nil {
				if err := c.change(root, cfg.Store, first); err != nil {
					t.Fatal(err)
				}
			}
			cfg.Maker = c.maker
			f := New(cfg).(*finder)
			opened, open := false, f.open
			f.open = func() ([]host, error) { opened = true; return open() }
			e, err := f.Find(t.Context(), "make")
			if err == nil && e != nil {
				err = f.Load(t.Context(), e)
			}
			if opened != c.lost {
				t.Errorf("read from the host: %v, want %v", opened, c.lost)
			}
			if c.lost {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			same := cmp.Comparer(func(a, b digest.Digest) bool { return a == b })
			if diff := cmp.Diff(first, e, same, cmpopts.IgnoreUnexported(External{})); diff != "" {
				t.Errorf("another external than was recorded: %s", diff)
			}
			if diff := cmp.Diff(entriesOf(first), entriesOf(e), same); diff != "" {
				t.Errorf("other files than were recorded: %s", diff)
			}
			if _, facts, all := f.Looked(); len(facts) == 0 || !all {
				t.Errorf("%d facts, all: %v", len(facts), all)
			}
		})
	}
}

// What the store lost is imported again, whatever an earlier run noted.
func TestRestore(t *testing.T) {
	root := miniature(t)
	cfg := finderOf(t, root).(*finder).cfg
	cfg.Now = func() time.Time { return time.Now().Add(time.Minute) }
	first := load(t, New(cfg), "make")
	blob := slices.IndexFunc(entriesOf(first), func(e digest.Entry) bool { return e.Kind == digest.Exec })
	cfg.Store.Forget(entriesOf(first)[blob].Sum)
	f := New(cfg)
	e := load(t, f, "make")
	if _, err := cfg.Store.Materialize(t.Context(), entriesOf(e)); !errors.Is(err, store.ErrMissing) {
		t.Fatalf("laid out without a file: %v", err)
	}
	if err := f.Restore(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if _, err := cfg.Store.Materialize(t.Context(), entriesOf(e)); err != nil || e.Tree != first.Tree {
		t.Errorf("%s, was %s: %v", e.Tree, first.Tree, err)
	}
}

func write(name string) func(string, *store.Store, *External) error {
	return func(root string, _ *store.Store, _ *External) error {
		return os.WriteFile(filepath.Join(root, name), []byte("other"), 0o755)
	}
}

func remove(name string) func(string, *store.Store, *External) error {
	return func(root string, _ *store.Store, _ *External) error { return os.Remove(filepath.Join(root, name)) }
}
