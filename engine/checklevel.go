package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/bmatcuk/doublestar/v4"

	"forge/internal/diag"
	"forge/platforms/cpu"
	"forge/platforms/isa"
)

// checkLevel reads the code of the package's binaries and refuses instructions above the level that the
// output is built for. Where it is built for no level, the platform's baseline is held against it and
// what lies above is a warning: a library that looks at the CPU itself may have it.
//
// extra.forge.cpu_dispatch lists files (globs of paths) and functions (names, with * at the end) that are
// only run where the CPU has what they need.
func (j *job) checkLevel(paths []string) error {
	level, strict := levelOf(j.a.Output), true
	if level == nil {
		strict = false
		var err error
		if level, err = cpu.Parse(family(j.a.Output.TargetPlatform)); err != nil {
			return nil // no table for this machine
		}
	}
	allow := dispatchList(j.a.Output.Extra)
	var found diag.List
	for _, p := range paths {
		if matchAny(allow, p) {
			continue
		}
		report, err := checkFile(filepath.Join(j.site.prefix, filepath.FromSlash(p)), level, allow)
		if err != nil {
			return fmt.Errorf("instructions of %s: %w", p, err)
		}
		if report == nil || len(report.Findings) == 0 {
			continue
		}
		text := aboveLevel(p, level, report)
		if !strict {
			j.warn("cpu: %s", text)
			continue
		}
		found = append(found, diag.Diagnostic{Code: "cpu-level", Pos: j.a.Output.Build.Pos, Summary: j.a.Output.Name + ": " + text,
			Suggestion: "does the script set -march itself? Code that is only run after a look at the CPU is named in extra.forge.cpu_dispatch: [FILE or FUNCTION]"})
	}
	return found.Err()
}

// checkFile reads one file; nil where it is no binary.
func checkFile(name string, level *cpu.Level, allow []string) (*isa.Report, error) {
	info, err := os.Lstat(name)
	if err != nil || !info.Mode().IsRegular() {
		return nil, err
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, 4)
	if n, _ := f.ReadAt(head, 0); !isa.IsBinary(head[:n]) {
		return nil, nil
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return isa.Check(data, level, allow)
}

// aboveLevel is one line about one file.
func aboveLevel(path string, level *cpu.Level, r *isa.Report) string {
	var features, functions []string
	for _, f := range r.Findings {
		if !slices.Contains(features, f.Feature) {
			features = append(features, f.Feature)
		}
		if !slices.Contains(functions, f.Function) {
			functions = append(functions, f.Function)
		}
	}
	slices.Sort(features)
	return fmt.Sprintf("%s: code above %s (%s) in %s", path, level.Name, firstFew(features, 6), firstFew(functions, 4))
}

// dispatchList is extra.forge.cpu_dispatch.
func dispatchList(extra map[string]any) []string {
	forge, _ := extra["forge"].(map[string]any)
	list, _ := forge["cpu_dispatch"].([]any)
	var names []string
	for _, v := range list {
		if s, ok := v.(string); ok && doublestar.ValidatePattern(s) {
			names = append(names, s)
		}
	}
	return names
}
