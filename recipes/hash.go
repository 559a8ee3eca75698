package recipes

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"
)

// hashInput writes a used variant as the JSON that conda's public hash is made of: sorted keys,
// separators ", " and ": ", nothing escaped that JSON does not demand.
func hashInput(used map[string]any) []byte {
	b := bytes.NewBuffer(make([]byte, 0, 16+40*len(used)))
	b.WriteByte('{')
	for i, k := range sortedNames(used) {
		if i > 0 {
			b.WriteString(", ")
		}
		writeJSONString(b, k)
		b.WriteString(": ")
		writeJSON(b, used[k])
	}
	b.WriteByte('}')
	return b.Bytes()
}

func writeJSON(b *bytes.Buffer, v any) {
	switch v := v.(type) {
	case nil:
		b.WriteString("null")
	case string:
		writeJSONString(b, v)
	case []any:
		b.WriteByte('[')
		for i, e := range v {
			if i > 0 {
				b.WriteString(", ")
			}
			writeJSON(b, e)
		}
		b.WriteByte(']')
	case map[string]any:
		b.Write(hashInput(v))
	default:
		fmt.Fprint(b, v)
	}
}

func writeJSONString(b *bytes.Buffer, s string) {
	b.WriteByte('"')
	if strings.IndexFunc(s, func(r rune) bool { return r < 0x20 || r == '"' || r == '\\' }) < 0 && utf8.ValidString(s) {
		b.WriteString(s)
		b.WriteByte('"')
		return
	}
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < 0x20:
			if short, ok := map[rune]string{'\b': `\b`, '\f': `\f`, '\n': `\n`, '\r': `\r`, '\t': `\t`}[r]; ok {
				b.WriteString(short)
			} else {
				fmt.Fprintf(b, `\u%04x`, r)
			}
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
}

// shortHash is the part of the hash that names carry: 7 hex digits of SHA-1. It names, it protects
// nothing.
func shortHash(input []byte) string {
	sum := sha1.Sum(input)
	return hex.EncodeToString(sum[:4])[:7]
}

// buildPrefix is what stands before the hash in a build string, for example py311.
func buildPrefix(used map[string]any, noarch string) string {
	if noarch == "python" {
		return "py"
	}
	var b strings.Builder
	for _, p := range []struct {
		prefix string
		keys   []string
		parts  int
	}{{"np", []string{"numpy"}, 2}, {"py", []string{"python"}, 2}, {"pl", []string{"perl"}, 3}, {"lua", []string{"lua"}, 2}, {"r", []string{"r_base", "r"}, 2}} {
		for _, key := range p.keys {
			if v, ok := used[key]; ok {
				b.WriteString(p.prefix + shortVersion(fmt.Sprint(v), p.parts))
				break
			}
		}
	}
	return b.String()
}

// shortVersion joins the first parts of a version: 3.11.* gives 311.
func shortVersion(version string, parts int) string {
	all := strings.Split(version, ".")
	return strings.Join(all[:min(parts, len(all))], "")
}

// HashPrefix is what stands before the hash in a build string that the recipe does not set: np, py, pl,
// lua and r with the versions of the variant.
func (o *Output) HashPrefix() string {
	if o.Recipe.Format != "meta.yaml" {
		return buildPrefix(o.Variant, o.NoArch)
	}
	if prefix, _, found := strings.Cut(o.BuildString, o.Hash); found {
		return prefix
	}
	return ""
}
