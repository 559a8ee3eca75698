package conda

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sort"
	"strings"
	"testing"

	"forge/digest"
	"forge/internal/archive"
	"forge/packages"

	"github.com/google/go-cmp/cmp"
)

// shared finds the vectors beside the repository.
func shared(t testing.TB, rel string) string {
	base := os.Getenv("FORGE_SHARED")
	for _, dir := range []string{base, "../../../shared", "../../../../shared"} {
		if p := filepath.Join(dir, rel); dir != "" {
			if _, err := os.Stat(p); err == nil {
				return p
			}
		}
	}
	t.Skipf("the vectors (shared/%s) are not here", rel)
	return ""
}

func channelPackages(t testing.TB) map[string]string {
	root := shared(t, "vectors/rattler-build/packages/_channel")
	out := map[string]string{}
	for _, glob := range []string{"*/*.conda", "*/*.tar.bz2"} {
		list, _ := filepath.Glob(filepath.Join(root, glob))
		for _, p := range list {
			out[filepath.Base(p)] = p
		}
	}
	return out
}

func open(t testing.TB, path string) *pkg {
	f, _ := New(V2, 0)
	p, err := f.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p.(*pkg)
}

// manifestOf reads a package back into the value it was made of.
func manifestOf(t testing.TB, p *pkg) *packages.Manifest {
	m := &packages.Manifest{Record: *p.rec, RunExports: p.exports, NoArchLink: p.link, Info: map[string][]byte{}}
	for name, b := range p.info {
		switch name {
		case indexName, pathsName, runExportsName, linkName:
		case aboutName:
			var a struct {
				packages.About
				Home, DocURL, DevURL any
				DU                   any `json:"doc_url"`
				VU                   any `json:"dev_url"`
				HU                   any `json:"home"`
			}
			if err := json.Unmarshal(b, &a); err != nil {
				t.Fatal(err)
			}
			m.About = a.About
			m.About.Home, m.About.DocURL, m.About.DevURL = many(a.HU), many(a.DU), many(a.VU)
		default:
			m.Info[name] = b
		}
	}
	err := p.each(context.Background(), func(f *packages.File, a *archive.Member) error {
		var b bytes.Buffer
		if a.Body != nil {
			b.ReadFrom(a.Body)
		}
		f.Data = b.Bytes()
		if f.Kind == digest.Symlink {
			f.Sum, _ = digest.Parse(p.paths[f.Path].SHA256)
		}
		m.Files = append(m.Files, *f)
		m.Epoch = a.ModTime.Unix()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func many(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, s := range v {
			out = append(out, s.(string))
		}
		return out
	}
	return nil
}

// Every package of rattler-build, read and written again, has the same members with the same bytes in the
// same order, twice.
func TestWriteAsRattlerBuild(t *testing.T) {
	unlike := map[string]string{
		"names-1.0-hb0f4dca_0.conda":             "a backslash in a name is refused",
		"python-3.11.9-h123_0_cpython.conda":     "a link to /usr/bin/env is refused",
		"v3pkg-1.0-h4616a5c_0.conda":             "experimental keys of index.json",
		"menu-1.0-h4616a5c_0.conda":              "",
		"noarch-generic-1.0-h4616a5c_0.tar.bz2":  "",
		"noarch-python-1.0-pyh4616a5c_0.conda":   "",
		"deps-noarch-1.0-h4616a5c_0.conda":       "",
		"run-exports-all-2.3.4-hb0f4dca_7.conda": "",
	}
	for name, path := range channelPackages(t) {
		if unlike[name] != "" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			p := open(t, path)
			m := manifestOf(t, p)
			f, err := New(p.kind, 0)
			if err != nil {
				t.Fatal(err)
			}
			var first, second bytes.Buffer
			if err := f.Write(context.Background(), m, &first); err != nil {
				t.Fatal(err)
			}
			if err := f.Write(context.Background(), m, &second); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(first.Bytes(), second.Bytes()) {
				t.Error("two archives of one manifest differ")
			}
			out := filepath.Join(t.TempDir(), name)
			os.WriteFile(out, first.Bytes(), 0o644)
			again := open(t, out)
			for n, b := range p.info {
				if d := cmp.Diff(string(b), string(again.info[n])); d != "" {
					t.Errorf("info/%s: %s", n, d)
				}
			}
			if len(again.info) != len(p.info) {
				t.Errorf("%d members of info, want %d", len(again.info), len(p.info))
			}
			a, err := p.ContentDigest()
			b, err2 := again.ContentDigest()
			if a != b || err != nil || err2 != nil {
				t.Error(a, b, err, err2)
			}
			if d := cmp.Diff(order(t, p), order(t, again)); d != "" {
				t.Error(d)
			}
		})
	}
}

// order lists the payload's members as they lie in the tar.
func order(t *testing.T, p *pkg) []string {
	var out []string
	r, err := p.payload()
	if err != nil {
		t.Fatal(err)
	}
	archive.ReadTar(context.Background(), r, map[string]string{V1: "bz2", V2: "zst"}[p.kind], archive.Limits{}, func(m *archive.Member) error {
		out = append(out, fmt.Sprintf("%c %s %v %s", m.Kind, m.Name, m.Exec && m.Kind == archive.KindFile, m.Target))
		return nil
	})
	return out
}

// Unpacked, the packages are what rattler installs.
func TestUnpackAsRattler(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes, links and names here are those of Unix")
	}
	trees := shared(t, "vectors/rattler-build/install")
	list, _ := filepath.Glob(filepath.Join(trees, "*/tree.json"))
	for _, tree := range list {
		name := filepath.Base(filepath.Dir(tree))
		t.Run(name, func(t *testing.T) {
			b, err := os.ReadFile(tree)
			if err != nil {
				t.Fatal(err)
			}
			var want [][]any
			if err := json.Unmarshal(b, &want); err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			metas, _ := filepath.Glob(filepath.Join(filepath.Dir(tree), "conda-meta/*.json"))
			for _, meta := range metas {
				stem := strings.TrimSuffix(filepath.Base(meta), ".json")
				if stem == "python-3.11.9-h123_0_cpython" {
					continue
				}
				p := open(t, channelPackages(t)[stem+extV2])
				if _, err := p.Unpack(context.Background(), dir, "/oracle/work/prefix-of-install-oracle", "3.11", nil); err != nil {
					t.Fatal(err)
				}
			}
			if d := cmp.Diff(wantTree(want), haveTree(t, dir)); d != "" {
				t.Error(d)
			}
		})
	}
}

func wantTree(list [][]any) []string {
	var out []string
	for _, e := range list {
		p := e[0].(string)
		if p == "CACHEDIR.TAG" || strings.HasPrefix(p, "conda-meta/") || strings.HasPrefix(p, "bin/python") || p == "lib/python3.11/os.py" {
			continue
		}
		if e[1] == "link" {
			out = append(out, p+" -> "+e[2].(string))
			continue
		}
		text := ""
		if len(e) > 3 {
			text = e[3].(string)
		}
		mode := strings.Replace(e[1].(string), "775", "755", 1)
		out = append(out, fmt.Sprintf("%s %s %v %q", p, mode, e[2], text))
	}
	sort.Strings(out)
	return out
}

func haveTree(t *testing.T, dir string) []string {
	var out []string
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		if d.Type()&fs.ModeSymlink != 0 {
			target, _ := os.Readlink(path)
			out = append(out, rel+" -> "+target)
			return nil
		}
		st, _ := d.Info()
		b, _ := os.ReadFile(path)
		text := ""
		if len(b) <= 4096 {
			text = latin(b)
		}
		out = append(out, fmt.Sprintf("%s %o %d %q", rel, st.Mode().Perm(), len(b), text))
		return nil
	})
	sort.Strings(out)
	return out
}

// latin is how the oracle wrote bytes into JSON.
func latin(b []byte) string {
	r := make([]rune, len(b))
	for i, c := range b {
		r[i] = rune(c)
	}
	return string(r)
}

var _ = slices.Sort[[]string]
