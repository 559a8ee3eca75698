package archive

import (
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// CleanName judges the name of an archive member and returns it relative, slash separated and clean.
// The error says what is wrong with it: names that are absolute, climb by "..", are too long or too
// deep, are not UTF-8, or hold backslashes, control or direction-changing characters.
func CleanName(name string) (string, error) {
	bad := func(why string) (string, error) { return "", fmt.Errorf("entry %q %s", name, why) }
	switch {
	case len(name) > maxPath:
		return "", fmt.Errorf("entry %q… has a name of %d bytes, more than %d", name[:64], len(name), maxPath)
	case !utf8.ValidString(name):
		return bad("has a name that is not UTF-8")
	case strings.HasPrefix(name, "/"):
		return bad("has an absolute name")
	case strings.Contains(name, `\`):
		return bad("has a backslash in its name")
	case strings.ContainsFunc(name, unprintable):
		return bad("has a control character in its name")
	}
	parts := strings.Split(name, "/")
	if len(parts) > maxDepth {
		return bad(fmt.Sprintf("lies more than %d folders deep", maxDepth))
	}
	for _, p := range parts {
		if p == ".." {
			return bad("climbs out of its folder")
		}
		if len(p) > maxName {
			return bad(fmt.Sprintf("has a name longer than %d bytes", maxName))
		}
		if len(p) >= 2 && p[1] == ':' {
			return bad("begins with a drive letter")
		}
	}
	return path.Clean(name), nil
}

// unprintable tells what may deceive a reader: control characters, and those that change the
// direction of text (CVE-2021-42574).
func unprintable(r rune) bool {
	return unicode.IsControl(r) || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 ||
		r == 0x2028 || r == 0x2029 ||
		r == 0x200e || r == 0x200f || r == 0x061c
}

// foldName maps names to one value that a file system without case or normalisation takes for one.
func foldName(name string) string {
	return strings.ToLower(strings.ToUpper(norm.NFC.String(name)))
}
