package toolchain

import (
	"path/filepath"
	"strings"

	"forge/packages"
	"forge/platforms"
)

// zigFolder is where zig is looked for: pip install --target /opt/zig ziglang puts it there.
const zigFolder = "opt/zig/ziglang"

// OldestMacOS is the version that packages for macOS are built for where no variant says another one.
const OldestMacOS = "11.0"

// zigTargets are the Macs that zig links for, by conda's names, its own and GNU's.
func zigTargets() []struct{ subdir, zig, gnu, flags string } {
	return []struct{ subdir, zig, gnu, flags string }{
		{"osx-arm64", "aarch64-macos", "arm64-apple-darwin20.0.0", ""},
		{"osx-64", "x86_64-macos", "x86_64-apple-darwin13.4.0", "-march=core2 "},
	}
}

// zig are the cross compilers for macOS that a Linux host may have, under conda-forge's names: clang is what
// zig cc runs, and it brings the system's interfaces to link against. They bring the host's own gcc, without
// its flags, for programs that a build runs itself.
func zig(p platforms.Platform) []tool {
	if p.OS() != "linux" {
		return nil
	}
	at := &glob{
		folder: zigFolder, programs: []string{"zig"}, version: zigVersion,
		links: []link{{"usr/bin/zig", "../../" + zigFolder + "/zig"}},
		skip: func(rel string) bool {
			switch rel {
			case "lib/docs", "lib/build-web", "lib/lldb", "lib/init", "__pycache__",
				"lib/libc/mingw", "lib/libc/freebsd", "lib/libc/netbsd", "lib/libc/openbsd", "lib/libc/wasi", "lib/libc/glibc", "lib/libc/musl":
				return true
			}
			name, below := strings.CutPrefix(rel, "lib/libc/include/")
			return below && !strings.Contains(name, "/") && !strings.Contains(name, "darwin") && !strings.Contains(name, "macos")
		},
	}
	var all []tool
	for _, t := range zigTargets() {
		// What it says of itself is the oldest system, which the variant chooses.
		stdlib := &glob{folder: zigFolder, programs: []string{"zig"}, version: func(string) (string, bool) { return OldestMacOS, true },
			skip: func(rel string) bool { return rel != "LICENSE" }}
		c := zigEnv(p, t.zig, t.gnu, t.flags)
		mac, err := platforms.Parse(t.subdir)
		if err != nil {
			continue
		}
		meson := mesonCross(mac, t.gnu)
		c["MESON_ARGS"] = mesonArgs("$PREFIX", meson)
		texts := []written{meson}
		all = append(all,
			tool{name: "clang_" + t.subdir, glob: at, env: c, texts: texts, depends: []string{"gcc"}},
			tool{name: "clangxx_" + t.subdir, glob: at, env: c, texts: texts, depends: []string{"gxx", "clang_" + t.subdir}},
			tool{name: "macosx_deployment_target_" + t.subdir, glob: stdlib, exports: macosExports})
	}
	return all
}

// macosExports bound the system as conda-forge's macosx_deployment_target does.
func macosExports(version, _ string) packages.RunExports {
	return packages.RunExports{Strong: []string{"__osx >=" + version}}
}

// zigVersion reads it off the name of the folder that pip keeps its notes in.
func zigVersion(folder string) (string, bool) {
	found, err := filepath.Glob(filepath.Join(filepath.Dir(folder), "ziglang-*.dist-info"))
	if err != nil || len(found) != 1 {
		return "", false
	}
	name := strings.TrimSuffix(filepath.Base(found[0]), ".dist-info")
	return strings.CutPrefix(name, "ziglang-")
}

// zigCMake is what CMake is told. There is no install_name_tool: names and search paths are what they will be
// when the linker writes them.
func zigCMake(target, machine, cpu string) string {
	compiler := func(verb string) string {
		return "/usr/bin/zig;" + verb + ";-target;" + target + ".$MACOSX_DEPLOYMENT_TARGET" + strings.ReplaceAll(cpu, " ", ";")
	}
	return "-DCMAKE_SYSTEM_NAME=Darwin -DCMAKE_SYSTEM_VERSION=20.0.0 -DCMAKE_SYSTEM_PROCESSOR=" + machine +
		" -DCMAKE_C_COMPILER=" + compiler("cc") + " -DCMAKE_CXX_COMPILER=" + compiler("c++") +
		" -DCMAKE_OSX_DEPLOYMENT_TARGET=$MACOSX_DEPLOYMENT_TARGET -DCMAKE_OSX_SYSROOT= -DCMAKE_INSTALL_NAME_TOOL=/bin/true" +
		" -DCMAKE_INSTALL_NAME_DIR=$PREFIX/lib -DCMAKE_BUILD_WITH_INSTALL_NAME_DIR=ON -DCMAKE_BUILD_WITH_INSTALL_RPATH=ON -DCMAKE_INSTALL_RPATH=$PREFIX/lib" +
		" -DCMAKE_FIND_ROOT_PATH=$PREFIX -DCMAKE_FIND_ROOT_PATH_MODE_PROGRAM=NEVER -DCMAKE_FIND_ROOT_PATH_MODE_LIBRARY=ONLY -DCMAKE_FIND_ROOT_PATH_MODE_INCLUDE=ONLY" +
		" -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=$PREFIX -DCMAKE_INSTALL_LIBDIR=lib"
}

// zigEnv is what activating it sets: conda-forge's flags for Macs and its names for configure. zig strips
// nothing and changes no install names; packages are relocated after the build.
func zigEnv(p platforms.Platform, target, gnu, flags string) map[string]string {
	const usr = "/usr/local/src/conda"
	machine, _, _ := strings.Cut(gnu, "-")
	cpu := "" // for what zig itself compiles when it links: the C++ library
	if march := strings.TrimSpace(flags); march != "" {
		cpu = " " + march
	}
	to := " -target " + target + ".$MACOSX_DEPLOYMENT_TARGET" + cpu
	cflags := flags + "-ftree-vectorize -fPIC -fstack-protector-strong -fno-sanitize=undefined -O2 -pipe -isystem $PREFIX/include " +
		"-ffile-prefix-map=$SRC_DIR=" + usr + "/$PKG_NAME-$PKG_VERSION -ffile-prefix-map=$PREFIX=" + usr + "-prefix"
	return map[string]string{
		"CC": "zig cc" + to, "CXX": "zig c++" + to, "CPP": "zig cc" + to + " -E", "AR": "zig ar", "RANLIB": "zig ranlib",
		"CC_FOR_BUILD": "gcc", "CXX_FOR_BUILD": "g++",
		"HOST": gnu, "CONDA_TOOLCHAIN_HOST": gnu, "host_alias": gnu,
		"BUILD": triplet(p), "CONDA_TOOLCHAIN_BUILD": triplet(p), "build_alias": triplet(p),
		"CFLAGS": cflags, "CXXFLAGS": cflags + " -stdlib=libc++ -fvisibility-inlines-hidden -fmessage-length=0",
		"CPPFLAGS":             "-D_FORTIFY_SOURCE=2 -isystem $PREFIX/include",
		"LDFLAGS":              "-Wl,-headerpad_max_install_names -Wl,-dead_strip_dylibs -Wl,-rpath,$PREFIX/lib -L$PREFIX/lib",
		"CMAKE_PREFIX_PATH":    "$PREFIX",
		"CMAKE_ARGS":           zigCMake(target, machine, cpu),
		"OSX_ARCH":             machine,
		"CONDA_BUILD_SYSROOT":  "/" + zigFolder + "/lib/libc/darwin",
		"ZIG_GLOBAL_CACHE_DIR": "/tmp/zig-cache", "ZIG_LOCAL_CACHE_DIR": "/tmp/zig-cache",
	}
}
