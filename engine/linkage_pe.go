package engine

import (
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
	owners, err := j.ownersOf(dllName)
	if err != nil {
		return err
	}
	libs, hidden := importedFrom(files, paths)
	for i := range libs {
		libs[i].packages = bringersOfDLL(libs[i].name, owners)
	}
	return j.judgeLinks(libs, owners, lower(j.a.Output.Build.Linking.MissingDSOAllow), hidden, r)
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
	return librariesOf(users), hidden
}

// dllName is elfLibrary for Windows, in lower case.
func dllName(base string) string {
	if name := strings.ToLower(base); isDLL(name) {
		return name
	}
	return ""
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

func lower(list []string) []string {
	var out []string
	for _, s := range list {
		out = append(out, strings.ToLower(s))
	}
	return out
}
