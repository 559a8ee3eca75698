package engine

import (
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
	owners, err := j.ownersOf(dylibName)
	if err != nil {
		return err
	}
	libs := dylibsNeeded(files, paths)
	for i, l := range libs {
		libs[i].packages = bringersOfDylib(l.name, owners)
	}
	return j.judgeLinks(libs, owners, j.a.Output.Build.Linking.MissingDSOAllow, nil, r)
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
	return librariesOf(users)
}

// dylibName is elfLibrary for macOS.
func dylibName(base string) string {
	if isDylib(base) {
		return base
	}
	return ""
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
