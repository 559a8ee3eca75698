package toolchain

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"forge/packages"
	"forge/platforms"
)

// goTools are the names of Go: go and go-nocgo build without C, go-cgo with it.
func goTools(p platforms.Platform) []tool {
	at := &glob{
		folder: "usr/local/go", programs: []string{"bin/go", "bin/gofmt"}, version: goVersion,
		links: []link{{"usr/bin/go", "../local/go/bin/go"}, {"usr/bin/gofmt", "../local/go/bin/gofmt"}},
		skip: func(rel string) bool {
			top, _, _ := strings.Cut(rel, "/")
			switch top {
			case "bin", "pkg", "src", "lib", "go.env", "VERSION", "LICENSE":
			default:
				return true
			}
			// The commands that builds call are compiled already, in pkg/tool.
			return rel == "pkg/obj" || rel == "src/cmd" || strings.HasSuffix(rel, "/testdata") || strings.HasSuffix(rel, "_test.go")
		},
	}
	deb := []string{"golang-go"}
	var all []tool
	for _, suffix := range []string{"", "_" + p.String()} {
		all = append(all,
			tool{name: "go" + suffix, glob: at, deb: deb, env: goEnv("0")},
			tool{name: "go-nocgo" + suffix, glob: at, deb: deb, env: goEnv("0")},
			tool{name: "go-cgo" + suffix, glob: at, deb: deb, env: goEnv("1"), depends: []string{"gcc_" + p.String()}, exports: cgoExports})
	}
	all = append(all, crossGo(p, at, deb)...)
	for _, subdir := range platforms.Subdirs() { // without C, Go builds for other machines by itself
		if target := goTarget(subdir); target[0] != "" && subdir != p.String() {
			env := goEnv("0")
			goFor(env, subdir)
			all = append(all, tool{name: "go-nocgo_" + subdir, glob: at, deb: deb, env: env})
		}
	}
	return all
}

// crossGo is Go with C for the machines that the host has cross compilers for. Macs are not among them: Go links
// CoreFoundation into programs with C, and zig has no frameworks.
func crossGo(p platforms.Platform, at *glob, deb []string) []tool {
	if p.OS() != "linux" {
		return nil
	}
	compilers := map[string]string{"win-64": "gcc_win-64"}
	for _, t := range crossTargets() {
		compilers["linux-"+t.machine] = "gcc_linux-" + t.machine
	}
	delete(compilers, p.String())
	var all []tool
	for _, subdir := range slices.Sorted(maps.Keys(compilers)) {
		env := goEnv("1")
		goFor(env, subdir)
		t := tool{name: "go-cgo_" + subdir, glob: at, deb: deb, env: env, depends: []string{compilers[subdir]}}
		if strings.HasPrefix(subdir, "linux-") {
			t.exports = cgoExports
		}
		all = append(all, t)
	}
	return all
}

// goFor tells Go what machine to build for.
func goFor(env map[string]string, subdir string) {
	target := goTarget(subdir)
	env["GOOS"], env["GOARCH"] = target[0], target[1]
	delete(env, "GOBIN") // with it Go installs nothing that it built for another machine
	if target[1] == "arm" {
		env["GOARM"] = map[string]string{"linux-armv6l": "6", "linux-armv7l": "7"}[subdir]
	}
}

// goTarget is a subdir's GOOS and GOARCH, empty where Go's own linker makes no programs for it.
func goTarget(subdir string) [2]string {
	return map[string][2]string{
		"linux-64": {"linux", "amd64"}, "linux-32": {"linux", "386"}, "linux-aarch64": {"linux", "arm64"}, "linux-armv6l": {"linux", "arm"},
		"linux-armv7l": {"linux", "arm"}, "linux-ppc64le": {"linux", "ppc64le"}, "linux-ppc64": {"linux", "ppc64"}, "linux-s390x": {"linux", "s390x"},
		"linux-riscv64": {"linux", "riscv64"}, "linux-loongarch64": {"linux", "loong64"},
		"osx-64": {"darwin", "amd64"}, "osx-arm64": {"darwin", "arm64"},
		"win-64": {"windows", "amd64"}, "win-32": {"windows", "386"}, "win-arm64": {"windows", "arm64"},
		"freebsd-64": {"freebsd", "amd64"}, "freebsd-32": {"freebsd", "386"}, "freebsd-arm64": {"freebsd", "arm64"},
		"wasi-wasm32": {"wasip1", "wasm"},
	}[subdir]
}

func cgoExports(_, glibc string) packages.RunExports {
	return packages.RunExports{Strong: glibcSpec(glibc)}
}

// goVersion reads GOROOT/VERSION: "go1.26.8" and a time.
func goVersion(folder string) (string, bool) {
	b, err := os.ReadFile(filepath.Join(folder, "VERSION"))
	line, _, _ := strings.Cut(string(b), "\n")
	version, ok := strings.CutPrefix(strings.TrimSpace(line), "go")
	return version, err == nil && ok
}

// goEnv keeps Go from leaving its folder: no other toolchain, no checksum server, no build paths. `go install` puts
// programs into the prefix, as conda-forge's Go does.
func goEnv(cgo string) map[string]string {
	env := map[string]string{
		"CGO_ENABLED": cgo, "GOTOOLCHAIN": "local", "GOTELEMETRY": "off", "GOSUMDB": "off", "GOWORK": "off",
		"GOFLAGS": "-trimpath -buildvcs=false -modcacherw", "GOCACHE": "/tmp/go-build", "GOPATH": "/tmp/go", "GOENV": "off",
		"GOBIN": "$PREFIX/bin",
	}
	if cgo == "1" { // as conda-forge's go-cgo; what the C compiler's activation made of them
		for _, name := range []string{"CFLAGS", "CPPFLAGS", "CXXFLAGS", "LDFLAGS"} {
			env["CGO_"+name] = "$" + name
		}
	}
	return env
}
