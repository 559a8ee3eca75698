package engine

import (
	"archive/tar"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sync"

	"forge/internal/diag"
	"forge/platforms/elf"
	"forge/provenance"
	"forge/recipes"
)

const (
	debugSuffix   = "-dbgsym"   // of the package with the debug data, Debian's name for such
	debugFolder   = "lib/debug" // of a prefix: where debuggers look for .build-id
	materialDebug = "debug data"
)

// splitsDebug tells whether an output's debug data goes to a package of its own.
func splitsDebug(o *recipes.Output) bool {
	return o.NoArch == "" && o.DebugOf == nil && o.Variant[recipes.KeyDebugInfo] != nil
}

// withDebugOutputs puts behind each output whose debug data is split off the output that packages it.
func withDebugOutputs(outputs []*recipes.Output) ([]*recipes.Output, diag.List) {
	var all []*recipes.Output
	var problems diag.List
	for _, o := range outputs {
		all = append(all, o)
		if !splitsDebug(o) || o.Staging || o.Skip {
			continue
		}
		problem := diag.Diagnostic{Code: "debug-info", Pos: o.Pos}
		switch value := o.Variant[recipes.KeyDebugInfo]; {
		case value != "split":
			problem.Summary = fmt.Sprintf("%s: the variant says %s: %v", o.Name, recipes.KeyDebugInfo, value)
			problem.Suggestion = "its only value is split; without the key, debug data stays where the compiler puts it"
		case o.TargetPlatform.OS() != "linux":
			problem.Summary = fmt.Sprintf("%s: debug data is split off ELF files only, and %s has none", o.Name, o.TargetPlatform)
			problem.Suggestion = fmt.Sprintf("leave the variant key %s out for this platform", recipes.KeyDebugInfo)
		default:
			all = append(all, debugOutput(o))
			continue
		}
		problems = append(problems, problem)
	}
	return all, problems
}

func debugOutput(of *recipes.Output) *recipes.Output {
	o := &recipes.Output{
		Name: of.Name + debugSuffix, Version: of.Version, BuildNumber: of.BuildNumber, BuildString: of.BuildString, Hash: of.Hash, HashInput: of.HashInput,
		DebugOf: of, BuildPlatform: of.BuildPlatform, HostPlatform: of.HostPlatform, TargetPlatform: of.TargetPlatform,
		Variant: of.Variant, Full: of.Full, Context: of.Context, About: of.About, Recipe: of.Recipe, Pos: of.Pos,
		Build:        recipes.Build{Pos: of.Build.Pos},
		Requirements: recipes.Requirements{Run: []recipes.Dependency{{Spec: fmt.Sprintf("%s %s %s", of.Name, of.Version, of.BuildString), Pos: of.Pos}}},
	}
	o.About.LicenseFiles = nil
	o.About.Summary = "Debug data of " + of.Name + ", for debuggers and profilers"
	o.About.Description = ""
	return o
}

// withoutOrphans drops the outputs of debug data whose package is not built, because a channel has it.
func withoutOrphans(outputs []*recipes.Output) []*recipes.Output {
	return slices.DeleteFunc(outputs, func(o *recipes.Output) bool { return o.DebugOf != nil && !slices.Contains(outputs, o.DebugOf) })
}

// linkDebug gives the packages of debug data the actions they come of.
func (p *planner) linkDebug(l *linker) {
	for _, a := range p.all {
		if at, ok := l.debugOf[a.Output.DebugOf]; ok && at >= 0 {
			a.DebugOf = p.all[at]
		}
	}
}

// debugFlags make compilers write debug data, and linkers the build ID that it is found by.
func debugFlags(env map[string]string) {
	for _, name := range []string{"CFLAGS", "CXXFLAGS", "FFLAGS", "FORTRANFLAGS"} {
		env[name] += " -g"
	}
	env["LDFLAGS"] += " -Wl,--build-id"
}

// debugData is what was split off one package's files; mu guards it, files come from several goroutines.
type debugData struct {
	mu       sync.Mutex
	files    []string // relative to the folder debug of the build
	problems []string
}

// splitDebug takes the debug data out of a program or library of the prefix and puts it aside. It returns what
// the file is now. A file that cannot be parted keeps its data, and a warning says so.
func (j *job) splitDebug(p string, data []byte) ([]byte, error) {
	if !splitsDebug(j.a.Output) {
		return data, nil
	}
	s, err := elf.Split(data)
	if err != nil {
		j.debug.mu.Lock()
		defer j.debug.mu.Unlock()
		j.debug.problems = append(j.debug.problems, fmt.Sprintf("%s keeps its debug data: %v", p, err))
		return data, nil
	}
	if s == nil {
		return data, nil
	}
	to := filepath.Join(j.site.dir, "debug", filepath.FromSlash(s.DebugPath()))
	err = errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.WriteFile(to, s.Debug, 0o644),
		elf.ReplaceFile(filepath.Join(j.site.prefix, filepath.FromSlash(p)), s.Stripped))
	if err != nil {
		return nil, fmt.Errorf("split off its debug data: %w", err)
	}
	j.debug.mu.Lock()
	defer j.debug.mu.Unlock()
	j.debug.files = append(j.debug.files, s.DebugPath())
	return s.Stripped, nil
}

// keepDebug stores what was split off, for the action that packages it.
func (j *job) keepDebug(b *Built) (err error) {
	if !splitsDebug(j.a.Output) {
		return nil
	}
	slices.Sort(j.debug.problems)
	for _, p := range j.debug.problems {
		j.warn("%s", p)
	}
	if len(j.debug.files) == 0 {
		j.warn("no program or library of it has debug data: does the script leave out $CFLAGS, or strip what it installs?")
	}
	b.Debug, err = j.pack(j.packDebug)
	return err
}

func (j *job) packDebug(t *tar.Writer) error {
	for _, name := range sorted(j.debug.files) {
		data, err := os.ReadFile(filepath.Join(j.site.dir, "debug", filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		if err := j.packData(t, path.Join(debugFolder, name), 0o644, data); err != nil {
			return err
		}
	}
	return nil
}

// restoreDebug lays out what another action split off: the whole content of this package.
func (j *job) restoreDebug(ctx context.Context) error {
	return j.layOut(ctx, j.built[j.a.DebugOf].Debug, j.site.prefix, func(*os.Root, *tar.Header) (bool, error) { return true, nil })
}

// debugMaterials are those of the build that the debug data comes of, and the data itself.
func (j *job) debugMaterials() []provenance.Material {
	of := j.built[j.a.DebugOf]
	return append(slices.Clone(of.Materials), provenance.Material{Kind: materialDebug, URI: "forge:debug-data/" + j.a.DebugOf.Output.Name, Name: j.a.DebugOf.Output.String(),
		Digests: map[string]string{"sha256": of.Debug.Hex()}, Annotations: map[string]any{"key": of.Key.Hex(), "package": of.Archive.Hex()}})
}

// keepMaterials notes what the package was made of, for the statement of its debug data.
func (j *job) keepMaterials(list []provenance.Material, b *Built) {
	if splitsDebug(j.a.Output) {
		b.Materials = slices.Clone(list)
		slices.SortStableFunc(b.Materials, func(x, y provenance.Material) int { return cmp.Compare(x.Kind, y.Kind) })
	}
}
