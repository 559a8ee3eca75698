package engine

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
)

// largestMember bounds what is read of one member of an archive to compare it.
const largestMember = 64 << 20

// packed is one member of a tar or zip archive.
type packed struct {
	name, mtime, owner, mode, link string
	data                           []byte
}

func compareTar(path string, a, b []byte, depth int) []Difference {
	return compareMembers(path, "tar", readTar, a, b, depth)
}

func compareZip(path string, a, b []byte, depth int) []Difference {
	return compareMembers(path, "zip", readZip, a, b, depth)
}

// compareMembers compares two archives: the order of the members, then each one's fields and content.
func compareMembers(path, kind string, read func([]byte) []packed, a, b []byte, depth int) []Difference {
	ma, mb := read(a), read(b)
	if len(ma) == 0 || len(mb) == 0 {
		return nil
	}
	na, nb := packedNames(ma), packedNames(mb)
	if !slices.Equal(na, nb) {
		d := hunk(path, kind+" members", []byte(strings.Join(na, " ")), []byte(strings.Join(nb, " ")))
		d.order, d.tool = sameParts(na, nb), kind
		return []Difference{d}
	}
	var list []Difference
	for i, x := range ma {
		if list = append(list, x.compare(path, kind, mb[i], depth)...); len(list) >= 10 {
			break
		}
	}
	return list
}

func (x packed) compare(path, kind string, y packed, depth int) []Difference {
	var list []Difference
	where := kind + " member " + x.name
	for _, field := range []struct{ name, a, b, hint string }{
		{"mtime", x.mtime, y.mtime, "mtime"}, {"owner", x.owner, y.owner, "owner"}, {"mode", x.mode, y.mode, "a mode: umask or chmod"},
		{"link", x.link, y.link, ""},
	} {
		if field.a != field.b {
			d := hunk(path, where+" "+field.name, []byte(field.a), []byte(field.b))
			d.hint, d.tool = field.hint, kind
			list = append(list, d)
		}
	}
	if bytes.Equal(x.data, y.data) {
		return list
	}
	return append(list, compareInside(path, where, x.data, y.data, depth)...)
}

// compareInside compares what lies in a file, and says so of each difference.
func compareInside(path, where string, a, b []byte, depth int) []Difference {
	list := compareFiles(path, a, b, depth+1)
	for i := range list {
		list[i].Where = strings.TrimSpace(where + ", " + list[i].Where)
	}
	return list
}

func packedNames(list []packed) []string {
	var names []string
	for _, m := range list {
		names = append(names, m.name)
	}
	return names
}

// readTar returns the members, nil for what is no tar (POSIX ustar or GNU).
func readTar(b []byte) []packed {
	if len(b) < 1024 || !bytes.Equal(b[257:262], []byte("ustar")) {
		return nil
	}
	var list []packed
	for r := tar.NewReader(bytes.NewReader(b)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return list
		}
		if err != nil {
			return nil
		}
		data, err := io.ReadAll(io.LimitReader(r, largestMember))
		if err != nil {
			return nil
		}
		list = append(list, packed{h.Name, fmt.Sprint(h.ModTime.UnixNano()), fmt.Sprintf("%d:%d %s:%s", h.Uid, h.Gid, h.Uname, h.Gname),
			fmt.Sprintf("%o", h.Mode), h.Linkname, data})
	}
}

// readZip returns the members, nil for what is no zip.
func readZip(b []byte) []packed {
	if !bytes.HasPrefix(b, []byte("PK\x03\x04")) {
		return nil
	}
	r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil
	}
	var list []packed
	for _, f := range r.File {
		in, err := f.Open()
		if err != nil {
			return nil
		}
		data, err := io.ReadAll(io.LimitReader(in, largestMember))
		in.Close()
		if err != nil {
			return nil
		}
		list = append(list, packed{name: f.Name, owner: zipOwner(f.Extra), mtime: f.Modified.UTC().Format("2006-01-02 15:04:05"), mode: f.Mode().String(), data: data})
	}
	return list
}

// zipOwner is the user and group that Info-ZIP keeps of a member (extra field 0x7875), as hexadecimal digits.
func zipOwner(extra []byte) string {
	for len(extra) >= 4 {
		tag, size := le32(extra)&0xffff, int(le32(extra)>>16)
		if size > len(extra)-4 {
			return ""
		}
		if tag == 0x7875 {
			return fmt.Sprintf("%x", extra[4:4+size])
		}
		extra = extra[4+size:]
	}
	return ""
}
