package engine

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"forge/packages"
	"forge/platforms/macho"
)

// machoFile is one program or library of the package.
type machoFile struct {
	path  string // relative to the prefix
	infos []*macho.Info
}

// checkDylibs is checkLinkage for macOS: every library that a file of the package needs is part of macOS,
// lies in the package, or is brought by a run dependency.
func (j *job) checkDylibs(paths []string, inspectedFiles []inspected, r *packages.Record) error {
	files := machoFiles(inspectedFiles)
	if len(files) == 0 {
		return nil
	}
	owners, err := j.hostDylibs()
	if err != nil {
		return err
	}
	libs := dylibsNeeded(files, paths)
	for i, l := range libs {
		libs[i].packages = bringersOfDylib(l.name, owners)
	}
	linking := j.a.Output.Build.Linking
	links := overlinked(libs, linking.MissingDSOAllow, specNames(r.Depends, r.Constrains))
	idle := overdepended(libs, owners, specNames(r.Depends), names(j.a.Output.Requirements.Host))
	return errors.Join(j.complain(links, linking.OverlinkError, "overlinking"), j.complain(idle, linking.OverdependError, "overdepending"))
}

// machoFiles are the Mach-O files among those inspected.
func machoFiles(all []inspected) []machoFile {
	var list []machoFile
	for _, b := range all {
		if b.macho != nil {
			list = append(list, machoFile{b.path, b.macho})
		}
	}
	return list
}

// dylibsNeeded lists what the files need of others than macOS and the package, sorted by name. What may be
// missing counts too: it was found when the file was linked.
func dylibsNeeded(files []machoFile, paths []string) []library {
	own := map[string]bool{}
	for _, p := range paths {
		own[path.Base(p)] = true
	}
	users := map[string][]string{}
	for _, f := range files {
		for _, info := range f.infos {
			for _, d := range info.Dependencies {
				name := path.Base(d.Name)
				if !macho.System(d.Name) && !own[name] && !slices.Contains(users[name], f.path) {
					users[name] = append(users[name], f.path)
				}
			}
		}
	}
	var libs []library
	for name, of := range users {
		libs = append(libs, library{name: name, files: of})
	}
	slices.SortFunc(libs, func(a, b library) int { return strings.Compare(a.name, b.name) })
	return libs
}

// bringersOfDylib names the packages any of which brings the library: the one in the host environment, or
// conda-forge's of a compiler's runtime.
func bringersOfDylib(name string, owners map[string]string) []string {
	if owner := owners[name]; owner != "" {
		return []string{owner}
	}
	stem, _, _ := strings.Cut(name, ".")
	switch stem {
	case "libc++", "libc++abi":
		return []string{"libcxx"}
	case "libgfortran", "libquadmath", "libgcc_s":
		return []string{"libgfortran", "libgfortran5"}
	case "libomp":
		return []string{"llvm-openmp"}
	}
	return nil
}

// hostDylibs tells of each library in the host environment whose it is.
func (j *job) hostDylibs() (map[string]string, error) {
	owners := map[string]string{}
	for _, rec := range j.hostRecords() {
		paths, err := j.pathsOf(rec, j.built)
		if err != nil {
			return nil, fmt.Errorf("linkage: %s: %w", rec, err)
		}
		for _, p := range paths {
			if base := path.Base(p); isDylib(base) {
				owners[base] = rec.Name
			}
		}
	}
	return owners, nil
}

// hostRecords are the packages that files are linked with, the host's own tools left out.
func (j *job) hostRecords() []*packages.Record {
	envs := []Environment{j.a.Host}
	if j.a.Output.Build.MergeBuildHost {
		envs = append(envs, j.a.Build)
	}
	if j.a.Staging != nil {
		envs = append(envs, j.a.Staging.Host)
	}
	var all []*packages.Record
	for _, env := range envs {
		for _, rec := range env.Records {
			if rec.Channel != packages.ChannelExternal {
				all = append(all, rec)
			}
		}
	}
	return all
}
