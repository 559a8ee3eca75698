package archive

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var stamp = time.Date(2021, 3, 4, 5, 6, 8, 0, time.UTC)

type entry struct {
	typ          byte
	name, target string
	mode         int64
	body         string
}

func reg(name, body string) entry    { return entry{tar.TypeReg, name, "", 0o644, body} }
func sym(name, target string) entry  { return entry{tar.TypeSymlink, name, target, 0o777, ""} }
func hard(name, target string) entry { return entry{tar.TypeLink, name, target, 0o644, ""} }
func dir(name string) entry          { return entry{tar.TypeDir, name + "/", "", 0o700, ""} }

func tarOf(t testing.TB, list ...entry) []byte {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for i, e := range list {
		h := &tar.Header{Typeflag: e.typ, Name: e.name, Linkname: e.target, Mode: e.mode,
			Size: int64(len(e.body)), ModTime: stamp.Add(time.Duration(-i) * time.Minute)}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(e.body))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func gz(b []byte) []byte {
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	w.Write(b)
	w.Close()
	return buf.Bytes()
}

// list describes a folder: mode, path, content or target, mtime.
func list(t testing.TB, root string) []string {
	var out []string
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == root {
			return err
		}
		rel, _ := filepath.Rel(root, p)
		info, err := d.Info()
		if err != nil {
			return err
		}
		what := ""
		switch {
		case d.Type()&fs.ModeSymlink != 0:
			what, _ = os.Readlink(p)
			out = append(out, fmt.Sprintf("link %s -> %s %s", rel, what, info.ModTime().UTC().Format("15:04")))
			return nil
		case !d.IsDir():
			b, _ := os.ReadFile(p)
			what = string(b)
		}
		out = append(out, strings.TrimRight(fmt.Sprintf("%v %s %s %s", info.Mode(), rel, info.ModTime().UTC().Format("15:04"), what), " "))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func extract(t testing.TB, b []byte, name string, opts Options) (string, Info, error) {
	tmp := t.TempDir()
	src := filepath.Join(tmp, "src")
	if err := os.WriteFile(src, b, 0o600); err != nil {
		t.Fatal(err)
	}
	dst := filepath.Join(tmp, "dst")
	info, err := Extract(context.Background(), src, name, dst, opts)
	return dst, info, err
}

func TestExtract(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the modes here are those of Unix")
	}
	b := tarOf(t, dir("top"), entry{tar.TypeReg, "top/run", "", 0o4711, "hi"}, reg("./top/a/b", "deep"),
		sym("top/l", "a/b"), hard("top/h", "top/run"), sym("top/dangling", "nowhere"))
	dst, info, err := extract(t, gz(b), "x.tar.gz", Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"drwxr-xr-x top 05:06",
		"drwxr-xr-x top/a 05:04",
		"-rw-r--r-- top/a/b 05:04 deep",
		"link top/dangling -> nowhere 05:01",
		"-rwxr-xr-x top/h 05:05 hi",
		"link top/l -> a/b 05:03",
		"-rwxr-xr-x top/run 05:05 hi",
	}
	if d := cmp.Diff(want, list(t, dst)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(Info{Format: "tar.gz", Entries: 6, Bytes: 6, Newest: stamp, Top: "top"}, info); d != "" {
		t.Error(d)
	}
	dst, _, err = extract(t, gz(b), "x.tar.gz", Options{StripTop: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dst, "a/b")); err != nil {
		t.Error(err)
	}
}

// Formats as the real tools write them.
func TestFormats(t *testing.T) {
	plain := tarOf(t, dir("d"), reg("d/f", strings.Repeat("text ", 1000)))
	tools := map[string][]string{
		"tar": {"cat"}, "tar.gz": {"gzip", "-c"}, "tar.bz2": {"bzip2", "-c"}, "tar.xz": {"xz", "-c"},
		"tar.zst": {"zstd", "-c"}, "tar.lzma": {"xz", "--format=lzma", "-c"}, "tar.lz": {"lzip", "-c"},
		"tar.Z": {"compress", "-c"},
	}
	for name, argv := range tools {
		t.Run(name, func(t *testing.T) {
			if _, err := exec.LookPath(argv[0]); err != nil {
				t.Skip(argv[0] + " is not on this machine")
			}
			cmd := exec.Command(argv[0], argv[1:]...)
			cmd.Stdin = bytes.NewReader(plain)
			packed, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			_, info, err := extract(t, packed, "foo."+name, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(Info{Format: name, Entries: 2, Bytes: 5000, Newest: stamp, Top: "d"}, info); d != "" {
				t.Error(d)
			}
			for _, cut := range []int{1, 9, len(packed) / 2, len(packed) * 9 / 10} {
				if dst, _, err := extract(t, packed[:len(packed)-cut], "foo."+name, Options{}); err == nil && name != "tar.Z" && !(name == "tar" && cut < 512) {
					t.Errorf("cut by %d of %d bytes and accepted", cut, len(packed))
				} else if err != nil && len(list(t, dst)) != 0 {
					t.Errorf("cut by %d: left %v", cut, list(t, dst))
				}
			}
			if _, _, err := extract(t, append(bytes.Clone(packed), "garbage"...), "foo."+name, Options{}); err == nil && name != "tar.Z" {
				t.Error("garbage at the end is accepted")
			}
		})
	}
}

func TestRefused(t *testing.T) {
	long := strings.Repeat("n", 300)
	tests := map[string]struct {
		list []entry
		opts Options
		want string
	}{
		"parent":               {list: []entry{reg("../x", "")}, want: "climbs"},
		"parent inside":        {list: []entry{reg("a/../../x", "")}, want: "climbs"},
		"absolute":             {list: []entry{reg("/etc/x", "")}, want: "absolute"},
		"drive":                {list: []entry{reg("C:/x", "")}, want: "drive"},
		"backslash":            {list: []entry{reg(`..\x`, "")}, want: "backslash"},
		"newline":              {list: []entry{reg("a\nb", "")}, want: "control"},
		"escape":               {list: []entry{reg("a\x1b[31m", "")}, want: "control"},
		"bidi":                 {list: []entry{reg("a\u202eb", "")}, want: "control"},
		"utf8":                 {list: []entry{reg("a\xffb", "")}, want: "UTF-8"},
		"long":                 {list: []entry{reg(long, "")}, want: "longer"},
		"deep":                 {list: []entry{reg(strings.Repeat("d/", 500)+"x", "")}, want: "deep"},
		"link out":             {list: []entry{sym("l", "../x")}, want: "leads out"},
		"link absolute":        {list: []entry{sym("l", "/etc")}, want: "leads out"},
		"link drive":           {list: []entry{sym("l", `C:..\x`)}, want: "refused"},
		"link climbs by links": {list: []entry{sym("b", "."), sym("l", "b/b/b/../../..")}, want: "leads out"},
		"link by dir link":     {list: []entry{dir("d"), sym("d/e", ".."), sym("l", "d/e/../x")}, want: "leads out"},
		"write through":        {list: []entry{sym("l", "d"), dir("d"), reg("l/x", "")}, want: "no folder"},
		"write through file":   {list: []entry{reg("l", ""), reg("l/x", "")}, want: "no folder"},
		"hard link out":        {list: []entry{hard("h", "../x")}, want: "climbs"},
		"hard link absolute":   {list: []entry{hard("h", "/etc/passwd")}, want: "absolute"},
		"hard link missing":    {list: []entry{hard("h", "x")}, want: "no earlier file"},
		"fifo":                 {list: []entry{{tar.TypeFifo, "f", "", 0o644, ""}}, want: "only files"},
		"device":               {list: []entry{{tar.TypeBlock, "f", "", 0o644, ""}}, want: "only files"},
		"twice":                {list: []entry{reg("f", "1"), reg("f", "2")}, want: "twice"},
		"twice as ./":          {list: []entry{reg("f", "1"), reg("./f", "2")}, want: "twice"},
		"folder then file":     {list: []entry{dir("f"), reg("f", "2")}, want: "twice"},
		"file then link":       {list: []entry{reg("f", "1"), sym("f", "g")}, want: "twice"},
		"link then file":       {list: []entry{sym("f", "g"), reg("f", "1")}, want: "twice"},
		"case":                 {list: []entry{reg("A", ""), reg("a", "")}, opts: Options{OneCase: true}, want: "differ only"},
		"normal form":          {list: []entry{reg("\u00e9", ""), reg("e\u0301", "")}, opts: Options{OneCase: true}, want: "differ only"},
		"case of folder":       {list: []entry{reg("A/x", ""), reg("a/y", "")}, opts: Options{OneCase: true}, want: "differ only"},
		"bytes":                {list: []entry{reg("f", strings.Repeat("0", 100))}, opts: Options{Limits: Limits{Bytes: 99}}, want: "more than 99 bytes"},
		"entries":              {list: []entry{reg("f", ""), reg("g", "")}, opts: Options{Limits: Limits{Entries: 1}}, want: "more than 1 entries"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dst, _, err := extract(t, gz(tarOf(t, tt.list...)), "x.tgz", tt.opts)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
			if left := list(t, dst); len(left) != 0 {
				t.Errorf("left %v", left)
			}
		})
	}
}

func TestBomb(t *testing.T) {
	b := gz(tarOf(t, reg("zeros", strings.Repeat("\x00", 100<<20))))
	if _, _, err := extract(t, b, "x.tgz", Options{}); err == nil || !strings.Contains(err.Error(), "times its size") {
		t.Error(err)
	}
}

func TestAllowed(t *testing.T) {
	list1 := []entry{reg("f", "1"), reg("f", "2"), sym("l", "/usr/share/x"), sym("A", "f"), sym("a", "A")}
	opts := Options{LastWins: true, AllowLink: func(p, target string) bool { return p == "l" && target == "/usr/share/x" }}
	dst, _, err := extract(t, gz(tarOf(t, list1...)), "x.tgz", opts)
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(filepath.Join(dst, "a")); string(b) != "2" {
		t.Errorf("got %q", b)
	}
}

func TestNotAnArchive(t *testing.T) {
	for name, b := range map[string][]byte{"x.txt": []byte("hello"), "x.patch.gz": gz([]byte("--- a\n")), "empty": nil} {
		if _, _, err := extract(t, b, name, Options{}); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func zipOf(t testing.TB, names ...string) []byte {
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, n := range names {
		h := &zip.FileHeader{Name: n, Method: zip.Deflate, Modified: stamp}
		h.SetMode(0o755)
		f, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		f.Write([]byte("content of " + n))
	}
	w.Close()
	return buf.Bytes()
}

func TestZip(t *testing.T) {
	b := zipOf(t, "pkg/a", "pkg/b/c")
	dst, info, err := extract(t, b, "x.whl", Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"drwxr-xr-x pkg 05:06", "-rwxr-xr-x pkg/a 05:06 content of pkg/a", "drwxr-xr-x pkg/b 05:06",
		"-rwxr-xr-x pkg/b/c 05:06 content of pkg/b/c"}
	if d := cmp.Diff(want, list(t, dst)); d != "" {
		t.Error(d)
	}
	if info.Newest != stamp || info.Top != "pkg" {
		t.Errorf("%+v", info)
	}
	// The local header says another name than the directory.
	lied := bytes.Replace(b, []byte("pkg/a"), []byte("pkg/x"), 1)
	if _, _, err := extract(t, lied, "x.zip", Options{}); err == nil || !strings.Contains(err.Error(), "another name") {
		t.Error(err)
	}
	if _, _, err := extract(t, b[:len(b)-10], "x.zip", Options{}); err == nil {
		t.Error("cut zip is accepted")
	}
	for _, name := range []string{"../x", "/x", `a\b`} {
		if _, _, err := extract(t, zipOf(t, name), "x.zip", Options{}); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestSevenZip(t *testing.T) {
	if _, err := exec.LookPath("7z"); err != nil {
		t.Skip("7z is not on this machine")
	}
	tmp := t.TempDir()
	os.WriteFile(filepath.Join(tmp, "f"), []byte("seven"), 0o755)
	out := filepath.Join(tmp, "x.7z")
	cmd := exec.Command("7z", "a", out, "f")
	cmd.Dir = tmp
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Fatal(string(msg))
	}
	dst := filepath.Join(tmp, "dst")
	if _, err := Extract(context.Background(), out, "x.7z", dst, Options{}); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(filepath.Join(dst, "f")); string(b) != "seven" {
		t.Errorf("got %q", b)
	}
}

func TestNewest(t *testing.T) {
	src := filepath.Join(t.TempDir(), "x")
	os.WriteFile(src, gz(tarOf(t, reg("a", "1"), reg("b", "2"))), 0o600)
	got, err := Newest(context.Background(), src, "x.tgz")
	if err != nil || got != stamp {
		t.Errorf("%v %v", got, err)
	}
}

// A link in a zip is a file whose content is the target; what is refused of a tar is refused of it.
func TestZipLinks(t *testing.T) {
	make := func(target string) []byte {
		var buf bytes.Buffer
		w := zip.NewWriter(&buf)
		f, _ := w.CreateHeader(&zip.FileHeader{Name: "d/f", Modified: stamp})
		f.Write([]byte("x"))
		h := &zip.FileHeader{Name: "d/l", Modified: stamp}
		h.SetMode(fs.ModeSymlink | 0o777)
		f, _ = w.CreateHeader(h)
		f.Write([]byte(target))
		h = &zip.FileHeader{Name: "e/", Modified: stamp}
		h.SetMode(fs.ModeDir | 0o755)
		w.CreateHeader(h)
		w.Close()
		return buf.Bytes()
	}
	dst, _, err := extract(t, make("f"), "x.zip", Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"drwxr-xr-x d 05:06", "-rw-r--r-- d/f 05:06 x", "link d/l -> f 05:06", "drwxr-xr-x e 05:06"}
	if d := cmp.Diff(want, list(t, dst)); d != "" {
		t.Error(d)
	}
	if _, _, err := extract(t, make("../../x"), "x.zip", Options{}); err == nil || !strings.Contains(err.Error(), "leads out") {
		t.Error(err)
	}
}

func TestStripTop(t *testing.T) {
	for name, tt := range map[string]struct {
		list []entry
		want []string
	}{
		"one folder":          {[]entry{reg("p/a", "1"), reg("p/b/c", "2")}, []string{"-rw-r--r-- a 05:06 1", "drwxr-xr-x b 05:05", "-rw-r--r-- b/c 05:05 2"}},
		"a child of its name": {[]entry{reg("p/p/x", "1")}, []string{"drwxr-xr-x p 05:06", "-rw-r--r-- p/x 05:06 1"}},
		"two":                 {[]entry{reg("p/a", "1"), reg("q", "2")}, []string{"drwxr-xr-x p 05:06", "-rw-r--r-- p/a 05:06 1", "-rw-r--r-- q 05:05 2"}},
		"one file":            {[]entry{reg("p", "1")}, []string{"-rw-r--r-- p 05:06 1"}},
		"dot":                 {[]entry{dir("."), reg("./p/a", "1")}, []string{"-rw-r--r-- a 05:05 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			dst, _, err := extract(t, gz(tarOf(t, tt.list...)), "x.tgz", Options{StripTop: true})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, list(t, dst)); d != "" {
				t.Error(d)
			}
		})
	}
}

// What is written is the same twice, and what other readers expect.
func TestWrite(t *testing.T) {
	write := func() (tarred, zipped []byte) {
		var b, z bytes.Buffer
		w := NewTar(&b, stamp.Unix())
		long := strings.Repeat("folder/", 30) + "\u00fcber"
		for _, err := range []error{w.File("a", true, 1, strings.NewReader("x")), w.Symlink("b", "a"), w.Dir("c"),
			w.File(long, false, 0, strings.NewReader("")), w.Close()} {
			if err != nil {
				t.Fatal(err)
			}
		}
		zw := NewZip(&z, 0)
		if err := zw.File("m", 1, 0x8cdc1683, strings.NewReader("x")); err != nil {
			t.Fatal(err)
		}
		if err := zw.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes(), z.Bytes()
	}
	a, z := write()
	a2, z2 := write()
	if !bytes.Equal(a, a2) || !bytes.Equal(z, z2) {
		t.Error("two writings differ")
	}
	r := tar.NewReader(bytes.NewReader(a))
	var got []string
	for h, err := r.Next(); err == nil; h, err = r.Next() {
		got = append(got, fmt.Sprintf("%c %s %o %d:%d %q%q %d %s", h.Typeflag, path.Base(h.Name), h.Mode, h.Uid, h.Gid, h.Uname, h.Gname, h.ModTime.Unix()-stamp.Unix(), h.Linkname))
	}
	want := []string{`0 a 755 0:0 """" 0 `, `2 b 777 0:0 """" 0 a`, `5 c 755 0:0 """" 0 `, "0 \u00fcber 644 0:0 \"\"\"\" 0 "}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	files, err := StoredZip(bytes.NewReader(z), int64(len(z)))
	if err != nil || len(files) != 1 || files[0].Name != "m" || files[0].Modified.Year() != 1980 {
		t.Error(files, err)
	}
	w := NewTar(io.Discard, 0)
	if err := w.File("a", false, 2, strings.NewReader("x")); err == nil {
		t.Error("a file shorter than announced is packed")
	}
	if err := NewTar(io.Discard, 0).File("a", false, 1, strings.NewReader("xy")); err == nil {
		t.Error("a file longer than announced is packed")
	}
}

func TestReadTar(t *testing.T) {
	var got []string
	err := ReadTar(context.Background(), bytes.NewReader(gz(tarOf(t, reg("./a", "1"), hard("b", "./a"), sym("c", "/x")))), "gz", Limits{}, func(m *Member) error {
		got = append(got, fmt.Sprintf("%c %s %s", m.Kind, m.Name, m.Target))
		return nil
	})
	if d := cmp.Diff([]string{"f a ", "h b a", "l c /x"}, got); d != "" || err != nil {
		t.Error(d, err)
	}
}
