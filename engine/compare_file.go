package engine

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// compareFiles goes as deep into two files as it understands them: archives by member, programs by
// section, bytecode by header, text by line.
func compareFiles(path string, a, b []byte, depth int) []Difference {
	if depth < 4 {
		for _, look := range []func(string, []byte, []byte, int) []Difference{compareELF, comparePE, compareMachO, comparePyc, compareGzip, compareCompressed, compareAr, compareTar, compareZip, compareText} {
			if list := look(path, a, b, depth); len(list) > 0 {
				return list
			}
		}
	}
	return []Difference{binaryHunk(path, "", a, b)}
}

// binaryHunk shows the first bytes that differ, as the text they are part of if they are.
func binaryHunk(path, where string, a, b []byte) Difference {
	at := 0
	for at < len(a) && at < len(b) && a[at] == b[at] {
		at++
	}
	sa, sb := textAround(a, at), textAround(b, at)
	d := hunk(path, strings.TrimSpace(fmt.Sprintf("%s byte %d", where, at)), sa, sb)
	if slices.Equal(sortedBytes(a), sortedBytes(b)) {
		d.hint = "the same bytes in another order"
	}
	return d
}

func sortedBytes(b []byte) []byte {
	c := slices.Clone(b)
	slices.Sort(c)
	return c
}

// textAround is the printable run that holds b[at], else the few bytes there.
func textAround(b []byte, at int) []byte {
	printable := func(i int) bool { return i >= 0 && i < len(b) && b[i] >= ' ' && b[i] < 0x7f }
	start, end := at, at
	for printable(start-1) && at-start < 256 {
		start--
	}
	for printable(end) && end-at < 256 {
		end++
	}
	if end-start >= 4 {
		return b[start:end]
	}
	return b[min(at, len(b)):min(at+16, len(b))]
}

func compareText(path string, a, b []byte, _ int) []Difference {
	if !utf8.Valid(a) || !utf8.Valid(b) || bytes.IndexByte(a, 0) >= 0 || bytes.IndexByte(b, 0) >= 0 {
		return nil
	}
	la, lb := strings.Split(string(a), "\n"), strings.Split(string(b), "\n")
	if sameParts(la, lb) {
		i := 0
		for la[i] == lb[i] {
			i++
		}
		d := hunk(path, fmt.Sprintf("line %d", i+1), []byte(la[i]), []byte(lb[i]))
		d.order = true
		return []Difference{d}
	}
	var list []Difference
	if len(la) != len(lb) {
		i := 0
		for i < len(la) && i < len(lb) && la[i] == lb[i] {
			i++
		}
		d := hunk(path, fmt.Sprintf("line %d", i+1), []byte(lineAt(la, i)), []byte(lineAt(lb, i)))
		d.hint = fmt.Sprintf("%d lines against %d", len(la), len(lb))
		return []Difference{d}
	}
	for i := range la {
		if la[i] == lb[i] {
			continue
		}
		if list = append(list, compareLines(path, fmt.Sprintf("line %d", i+1), la[i], lb[i])...); len(list) >= 5 {
			break
		}
	}
	return list
}

// compareLines compares two lines. One that holds a time and differs in more than that has two differences.
func compareLines(path, where, a, b string) []Difference {
	d := hunk(path, where, []byte(a), []byte(b))
	d.order = sameParts(strings.FieldsFunc(a, notWord), strings.FieldsFunc(b, notWord))
	timesA, timesB := datePattern().FindAllString(a, -1), datePattern().FindAllString(b, -1)
	restA, restB := datePattern().ReplaceAllString(a, "…"), datePattern().ReplaceAllString(b, "…")
	if d.order || len(timesA) != len(timesB) || slices.Equal(timesA, timesB) || restA == restB {
		return []Difference{d}
	}
	time := hunk(path, where, []byte(strings.Join(timesA, " ")), []byte(strings.Join(timesB, " ")))
	return []Difference{time, hunk(path, where+" beside the time", []byte(restA), []byte(restB))}
}

func lineAt(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

func notWord(r rune) bool { return strings.ContainsRune(" \t,;:=()[]{}\"'", r) }

// sameParts reports whether a is b in another order.
func sameParts(a, b []string) bool {
	if len(a) != len(b) || slices.Equal(a, b) {
		return false
	}
	sa, sb := slices.Clone(a), slices.Clone(b)
	slices.Sort(sa)
	slices.Sort(sb)
	return slices.Equal(sa, sb)
}

func compareELF(path string, a, b []byte, _ int) []Difference {
	fa, errA := elf.NewFile(bytes.NewReader(a))
	fb, errB := elf.NewFile(bytes.NewReader(b))
	if errA != nil || errB != nil {
		return nil
	}
	var list []Difference
	namesA, namesB := sectionNames(fa), sectionNames(fb)
	if !slices.Equal(namesA, namesB) {
		d := hunk(path, "ELF sections", []byte(strings.Join(namesA, " ")), []byte(strings.Join(namesB, " ")))
		d.order = sameParts(namesA, namesB)
		list = append(list, d)
	}
	buildID := false
	for _, s := range fa.Sections {
		other := fb.Section(s.Name)
		if s.Type == elf.SHT_NOBITS || other == nil {
			continue
		}
		da, errA := s.Data()
		db, errB := other.Data()
		if errA != nil || errB != nil || bytes.Equal(da, db) {
			continue
		}
		if s.Name == ".note.gnu.build-id" {
			buildID = true // a hash of the rest
			continue
		}
		list = append(list, sectionHunk(path, "ELF "+s.Name, da, db))
		if len(list) == 10 {
			break
		}
	}
	if len(list) == 0 && buildID {
		list = append(list, Difference{Path: path, Where: "ELF .note.gnu.build-id", hint: "random", tool: "build-id"})
	}
	return list
}

func sectionNames(f *elf.File) []string {
	var names []string
	for _, s := range f.Sections {
		names = append(names, s.Name)
	}
	return names
}

// sectionHunk compares sections that hold strings string by string.
func sectionHunk(path, where string, a, b []byte) Difference {
	if strings.Contains(where, "str") || strings.HasSuffix(where, ".comment") || strings.Contains(where, ".rodata") || strings.HasSuffix(where, ".rdata") {
		sa, sb := strings.Split(string(a), "\x00"), strings.Split(string(b), "\x00")
		if sameParts(sa, sb) {
			d := binaryHunk(path, where, a, b)
			d.order = true
			return d
		}
	}
	return binaryHunk(path, where, a, b)
}

// comparePyc reads the header of bytecode (PEP 552).
func comparePyc(path string, a, b []byte, _ int) []Difference {
	if !strings.HasSuffix(path, ".pyc") || len(a) < 16 || len(b) < 16 {
		return nil
	}
	var list []Difference
	flags := binary.LittleEndian.Uint32(a[4:8])
	switch {
	case !bytes.Equal(a[:4], b[:4]):
		list = append(list, hunk(path, "pyc magic", fmt.Appendf(nil, "%x", a[:4]), fmt.Appendf(nil, "%x", b[:4])))
	case !bytes.Equal(a[4:8], b[4:8]):
		list = append(list, hunk(path, "pyc flags", fmt.Appendf(nil, "%x", a[4:8]), fmt.Appendf(nil, "%x", b[4:8])))
	case flags&1 == 0 && !bytes.Equal(a[8:12], b[8:12]):
		d := hunk(path, "pyc source mtime", decimal32(a[8:12]), decimal32(b[8:12]))
		d.hint, d.tool = "mtime", "pyc"
		list = append(list, d)
	case !bytes.Equal(a[8:16], b[8:16]):
		list = append(list, hunk(path, "pyc source hash or size", fmt.Appendf(nil, "%x", a[8:16]), fmt.Appendf(nil, "%x", b[8:16])))
	}
	if !bytes.Equal(a[16:], b[16:]) {
		d := binaryHunk(path, "pyc code", a[16:], b[16:])
		d.tool = "pyc"
		list = append(list, d)
	}
	return list
}

func decimal32(b []byte) []byte {
	return strconv.AppendUint(nil, uint64(binary.LittleEndian.Uint32(b)), 10)
}

// compareGzip compares the header (RFC 1952), then what is inside.
func compareGzip(path string, a, b []byte, depth int) []Difference {
	const limit = 64 << 20
	if len(a) < 18 || len(b) < 18 || a[0] != 0x1f || a[1] != 0x8b || b[0] != 0x1f || b[1] != 0x8b {
		return nil
	}
	var list []Difference
	if !bytes.Equal(a[4:8], b[4:8]) {
		d := hunk(path, "gzip mtime", decimal32(a[4:8]), decimal32(b[4:8]))
		d.hint, d.tool = "mtime", "gzip"
		list = append(list, d)
	}
	ra, errA := gunzip(a, limit)
	rb, errB := gunzip(b, limit)
	if errA == nil && errB == nil && !bytes.Equal(ra, rb) {
		for _, d := range compareFiles(path, ra, rb, depth+1) {
			d.Where = strings.TrimSpace("gzip content, " + d.Where)
			list = append(list, d)
		}
	}
	if errA == nil && errB == nil && len(list) == 0 {
		d := binaryHunk(path, "gzip framing", a, b)
		d.hint, d.tool = "the content is the same, it was compressed otherwise", "compressor"
		list = append(list, d)
	}
	return list
}

func gunzip(b []byte, limit int64) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(z, limit))
}

// arMember is one member of a static library (ar(5)).
type arMember struct {
	name, mtime, owner, mode string
	data                     []byte
}

const arMagic = "!<arch>\n"

func readAr(b []byte) ([]arMember, bool) {
	if !bytes.HasPrefix(b, []byte(arMagic)) {
		return nil, false
	}
	var list []arMember
	for b = b[len(arMagic):]; len(b) >= 60; {
		h := b[:60]
		size, err := strconv.Atoi(strings.TrimSpace(string(h[48:58])))
		if err != nil || size < 0 || size > len(b)-60 {
			return nil, false
		}
		list = append(list, arMember{strings.TrimSpace(string(h[:16])), strings.TrimSpace(string(h[16:28])), strings.TrimSpace(string(h[28:40])),
			strings.TrimSpace(string(h[40:48])), b[60 : 60+size]})
		b = b[60+size:]
		if size%2 == 1 && len(b) > 0 {
			b = b[1:]
		}
	}
	return list, true
}

func compareAr(path string, a, b []byte, depth int) []Difference {
	ma, okA := readAr(a)
	mb, okB := readAr(b)
	if !okA || !okB {
		return nil
	}
	na, nb := memberNames(ma), memberNames(mb)
	if !slices.Equal(na, nb) {
		d := hunk(path, "ar members", []byte(strings.Join(na, " ")), []byte(strings.Join(nb, " ")))
		d.order, d.tool = sameParts(na, nb), "ar"
		return []Difference{d}
	}
	var list []Difference
	for i := range ma {
		x, y := ma[i], mb[i]
		where := "ar member " + strings.TrimSuffix(x.name, "/")
		if x.name == "/" || x.name == "/SYM64/" {
			where = "ar symbol table"
		}
		if x.mtime != y.mtime {
			d := hunk(path, where+" mtime", []byte(x.mtime), []byte(y.mtime))
			d.hint, d.tool = "mtime", "ar"
			list = append(list, d)
		}
		if x.owner != y.owner || x.mode != y.mode {
			d := hunk(path, where+" owner and mode", []byte(x.owner+" "+x.mode), []byte(y.owner+" "+y.mode))
			d.hint, d.tool = "owner", "ar"
			list = append(list, d)
		}
		if !bytes.Equal(x.data, y.data) && x.name != "/" {
			list = append(list, compareInside(path, where, x.data, y.data, depth)...)
		}
	}
	return list
}

func memberNames(list []arMember) []string {
	var names []string
	for _, m := range list {
		names = append(names, m.name)
	}
	return names
}
