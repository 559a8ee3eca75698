package toolchain

import (
	"strings"

	"forge/platforms"
)

// crossRust are the names of Rust for the machines that Debian has its standard library for: for Windows as a
// package of its own, for another Linux machine as the package of that architecture (libstd-rust-dev:arm64, after
// dpkg --add-architecture arm64). They link with the cross compiler for C.
func crossRust(p platforms.Platform) []tool {
	if p.OS() != "linux" {
		return nil
	}
	all := []tool{rustFor(p, "win-64", "libstd-rust-dev-windows", "x86_64-pc-windows-gnu", mingwTriplet+"-gcc")}
	for _, t := range crossTargets() {
		target, err := platforms.Parse("linux-" + t.machine)
		if err == nil && target != p {
			all = append(all, rustFor(p, target.String(), "libstd-rust-dev:"+t.debian, rustTriple(target), triplet(target)+"-gcc"))
		}
	}
	return all
}

// rustFor is Rust with the standard library of another platform, whose package must be there.
func rustFor(p platforms.Platform, subdir, library, triple, linker string) tool {
	return tool{name: "rust_" + subdir, deb: []string{library, "rustc"}, versions: []string{"rustc"}, anyOf: [][]string{{"cargo"}},
		depends: []string{"gcc_" + subdir}, env: rustEnv(rustTriple(p), triple, linker)}
}

// rustTriple is Rust's name of a Linux machine.
func rustTriple(p platforms.Platform) string {
	switch p.Arch() {
	case "x86":
		return "i686-unknown-linux-gnu"
	case "armv7l":
		return "armv7-unknown-linux-gnueabihf"
	case "ppc64le":
		return "powerpc64le-unknown-linux-gnu"
	case "riscv64":
		return "riscv64gc-unknown-linux-gnu"
	}
	return p.Arch() + "-unknown-linux-gnu"
}

// rustEnv is what conda-forge's rust activation sets: cargo builds for the target, and what it runs itself (build
// scripts, macros) for the machine that builds. HOST_CC is what the cc crate asks for the latter.
func rustEnv(build, target, linker string) map[string]string {
	key := func(triple string) string {
		return "CARGO_TARGET_" + strings.ToUpper(strings.ReplaceAll(triple, "-", "_")) + "_LINKER"
	}
	return map[string]string{"CARGO_BUILD_TARGET": target, key(target): linker, key(build): "gcc", "HOST_CC": "gcc", "HOST_CFLAGS": ""}
}
