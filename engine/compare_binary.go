package engine

import (
	"bytes"
	"debug/macho"
	"debug/pe"
	"fmt"
	"slices"
	"strings"

	"forge/internal/archive"
)

// compareCompressed compares what two compressed files hold. That of gzip has a header to look at, too.
func compareCompressed(path string, a, b []byte, depth int) []Difference {
	pa, kind, errA := archive.Expand(a, largestMember)
	pb, other, errB := archive.Expand(b, largestMember)
	if kind == "" || kind != other || errA != nil || errB != nil {
		return nil
	}
	if bytes.Equal(pa, pb) {
		d := binaryHunk(path, kind+" framing", a, b)
		d.hint, d.tool = "the content is the same, it was compressed otherwise", "compressor"
		return []Difference{d}
	}
	list := compareFiles(path, pa, pb, depth+1)
	for i := range list {
		list[i].Where = strings.TrimSpace(kind + " content, " + list[i].Where)
	}
	return list
}

// comparePE compares programs and libraries of Windows: the time in their header, then their sections.
func comparePE(path string, a, b []byte, _ int) []Difference {
	fa, errA := pe.NewFile(bytes.NewReader(a))
	fb, errB := pe.NewFile(bytes.NewReader(b))
	if errA != nil || errB != nil || !bytes.HasPrefix(a, []byte("MZ")) || !bytes.HasPrefix(b, []byte("MZ")) {
		return nil
	}
	var list []Difference
	ta, tb := fa.TimeDateStamp, fb.TimeDateStamp
	if ta != tb {
		d := hunk(path, "PE header TimeDateStamp", fmt.Append(nil, ta), fmt.Append(nil, tb))
		d.hint, d.tool = "mtime", "PE"
		list = append(list, d)
	}
	na, nb := sectionsOfPE(fa), sectionsOfPE(fb)
	if !slices.Equal(na, nb) {
		return append(list, hunk(path, "PE sections", []byte(strings.Join(na, " ")), []byte(strings.Join(nb, " "))))
	}
	for i, s := range fa.Sections {
		da, errA := s.Data()
		db, errB := fb.Sections[i].Data()
		if errA != nil || errB != nil || sameButStamps(da, db, ta, tb) {
			continue
		}
		if list = append(list, sectionHunk(path, "PE "+s.Name, da, db)); len(list) == 10 {
			break
		}
	}
	return list // the checksum in the header follows from all that
}

func sectionsOfPE(f *pe.File) (names []string) {
	for _, s := range f.Sections {
		names = append(names, s.Name)
	}
	return names
}

// sameButStamps reports whether two sections differ in nothing but the copies of the header's time that directories of
// exports, resources and debug data have.
func sameButStamps(a, b []byte, ta, tb uint32) bool {
	if len(a) != len(b) {
		return false
	}
	for i := 0; i < len(a); i++ {
		if a[i] == b[i] {
			continue
		}
		at := i &^ 3
		if ta == tb || at+4 > len(a) || le32(a[at:]) != ta || le32(b[at:]) != tb {
			return false
		}
		i = at + 3
	}
	return true
}

func le32(b []byte) uint32 {
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}

// What is looked at in a Mach-O file beside its sections.
const (
	loadUUID  = 0x1b // LC_UUID of <mach-o/loader.h>
	stabOSO   = 0x66 // N_OSO of <mach-o/stab.h>: an object file, with its time
	uuidBytes = 24
)

// compareMachO compares programs and libraries of macOS, also those for several processors.
func compareMachO(path string, a, b []byte, _ int) []Difference {
	xs, ys := machOFiles(a), machOFiles(b)
	if len(xs) == 0 || len(xs) != len(ys) {
		return nil
	}
	var list []Difference
	for i, x := range xs {
		list = append(list, compareMachOParts(path, x, ys[i])...)
	}
	return list
}

func machOFiles(b []byte) []*macho.File {
	if f, err := macho.NewFile(bytes.NewReader(b)); err == nil {
		return []*macho.File{f}
	}
	fat, err := macho.NewFatFile(bytes.NewReader(b))
	if err != nil {
		return nil
	}
	var list []*macho.File
	for _, arch := range fat.Arches {
		list = append(list, arch.File)
	}
	return list
}

func compareMachOParts(path string, a, b *macho.File) []Difference {
	var list []Difference
	for i, s := range a.Sections {
		if i >= len(b.Sections) || b.Sections[i].Name != s.Name {
			return append(list, Difference{Path: path, Where: "Mach-O sections", hint: "they have other sections"})
		}
		da, errA := s.Data()
		db, errB := b.Sections[i].Data()
		if errA != nil || errB != nil || bytes.Equal(da, db) {
			continue
		}
		if list = append(list, sectionHunk(path, "Mach-O "+s.Seg+","+s.Name, da, db)); len(list) == 10 {
			return list
		}
	}
	if a.Symtab != nil && b.Symtab != nil {
		for i, s := range a.Symtab.Syms {
			if i < len(b.Symtab.Syms) && s.Type == stabOSO && b.Symtab.Syms[i].Type == stabOSO && s.Value != b.Symtab.Syms[i].Value {
				d := hunk(path, "Mach-O debug map, "+s.Name, fmt.Append(nil, s.Value), fmt.Append(nil, b.Symtab.Syms[i].Value))
				d.hint, d.tool = "mtime", "Mach-O"
				return append(list, d)
			}
		}
	}
	ua, ub := uuidOf(a), uuidOf(b)
	if len(list) == 0 && !bytes.Equal(ua, ub) { // else it may be a digest of what differs
		d := hunk(path, "Mach-O LC_UUID", fmt.Appendf(nil, "%x", ua), fmt.Appendf(nil, "%x", ub))
		d.hint, d.tool = "random", "Mach-O"
		list = append(list, d)
	}
	return list
}

func uuidOf(f *macho.File) []byte {
	for _, l := range f.Loads {
		if raw := l.Raw(); len(raw) == uuidBytes && f.ByteOrder.Uint32(raw) == loadUUID {
			return raw[8:]
		}
	}
	return nil
}
