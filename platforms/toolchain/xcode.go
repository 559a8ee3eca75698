package toolchain

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"forge/platforms"
)

// What a tool of the catalogue is on macOS.
const (
	macSystem = "system" // the shell and what comes with macOS
	macSDK    = "sdk"    // the interfaces of the system
	macClang  = "clang"  // Apple's compiler, of Xcode or of the command line tools
	macTool   = "tool"   // another program of theirs, called as the tool is
)

// xcodeTools lists what may be taken from a Mac, under conda-forge's names: the compiler of the selected
// developer folder, for both processors, and the oldest system to build for.
func xcodeTools(p platforms.Platform) []tool {
	all := []tool{{name: Base, mac: macSystem}}
	for _, name := range []string{"make", "m4", "bison", "flex", "git"} {
		all = append(all, tool{name: name, mac: macTool})
	}
	for _, t := range zigTargets() {
		arch, _, _ := strings.Cut(t.gnu, "-")
		all = append(all,
			tool{name: "clang_" + t.subdir, mac: macClang, macArch: arch},
			tool{name: "clangxx_" + t.subdir, mac: macClang, macArch: arch, depends: []string{"clang_" + t.subdir}},
			tool{name: "macosx_deployment_target_" + t.subdir, mac: macSDK, exports: macosExports})
	}
	return all
}

// xcode is the selected developer folder: an Xcode, or the command line tools.
type xcode struct {
	developer string // /Applications/Xcode_15.4.app/Contents/Developer
	bin       string // of the compiler
	clang     string // 15.0.0
	build     string // clang-1500.3.9.4
	sdk       string // folder
	sdkOf     string // 14.5
	xcode     string // "Xcode 15.4 (15F31d)"; empty for the command line tools
}

// macHost finds tools on a Mac. ask runs one of the system's programs, with nothing of the caller's environment:
// DEVELOPER_DIR and SDKROOT would choose other tools for one user than for another.
type macHost struct {
	root     string
	looked   *looked
	selected func() (*xcode, error) // nil where there is none
	system   func() (string, error)
	ask      func(argv ...string) ([]byte, error)
}

func newMacHost(root string, ask func(argv ...string) ([]byte, error), l *looked) *macHost {
	return &macHost{root: root, looked: l, ask: ask,
		selected: sync.OnceValues(func() (*xcode, error) { return askXcode(root, ask) }),
		system:   sync.OnceValues(func() (string, error) { return oneLine(ask("sw_vers", "-productVersion")) }),
	}
}

func (h *macHost) find(t tool) (string, []string, bool, error) {
	if t.mac == "" {
		return "", nil, false, nil
	}
	if t.mac == macSystem {
		version, err := h.system()
		return version, []string{"/bin/bash", "/bin/sh"}, err == nil, err
	}
	h.looked.patterns() // what is selected is a program's answer
	x, err := h.selected()
	if err != nil || x == nil {
		return "", nil, false, err
	}
	if t.mac == macSDK {
		return OldestMacOS, nil, true, nil
	}
	if t.mac == macTool {
		return h.toolVersion(x.tool(t.name))
	}
	return x.clang, []string{x.bin + "/clang", x.bin + "/clang++", x.bin + "/ld", x.bin + "/libtool"}, true, nil
}

// tool is one of the developer folder's other programs.
func (x *xcode) tool(name string) string { return x.developer + "/usr/bin/" + name }

var firstVersion = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[0-9]+(\.[0-9]+)+`) })

// toolVersion reads the version off the first line of what a program says of itself.
func (h *macHost) toolVersion(program string) (string, []string, bool, error) {
	if _, err := os.Stat(filepath.Join(h.root, filepath.FromSlash(program))); err != nil {
		return "", nil, false, nil
	}
	answer, err := h.ask(program, "--version")
	if err != nil {
		return "", nil, false, err
	}
	line, _, _ := strings.Cut(string(answer), "\n")
	version := firstVersion().FindString(line)
	return version, []string{program}, version != "", nil
}

// parts are the files that say which tools they were; an Xcode has tens of gigabytes, and what else is in it
// belongs to the same build.
func (h *macHost) parts(t tool) ([]part, error) {
	if t.mac == macSystem {
		version, err := h.system()
		return []part{{name: "file:///System/Library/CoreServices/SystemVersion.plist", version: version,
			paths: []string{"/System/Library/CoreServices/SystemVersion.plist", "/bin/bash", "/bin/sh"}}}, err
	}
	x, err := h.selected()
	if err != nil || x == nil {
		return nil, err
	}
	sdk := part{name: "file://" + x.sdk, version: x.sdkOf, paths: []string{x.sdk + "/SDKSettings.json", x.sdk + "/usr/lib/libSystem.tbd"}}
	switch t.mac {
	case macSDK:
		return []part{sdk}, nil
	case macTool:
		return []part{{name: "file://" + x.tool(t.name), paths: []string{x.tool(t.name)}}}, nil
	}
	version := x.build
	if x.xcode != "" {
		version += ", " + x.xcode
	}
	p := part{name: "file://" + x.developer, version: version}
	for _, name := range []string{"clang", "clang++", "ld", "libtool", "ar", "ranlib", "strip", "install_name_tool", "lipo", "nm", "otool"} {
		p.paths = append(p.paths, x.bin+"/"+name)
	}
	return []part{p, sdk}, nil
}

// activation is what conda-forge's clang_osx packages set, with the folder of the tools in place of their names.
func (h *macHost) activation(t tool) (map[string]string, []string) {
	x, err := h.selected()
	if err != nil || x == nil || t.mac != macClang {
		return t.env, nil
	}
	return x.env(t.macArch), nil
}

// folders are what the tools of the developer folder read: all of it, and the licence's record.
func (h *macHost) folders(t tool) []string {
	x, err := h.selected()
	if err != nil || x == nil || t.mac == macSystem {
		return nil
	}
	app, _, _ := strings.Cut(x.developer, "/Contents/")
	return []string{app, "/Library/Preferences/com.apple.dt.Xcode.plist"}
}

func (x *xcode) env(arch string) map[string]string {
	const usr = "/usr/local/src/conda"
	gnu, march := "arm64-apple-darwin20.0.0", ""
	if arch == "x86_64" {
		gnu, march = "x86_64-apple-darwin13.4.0", "-march=core2 -mtune=haswell -mssse3 "
	}
	target := " -arch " + arch + " -isysroot " + x.sdk + " -mmacosx-version-min=$MACOSX_DEPLOYMENT_TARGET"
	cflags := march + "-ftree-vectorize -fPIC -fstack-protector-strong -O2 -pipe -isystem $PREFIX/include " +
		"-ffile-prefix-map=$SRC_DIR=" + usr + "/$PKG_NAME-$PKG_VERSION -ffile-prefix-map=$PREFIX=" + usr + "-prefix"
	env := map[string]string{
		"CC": x.bin + "/clang" + target, "CXX": x.bin + "/clang++" + target, "CPP": x.bin + "/clang" + target + " -E",
		"OBJC": x.bin + "/clang" + target, "CC_FOR_BUILD": x.bin + "/clang -isysroot " + x.sdk, "CXX_FOR_BUILD": x.bin + "/clang++ -isysroot " + x.sdk,
		"HOST": gnu, "CONDA_TOOLCHAIN_HOST": gnu, "OSX_ARCH": arch,
		"CFLAGS": cflags, "CXXFLAGS": cflags + " -stdlib=libc++ -fvisibility-inlines-hidden -fmessage-length=0",
		"CPPFLAGS":          "-D_FORTIFY_SOURCE=2 -isystem $PREFIX/include",
		"LDFLAGS":           "-Wl,-headerpad_max_install_names -Wl,-dead_strip_dylibs -Wl,-rpath,$PREFIX/lib -L$PREFIX/lib",
		"CMAKE_PREFIX_PATH": "$PREFIX", "CONDA_BUILD_SYSROOT": x.sdk, "SDKROOT": x.sdk, "DEVELOPER_DIR": x.developer,
		"MESON_ARGS": "-Dbuildtype=release --prefix=$PREFIX -Dlibdir=lib",
		"CMAKE_ARGS": "-DCMAKE_SYSTEM_NAME=Darwin -DCMAKE_SYSTEM_PROCESSOR=" + arch + " -DCMAKE_C_COMPILER=" + x.bin + "/clang -DCMAKE_CXX_COMPILER=" + x.bin + "/clang++" +
			" -DCMAKE_OSX_ARCHITECTURES=" + arch + " -DCMAKE_OSX_SYSROOT=" + x.sdk + " -DCMAKE_OSX_DEPLOYMENT_TARGET=$MACOSX_DEPLOYMENT_TARGET" +
			" -DCMAKE_FIND_FRAMEWORK=LAST -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=$PREFIX -DCMAKE_INSTALL_LIBDIR=lib",
	}
	for name, program := range map[string]string{"AR": "ar", "AS": "as", "LD": "ld", "NM": "nm", "RANLIB": "ranlib", "STRIP": "strip",
		"LIBTOOL": "libtool", "LIPO": "lipo", "OTOOL": "otool", "INSTALL_NAME_TOOL": "install_name_tool"} {
		env[name] = x.bin + "/" + program
	}
	return env
}

// askXcode asks macOS which developer tools are selected. xcode-select comes first: without tools, xcrun would
// open a window that offers to install them.
func askXcode(root string, ask func(argv ...string) ([]byte, error)) (*xcode, error) {
	developer, err := oneLine(ask("xcode-select", "-p"))
	if err != nil {
		return nil, nil // it fails where nothing is selected
	}
	x := &xcode{developer: developer}
	clang, err := oneLine(ask("xcrun", "--sdk", "macosx", "--find", "clang"))
	if err != nil {
		return nil, fmt.Errorf("ask xcrun for clang (is the licence of Xcode accepted?): %w", err)
	}
	x.bin = path.Dir(clang)
	if x.sdk, err = oneLine(ask("xcrun", "--sdk", "macosx", "--show-sdk-path")); err != nil {
		return nil, fmt.Errorf("ask xcrun for the SDK: %w", err)
	}
	if x.sdkOf, err = oneLine(ask("xcrun", "--sdk", "macosx", "--show-sdk-version")); err != nil {
		return nil, fmt.Errorf("ask xcrun for the version of the SDK: %w", err)
	}
	for _, folder := range []string{x.developer, x.bin, x.sdk} {
		if !path.IsAbs(folder) || folder != path.Clean(folder) || strings.ContainsAny(folder, " \t'\"\\$;") {
			return nil, fmt.Errorf("the developer tools lie in %q: the flags of compilers need a folder without blanks and quotes", folder)
		}
	}
	if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(clang))); err != nil {
		return nil, fmt.Errorf("xcrun says that clang is %s: %w", clang, err)
	}
	answer, err := ask(clang, "--version")
	if err != nil {
		return nil, fmt.Errorf("ask %s for its version: %w", clang, err)
	}
	if x.clang, x.build, err = parseAppleClang(string(answer)); err != nil {
		return nil, err
	}
	if answer, err := ask("xcodebuild", "-version"); err == nil { // the command line tools have none that answers
		x.xcode = parseXcodebuild(string(answer))
	}
	return x, nil
}

var appleClang = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^Apple clang version ([0-9]+(?:\.[0-9]+)+) \((clang-[0-9.]+)\)$`)
})

// parseAppleClang reads what `clang --version` says on a Mac.
func parseAppleClang(answer string) (version, build string, err error) {
	m := appleClang().FindStringSubmatch(answer)
	if m == nil {
		first, _, _ := strings.Cut(answer, "\n")
		return "", "", fmt.Errorf("clang says %q, and not which version of Apple's it is", first)
	}
	return m[1], m[2], nil
}

// parseXcodebuild reads the two lines of `xcodebuild -version`.
func parseXcodebuild(answer string) string {
	lines := strings.Split(strings.TrimSpace(answer), "\n")
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "Xcode ") {
		return ""
	}
	build, ok := strings.CutPrefix(lines[1], "Build version ")
	if !ok {
		return ""
	}
	return lines[0] + " (" + build + ")"
}

// oneLine wants an answer of one line that is not empty.
func oneLine(answer []byte, err error) (string, error) {
	text := strings.TrimSuffix(string(answer), "\n")
	switch {
	case err != nil:
		return "", err
	case text == "" || strings.Contains(text, "\n"):
		return "", errors.New("the answer is not one line")
	}
	return text, nil
}
