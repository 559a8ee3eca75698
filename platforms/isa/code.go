package isa

import (
	"bytes"
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"fmt"
	"slices"
	"strings"
)

// code is the executable part of a file.
type code struct {
	family    string // the CPUs it is for, by archspec's name
	decode    func([]byte) (size int, feature string, ok bool)
	quick     func([]byte) int // the size of what asks for nothing, 0 for what decode must read
	fixed     bool             // instructions have one size
	functions []function
}

// function is the code between one symbol and the next.
type function struct {
	name    string
	address uint64
	bytes   []byte
}

// symbol is the name of an address in code.
type symbol struct {
	name          string
	address, size uint64 // size 0: up to the next one
}

// resync goes on after bytes that are no instruction: a table among code may hold anything, so what
// follows is believed only from the next aligned address on.
func (c *code) resync(b []byte, at int) int {
	const line = 16
	return (at + line - 1) / line * line
}

// IsBinary tells by the first four bytes whether a file may have code that Check reads.
func IsBinary(head []byte) bool {
	return bytes.HasPrefix(head, []byte("\x7fELF")) || bytes.HasPrefix(head, []byte("MZ")) ||
		bytes.Equal(head, []byte{0xcf, 0xfa, 0xed, 0xfe}) || bytes.Equal(head, []byte{0xca, 0xfe, 0xba, 0xbe})
}

// read finds the code of a file, nil where it is of no kind or CPU known here.
func read(file []byte) (*code, error) {
	switch {
	case bytes.HasPrefix(file, []byte("\x7fELF")):
		return readELF(file)
	case len(file) > 4 && (bytes.Equal(file[:4], []byte{0xcf, 0xfa, 0xed, 0xfe}) || bytes.Equal(file[:4], []byte{0xca, 0xfe, 0xba, 0xbe})):
		return readMachO(file)
	case bytes.HasPrefix(file, []byte("MZ")):
		return readPE(file)
	}
	return nil, nil
}

func readELF(file []byte) (*code, error) {
	f, err := elf.NewFile(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("read code: %w", err)
	}
	c := decoderFor(f.Machine == elf.EM_X86_64 && f.Class == elf.ELFCLASS64, f.Machine == elf.EM_AARCH64)
	if c == nil {
		return nil, nil
	}
	all, _ := f.Symbols() // none is no failure: the file is stripped
	dynamic, _ := f.DynamicSymbols()
	var names []symbol
	for _, s := range append(all, dynamic...) {
		if t := elf.ST_TYPE(s.Info); s.Section != elf.SHN_UNDEF && (t == elf.STT_FUNC || t == elf.STT_GNU_IFUNC) {
			names = append(names, symbol{s.Name, s.Value, s.Size})
		}
	}
	for _, s := range f.Sections {
		if s.Flags&elf.SHF_EXECINSTR == 0 || s.Type == elf.SHT_NOBITS {
			continue
		}
		data, err := sectionData(file, s)
		if err != nil {
			return nil, fmt.Errorf("read code: section %s: %w", s.Name, err)
		}
		base := s.Addr
		if f.Type == elf.ET_REL {
			base = 0
		}
		c.add(s.Name, base, data, names)
	}
	return c, nil
}

// sectionData is a section's content, not copied where it lies in the file as it is.
func sectionData(file []byte, s *elf.Section) ([]byte, error) {
	if size := uint64(len(file)); s.Flags&elf.SHF_COMPRESSED == 0 && s.Offset <= size && s.FileSize <= size-s.Offset {
		return file[s.Offset : s.Offset+s.FileSize], nil
	}
	return s.Data()
}

func decoderFor(amd64, aarch64 bool) *code {
	switch {
	case amd64:
		return &code{family: "x86_64", decode: x86, quick: quick}
	case aarch64:
		return &code{family: "aarch64", decode: arm64, quick: func([]byte) int { return 0 }, fixed: true}
	}
	return nil
}

// add cuts a section at the symbols in it.
func (c *code) add(section string, base uint64, data []byte, names []symbol) {
	var here []symbol
	for _, s := range names {
		if s.address >= base && s.address < base+uint64(len(data)) {
			here = append(here, s)
		}
	}
	slices.SortStableFunc(here, func(a, b symbol) int {
		switch {
		case a.address < b.address:
			return -1
		case a.address > b.address:
			return 1
		}
		return 0
	})
	here = slices.CompactFunc(here, func(a, b symbol) bool { return a.address == b.address })
	if len(here) == 0 || here[0].address > base {
		here = append([]symbol{{name: "", address: base}}, here...)
	}
	cut := func(name string, from, to uint64) {
		if name == "" {
			name = fmt.Sprintf("%s+%#x", section, from-base)
		}
		if from < to {
			c.functions = append(c.functions, function{name, from, data[from-base : to-base]})
		}
	}
	for i, s := range here {
		next := base + uint64(len(data))
		if i+1 < len(here) {
			next = here[i+1].address
		}
		end := next
		if s.size > 0 && s.size < next-s.address {
			end = s.address + s.size
		}
		cut(s.name, s.address, end)
		cut("", end, next) // a function that lost its name
	}
}

func readMachO(file []byte) (*code, error) {
	if fat, err := macho.NewFatFile(bytes.NewReader(file)); err == nil {
		var all *code
		for i := range fat.Arches {
			c, err := machoCode(fat.Arches[i].File, from(file, uint64(fat.Arches[i].Offset)))
			if err != nil {
				return nil, err
			}
			if all == nil || c != nil && c.fixed == all.fixed {
				all = merge(all, c)
			}
		}
		return all, nil
	}
	f, err := macho.NewFile(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("read code: %w", err)
	}
	return machoCode(f, file)
}

func merge(a, b *code) *code {
	if a == nil {
		return b
	}
	if b != nil {
		a.functions = append(a.functions, b.functions...)
	}
	return a
}

// from is the rest of b, nothing where b is shorter.
func from(b []byte, at uint64) []byte { return b[min(at, uint64(len(b))):] }

func machoCode(f *macho.File, image []byte) (*code, error) {
	c := decoderFor(f.Cpu == macho.CpuAmd64, f.Cpu == macho.CpuArm64)
	if c == nil {
		return nil, nil
	}
	var names []symbol
	if f.Symtab != nil {
		for _, s := range f.Symtab.Syms {
			if s.Type&0x0e == 0x0e { // N_SECT
				names = append(names, symbol{strings.TrimPrefix(s.Name, "_"), s.Value, 0})
			}
		}
	}
	for _, s := range f.Sections {
		if s.Flags&0x80000400 == 0 { // pure, or some, instructions
			continue
		}
		data, err := s.Data()
		if err != nil {
			return nil, fmt.Errorf("read code: section %s: %w", s.Name, err)
		}
		withoutTables(f, image, data, uint64(s.Offset))
		c.add(s.Name, s.Addr, data, names)
	}
	return c, nil
}

// withoutTables makes the data among the code, which the linker lists (LC_DATA_IN_CODE), instructions that do
// nothing. at is where in the image the code lies.
func withoutTables(f *macho.File, image, code []byte, at uint64) {
	const loadDataInCode = 0x29
	nop := []byte{0x90}
	if f.Cpu == macho.CpuArm64 {
		nop = []byte{0x1f, 0x20, 0x03, 0xd5}
	}
	for _, load := range f.Loads {
		raw := load.Raw()
		if len(raw) < 16 || f.ByteOrder.Uint32(raw) != loadDataInCode {
			continue
		}
		table := from(image, uint64(f.ByteOrder.Uint32(raw[8:])))
		table = table[:min(uint64(len(table)), uint64(f.ByteOrder.Uint32(raw[12:])))]
		for ; len(table) >= 8; table = table[8:] { // offset, length, kind
			begin, length := uint64(f.ByteOrder.Uint32(table)), uint64(f.ByteOrder.Uint16(table[4:]))
			if begin < at || begin-at > uint64(len(code)) {
				continue
			}
			part := code[begin-at : min(begin-at+length, uint64(len(code)))]
			for i := range part {
				part[i] = nop[i%len(nop)]
			}
		}
	}
}

func readPE(file []byte) (*code, error) {
	f, err := pe.NewFile(bytes.NewReader(file))
	if err != nil {
		return nil, nil // MZ begins other things, too
	}
	c := decoderFor(f.Machine == pe.IMAGE_FILE_MACHINE_AMD64, f.Machine == pe.IMAGE_FILE_MACHINE_ARM64)
	if c == nil {
		return nil, nil
	}
	for i, s := range f.Sections {
		if s.Characteristics&pe.IMAGE_SCN_CNT_CODE == 0 {
			continue
		}
		data, err := s.Data()
		if err != nil {
			return nil, fmt.Errorf("read code: section %s: %w", s.Name, err)
		}
		data = data[:min(len(data), int(max(s.VirtualSize, 1)))]
		var names []symbol
		for _, sym := range f.Symbols {
			if int(sym.SectionNumber) == i+1 && sym.Type&0x20 != 0 {
				names = append(names, symbol{sym.Name, uint64(s.VirtualAddress) + uint64(sym.Value), 0})
			}
		}
		c.add(s.Name, uint64(s.VirtualAddress), data, names)
	}
	return c, nil
}
