package toolchain

import (
	"strings"

	"forge/platforms"
)

// triplet is conda's name of a machine: x86_64-conda-linux-gnu.
func triplet(p platforms.Platform) string {
	arch := map[string]string{"ppc64le": "powerpc64le", "x86": "i686"}[p.Arch()]
	if arch == "" {
		arch = p.Arch()
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
	}
	return ""
}

// compilerEnv is what activating conda-forge's compilers sets (ctng-compiler-activation), with the
// programs' plain names. Every compiler sets all of it, so the order of activation is of no matter.
// $PREFIX, $BUILD_PREFIX, $SRC_DIR, $PKG_NAME and $PKG_VERSION are expanded by the build.
func compilerEnv(p platforms.Platform, cc, cxx string) map[string]string {
	const usr = "/usr/local/src/conda"
	maps := "-isystem $PREFIX/include -ffile-prefix-map=$SRC_DIR=" + usr + "/$PKG_NAME-$PKG_VERSION -ffile-prefix-map=$PREFIX=" + usr + "-prefix"
	cflags := march(p) + "-ftree-vectorize -fPIC -fstack-protector-strong -fno-plt -O2 -ffunction-sections -pipe " + maps
	return map[string]string{
		"CC": cc, "CXX": cxx, "FC": "gfortran", "F77": "gfortran", "F90": "gfortran",
		"CPP": "cpp", "AR": "ar", "AS": "as", "LD": "ld", "NM": "nm", "RANLIB": "ranlib", "STRIP": "strip",
		"OBJCOPY": "objcopy", "OBJDUMP": "objdump", "READELF": "readelf", "SIZE": "size", "STRINGS": "strings",
		"ADDR2LINE": "addr2line", "GCC_AR": "gcc-ar", "GCC_NM": "gcc-nm", "GCC_RANLIB": "gcc-ranlib",
		"CC_FOR_BUILD": cc, "CXX_FOR_BUILD": cxx,
		"HOST": triplet(p), "BUILD": triplet(p), "CONDA_TOOLCHAIN_HOST": triplet(p), "CONDA_TOOLCHAIN_BUILD": triplet(p),
		"CFLAGS": cflags, "FFLAGS": cflags, "FORTRANFLAGS": cflags,
		"CXXFLAGS": "-fvisibility-inlines-hidden -fmessage-length=0 " + cflags,
		"CPPFLAGS": "-DNDEBUG -D_FORTIFY_SOURCE=2 -O2 -isystem $PREFIX/include",
		"LDFLAGS": "-Wl,-O2 -Wl,--sort-common -Wl,--as-needed -Wl,-z,relro -Wl,-z,now -Wl,--gc-sections -Wl,--allow-shlib-undefined " +
			"-Wl,-rpath,$PREFIX/lib -Wl,-rpath-link,$PREFIX/lib -L$PREFIX/lib",
		"CMAKE_PREFIX_PATH": "$PREFIX",
		"CMAKE_ARGS": "-DCMAKE_AR=/usr/bin/ar -DCMAKE_RANLIB=/usr/bin/ranlib -DCMAKE_LINKER=/usr/bin/ld -DCMAKE_STRIP=/usr/bin/strip " +
			"-DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=$PREFIX -DCMAKE_INSTALL_LIBDIR=lib -DCMAKE_PROGRAM_PATH=$BUILD_PREFIX/bin;$PREFIX/bin",
		"MESON_ARGS": "-Dbuildtype=release --prefix=$PREFIX -Dlibdir=lib",
	}
}

// major is the part of a version before the first dot.
func major(version string) string {
	m, _, _ := strings.Cut(version, ".")
	return m
}
