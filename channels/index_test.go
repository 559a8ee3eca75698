package channels

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/bzip2"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"forge/digest"
	"forge/internal/fsx"
	"forge/packages"
	"forge/trust"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

// infoPackage is as much of a package as the index reads.
type infoPackage struct {
	packages.Package // nothing else is asked for
	members          map[string][]byte
}

func (p infoPackage) Close() error { return nil }

func (p infoPackage) Info(name string) ([]byte, error) {
	data, ok := p.members["info/"+name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return data, nil
}

func (p infoPackage) RunExports() (r packages.RunExports, err error) {
	data, err := p.Info("run_exports.json")
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	return r, json.Unmarshal(data, &r)
}

// openInfo reads a real package, slowly and without care: the format packages are out of reach from here.
func openInfo(path string) (packages.Package, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var in io.Reader = bzip2.NewReader(bytes.NewReader(data))
	if strings.HasSuffix(path, ".conda") {
		z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return nil, err
		}
		for _, f := range z.File {
			if strings.HasPrefix(f.Name, "info-") {
				r, err := f.Open()
				if err != nil {
					return nil, err
				}
				if in, err = zstd.NewReader(r); err != nil {
					return nil, err
				}
			}
		}
	}
	p := infoPackage{members: map[string][]byte{}}
	for r := tar.NewReader(in); ; {
		h, err := r.Next()
		if err == io.EOF {
			return p, nil
		}
		if err != nil {
			return nil, err
		}
		if p.members[h.Name], err = io.ReadAll(r); err != nil {
			return nil, err
		}
	}
}

// textPackage opens a file that is nothing but an index.json.
func textPackage(path string) (packages.Package, error) {
	data, err := os.ReadFile(path)
	return infoPackage{members: map[string][]byte{"info/index.json": data}}, err
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

const indexA = `{"name":"a","version":"1","build":"0","build_number":0,"depends":["b >=2,<3.0a0"],"subdir":"linux-64","purls":["pkg:x/a@1&b"],"md5":"lie"}`

func TestIndexFolder(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "linux-64", "a-1-0.conda"), indexA)
	put(t, filepath.Join(dir, "linux-64", ".forge-tmp-1.conda"), "half")
	put(t, filepath.Join(dir, "docs", "readme.txt"), "no subdir")
	if err := IndexFolder(context.Background(), dir, textPackage, "linux-64"); err != nil {
		t.Fatal(err)
	}
	sum, _, _ := digest.OfFile(filepath.Join(dir, "linux-64", "a-1-0.conda"))
	want := `{
"info":{"subdir":"linux-64"},
"packages":{},
"packages.conda":{
"a-1-0.conda":{"build":"0","build_number":0,"depends":["b >=2,<3.0a0"],"md5":"MD5","name":"a","purls":["pkg:x/a@1&b"],"sha256":"SUM","size":SIZE,"subdir":"linux-64","version":"1"}
},
"removed":[],
"repodata_version":1
}
`
	got := read(t, dir, "linux-64", "repodata.json")
	md5At := strings.Index(got, `"md5":"`) + 7
	want = strings.NewReplacer("MD5", got[md5At:md5At+32], "SUM", sum.Hex(), "SIZE", "138").Replace(want)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff("{\n\"info\":{\"subdir\":\"linux-64\",\"version\":1},\n\"packages\":{},\n\"packages.conda\":{\n\"a-1-0.conda\":{\"run_exports\":{}}\n}\n}\n", read(t, dir, "linux-64", "run_exports.json")); d != "" {
		t.Error(d)
	}
	z, _ := zstd.NewReader(strings.NewReader(read(t, dir, "linux-64", "repodata.json.zst")))
	if plain, err := io.ReadAll(z); err != nil || string(plain) != got {
		t.Error("the .zst holds something else", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "noarch", "repodata.json")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "docs", "repodata.json")); err == nil {
		t.Error("docs was taken for a subdir")
	}
}

func TestIndexIsIncremental(t *testing.T) {
	dir, opened := t.TempDir(), 0
	path := filepath.Join(dir, "linux-64", "a-1-0.conda")
	put(t, path, indexA)
	open := func(p string) (packages.Package, error) { opened++; return textPackage(p) }
	index := func() {
		t.Helper()
		if err := IndexFolder(context.Background(), dir, open); err != nil {
			t.Fatal(err)
		}
	}
	index()
	// Where the cache is hardly younger than the file a change could hide, and the file is read again.
	young := must(os.Stat(path)).ModTime()
	if err := os.Chtimes(filepath.Join(dir, cacheFile), young, young); err != nil {
		t.Fatal(err)
	}
	index()
	if opened != 2 {
		t.Errorf("read %d times, want 2", opened)
	}
	if stat, _ := fileStat(must(os.Lstat(path))); stat == "" {
		t.Skip("this system has no file state to go by")
	}
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(dir, cacheFile), later, later); err != nil {
		t.Fatal(err)
	}
	old := must(os.Stat(filepath.Join(dir, "linux-64", "repodata.json")))
	index()
	if opened != 2 {
		t.Errorf("read %d times, want 2", opened)
	}
	if now := must(os.Stat(filepath.Join(dir, "linux-64", "repodata.json"))); !os.SameFile(old, now) {
		t.Error("an index that did not change was written")
	}
	put(t, filepath.Join(dir, "linux-64", "repodata.json.zst"), "spoilt")
	index()
	if !holds([]byte(read(t, dir, "linux-64", "repodata.json.zst")), []byte(read(t, dir, "linux-64", "repodata.json"))) {
		t.Error("a spoilt .zst was left")
	}
	// Other bytes of the same size, with the times of before, are seen.
	info := must(os.Stat(path))
	put(t, path+".new", strings.Replace(indexA, "b >=2", "b >=1", 1))
	if err := errors.Join(os.Chtimes(path+".new", info.ModTime(), info.ModTime()), os.Rename(path+".new", path)); err != nil {
		t.Fatal(err)
	}
	index()
	sum, _, _ := digest.OfFile(path)
	if got := read(t, dir, "linux-64", "repodata.json"); !strings.Contains(got, sum.Hex()) || !strings.Contains(got, "b >=1") {
		t.Error("a replaced package kept its old record")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	index()
	if got := read(t, dir, "linux-64", "repodata.json"); strings.Contains(got, "a-1-0") {
		t.Error("a package that is gone is still listed")
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestIndexRefuses(t *testing.T) {
	for name, c := range map[string]struct{ file, text string }{
		"no JSON":          {"a-1-0.conda", "PK"},
		"another name":     {"b-1-0.conda", indexA},
		"another subdir":   {"a-1-0.conda", strings.Replace(indexA, "linux-64", "win-64", 1)},
		"key twice":        {"a-1-0.conda", strings.Replace(indexA, `"md5"`, `"name":"z","md5"`, 1)},
		"trailing":         {"a-1-0.conda", indexA + "{}"},
		"number for text":  {"a-1-0.conda", strings.Replace(indexA, `"build":"0"`, `"build":0`, 1)},
		"depends a string": {"a-1-0.conda", strings.Replace(indexA, `["b >=2,<3.0a0"]`, `"b"`, 1)},
		"no version":       {"a-1-0.conda", strings.Replace(indexA, `"version":"1",`, ``, 1)},
	} {
		dir := t.TempDir()
		put(t, filepath.Join(dir, "linux-64", c.file), c.text)
		err := IndexFolder(context.Background(), dir, textPackage)
		if err == nil || !strings.Contains(err.Error(), c.file) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(dir, "linux-64", "repodata.json")); err == nil {
			t.Errorf("%s: an index was written", name)
		}
	}
}

func TestIndexAtOnce(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			name := string(rune('a' + i))
			path, text := filepath.Join(dir, "linux-64", name+"-1-0.conda"), `{"name":"`+name+`","version":"1","build":"0","build_number":0}`
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), fsx.WriteFile(path, []byte(text), 0o644)); err != nil {
				t.Error(err) // whole or not at all: the others are reading
			}
			if err := IndexFolder(context.Background(), dir, textPackage); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var data struct {
		Packages map[string]any `json:"packages.conda"`
	}
	if err := json.Unmarshal([]byte(read(t, dir, "linux-64", "repodata.json")), &data); err != nil || len(data.Packages) != 8 {
		t.Error(err, len(data.Packages))
	}
}

func publisher(t *testing.T, dir string) *Publisher {
	t.Helper()
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	keys, _, err := trust.LoadOrCreate(filepath.Join(t.TempDir(), "keys"), now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := keys.Public()
	if err != nil {
		t.Fatal(err)
	}
	return &Publisher{Dir: dir, Signer: keys, Keys: public, Now: func() time.Time { return now }}
}

func TestPut(t *testing.T) {
	dir := t.TempDir()
	p, ctx := publisher(t, dir), context.Background()
	file := filepath.Join(t.TempDir(), "blob")
	put(t, file, "package")
	sum := digest.Of([]byte("package"))
	state := func(base string) string {
		return base + "-1-0.conda"
	}
	statement := func(sum digest.Digest) []byte {
		return []byte(`{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"a-1-0.conda","digest":{"sha256":"` + sum.Hex() +
			`"}}],"predicateType":"https://slsa.dev/provenance/v1","predicate":{}}`)
	}
	do := func(sum digest.Digest) Placed {
		t.Helper()
		placed, err := p.Put(ctx, file, "linux-64", state("a"), sum, statement(sum), nil)
		if err != nil {
			t.Fatal(err)
		}
		if v := trust.VerifyArtifact(ctx, placed.Path, p.Keys, p.Now()); !v.Good {
			t.Fatal(v.Reason)
		}
		return placed
	}
	if placed := do(sum); !placed.Changed || placed.Replaced {
		t.Errorf("%+v", placed)
	}
	if placed := do(sum); placed.Changed {
		t.Errorf("written again: %+v", placed)
	}
	path := filepath.Join(dir, "linux-64", "a-1-0.conda")
	for _, spoil := range []string{"", trust.SuffixOpenPGP, trust.SuffixStatements} {
		put(t, path+spoil, "spoilt")
		if placed := do(sum); !placed.Changed || placed.Replaced != (spoil == "") {
			t.Errorf("%q: %+v", spoil, placed)
		}
	}
	put(t, file, "other")
	if placed := do(digest.Of([]byte("other"))); !placed.Replaced {
		t.Errorf("%+v", placed)
	}
	if _, err := p.Put(ctx, file, "linux-64", "a-1-0.conda", sum, statement(sum), nil); err == nil {
		t.Error("bytes of another digest were published")
	}
	if _, err := p.Put(ctx, file, "linux-64", "a-1-0.conda", digest.Of([]byte("other")), statement(sum), nil); err == nil {
		t.Error("a statement about another file was published")
	}
	if got := read(t, path); got != "other" {
		t.Errorf("a refused package was written: %q", got)
	}
	for _, name := range []string{"", ".", "..", "../x", "a/b", `a\b`, ".x"} {
		if _, err := p.Put(ctx, file, "linux-64", name, sum, nil, nil); err == nil {
			t.Errorf("%q: accepted", name)
		}
		if _, err := p.Put(ctx, file, name, "a", sum, nil, nil); err == nil {
			t.Errorf("folder %q: accepted", name)
		}
	}
}

// TestRattlerReadsTheIndex has py-rattler solve and install from a channel that we indexed.
func TestRattlerReadsTheIndex(t *testing.T) {
	shared := os.Getenv("FORGE_SHARED")
	if shared == "" {
		shared = "../../shared"
	}
	python := os.Getenv("FORGE_RATTLER_PYTHON") // of an environment with py-rattler
	if python == "" {
		python = "python3"
	}
	from := filepath.Join(shared, "vectors", "rattler-build", "packages", "_channel")
	if _, err := os.Stat(from); err != nil {
		t.Skip("no shared vectors here")
	}
	if exec.Command(python, "-c", "import rattler").Run() != nil {
		t.Skip("py-rattler is not installed: name a python that has it in FORGE_RATTLER_PYTHON")
	}
	dir := t.TempDir()
	for _, subdir := range []string{"linux-64", "noarch"} {
		files, _ := filepath.Glob(filepath.Join(from, subdir, "*.conda"))
		for _, f := range files {
			put(t, filepath.Join(dir, subdir, filepath.Base(f)), read(t, f))
		}
	}
	if err := IndexFolder(context.Background(), dir, openInfo); err != nil {
		t.Fatal(err)
	}
	script := `
import asyncio, pathlib, sys, rattler
async def main():
    records = await rattler.solve(sources=[rattler.Channel(pathlib.Path(sys.argv[1]).as_uri())], specs=["noarch-generic", "deps-noarch"],
        platforms=["linux-64", "noarch"], virtual_packages=rattler.VirtualPackage.detect())
    await rattler.install(records=records, target_prefix=sys.argv[2], cache_dir=sys.argv[3])
    print(sorted(r.name.normalized for r in records))
asyncio.run(main())
`
	out, err := exec.Command(python, "-c", script, dir, filepath.Join(t.TempDir(), "p"), filepath.Join(t.TempDir(), "c")).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "noarch-generic") {
		t.Errorf("%v\n%s", err, out)
	}
}
