package toolchain

import "forge/platforms"

// mingw are the cross compilers for Windows that a Linux host may have, under the names of conda-forge's
// gcc_win-64 and m2w64-sysroot_win-64, of the two thread models Debian has the POSIX one, which std::thread needs,
// whatever update-alternatives says. They depend on the host's own gcc, without its flags, for programs
// that a build runs itself.
func mingw(p platforms.Platform) []tool {
	if p.OS() != "linux" {
		return nil
	}
	const target = "win-64"
	c := []string{"gcc-mingw-w64-x86-64-posix", "binutils-mingw-w64-x86-64", "mingw-w64-x86-64-dev"}
	cxx := append([]string{"g++-mingw-w64-x86-64-posix"}, c...)
	versions := []string{"gcc-mingw-w64-base"}
	sysroot := "m2w64-sysroot_" + target
	env := mingwEnv(p)
	var names []alias
	for _, program := range []string{"gcc", "g++", "c++", "cpp", "gcc-ar", "gcc-nm", "gcc-ranlib", "gcov"} {
		names = append(names, alias{mingwTriplet + "-" + program, mingwTriplet + "-" + program + "-posix"})
	}
	windows, err := platforms.Parse(target)
	if err != nil {
		return nil
	}
	meson := mesonCross(windows, mingwTriplet)
	env["MESON_ARGS"] = mesonArgs("$PREFIX/Library", meson)
	texts := []written{meson}
	// Without its import libraries, MinGW's library of threads is linked in as the rest of the runtime is.
	without := []string{"/usr/" + mingwTriplet + "/lib/libpthread.dll.a", "/usr/" + mingwTriplet + "/lib/libwinpthread.dll.a"}
	return []tool{
		{name: "gcc_" + target, deb: c, versions: versions, env: langC.of(env), aliases: names, texts: texts, without: without, depends: []string{"gcc", sysroot}},
		{name: "gxx_" + target, deb: cxx, versions: versions, env: langCXX.of(env), aliases: names, texts: texts, without: without, depends: []string{"gxx", "gcc_" + target, sysroot}},
		{name: sysroot, deb: []string{"mingw-w64-x86-64-dev"}, without: without},
		{name: "wine", deb: []string{"wine64"}, programs: []string{"/usr/lib/wine/wine64"},
			made: []string{"/usr/lib/x86_64-linux-gnu/wine/x86_64-windows/zlib1.dll"}}, // a copy marked as Wine's own
	}
}

// mingwTriplet is the GNU name of Windows on x86-64, as the programs of MinGW-w64 begin with it.
const mingwTriplet = "x86_64-w64-mingw32"

// mingwEnv is what activating them sets: conda-forge's m2w64 flags, the compiler's runtime linked in, so
// that a package needs no DLL that is not of Windows, and no time stamp in the headers of programs. The
// unwinder and the threads that are linked into a DLL are not exported: a program brings its own. The stack protector and
// _FORTIFY_SOURCE are left out: MinGW-w64 10 has them in a DLL, libssp-0.
func mingwEnv(p platforms.Platform) map[string]string {
	const usr = "/usr/local/src/conda"
	tool := func(name string) string { return mingwTriplet + "-" + name }
	cflags := "-march=nocona -mtune=haswell -ftree-vectorize -O2 -ffunction-sections -pipe " +
		"-isystem $PREFIX/Library/include -ffile-prefix-map=$SRC_DIR=" + usr + "/$PKG_NAME-$PKG_VERSION -ffile-prefix-map=$PREFIX=" + usr + "-prefix"
	return map[string]string{
		"CC": tool("gcc"), "CXX": tool("g++"), "CPP": tool("cpp"), "AR": tool("ar"), "AS": tool("as"), "LD": tool("ld"),
		"NM": tool("nm"), "RANLIB": tool("ranlib"), "STRIP": tool("strip"), "OBJCOPY": tool("objcopy"), "OBJDUMP": tool("objdump"),
		"DLLTOOL": tool("dlltool"), "WINDRES": tool("windres"), "RC": tool("windres"),
		"CC_FOR_BUILD": "gcc", "CXX_FOR_BUILD": "g++",
		"HOST": mingwTriplet, "BUILD": triplet(p), "CONDA_TOOLCHAIN_HOST": mingwTriplet, "CONDA_TOOLCHAIN_BUILD": triplet(p),
		"CFLAGS": cflags, "CXXFLAGS": "-fvisibility-inlines-hidden -fmessage-length=0 " + cflags,
		"CPPFLAGS":          "-DNDEBUG -O2 -isystem $PREFIX/Library/include",
		"LDFLAGS":           "-Wl,-O2 -Wl,--as-needed -Wl,--gc-sections -Wl,--no-insert-timestamp -Wl,--dynamicbase -Wl,--nxcompat -Wl,--high-entropy-va -static-libgcc -static-libstdc++ -Wl,--exclude-libs,libgcc_eh.a:libpthread.a:libwinpthread.a -L$PREFIX/Library/lib",
		"CMAKE_PREFIX_PATH": "$PREFIX/Library",
		"PKG_CONFIG_PATH":   "$PREFIX/Library/lib/pkgconfig:$PREFIX/Library/share/pkgconfig",
		"CMAKE_ARGS": "-DCMAKE_SYSTEM_NAME=Windows -DCMAKE_SYSTEM_PROCESSOR=AMD64 -DCMAKE_C_COMPILER=/usr/bin/" + tool("gcc") +
			" -DCMAKE_CXX_COMPILER=/usr/bin/" + tool("g++") + " -DCMAKE_RC_COMPILER=/usr/bin/" + tool("windres") +
			" -DCMAKE_FIND_ROOT_PATH=$PREFIX/Library;/usr/" + mingwTriplet + " -DCMAKE_FIND_ROOT_PATH_MODE_PROGRAM=NEVER" +
			" -DCMAKE_FIND_ROOT_PATH_MODE_LIBRARY=ONLY -DCMAKE_FIND_ROOT_PATH_MODE_INCLUDE=ONLY" +
			" -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=$PREFIX/Library -DCMAKE_INSTALL_LIBDIR=lib",
	}
}
