package engine

import (
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"forge/platforms/elf"
	"forge/platforms/macho"
)

// dylibs are the paths in the prefix of libraries, by file name; one in lib/ comes before others.
type dylibs map[string]string

func (d dylibs) find(base string) (string, bool) {
	at, ok := d[base]
	return at, ok
}

func (j *job) dylibs(own []string) (dylibs, error) {
	d := dylibs{}
	if j.a.Output.TargetPlatform.OS() != "osx" {
		return d, nil
	}
	all := append([]string(nil), own...)
	for _, rec := range j.hostRecords() {
		paths, err := j.pathsOf(rec, j.built)
		if err != nil {
			return nil, err
		}
		all = append(all, paths...)
	}
	for _, p := range all {
		if base := path.Base(p); isDylib(base) && (d[base] == "" || path.Dir(p) == "lib") {
			d[base] = p
		}
	}
	return d, nil
}

// isDylib tells of what others may link to or load, by its file name.
func isDylib(base string) bool {
	return strings.HasSuffix(base, ".dylib") || strings.HasSuffix(base, ".so")
}

// mac relocates one file of macOS and reads it. What is changed is signed anew; what the system would not
// start, for it cannot be read or its signature does not hold, is an error.
func (n *inspector) mac(b *inspected, data []byte) ([]byte, error) {
	linking := n.j.a.Output.Build.Linking
	if linking.Relocate && (len(linking.RelocateOnly) == 0 || matchAny(linking.RelocateOnly, b.path)) {
		want := linking.RPaths
		if len(want) == 0 {
			want = []string{"lib"}
		}
		out, change, err := macho.Relocate(data, macho.Relocation{Prefix: n.j.site.at.prefix, Path: b.path, Want: want,
			Allow: linking.RPathAllow, Find: n.dylibs.find})
		if err != nil {
			return nil, fmt.Errorf("make its library path relative: %w", err)
		}
		b.dropped = change.Dropped
		if change.Changed {
			if err := elf.ReplaceFile(filepath.Join(n.j.site.prefix, filepath.FromSlash(b.path)), out); err != nil {
				return nil, err
			}
			data = out
		}
	}
	if err := macho.Verify(data); err != nil {
		return nil, err
	}
	var err error
	b.macho, err = macho.Parse(data)
	return data, err
}
