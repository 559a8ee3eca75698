package conda

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forge/digest"

	"github.com/klauspost/compress/zstd"
)

// crafted is an archive that is right but for what a test changes.
type crafted struct {
	index, paths, meta string
	info, payload      []*tar.Header
	bodies             map[string]string
	infoName, pkgName  string
	method             uint16
	extra              []string // further members of the zip
	link, runExports   string
	cut                int
	before             string // bytes before the zip
}

func good() *crafted {
	const body = "hello /ph/x\n"
	return &crafted{
		index: `{"name":"a","version":"1","build":"h_0","build_number":0,"subdir":"linux-64","depends":[]}`,
		paths: fmt.Sprintf(`{"paths":[{"_path":"bin/a","path_type":"hardlink","file_mode":"text","prefix_placeholder":"/ph","sha256":"%s","size_in_bytes":%d}],"paths_version":1}`,
			digest.Of([]byte(body)).Hex(), len(body)),
		meta:     metadata,
		payload:  []*tar.Header{{Name: "bin/a", Mode: 0o755}},
		bodies:   map[string]string{"bin/a": body},
		infoName: "info-a-1-h_0.tar.zst", pkgName: "pkg-a-1-h_0.tar.zst",
	}
}

// entry is a line of paths.json for a file of that content.
func (c *crafted) add(path, body string) *tar.Header {
	c.paths = strings.Replace(c.paths, `],"paths_version"`, fmt.Sprintf(`,{"_path":%q,"path_type":"hardlink","sha256":"%s","size_in_bytes":%d}],"paths_version"`,
		path, digest.Of([]byte(body)).Hex(), len(body)), 1)
	h := &tar.Header{Name: path, Mode: 0o644}
	c.payload = append(c.payload, h)
	c.bodies[path] = body
	return h
}

func (c *crafted) addLink(path, target string) {
	c.paths = strings.Replace(c.paths, `],"paths_version"`, fmt.Sprintf(`,{"_path":%q,"path_type":"softlink"}],"paths_version"`, path), 1)
	c.payload = append(c.payload, &tar.Header{Name: path, Typeflag: tar.TypeSymlink, Linkname: target})
}

func (c *crafted) tarOf(t testing.TB, list []*tar.Header) []byte {
	var b bytes.Buffer
	z, _ := zstd.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, h := range list {
		body := c.bodies[h.Name]
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(body))
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			io.WriteString(w, body)
		}
	}
	w.Close()
	z.Close()
	return b.Bytes()
}

func (c *crafted) write(t testing.TB, name string) string {
	info := append([]*tar.Header{{Name: "info/index.json"}, {Name: "info/paths.json"}}, c.info...)
	c.bodies["info/index.json"], c.bodies["info/paths.json"] = c.index, c.paths
	for n, text := range map[string]string{"info/link.json": c.link, "info/run_exports.json": c.runExports} {
		if text != "" {
			c.bodies[n] = text
			info = append(info, &tar.Header{Name: n})
		}
	}
	var b bytes.Buffer
	b.WriteString(c.before)
	w := zip.NewWriter(&b)
	w.SetOffset(int64(len(c.before)))
	put := func(name string, body []byte) {
		f, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: c.method})
		if err != nil {
			t.Fatal(err)
		}
		f.Write(body)
	}
	put("metadata.json", []byte(c.meta))
	put(c.pkgName, c.tarOf(t, c.payload))
	put(c.infoName, c.tarOf(t, info))
	for _, e := range c.extra {
		put(e, []byte("x"))
	}
	w.Close()
	p := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(p, b.Bytes()[:b.Len()-c.cut], 0o644); err != nil {
		t.Fatal(err)
	}
	return p
}

// use opens a package and does all that can be done with it, into a folder of its own.
func use(t testing.TB, path, prefix string) (string, error) {
	outer := t.TempDir()
	dir := filepath.Join(outer, "env")
	os.Mkdir(dir, 0o755)
	f, _ := New(V2, 0)
	p, err := f.Open(path)
	if err != nil {
		return outer, err
	}
	defer p.Close()
	_, derr := p.ContentDigest()
	_, err = p.Unpack(context.Background(), dir, prefix, "3.11", nil)
	if (derr == nil) != (err == nil) && !strings.Contains(fmt.Sprint(err), "prefix") && !strings.Contains(fmt.Sprint(err), "content") {
		t.Errorf("the digest says %v, the unpacking %v", derr, err)
	}
	return outer, err
}

func TestAttacks(t *testing.T) {
	tests := map[string]struct {
		change func(*crafted)
		want   string // in the error; empty where the archive is fine
	}{
		"good":                     {func(c *crafted) {}, ""},
		"tar for another":          {func(c *crafted) { c.infoName = "info-b-1-h_0.tar.zst" }, "named for"},
		"tars for another":         {func(c *crafted) { c.infoName, c.pkgName = "info-b-1-h_0.tar.zst", "pkg-b-1-h_0.tar.zst" }, "named for"},
		"extra member":             {func(c *crafted) { c.extra = []string{"x"} }, "no .conda has"},
		"second info":              {func(c *crafted) { c.extra = []string{"info-x-1-0.tar.zst"} }, "no .conda has"},
		"member twice":             {func(c *crafted) { c.extra = []string{"info-a-1-h_0.tar.zst"} }, "twice"},
		"deflated":                 {func(c *crafted) { c.method = zip.Deflate }, "stored"},
		"format version":           {func(c *crafted) { c.meta = `{"conda_pkg_format_version":3}` }, "version 3"},
		"something before":         {func(c *crafted) { c.before = "PK\x03\x04" + strings.Repeat("x", 60) }, "before the first"},
		"cut":                      {func(c *crafted) { c.cut = 3 }, "zip"},
		"index of another":         {func(c *crafted) { c.index = strings.Replace(c.index, `"1"`, `"2"`, 1) }, "index.json says"},
		"traversing version":       {func(c *crafted) { c.index = strings.Replace(c.index, `"1"`, `"../../x"`, 1) }, "version"},
		"traversing build":         {func(c *crafted) { c.index = strings.Replace(c.index, `"h_0"`, `"/../x"`, 1) }, "build string"},
		"traversing subdir":        {func(c *crafted) { c.index = strings.Replace(c.index, `linux-64`, `../x`, 1) }, "subdir"},
		"noarch unknown":           {func(c *crafted) { c.index = strings.Replace(c.index, `{`, `{"noarch":"x",`, 1) }, "noarch"},
		"sha differs":              {func(c *crafted) { c.bodies["bin/a"] = "HELLO /ph/x\n" }, "sha256"},
		"longer than it says":      {func(c *crafted) { c.bodies["bin/a"] += "x" }, "longer"},
		"shorter than it says":     {func(c *crafted) { c.bodies["bin/a"] = "hello" }, "sha256"},
		"not listed":               {func(c *crafted) { c.payload = append(c.payload, &tar.Header{Name: "bin/b"}) }, "not listed"},
		"listed only":              {func(c *crafted) { c.payload = nil }, "not in the archive"},
		"twice":                    {func(c *crafted) { c.payload = append(c.payload, c.payload[0]) }, "twice"},
		"listed twice":             {func(c *crafted) { c.add("bin/a", "x"); c.payload = c.payload[:1] }, "listed twice"},
		"parent":                   {func(c *crafted) { c.add("../evil", "x") }, "stay in the prefix"},
		"parent in tar only":       {func(c *crafted) { c.payload = append(c.payload, &tar.Header{Name: "../evil"}) }, "climbs"},
		"absolute":                 {func(c *crafted) { c.add("/evil", "x") }, "stay in the prefix"},
		"backslash":                {func(c *crafted) { c.add(`a\b`, "x") }, "backslash"},
		"newline":                  {func(c *crafted) { c.add("a\nb", "x") }, "control"},
		"link out":                 {func(c *crafted) { c.addLink("l", "../evil") }, "outside"},
		"link absolute":            {func(c *crafted) { c.addLink("l", "/etc") }, "outside"},
		"link climbs":              {func(c *crafted) { c.addLink("a/b", "../x/../../y") }, "outside"},
		"links climb together":     {func(c *crafted) { c.addLink("b", "."); c.addLink("l", "b/b/b/../../../x") }, "by other links"},
		"below a link":             {func(c *crafted) { c.addLink("l", "bin"); c.add("l/x", "x") }, "no folder"},
		"link is a file":           {func(c *crafted) { c.add("f", "x").Typeflag = tar.TypeSymlink; c.payload[1].Linkname = "bin/a" }, "softlink in the archive"},
		"hard link out":            {func(c *crafted) { h := c.add("h", "x"); h.Typeflag, h.Linkname = tar.TypeLink, "../evil" }, "climbs"},
		"hard link to nothing":     {func(c *crafted) { h := c.add("h", "x"); h.Typeflag, h.Linkname = tar.TypeLink, "nope" }, "no earlier file"},
		"hard link of other bytes": {func(c *crafted) { h := c.add("h", "x"); h.Typeflag, h.Linkname = tar.TypeLink, "bin/a" }, "sha256"},
		"fifo":                     {func(c *crafted) { c.add("f", "").Typeflag = tar.TypeFifo }, "only files"},
		"device":                   {func(c *crafted) { c.add("f", "").Typeflag = tar.TypeChar }, "only files"},
		"info in pkg":              {func(c *crafted) { c.add("info/evil", "x") }, "info/evil"},
		"payload in info":          {func(c *crafted) { c.info = []*tar.Header{{Name: "bin/evil"}} }, "outside of info"},
		"info is a link": {func(c *crafted) {
			c.info = []*tar.Header{{Name: "info/l", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}}
		}, "is a link"},
		"info twice":            {func(c *crafted) { c.info = []*tar.Header{{Name: "info/index.json"}} }, "twice"},
		"placeholder too short": {func(c *crafted) { c.paths = strings.Replace(c.paths, `"text"`, `"binary"`, 1) }, "the prefix has"},
		"mode unknown":          {func(c *crafted) { c.paths = strings.Replace(c.paths, `"text"`, `"both"`, 1) }, "file mode"},
		"paths version":         {func(c *crafted) { c.paths = strings.Replace(c.paths, `version":1`, `version":2`, 1) }, "version 2"},
		"entry point path":      {func(c *crafted) { c.link = `{"noarch":{"type":"python","entry_points":["../../bin/x = a:b"]}}` }, "entry point"},
		"entry point code":      {func(c *crafted) { c.link = `{"noarch":{"type":"python","entry_points":["x = a;import os:b"]}}` }, "entry point"},
		"entry point call":      {func(c *crafted) { c.link = `{"noarch":{"type":"python","entry_points":["x = a:b()\nimport os"]}}` }, "entry point"},
		"run exports broken":    {func(c *crafted) { c.runExports = `[` }, "run_exports"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := good()
			tt.change(c)
			outer, err := use(t, c.write(t, "a-1-h_0.conda"), "/a/new/prefix")
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if list, _ := os.ReadDir(outer); len(list) != 1 {
				t.Errorf("outside of the folder there is now %v", list)
			}
		})
	}
	if _, err := use(t, good().write(t, "b-1-h_0.conda"), "/x"); err == nil || !strings.Contains(err.Error(), "index.json says") {
		t.Errorf("a file named for another package: %v", err)
	}
}

// A link that another package left in the environment is not a way out.
func TestUnpackThroughLinkOnDisk(t *testing.T) {
	p := open(t, good().write(t, "a-1-h_0.conda"))
	outer := t.TempDir()
	dir := filepath.Join(outer, "env")
	os.Mkdir(dir, 0o755)
	os.Mkdir(filepath.Join(outer, "outside"), 0o755)
	if err := os.Symlink("../outside", filepath.Join(dir, "bin")); err != nil {
		t.Skip("no links here: ", err)
	}
	if _, err := p.Unpack(context.Background(), dir, "/p", "", nil); err == nil {
		t.Error("a link out of the environment was followed")
	}
	if list, _ := os.ReadDir(filepath.Join(outer, "outside")); len(list) != 0 {
		t.Error(list)
	}
}

func TestUnpackTogether(t *testing.T) {
	p := open(t, good().write(t, "a-1-h_0.conda"))
	dir := t.TempDir()
	done := make(chan error)
	for range 8 {
		go func() {
			_, err := p.Unpack(context.Background(), dir, "/p", "", nil)
			done <- err
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if list, _ := os.ReadDir(filepath.Join(dir, "bin")); len(list) != 1 {
		t.Error(list)
	}
	other := good()
	other.bodies["bin/a"] = "other"
	other.paths = strings.ReplaceAll(other.paths, digest.Of([]byte("hello /ph/x\n")).Hex(), digest.Of([]byte("other")).Hex())
	other.paths = strings.ReplaceAll(other.paths, `:12}`, `:5}`)
	if _, err := open(t, other.write(t, "a-1-h_0.conda")).Unpack(context.Background(), dir, "/p", "", nil); err == nil || !strings.Contains(err.Error(), "two packages") {
		t.Error(err)
	}
}

func FuzzOpen(f *testing.F) {
	for _, change := range []func(*crafted){func(*crafted) {}, func(c *crafted) { c.addLink("l", "bin/a") }, func(c *crafted) { c.extra = []string{"x"} }} {
		c := good()
		change(c)
		b, _ := os.ReadFile(c.write(f, "x"))
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p := filepath.Join(t.TempDir(), "x")
		os.WriteFile(p, b, 0o600)
		outer, _ := use(t, p, "/p")
		if list, _ := os.ReadDir(outer); len(list) != 1 {
			t.Errorf("outside of the folder there is now %v", list)
		}
	})
}

func TestReplace(t *testing.T) {
	const ph = "/ph/placeholder"
	for in, want := range map[string]string{
		"#!/ph/placeholder/bin/sh -e\nx /ph/placeholder\n": "#!/p/bin/sh -e\nx /p\n",
		"no #!/ph/placeholder/bin/sh":                      "no #!/p/bin/sh",
		"#!/usr/bin/env x":                                 "#!/usr/bin/env x",
		"":                                                 "",
	} {
		if got := string(replaceText([]byte(in), ph, "/p")); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
	for in, want := range map[string]string{
		"\x00/ph/placeholder/a\x00b":                 "\x00/p/a" + strings.Repeat("\x00", 13) + "\x00b",
		"/ph/placeholder:/ph/placeholder/x\x00\x00y": "/p:/p/x" + strings.Repeat("\x00", 26) + "\x00\x00y",
		"nothing\x00": "nothing\x00",
	} {
		got, err := replaceStrings([]byte(in), ph, "/p")
		if string(got) != want || err != nil || len(got) != len(in) {
			t.Errorf("%q: %q %v", in, got, err)
		}
	}
}

func FuzzReplaceBinary(f *testing.F) {
	f.Add([]byte("a\x00/ph/x\x00/ph"), "/p")
	f.Fuzz(func(t *testing.T, b []byte, prefix string) {
		if strings.ContainsAny(prefix, "\x00") || prefix == "" {
			return
		}
		out, err := replaceStrings(bytes.Clone(b), "/ph/long", prefix)
		if err == nil && len(out) != len(b) {
			t.Errorf("%d bytes became %d", len(b), len(out))
		}
	})
}

// The compressor's name holds the versions in go.mod: it is part of the build key.
func TestCompressorNamesVersions(t *testing.T) {
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for kind, module := range map[string]string{V2: "klauspost/compress", V1: "dsnet/compress"} {
		f, err := New(kind, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(f.Compressor(), "@")
		version, _, _ := strings.Cut(rest, " ")
		if !strings.Contains(string(mod), "github.com/"+module+" "+version) {
			t.Errorf("%s is not what go.mod requires", f.Compressor())
		}
	}
	for _, bad := range []struct {
		kind  string
		level int
	}{{V2, 23}, {V1, 10}, {"zip", 0}} {
		if _, err := New(bad.kind, bad.level); err == nil {
			t.Errorf("%v is accepted", bad)
		}
	}
}
