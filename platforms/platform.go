// Package platforms describes what a build runs on and for.
package platforms

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
)

// Platform is a conda subdir as a value, for example linux-64 or noarch.
type Platform struct{ subdir string }

// Subdirs lists every subdir conda knows (rattler_conda_types 0.45), sorted.
func Subdirs() []string {
	return []string{
		"android-32", "android-64", "android-aarch64", "android-armv7a",
		"emscripten-wasm32", "emscripten-wasm64", "freebsd-32", "freebsd-64", "freebsd-arm64",
		"ios-arm64", "iossimulator-64", "iossimulator-arm64",
		"linux-32", "linux-64", "linux-aarch64", "linux-armv6l", "linux-armv7l", "linux-loongarch64",
		"linux-ppc", "linux-ppc64", "linux-ppc64le", "linux-riscv32", "linux-riscv64", "linux-s390x",
		"noarch", "osx-64", "osx-arm64", "wasi-wasm32", "win-32", "win-64", "win-arm64", "zos-z",
	}
}

// Parse reads a subdir name.
func Parse(subdir string) (Platform, error) {
	if !slices.Contains(Subdirs(), subdir) {
		return Platform{}, fmt.Errorf("unknown platform %q (known: %s)", subdir, strings.Join(Subdirs(), " "))
	}
	return Platform{subdir}, nil
}

// Host returns the platform this program runs on.
func Host() Platform {
	osName := map[string]string{"darwin": "osx", "windows": "win"}[runtime.GOOS]
	if osName == "" {
		osName = runtime.GOOS
	}
	arch := map[string]string{"amd64": "64", "386": "32", "arm64": "aarch64", "loong64": "loongarch64"}[runtime.GOARCH]
	if arch == "" {
		arch = runtime.GOARCH
	}
	if arch == "aarch64" && (osName == "osx" || osName == "win" || osName == "freebsd") {
		arch = "arm64"
	}
	return Platform{osName + "-" + arch}
}

// String is the subdir; empty for the zero Platform.
func (p Platform) String() string { return p.subdir }

// IsNoArch reports whether p is noarch.
func (p Platform) IsNoArch() bool { return p.subdir == "noarch" }

// OS is the part before the dash: linux, osx, win, …; "noarch" for noarch.
func (p Platform) OS() string {
	name, _, _ := strings.Cut(p.subdir, "-")
	return name
}

// SubdirArch is the part after the dash: 64, 32, aarch64, arm64, …; empty for noarch.
func (p Platform) SubdirArch() string {
	_, arch, _ := strings.Cut(p.subdir, "-")
	return arch
}

// Arch is the machine as index.json names it: x86_64, x86, aarch64, arm64, …
func (p Platform) Arch() string {
	switch arch := p.SubdirArch(); arch {
	case "64":
		return "x86_64"
	case "32":
		return "x86"
	default:
		return arch
	}
}

// IsWindows reports whether scripts are build.bat and paths have Library\ layout.
func (p Platform) IsWindows() bool { return p.OS() == "win" }

// IsUnix is the `unix` selector: all but Windows and noarch.
func (p Platform) IsUnix() bool { return !p.IsWindows() && !p.IsNoArch() && p.subdir != "" }

// MarshalText writes the subdir.
func (p Platform) MarshalText() ([]byte, error) { return []byte(p.subdir), nil }

// UnmarshalText reads a subdir.
func (p *Platform) UnmarshalText(b []byte) error {
	v, err := Parse(string(b))
	if err == nil {
		*p = v
	}
	return err
}
