package conda

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"forge/digest"
	"forge/packages"
	"forge/platforms/elf"

	"github.com/google/go-cmp/cmp"
)

// placeholder is a prefix of 255 characters, as builds have it.
var placeholder = "/opt/forge-host" + strings.Repeat("_placehold", 24)

const testEpoch = 1700000000

// stage lays files out in a folder that a build would call placeholder. PREFIX in a text is the placeholder.
func stage(t testing.TB, files map[string]string) string {
	root := t.TempDir()
	for name, text := range files {
		p := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		text = strings.ReplaceAll(text, "PREFIX", placeholder)
		if target, ok := strings.CutPrefix(text, "-> "); ok {
			os.Symlink(target, p)
			continue
		}
		perm := os.FileMode(0o644)
		if strings.HasPrefix(text, "#!") {
			perm = 0o755
		}
		if err := os.WriteFile(p, []byte(text), perm); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func below(t testing.TB, root string) []string {
	var out []string
	filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if rel, _ := filepath.Rel(root, p); rel != "." && !d.IsDir() {
			out = append(out, filepath.ToSlash(rel))
		}
		return err
	})
	return out
}

func manifest(t testing.TB, rec packages.Record, root string, opts packages.CollectOptions) *packages.Manifest {
	files, warnings, err := packages.Collect(root, placeholder, below(t, root), opts)
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	m := &packages.Manifest{Record: rec, Files: files, Epoch: testEpoch,
		About: packages.About{License: "MIT", Summary: "<test> & co", Home: []string{"https://h.example/"}},
		Info:  map[string][]byte{"recipe/recipe.yaml": []byte("x"), "tests/tests.yaml": []byte("[]\n"), "hash_input.json": []byte("{}")}}
	if opts.NoArch == "python" {
		m.NoArchLink = &packages.NoArchLink{EntryPoints: opts.EntryPoints}
	}
	return m
}

// channel writes packages twice, compares, and makes a repodata.json of each subdir.
func channel(t testing.TB, kind string, list ...*packages.Manifest) string {
	dir := t.TempDir()
	f, err := New(kind, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, sub := range []string{"linux-64", "noarch"} {
		records := map[string]any{}
		os.MkdirAll(filepath.Join(dir, sub), 0o755)
		for _, m := range list {
			if m.Record.Subdir != sub {
				continue
			}
			var a, b bytes.Buffer
			if err := f.Write(context.Background(), m, &a); err != nil {
				t.Fatal(err)
			}
			f.Write(context.Background(), m, &b)
			if !bytes.Equal(a.Bytes(), b.Bytes()) {
				t.Fatalf("%s: two archives of one manifest differ", &m.Record)
			}
			name := m.Record.String() + f.Extension()
			os.WriteFile(filepath.Join(dir, sub, name), a.Bytes(), 0o644)
			sum := md5.Sum(a.Bytes())
			rec := m.Record
			rec.SHA256, rec.MD5, rec.Size = digest.Of(a.Bytes()).Hex(), hex.EncodeToString(sum[:]), int64(a.Len())
			rec.Timestamp = testEpoch * 1000
			records[name] = rec
		}
		key := map[string]string{V2: "packages.conda", V1: "packages"}[kind]
		data := map[string]any{"info": map[string]string{"subdir": sub}, "packages": map[string]any{}, "packages.conda": map[string]any{}, "repodata_version": 1}
		data[key] = records
		b, _ := json.MarshalIndent(data, "", " ")
		os.WriteFile(filepath.Join(dir, sub, "repodata.json"), b, 0o644)
	}
	return dir
}

// testPackages are a compiled one, one of texts and links, a python and a noarch package on it.
func testPackages(t testing.TB) []*packages.Manifest {
	rec := func(name string, depends ...string) packages.Record {
		return packages.Record{Name: name, Version: "1.0", Build: "h0_0", Subdir: "linux-64", Arch: "x86_64", Platform: "linux", Depends: append([]string{}, depends...)}
	}
	texts := stage(t, map[string]string{
		"bin/plain":          "#!/bin/sh\necho plain PREFIX\n",
		"bin/shebang":        "#!PREFIX/bin/prog -x\nPREFIX/bin\n",
		"bin/spaced":         "#! PREFIX/bin/prog   -a -b\n",
		"bin/own":            "#!PREFIX/bin/plain",
		"lib/pkgconfig/a.pc": "prefix=PREFIX\nlibdir=PREFIX/lib\n",
		"lib/libx.so.1":      "lib",
		"lib/libx.so":        "-> libx.so.1",
		"lib/abs":            "-> PREFIX/lib/libx.so.1",
		"share/bin1":         "A\x00PREFIX/share:PREFIX/lib\x00B\x00PREFIX",
		"share/bin2":         "\x00PREFIX",
		"share/with space/ü": "u",
		"share/empty":        "",
		"share/dropped.la":   "x",
		"share/" + strings.Repeat("long-name/", 15) + "file": "deep",
	})
	python := rec("python")
	python.Version = "3.11.9"
	py := stage(t, map[string]string{
		"bin/python3.11":       "#!/bin/sh\nPYTHONPATH=\"PREFIX/lib/python3.11/site-packages\" exec /usr/bin/python3.11 \"$@\"\n",
		"bin/python":           "-> python3.11",
		"lib/python3.11/os.py": "p\n",
	})
	np := rec("np", "python")
	np.Subdir, np.NoArch, np.Arch, np.Platform = "noarch", "python", "", ""
	npDir := stage(t, map[string]string{
		"lib/python3.11/site-packages/npkg/__init__.py":                   "def run():\n    print('np runs')\n",
		"lib/python3.11/site-packages/npkg/__pycache__/x.cpython-311.pyc": "\x00",
		"lib/python3.11/site-packages/npkg-1.0.dist-info/INSTALLER":       "pip\n",
		"lib/python3.11/site-packages/npkg/where.txt":                     "PREFIX/x",
		"bin/np-run":  "#!PREFIX/bin/python3.11\nmade by pip\n",
		"bin/np-tool": "#!PREFIX/bin/python3.11 -E\nprint('tool')\n",
	})
	list := []*packages.Manifest{
		manifest(t, rec("texts"), texts, packages.CollectOptions{}),
		manifest(t, python, py, packages.CollectOptions{}),
		manifest(t, np, npDir, packages.CollectOptions{NoArch: "python", EntryPoints: []string{"np-run = npkg:run"}}),
	}
	if gcc, err := exec.LookPath("gcc"); err == nil {
		list = append(list, manifest(t, rec("prog"), compiled(t, gcc), packages.CollectOptions{}))
	}
	return list
}

// compiled is a program whose library has the prefix in it, found by a run path made relative.
func compiled(t testing.TB, gcc string) string {
	root := stage(t, map[string]string{"include/p.h": "const char *p(void);\n"})
	src := t.TempDir()
	os.WriteFile(filepath.Join(src, "p.c"), []byte("const char *p(void){return DATADIR;}"), 0o644)
	os.WriteFile(filepath.Join(src, "m.c"), []byte("int puts(const char*); const char *p(void); int main(void){puts(p());return 0;}"), 0o644)
	os.MkdirAll(filepath.Join(root, "bin"), 0o755)
	os.MkdirAll(filepath.Join(root, "lib"), 0o755)
	for _, args := range [][]string{
		{"-shared", "-fPIC", "-DDATADIR=\"" + placeholder + "/share\"", "-o", root + "/lib/libp.so", src + "/p.c"},
		{"-o", root + "/bin/showp", src + "/m.c", "-L" + root + "/lib", "-lp", "-Wl,-rpath," + placeholder + "/lib"},
	} {
		if out, err := exec.Command(gcc, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s", out)
		}
	}
	for _, p := range []string{"bin/showp", "lib/libp.so"} {
		name := filepath.Join(root, p)
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := elf.Open(b)
		if err != nil {
			t.Fatal(err)
		}
		out, _, err := f.Relocate(elf.Relocation{Prefix: placeholder, Path: p, Want: []string{"lib"}})
		if err != nil {
			t.Fatal(err)
		}
		if err := elf.ReplaceFile(name, out); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// tree describes an installed prefix without what clients add for themselves.
func tree(t testing.TB, root string) []string {
	var out []string
	for _, rel := range below(t, root) {
		if strings.HasPrefix(rel, "conda-meta/") || rel == "CACHEDIR.TAG" || strings.Contains(rel, "__pycache__") || rel == ".condarc" {
			continue
		}
		p := filepath.Join(root, rel)
		st, _ := os.Lstat(p)
		if st.Mode()&fs.ModeSymlink != 0 {
			target, _ := os.Readlink(p)
			out = append(out, rel+" -> "+target)
			continue
		}
		b, _ := os.ReadFile(p)
		text := digest.Of(b).Short()
		if len(b) < 2000 {
			text = fmt.Sprintf("%q", strings.ReplaceAll(string(b), root, "ROOT"))
		}
		out = append(out, fmt.Sprintf("%s exec=%v %s", rel, st.Mode()&0o100 != 0, text))
	}
	sort.Strings(out)
	return out
}

// client installs specs from a channel into a prefix.
type client struct {
	name, env string
	install   func(program, channel, prefix string) *exec.Cmd
}

func clients() []client {
	const script = `
import asyncio, sys, pathlib, rattler
async def main(channel, prefix, *specs):
    records = await rattler.solve(sources=[rattler.Channel(pathlib.Path(channel).resolve().as_uri())], specs=list(specs), platforms=["linux-64", "noarch"], virtual_packages=rattler.VirtualPackage.detect())
    await rattler.install(records=records, target_prefix=prefix, cache_dir=channel + ".cache", show_progress=False)
asyncio.run(main(*sys.argv[1:]))
sys.stdout.flush()
import os; os._exit(0) # its threads do not survive the end of Python
`
	specs := []string{"texts", "prog", "np", "python"}
	return []client{
		{"rattler", "FORGE_RATTLER_PYTHON", func(program, channel, prefix string) *exec.Cmd {
			return exec.Command(program, append([]string{"-c", script, channel, prefix}, specs...)...)
		}},
		{"conda", "FORGE_CONDA", func(program, channel, prefix string) *exec.Cmd {
			return exec.Command(program, append([]string{"create", "-y", "-p", prefix, "-c", "file://" + channel, "--override-channels", "--copy"}, specs...)...)
		}},
	}
}

// The clients themselves install what is written here, into a short and a long prefix, the programs run
// there, and Unpack makes the same files.
func TestClientsInstall(t *testing.T) {
	list := testPackages(t)
	for _, c := range clients() {
		program := os.Getenv(c.env)
		for _, kind := range []string{V2, V1} {
			for _, length := range []int{0, 1, 150, 254} {
				t.Run(fmt.Sprintf("%s/%s/%d", c.name, kind, length), func(t *testing.T) {
					if program == "" {
						t.Skip(c.env + " names no program")
					}
					dir := channel(t, kind, list...)
					prefix := filepath.Join(t.TempDir(), "p")
					if length == 1 {
						prefix += " with a blank"
					}
					if n := length - len(prefix); n > 0 {
						prefix += strings.Repeat("q", n)
					}
					cmd := c.install(program, dir, prefix)
					cmd.Env = append(os.Environ(), "CONDA_PKGS_DIRS="+dir+".pkgs")
					out, err := cmd.CombinedOutput()
					if err != nil {
						t.Fatalf("%v\n%s", err, out)
					}
					for prog, want := range map[string]string{"showp": prefix + "/share\n", "np-run": "np runs\n", "plain": "plain " + prefix + "\n"} {
						if out, err := exec.Command(filepath.Join(prefix, "bin", prog)).CombinedOutput(); err != nil || string(out) != want {
							t.Errorf("%s: %v %q", prog, err, out)
						}
					}
					ours := filepath.Join(filepath.Dir(prefix), "ours")
					os.Mkdir(ours, 0o755)
					for _, m := range list {
						p := open(t, filepath.Join(dir, m.Record.Subdir, m.Record.String()+map[string]string{V1: extV1, V2: extV2}[kind]))
						if _, err := p.Unpack(context.Background(), ours, prefix, "3.11", nil); err != nil {
							t.Fatal(err)
						}
					}
					want, got := tree(t, prefix), tree(t, ours)
					got = mapStrings(got, func(s string) string { return strings.ReplaceAll(s, prefix, "ROOT") })
					if c.name == "conda" {
						want, got = withoutStyle(want), withoutStyle(got)
					}
					if d := cmp.Diff(want, got); d != "" {
						t.Error(d)
					}
				})
			}
		}
	}
}

// withoutStyle leaves out where conda differs from rattler: the blanks in entry points, #! lines that are
// too long or hold a blank, and a placeholder at the end of a file without a NUL, which conda does not replace.
func withoutStyle(list []string) []string {
	return slices.DeleteFunc(list, func(s string) bool {
		name, _, _ := strings.Cut(s, " ")
		return slices.Contains([]string{"bin/np-run", "bin/np-tool", "bin/own", "bin/shebang", "bin/spaced", "share/bin1", "share/bin2"}, name)
	})
}

func mapStrings(list []string, f func(string) string) []string {
	for i := range list {
		list[i] = f(list[i])
	}
	return list
}
