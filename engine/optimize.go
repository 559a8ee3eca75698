package engine

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"forge/internal/diag"
	"forge/platforms"
	"forge/platforms/cpu"
	"forge/platforms/toolchain"
	"forge/recipes"
)

// Optimize is the workspace's optimize block: which CPU levels are built of every output that uses a
// compiler, and how.
type Optimize struct {
	Levels   []string `json:"levels,omitempty"` // archspec's names, as x86_64_v3
	LTO      bool     `json:"lto,omitempty"`
	Layout   string   `json:"layout,omitempty"`   // recipes.LayoutPackages, the same as none, or recipes.LayoutHwcaps
	Packages []string `json:"packages,omitempty"` // globs of output names; empty for all
	Pos      diag.Pos `json:"-"`
}

// Apart is the block with a package for each level, whatever it says.
func (o Optimize) Apart() Optimize {
	o.Layout = recipes.LayoutPackages
	return o
}

const archspecName = "__archspec"

// variants is the block as a variants file, for the target's family of machines; false where it asks
// for nothing there.
func (o Optimize) variants(target platforms.Platform) (recipes.VariantFile, bool) {
	var b strings.Builder
	var levels []string
	for _, name := range o.Levels {
		if l, err := cpu.Parse(name); err == nil && l.Family().Name == family(target) {
			levels = append(levels, l.Name)
		}
	}
	if o.Layout == recipes.LayoutHwcaps && len(levels) > 0 {
		fmt.Fprintf(&b, "%s: [%q]\n", recipes.KeyHwcaps, strings.Join(levels[1:], ","))
		levels = levels[:1]
	}
	if len(levels) > 0 {
		fmt.Fprintf(&b, "%s: [%s]\n", recipes.KeyMicroarch, strings.Join(levels, ", "))
	}
	if o.LTO {
		b.WriteString(recipes.KeyLTO + `: ["1"]` + "\n")
	}
	return recipes.VariantFile{Path: "forge.hcl/variants.yaml", Data: []byte(b.String())}, b.Len() > 0
}

// family is a platform's machine as archspec calls it.
func family(p platforms.Platform) string {
	if p.Arch() == "arm64" {
		return "aarch64"
	}
	return p.Arch()
}

// covers tells whether the block is for one of the outputs.
func (o Optimize) covers(outputs []*recipes.Output) bool {
	return slices.ContainsFunc(outputs, o.coversOne)
}

func (o Optimize) coversOne(out *recipes.Output) bool {
	return len(o.Packages) == 0 || slices.ContainsFunc(o.Packages, func(g string) bool { ok, _ := path.Match(g, out.Name); return ok })
}

// render renders a recipe for the levels, or as it is where the block is not for it.
func (o Optimize) render(file string, options recipes.RenderOptions) *recipes.Rendered {
	levels, any := o.variants(options.TargetPlatform)
	if !any {
		return recipes.RenderFile(file, options)
	}
	if len(o.Packages) > 0 {
		if plain := recipes.RenderFile(file, options); !o.covers(plain.Outputs) {
			return plain
		}
	}
	options.Variants = append([]recipes.VariantFile{levels}, options.Variants...)
	rendered := recipes.RenderFile(file, options)
	if p := options.TargetPlatform; o.Layout == recipes.LayoutHwcaps && p.OS() != "linux" && slices.ContainsFunc(rendered.Outputs, hasHwcaps) {
		rendered.Diagnostics = append(rendered.Diagnostics, diag.Diagnostic{Code: "cpu-level", Pos: o.Pos,
			Summary:    fmt.Sprintf("layout glibc-hwcaps: packages of %s have no such folders, which are read by glibc's loader", p),
			Suggestion: `layout = "packages" makes a package of each level, on every platform`})
	}
	return rendered
}

// levelOf is the CPU level an output is built for, nil for the platform's own.
func levelOf(o *recipes.Output) *cpu.Level {
	name, _ := o.Variant[recipes.KeyMicroarch].(string)
	l, err := cpu.Parse(name)
	if err != nil || o.NoArch != "" || o.DebugOf != nil {
		return nil
	}
	return l
}

// prefer makes the solver take the best level a machine runs: each output gets a tracked feature for
// every better level it is built for beside it.
func prefer(outputs []*recipes.Output) {
	beside := map[string][]*cpu.Level{}
	for _, o := range outputs {
		if l := levelOf(o); l != nil {
			beside[o.Name] = append(beside[o.Name], l)
		}
	}
	for _, o := range outputs {
		l := levelOf(o)
		if l == nil {
			continue
		}
		better := map[*cpu.Level]bool{}
		for _, other := range beside[o.Name] {
			if other != l && other.Includes(l) {
				better[other] = true
			}
		}
		o.Build.DownPrioritize += len(better)
	}
}

// levelDepends is the run dependency that keeps an output off machines below its level: __archspec with
// one of the names that machines from that level on have. The family's oldest level runs everywhere.
func levelDepends(o *recipes.Output) []string {
	l := levelOf(o)
	if l == nil || l == l.Family() {
		return nil
	}
	// In brackets: between blanks, conda takes parentheses for something else.
	return []string{archspecName + `[version="1",build="^(` + strings.Join(l.RunsOn(), "|") + `)$"]`}
}

// HostVirtual are the virtual packages that o's host environment is solved with.
func HostVirtual(req *Request, o *recipes.Output) []platforms.VirtualPackage {
	if req.Virtual == nil {
		return nil // nothing is solved
	}
	return virtualFor(o, "host", req.Virtual)
}

// virtualFor are the virtual packages that o's environment of a kind is solved with. The CPU in them is that
// of the level being built: what this machine has must not decide what comes out. Packages for another system
// are solved as on a machine of that system, which CONDA_OVERRIDE_OSX and the like describe.
func virtualFor(o *recipes.Output, kind string, all []platforms.VirtualPackage) []platforms.VirtualPackage {
	if o == nil {
		return all // packages for a person to look around with
	}
	if kind != buildKind && kind != toolsKind && o.NoArch == "" && o.HostPlatform.OS() != o.BuildPlatform.OS() {
		there := platforms.AssumedVirtual(o.HostPlatform)
		for i, v := range there {
			if k := slices.IndexFunc(all, func(h platforms.VirtualPackage) bool { return h.Name == v.Name }); k >= 0 {
				there[i] = all[k]
			}
		}
		all = there
	}
	level := o.TargetPlatform.Arch()
	if l := levelOf(o); l != nil {
		level = l.Name
	}
	list := slices.Clone(all)
	for i := range list {
		if list[i].Name == archspecName {
			list[i].Build = level
		}
	}
	return list
}

// optimizeFlags puts the level's flags and those of link time optimisation into the environment that
// the compilers' activation made. It returns the lines for the key.
func optimizeFlags(env map[string]string, o *recipes.Output, externals []*toolchain.External) ([]string, error) {
	l, lto := levelOf(o), o.Variant[recipes.KeyLTO] != nil && o.NoArch == ""
	debug := splitsDebug(o)
	if l == nil && !lto && !debug || o.DebugOf != nil {
		return nil, nil
	}
	compiler, version := compilerAmong(externals)
	others := otherLanguages(l, externals)
	if compiler == "" && len(others) == 0 {
		return nil, fmt.Errorf("%s is built for a CPU level or with debug data, and its compiler is no tool of this host: only gcc, clang, Go and Rust of the host can be told so far", o.Name)
	}
	var flags []string
	if l != nil && compiler != "" {
		var err error
		if flags, err = l.Flags(compiler, version); err != nil {
			return nil, fmt.Errorf("%s: %w", o.Name, err)
		}
	}
	var lines []string
	if compiler != "" {
		lines = append(lines, compiler+" "+version)
	}
	for _, name := range sortedKeys(others) {
		env[name] = strings.TrimSpace(env[name] + " " + others[name])
		lines = append(lines, name+"="+others[name])
	}
	if lto && compiler != "" {
		flags = append(flags, "-flto=auto")
		if err := ltoTools(env, compiler, externals); err != nil {
			return nil, fmt.Errorf("%s: %w", o.Name, err)
		}
	}
	if debug {
		debugFlags(env)
	}
	for _, name := range []string{"CFLAGS", "CXXFLAGS", "FFLAGS", "FORTRANFLAGS", "CGO_CFLAGS", "CGO_CXXFLAGS"} {
		if _, used := env[name]; !used {
			continue // a language that the output has no compiler for
		}
		env[name] = strings.Join(append(slices.DeleteFunc(strings.Fields(env[name]), func(f string) bool { return l != nil && cpuFlag(f) }), flags...), " ")
	}
	return append(lines, flags...), nil
}

// otherLanguages are the variables that make Go and Rust build for a level: GOAMD64 and its kin, which have the
// psABI's names, and the target CPU, which has LLVM's. A level that Go has no name for is built for the best one below.
func otherLanguages(l *cpu.Level, externals []*toolchain.External) map[string]string {
	vars := map[string]string{}
	if l == nil {
		return vars
	}
	for _, e := range externals {
		stem, _, _ := strings.Cut(e.Record.Name, "_")
		switch stem {
		case "go", "go-nocgo", "go-cgo":
			if name, value := goLevel(l); value != "" {
				vars[name] = value
			}
		case "rust":
			if flags, err := l.Flags("clang", "18.0"); err == nil { // LLVM's name of it
				for _, f := range flags {
					if name, ok := strings.CutPrefix(f, "-march="); ok && l.Family().Name == "x86_64" {
						vars["RUSTFLAGS"] = "-Ctarget-cpu=" + name
					} else if name, ok := strings.CutPrefix(f, "-mcpu="); ok {
						vars["RUSTFLAGS"] = "-Ctarget-cpu=" + name
					}
				}
			}
		}
	}
	return vars
}

// goLevel is Go's name of the best of its levels that l includes ("go help environment").
func goLevel(l *cpu.Level) (variable, value string) {
	best := func(names ...string) string {
		for _, name := range names {
			if at, err := cpu.Parse(name); err == nil && l.Includes(at) {
				return name
			}
		}
		return ""
	}
	switch l.Family().Name {
	case "x86_64":
		if name := best("x86_64_v4", "x86_64_v3", "x86_64_v2"); name != "" {
			return "GOAMD64", strings.TrimPrefix(name, "x86_64_")
		}
		return "GOAMD64", "v1"
	case "ppc64le":
		return "GOPPC64", strings.TrimSuffix(best("power10le", "power9le", "power8le"), "le")
	}
	return "", ""
}

// ltoTools names the archiver and linker that know the compiler's objects of link time optimisation.
func ltoTools(env map[string]string, compiler string, externals []*toolchain.External) error {
	switch compiler {
	case "gcc":
		env["AR"], env["NM"], env["RANLIB"] = env["GCC_AR"], env["GCC_NM"], env["GCC_RANLIB"]
	case "clang":
		for name, program := range map[string]string{"AR": "llvm-ar", "NM": "llvm-nm", "RANLIB": "llvm-ranlib", "": "ld.lld"} {
			if !slices.ContainsFunc(externals, func(e *toolchain.External) bool { return slices.Contains(e.Programs, "/usr/bin/"+program) }) {
				return fmt.Errorf("link time optimisation with clang needs %s, which this host does not have (Debian: apt-get install llvm lld)", program)
			}
			if name != "" {
				env[name] = program
			}
		}
		env["LDFLAGS"] += " -fuse-ld=lld"
	}
	env["LDFLAGS"] += " -flto=auto"
	return nil
}

// optimizeLines puts the flags of a's level into its key.
func (r *runner) optimizeLines(ctx context.Context, a *Action, m *Manifest) error {
	if a.Output.DebugOf != nil || levelOf(a.Output) == nil && a.Output.Variant[recipes.KeyLTO] == nil {
		return nil
	}
	externals, err := r.externalsOf(ctx, a.Build, a.Host)
	if err != nil {
		return err
	}
	lines, err := optimizeFlags(map[string]string{}, a.Output, externals)
	if len(lines) > 0 {
		m.add("optimize", lines...)
	}
	return err
}

func cpuFlag(f string) bool {
	return strings.HasPrefix(f, "-march=") || strings.HasPrefix(f, "-mtune=") || strings.HasPrefix(f, "-mcpu=")
}

// compilerAmong finds the compiler whose flags the environment holds, by archspec's name.
func compilerAmong(externals []*toolchain.External) (name, version string) {
	for _, e := range externals {
		stem, _, _ := strings.Cut(e.Record.Name, "_")
		switch stem {
		case "gcc", "gxx", "gfortran":
			return "gcc", e.Record.Version
		case "clang", "clangxx":
			if e.Env["DEVELOPER_DIR"] != "" { // its numbers are Apple's
				return "apple-clang", e.Record.Version
			}
			if e.Env["ZIG_GLOBAL_CACHE_DIR"] != "" { // and its are zig's
				return "", ""
			}
			return "clang", e.Record.Version
		}
	}
	return "", ""
}

// notNative refuses scripts that build for the builder's CPU: by a line of theirs, or by a variable that the recipe
// sets. What the sources ask for by themselves the compilers refuse (platforms/toolchain, notNative; refuseNativeRust).
func notNative(o *recipes.Output) error {
	for _, s := range o.Build.Scripts {
		where := o.Recipe.File
		for _, name := range sortedKeys(s.Env) {
			if bad := nativeFlag(s.Env[name]); bad != "" {
				return nativeError(o, bad, diag.Pos{File: where, Line: max(s.FirstLine, 1), Column: 1})
			}
		}
		if s.File != "" {
			where = filepath.Join(filepath.Dir(where), s.File)
		}
		for i, line := range strings.Split(s.Text, "\n") {
			code, _, _ := strings.Cut(line, "#")
			if bad := nativeFlag(code); bad != "" {
				return nativeError(o, bad, diag.Pos{File: where, Line: i + max(s.FirstLine, 1), Column: strings.Index(line, bad) + 1})
			}
		}
	}
	return nil
}

// nativeFlag is the flag in a text that asks for the builder's CPU.
func nativeFlag(text string) string {
	for _, bad := range []string{"-march=native", "-mcpu=native", "-mtune=native", "-xHost", "target-cpu=native"} {
		if strings.Contains(text, bad) {
			return bad
		}
	}
	return ""
}

func nativeError(o *recipes.Output, bad string, at diag.Pos) error {
	return diag.List{{Code: "builder-cpu", Pos: at,
		Summary:    fmt.Sprintf("%s: %s makes a package for the CPU of whoever builds it", o.Name, bad),
		Suggestion: "leave it out; the optimize block of forge.hcl builds for CPU levels"}}.Err()
}
