package toolchain

import (
	"maps"
	"strings"

	"forge/platforms"
)

// triplet is conda's name of a machine: x86_64-conda-linux-gnu.
func triplet(p platforms.Platform) string {
	arch := map[string]string{"ppc64le": "powerpc64le", "x86": "i686"}[p.Arch()]
	if arch == "" {
		arch = p.Arch()
	}
	if strings.HasPrefix(arch, "armv") {
		return arch + "-conda-linux-gnueabihf"
	}
	return arch + "-conda-linux-gnu"
}

// march are conda-forge's baseline flags of a machine.
func march(p platforms.Platform) string {
	switch p.Arch() {
	case "x86_64":
		return "-march=nocona -mtune=haswell "
	case "ppc64le":
		return "-mcpu=power8 -mtune=power8 "
	case "riscv64":
		return "-march=rv64imafdc -mabi=lp64d "
	}
	return ""
}

// intel tells the machines whose flags differ from all others' in conda-forge's activation.
func intel(p platforms.Platform) bool { return p.Arch() == "x86_64" || p.Arch() == "x86" }

// compilerEnv is what activating conda-forge's compilers sets (ctng-compiler-activation, build_scripts.sh), with the
// programs' plain names. It is the same for all languages but what language.of leaves to each, so the order of
// activation is of no matter. $PREFIX, $BUILD_PREFIX, $SRC_DIR, $PKG_NAME and $PKG_VERSION are expanded by the build.
// Debug data is mapped with -ffile-prefix-map, which also covers __FILE__, and the search paths of ELF files are
// made RUNPATH after the build, so there is no --disable-new-dtags.
func compilerEnv(p platforms.Platform, cc, cxx string) map[string]string {
	const usr = "/usr/local/src/conda"
	flags := "-isystem $PREFIX/include -ffile-prefix-map=$SRC_DIR=" + usr + "/$PKG_NAME-$PKG_VERSION -ffile-prefix-map=$PREFIX=" + usr + "-prefix"
	if !strings.Contains(cc, "clang") { // merged strings would share the end of a prefix that is replaced later
		flags = "-fno-merge-constants " + flags
	}
	level, sections, collect := "-O3", "", ""
	if intel(p) {
		level, sections, collect = "-O2", "-ffunction-sections ", "-Wl,--gc-sections "
	}
	cflags := march(p) + "-ftree-vectorize -fPIC -fstack-protector-strong -fno-plt " + level + " " + sections + "-pipe " + flags
	debug := march(p) + "-ftree-vectorize -fPIC -fstack-protector-all -fno-plt -Og -g -Wall -Wextra " + sections + "-pipe " + flags
	const inlines = "-fvisibility-inlines-hidden -fmessage-length=0 "
	return map[string]string{
		"CC": cc, "CXX": cxx, "FC": "gfortran", "F77": "gfortran", "F90": "gfortran",
		"CPP": "cpp", "AR": "ar", "AS": "as", "LD": "ld", "NM": "nm", "RANLIB": "ranlib", "STRIP": "strip",
		"OBJCOPY": "objcopy", "OBJDUMP": "objdump", "READELF": "readelf", "SIZE": "size", "STRINGS": "strings",
		"ADDR2LINE": "addr2line", "GCC_AR": "gcc-ar", "GCC_NM": "gcc-nm", "GCC_RANLIB": "gcc-ranlib",
		"CC_FOR_BUILD": cc, "CXX_FOR_BUILD": cxx,
		"HOST": triplet(p), "BUILD": triplet(p), "CONDA_TOOLCHAIN_HOST": triplet(p), "CONDA_TOOLCHAIN_BUILD": triplet(p),
		"CFLAGS": cflags, "FFLAGS": cflags, "FORTRANFLAGS": cflags, "CXXFLAGS": inlines + cflags,
		"CPPFLAGS":     "-DNDEBUG -D_FORTIFY_SOURCE=2 -O2 -isystem $PREFIX/include",
		"DEBUG_CFLAGS": debug, "DEBUG_FFLAGS": debug, "DEBUG_CXXFLAGS": inlines + debug,
		"DEBUG_CPPFLAGS": "-D_DEBUG -D_FORTIFY_SOURCE=2 -Og -isystem $PREFIX/include",
		"LDFLAGS": "-Wl,-O2 -Wl,--sort-common -Wl,--as-needed -Wl,-z,relro -Wl,-z,now " + collect + "-Wl,--allow-shlib-undefined " +
			"-Wl,-rpath,$PREFIX/lib -Wl,-rpath-link,$PREFIX/lib -L$PREFIX/lib",
		"CMAKE_PREFIX_PATH": "$PREFIX",
		"CMAKE_ARGS": "-DCMAKE_AR=/usr/bin/ar -DCMAKE_RANLIB=/usr/bin/ranlib -DCMAKE_LINKER=/usr/bin/ld -DCMAKE_STRIP=/usr/bin/strip " +
			"-DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=$PREFIX -DCMAKE_INSTALL_LIBDIR=lib -DCMAKE_PROGRAM_PATH=$BUILD_PREFIX/bin;$PREFIX/bin",
		"MESON_ARGS": "-Dbuildtype=release --prefix=$PREFIX -Dlibdir=lib",
	}
}

// language is what the activation of a compiler sets that only its language has.
type language string

const (
	langC       language = "c"
	langCXX     language = "cxx"
	langFortran language = "fortran"
)

// of is the part of a compiler's environment that its language has: as in conda-forge, gcc alone sets no CXX. A
// configure that is told of a C++ compiler asks it, and stops where there is none.
func (l language) of(env map[string]string) map[string]string {
	owners := map[string]language{
		"CXX": langCXX, "CXXFLAGS": langCXX, "DEBUG_CXXFLAGS": langCXX, "CXX_FOR_BUILD": langCXX,
		"FC": langFortran, "F77": langFortran, "F90": langFortran, "FFLAGS": langFortran, "FORTRANFLAGS": langFortran, "DEBUG_FFLAGS": langFortran,
	}
	mine := maps.Clone(env)
	maps.DeleteFunc(mine, func(name, _ string) bool { return owners[name] != "" && owners[name] != l })
	return mine
}

// major is the part of a version before the first dot.
func major(version string) string {
	m, _, _ := strings.Cut(version, ".")
	return m
}
