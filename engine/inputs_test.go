package engine

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"forge/digest"
	"forge/packages"
	"forge/platforms/toolchain"
	"forge/sandbox"
)

func TestJudgeInputs(t *testing.T) {
	at := layout{root: "/forge", work: "/forge/work", prefix: "/p", build: "/forge/build", recipe: "/forge/recipe", extra: "/forge/extra"}
	owned := &owners{of: map[string][]string{}, external: map[string]bool{}}
	owned.add("/p/include/zlib.h", "zlib")
	owned.add("/p/include/png.h", "libpng")
	owned.add("/p/lib/libtinfo.so.6", "ncurses")
	tree := func(name string, paths ...string) *toolchain.External {
		e := &toolchain.External{Record: packages.Record{Name: name}}
		var entries []digest.Entry
		for _, p := range paths {
			entries = append(entries, digest.Entry{Path: p, Kind: digest.File})
		}
		e.SetEntries(entries)
		return e
	}
	err := owned.addExternals([]*toolchain.External{tree(toolchain.Base, "usr/bin/bash"), tree("make", "usr/bin/bash", "usr/bin/make"), tree("cmake", "usr/bin/bash", "usr/bin/cmake")})
	if err != nil {
		t.Fatal(err)
	}
	trace := &sandbox.Trace{
		Opened: []string{"/forge/work/a.c", "/forge/recipe/build.sh", "/p/include/zlib.h", "/p/lib/libtinfo.so.6", "/usr/bin/bash", "/usr/bin/make", "/usr/lib/libm.so.6"},
		Absent: []string{"/etc/localtime", "/forge/work/config.cache", "/lib/libm.so.6", "/lib/libq.so.1", "/lib/tls", "/p/include/lzma.h", "/proc/self/exe", "/tmp/x", "/usr/lib/glibc-hwcaps/x86-64-v3/libm.so.6", "/usr/local/include/zlib.h"},
		Lost:   2,
	}
	got := judgeInputs(trace, owned, at, map[string]bool{"zlib": true, "libpng": true, "make": true, "cmake": true, "metapackage": true})
	want := &Inputs{
		Used: []InputUse{
			{Name: "make", External: true, Declared: true, Files: 1},
			{Name: "ncurses", Files: 1},
			{Name: "zlib", Declared: true, Files: 1},
		},
		Unused:  []string{"cmake", "libpng"},
		Sources: 2,
		Absent:  []string{"/etc/localtime", "/lib/libq.so.1", "/usr/local/include/zlib.h"},
		Lost:    2,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
