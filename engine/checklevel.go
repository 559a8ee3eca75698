package engine

import (
	"fmt"
	"slices"

	"github.com/bmatcuk/doublestar/v4"

	"forge/internal/diag"
	"forge/platforms/cpu"
	"forge/platforms/isa"
	"forge/recipes"
)

// checkLevel refuses, in the code of the package's binaries, instructions above the level that the
// output is built for. Where it is built for no level, the platform's baseline is held against it and
// what lies above is a warning: a library that looks at the CPU itself may have it.
//
// In a folder of glibc-hwcaps it is the level of the folder.
//
// extra.forge.cpu_dispatch lists files (globs of paths) and functions (names, with * at the end) that are
// only run where the CPU has what they need.
func (j *job) checkLevel(files []inspected) error {
	strict := levelOf(j.a.Output) != nil
	var found diag.List
	for _, b := range files {
		if b.code == nil || len(b.code.Findings) == 0 {
			continue
		}
		text := aboveLevel(b.path, b.level, b.code)
		if !strict {
			j.warn("cpu: %s", text)
			continue
		}
		found = append(found, diag.Diagnostic{Code: "cpu-level", Pos: j.a.Output.Build.Pos, Summary: j.a.Output.Name + ": " + text,
			Suggestion: "does the script set -march itself? Code that is only run after a look at the CPU is named in extra.forge.cpu_dispatch: [FILE or FUNCTION]"})
	}
	return found.Err()
}

// heldTo is the level that code is held against: the output's, or its platform's baseline; nil where no
// table has this machine.
func heldTo(o *recipes.Output) *cpu.Level {
	if l := levelOf(o); l != nil {
		return l
	}
	baseline := family(o.TargetPlatform)
	if o.TargetPlatform.OS() == "osx" { // the first Macs of each processor that macOS 11 runs on had more
		baseline = map[string]string{"x86_64": "core2", "arm64": "m1"}[o.TargetPlatform.Arch()]
	}
	l, err := cpu.Parse(baseline)
	if err != nil {
		return nil
	}
	return l
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
