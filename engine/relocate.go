package engine

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

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
	if !r.Changes(info) {
		return data, elf.Change{}, nil
	}
	old := bytes.Clone(data)
	data, change, err := elf.Relocate(data, r)
	if err != nil {
		return nil, change, fmt.Errorf("make its library path relative: %w", err)
	}
	return data, change, overwrite(filepath.Join(j.site.prefix, filepath.FromSlash(p)), old, data)
}

// overwrite makes a file of the prefix, whose content is old, hold fresh: what is the same in both is not
// written. A file that has other names, or that cannot be opened, is replaced.
func overwrite(name string, old, fresh []byte) error {
	info, err := os.Lstat(name)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil || linksOf(info) != 1 || len(fresh) < len(old) {
		if f != nil {
			f.Close()
		}
		return elf.ReplaceFile(name, fresh)
	}
	defer f.Close()
	const block = 16 << 10
	for at := 0; at < len(fresh); at += block {
		part := fresh[at:min(at+block, len(fresh))]
		if at+len(part) <= len(old) && bytes.Equal(part, old[at:at+len(part)]) {
			continue
		}
		if _, err := f.WriteAt(part, int64(at)); err != nil {
			return err
		}
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Chtimes(name, info.ModTime(), info.ModTime())
}

// warnDropped tells of entries that were taken out of library paths.
func (j *job) warnDropped(files []inspected) {
	for _, b := range files {
		for _, d := range b.dropped {
			j.warn("%s: took %q out of its library path: it lies outside the prefix", b.path, d)
		}
	}
}
