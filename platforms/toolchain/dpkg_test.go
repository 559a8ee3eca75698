//go:build !windows

package toolchain

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"forge/digest"
	"forge/platforms"
	"forge/store"
)

func TestClauses(t *testing.T) {
	cases := map[string][][]string{
		"":                                   nil,
		"libc6 (>= 2.34)":                    {{"libc6"}},
		"a:any (>= 1) | b, c [amd64]":        {{"a", "b"}, {"c"}},
		"mail-transport-agent|exim4 , x(=2)": {{"mail-transport-agent", "exim4"}, {"x"}},
		" , |":                               nil,
	}
	for in, want := range cases {
		if diff := cmp.Diff(want, clauses(in)); diff != "" {
			t.Errorf("%q: %s", in, diff)
		}
	}
}

func TestOwnArchitectureWins(t *testing.T) {
	stanza := func(name, arch string) string {
		return "Package: " + name + "\nStatus: install ok installed\nVersion: 1\nArchitecture: " + arch + "\n\n"
	}
	for _, own := range []string{"amd64", "arm64", "i386"} {
		for _, order := range [][]string{{"amd64", "arm64", "i386"}, {"i386", "amd64", "arm64"}} {
			db := newDpkg("/")
			text := stanza("dpkg", own)
			for _, arch := range order {
				if arch == own || arch != "arm64" {
					text += stanza("libc6", arch)
				}
			}
			if err := db.parse(strings.NewReader(text)); err != nil {
				t.Fatal(err)
			}
			if got := db.installed["libc6"].arch; got != own {
				t.Errorf("dpkg of %s, packages %v: took libc6 of %s", own, order, got)
			}
		}
	}
}

func TestUpstream(t *testing.T) {
	cases := map[string]string{
		"4:12.2.0-3": "12.2.0", "2.36-9+deb12u14": "2.36", "1:1.2.13.dfsg-1": "1.2.13", "3.25.1-1": "3.25.1",
		"20.20.2-1nodesource1+repack1": "20.20.2", "1.8.1~rc1-2": "1.8.1", "5.36.0-7+deb12u3": "5.36.0", "2.40": "2.40", "9.1.0+ds1-2": "9.1.0",
	}
	for in, want := range cases {
		if got := upstream(in); got != want {
			t.Errorf("upstream(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestKept(t *testing.T) {
	yes := []string{"/usr/bin/gcc", "/bin/sh", "/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2", "/usr/share/perl5/a.pm", "/usr/include/stdio.h"}
	no := []string{"/.", "/etc/passwd", "/var/lib/x", "/usr/share/doc/gcc/x", "/usr/share/man/man1/gcc.1.gz", "/usr/share/locale/de/x.mo",
		"/usr/share/perl/5.36.0/pod/perl.pod", "/usr/include/node/zlib.h", "/usr/share/cmake-3.25/Help/x.rst", "/opt/x", "/usr/bin/a\nb", "usr/bin/x"}
	for _, p := range yes {
		if !kept(p) {
			t.Errorf("%s is left out", p)
		}
	}
	for _, p := range no {
		if kept(p) {
			t.Errorf("%s is kept", p)
		}
	}
}

// miniature is a host with merged /bin, an alternative, a library and its -dev package.
func miniature(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	put := func(name, text string, mode os.FileMode) {
		t.Helper()
		at := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(at, mode); err != nil {
			t.Fatal(err)
		}
	}
	link := func(name, target string) {
		t.Helper()
		at := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, at); err != nil {
			t.Skip(err)
		}
	}
	put("var/lib/dpkg/status", `Package: make
Status: install ok installed
Version: 4.3-4.1
Architecture: amd64
Depends: libc6 (>= 2.34), libz-dev, libz1 | other, virtual
Description: a tool
 Depends: python3

Package: libc6
Status: install ok installed
Version: 2.36-9
Architecture: amd64

Package: libz1
Status: install ok installed
Version: 1:1.2-1
Architecture: amd64

Package: libz-dev
Status: install ok installed
Version: 1.2-1
Architecture: amd64

Package: provider
Status: install ok installed
Version: 1
Architecture: all
Provides: virtual (= 1), other

Package: cmake
Status: deinstall ok config-files
Version: 3
Architecture: amd64
`, 0o644)
	put("var/lib/dpkg/info/make.list", "/.\n/usr\n/usr/bin\n/usr/bin/make-real\n/usr/share/doc/make/x\n/usr/bin/gone\n/usr/bin/secret\n/usr/bin/lnk\n", 0o644)
	put("var/lib/dpkg/info/libc6:amd64.list", "/lib/libc.so.6\n", 0o644)
	put("var/lib/dpkg/info/libz1.list", "/usr/lib/libz.so.1\n", 0o644)
	put("var/lib/dpkg/info/libz-dev.list", "/usr/include/zlib.h\n", 0o644)
	put("var/lib/dpkg/info/provider.list", "/usr/bin/virtual\n", 0o644)
	put("usr/bin/make-real", "make", 0o755)
	put("usr/bin/secret", "not for all", 0o700)
	put("usr/bin/virtual", "virtual", 0o755)
	put("usr/lib/libc.so.6", "libc", 0o755)
	put("usr/lib/libz.so.1", "libz", 0o644)
	put("usr/include/zlib.h", "zlib", 0o644)
	put("usr/share/doc/make/x", "doc", 0o644)
	link("lib", "usr/lib")
	link("usr/bin/lnk", "make-real")
	link("usr/bin/make", "/etc/alternatives/make")
	link("etc/alternatives/make", "/usr/bin/make-real")
	link("usr/bin/unrelated", "/etc/alternatives/unrelated")
	link("etc/alternatives/unrelated", "/usr/bin/unrelated-real")
	return root
}

func finderOf(t *testing.T, root string) Finder {
	t.Helper()
	s, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p, err := platforms.Parse("linux-64")
	if err != nil {
		t.Fatal(err)
	}
	return New(Config{Store: s, Root: root, Platform: p})
}

func paths(e *External) []string {
	var all []string
	for _, entry := range entriesOf(e) {
		line := string(entry.Kind) + " " + entry.Path
		if entry.Kind == digest.Symlink {
			line += " -> " + entry.Target
		}
		all = append(all, line)
	}
	return all
}

func TestMiniatureHost(t *testing.T) {
	root := miniature(t)
	f := finderOf(t, root)
	e, err := f.Find(context.Background(), "make")
	if err != nil || e == nil {
		t.Fatal(e, err)
	}
	if e.Record.Version != "4.3" || e.Record.Build != "0" || e.Record.Channel != "external" {
		t.Errorf("record %+v", e.Record)
	}
	if shown := (Shown{"bin/make-real", "/usr/bin/make-real"}); !slices.Contains(e.Shown, shown) {
		t.Errorf("%v lacks %v", e.Shown, shown)
	}
	if err := f.Load(context.Background(), e); err != nil {
		t.Fatal(err)
	}
	want := []string{"l usr/bin/lnk -> make-real", "l usr/bin/make -> /usr/bin/make-real", "x usr/bin/make-real", "x usr/bin/virtual", "x usr/lib/libc.so.6", "f usr/lib/libz.so.1"}
	if diff := cmp.Diff(want, paths(e)); diff != "" {
		t.Error(diff)
	}
	var origins []string
	for _, o := range e.Origin {
		origins = append(origins, o.Name)
		if o.Tree.IsZero() {
			t.Errorf("%s has no digest", o.Name)
		}
	}
	wantOrigins := []string{"pkg:deb/debian/libc6@2.36-9?arch=amd64", "pkg:deb/debian/libz1@1%3A1.2-1?arch=amd64",
		"pkg:deb/debian/make@4.3-4.1?arch=amd64", "pkg:deb/debian/provider@1?arch=all"}
	if diff := cmp.Diff(wantOrigins, origins); diff != "" {
		t.Error(diff)
	}
	if got, err := f.Find(context.Background(), "cmake"); got != nil || err != nil {
		t.Errorf("a removed package is offered: %v %v", got, err)
	}
	if got, err := f.Find(context.Background(), "zlib"); got != nil || err != nil {
		t.Errorf("a library is offered: %v %v", got, err)
	}
}

// A file that changes is read again, by the same finder's successor; a blob that is lost comes back.
func TestChangedFilesAndLostBlobs(t *testing.T) {
	root := miniature(t)
	f := finderOf(t, root)
	s := f.(*finder).cfg.Store
	first := load(t, f, "make")
	sum := entriesOf(first)[2].Sum
	s.Forget(sum)
	again := load(t, New(f.(*finder).cfg), "make")
	if again.Tree != first.Tree {
		t.Errorf("tree %v, then %v", first.Tree, again.Tree)
	}
	if _, err := os.Stat(s.Path(sum, true)); err != nil {
		t.Errorf("a lost blob was not read again: %v", err)
	}
	if err := os.WriteFile(filepath.Join(root, "usr/bin/make-real"), []byte("MAKE"), 0o755); err != nil {
		t.Fatal(err)
	}
	if changed := load(t, New(f.(*finder).cfg), "make"); changed.Tree == first.Tree {
		t.Error("a changed program kept the tree's digest")
	}
	if err := os.WriteFile(filepath.Join(s.Root(), "externals"), []byte("forge externals 1\nrubbish\n\t\t\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	load(t, New(f.(*finder).cfg), "make")
}

// What a tool upgraded in place is taken as it is now: dpkg lists what was there before.
func TestTakenWhole(t *testing.T) {
	root := miniature(t)
	for _, name := range []string{"usr/lib/npm/bin/npm", "usr/lib/npm/node_modules/new/index.js"} {
		if err := os.MkdirAll(filepath.Join(root, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), []byte(name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	db := &dpkg{root: root}
	parts := []part{{name: "libc6"}, {name: "nodejs", paths: []string{"/usr/bin/node", "/usr/lib/npm/bin/npm", "/usr/lib/npm/node_modules/old/index.js"}}}
	if err := db.takeWhole(parts, "/usr/lib/npm"); err != nil {
		t.Fatal(err)
	}
	want := []string{"/usr/bin/node", "/usr/lib/npm/bin/npm", "/usr/lib/npm/node_modules/new/index.js"}
	if diff := cmp.Diff(want, parts[1].paths); diff != "" {
		t.Error(diff)
	}
}

func TestDeclared(t *testing.T) {
	root := miniature(t)
	if err := os.MkdirAll(filepath.Join(root, "opt/tool/lib"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"opt/tool/tool", "opt/tool/lib/a"} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	finder := func(d ...Declared) Finder {
		cfg := finderOf(t, root).(*finder).cfg
		cfg.Declared = d
		return New(cfg)
	}
	e := load(t, finder(Declared{Name: "tool", Version: "3", Files: []string{"/opt/tool/*"}, Programs: []string{"/opt/tool/tool"}}), "tool")
	if diff := cmp.Diff([]string{"x opt/tool/lib/a", "x opt/tool/tool"}, paths(e)); diff != "" {
		t.Error(diff)
	}
	if e.Record.Version != "3" || len(e.Programs) != 1 || e.Origin[0].Name != "file:///opt/tool/*" {
		t.Errorf("%+v", e)
	}
	e = load(t, finder(Declared{Name: "make", Packages: []string{"make", "libz-dev"}}), "make")
	if e.Record.Version != "4.3" || !has(e, "usr/include/zlib.h") {
		t.Errorf("declared packages: %v %v", e.Record, paths(e))
	}
	rust := finder(Declared{Name: "rust", Version: "1.9", Files: []string{"/opt/tool"}, Programs: []string{"/opt/tool/tool"}})
	for _, name := range []string{"rust", "rust_linux-64"} { // compiler("rust") is the second
		if found, err := rust.Find(t.Context(), name); err != nil || found == nil || found.Record.Version != "1.9" || found.Record.Name != name {
			t.Errorf("%s: %+v %v", name, found, err)
		}
	}
	for _, c := range []struct {
		d    Declared
		want string
	}{
		{Declared{Name: "a"}, "neither"},
		{Declared{Name: "a", Files: []string{"/opt/tool"}}, "say its version"},
		{Declared{Name: "a", Packages: []string{"cmake"}}, "not installed"},
		{Declared{Name: "a", Version: "1", Files: []string{"/opt/tool"}, Programs: []string{"/opt/tool/none"}}, "no program"},
		{Declared{Name: "a", Version: "1", Files: []string{"/opt/none*"}}, "nothing on this host"},
		{Declared{Name: "a", Version: "1", Files: []string{"opt/tool"}}, "absolute"},
		{Declared{Name: "a", Version: "1", Files: []string{"/../etc/passwd"}}, ""},
		{Declared{Name: "a", Version: "1", Files: []string{"/"}}, "absolute"},
	} {
		f := finder(c.d)
		e, err := f.Find(context.Background(), "a")
		if err == nil && e != nil {
			err = f.Load(context.Background(), e)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.d, err, c.want)
		}
	}
}

func TestNoDpkg(t *testing.T) {
	f := finderOf(t, t.TempDir())
	for _, name := range f.Names() {
		if e, err := f.Find(context.Background(), name); e != nil || err != nil {
			t.Errorf("%s: %v, %v", name, e, err)
		}
	}
}

func TestEnvironmentOfCompilers(t *testing.T) {
	p, err := platforms.Parse("linux-aarch64")
	if err != nil {
		t.Fatal(err)
	}
	env := compilerEnv(p, "gcc", "g++")
	if env["HOST"] != "aarch64-conda-linux-gnu" || strings.Contains(env["CFLAGS"], "nocona") {
		t.Errorf("%v", env)
	}
	for k, v := range env {
		for _, word := range strings.Split(v, "$")[1:] {
			ok := false
			for _, name := range []string{"PREFIX", "BUILD_PREFIX", "SRC_DIR", "PKG_NAME", "PKG_VERSION"} {
				ok = ok || strings.HasPrefix(word, name)
			}
			if !ok {
				t.Errorf("%s holds the unknown variable $%s", k, word)
			}
		}
	}
}

// Debian's autotools keep config.guess and config.sub, which they link to, in a package called -dev.
func TestFollowed(t *testing.T) {
	for name, want := range map[string]bool{
		"autotools-dev": true, "libc6-dev": true, "libstdc++-12-dev": true, "libmagic1": true,
		"zlib1g-dev": false, "python3": false, "dpkg": false,
	} {
		if followed(name) != want {
			t.Errorf("followed(%q) is %v", name, !want)
		}
	}
}

func TestNoNameTwice(t *testing.T) {
	for _, sub := range []string{"linux-64", "osx-arm64", "win-64"} {
		p, err := platforms.Parse(sub)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, tool := range catalog(p) {
			if seen[tool.name] {
				t.Errorf("%s: %s is listed twice", sub, tool.name)
			}
			seen[tool.name] = true
		}
	}
}

func FuzzStatus(f *testing.F) {
	f.Add("Package: a\nStatus: install ok installed\nDepends: b | c\n\nPackage: b\nStatus: install ok installed\nProvides: c\n")
	f.Fuzz(func(t *testing.T, text string) {
		db := newDpkg("/")
		if err := db.parse(strings.NewReader(text)); err != nil {
			return
		}
		for name := range db.installed {
			for _, p := range db.closure([]string{name}) {
				if db.installed[p.name] == nil {
					t.Errorf("%s is not installed", p.name)
				}
			}
		}
	})
}

func FuzzMemory(f *testing.F) {
	f.Add(strings.Repeat("a", 64) + "\t1\t2\t3\t4\t5\t/usr/bin/x")
	f.Fuzz(func(t *testing.T, line string) {
		if name, s, ok := parseMemory(line); ok && (name == "" || s.sum.IsZero() && !strings.HasPrefix(line, strings.Repeat("0", 64)) && !strings.HasPrefix(line, "sha256:"+strings.Repeat("0", 64))) {
			t.Errorf("%q gave %q %v", line, name, s)
		}
	})
}

func TestDebianPackages(t *testing.T) {
	p, err := platforms.Parse("linux-64")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"rust_linux-64": "rustc cargo", "ninja": "ninja-build", "zlib": ""} {
		if got := strings.Join(DebianPackages(p, name), " "); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
