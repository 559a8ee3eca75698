package packages

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"forge/digest"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"
)

const testPrefix = "/opt/host_placehold"

func put(t testing.TB, root, name, text string, perm os.FileMode) {
	t.Helper()
	p := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	os.Chmod(p, perm)
}

func all(t testing.TB, root string) []string {
	var out []string
	filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if rel, _ := filepath.Rel(root, p); rel != "." {
			out = append(out, filepath.ToSlash(rel))
		}
		return nil
	})
	return out
}

func describe(files []File) []string {
	var out []string
	for _, f := range files {
		s := fmt.Sprintf("%c %s %d", f.Kind, f.Path, f.Size)
		if f.Target != "" {
			s += " -> " + f.Target
		}
		if f.FileMode != NoPrefix {
			s += " " + string(f.FileMode)
		}
		out = append(out, s)
	}
	return out
}

func TestCollect(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes, links and names here are those of Unix")
	}
	root := t.TempDir()
	put(t, root, "bin/tool", "#!"+testPrefix+"/bin/sh\n", 0o4700)
	put(t, root, "lib/a-1/x", "1", 0o600)
	put(t, root, "lib/a/x", "1", 0o444)
	put(t, root, "lib/lib.so", "\x00"+testPrefix+"/lib\x00", 0o755)
	put(t, root, "lib/lib.la", "x", 0o644)
	put(t, root, "lib/x.pyo", "x", 0o644)
	put(t, root, "share/info/dir", "x", 0o644)
	put(t, root, "share/.gitignore", "x", 0o644)
	put(t, root, "share/.git/config", "x", 0o644)
	put(t, root, "share/.DS_Store", "x", 0o644)
	os.MkdirAll(filepath.Join(root, "empty/folder"), 0o755)
	os.Link(filepath.Join(root, "lib/a/x"), filepath.Join(root, "lib/hard"))
	for name, target := range map[string]string{
		"lib/abs": testPrefix + "/bin/tool", "lib/rel": "../bin/tool", "lib/dir": testPrefix, "lib/nowhere": "x/y",
		"lib/chain": "abs", "lib/staged": root + "/lib/a",
	} {
		os.Symlink(target, filepath.Join(root, name))
	}
	files, warnings, err := Collect(root, testPrefix, all(t, root), CollectOptions{NoLink: []string{"bin/"}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"x bin/tool 29 text", "f lib/a/x 1", "f lib/a-1/x 1", "l lib/abs 11 -> ../bin/tool", "l lib/chain 3 -> abs",
		"l lib/dir 2 -> ..", "f lib/hard 1", "x lib/lib.so 25 binary", "l lib/nowhere 3 -> x/y", "l lib/rel 11 -> ../bin/tool",
		"l lib/staged 1 -> a",
	}
	if d := cmp.Diff(want, describe(files)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{`"lib/nowhere": the link to "x/y" leads nowhere`}, warnings); d != "" {
		t.Error(d)
	}
	if !files[0].NoLink || files[1].NoLink || files[0].Prefix != testPrefix {
		t.Errorf("%+v", files[0])
	}
	if files[4].Sum != files[0].Sum || files[5].Sum != digest.Of(nil) || files[8].Sum != digest.Of(nil) {
		t.Error("a link's sum is not that of what it leads to")
	}
}

func TestCollectRefuses(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes, links and names here are those of Unix")
	}
	root := t.TempDir()
	for _, name := range []string{`a\b`, "a\nb", "a\x1bb", "a\xffb", "a\u202eb"} {
		put(t, root, name, "", 0o644)
	}
	os.Symlink("/etc/passwd", filepath.Join(root, "l1"))
	os.Symlink("../x", filepath.Join(root, "l2"))
	os.Symlink(testPrefix+"/../x", filepath.Join(root, "l3"))
	os.Mkdir(filepath.Join(root, "dir"), 0o755)
	os.Symlink("..", filepath.Join(root, "dir/up"))
	os.Symlink("dir/up/../x", filepath.Join(root, "l4"))
	exec.Command("mkfifo", filepath.Join(root, "fifo")).Run()
	paths := append(all(t, root), "../outside", "/etc/passwd", "missing")
	files, _, err := Collect(root, testPrefix, paths, CollectOptions{})
	paths = slices.DeleteFunc(paths, func(p string) bool { return p == "dir" || p == "dir/up" })
	if len(files) != 1 || err == nil {
		t.Fatal(describe(files), err)
	}
	if got := strings.Count(err.Error(), "\n") + 1; got != len(paths) {
		t.Errorf("%d errors for %d paths: %v", got, len(paths), err)
	}
}

func TestCollectCase(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes, links and names here are those of Unix")
	}
	root := t.TempDir()
	put(t, root, "share/A", "", 0o644)
	put(t, root, "share/a", "", 0o644)
	if _, w, err := Collect(root, testPrefix, all(t, root), CollectOptions{}); err != nil || len(w) != 0 {
		t.Error(w, err)
	}
	if _, w, err := Collect(root, testPrefix, all(t, root), CollectOptions{NoArch: "generic"}); err != nil || len(w) != 1 {
		t.Error(w, err)
	}
	if _, _, err := Collect(root, testPrefix, all(t, root), CollectOptions{OneCase: true}); err == nil {
		t.Error("two names that differ in case are accepted")
	}
}

func TestCollectWarns(t *testing.T) {
	root := t.TempDir()
	put(t, root, "bin/go", "\x7fELF\x00\x00\x00\x00"+strings.Repeat("x", 300<<10)+"\xff Go buildinf:"+testPrefix, 0o755)
	put(t, root, "bin/c", "\x7fELF\x00\x00\x00\x00"+testPrefix, 0o755)
	_, w, err := Collect(root, testPrefix, all(t, root), CollectOptions{})
	if err != nil || len(w) != 1 || !strings.Contains(w[0], "the Go program holds the prefix") {
		t.Error(w, err)
	}
	if _, w, err = Collect(root, testPrefix, all(t, root), CollectOptions{NoArch: "generic"}); err != nil || len(w) != 3 {
		t.Error(w, err)
	}
}

func TestCollectDirectURL(t *testing.T) {
	const record = "six.py,sha256=x,9\nsix-1.17.0.dist-info/INSTALLER,sha256=y,4\n%ssix-1.17.0.dist-info/RECORD,,\n"
	const line = "six-1.17.0.dist-info/direct_url.json,sha256=z,7\n"
	tests := map[string]struct {
		direct string
		kept   bool
	}{
		"work folder":  {`{"dir_info": {}, "url": "file:///forge/work"}`, false},
		"wheel":        {`{"archive_info": {}, "url": "file:///tmp/six.whl"}`, false},
		"repository":   {`{"url": "https://host/six.git", "vcs_info": {"vcs": "git", "commit_id": "1"}}`, true},
		"no such JSON": {`file:///forge/work`, true},
	}
	for name, tt := range tests {
		for _, noarch := range []string{"", "python"} {
			t.Run(name+" "+noarch, func(t *testing.T) {
				root, site := t.TempDir(), "lib/python3.11/site-packages/"
				info := site + "six-1.17.0.dist-info/"
				put(t, root, info+"INSTALLER", "pip\n", 0o644)
				put(t, root, info+"RECORD", fmt.Sprintf(record, line), 0o644)
				put(t, root, info+"direct_url.json", tt.direct, 0o644)
				put(t, root, "share/six/direct_url.json", tt.direct, 0o644)
				files, w, err := Collect(root, testPrefix, all(t, root), CollectOptions{NoArch: noarch})
				if err != nil || len(w) != 0 {
					t.Fatal(w, err)
				}
				want := fmt.Sprintf(record, "")
				kept := 1
				if tt.kept {
					want, kept = fmt.Sprintf(record, line), 2
				}
				for _, f := range files {
					switch path.Base(f.Path) {
					case "direct_url.json":
						kept--
					case "INSTALLER":
						want := digest.Of([]byte("conda\n"))
						if f.Sum != want {
							t.Errorf("INSTALLER %q", f.Data)
						}
					case "RECORD":
						if f.Sum != digest.Of([]byte(want)) || f.Size != int64(len(want)) || f.FileMode != NoPrefix {
							t.Errorf("RECORD %q, %d bytes; want %q", f.Data, f.Size, want)
						}
					}
				}
				if kept != 0 {
					t.Errorf("%d files direct_url.json too few", kept)
				}
			})
		}
	}
}

// A placeholder is found wherever the blocks of the reader end.
func TestScanAcrossBlocks(t *testing.T) {
	for _, at := range []int{0, 1, 256<<10 - 20, 256<<10 - 5, 256 << 10, 256<<10 + 14, 512<<10 - 3} {
		text := strings.Repeat("x", at) + testPrefix + strings.Repeat("y", 300<<10)
		s, err := newReader().scan(strings.NewReader(text), int64(len(text)), newFinder(testPrefix), nil)
		if err != nil || !s.prefix || s.nul || s.size != int64(len(text)) || s.sum != digest.Of([]byte(text)) {
			t.Errorf("at %d: %+v %v", at, s, err)
		}
	}
}

// The tiny recipes of the vectors, run here, give the paths.json that rattler-build made of them.
func TestCollectAsRattlerBuild(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes, links and names here are those of Unix")
	}
	base := os.Getenv("FORGE_SHARED")
	if base == "" {
		base = "../../shared"
		if _, err := os.Stat(base); err != nil {
			base = "../../../shared"
		}
	}
	base = filepath.Join(base, "vectors/rattler-build/packages")
	if _, err := os.Stat(base); err != nil {
		t.Skip("the vectors (shared/vectors/rattler-build) are not here")
	}
	opts := map[string]CollectOptions{
		"links": {}, "modes": {}, "empty-dirs": {}, "prefix-text": {}, "prefix-binary": {}, "noarch-generic": {NoArch: "generic"},
		"noarch-python":    {NoArch: "python", EntryPoints: []string{"np-run = npkg.main:run", "np-two=npkg.sub.mod:two"}},
		"prefix-detection": {Prefix: PrefixOptions{ForceText: []string{"share/force.txt"}, ForceBinary: []string{"share/force.bin"}, Ignore: []string{"share/ignored.txt"}}},
	}
	for name, o := range opts {
		t.Run(name, func(t *testing.T) {
			root := filepath.Join(t.TempDir(), strings.Repeat("placehold_", 14))
			root += strings.Repeat("p", 255-len(root))
			os.MkdirAll(root, 0o755)
			script(t, filepath.Join(base, name, "recipe.yaml"), root)
			files, _, err := Collect(root, root, all(t, root), o)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(vector(t, filepath.Join(base, name, "info/paths.json")), lines(files)); d != "" {
				t.Error(d)
			}
		})
	}
}

func script(t *testing.T, recipe, prefix string) {
	b, err := os.ReadFile(recipe)
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Build struct{ Script yaml.Node }
	}
	if err := yaml.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	text := r.Build.Script.Value
	for _, n := range r.Build.Script.Content {
		text += n.Value + "\n"
	}
	cmd := exec.Command("bash", "-e", "-c", text)
	cmd.Env = append(os.Environ(), "PREFIX="+prefix, "SRC_DIR=/s"+strings.Repeat("r", 79), "BUILD_PREFIX=/b"+strings.Repeat("p", 84))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s", out)
	}
}

func line(path, kind string, mode FileMode, prefix bool, size int64, sum string) string {
	if prefix || strings.HasSuffix(path, "srcdir.txt") || strings.HasSuffix(path, "buildprefix.txt") || strings.HasSuffix(path, "utf16.txt") || strings.HasSuffix(path, "ignored.txt") {
		sum = "of its own"
	}
	return fmt.Sprintf("%s %s %s %v %d %s", path, kind, mode, prefix, size, sum)
}

func lines(files []File) []string {
	var out []string
	for _, f := range files {
		kind := "hardlink"
		if f.Kind == digest.Symlink {
			kind = "softlink"
		}
		out = append(out, line(f.Path, kind, f.FileMode, f.Prefix != "", f.Size, f.Sum.Hex()))
	}
	return out
}

func vector(t *testing.T, path string) []string {
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Paths []struct {
			Path   string   `json:"_path"`
			Type   string   `json:"path_type"`
			Mode   FileMode `json:"file_mode"`
			Prefix string   `json:"prefix_placeholder"`
			SHA256 string   `json:"sha256"`
			Size   int64    `json:"size_in_bytes"`
		}
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, p := range v.Paths {
		out = append(out, line(p.Path, p.Type, p.Mode, p.Prefix != "", p.Size, p.SHA256))
	}
	return out
}

// What could not be read ahead is inspected when it is read after all.
func TestScanInspects(t *testing.T) {
	root := t.TempDir()
	put(t, root, "bin/tool", "#!/bin/sh\n", 0o755)
	put(t, root, "bin/other", "#!/bin/sh\n", 0o755)
	dir, err := os.OpenRoot(root)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	var given []string
	c := &collector{dir: dir, root: root, finder: newFinder(testPrefix), paths: []string{"bin/tool"}, ahead: make([]seen, 1), others: map[string]*seen{},
		opts: CollectOptions{Inspect: func(p string, data []byte) ([]byte, error) {
			given = append(given, p)
			return append(data, "# inspected\n"...), nil
		}}}
	for _, p := range []string{"bin/tool", "bin/other", "bin/tool", "bin/other"} { // the other is a dependency's
		if _, err := c.scan(p); err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff([]string{"bin/tool"}, given); d != "" || c.ahead[0].sum != digest.Of([]byte("#!/bin/sh\n# inspected\n")) {
		t.Error(d, c.ahead[0])
	}
}
