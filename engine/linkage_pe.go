package engine

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"forge/packages"
	"forge/platforms/pe"
)

// peFile is one program or library of the package.
type peFile struct {
	path string // relative to the prefix
	info *pe.Info
}

// checkImports is checkLinkage for Windows: every DLL that a program or library of the package imports is
// part of Windows, lies in the package where the loader looks for it, or is brought by a run dependency.
func (j *job) checkImports(paths []string, inspectedFiles []inspected, r *packages.Record) error {
	files := peFiles(inspectedFiles)
	if len(files) == 0 {
		return nil
	}
	owners, err := j.hostDLLs()
	if err != nil {
		return err
	}
	libs, hidden := importedFrom(files, paths)
	for i := range libs {
		libs[i].packages = bringersOfDLL(libs[i].name, owners)
	}
	linking := j.a.Output.Build.Linking
	links := append(hidden, overlinked(libs, lower(linking.MissingDSOAllow), specNames(r.Depends, r.Constrains))...)
	idle := overdepended(libs, owners, specNames(r.Depends), names(j.a.Output.Requirements.Host))
	return errors.Join(j.complain(links, linking.OverlinkError, "overlinking"), j.complain(idle, linking.OverdependError, "overdepending"))
}

// peFiles are the PE files among those inspected.
func peFiles(all []inspected) []peFile {
	var list []peFile
	for _, b := range all {
		if b.pe != nil {
			list = append(list, peFile{b.path, b.pe})
		}
	}
	return list
}

// importedFrom lists the DLLs, in lower case, that the files import from elsewhere than Windows and the
// package. hidden tells of those that lie in the package, in a folder where the importing file does not
// find them: the loader looks beside the program and in the folders of PATH.
func importedFrom(files []peFile, paths []string) (libs []library, hidden []string) {
	own := map[string][]string{} // folders that hold a DLL of the name
	for _, p := range paths {
		if name := strings.ToLower(path.Base(p)); isDLL(name) {
			own[name] = append(own[name], folderOf(p))
		}
	}
	users := map[string][]string{}
	for _, f := range files {
		for _, name := range f.info.Imports {
			name = strings.ToLower(name)
			at, ours := own[name]
			switch {
			case pe.System(name) && !ours:
			case !ours:
				users[name] = append(users[name], f.path)
			case !slices.ContainsFunc(at, func(dir string) bool { return dir == folderOf(f.path) || slices.Contains(pe.SearchFolders(), dir) }):
				hidden = append(hidden, fmt.Sprintf("%s: imports %s, which lies in %s, where nothing looks for it; put it beside, or into Library/bin", f.path, name, strings.Join(at, ", ")))
			}
		}
	}
	for name, of := range users {
		libs = append(libs, library{name: name, files: of})
	}
	slices.SortFunc(libs, func(a, b library) int { return strings.Compare(a.name, b.name) })
	return libs, hidden
}

func folderOf(p string) string {
	dir := path.Dir(p)
	if dir == "." {
		return ""
	}
	return dir
}

// isDLL tells of what other files import from, by its lower-case name.
func isDLL(name string) bool {
	return slices.Contains([]string{".dll", ".pyd", ".exe", ".drv", ".cpl"}, path.Ext(name))
}

// bringersOfDLL names the packages any of which brings the DLL: the one in the host environment, or
// conda-forge's packages of the C++ runtime.
func bringersOfDLL(name string, owners map[string]string) []string {
	if owner := owners[name]; owner != "" {
		return []string{owner}
	}
	for _, prefix := range []string{"vcruntime140", "msvcp140", "concrt140", "vcomp140", "vccorlib140"} {
		if strings.HasPrefix(name, prefix) {
			return []string{"vc14_runtime", "vc", "vs2015_runtime", "ucrt"}
		}
	}
	return nil
}

// hostDLLs tells of each DLL in the host environment, by its lower-case name, whose it is.
func (j *job) hostDLLs() (map[string]string, error) {
	owners := map[string]string{}
	for _, rec := range j.hostRecords() {
		paths, err := j.pathsOf(rec, j.built)
		if err != nil {
			return nil, fmt.Errorf("imports: %s: %w", rec, err)
		}
		for _, p := range paths {
			if name := strings.ToLower(path.Base(p)); isDLL(name) {
				owners[name] = rec.Name
			}
		}
	}
	return owners, nil
}

func lower(list []string) []string {
	var out []string
	for _, s := range list {
		out = append(out, strings.ToLower(s))
	}
	return out
}
