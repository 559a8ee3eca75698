package elf

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
)

// Symbol is one that a shared library offers to others.
type Symbol struct {
	Name    string
	Version string // of symbol versioning, empty for none
	Data    bool   // an object, whose size programs may have copied (copy relocations)
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
			list = append(list, Symbol{Name: s.Name, Version: s.Version, Data: kind == elf.STT_OBJECT, Size: s.Size, Weak: bind == elf.STB_WEAK})
		}
	}
	return list, nil
}
