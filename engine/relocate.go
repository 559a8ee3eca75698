package engine

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"forge/platforms/elf"
)

// relocate makes the library path of an executable relative to itself, so that it needs no placeholder
// and finds its libraries wherever the package is installed. It returns the file's new content, which it
// has written to the prefix.
func (j *job) relocate(p string, f *elf.File, data []byte) ([]byte, elf.Change, error) {
	linking := j.a.Output.Build.Linking
	if !linking.Relocate || len(linking.RelocateOnly) > 0 && !matchAny(linking.RelocateOnly, p) {
		return data, elf.Change{}, nil
	}
	want := linking.RPaths
	if len(want) == 0 {
		want = []string{"lib"}
	}
	r := elf.Relocation{Prefix: j.site.at.prefix, Path: p, Want: want, Allow: linking.RPathAllow}
	if j.fromLevels[p] {
		r.Origin = hwcapsLibraries
	}
	size := len(data)
	data, change, err := f.Relocate(r)
	if err != nil {
		return nil, change, fmt.Errorf("make its library path relative: %w", err)
	}
	if !change.Changed {
		return data, change, nil
	}
	return data, change, overwrite(filepath.Join(j.site.prefix, filepath.FromSlash(p)), size, data, change.Touched)
}

// overwrite makes a file of the prefix hold fresh, which may differ from its old content, of size bytes, in
// touched. A file that has other names, or that cannot be opened, is replaced.
func overwrite(name string, size int, fresh []byte, touched []elf.Range) error {
	info, err := os.Lstat(name)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return elf.ReplaceFile(name, fresh)
	}
	defer f.Close()
	if linksOf(info) != 1 || info.Size() != int64(size) || len(fresh) < size {
		return elf.ReplaceFile(name, fresh)
	}
	// What the file grows by is zeros first: only the rest of it is written.
	if len(fresh) > size {
		if err := f.Truncate(int64(len(fresh))); err != nil {
			return err
		}
	}
	for _, r := range joined(touched) {
		if err := writeRange(f, fresh, r, uint64(size)); err != nil {
			return err
		}
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Chtimes(name, info.ModTime(), info.ModTime())
}

// writeRange writes a part of b to the same place in f, but for blocks of zeros behind size, where f has nothing
// else yet.
func writeRange(f *os.File, b []byte, r elf.Range, size uint64) error {
	const block = 64 << 10
	zeros := make([]byte, block)
	write := func(from, to uint64) error {
		if from == to {
			return nil
		}
		_, err := f.WriteAt(b[from:to], int64(from))
		return err
	}
	from, end := r.Off, r.Off+r.Len
	for at := max(from, size); at+block <= end; at += block {
		if !bytes.Equal(b[at:at+block], zeros) {
			continue
		}
		if err := write(from, at); err != nil {
			return err
		}
		from = at + block
	}
	return write(from, end)
}

// joined sorts parts of a file and makes one of those that overlap or lie close.
func joined(parts []elf.Range) []elf.Range {
	const page = 4096
	slices.SortFunc(parts, func(a, b elf.Range) int { return cmp.Compare(a.Off, b.Off) })
	var out []elf.Range
	for _, p := range parts {
		if last := len(out) - 1; last >= 0 && p.Off <= out[last].Off+out[last].Len+page {
			out[last].Len = max(out[last].Len, p.Off+p.Len-out[last].Off)
			continue
		}
		out = append(out, p)
	}
	return out
}

// warnDropped tells of entries that were taken out of library paths.
func (j *job) warnDropped(files []inspected) {
	for _, b := range files {
		for _, d := range b.dropped {
			j.warn("%s: took %q out of its library path: it lies outside the prefix", b.path, d)
		}
	}
}
