package engine

import (
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

// interpreterRule is one entry of extra.forge.interpreter, {GLOB: PATH}: the programs that the glob selects are
// started by the loader at PATH, which is absolute, or below the prefix.
type interpreterRule struct{ glob, path string }

// interpreterRules reads extra.forge.interpreter, in the order of the globs.
func interpreterRules(extra map[string]any) ([]interpreterRule, error) {
	forge, _ := extra["forge"].(map[string]any)
	value, ok := forge["interpreter"]
	if !ok {
		return nil, nil
	}
	table, ok := value.(map[string]any)
	if !ok {
		return nil, errors.New("extra.forge.interpreter is a mapping of globs to paths of loaders: {bin/*: lib/ld-linux-x86-64.so.2}")
	}
	var rules []interpreterRule
	for _, glob := range sortedKeys(table) {
		to, ok := table[glob].(string)
		if !ok || !doublestar.ValidatePattern(glob) {
			return nil, fmt.Errorf("extra.forge.interpreter: want a glob and a path, not %s: %v", glob, table[glob])
		}
		if clean := path.Clean(to); to == "" || clean != to || to == "." || strings.HasPrefix(to, "../") || strings.ContainsAny(to, "\x00\n") {
			return nil, fmt.Errorf("extra.forge.interpreter: %q is no path of a loader; want an absolute one, or one below the prefix", to)
		}
		rules = append(rules, interpreterRule{glob, to})
	}
	return rules, nil
}

// interpret gives a program the interpreter that the recipe wants for it. It reports whether the file changed.
func (n *inspector) interpret(p string, f *elf.File) ([]byte, elf.Change, error) {
	var want interpreterRule
	for _, r := range n.interpreters {
		if f.Info.Interpreter == "" || !matchAny([]string{r.glob}, p) {
			continue
		}
		to := r.path
		if !path.IsAbs(to) {
			to = n.j.site.at.prefix + "/" + to
		}
		if want.path != "" && want.path != to {
			return nil, elf.Change{}, fmt.Errorf("extra.forge.interpreter: both %q and %q select it, for different loaders", want.glob, r.glob)
		}
		want = interpreterRule{r.glob, to}
	}
	if want.path == "" {
		return nil, elf.Change{}, nil
	}
	n.mu.Lock()
	n.interpreted[want.glob] = true
	n.mu.Unlock()
	return f.SetInterpreter(want.path)
}

// checkInterpreters holds the interpreters of the package's programs against what there will be where it is
// installed: a loader of the system, or one below the prefix that the package or a run dependency brings. Any
// other program could be started on this machine alone.
func (j *job) checkInterpreters(n *inspector, files []packages.File, r *packages.Record) error {
	o := j.a.Output
	var found diag.List
	complain := func(text, what string) {
		found = append(found, diag.Diagnostic{Code: "interpreter", Pos: o.Build.Pos, Summary: o.Name + ": " + text, Suggestion: what})
	}
	for _, rule := range n.interpreters {
		if !n.interpreted[rule.glob] {
			complain(fmt.Sprintf("extra.forge.interpreter: no program of the package with an interpreter is selected by %q", rule.glob), "")
		}
	}
	if o.TargetPlatform.OS() != "linux" {
		return found.Err()
	}
	payload := map[string]packages.FileMode{}
	for _, f := range files {
		payload[f.Path] = f.FileMode
	}
	for _, b := range n.binaries() {
		if b.elf == nil || b.elf.Interpreter == "" || allowedLibrary(o.Build.Linking.MissingDSOAllow, b.elf.Interpreter) {
			continue
		}
		problem, what, err := j.interpreterProblem(b, payload, r)
		if err != nil {
			return err
		}
		if problem != "" {
			complain(fmt.Sprintf("%s: its interpreter %q %s", b.path, b.elf.Interpreter, problem), what)
		}
	}
	return found.Err()
}

// interpreterProblem says what is wrong with a program's interpreter, and what to do about it.
func (j *job) interpreterProblem(b inspected, payload map[string]packages.FileMode, r *packages.Record) (problem, what string, err error) {
	const set = "extra.forge.interpreter: {GLOB: PATH} sets another; build.dynamic_linking.missing_dso_allowlist takes it as it is"
	at, loader := j.site.at, b.elf.Interpreter
	if !path.IsAbs(loader) {
		return "is looked for in whatever folder the program is started in", set, nil
	}
	if inside, ok := strings.CutPrefix(loader, at.prefix+"/"); ok {
		return j.insideProblem(b, path.Clean(inside), payload, r)
	}
	for _, place := range []struct{ dir, name string }{{at.build, "the build environment"}, {at.work, "the work folder"}, {at.root, "the build's own folders"}} {
		if place.dir != "" && strings.HasPrefix(path.Clean(loader)+"/", place.dir+"/") {
			return "lies in " + place.name + ", which is nowhere else", "the loader's package belongs into requirements.host, and the program is linked with -Wl,--dynamic-linker=$PREFIX/lib/…; " + set, nil
		}
	}
	if !j.runsOn(b.elf) || systemLoader(loader) {
		return "", "", nil
	}
	return "is none that a Linux system has", set, nil
}

// insideProblem is about an interpreter below the prefix.
func (j *job) insideProblem(b inspected, inside string, payload map[string]packages.FileMode, r *packages.Record) (problem, what string, err error) {
	if payload[b.path] != packages.Binary {
		return "lies in the prefix, which is not replaced in this file when it is installed",
			"let prefix_detection take the file: ignore, ignore_binary_files and force_file_type keep it from that", nil
	}
	if _, own := payload[inside]; own {
		return "", "", nil
	}
	for _, rec := range j.hostRecords() {
		paths, err := j.pathsOf(rec, j.built)
		if err != nil {
			return "", "", fmt.Errorf("interpreters: %s: %w", rec, err)
		}
		if !slices.Contains(paths, inside) {
			continue
		}
		if specNames(r.Depends)[rec.Name] {
			return "", "", nil
		}
		return fmt.Sprintf("is of %s, which is no run dependency", rec.Name), "add " + rec.Name + " to requirements.run", nil
	}
	return "is neither in the package nor in a package of the host environment", "add the package of the loader to requirements.host and requirements.run", nil
}

// runsOn reports whether a file is for the machine and system that the package is for.
func (j *job) runsOn(info *elf.Info) bool {
	machine, known := map[string]uint16{"x86_64": 62, "i686": 3, "aarch64": 183, "ppc64le": 21, "s390x": 22, "riscv64": 243}[j.a.Output.TargetPlatform.Arch()]
	return known && info.Machine == machine && info.Linux
}

// loaders are the interpreters that the ABIs of Linux systems name: of glibc (its shlib-versions files) and musl.
var loaders = []string{
	"/lib64/ld-linux-x86-64.so.2", "/libx32/ld-linux-x32.so.2", "/lib/ld-linux.so.2", "/lib/ld-linux-aarch64.so.1",
	"/lib/ld-linux-armhf.so.3", "/lib64/ld64.so.1", "/lib64/ld64.so.2", "/lib/ld64.so.1", "/lib/ld.so.1",
	"/lib/ld-linux-riscv64-lp64d.so.1", "/lib/ld-linux-riscv64-lp64.so.1", "/lib64/ld-linux-loongarch-lp64d.so.1",
}

// systemLoader reports whether a Linux system has the loader at that path.
func systemLoader(loader string) bool {
	dir, base := path.Split(loader)
	return slices.Contains(loaders, loader) || dir == "/lib/" && strings.HasPrefix(base, "ld-musl-") && strings.HasSuffix(base, ".so.1")
}

// broughtLoaders are the interpreters that packages of the host environment bring: programs need them as they need
// libraries.
func (j *job) broughtLoaders(binaries []elfFile, owners map[string]string) []library {
	files := map[string][]string{}
	for _, b := range binaries {
		if name := path.Base(b.info.Interpreter); j.bringsLoader(b.info) && owners[name] != "" {
			files[name] = append(files[name], b.path)
		}
	}
	return librariesOf(files)
}

// bringsLoader reports whether a program is started by a loader below the prefix: it runs with the C library
// there, and what it needs of that says nothing about the system's.
func (j *job) bringsLoader(info *elf.Info) bool {
	return strings.HasPrefix(info.Interpreter, j.site.at.prefix+"/")
}
