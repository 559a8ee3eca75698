package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"forge/digest"
	"forge/sandbox"
)

// Widening is what a build is shown beyond its declared inputs because somebody asked for it on the
// command line. All of it is part of the key, and the statement repeats it; the zero value is none.
type Widening struct {
	Network    bool     `json:"network,omitempty"`
	Read       []string `json:"read,omitempty"`    // absolute paths of this machine, at the same place inside
	Execute    []string `json:"execute,omitempty"` // read and run
	Write      []string `json:"write,omitempty"`
	EnvMode    string   `json:"env_isolation,omitempty"` // "conda-build" or "none"; empty for strict
	ColorLog   bool     `json:"color_build_log,omitempty"`
	AnyLicence bool     `json:"allow_absolute_license_paths,omitempty"`
	// Env is what the caller's environment gives because of EnvMode. Values may be secrets: statements
	// have the names, the key covers the values.
	Env map[string]string `json:"-"`
}

// lines says what was widened, one thing a line, as statements have it.
func (w Widening) lines() []string {
	var list []string
	add := func(word string, values ...string) {
		for _, v := range values {
			list = append(list, word+" "+v)
		}
	}
	if w.Network {
		list = append(list, "network")
	}
	add("read", w.Read...)
	add("read-execute", w.Execute...)
	add("read-write", w.Write...)
	if w.EnvMode != "" {
		list = append(list, "env-isolation "+w.EnvMode)
	}
	add("variable", sortedKeys(w.Env)...)
	if w.ColorLog {
		list = append(list, "color-build-log")
	}
	return list
}

// apply shows the sandbox what was asked for beyond the build's inputs.
func (w Widening) apply(spec *sandbox.Spec) {
	if w.Network {
		spec.Network = true
		if file, err := filepath.EvalSymlinks("/etc/resolv.conf"); err == nil {
			spec.Mounts = append(spec.Mounts, sandbox.Mount{Source: file, Target: "/etc/resolv.conf"})
		}
	}
	for _, list := range []struct {
		paths    []string
		writable bool
	}{{w.Read, false}, {w.Execute, false}, {w.Write, true}} {
		for _, p := range list.paths {
			spec.Mounts = append(spec.Mounts, sandbox.Mount{Source: p, Target: p, Writable: list.writable})
		}
	}
}

// fill adds the caller's variables to those of a script.
func (w Widening) fill(env map[string]string) {
	if w.EnvMode == "conda-build" { // which gives no locale where the caller has none
		delete(env, "LANG")
		delete(env, "LC_ALL")
	}
	for name, value := range w.Env {
		if _, ours := env[name]; !ours || fromCaller(name) {
			env[name] = value
		}
	}
	if w.ColorLog {
		for name, value := range colorVariables {
			env[name] = value
		}
	}
}

// fromCaller reports whether the caller's value comes before Forge's own once the environment is wider.
func fromCaller(name string) bool {
	switch name {
	case "LANG", "LC_ALL", "HOME", "USER", "LOGNAME", "SHELL", "EDITOR", "TERM", "TZ":
		return true
	}
	return false
}

// colorVariables make the usual tools colour their output though it goes into a file.
var colorVariables = map[string]string{
	"CLICOLOR_FORCE": "1", "FORCE_COLOR": "1", "AM_COLOR_TESTS": "always", "MAKE_TERMOUT": "1",
	"CMAKE_COLOR_DIAGNOSTICS": "ON",
	"GCC_COLORS":              "error=01;31:warning=01;35:note=01;36:caret=01;32:locus=01:quote=01",
}

// CallerEnv picks what --env-isolation lets through of the caller's environment ("NAME=value" each):
// "none" takes all of it, "conda-build" what conda-build forwards.
func CallerEnv(mode string, environ []string) map[string]string {
	if mode == "" {
		return nil
	}
	picked := map[string]string{}
	for _, kv := range environ {
		name, value, ok := strings.Cut(kv, "=")
		if ok && shellName().MatchString(name) && (mode == "none" && !ownVariable(name) || condaBuildForwards[name]) {
			picked[name] = value
		}
	}
	return picked
}

// shellName is what a shell can export.
var shellName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`) })

// ownVariable is what never comes from outside: it would point at folders that are not there inside.
func ownVariable(name string) bool {
	switch name {
	case "PATH", "PREFIX", "PWD", "OLDPWD", "SHLVL", "_", "TMPDIR", "TEMP", "TMP":
		return true
	}
	return strings.HasPrefix(name, "FORGE_")
}

var condaBuildForwards = map[string]bool{
	"CFLAGS": true, "CXXFLAGS": true, "LDFLAGS": true, "MAKEFLAGS": true, "LANG": true, "LC_ALL": true, "HOME": true,
	"QEMU_LD_PREFIX": true, "QEMU_UNAME": true, "DEJAGNU": true, "DISPLAY": true,
	"SSL_CERT_FILE": true, "SSL_CERT_DIR": true, "REQUESTS_CA_BUNDLE": true, "SSH_AUTH_SOCK": true,
	"http_proxy": true, "https_proxy": true, "HTTP_PROXY": true, "HTTPS_PROXY": true, "no_proxy": true, "NO_PROXY": true,
}

// hostLicence reads a license_file that lies outside sources and recipe.
func (r *runner) hostLicence(path string) (data []byte, err error) {
	if !r.req.Widen.AnyLicence {
		return nil, fmt.Errorf("license_file %q: it is a path of this machine; name a file of the sources or put the text beside the recipe (--allow-absolute-license-paths takes it all the same)", path)
	}
	if data, err = os.ReadFile(path); err != nil {
		return nil, fmt.Errorf("license_file: %w", err)
	}
	return data, nil
}

// widened is what a build of a is shown beyond its inputs.
func (r *runner) widened(a *Action) ([]string, error) {
	list := r.req.Widen.lines()
	for _, glob := range a.Output.About.LicenseFiles {
		if filepath.IsAbs(glob) {
			data, err := r.hostLicence(glob)
			if err != nil {
				return nil, err
			}
			list = append(list, "licence "+glob+" sha256 "+digest.Of(data).Hex())
		}
	}
	return list, nil
}
