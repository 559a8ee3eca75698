package engine

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"forge/platforms/elf"
)

func needing(path, glibc string, libs ...string) elfFile {
	info := &elf.Info{Dynamic: true, Needed: append(libs, "libc.so.6")}
	if glibc != "" {
		info.Versions = map[string][]string{"libc.so.6": {"GLIBC_2.2.5", "GLIBC_" + glibc}}
	}
	return elfFile{path, info}
}

func TestOverlinked(t *testing.T) {
	owners := map[string]string{"libz.so.1": "zlib", "libpng16.so.16": "libpng", "libtinfo.so.6": "ncurses"}
	for _, test := range []struct {
		name    string
		files   []elfFile
		paths   []string
		depends []string
		allow   []string
		want    []string // how the findings begin
	}{
		{name: "its package is a run dependency", files: []elfFile{needing("bin/a", "", "libz.so.1")}, depends: []string{"zlib >=1.2,<2"}},
		{name: "its own library", files: []elfFile{needing("bin/a", "", "liba.so.1")}, paths: []string{"bin/a", "lib/liba.so.1"}},
		{name: "its package is none", files: []elfFile{needing("bin/a", "", "libz.so.1")}, want: []string{"bin/a: needs libz.so.1 of zlib"}},
		{name: "nothing has it", files: []elfFile{needing("lib/b.so", "", "libq.so.9")}, want: []string{"lib/b.so: needs libq.so.9, which no dependency brings"}},
		{name: "allowed by name", files: []elfFile{needing("lib/b.so", "", "libq.so.9")}, allow: []string{"libq.so.*"}},
		{name: "allowed as conda-build writes it", files: []elfFile{needing("lib/b.so", "", "libGL.so.1")}, allow: []string{"/usr/lib64/libGL.so.1"}},
		{name: "the runtime of C++", files: []elfFile{needing("bin/a", "", "libstdc++.so.6", "libgcc_s.so.1")}, depends: []string{"libstdcxx >=12"}},
		{name: "the runtime under its old name", files: []elfFile{needing("bin/a", "", "libstdc++.so.6")}, depends: []string{"libstdcxx-ng >=12"}},
		{name: "the runtime undeclared", files: []elfFile{needing("bin/a", "", "libstdc++.so.6")}, want: []string{"bin/a: needs libstdc++.so.6 of libstdcxx"}},
		{name: "many files, one finding", files: []elfFile{needing("bin/a", "", "libz.so.1"), needing("bin/b", "", "libz.so.1"), needing("bin/c", "", "libz.so.1"), needing("bin/d", "", "libz.so.1")},
			want: []string{"bin/a, bin/b, bin/c and 1 more: needs libz.so.1 of zlib"}},
	} {
		libs := neededFrom(test.files, ownLibraries(test.paths))
		for i := range libs {
			if err := libs[i].bringers(owners, nil); err != nil {
				t.Fatal(err)
			}
		}
		got := overlinked(libs, test.allow, specNames(test.depends))
		for i := range got {
			if i < len(test.want) && len(got[i]) > len(test.want[i]) {
				got[i] = got[i][:len(test.want[i])]
			}
		}
		if d := cmp.Diff(test.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, d)
		}
	}
}

func TestOverdepended(t *testing.T) {
	owners := map[string]string{"libz.so.1": "zlib", "libpng16.so.16": "libpng", "libpython3.11.so": "python"}
	libs := neededFrom([]elfFile{needing("bin/a", "", "libz.so.1")}, nil)
	for i := range libs {
		if err := libs[i].bringers(owners, nil); err != nil {
			t.Fatal(err)
		}
	}
	host := []string{"zlib", "libpng", "python", "headers"}
	got := overdepended(libs, owners, specNames([]string{"zlib", "libpng >=1.6", "python", "headers"}), host)
	want := []string{"libpng is a run dependency and no file needs its libraries; requirements.ignore_run_exports: {from_package: [libpng]} drops it"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestGlibcBound(t *testing.T) {
	observed := []string{"__glibc >=2.36,<3.0.a0"}
	for _, test := range []struct {
		name          string
		files         []elfFile
		depends, want []string
		broken        int
	}{
		{"what the host exported becomes what is needed", []elfFile{needing("bin/a", "2.14"), needing("bin/b", "2.4")}, []string{"zlib", "__glibc >=2.36,<3.0.a0"}, []string{"zlib", "__glibc >=2.14,<3.0.a0"}, 0},
		{"2.4 is older than 2.14", []elfFile{needing("bin/a", "2.4")}, observed, []string{"__glibc >=2.4,<3.0.a0"}, 0},
		{"no symbol version, no change", []elfFile{needing("bin/a", "")}, observed, observed, 0},
		{"a promise stays", []elfFile{needing("bin/a", "2.14")}, []string{"__glibc >=2.17,<3.0.a0"}, []string{"__glibc >=2.17,<3.0.a0"}, 0},
		{"a broken promise is told", []elfFile{needing("bin/a", "2.34")}, []string{"__glibc >=2.17,<3.0.a0"}, []string{"__glibc >=2.17,<3.0.a0"}, 1},
		{"a promise without a floor is none", []elfFile{needing("bin/a", "2.14")}, []string{"__glibc"}, []string{"__glibc"}, 1},
	} {
		got, broken := glibcBound(test.files, test.depends, observed)
		if d := cmp.Diff(test.want, got); d != "" || len(broken) != test.broken {
			t.Errorf("%s: findings %q (-want +got):\n%s", test.name, broken, d)
		}
	}
}
