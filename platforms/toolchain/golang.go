package toolchain

import (
	"os"
	"path/filepath"
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
	return all
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

// goEnv keeps Go from leaving its folder: no other toolchain, no checksum server, no build paths.
func goEnv(cgo string) map[string]string {
	return map[string]string{
		"CGO_ENABLED": cgo, "GOTOOLCHAIN": "local", "GOTELEMETRY": "off", "GOSUMDB": "off", "GOWORK": "off",
		"GOFLAGS": "-trimpath -buildvcs=false -modcacherw", "GOCACHE": "/tmp/go-build", "GOPATH": "/tmp/go", "GOENV": "off",
	}
}
