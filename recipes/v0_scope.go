package recipes

import (
	"strconv"
	"strings"
	"sync"

	"forge/platforms"
	"forge/recipes/internal/expr"
)

// v0Scope is what selectors and Jinja see of one variant (conda-build's get_selectors and
// environ.get_dict).
type v0Scope struct {
	opts    *RenderOptions
	variant v0Variant
	target  string // subdir that is rendered for
	known   map[string]expr.Value
	asked   bool // the caller's environment
}

func newScope(opts *RenderOptions, v v0Variant) *v0Scope {
	return &v0Scope{opts: opts, variant: v, target: opts.TargetPlatform.String(), known: map[string]expr.Value{}}
}

func (s *v0Scope) os() string   { name, _, _ := strings.Cut(s.target, "-"); return name }
func (s *v0Scope) arch() string { _, arch, _ := strings.Cut(s.target, "-"); return arch }

// value is the variant's value of the first of keys that it has.
func (s *v0Scope) value(keys ...string) string {
	for _, k := range keys {
		if v, ok := s.variant[k]; ok {
			return v
		}
	}
	return ""
}

// shortInt reads 3.11 or "3.11.* *_cpython" as 311.
func shortInt(version string) int64 {
	version, _, _ = strings.Cut(version, " ")
	n, _ := strconv.ParseInt(shortVersion(version, 2), 10, 64)
	return n
}

// builtin is what conda-build itself defines for selectors. It is asked name by name: a recipe reads a
// few of the eighty.
func (s *v0Scope) builtin(name string) (expr.Value, bool) {
	osName, arch := s.os(), s.arch()
	w := wordsOfSubdirs()
	switch {
	case w.families[name], name == osName && arch != "":
		return name == osName, true
	case w.archs[name], arch != "" && name == archWord(arch) && name != "x86":
		return name == archWord(arch), true
	}
	switch name {
	case "linux32", "linux64", "win32", "win64":
		i := len(name) - 2
		return s.target == name[:i]+"-"+name[i:], true
	case "arm":
		return strings.HasPrefix(s.target, "linux-arm"), true
	case "unix":
		return osName == "linux" || osName == "osx" || osName == "emscripten", true
	case "x86":
		return arch == "32" || arch == "64", true
	case "build_platform":
		return s.opts.BuildPlatform.String(), true
	case "nomkl", "debug", "opt":
		return s.feature(name), true
	case "environ":
		return envObject{s.env}, true
	case "os":
		return osObject{s.env}, true
	}
	return s.language(name)
}

// language are the builtins that tell the versions of languages.
func (s *v0Scope) language(name string) (expr.Value, bool) {
	switch name {
	case "py":
		return shortInt(s.value("python")), true
	case "py2k", "py3k":
		major, _, _ := strings.Cut(s.value("python"), ".")
		return major == name[2:3], true
	case "py26", "py27", "py33", "py34", "py35", "py36":
		return shortInt(s.value("python")) == shortInt(name[2:3]+"."+name[3:]), true
	case "np":
		return shortInt(s.value("numpy")), true
	case "pl":
		return s.value("perl"), true
	case "lua":
		return s.value("lua"), true
	case "luajit":
		return strings.HasPrefix(s.value("lua"), "2"), true
	}
	return nil, false
}

// subdirWords are the parts of all subdirs as selectors name them.
type subdirWords struct{ families, archs map[string]bool }

var wordsOfSubdirs = sync.OnceValue(func() subdirWords {
	w := subdirWords{map[string]bool{}, map[string]bool{}}
	for _, subdir := range platforms.Subdirs() {
		if family, arch, ok := strings.Cut(subdir, "-"); ok {
			w.families[family] = true
			if arch = archWord(arch); arch != "x86" {
				w.archs[arch] = true
			}
		}
	}
	return w
})

// archWord is the architecture of a subdir as selectors name it.
func archWord(arch string) string {
	switch arch {
	case "32":
		return "x86"
	case "64":
		return "x86_64"
	}
	return arch
}

func (s *v0Scope) env(name string) (string, bool) {
	if s.opts.Env == nil {
		return "", false
	}
	s.asked = true
	return s.opts.Env(name)
}

func (s *v0Scope) feature(name string) bool {
	v, _ := s.env("FEATURE_" + strings.ToUpper(name))
	n, _ := strconv.Atoi(v)
	return n != 0
}

// selector is what a name means in a selector: variant values that look like a number or truth value
// are one.
func (s *v0Scope) selector(name string) (expr.Value, bool) {
	if v, ok := s.known[name]; ok {
		return v, true
	}
	if v, ok := s.builtin(name); ok {
		s.known[name] = v
		return v, true
	}
	v, ok := s.variant[name]
	if !ok {
		e, ok := s.env(name)
		return e, ok
	}
	var out expr.Value = v
	if n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64); err == nil {
		out = n
	} else if l := strings.ToLower(v); l == "true" || l == "false" {
		out = l == "true"
	}
	s.known[name] = out
	return out, true
}

// jinja is what a name means in a template: the variant's values are text there.
func (s *v0Scope) jinja(name string) (expr.Value, bool) {
	if v, ok := s.environ(name); ok {
		return v, true
	}
	if v, ok := s.variant[name]; ok {
		return v, true
	}
	return s.selector(name)
}

// environ is conda-build's build environment as far as rendering knows it. Places that only the build
// knows stay variables of its shell.
func (s *v0Scope) environ(name string) (expr.Value, bool) {
	str := func(v string) (expr.Value, bool) { return v, v != "" }
	short := func(parts int, keys ...string) (expr.Value, bool) { return str(shortVersion(s.value(keys...), parts)) }
	dotted := func(keys ...string) (expr.Value, bool) {
		v, _, _ := strings.Cut(s.value(keys...), " ")
		parts := strings.Split(v, ".")
		return str(strings.Join(parts[:min(2, len(parts))], "."))
	}
	switch name {
	case "CONDA_BUILD":
		return "1", true
	case "CONDA_BUILD_STATE":
		return "RENDER", true
	case "PYTHONNOUSERSITE":
		return "1", true
	case "ARCH":
		return str(s.arch())
	case "SUBDIR":
		return s.target, true
	case "build_platform":
		return s.opts.BuildPlatform.String(), true
	case "SHLIB_EXT":
		return map[string]string{"win": ".dll", "osx": ".dylib"}[s.os()] + map[bool]string{true: ".so"}[s.os() != "win" && s.os() != "osx"], true
	case "PY3K":
		return map[bool]string{true: "1", false: "0"}[strings.HasPrefix(s.value("python"), "3")], true
	case "PY_VER":
		return dotted("python")
	case "CONDA_PY":
		return short(2, "python")
	case "NPY_VER":
		return dotted("numpy")
	case "CONDA_NPY":
		return short(2, "numpy")
	case "PERL_VER":
		return str(s.value("perl"))
	case "CONDA_PERL":
		return str(s.value("perl"))
	case "LUA_VER":
		return str(s.value("lua"))
	case "CONDA_LUA":
		return str(s.value("lua"))
	case "R_VER":
		return str(s.value("r_base"))
	case "CONDA_R":
		return str(s.value("r_base"))
	case "CMAKE_GENERATOR":
		if s.os() != "win" {
			return "Unix Makefiles", true
		}
	}
	if _, ok := s.variant[name]; ok {
		return nil, false
	}
	if isBuildVariable(name) && !strings.HasPrefix(name, "PKG_") || isLateVariable(name) {
		return lateOpen + name + lateClose, true
	}
	return nil, false
}

// isLateVariable names further variables of conda-build's environment (environ.py, windows.py).
func isLateVariable(name string) bool {
	switch name {
	case "PERL", "LUA", "LUA_INCLUDE_DIR", "R", "R_USER", "SYS_PREFIX", "SYS_PYTHON", "ROOT", "DIRTY", "NPY_DISTUTILS_APPEND_FLAGS",
		"CONDA_DEFAULT_ENV", "CFLAGS", "CXXFLAGS", "LDFLAGS", "LANG", "LC_ALL", "MAKEFLAGS", "HTTP_PROXY", "HTTPS_PROXY",
		"REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "PKG_CONFIG_PATH", "QEMU_LD_PREFIX", "QEMU_UNAME", "DEJAGNU", "DISPLAY", "LIBRARY_PREFIX", "LIB", "INCLUDE",
		"VS_VERSION", "VS_MAJOR", "VS_YEAR", "MSYS2_PATH_TYPE", "CHERE_INVOKING", "PROCESSOR_ARCHITECTURE", "PROCESSOR_IDENTIFIER", "USERPROFILE",
		"PIP_NO_BUILD_ISOLATION", "PIP_NO_DEPENDENCIES", "PIP_IGNORE_INSTALLED", "PIP_CACHE_DIR", "PIP_NO_INDEX", "PYTHONDONTWRITEBYTECODE":
		return true
	}
	return false
}

// envObject is environ: the variables that the caller lets a recipe see.
type envObject struct {
	get func(name string) (string, bool)
}

func (envObject) String() string { return "environ" }

func (e envObject) Attr(name string) (expr.Value, bool) {
	if name == "get" {
		return &expr.Func{Name: "get", Call: func(_ *expr.Context, a expr.Args) (expr.Value, error) {
			v, err := a.Bind("get", "name", "default?")
			if err != nil {
				return nil, err
			}
			if s, ok := e.find(expr.Str(v[0])); ok {
				return s, nil
			}
			if _, absent := v[1].(expr.Absent); absent {
				return nil, nil
			}
			return v[1], nil
		}}, true
	}
	s, ok := e.find(name)
	return s, ok
}

func (e envObject) find(name string) (string, bool) {
	if e.get == nil {
		return "", false
	}
	return e.get(name)
}

// osObject is the part of Python's os module that selectors may use.
type osObject struct {
	get func(name string) (string, bool)
}

func (osObject) String() string { return "os" }

func (o osObject) Attr(name string) (expr.Value, bool) {
	switch name {
	case "environ":
		return envObject(o), true
	case "getenv":
		return envObject(o).Attr("get")
	case "sep":
		return "/", true
	case "pathsep":
		return ":", true
	}
	return nil, false
}
