package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"

	"forge/platforms"
	"forge/platforms/toolchain"
	"forge/recipes"
)

// scriptEnv is the environment a build script sees: conda's variables, nothing of the caller's
// (rattler-build's env_vars; conda-build's environ.py).
func scriptEnv(o *recipes.Output, at layout, python string, cpus int, epoch int64) map[string]string {
	prefix, build := at.prefix, at.build
	if o.Build.MergeBuildHost { // one environment, one prefix, as in conda-build and rattler-build
		build = prefix
	}
	env := map[string]string{
		"CONDA_BUILD": "1", "CONDA_BUILD_STATE": "BUILD",
		"CONDA_DEFAULT_ENV": prefix, "CONDA_PREFIX": build, "CONDA_SHLVL": "1",
		"PREFIX": prefix, "BUILD_PREFIX": build, "SRC_DIR": at.work,
		"RECIPE_DIR": at.recipe, "HOME": at.work,
		"PKG_NAME": o.Name, "PKG_VERSION": o.Version, "PKG_BUILDNUM": strconv.Itoa(o.BuildNumber),
		"PKG_BUILD_STRING": o.BuildString, "PKG_HASH": o.Hash,
		"CPU_COUNT":              strconv.Itoa(cpus),
		"SOURCE_DATE_EPOCH":      strconv.FormatInt(epoch, 10),
		"PYTHONNOUSERSITE":       "1",
		"PIP_NO_BUILD_ISOLATION": "False", "PIP_NO_DEPENDENCIES": "True",
		"PIP_IGNORE_INSTALLED": "True", "PIP_NO_INDEX": "True", "PIP_CACHE_DIR": "/tmp/pip_cache",
		"PKG_CONFIG_PATH": pkgConfigPath(prefix),
		"CMAKE_GENERATOR": "Unix Makefiles",
		"LD_RUN_PATH":     prefix + "/lib",
	}
	if o.Recipe.Format != "meta.yaml" { // conda-build has none, and a Makefile that reads it would build elsewhere
		env["BUILD_DIR"] = at.work // a folder to write to: ours above it is closed
	}
	if o.NoArch != "" || o.Build.Python.VersionIndependent {
		env["PYTHONDONTWRITEBYTECODE"] = "1"
	}
	platformEnv(env, o)
	pythonEnv(env, at, python)
	variantEnv(env, o.Full)
	shellEnv(env)
	env["PATH"] = strings.Join(unique([]string{build + "/bin", prefix + "/bin", basePath}), ":")
	if at.windows {
		windowsEnv(env, at, build, prefix)
	} else if o.HostPlatform.IsWindows() {
		windowsFolders(env, prefix, "/")
	}
	return env
}

const basePath = "/usr/bin:/bin"

// shellEnv are the variables every command has, built or tested.
func shellEnv(env map[string]string) {
	env["LANG"], env["LC_ALL"], env["TZ"] = "C.UTF-8", "C.UTF-8", "UTC"
	env["SHELL"], env["EDITOR"], env["TERM"] = "/bin/bash", "/bin/false", "xterm-256color"
	env["USER"], env["LOGNAME"] = buildUser, buildUser
}

func platformEnv(env map[string]string, o *recipes.Output) {
	target := o.TargetPlatform
	env["ARCH"], env["SUBDIR"] = target.SubdirArch(), o.Subdir()
	env["build_platform"], env["host_platform"], env["target_platform"] =
		o.BuildPlatform.String(), o.HostPlatform.String(), target.String()
	env["CONDA_BUILD_CROSS_COMPILATION"] = "0"
	if o.BuildPlatform != o.HostPlatform {
		env["CONDA_BUILD_CROSS_COMPILATION"] = "1"
	}
	env["SHLIB_EXT"] = sharedLibraryExtension(target)
	switch target.OS() {
	case "linux":
		env["BUILD"] = o.BuildPlatform.Arch() + "-conda_cos6-linux-gnu"
	case "osx":
		macEnv(env, o)
	}
}

func sharedLibraryExtension(p platforms.Platform) string {
	switch p.OS() {
	case "osx":
		return ".dylib"
	case "win":
		return ".dll"
	}
	return ".so"
}

// pythonEnv describes the Python of the environment at the layout's prefix; version is "3.11" or longer.
func pythonEnv(env map[string]string, at layout, version string) {
	if version == "" {
		return
	}
	prefix, short := at.prefix, majorMinor(version)
	env["PYTHON"] = prefix + "/bin/python"
	env["PY3K"], env["PY_VER"] = "1", short
	env["STDLIB_DIR"] = prefix + "/lib/python" + short
	env["SP_DIR"] = prefix + "/lib/python" + short + "/site-packages"
	if at.windows {
		env["PYTHON"], env["STDLIB_DIR"], env["SP_DIR"] = prefix+`\python.exe`, prefix+`\Lib`, prefix+`\Lib\site-packages`
	}
}

func majorMinor(version string) string {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return version
	}
	return parts[0] + "." + parts[1]
}

// variantVariable reports whether a variant key becomes a variable: not those that name an interpreter.
func variantVariable(name string) bool {
	switch strings.ToUpper(name) {
	case "PERL", "LUA", "R", "NUMPY", "PYTHON", "RUBY", "NODEJS", "PATH", "HOME", "PREFIX":
		return false
	}
	return name != "" && strings.IndexFunc(name, func(r rune) bool {
		return !(r == '_' || r == '-' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	}) < 0
}

// variantEnv sets the variables that keys of a variant become.
func variantEnv(env map[string]string, variant map[string]any) {
	for name, value := range variant {
		if variantVariable(name) {
			env[strings.NewReplacer("-", "_", ".", "_").Replace(name)] = fmt.Sprint(value)
		}
	}
}

// activate adds what the externals of an environment set, with $PREFIX and the like filled in, and
// puts the folders of their programs on PATH.
func activate(env map[string]string, externals []*toolchain.External) {
	values := map[string]string{}
	for _, e := range externals {
		for _, name := range sortedKeys(e.Env) {
			values[name] = e.Env[name]
		}
	}
	var set func(name string)
	set = func(name string) {
		text, ok := values[name]
		if !ok {
			return
		}
		delete(values, name)
		env[name] = os.Expand(text, func(v string) string {
			set(v) // CGO_LDFLAGS is made of LDFLAGS
			return env[v]
		})
	}
	for _, name := range sortedKeys(values) {
		set(name)
	}
	dirs := map[string]bool{}
	for _, e := range externals {
		for _, program := range e.Programs {
			dirs[filepath.Dir(program)] = true
		}
	}
	for _, dir := range sortedKeys(dirs) {
		if !slices.ContainsFunc(filepath.SplitList(env["PATH"]), func(on string) bool { return strings.EqualFold(on, dir) }) {
			env["PATH"] += string(filepath.ListSeparator) + dir
		}
	}
}

// list turns env into NAME=value lines, sorted.
func list(env map[string]string) []string {
	lines := make([]string, 0, len(env))
	for name, value := range env {
		lines = append(lines, name+"="+value)
	}
	sort.Strings(lines)
	return lines
}
