package elf

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// Symbol is one that a shared library offers to others.
type Symbol struct {
	Name    string
	Version string // of symbol versioning, empty for none
	Kind    string // "function", "data" or "thread-local data"; empty where the table does not say
	Data    bool   // an object, whose size programs may have copied (copy relocations)
	Text    bool   // of Data: read-only, and one text that ends with a zero, as version strings are
	Size    uint64
	Weak    bool
}

// String is name@version.
func (s Symbol) String() string {
	if s.Version == "" {
		return s.Name
	}
	return s.Name + "@" + s.Version
}

// Exports lists what the dynamic symbol table of an ELF file defines for others, in the table's order. The
// error wraps ErrNotELF where b is none.
func Exports(b []byte) (list []Symbol, err error) {
	if !Is(b) {
		return nil, fmt.Errorf("read its symbols: %w", ErrNotELF)
	}
	f, err := elf.NewFile(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("read its symbols: %w", err)
	}
	symbols, err := f.DynamicSymbols()
	if errors.Is(err, elf.ErrNoSymbols) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read its symbols: %w", err)
	}
	for _, s := range symbols {
		bind, kind, visible := elf.ST_BIND(s.Info), elf.ST_TYPE(s.Info), elf.ST_VISIBILITY(s.Other)
		switch {
		case s.Section == elf.SHN_UNDEF, s.Name == "":
		case bind != elf.STB_GLOBAL && bind != elf.STB_WEAK && bind != elf.STB_LOOS:
		case visible == elf.STV_HIDDEN || visible == elf.STV_INTERNAL:
		case s.Section == elf.SHN_ABS && s.Name == s.Version: // the version's own name
		default:
			list = append(list, Symbol{Name: s.Name, Version: s.Version, Kind: kindOf(kind), Data: kind == elf.STT_OBJECT, Text: kind == elf.STT_OBJECT && isText(f, &s), Size: s.Size, Weak: bind == elf.STB_WEAK})
		}
	}
	return list, nil
}

func kindOf(t elf.SymType) string {
	switch t {
	case elf.STT_FUNC, elf.STT_GNU_IFUNC:
		return "function"
	case elf.STT_OBJECT, elf.STT_COMMON:
		return "data"
	case elf.STT_TLS:
		return "thread-local data"
	}
	return ""
}

// isText reports whether a symbol names a constant text of C: printable, with a zero at its end alone.
func isText(f *elf.File, s *elf.Symbol) bool {
	const longest = 4096
	if int(s.Section) >= len(f.Sections) || s.Size < 2 || s.Size > longest {
		return false
	}
	section := f.Sections[s.Section]
	if section.Flags&elf.SHF_WRITE != 0 || section.Type == elf.SHT_NOBITS || s.Value < section.Addr {
		return false
	}
	b := make([]byte, s.Size)
	if n, err := section.ReadAt(b, int64(s.Value-section.Addr)); n != len(b) || err != nil && !errors.Is(err, io.EOF) {
		return false
	}
	text, end := b[:len(b)-1], b[len(b)-1]
	return end == 0 && utf8.Valid(text) && bytes.IndexFunc(text, func(r rune) bool { return r < ' ' && r != '\t' && r != '\n' }) < 0
}
