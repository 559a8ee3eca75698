package sources

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"forge/internal/diag"
)

// defaultClientDirs are where clients are looked up, never on the caller's PATH: root and an
// ordinary user get the same ones.
func defaultClientDirs() []string {
	return []string{"/usr/local/bin", "/usr/bin", "/bin", "/usr/local/go/bin"}
}

// client is one run of a registry's ordinary client.
type client struct {
	name string // a program of the client folders, or an absolute path
	args []string
	dir  string
	set  map[string]string // beside what the caller's environment gives
}

// find returns the absolute path of a program, also looked for in more.
func (g *Getter) find(name string, more ...string) (string, error) {
	all, err := g.findAll(name, more...)
	if err != nil {
		return "", err
	}
	return all[0], nil
}

// findAll lists every program of that name, the one that find takes first; there is at least one.
func (g *Getter) findAll(name string, more ...string) ([]string, error) {
	if filepath.IsAbs(name) {
		return []string{name}, nil
	}
	dirs := g.ClientDirs
	if dirs == nil {
		dirs = defaultClientDirs()
	}
	dirs = append(slices.Clone(dirs), more...)
	var all []string
	for _, dir := range dirs {
		p := filepath.Join(dir, name+exeSuffix)
		if info, err := os.Stat(p); err == nil && info.Mode().IsRegular() && executable(info) {
			all = append(all, p)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("needs %s, which is in none of %s", name, strings.Join(dirs, ", "))
	}
	return all, nil
}

// passed are the variables of the caller that clients read: who they are, proxies, certificates and
// their own registry configuration. Nothing of Forge's, and nothing that makes them run other code.
func passed(name string) bool {
	switch strings.ToUpper(name) {
	case "HOME", "USER", "LOGNAME", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "SYSTEMROOT", "SYSTEMDRIVE", "COMSPEC", "PROGRAMDATA",
		"XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "NETRC", "SSH_AUTH_SOCK",
		"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "FTP_PROXY", "NO_PROXY",
		"SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH",
		"GOPROXY", "GONOPROXY", "GOPRIVATE", "GOSUMDB", "GONOSUMDB", "GOINSECURE", "GOAUTH", "GOVCS", "GOENV",
		"CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "NPM_TOKEN":
		return true
	}
	for _, prefix := range []string{"PIP_", "NPM_CONFIG_", "CARGO_REGISTRY", "CARGO_REGISTRIES_", "CARGO_HTTP_", "CARGO_NET_", "CARGO_SOURCE_"} {
		if strings.HasPrefix(strings.ToUpper(name), prefix) {
			return true
		}
	}
	return false
}

// environment is what a client runs with.
func (g *Getter) environment(set map[string]string) []string {
	all := map[string]string{}
	for k, v := range g.env {
		if passed(k) {
			all[k] = v
		}
	}
	dirs := g.ClientDirs
	if dirs == nil {
		dirs = append(defaultClientDirs(), "/usr/sbin", "/sbin")
	}
	all["PATH"] = strings.Join(dirs, string(os.PathListSeparator))
	all["LANG"], all["LC_ALL"] = "C.UTF-8", "C.UTF-8"
	for k, v := range set {
		all[k] = v
	}
	var env []string
	for k, v := range all {
		env = append(env, k+"="+v)
	}
	slices.Sort(env)
	return env
}

// clientError is a client that said no.
type clientError struct {
	name string
	err  error
	said string // its last lines
}

func (e *clientError) Error() string {
	if e.said == "" {
		return e.name + ": " + e.err.Error()
	}
	return e.name + ": " + e.said
}

// clientTime is how long a client may take: none asks for input, so one that goes on is stuck.
const clientTime = time.Hour

// run runs a client to its end and returns its standard output. When ctx ends, the client and all
// it started are killed.
func (g *Getter) run(outer context.Context, c client) ([]byte, error) {
	ctx, cancel := context.WithTimeout(outer, clientTime)
	defer cancel()
	path, err := g.find(c.name)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, c.args...)
	cmd.Dir, cmd.Env = c.dir, g.environment(c.set)
	stdout, stderr := &limited{most: 64 << 20}, &limited{most: 1 << 20}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	killGroup(cmd)
	cmd.WaitDelay = 5 * time.Second
	runtime.LockOSThread() // see killGroup
	err = cmd.Run()
	runtime.UnlockOSThread()
	if outer.Err() != nil {
		return nil, outer.Err()
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("%s was not done after %s", filepath.Base(path), clientTime)
	}
	if err != nil {
		return stdout.Bytes(), &clientError{filepath.Base(path), err, lastLines(stderr.String(), stdout.String())}
	}
	if stdout.over {
		return nil, fmt.Errorf("%s printed more than %d bytes", filepath.Base(path), stdout.most)
	}
	return stdout.Bytes(), nil
}

// limited is a buffer that drops what is too much.
type limited struct {
	bytes.Buffer
	most int
	over bool
}

func (l *limited) Write(p []byte) (int, error) {
	if l.Len()+len(p) > l.most {
		l.over = true
		return len(p), nil
	}
	return l.Buffer.Write(p)
}

// lastLines is what a person should read of a client's output: its errors with their causes, or its
// last words.
func lastLines(texts ...string) string {
	const most = 5
	for _, text := range texts {
		var errs, all []string
		caused := false
		for line := range strings.Lines(text) {
			line = strings.TrimSpace(diag.Printable(strings.TrimRight(line, "\r\n")))
			if line == "" {
				continue
			}
			all = append(all, line)
			caused = caused || len(errs) > 0 && strings.HasPrefix(line, "Caused by:")
			if caused || saysError(line) {
				errs = append(errs, line)
			}
		}
		if len(errs) == 0 {
			errs = all
		}
		if len(errs) > most {
			errs = append(errs[:1], errs[len(errs)-most+1:]...)
		}
		if len(errs) > 0 {
			return strings.ReplaceAll(strings.Join(errs, "; "), "; Caused by:; ", ": ")
		}
	}
	return ""
}

// saysError reports whether a client means a line as an error: E: of apt, error: and fatal: of most.
func saysError(line string) bool {
	line = strings.ToLower(line)
	for _, prefix := range []string{"e:", "err:", "error", "fatal", "npm err"} {
		if strings.HasPrefix(line, prefix) {
			return !strings.HasPrefix(line, "npm error a complete log") && !strings.HasPrefix(line, "npm error code")
		}
	}
	return false
}
