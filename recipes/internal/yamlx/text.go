package yamlx

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"forge/internal/diag"
)

// decode returns the text of a file in UTF-8 or, as YAML 1.2 section 5.2 allows, UTF-16 with or
// without a byte order mark; or what is wrong with it.
func decode(data []byte) (text, bad string) {
	switch {
	case bytes.HasPrefix(data, []byte{0, 0, 0xFE, 0xFF}), bytes.HasPrefix(data, []byte{0xFF, 0xFE, 0, 0}):
		return "", "the file is in UTF-32; save it as UTF-8"
	case bytes.HasPrefix(data, []byte{0xEF, 0xBB, 0xBF}):
		return string(data[3:]), ""
	case bytes.HasPrefix(data, []byte{0xFF, 0xFE}):
		return fromUTF16(data[2:], 0)
	case bytes.HasPrefix(data, []byte{0xFE, 0xFF}):
		return fromUTF16(data[2:], 1)
	case len(data) >= 2 && data[0] == 0 && data[1] != 0:
		return fromUTF16(data, 1)
	case len(data) >= 2 && data[1] == 0 && data[0] != 0:
		return fromUTF16(data, 0)
	}
	return string(data), ""
}

// fromUTF16 reads pairs of bytes whose less significant one is at low.
func fromUTF16(data []byte, low int) (string, string) {
	if len(data)%2 != 0 {
		return "", "the file is in UTF-16 and ends in half a character; save it as UTF-8"
	}
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = uint16(data[2*i+low]) | uint16(data[2*i+1-low])<<8
	}
	return string(utf16.Decode(units)), ""
}

// Checked is the text of a file in any of the encodings that YAML allows, for languages that are not YAML; an
// error is a byte or character that no recipe may hold.
func Checked(file string, data []byte) (string, diag.List) {
	text, bad := decode(data)
	if bad != "" {
		return "", diag.List{{Code: "encoding", Pos: diag.Pos{File: file, Line: 1, Column: 1}, Summary: bad}}
	}
	return text, (&Document{File: file, source: text}).unprintable(text)
}

func splitLines(text string) []string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimSuffix(lines[i], "\r")
	}
	return lines
}

// unprintable reports bytes that YAML does not allow (YAML 1.2, production c-printable), with the
// place that the library keeps to itself.
func (d *Document) unprintable(text string) diag.List {
	from := plainASCII(text)
	for i, r := range text[from:] {
		if r == '\n' || r == '\t' || r == '\r' || r == 0x85 || r >= 0x20 && r < 0x7F || r >= 0xA0 && r != 0xFEFF && r != 0xFFFE && r != 0xFFFF && r != utf8.RuneError {
			continue
		}
		i += from
		if r == utf8.RuneError && strings.HasPrefix(text[i:], "\uFFFD") {
			continue
		}
		line := 1 + strings.Count(text[:i], "\n")
		column := 1 + utf8.RuneCountInString(text[1+strings.LastIndexByte(text[:i], '\n'):i])
		switch r {
		case utf8.RuneError:
			return diag.List{d.atLine(line, column, "encoding", fmt.Sprintf("byte 0x%02x is not UTF-8", text[i]), "save the file as UTF-8")}
		case 0xFEFF:
			return diag.List{d.atLine(line, column, "encoding", "a byte order mark stands inside the file", "remove it")}
		}
		return diag.List{d.atLine(line, column, "yaml-syntax",
			fmt.Sprintf("control character U+%04X is not allowed", r), "remove it, or write it as an escape in double quotes")}
	}
	return nil
}

// plainASCII is the length of the beginning of a text in which all is printable ASCII or a newline, up to
// seven bytes less. It looks at eight bytes at a time.
func plainASCII(text string) int {
	const all = 0x0101010101010101
	zeros := func(x uint64) uint64 { return ^((x&(0x7F*all) + 0x7F*all) | x | 0x7F*all) } // 0x80 for each byte 0
	i := 0
	for ; i+8 <= len(text); i += 8 {
		s := text[i : i+8]
		x := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 | uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
		control := zeros(x&(0xE0*all)) &^ zeros(x^'\n'*all)
		if control|x&(0x80*all)|zeros(x^0x7F*all) != 0 {
			break
		}
	}
	return i
}

func (d *Document) atLine(line, column int, code, summary, suggestion string) diag.Diagnostic {
	p := diag.Pos{File: d.File, Line: line, Column: column}
	if d.mapLine != nil && line > 0 {
		p = diag.Pos{File: d.File, Line: d.mapLine(line)}
		if d.asWritten(line) {
			p.Column = column
		}
	}
	return diag.Diagnostic{Code: code, Pos: p, Line: d.Line(p.Line), Summary: summary, Suggestion: suggestion}
}
