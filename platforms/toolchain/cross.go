package toolchain

import (
	"strings"

	"forge/platforms"
)

// crossTargets are the Linux machines that Debian has cross compilers for, by conda's and Debian's names.
func crossTargets() []struct{ machine, debian, gnu string } {
	return []struct{ machine, debian, gnu string }{
		{"aarch64", "arm64", "aarch64-linux-gnu"},
		{"ppc64le", "ppc64el", "powerpc64le-linux-gnu"},
		{"s390x", "s390x", "s390x-linux-gnu"},
		{"riscv64", "riscv64", "riscv64-linux-gnu"},
		{"armv7l", "armhf", "arm-linux-gnueabihf"},
		{"32", "i386", "i686-linux-gnu"},
	}
}

// cross are the cross compilers for other Linux machines that a Linux host may have, under conda-forge's
// names: gcc_linux-aarch64 and its kin. They bring the host's own gcc, without its flags, for programs that a
// build runs itself. A qemu that runs the target's programs is the external emulator_<platform>.
func cross(p platforms.Platform) []tool {
	if p.OS() != "linux" {
		return nil
	}
	// qemu for the machine's own programs runs those of a CPU level that it lacks.
	all := []tool{{name: EmulatorFor(p), deb: []string{"qemu-user-static"}}}
	for _, t := range crossTargets() {
		target, err := platforms.Parse("linux-" + t.machine)
		if err != nil || target == p {
			continue
		}
		pkg := strings.ReplaceAll(t.gnu, "_", "-")
		libc := []string{"libc6-dev-" + t.debian + "-cross", "linux-libc-dev-" + t.debian + "-cross"}
		c := append([]string{"gcc-" + pkg, "cpp-" + pkg, "binutils-" + pkg}, libc...)
		cxx := append([]string{"g++-" + pkg}, c...)
		fortran := append([]string{"gfortran-" + pkg}, c...)
		versions := gccVersions("-" + pkg)
		names := crossNames(target, t.gnu)
		env := crossEnv(p, target, t.gnu)
		meson := mesonCross(target, triplet(target))
		env["MESON_ARGS"] = mesonArgs("$PREFIX", meson)
		texts := []written{meson}
		sys, name := "sysroot_"+target.String(), target.String()
		all = append(all,
			tool{name: "gcc_" + name, deb: c, versions: versions, aliases: names, env: langC.of(env), texts: texts, exports: cExports, depends: []string{"gcc", sys}},
			tool{name: "gxx_" + name, deb: cxx, versions: versions, aliases: names, env: langCXX.of(env), texts: texts, exports: cxxExports, depends: []string{"gxx", "gcc_" + name, sys}},
			tool{name: "gfortran_" + name, deb: fortran, versions: versions, aliases: names, env: langFortran.of(env), texts: texts, exports: fortranExports, depends: []string{"gcc_" + name, sys}},
			tool{name: sys, deb: libc, exports: sysrootExports},
			tool{name: EmulatorFor(target), deb: []string{"qemu-user-static", "libc6-" + t.debian + "-cross"},
				anyOf: [][]string{{"libgcc-s1-" + t.debian + "-cross"}, {"libstdc++6-" + t.debian + "-cross"}}},
		)
	}
	return all
}

// SysrootOf is where the C library of a cross target lies; empty where none is known.
func SysrootOf(p platforms.Platform) string {
	for _, t := range crossTargets() {
		if p.String() == "linux-"+t.machine {
			return "/usr/" + t.gnu
		}
	}
	return ""
}

// EmulatorFor is the name of the external that runs p's programs on another machine.
func EmulatorFor(p platforms.Platform) string { return "emulator_" + p.String() }

// gccVersions are the packages that carry a compiler's version, newest first.
func gccVersions(suffix string) []string {
	var list []string
	for _, v := range []string{"16", "15", "14", "13", "12", "11", "10"} {
		list = append(list, "gcc-"+v+suffix)
	}
	return list
}

// crossNames give Debian's cross programs conda's names.
func crossNames(target platforms.Platform, gnu string) []alias {
	var all []alias
	for _, program := range []string{"gcc", "g++", "cpp", "ar", "as", "ld", "ld.bfd", "ld.gold", "nm", "ranlib", "strip", "objcopy", "objdump",
		"readelf", "size", "strings", "addr2line", "c++filt", "elfedit", "gcc-ar", "gcc-nm", "gcc-ranlib", "gcov", "gfortran"} {
		all = append(all, alias{triplet(target) + "-" + program, gnu + "-" + program})
	}
	return append(all, alias{triplet(target) + "-cc", gnu + "-gcc"}, alias{triplet(target) + "-c++", gnu + "-g++"})
}

// crossEnv is what activating them sets: conda-forge's flags for the target, its names for configure
// (build_alias and host_alias are what autoconf reads), and what cmake and meson are told.
func crossEnv(build, target platforms.Platform, gnu string) map[string]string {
	host := triplet(target)
	tool := func(name string) string { return host + "-" + name }
	env := compilerEnv(target, tool("gcc"), tool("g++"))
	for key, program := range map[string]string{"CPP": "cpp", "AR": "ar", "AS": "as", "LD": "ld", "NM": "nm", "RANLIB": "ranlib", "STRIP": "strip",
		"OBJCOPY": "objcopy", "OBJDUMP": "objdump", "READELF": "readelf", "SIZE": "size", "STRINGS": "strings", "ADDR2LINE": "addr2line",
		"GCC_AR": "gcc-ar", "GCC_NM": "gcc-nm", "GCC_RANLIB": "gcc-ranlib"} {
		env[key] = tool(program)
	}
	env["CC_FOR_BUILD"], env["CXX_FOR_BUILD"], env["CPP_FOR_BUILD"] = "gcc", "g++", "cpp"
	env["FC"], env["F77"], env["F90"] = tool("gfortran"), tool("gfortran"), tool("gfortran")
	env["QEMU_LD_PREFIX"] = "/usr/" + gnu // where a qemu that a script starts finds the target's loader
	env["BUILD"], env["CONDA_TOOLCHAIN_BUILD"], env["build_alias"], env["host_alias"] = triplet(build), triplet(build), triplet(build), host
	env["CONDA_BUILD_SYSROOT"] = "/usr/" + gnu
	env["CMAKE_ARGS"] = "-DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=" + cmakeProcessor(target) +
		" -DCMAKE_C_COMPILER=/usr/bin/" + tool("gcc") + " -DCMAKE_CXX_COMPILER=/usr/bin/" + tool("g++") + " -DCMAKE_Fortran_COMPILER=/usr/bin/" + tool("gfortran") + " -DCMAKE_AR=/usr/bin/" + tool("ar") +
		" -DCMAKE_RANLIB=/usr/bin/" + tool("ranlib") + " -DCMAKE_STRIP=/usr/bin/" + tool("strip") +
		" -DCMAKE_FIND_ROOT_PATH=$PREFIX;/usr/" + gnu + " -DCMAKE_FIND_ROOT_PATH_MODE_PROGRAM=NEVER -DCMAKE_FIND_ROOT_PATH_MODE_LIBRARY=ONLY -DCMAKE_FIND_ROOT_PATH_MODE_INCLUDE=ONLY" +
		" -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=$PREFIX -DCMAKE_INSTALL_LIBDIR=lib"
	return env
}

// cmakeProcessor is what uname -m says on such a machine.
func cmakeProcessor(p platforms.Platform) string {
	if p.Arch() == "x86" {
		return "i686"
	}
	return p.Arch()
}
