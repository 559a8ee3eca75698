package engine

import (
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
func (j *job) relocate(p string, info *elf.Info, data []byte) ([]byte, elf.Change, error) {
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
	if !r.Changes(info) {
		return data, elf.Change{}, nil
	}
	size := len(data)
	data, change, err := elf.Relocate(data, r)
	if err != nil {
		return nil, change, fmt.Errorf("make its library path relative: %w", err)
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
	for _, r := range joined(touched) {
		if _, err := f.WriteAt(fresh[r.Off:r.Off+r.Len], int64(r.Off)); err != nil {
			return err
		}
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Chtimes(name, info.ModTime(), info.ModTime())
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
