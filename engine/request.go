// Package engine turns recipes into packages: it plans, schedules, runs and records.
package engine

import (
	"context"
	"slices"
	"time"

	"forge/packages"
	"forge/platforms"
	"forge/platforms/toolchain"
	"forge/recipes"
	"forge/resolver"
	"forge/sandbox"
	"forge/sources"
	"forge/store"
)

// Request is a build as asked for, complete: after it was made no flag, environment variable or clock
// is read. `forge env --json` prints it.
type Request struct {
	WorkDir   string   `json:"work_dir"`         // absolute
	Recipes   []string `json:"recipes"`          // files, as found
	OutputDir string   `json:"output_dir"`       // absolute
	CacheDir  string   `json:"cache_dir"`        // absolute
	LockFile  string   `json:"lock_file"`        // absolute: forge.lock of the workspace
	Locked    bool     `json:"locked,omitempty"` // the lock must fit
	KeyDir    string   `json:"key_dir"`

	BuildPlatform  platforms.Platform `json:"build_platform"`
	HostPlatform   platforms.Platform `json:"host_platform"`
	TargetPlatform platforms.Platform `json:"target_platform"`

	Channels        []string                   `json:"channels"` // after output_dir, in order of priority
	ChannelPriority resolver.ChannelPriority   `json:"channel_priority"`
	ChannelPackages []ChannelPackages          `json:"channel_packages,omitempty"`
	Virtual         []platforms.VirtualPackage `json:"virtual_packages"`
	ExcludeNewer    int64                      `json:"exclude_newer,omitempty"` // ms since 1970

	Workspace            []recipes.VariantFile                      `json:"-"` // variants of forge.hcl
	VariantFiles         []string                                   `json:"variant_config,omitempty"`
	Variant              map[string][]string                        `json:"variant,omitempty"`
	IgnoreRecipeVariants bool                                       `json:"ignore_recipe_variants,omitempty"`
	BuildNumber          *int                                       `json:"build_num,omitempty"`
	BuildStringPrefix    string                                     `json:"build_string_prefix,omitempty"`
	AllowUnhashed        bool                                       `json:"allow_unhashed,omitempty"`
	Unsolved             bool                                       `json:"unsolved,omitempty"`            // render as conda-build does without solving: recipes.RenderOptions.Solved
	SignaturesRequired   bool                                       `json:"signatures_required,omitempty"` // of packages of channels
	TrustedRoot          TrustedRoot                                `json:"trusted_root,omitzero"`         // of attestations of sources
	Experimental         bool                                       `json:"experimental,omitempty"`
	Git                  func(context.Context) recipes.Repositories `json:"-"` // answers the git functions of recipes; nil for nothing
	Optimize             Optimize                                   `json:"optimize,omitzero"`

	Jobs         int               `json:"jobs"`                 // at once: builds, and what make and ninja start in them
	CPUs         int               `json:"cpu_count"`            // CPU_COUNT of each
	MaxMemory    int64             `json:"max_memory,omitempty"` // bytes for all builds together
	Isolation    sandbox.Isolation `json:"isolation"`            // the least that will do
	Limits       sandbox.Limits    `json:"limits"`
	KeepGoing    bool              `json:"keep_going,omitempty"`
	VerifyCache  bool              `json:"verify_cache,omitempty"` // build again what the cache has, and compare
	KeepBuild    bool              `json:"keep_build,omitempty"`
	TraceInputs  bool              `json:"trace_inputs,omitempty"`
	Offline      bool              `json:"offline,omitempty"`
	SkipExisting SkipExisting      `json:"skip_existing,omitempty"`
	SkipTests    bool              `json:"skip_tests,omitempty"`
	Bench        bool              `json:"bench,omitempty"` // plan the commands to be measured in place of the tests
	BenchCommand string            `json:"bench_command,omitempty"`
	UpTo         []string          `json:"up_to,omitempty"`

	PackageFormat  string            `json:"package_format"`
	IncludeRecipe  bool              `json:"include_recipe"`
	ExtraMeta      map[string]string `json:"extra_meta,omitempty"`
	ErrorPrefixBin bool              `json:"error_prefix_in_binary,omitempty"`
	WindowsLinks   bool              `json:"allow_symlinks_on_windows,omitempty"`

	ABICheck       ABICheck `json:"abi_check,omitempty"`
	NoarchPlatform string   `json:"noarch_build_platform,omitempty"` // where noarch outputs are built; empty for everywhere
	Emulate        bool     `json:"test_emulated,omitempty"`         // run tests of platforms this machine is not, too
	Widen          Widening `json:"widened,omitzero"`
}

// Tools are the parts an engine works with; cmd/forge puts them together.
type Tools struct {
	Store     *store.Store
	Solver    resolver.Solver
	Channels  Channels
	Fetcher   sources.Fetcher
	Runner    sandbox.Runner
	Externals toolchain.Finder
	Format    packages.Format   // of what is written
	Formats   []packages.Format // of what may be read
	Lock      *Lock             // whose channel records are kept where they fit; nil for none
	Publisher Publisher
	KeyID     string // of the key that signs
	GitState  func(dir string) (GitState, error)
	Version   string // of forge
	Now       func() time.Time
	CPU       func() time.Duration // processor time of this process; nil where nobody asks for it
}

// GitState is the commit of a recipe folder, zero where it has none or is not clean.
type GitState struct{ Commit, Tree, Remote string }

// Channels reads the channels of a request.
type Channels interface {
	resolver.Provider
	// RunExports returns those of a record, from the channel's run_exports.json or the archive.
	RunExports(r *packages.Record) (packages.RunExports, error)
	// Archive returns a local file with the record's archive, its sha256 checked.
	Archive(r *packages.Record) (string, error)
}

// testsRun reports whether this machine is asked to run the tests of o: those of a foreign platform only
// with emulation (rattler-build's --test native-and-emulated).
func (r *Request) testsRun(o *recipes.Output) bool {
	return r.notRun(o) == ""
}

// RenderOptions are what the request says to the renderer.
func (r *Request) RenderOptions(files []recipes.VariantFile) recipes.RenderOptions {
	return recipes.RenderOptions{
		BuildPlatform:        r.BuildPlatform,
		HostPlatform:         r.HostPlatform,
		TargetPlatform:       r.TargetPlatform,
		Variants:             slices.Concat(builtInVariants(r.BuildPlatform, r.TargetPlatform), r.Workspace, files),
		Set:                  r.Variant,
		IgnoreRecipeVariants: r.IgnoreRecipeVariants,
		BuildNumber:          r.BuildNumber,
		BuildStringPrefix:    r.BuildStringPrefix,
		AllowUnhashed:        r.AllowUnhashed,
		Experimental:         r.Experimental,
		Solved:               !r.Unsolved,
		Cache:                recipes.NewCache(), // one reading of the pinning for all recipes of the request
	}
}

// builtInVariants are the keys that conda-forge's recipes take for granted and no reader has a default
// for: the C library that stdlib('c') means, by its name there. Any variants file overrides them.
func builtInVariants(build, target platforms.Platform) []recipes.VariantFile {
	if target.IsWindows() && build.IsUnix() {
		// The compilers of Visual Studio run on Windows alone; MinGW's run here.
		return []recipes.VariantFile{{Path: recipes.BuiltInVariants,
			Data: []byte("c_stdlib:\n  - m2w64-sysroot\nc_compiler:\n  - gcc\ncxx_compiler:\n  - gxx\n")}}
	}
	stdlib := map[string]string{"linux": "sysroot", "osx": "macosx_deployment_target", "win": "vs"}[target.OS()]
	if stdlib == "" {
		return nil
	}
	text := "c_stdlib:\n  - " + stdlib + "\n"
	if target.OS() == "osx" {
		text += "c_stdlib_version:\n  - \"" + toolchain.OldestMacOS + "\"\n"
	}
	return []recipes.VariantFile{{Path: recipes.BuiltInVariants, Data: []byte(text)}}
}
