package archive

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
)

// format is a container and, around a tar, a compression.
type format struct{ container, compression string }

func (f format) String() string {
	switch {
	case f.container == "":
		return ""
	case f.compression == "":
		return f.container
	}
	return f.container + "." + f.compression
}

// magics are the signatures at the beginning of a file, in the order they are tried.
var magics = []struct {
	magic                  string
	container, compression string
}{
	{"\x1f\x8b", "", "gz"},
	{"BZh", "", "bz2"},
	{"\xfd7zXZ\x00", "", "xz"},
	{"\x28\xb5\x2f\xfd", "", "zst"},
	{"LZIP\x01", "", "lz"},
	{"\x1f\x9d", "", "Z"},
	{"PK\x03\x04", "zip", ""},
	{"PK\x05\x06", "zip", ""},
	{"7z\xbc\xaf\x27\x1c", "7z", ""},
	{"Rar!\x1a\x07", "rar", ""},
}

const tarBlock = 512

// detect leaves the offset of f at 0.
func detect(f *os.File, name string) (format, error) {
	defer f.Seek(0, io.SeekStart)
	head := make([]byte, tarBlock)
	n, err := io.ReadFull(f, head)
	if err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
		return format{}, err
	}
	head = head[:n]
	if isTar(head) {
		return format{container: "tar"}, nil
	}
	compression := ""
	for _, m := range magics {
		if bytes.HasPrefix(head, []byte(m.magic)) {
			if m.container != "" {
				return format{container: m.container}, nil
			}
			compression = m.compression
			break
		}
	}
	// .lzma has no signature: properties byte and a dictionary size, so the name must agree.
	lower := strings.ToLower(name)
	if compression == "" && (strings.HasSuffix(lower, ".lzma") || strings.HasSuffix(lower, ".tlz")) {
		compression = "lzma"
	}
	if compression == "" {
		return format{}, fmt.Errorf("%s: %w", name, ErrFormat)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return format{}, err
	}
	r, closer, err := decompress(bufio.NewReader(f), compression)
	if err != nil {
		return format{}, err
	}
	defer closer()
	head = make([]byte, tarBlock)
	n, err = io.ReadFull(r, head)
	if err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
		return format{}, fmt.Errorf("%s: decompress %s: %w", name, compression, err)
	}
	if !isTar(head[:n]) {
		return format{}, fmt.Errorf("%s: %s, but no tar inside: %w", name, compression, ErrFormat)
	}
	return format{"tar", compression}, nil
}

// isTar looks at a first block: a header with the right checksum, or the zeros of an empty tar.
func isTar(block []byte) bool {
	if len(block) < tarBlock {
		return false
	}
	var sum, signed int64
	zero := true
	for i, c := range block {
		zero = zero && c == 0
		if i >= 148 && i < 156 {
			c = ' '
		}
		sum += int64(c)
		signed += int64(int8(c))
	}
	if zero {
		return true
	}
	var want int64
	field := strings.Trim(string(block[148:156]), " \x00")
	if field == "" {
		return false
	}
	for _, c := range field {
		if c < '0' || c > '7' {
			return false
		}
		want = want<<3 | int64(c-'0')
	}
	return want == sum || want == signed
}
