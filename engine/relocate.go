package engine

import (
	"fmt"
	"os"
	"path/filepath"

	"forge/platforms/elf"
)

// relocate makes the library paths of executables relative to themselves, so that they need no
// placeholder and find their libraries wherever the package is installed.
func (j *job) relocate(paths []string) error {
	linking := j.a.Output.Build.Linking
	if !linking.Relocate {
		return nil
	}
	var one func(file, p string, want []string) ([]string, error)
	switch j.a.Output.TargetPlatform.OS() {
	case "linux":
		one = j.relocateELF
	case "osx":
		find, err := j.dylibs(paths)
		if err != nil {
			return err
		}
		one = find.relocate
	default:
		return nil
	}
	want := linking.RPaths
	if len(want) == 0 {
		want = []string{"lib"}
	}
	for _, p := range paths {
		file := filepath.Join(j.site.prefix, filepath.FromSlash(p))
		info, err := os.Lstat(file)
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() || len(linking.RelocateOnly) > 0 && !matchAny(linking.RelocateOnly, p) {
			continue
		}
		dropped, err := one(file, p, want)
		if err != nil {
			return fmt.Errorf("library path of %s: %w", p, err)
		}
		for _, d := range dropped {
			j.warn("%s: took %q out of its library path: it lies outside the prefix", p, d)
		}
	}
	return nil
}

func (j *job) relocateELF(file, p string, want []string) (dropped []string, err error) {
	change, err := elf.RelocateFile(file, elf.Relocation{Prefix: j.site.at.prefix, Path: p, Want: want, Allow: j.a.Output.Build.Linking.RPathAllow})
	return change.Dropped, err
}
