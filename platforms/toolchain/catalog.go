package toolchain

import (
	"slices"

	"forge/packages"
	"forge/platforms"
)

// tool is one line of the catalogue: how a tool is called in recipes and what it is on a host.
type tool struct {
	name     string
	deb      []string   // Debian packages; the first one that is installed must be, and gives the version
	anyOf    [][]string // of each list the first installed one is taken too
	versions []string   // Debian packages whose version is asked instead of deb[0]'s, first installed wins
	glob     *glob      // where it lies outside packages
	programs []string   // of a package that has none in usr/bin
	made     []string   // files that its packages' scripts make, absolute; taken where they are there
	without  []string   // files of its packages that stay out, absolute
	texts    []written  // files that it has beside those of the host
	whole    []string   // folders that it upgrades in place, absolute: what lies there now is taken, not what dpkg lists
	inPrefix bool       // its programs are seen in the build prefix, too
	shown    []Shown    // what else of it is seen there
	windows  string     // what it is on Windows, see windowsHost
	mac      string     // what it is on macOS, see macHost
	macArch  string     // of macClang, as clang's -arch has it
	declared *Declared  // of the workspace
	depends  []string
	aliases  []alias
	env      map[string]string
	exports  func(version, glibc string) packages.RunExports
}

// alias is a further name of a program, made only where that program is in the tree.
type alias struct{ name, program string } // both below usr/bin

// catalog lists the tools that may be taken from a host for p, under conda-forge's names.
// Libraries are not in it, nor is an interpreter that packages run on: those are recipes.
func catalog(p platforms.Platform) []tool {
	if p.IsWindows() {
		return windowsCatalog(p)
	}
	if p.OS() == "osx" {
		return slices.Concat(xcodeTools(p), goTools(p))
	}
	all := slices.Concat(compilers(p), mingw(p), cross(p), zig(p), crossRust(p))
	all = append(all, goTools(p)...)
	for _, name := range []string{"m4", "autoconf", "bison", "flex", "texinfo", "make", "cmake",
		"patch", "sed", "grep", "gawk", "findutils", "diffutils", "coreutils", "bash", "tar", "gzip", "unzip", "zip",
		"rsync", "git", "patchelf", "nasm", "yasm", "swig", "gperf", "help2man", "ccache", "file", "intltool", "itstool", "xsltproc"} {
		all = append(all, tool{name: name, deb: []string{name}, inPrefix: true})
	}
	aclocal := Shown{"share/aclocal", "/usr/share/aclocal"}
	return append(all,
		tool{name: Base, deb: []string{"bash", "coreutils", "sed", "grep", "findutils", "diffutils", "tar", "gzip", "patch", "dash", "libc6", "libc-bin"},
			anyOf: [][]string{{"gawk"}, {"mawk"}, {"original-awk"}}, versions: []string{"libc6"}},
		tool{name: "cmake-no-system", deb: []string{"cmake"}, inPrefix: true},
		tool{name: "perl", deb: []string{"perl", "perl-base"}, inPrefix: true},
		tool{name: "ninja", deb: []string{"ninja-build"}, inPrefix: true},
		tool{name: "pkg-config", deb: []string{"pkg-config"}, anyOf: [][]string{{"pkgconf"}}, inPrefix: true, shown: []Shown{aclocal}},
		tool{name: "pkgconf", deb: []string{"pkgconf"}, inPrefix: true, shown: []Shown{aclocal}},
		tool{name: "automake", deb: []string{"automake"}, inPrefix: true, shown: []Shown{aclocal}},
		tool{name: "libtool", deb: []string{"libtool"}, anyOf: [][]string{{"libtool-bin"}}, inPrefix: true,
			made:  []string{"/usr/share/aclocal/ltdl.m4"}, // of libltdl-dev, which is a library: its macros alone
			shown: []Shown{aclocal, {"share/libtool", "/usr/share/libtool"}}},
		tool{name: "gettext", deb: []string{"gettext"}, anyOf: [][]string{{"autopoint"}}, inPrefix: true, shown: []Shown{aclocal}},
		tool{name: "gettext-tools", deb: []string{"gettext"}, anyOf: [][]string{{"autopoint"}}, inPrefix: true, shown: []Shown{aclocal}},
		// config.guess and config.sub, which scripts of conda-forge copy over those of old sources.
		tool{name: "gnuconfig", deb: []string{"autotools-dev"}, shown: []Shown{{"share/gnuconfig", "/usr/share/misc"}}},
		tool{name: "tcl", deb: []string{"tcl"}, inPrefix: true},
		tool{name: "which", deb: []string{"debianutils"}, inPrefix: true},
		tool{name: "nodejs", deb: []string{"nodejs"}, anyOf: [][]string{{"npm"}}, whole: []string{"/usr/lib/node_modules/npm"}, inPrefix: true},
		tool{name: "rust", deb: []string{"rustc"}, anyOf: [][]string{{"cargo"}}, depends: []string{"gcc"}},
		tool{name: "rust_" + p.String(), deb: []string{"rustc"}, anyOf: [][]string{{"cargo"}}, depends: []string{"gcc_" + p.String()}},
	)
}

// DebianPackages are those to install on Debian for a tool of the catalogue, nil where none is known.
func DebianPackages(p platforms.Platform, name string) []string {
	for _, t := range catalog(p) {
		if t.name != name || len(t.deb) == 0 {
			continue
		}
		list := slices.Clone(t.deb)
		for _, any := range t.anyOf {
			list = append(list, any[0])
		}
		return list
	}
	return nil
}

// compilers are GCC's languages, binutils, the C library's headers and the runtimes.
func compilers(p platforms.Platform) []tool {
	if p.OS() != "linux" {
		return nil
	}
	c := []string{"gcc", "cpp", "binutils", "libc6-dev"}
	cxx := append([]string{"g++"}, c...)
	fortran := append([]string{"gfortran"}, c...)
	cNames := conda(p, "gcc", "cc", "cpp", "ar", "as", "ld", "ld.bfd", "ld.gold", "nm", "ranlib", "strip", "objcopy", "objdump",
		"readelf", "size", "strings", "addr2line", "c++filt", "elfedit", "gprof", "gcc-ar", "gcc-nm", "gcc-ranlib", "gcov")
	cxxNames := append(conda(p, "g++", "c++"), cNames...)
	fNames := append(conda(p, "gfortran"), cNames...)
	gcc := gccVersions("")
	clang := []string{"clang", "binutils", "libc6-dev"}
	clangs := []string{"clang-19", "clang-18", "clang-17", "clang-16", "clang-15", "clang-14", "clang-13"}
	// For link time optimisation; a clang without them does everything else.
	llvm := [][]string{{"llvm"}, {"lld"}}
	env, clangEnv := compilerEnv(p, "gcc", "g++"), compilerEnv(p, "clang", "clang++")
	clangEnv["CCC_OVERRIDE_OPTIONS"] = clangNotNative
	sys := "sysroot_" + p.String()
	return []tool{
		{name: "gcc_" + p.String(), deb: c, versions: gcc, aliases: cNames, env: langC.of(env), exports: cExports, depends: []string{sys}},
		{name: "gxx_" + p.String(), deb: cxx, versions: gcc, aliases: cxxNames, env: langCXX.of(env), exports: cxxExports, depends: []string{"gcc_" + p.String(), sys}},
		{name: "gfortran_" + p.String(), deb: fortran, versions: gcc, aliases: fNames, env: langFortran.of(env), exports: fortranExports, depends: []string{"gcc_" + p.String(), sys}},
		// What conda-forge builds the dependencies of its own compilers with.
		{name: "gcc_bootstrap_" + p.String(), deb: c, versions: gcc, aliases: cNames, env: langC.of(env), exports: cExports, depends: []string{sys}},
		{name: "gxx_bootstrap_" + p.String(), deb: cxx, versions: gcc, aliases: cxxNames, env: langCXX.of(env), exports: cxxExports, depends: []string{"gcc_bootstrap_" + p.String(), sys}},
		{name: "gcc", deb: c, versions: gcc, aliases: cNames, depends: []string{sys}},
		{name: "gxx", deb: cxx, versions: gcc, aliases: cxxNames, depends: []string{"gcc", sys}},
		{name: "gfortran", deb: fortran, versions: gcc, aliases: fNames, depends: []string{"gcc", sys}},
		{name: "clang_" + p.String(), deb: clang, anyOf: llvm, versions: clangs, aliases: cNames, env: langC.of(clangEnv), exports: sysrootExports, depends: []string{sys}},
		{name: "clangxx_" + p.String(), deb: append([]string{"g++"}, clang...), anyOf: llvm, versions: clangs, aliases: cNames, env: langCXX.of(clangEnv), exports: clangxxExports, depends: []string{"clang_" + p.String(), sys}},
		{name: "binutils", deb: []string{"binutils"}, aliases: cNames},
		{name: "binutils_" + p.String(), deb: []string{"binutils"}, aliases: cNames},
		{name: sys, deb: []string{"libc6-dev", "linux-libc-dev"}, exports: sysrootExports},
		{name: "libgcc", deb: []string{"libgcc-s1"}},
		{name: "libgcc-ng", deb: []string{"libgcc-s1"}},
		{name: "libstdcxx", deb: []string{"libstdc++6"}},
		{name: "libstdcxx-ng", deb: []string{"libstdc++6"}},
		{name: "libgfortran", deb: []string{"libgfortran5"}},
		{name: "libgomp", deb: []string{"libgomp1"}},
	}
}

// conda gives programs the names that conda's compiler packages have: x86_64-conda-linux-gnu-gcc.
func conda(p platforms.Platform, programs ...string) []alias {
	var all []alias
	for _, name := range programs {
		all = append(all, alias{triplet(p) + "-" + name, name})
	}
	return all
}

func cExports(version, glibc string) packages.RunExports {
	return packages.RunExports{Strong: append([]string{"libgcc >=" + major(version)}, glibcSpec(glibc)...)}
}

func cxxExports(version, glibc string) packages.RunExports {
	e := cExports(version, glibc)
	e.Strong = append([]string{"libstdcxx >=" + major(version)}, e.Strong...)
	return e
}

func clangxxExports(_, glibc string) packages.RunExports {
	return packages.RunExports{Strong: append([]string{"libstdcxx"}, glibcSpec(glibc)...)}
}

func fortranExports(version, glibc string) packages.RunExports {
	e := cExports(version, glibc)
	e.Strong = append([]string{"libgfortran"}, e.Strong...)
	return e
}

func sysrootExports(_, glibc string) packages.RunExports {
	return packages.RunExports{Strong: glibcSpec(glibc)}
}

// glibcSpec bounds the C library as conda-forge's sysroot does.
func glibcSpec(version string) []string {
	if version == "" {
		return nil
	}
	return []string{"__glibc >=" + version + ",<3.0.a0"}
}
