//go:build !windows

package toolchain

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"forge/digest"
	"forge/store"
)

// debianHost skips where the test's subject is missing.
func debianHost(t *testing.T) Finder {
	t.Helper()
	if _, err := os.Stat("/var/lib/dpkg/status"); err != nil {
		t.Skip("not a dpkg host")
	}
	s, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return New(Config{Store: s})
}

func load(t *testing.T, f Finder, name string) *External {
	t.Helper()
	e, err := f.Find(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	if e == nil {
		t.Skipf("the host has no %s", name)
	}
	if err := f.Load(context.Background(), e); err != nil {
		t.Fatal(err)
	}
	return e
}

func has(e *External, path string) bool {
	for _, entry := range entriesOf(e) {
		if entry.Path == path {
			return true
		}
	}
	return false
}

func TestHostCompilerHoldsNoLibrary(t *testing.T) {
	f := debianHost(t)
	if testing.Short() {
		t.Skip("reads some 10,000 files")
	}
	for _, name := range []string{Base, "gxx_linux-64", "cmake", "perl", "gettext", "nodejs", "pkg-config", "autoconf", "git"} {
		t.Run(name, func(t *testing.T) {
			e := load(t, f, name)
			for _, entry := range entriesOf(e) {
				base := filepath.Base(entry.Path)
				switch {
				case base == "zlib.h", base == "libz.so", base == "libz.a", base == "zlib.pc", base == "png.h", base == "libpng.so",
					base == "python3", base == "curses.h", base == "libcurl.so", base == "openssl", strings.HasPrefix(entry.Path, "etc/"):
					t.Errorf("%s must not be in it", entry.Path)
				}
			}
			for _, o := range e.Origin {
				name, _, _ := strings.Cut(strings.TrimPrefix(o.Name, "pkg:deb/debian/"), "@")
				if strings.HasSuffix(name, "-dev") && !followed(name) {
					t.Errorf("%s must not be in it", o.Name)
				}
			}
			t.Logf("%s %s: %d files, %d origins, %v", name, e.Record.Version, len(entriesOf(e)), len(e.Origin), e.Tree)
		})
	}
}

func TestHostLoadIsQuickTheSecondTime(t *testing.T) {
	f := debianHost(t)
	names := []string{Base, "gcc_linux-64", "gxx_linux-64"}
	cold := time.Now()
	first := map[string]digest.Digest{}
	for _, n := range names {
		first[n] = load(t, f, n).Tree
	}
	t.Logf("cold %v", time.Since(cold))
	again := New(Config{Store: f.(*finder).cfg.Store})
	warm := time.Now()
	for _, n := range names {
		if got := load(t, again, n).Tree; got != first[n] {
			t.Errorf("%s: %v, then %v", n, first[n], got)
		}
	}
	t.Logf("warm %v", time.Since(warm))
	if d := time.Since(warm); d > 2*time.Second {
		t.Errorf("loading unchanged externals took %v", d)
	}
}

// run runs a script in a root made of nothing but the named externals.
func run(t *testing.T, f Finder, names []string, env map[string]string, script string) (string, error) {
	t.Helper()
	bwrap, err := exec.LookPath("bwrap")
	if err != nil {
		t.Skip("no bubblewrap here")
	}
	var trees [][]digest.Entry
	for _, n := range names {
		trees = append(trees, entriesOf(load(t, f, n)))
	}
	all, err := store.Merge(trees...)
	if err != nil {
		t.Fatal(err)
	}
	root, err := f.(*finder).cfg.Store.Materialize(context.Background(), all)
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"--unshare-all", "--die-with-parent", "--ro-bind", root + "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink", "usr/sbin", "/sbin",
		"--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp", "--chdir", "/tmp",
		"--clearenv", "--setenv", "PATH", "/usr/bin", "--setenv", "HOME", "/tmp", "--setenv", "LC_ALL", "C.UTF-8"}
	for k, v := range env {
		args = append(args, "--setenv", k, v)
	}
	out, err := exec.Command(bwrap, append(args, "bash", "-euc", script)...).CombinedOutput()
	return string(out), err
}

func TestHostToolsRunAlone(t *testing.T) {
	f := debianHost(t)
	if testing.Short() {
		t.Skip("compiles")
	}
	cases := []struct {
		name   string
		tools  []string
		script string
		want   string
	}{
		{"c", []string{Base, "gcc_linux-64"}, `echo 'int puts(const char*);int main(){puts("it runs");}' >a.c; x86_64-conda-linux-gnu-gcc a.c -o a; ./a; cc --version >/dev/null`, "it runs"},
		{"c++", []string{Base, "gxx_linux-64"}, `printf '#include <iostream>\nint main(){std::cout<<"it runs\\n";}' >a.cc; c++ a.cc -o a; ./a`, "it runs"},
		{"no zlib header", []string{Base, "gcc_linux-64"}, `echo '#include <zlib.h>' | gcc -E - >/dev/null 2>&1 && echo found || echo absent`, "absent"},
		{"no zlib library", []string{Base, "gxx_linux-64", "cmake"}, `echo 'int main(){}' >a.c; gcc a.c -lz 2>/dev/null && echo found || echo absent`, "absent"},
		{"cmake", []string{Base, "gcc_linux-64", "cmake", "make"}, `echo 'int main(){}' >a.c; printf 'cmake_minimum_required(VERSION 3.5)\nproject(a C)\nfind_package(ZLIB)\nadd_executable(a a.c)\nmessage(STATUS "zlib ${ZLIB_FOUND}")\n' >CMakeLists.txt; cmake -B b . && make -C b && b/a && echo it runs`, "it runs"},
		{"go", []string{Base, "go-nocgo_linux-64"}, `mkdir m; cd m; echo 'module m' >go.mod; printf 'package main\nfunc main(){println("it runs")}' >m.go; go build -o a . && ./a`, "it runs"},
		{"node", []string{Base, "nodejs"}, `node -e 'console.log("it runs")'; node -e 'try{require("child_process").execSync("python3 -V",{stdio:"ignore"})}catch{console.log("no python")}'`, "no python"},
		{"perl", []string{Base, "perl"}, `perl -MData::Dumper -MPOSIX -e 'print "it runs\n"'`, "it runs"},
		{"autoconf", []string{Base, "gcc_linux-64", "autoconf", "m4"}, `printf 'AC_INIT([a],[1])\nAC_PROG_CC\nAC_OUTPUT\n' >configure.ac; autoconf; ./configure >/dev/null && echo it runs`, "it runs"},
		{"base", []string{Base}, `which awk sed grep find diff tar gzip patch sh >/dev/null; awk 'BEGIN{print "it runs"}'`, "it runs"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			e, _ := f.Find(context.Background(), c.tools[len(c.tools)-1])
			if e == nil {
				t.Skip("not on this host")
			}
			env := map[string]string{}
			for k, v := range e.Env {
				if strings.HasPrefix(k, "GO") || k == "CGO_ENABLED" {
					env[k] = v
				}
			}
			out, err := run(t, f, c.tools, env, c.script)
			if err != nil || !strings.Contains(out, c.want) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
