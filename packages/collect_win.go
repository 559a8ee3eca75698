package packages

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
)

// maxSpelled bounds a text whose spellings of the prefix are made one.
const maxSpelled = 64 << 20

// longPath is the length from which on a path below an ordinary prefix goes over the 260 characters that
// most programs of Windows take.
const longPath = 200

// CheckWindowsName says what keeps a path from being one on Windows: names of devices, with or without an
// extension, characters that mean something else there, and an end that it cuts off
// (Microsoft, Naming Files, Paths, and Namespaces).
func CheckWindowsName(p string) error {
	for _, part := range strings.Split(p, "/") {
		stem, _, _ := strings.Cut(part, ".")
		stem = strings.ToUpper(strings.TrimRight(stem, " "))
		switch {
		case device(stem):
			return fmt.Errorf("the name %q is that of a device on Windows; rename the file in the build script", part)
		case strings.ContainsAny(part, `<>:"|?*`):
			return fmt.Errorf("the name %q has a character that no name on Windows has; rename the file in the build script", part)
		case strings.HasSuffix(part, ".") || strings.HasSuffix(part, " "):
			return fmt.Errorf("the name %q ends with a dot or a blank, which Windows cuts off; rename the file in the build script", part)
		}
	}
	return nil
}

func device(stem string) bool {
	switch stem {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}
	for _, port := range []string{"COM", "LPT"} {
		if digit, ok := strings.CutPrefix(stem, port); ok && strings.Contains("123456789¹²³", digit) && digit != "" {
			return true
		}
	}
	return false
}

// windowsPath judges a path of a package for Windows.
func (c *collector) windowsPath(p string) error {
	if len(p) > longPath {
		c.warnings = append(c.warnings, fmt.Sprintf("%q: the path has %d characters; with most prefixes it goes over the 260 that programs of Windows take", p, len(p)))
	}
	return CheckWindowsName(p)
}

// spelled reads a text in which a build on Windows left its prefix: with backslashes, doubled ones or
// slashes. All become the placeholder, so that the package does not depend on where it was built; clients put
// a prefix with slashes there. ok is false where the file holds none.
func (c *collector) spelled(p string, s scan) (text []byte, ok bool, err error) {
	if c.opts.Placeholder == "" || s.nul || s.size > maxSpelled {
		return nil, false, nil
	}
	b, err := c.dir.ReadFile(filepath.FromSlash(p))
	if err != nil {
		return nil, false, err
	}
	out := b
	for _, spelling := range []string{c.prefix, strings.ReplaceAll(c.prefix, `\`, `\\`), strings.ReplaceAll(c.prefix, `\`, "/")} {
		out = bytes.ReplaceAll(out, []byte(spelling), []byte(c.opts.Placeholder))
	}
	return out, !bytes.Equal(out, b), nil
}
