package elf

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"slices"
)

// Undefined lists, sorted, the names that the dynamic symbol table of an ELF file needs somebody to define: no
// weak ones, and none with a version, since a version names the library that had the symbol when the file was
// linked.
func Undefined(b []byte) ([]string, error) {
	if !Is(b) {
		return nil, fmt.Errorf("read its symbols: %w", ErrNotELF)
	}
	f, err := elf.NewFile(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("read its symbols: %w", err)
	}
	symbols, err := f.DynamicSymbols()
	if err != nil && !errors.Is(err, elf.ErrNoSymbols) {
		return nil, fmt.Errorf("read its symbols: %w", err)
	}
	var names []string
	for _, s := range symbols {
		if s.Section == elf.SHN_UNDEF && s.Name != "" && s.Version == "" && elf.ST_BIND(s.Info) == elf.STB_GLOBAL {
			names = append(names, s.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}
