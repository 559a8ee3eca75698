package sources

import (
	"compress/gzip"
	"context"
	"crypto/md5"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"forge/digest"
	"forge/recipes"
)

func TestSameVersion(t *testing.T) {
	for _, c := range []struct {
		listed, said string
		want         bool
	}{
		{"1:1.2.13.dfsg-1", "1.2.13.dfsg", true}, {"1:1.2.13.dfsg-1", "1:1.2.13.dfsg-1", true}, {"1:1.2.13.dfsg-1", "1.2.13.dfsg-1", true},
		{"1:1.2.13.dfsg-1", "1:1.2.13.dfsg", true}, {"1:1.2.13.dfsg-1", "1.2.13", false}, {"1:1.2.13.dfsg-1", "1.2.13.dfsg-2", false},
		{"2.10-3", "2.10", true}, {"2.10-3", "2.1", false}, {"9.1.0+ds1-2", "9.1.0+ds1", true}, {"1.0-rc1-4", "1.0-rc1", true}, {"1.0-rc1-4", "1.0", false},
		{"5.0", "5.0", true}, {"3.11.2-6+deb12u6", "3.11.2", true}, {"3.11.2-6+deb12u6", "3.11.2-6", false}, {"2:1.0~rc1-1", "1.0~rc1", true},
	} {
		if got := sameVersion(c.listed, c.said); got != c.want {
			t.Errorf("%s is %s: %t", c.listed, c.said, got)
		}
	}
}

func TestParsePackage(t *testing.T) {
	for _, c := range []struct{ in, kind, name, version string }{
		{"pkg:deb/debian/zlib@1.2.13.dfsg?arch=source", "deb", "debian/zlib", "1.2.13.dfsg"},
		{"pkg:deb/debian/zlib@1:1.2.13.dfsg-1?arch=source", "deb", "debian/zlib", "1:1.2.13.dfsg-1"},
		{"pkg:deb/debian/zlib@1%3A1.2.13.dfsg?arch=source", "deb", "debian/zlib", "1:1.2.13.dfsg"},
		{"pkg:deb/debian/fmtlib@9.1.0+ds1?arch=source", "deb", "debian/fmtlib", "9.1.0+ds1"},
		{"pkg:deb/debian/fmtlib@9.1.0%2Bds1?arch=source", "deb", "debian/fmtlib", "9.1.0+ds1"},
		{"pkg:golang/github.com/BurntSushi/toml@v1.4.0", "golang", "github.com/BurntSushi/toml", "v1.4.0"},
		{"pkg:golang/github.com/itchyny/gojq@v0.12.16?x=y#cmd/gojq", "golang", "github.com/itchyny/gojq", "v0.12.16"},
		{"pkg:golang/github.com/a/b@v2.0.0+incompatible", "golang", "github.com/a/b", "v2.0.0+incompatible"},
		{"pkg:npm/%40img/sharp@1.0.0", "npm", "@img/sharp", "1.0.0"},
		{"pkg:npm/@img/sharp@1.0.0", "npm", "@img/sharp", "1.0.0"},
		{"pkg:npm/semver@7.6.3", "npm", "semver", "7.6.3"},
		{"pkg:pypi/Ruamel_Yaml@0.18", "pypi", "ruamel-yaml", "0.18"},
		{"pkg:cargo/hexyl@0.14.0", "cargo", "hexyl", "0.14.0"},
	} {
		p, err := parsePackage(c.in)
		if err != nil || p.Type != c.kind || moduleName(p) != c.name || p.Version != c.version {
			t.Errorf("%s gives %s %s %s, %v", c.in, p.Type, moduleName(p), p.Version, err)
		}
	}
	for _, bad := range []string{"pkg:", "pkg:deb", "pkg:deb/debian/zlib", "pkg:npm/@1", "pkg:golang/x%zz@1"} {
		if _, err := parsePackage(bad); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

func TestHostileNames(t *testing.T) {
	g := newGetter(t)
	for _, u := range []string{
		"pkg:deb/debian/--option@1?arch=source", "pkg:deb/debian/zlib@-1?arch=source", "pkg:deb/debian/..@1?arch=source", "pkg:deb/debian/zlib@1?arch=amd64",
		"pkg:npm/x@file:..%2Fx", "pkg:npm/--registry@1", "pkg:npm/x@git+ssh:%2F%2Fy", "pkg:npm/%40..%2Fx/y@1", "pkg:npm/x@latest%20y",
		"pkg:pypi/-e@1", "pkg:pypi/x@1%3Bimport", "pkg:cargo/--config@1", "pkg:cargo/x@..%2F1",
		"pkg:golang/-x@v1.0.0", "pkg:golang/github.com/x/y@latest", "pkg:golang/github.com/x/..@v1.0.0", "pkg:golang/x.org/y@v1.0.0%0A",
	} {
		if _, err := g.openPackage(context.Background(), u, ask{}); err == nil || strings.Contains(err.Error(), "needs ") {
			t.Errorf("%s: %v", u, err)
		}
	}
}

func TestDebSources(t *testing.T) {
	etc := write(t, t.TempDir(), map[string]string{
		"sources.list":                  "# old style\ndeb [arch=amd64 signed-by=/k.gpg] http://mirror/debian bookworm main contrib # all\ndeb-src http://mirror/debian bookworm main\ndeb cdrom:[x]/ bookworm main\n",
		"sources.list.d/debian.sources": "Types: deb\nuris: http://a\nSuites: bookworm bookworm-updates\nComponents: main\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n xx\n\n# c\nTypes: deb deb-src\nURIs: http://b\nSuites: bookworm-security\nComponents: main\nEnabled: no\n",
		"sources.list.d/other.sources":  "Types: deb\nURIs: http://other\nSuites: nodistro\nComponents: main\nArchitectures: amd64\n",
		"sources.list.d/ignored.bak":    "Types: deb\nURIs: http://bak\nSuites: bookworm\nComponents: main\n",
	})
	got, err := debSources(etc, "bookworm")
	if err != nil {
		t.Fatal(err)
	}
	want := `Types: deb-src
URIs: cdrom:[x]/
Suites: bookworm
Components: main

Types: deb-src
URIs: http://a
Suites: bookworm bookworm-updates
Components: main
Signed-By: 
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 xx

Types: deb-src
URIs: http://mirror/debian
Suites: bookworm
Components: main

Types: deb-src
URIs: http://mirror/debian
Suites: bookworm
Components: main contrib
Signed-By: /k.gpg
`
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got, err = debSources(etc, "trixie"); err != nil || !strings.Contains(got, "http://other") {
		t.Errorf("where nothing is the distribution's: %q, %v", got, err)
	}
	if _, err = debSources(t.TempDir(), "bookworm"); err == nil {
		t.Error("no error for a machine without archives")
	}
}

// archiveOf makes a Debian archive of source packages that trusts itself, and apt's configuration for it.
func archiveOf(t *testing.T, list map[string]map[string]string) (etc, root string) {
	t.Helper()
	root = t.TempDir()
	var index strings.Builder
	for i, version := range names2(list) {
		files := list[version]
		dir := fmt.Sprintf("pool/main/d/demo%d", i)
		write(t, filepath.Join(root, dir), files)
		fmt.Fprintf(&index, "Package: demo\nFormat: 3.0 (quilt)\nBinary: demo\nArchitecture: any\nVersion: %s\nMaintainer: a <a@example.org>\nDirectory: %s\n", version, dir)
		fmt.Fprint(&index, "Files:\n")
		for _, n := range names(files) {
			fmt.Fprintf(&index, " %x %d %s\n", md5.Sum([]byte(files[n])), len(files[n]), n)
		}
		fmt.Fprint(&index, "Checksums-Sha256:\n")
		for _, n := range names(files) {
			fmt.Fprintf(&index, " %s %d %s\n", digest.Of([]byte(files[n])).Hex(), len(files[n]), n)
		}
		fmt.Fprint(&index, "\n")
	}
	base := "dists/stable/main/source/Sources"
	write(t, root, map[string]string{base: index.String()})
	f, err := os.Create(filepath.Join(root, base+".gz"))
	if err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(f)
	z.Write([]byte(index.String()))
	z.Close()
	f.Close()
	sum, size, err := digest.OfFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	write(t, root, map[string]string{"dists/stable/Release": fmt.Sprintf(
		"Origin: Test\nSuite: stable\nCodename: stable\nComponents: main\nArchitectures: amd64\nDate: %s\nSHA256:\n %s %d main/source/Sources\n %s %d main/source/Sources.gz\n",
		time.Now().UTC().Format(time.RFC1123), digest.Of([]byte(index.String())).Hex(), index.Len(), sum.Hex(), size)})
	etc = write(t, t.TempDir(), map[string]string{"sources.list.d/x.sources": "Types: deb\nURIs: file:" + root + "\nSuites: stable\nComponents: main\nTrusted: yes\n"})
	return etc, root
}

func names2(m map[string]map[string]string) []string {
	flat := map[string]string{}
	for k := range m {
		flat[k] = ""
	}
	return names(flat)
}

// TestDebArchive runs the machine's apt on an archive in a folder: no network is needed.
func TestDebArchive(t *testing.T) {
	if _, err := os.Stat(aptHelper); err != nil {
		t.Skip("apt is not here")
	}
	etc, root := archiveOf(t, map[string]map[string]string{
		"1:1.0-1":        {"demo_1.0-1.dsc": "d", "demo_1.0.orig.tar.gz": "bytes", "demo_1.0.orig.tar.gz.asc": "sig", "demo_1.0.orig-more.tar.gz": "more"},
		"1:1.0-1+deb1u1": {"demo_1.0.orig.tar.gz": "bytes", "demo_1.0-1+deb1u1.dsc": "e"},
		"2.0+dfsg-1":     {"demo_2.0+dfsg.orig.tar.xz": "two"},
	})
	// The pool refuses the first revision's file, as security pools do.
	os.Remove(filepath.Join(root, "pool/main/d/demo0/demo_1.0.orig.tar.gz"))
	clock := time.Unix(1_700_000_000, 0)
	g := newGetter(t, func(c *Config) { c.Now = func() time.Time { return clock } })
	g.etc = etc
	ctx := context.Background()
	src := func(url, content string) *recipes.Output {
		return output("", recipes.Source{URLs: []string{url}, Hashes: sha([]byte(content))})
	}
	f := fetch(t, g, src("pkg:deb/debian/demo@1.0?arch=source", "bytes"))
	if f[0].Files[0].Name != "demo_1.0.orig.tar.gz" {
		t.Errorf("got %+v", f[0].Files)
	}
	f = fetch(t, g, src("pkg:deb/debian/demo@1:1.0-1?arch=source", "more"))
	if f[0].Files[0].Name != "demo_1.0.orig-more.tar.gz" {
		t.Errorf("got %+v", f[0].Files)
	}
	fetch(t, g, src("pkg:deb/debian/demo@2.0%2Bdfsg?arch=source", "two"))
	for _, c := range []struct{ url, content, words string }{
		{"pkg:deb/debian/none@1?arch=source", "x", `no source package "none" is listed`},
		{"pkg:deb/debian/demo@3.0?arch=source", "x", "version 3.0 is not listed; listed are 1:1.0-1, 1:1.0-1+deb1u1, 2.0+dfsg-1"},
		{"pkg:deb/debian/demo@2.0+dfsg?arch=source", "x", "demo_2.0+dfsg.orig.tar.xz " + sha([]byte("two"))["sha256"]},
		{"pkg:deb/debian/demo@1.0?arch=source&file=x", "x", "is called x"},
	} {
		_, err := g.Fetch(ctx, src(c.url, c.content), nil)
		wantError(t, err, c.words)
	}
	t.Run("a signature beside the file", func(t *testing.T) {
		file := File{Name: "renamed", Digest: digest.Of([]byte("bytes"))}
		for _, u := range []string{"pkg:deb/debian/demo@1.0?arch=source", "pkg:deb/debian/demo@1.0?arch=source&file=demo_1.0.orig.tar.gz.asc", "pkg:deb/debian/demo@1.0?arch=source#demo_1.0.orig.tar.gz.asc"} {
			b, err := g.oneSignature(ctx, recipes.Origin{}, u, file)
			if err != nil || string(b) != "sig" {
				t.Errorf("%s gives %q, %v", u, b, err)
			}
		}
	})
	t.Run("an index that is old is read again", func(t *testing.T) {
		_, newRoot := archiveOf(t, map[string]map[string]string{"9.0-1": {"demo_9.0.orig.tar.gz": "nine"}})
		os.RemoveAll(root)
		if err := os.Rename(newRoot, root); err != nil {
			t.Fatal(err)
		}
		_, err := g.Fetch(ctx, src("pkg:deb/debian/demo@9.0?arch=source", "nine"), nil)
		wantError(t, err, "not listed") // the index is quite new
		clock = clock.Add(time.Hour)
		fetch(t, g, src("pkg:deb/debian/demo@9.0?arch=source", "nine"))
	})
	t.Run("hooks of the machine are not run", func(t *testing.T) {
		conf, err := os.ReadFile(filepath.Join(mustGlob(t, g.Store.Root(), "sources/apt-*"), "apt.conf"))
		if err != nil || strings.Contains(string(conf), "Invoke") || strings.Contains(string(conf), "Dir::Bin") {
			t.Errorf("apt.conf: %v\n%s", err, conf)
		}
	})
}

func mustGlob(t *testing.T, root, pattern string) string {
	t.Helper()
	list, _ := filepath.Glob(filepath.Join(root, pattern))
	if len(list) == 0 {
		t.Fatal("nothing is called ", pattern)
	}
	return list[0]
}

func FuzzStanzas(f *testing.F) {
	f.Add([]byte("Package: a\nVersion: 1\nChecksums-Sha256:\n 00 1 x\n\nPackage: b\n\n"), "a")
	f.Add([]byte("\n\nPackage: a\n\n\n"), "a")
	f.Fuzz(func(t *testing.T, data []byte, name string) {
		for _, s := range stanzasOf(data, name) {
			for _, file := range revisionOf(s, "http://x/").files {
				if strings.Contains(file.name, "/") {
					t.Errorf("file %q", file.name)
				}
			}
		}
	})
}
