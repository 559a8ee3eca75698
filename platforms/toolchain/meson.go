package toolchain

import (
	"fmt"

	"forge/platforms"
)

// mesonFolder is where Meson looks for cross files by name.
const mesonFolder = "usr/share/meson/cross/"

// mesonCross is what Meson is told of the machine that a compiler makes programs for ("Cross-compilation" in
// Meson's manual), as conda-forge's activation scripts do with meson_cross_file.txt. The programs themselves are
// in the environment (CC and its kin), but for those that Meson asks a cross file for only.
func mesonCross(target platforms.Platform, gnu string) written {
	system := map[string]string{"osx": "darwin", "win": "windows"}[target.OS()]
	if system == "" {
		system = target.OS()
	}
	cpu, family, endian := target.Arch(), target.Arch(), "little"
	switch cpu {
	case "ppc64le":
		family = "ppc64"
	case "s390x":
		endian = "big"
	case "arm64", "aarch64":
		family = "aarch64"
	case "armv6l", "armv7l":
		family = "arm"
	case "x86":
		cpu = "i686"
	}
	subsystem := ""
	if system == "darwin" {
		subsystem = "subsystem = 'macos'\n"
	}
	return written{mesonFolder + gnu + ".ini", fmt.Sprintf(`[host_machine]
system = '%s'
cpu_family = '%s'
cpu = '%s'
endian = '%s'
%s
[binaries]
cmake = 'cmake'
pkg-config = 'pkg-config'

[properties]
needs_exe_wrapper = true
`, system, family, cpu, endian, subsystem)}
}

// mesonArgs are the arguments for meson setup.
func mesonArgs(prefix string, cross written) string {
	return "-Dbuildtype=release --prefix=" + prefix + " -Dlibdir=lib --cross-file=/" + cross.path
}
