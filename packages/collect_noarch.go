package packages

import (
	"bytes"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/bmatcuk/doublestar/v4"
)

var (
	libPython = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:lib/python[0-9]+\.[0-9]+t?|Lib)/`) })
	// pythonLine is a #! line that starts a python, with its arguments.
	pythonLine = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^#![ \t]*(?:/[^ \t\r\n]*/|/usr/bin/env[ \t]+)python(?:w?[0-9.]*)([ \t][^\r\n]*)?(\r?\n|$)`)
	})
)

// noarchPath is where a file of a noarch python build lies in the package (CEP 20's layout).
func noarchPath(p string, entryPoints []string) (string, bool) {
	if strings.Contains("/"+p, "/__pycache__/") || strings.HasSuffix(p, ".pyc") {
		return "", false
	}
	if at := libPython().FindString(p); at != "" {
		return p[len(at):], true
	}
	dir, name, ok := strings.Cut(p, "/")
	if !ok || dir != "bin" && dir != "Scripts" {
		return p, true
	}
	for _, e := range entryPoints {
		command, _, _ := strings.Cut(e, "=")
		command = strings.TrimSpace(command)
		if name == command || name == command+".exe" || name == command+"-script.py" {
			return "", false // made anew by whoever installs
		}
	}
	return "python-scripts/" + name, true
}

// plainShebang rewrites the first line of a script that starts the build's very own python (python3.11):
// a noarch package is installed beside others.
func (c *collector) plainShebang(p string) ([]byte, bool, error) {
	b, err := c.dir.ReadFile(filepath.FromSlash(p))
	if err != nil || bytes.IndexByte(b, 0) >= 0 {
		return nil, false, err
	}
	m := pythonLine().FindSubmatchIndex(b)
	if m == nil || !bytes.Contains(b[:m[1]], []byte(c.prefix)) {
		return nil, false, nil
	}
	line := "#!" + c.prefix + "/bin/python"
	if m[2] >= 0 {
		line += string(b[m[2]:m[3]])
	}
	return append([]byte(line), b[m[4]:]...), true, nil
}

// matchAny tells whether one of the globs selects p: the path itself, or a folder above it.
func matchAny(globs []string, p string) bool {
	for _, g := range globs {
		g = strings.TrimPrefix(path.Clean(strings.ReplaceAll(g, `\`, "/")), "./")
		if ok, _ := doublestar.Match(g, p); ok {
			return true
		}
		if ok, _ := doublestar.Match(g+"/**", p); ok {
			return true
		}
	}
	return false
}
