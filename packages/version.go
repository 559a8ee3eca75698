package packages

import (
	"fmt"
	"strings"
)

// Version is a conda version, ordered as conda's VersionOrder orders it
// (https://github.com/conda/conda, conda/models/version.py): epoch, dotted segments of numbers and
// letters, local part. The zero Version is no version and sorts before all.
type Version struct {
	source string // as it was written
	text   string // lower case; the same string where source has no capitals
	key    string // bytes that sort as the version does
}

// maxVersion bounds the length of a version string in bytes; real ones stay below 100.
const maxVersion = 4096

// ParseVersion reads a version. Letters are lower-cased for comparison. It is an error to mix "_" and
// "-", to leave a segment empty, or to use other characters than letters, digits and ". _ - + !".
func ParseVersion(s string) (Version, error) {
	source := strings.TrimSpace(s)
	if len(source) > maxVersion {
		return Version{}, fmt.Errorf("version %q…: longer than %d bytes", source[:40], maxVersion)
	}
	v := Version{source: source, text: strings.ToLower(source)}
	var buf [24]component
	parts, local, err := splitVersion(buf[:0], v.text)
	if err != nil {
		return Version{}, fmt.Errorf("malformed version %q: %w", s, err)
	}
	v.key = string(appendKey(appendKey(make([]byte, 0, 2*len(source)+8), parts), local))
	return v, nil
}

// String is the version as it was written.
func (v Version) String() string { return v.source }

// IsZero reports whether v is no version.
func (v Version) IsZero() bool { return v.key == "" }

// Compare is -1, 0 or 1 as v is older than, as old as or newer than w; 1.0 and 1.0.0 are equal.
func (v Version) Compare(w Version) int { return strings.Compare(v.key, w.key) }

// Equal reports whether v and w have the same rank.
func (v Version) Equal(w Version) bool { return v.key == w.key }

// Normal is v with leading zeros dropped and in lower case: "2022.06.A" is "2022.6.a".
func (v Version) Normal() string {
	digits := func(b byte) bool { return b >= '0' && b <= '9' }
	plain := true
	for i := 0; i+1 < len(v.text); i++ {
		if v.text[i] == '0' && digits(v.text[i+1]) && (i == 0 || !digits(v.text[i-1])) {
			plain = false
		}
	}
	if plain {
		return v.text
	}
	var b strings.Builder
	for i := 0; i < len(v.text); {
		if !digits(v.text[i]) {
			b.WriteByte(v.text[i])
			i++
			continue
		}
		end := i
		for end < len(v.text) && digits(v.text[end]) {
			end++
		}
		number := strings.TrimLeft(v.text[i:end], "0")
		if number == "" {
			number = "0"
		}
		b.WriteString(number)
		i = end
	}
	return b.String()
}

// HasPrefix reports whether v matches the glob "prefix.*": the segments of prefix are those of v, the
// last of them may go on (1.2a and 1.2.3 begin with 1.2, 1.20 does not). Zeros that v leaves out count
// as written (1 begins with 1.0), and where prefix has a local part that of v begins with it.
func (v Version) HasPrefix(prefix Version) bool {
	var buf [24]component
	want, local, _ := splitVersion(buf[:0], prefix.text)
	return v.hasPrefix(want, local)
}

// isCompatible is the second half of "~=": all but the last segment of bound are those of v.
func (v Version) isCompatible(bound Version) bool {
	var buf [24]component
	want, local, _ := splitVersion(buf[:0], bound.text)
	return v.hasPrefix(dropSegment(want), local)
}

func (v Version) hasPrefix(want, local []component) bool {
	var buf [24]component
	parts, mine, _ := splitVersion(buf[:0], v.text)
	return hasPrefix(parts, want) && hasPrefix(mine, local)
}
