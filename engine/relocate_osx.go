package engine

import (
	"errors"
	"os"
	"path"
	"strings"

	"forge/internal/fsx"
	"forge/platforms/macho"
)

// dylibs relocates files of macOS; it knows where libraries lie that are named by nothing but their file.
type dylibs struct {
	prefix string
	allow  []string
	at     map[string]string // paths in the prefix, by file name; lib/ before other folders
}

func (j *job) dylibs(own []string) (*dylibs, error) {
	d := &dylibs{prefix: j.site.at.prefix, allow: j.a.Output.Build.Linking.RPathAllow, at: map[string]string{}}
	all := append([]string(nil), own...)
	for _, rec := range j.hostRecords() {
		paths, err := j.pathsOf(rec, j.built)
		if err != nil {
			return nil, err
		}
		all = append(all, paths...)
	}
	for _, p := range all {
		if base := path.Base(p); isDylib(base) && (d.at[base] == "" || path.Dir(p) == "lib") {
			d.at[base] = p
		}
	}
	return d, nil
}

// isDylib tells of what others may link to or load, by its file name.
func isDylib(base string) bool {
	return strings.HasSuffix(base, ".dylib") || strings.HasSuffix(base, ".so")
}

// relocate does one file. A file that cannot be read as the Mach-O it begins as is an error, for it would
// not run; one that is changed is signed anew.
func (d *dylibs) relocate(file, p string, want []string) (dropped []string, err error) {
	b, err := macho.ReadFile(file)
	if errors.Is(err, macho.ErrNotMachO) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out, change, err := macho.Relocate(b, macho.Relocation{Prefix: d.prefix, Path: p, Want: want, Allow: d.allow,
		Find: func(base string) (string, bool) { at, ok := d.at[base]; return at, ok }})
	if err != nil || !change.Changed {
		return change.Dropped, err
	}
	st, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	return change.Dropped, fsx.WriteCache(file, out, st.Mode().Perm())
}
