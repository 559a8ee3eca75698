package toolchain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"forge/packages"
	"forge/platforms"
)

// What a tool of the catalogue is on Windows.
const (
	winShell   = "shell"   // cmd.exe
	winRuntime = "runtime" // the C++ runtime
	winCRT     = "ucrt"    // the C runtime, a part of Windows
	winMSVC    = "msvc"    // Visual Studio's compilers, of one year
)

// studioYears are the years of Visual Studio by the major number of their installation (vswhere's
// installationVersion), as conda-forge's packages are called after them.
func studioYears() map[string]string {
	return map[string]string{"15": "2017", "16": "2019", "17": "2022", "18": "2026"}
}

// windowsCatalog lists what may be taken from a Windows machine: the shell, Visual Studio, the runtimes.
func windowsCatalog(p platforms.Platform) []tool {
	all := []tool{
		{name: Base, windows: winShell},
		{name: "vc14_runtime", windows: winRuntime},
		{name: "ucrt", windows: winCRT},
	}
	for _, year := range studioYears() {
		all = append(all, tool{name: "vs" + year + "_" + p.String(), windows: winMSVC + year, exports: msvcExports})
	}
	slices.SortFunc(all, func(a, b tool) int { return strings.Compare(a.name, b.name) })
	return all
}

// msvcExports are those of conda-forge's vs2019 and vs2022 packages: programs run with this toolset's
// runtime or a newer one of the same ABI.
func msvcExports(version, _ string) packages.RunExports {
	return packages.RunExports{Strong: []string{"vc14_runtime >=" + version + ",<15.0a0", "ucrt >=10.0.20348.0"}}
}

// windowsHost finds tools below the root of the system's drive.
type windowsHost struct {
	root    string // C:\
	system  string // Windows/System32, below root
	version string // of Windows
	studios func() ([]studio, error)
}

func newWindowsHost(root string) *windowsHost {
	system, version := windowsSystem()
	h := &windowsHost{root: root, system: system, version: version}
	h.studios = sync.OnceValues(func() ([]studio, error) { return askVswhere(root) })
	return h
}

// studio is one installation of Visual Studio.
type studio struct {
	folder  string // below root, slash separated
	major   string // 17
	toolset string // 14.44.35207
}

func (h *windowsHost) find(t tool) (string, []string, bool, error) {
	switch {
	case t.windows == "":
		return "", nil, false, nil
	case t.windows == winShell:
		return h.systemFile("cmd.exe", h.version)
	case t.windows == winCRT:
		return h.systemFile("ucrtbase.dll", h.version)
	case t.windows == winRuntime:
		list, err := h.studios()
		if err != nil || len(list) == 0 {
			return "", nil, false, err
		}
		return h.systemFile("vcruntime140.dll", newest(list).toolset)
	}
	s, ok, err := h.studio(t)
	if err != nil || !ok {
		return "", nil, false, err
	}
	var programs []string
	for _, name := range []string{"cl.exe", "lib.exe", "link.exe"} {
		programs = append(programs, h.path(s.bin()+"/"+name))
	}
	return s.toolset, programs, true, nil
}

func (h *windowsHost) systemFile(name, version string) (string, []string, bool, error) {
	at := h.path(h.system + "/" + name)
	info, err := os.Stat(at)
	if err != nil || !info.Mode().IsRegular() {
		return "", nil, false, nil
	}
	if path.Ext(name) != ".exe" {
		return version, nil, true, nil
	}
	return version, []string{at}, true, nil
}

func (h *windowsHost) path(rel string) string { return filepath.Join(h.root, filepath.FromSlash(rel)) }

// studio is the newest installation of the tool's year whose compilers are there.
func (h *windowsHost) studio(t tool) (studio, bool, error) {
	list, err := h.studios()
	if err != nil {
		return studio{}, false, err
	}
	year := strings.TrimPrefix(t.windows, winMSVC)
	list = slices.DeleteFunc(slices.Clone(list), func(s studio) bool { return studioYears()[s.major] != year })
	if len(list) == 0 {
		return studio{}, false, nil
	}
	return newest(list), true, nil
}

func newest(list []studio) studio {
	return slices.MaxFunc(list, func(a, b studio) int {
		x, errX := packages.ParseVersion(a.toolset)
		y, errY := packages.ParseVersion(b.toolset)
		if errX != nil || errY != nil {
			return strings.Compare(a.toolset, b.toolset)
		}
		return x.Compare(y)
	})
}

// bin is the folder of the compilers that run on and make code for x86-64.
func (s studio) bin() string { return s.folder + "/VC/Tools/MSVC/" + s.toolset + "/bin/Hostx64/x64" }

// vcvars is the batch file that sets PATH, INCLUDE and LIB for them.
func (s studio) vcvars() string { return s.folder + "/VC/Auxiliary/Build/vcvars64.bat" }

// parts are the files that say which compiler it was; the libraries and headers beside them belong to the
// same toolset, whose version is recorded, and are gigabytes.
func (h *windowsHost) parts(t tool) ([]part, error) {
	switch t.windows {
	case winShell, winCRT, winRuntime:
		name := map[string]string{winShell: "cmd.exe", winCRT: "ucrtbase.dll", winRuntime: "vcruntime140.dll"}[t.windows]
		return []part{{name: "file:///" + h.system + "/" + name, version: h.version, paths: []string{"/" + h.system + "/" + name}}}, nil
	}
	s, ok, err := h.studio(t)
	if err != nil || !ok {
		return nil, err
	}
	p := part{name: "file:///" + s.folder + "/VC/Tools/MSVC/" + s.toolset, version: s.toolset, paths: []string{"/" + s.vcvars()}}
	for _, name := range []string{"cl.exe", "link.exe", "lib.exe", "c1.dll", "c1xx.dll", "c2.dll"} {
		p.paths = append(p.paths, "/"+s.bin()+"/"+name)
	}
	return []part{p}, nil
}

// activation is what conda-forge's vs20xx packages set (vc-activate): the shell of the toolset, and what
// CMake and setuptools are told about it.
func (h *windowsHost) activation(t tool) (map[string]string, []string) {
	s, ok, err := h.studio(t)
	if err != nil || !ok || !strings.HasPrefix(t.windows, winMSVC) {
		return t.env, nil
	}
	year := studioYears()[s.major]
	return map[string]string{
		"VS_VERSION": s.major + ".0", "VS_MAJOR": s.major, "VS_YEAR": year,
		"CMAKE_GENERATOR": "Visual Studio " + s.major + " " + year, "CMAKE_GENERATOR_PLATFORM": "x64",
		"VSINSTALLDIR": h.path(s.folder) + string(filepath.Separator), "DISTUTILS_USE_SDK": "1", "MSSdk": "1",
	}, []string{h.path(s.vcvars())}
}

// installation is what vswhere tells of one.
type installation struct {
	Path    string `json:"installationPath"`
	Version string `json:"installationVersion"`
	// Complete is false while an installation is unfinished, or waits for the machine to start again.
	Complete *bool `json:"isComplete"`
}

var toolsetVersion = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9]+(\.[0-9]+)+$`) })

// parseVswhere reads the answer of `vswhere -format json` and looks which toolset each installation uses
// by default (VC/Auxiliary/Build, as Microsoft documents). One without the compilers, or on another
// drive than root, is left out.
func parseVswhere(root string, answer []byte) ([]studio, error) {
	var all []installation
	answer = bytes.TrimPrefix(answer, []byte("\ufeff"))
	if err := json.Unmarshal(answer, &all); err != nil {
		return nil, fmt.Errorf("read the answer of vswhere: %w", err)
	}
	var list []studio
	for _, in := range all {
		folder, ok := belowRoot(root, in.Path)
		major, _, _ := strings.Cut(in.Version, ".")
		if !ok || studioYears()[major] == "" || in.Complete != nil && !*in.Complete {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(folder), "VC", "Auxiliary", "Build", "Microsoft.VCToolsVersion.default.txt"))
		s := studio{folder: folder, major: major, toolset: strings.TrimSpace(string(text))}
		if err != nil || !toolsetVersion().MatchString(s.toolset) {
			continue
		}
		if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(s.bin()), "cl.exe")); err == nil {
			list = append(list, s)
		}
	}
	return list, nil
}

// belowRoot is an absolute path of Windows as a slash-separated path below root: C:\a\b is a/b, where root
// is C:\ or, for a Windows seen from another system, any folder.
func belowRoot(root, p string) (string, bool) {
	p = strings.ReplaceAll(p, `\`, "/")
	if drive := filepath.VolumeName(root); drive != "" {
		top := strings.TrimSuffix(filepath.ToSlash(root), "/") + "/"
		if len(p) <= len(top) || !strings.EqualFold(top, p[:len(top)]) {
			return "", false
		}
		p = p[len(top):]
	} else if len(p) > 2 && p[1] == ':' {
		p = p[2:]
	}
	p = strings.Trim(p, "/")
	return p, fs.ValidPath(p) && p != "."
}
