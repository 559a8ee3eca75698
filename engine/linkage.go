package engine

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"forge/internal/diag"
	"forge/packages"
	"forge/platforms/elf"
)

// elfFile is one dynamic executable or library of the package.
type elfFile struct {
	path string // relative to the prefix
	info *elf.Info
}

// library says who brings a library that a file of the package needs.
type library struct {
	name     string   // as DT_NEEDED has it
	files    []string // of the package, that need it
	packages []string // names any of which brings it, nearest first; none where nothing does
	host     bool     // a tool of the host has it
}

// checkLinkage holds the libraries that the package's ELF files need against what the package depends on
// (build.dynamic_linking). A library nobody brings, and one whose package is no run dependency, is an
// error with overlinking_behavior: error and a warning without; so is, with overdepending_behavior, a
// dependency that none of the files links to. The bound on glibc becomes what the files need.
func (j *job) checkLinkage(ctx context.Context, paths []string, files []inspected, r *packages.Record) error {
	switch j.a.Output.TargetPlatform.OS() {
	case "win":
		return j.checkImports(paths, files, r)
	case "osx":
		return j.checkDylibs(paths, files, r)
	case "linux":
	default:
		return nil
	}
	binaries := dynamic(files)
	if len(binaries) == 0 {
		return j.glibcOfNone(ctx, paths, files, r)
	}
	libs := neededFrom(binaries, ownLibraries(paths))
	owners, err := j.ownersOf(elfLibrary)
	if err != nil {
		return err
	}
	externals, err := j.externalsOf(ctx, j.toolEnvironments()...)
	if err != nil {
		return err
	}
	libs = append(libs, j.broughtLoaders(binaries, owners)...)
	for i := range libs {
		if err := libs[i].bringers(owners, externals); err != nil {
			return err
		}
	}
	bySystem := slices.DeleteFunc(slices.Clone(binaries), func(b elfFile) bool { return j.bringsLoader(b.info) })
	bounded, broken := glibcBound(bySystem, r.Depends, observedGlibc(externals))
	r.Depends = bounded
	return j.judgeLinks(libs, owners, j.a.Output.Build.Linking.MissingDSOAllow, broken, r)
}

// judgeLinks holds what the files need, and who brings it, against what the package depends on. more are
// findings about links that were made before.
func (j *job) judgeLinks(libs []library, owners map[string]string, allow, more []string, r *packages.Record) error {
	linking := j.a.Output.Build.Linking
	links := append(more, overlinked(libs, allow, specNames(r.Depends, r.Constrains))...)
	idle := overdepended(libs, owners, specNames(r.Depends), names(j.a.Output.Requirements.Host))
	return errors.Join(j.complain(links, linking.OverlinkError, "overlinking"), j.complain(idle, linking.OverdependError, "overdepending"))
}

// complain warns of each finding, or makes one error of all.
func (j *job) complain(findings []string, strict bool, code string) error {
	if !strict {
		for _, f := range findings {
			j.warn("%s: %s", code, f)
		}
		return nil
	}
	var list diag.List
	for _, f := range findings {
		list = append(list, diag.Diagnostic{Code: code, Pos: j.a.Output.Build.Pos, Summary: j.a.Output.Name + ": " + f,
			Suggestion: "build.dynamic_linking." + code + "_behavior: ignore makes it a warning"})
	}
	return list.Err()
}

// dynamic are the ELF files that the loader would look at.
func dynamic(files []inspected) []elfFile {
	var list []elfFile
	for _, b := range files {
		if b.elf != nil && b.elf.Dynamic {
			list = append(list, elfFile{b.path, b.elf})
		}
	}
	return list
}

// ownLibraries are the names under which files of the package can be needed.
func ownLibraries(paths []string) map[string]bool {
	own := map[string]bool{}
	for _, p := range paths {
		if name := elfLibrary(path.Base(p)); name != "" {
			own[name] = true
		}
	}
	return own
}

// elfLibrary is the name under which a file may be needed, empty for what is no library by its name.
func elfLibrary(base string) string {
	if strings.Contains(base, ".so") {
		return base
	}
	return ""
}

// neededFrom lists what the files need of others, sorted by name.
func neededFrom(binaries []elfFile, own map[string]bool) []library {
	files := map[string][]string{}
	for _, b := range binaries {
		for _, n := range b.info.Needed {
			if n = path.Base(n); !own[n] && !cLibrary(n) {
				files[n] = append(files[n], b.path)
			}
		}
	}
	return librariesOf(files)
}

// librariesOf makes a list, sorted by name, of libraries and the files that need them.
func librariesOf(users map[string][]string) []library {
	var libs []library
	for _, name := range sortedKeys(users) {
		libs = append(libs, library{name: name, files: users[name]})
	}
	return libs
}

// overlinked are the libraries that nothing brings, or whose package is not depended on.
func overlinked(libs []library, allow []string, depends map[string]bool) []string {
	var found []string
	for _, l := range libs {
		if allowedLibrary(allow, l.name) || slices.ContainsFunc(l.packages, func(p string) bool { return depends[p] }) {
			continue
		}
		who := firstFew(l.files, 3)
		switch {
		case len(l.packages) > 0:
			found = append(found, fmt.Sprintf("%s: needs %s of %s, which is no run dependency; add %s to requirements.host, so that its run_exports count, or to run", who, l.name, l.packages[0], l.packages[0]))
		case l.host:
			found = append(found, fmt.Sprintf("%s: needs %s, which only this host has; build a package of it, or name it in build.dynamic_linking.missing_dso_allowlist", who, l.name))
		default:
			found = append(found, fmt.Sprintf("%s: needs %s, which no dependency brings; add its package to requirements.host, or name it in build.dynamic_linking.missing_dso_allowlist", who, l.name))
		}
	}
	return found
}

// overdepended are the dependencies, out of the host environment, that bring libraries of which no file
// needs any.
func overdepended(libs []library, owners map[string]string, depends map[string]bool, host []string) []string {
	linked := map[string]bool{}
	for _, l := range libs {
		for _, p := range l.packages {
			linked[p] = true
		}
	}
	brings := map[string]bool{}
	for _, owner := range owners {
		brings[owner] = true
	}
	var found []string
	for _, name := range sorted(host) {
		if depends[name] && brings[name] && !linked[name] && !runsPrograms(name) {
			found = append(found, fmt.Sprintf("%s is a run dependency and no file needs its libraries; requirements.ignore_run_exports: {from_package: [%s]} drops it", name, name))
		}
	}
	return found
}

// runsPrograms tells of interpreters: what runs in them finds their library loaded.
func runsPrograms(name string) bool {
	return slices.Contains([]string{"python", "perl", "r-base", "ruby", "lua", "nodejs"}, name)
}

// allowedLibrary tells whether one of the globs means a library: by its name, or, as conda-build's lists
// have it, by where a system keeps it.
func allowedLibrary(globs []string, name string) bool {
	for _, g := range globs {
		for _, at := range []string{name, "lib64/" + name, "/lib64/" + name, "/usr/lib64/" + name} {
			if ok, _ := doublestar.Match(g, at); ok {
				return true
			}
		}
		if path.Base(g) == name {
			return true
		}
	}
	return false
}

// specNames are the package names of match specs.
func specNames(lists ...[]string) map[string]bool {
	set := map[string]bool{}
	for _, spec := range slices.Concat(lists...) {
		set[specName(spec)] = true
	}
	return set
}

// ownersOf tells of each library in the host environment whose it is. name is what a file of that base
// name is needed as, empty for what is no library.
func (j *job) ownersOf(name func(base string) string) (map[string]string, error) {
	owners := map[string]string{}
	for _, rec := range j.hostRecords() {
		paths, err := j.pathsOf(rec, j.built)
		if err != nil {
			return nil, fmt.Errorf("linkage: %s: %w", rec, err)
		}
		for _, p := range paths {
			if n := name(path.Base(p)); n != "" {
				owners[n] = rec.Name
			}
		}
	}
	return owners, nil
}

// toolEnvironments are those that the host's tools of the build stand in.
func (j *job) toolEnvironments() []Environment {
	envs := []Environment{j.a.Build, j.a.Host}
	if j.a.Staging != nil {
		envs = append(envs, j.a.Staging.Build, j.a.Staging.Host)
	}
	return envs
}
