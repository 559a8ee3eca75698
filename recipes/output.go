// Package recipes reads recipe files of three formats into one model.
package recipes

import (
	"fmt"

	"forge/internal/diag"
	"forge/packages"
	"forge/platforms"
)

// Output is one rendered output of one variant: nothing is left to decide but what only a solve can
// tell (PinCompatible). It is the value between steps 3 and 4.
type Output struct {
	Name        string
	Version     string
	BuildNumber int
	BuildString string // conda's public one, for example py311h5f2df59_0
	Hash        string // its hash part, for example h5f2df59
	HashInput   []byte // the very bytes that were hashed: info/hash_input.json
	NoArch      string // "", "generic" or "python"
	Skip        bool
	Flags       []string // repodata revision 3

	// Staging outputs are built and never packaged; others may inherit from them.
	Staging bool
	// Inherit names the staging output whose files, sources and host environment this one starts
	// from; empty for none. InheritRunExports is false where the recipe says so.
	Inherit           string
	InheritRunExports bool
	// InheritFrom is the output that Inherit names, the one of the same variant; nil for none.
	InheritFrom *Output
	// OwnFilesOnly leaves out what the staging output left in the prefix, also where the script changed it:
	// conda-build's outputs with a script and no list of files.
	OwnFilesOnly bool
	// StagedFilesOnly leaves out all but what the staging output left: conda-build's outputs with include and
	// exclude lists of files.
	StagedFilesOnly bool `json:",omitempty"`
	// After is the output whose script runs before this one's in the work folder that they share, nil for none: what
	// it leaves there is where this one's script begins. LeavesWork is set in an output that others come after.
	After      *Output `json:"-"`
	LeavesWork bool    `json:",omitempty"`
	// DebugOf is set in the output that is added for the debug data of another (KeyDebugInfo).
	DebugOf *Output `json:"-"`
	// LevelOf is set in the copies, staging outputs themselves, that a plan makes of an output or of a staging
	// output in order to build the same for a higher CPU level of KeyHwcaps.
	LevelOf *Output `json:"-"`

	BuildPlatform  platforms.Platform // runs the compilers
	HostPlatform   platforms.Platform // runs the result
	TargetPlatform platforms.Platform // what the recipe is rendered for; the subdir unless noarch

	Variant map[string]any // used keys only, as they are hashed
	Full    map[string]any // the whole variant, for the script's environment
	// Settings are what variants files say beside variants and conda-build does not say itself, as far as this output
	// is another for it (pin_run_as_build, ignore_version, ignore_build_only_deps, lists of extend_keys); nil for nothing.
	Settings map[string]any `json:"-"`
	Context  map[string]any

	Sources      []Source
	Build        Build
	Requirements Requirements
	Tests        []Test
	About        About
	Extra        map[string]any

	Recipe Origin
	Pos    diag.Pos // of the output in its file
}

// Subdir is the channel folder the package goes to.
func (o *Output) Subdir() string {
	if o.NoArch != "" {
		return "noarch"
	}
	return o.TargetPlatform.String()
}

// String is name-version-build, as the archive will be called; a staging output has only its name.
func (o *Output) String() string {
	switch {
	case o.LevelOf != nil:
		return fmt.Sprintf("%s-%v", o.Name, o.Variant[KeyMicroarch])
	case o.Staging:
		return o.Name
	}
	return o.Name + "-" + o.Version + "-" + o.BuildString
}

// Origin says where an output was read.
type Origin struct {
	File   string // as given, for people
	Dir    string // absolute folder of the recipe: RECIPE_DIR
	Format string // "meta.yaml", "recipe.yaml" or "recipe.hcl"
	Index  int    // of the output in its file
}

// Source is one thing to fetch. Exactly one of URLs, Git and Path is set.
type Source struct {
	URLs            []string // mirrors of the same bytes: https://…, file://… or pkg:…
	Git             *Git
	Path            string            // relative to the recipe's folder, or absolute
	Hashes          map[string]string // algorithm ("sha256", "md5", "sha512", …) → hex
	FileName        string
	TargetDirectory string   // below SRC_DIR; empty for SRC_DIR itself
	Patches         []string // relative to the recipe's folder; see MissingPatches
	Include         []string // globs of the files to keep; empty for all
	Exclude         []string
	UseGitignore    bool // for Path
	NoHoist         bool // keep a single top folder of the archive (conda-build's no_hoist)
	Signatures      []Signature
	Attestation     *Attestation
	Pos             diag.Pos
}

// Attestation names who must have attested a source (rattler-build's source.attestation), each of them.
type Attestation struct {
	Publishers []Publisher
	BundleURL  string // where the attestations are; empty for where the source's registry has them
}

// Publisher is a repository whose automation publishes; Provider is github or gitlab.
type Publisher struct{ Provider, Owner, Repo, Ref string }

// String is PROVIDER:OWNER/REPOSITORY, with @REF where one is asked for.
func (p Publisher) String() string {
	s := p.Provider + ":" + p.Owner + "/" + p.Repo
	if p.Ref != "" {
		s += "@" + p.Ref
	}
	return s
}

// Git names a commit of a repository.
type Git struct {
	URL            string
	Rev            string // commit, tag or branch; empty for HEAD
	Tag, Branch    string
	Depth          int // 0 or less for all
	LFS            bool
	Submodules     bool
	ExpectedCommit string
}

// Signature is an upstream OpenPGP signature that a source must carry (contracts: Sources).
type Signature struct {
	URLs        []string // of the detached .asc or .sig; pkg: URLs allowed; "file:NAME" for one in the recipe's folder
	Fingerprint string   // full, 40 or 64 hex digits; it decides
	Key         string   // file in the recipe's folder
	Allow       []string // "sha1": an exception that the provenance repeats
	Reason      string   // why, required with Allow
	Pos         diag.Pos
}

// Build says how the payload is made.
type Build struct {
	Scripts        []Script // run in order; none where nothing is to run
	Files          Globs    // v1 build.files, v0 output files: only these of the new files; zero for all
	AlwaysInclude  []string // files to take although a dependency has them
	AlwaysCopy     []string
	NoLink         []string
	EntryPoints    []string // "name = module:function"
	SkipPyc        []string
	Python         PythonBuild
	Linking        Linking
	Prefix         PrefixDetection
	MergeBuildHost bool
	DownPrioritize int // down_prioritize_variant: this many track_features
	TrackFeatures  []string
	PostProcess    []PostProcess
	Activate       bool
	IncludeRecipe  bool
	Resources      map[string]any
	Pos            diag.Pos

	words        *buildWords // nil but for recipe.yaml
	legacyNoArch bool        // noarch_python of meta.yaml
}

// PythonBuild is v1's build.python but for entry points.
type PythonBuild struct {
	UseAppEntrypoint   bool
	VersionIndependent bool // abi3
	SitePackagesPath   string
}

// Linking says what is done to and asked of executables and libraries.
type Linking struct {
	RPaths          []string // default lib/
	Relocate        bool     // binary_relocation; default true
	RelocateOnly    []string // globs, where binary_relocation is a list
	MissingDSOAllow []string
	RPathAllow      []string
	OverlinkError   bool
	OverdependError bool
}

// PrefixDetection steers the search for the placeholder.
type PrefixDetection struct {
	ForceText, ForceBinary []string
	Ignore                 []string // globs; ["*"] or ["**"] for all
	IgnoreBinary           bool
}

// PostProcess replaces text in files after the script.
type PostProcess struct {
	Files              Globs
	Regex, Replacement string
}

// Globs selects paths; the zero value selects all where it stands for files.
type Globs struct {
	Include, Exclude []string
	CondaBuild       bool `json:",omitempty"` // they are those of a meta.yaml's output
}

// IsZero reports whether nothing was said.
func (g Globs) IsZero() bool { return len(g.Include)+len(g.Exclude) == 0 }

// Script is one script with its text already read and rendered.
type Script struct {
	Interpreter string   // "bash", "cmd", "python", …; empty for the platform's own
	Arguments   []string `json:",omitempty"` // of the interpreter, before the script
	Text        string   // lines joined by newlines
	File        string   // the recipe file it was read from, empty where it is inline
	InWork      bool     `json:",omitempty"` // File is copied into SRC_DIR: what an output of a meta.yaml names
	FirstLine   int      // line in File, or in the recipe file, of the text's first line; 0 if not known
	Env         map[string]string
	Secrets     []string // names of variables of the caller to hand in and to mask in logs
	Cwd         string   // below SRC_DIR
	Pos         diag.Pos

	words *scriptWords // nil for a script that stands in no recipe.yaml
}

// Dependency is one entry of requirements.
type Dependency struct {
	Spec string // match spec as text; empty while Pin is set
	Pin  *Pin   // pin_compatible: needs the solved host environment
	Pos  diag.Pos

	// Variant is the match spec with the version that the variant has for it, where Spec is a bare name of
	// a build or host requirement; empty where the variant says nothing.
	Variant string

	// Meant is the match spec that is solved for and that the package gets, where a meta.yaml's Spec stands for
	// another one: conda-build makes zlib 1.2.* of zlib 1.2.
	Meant string

	pinned *Pin // the pin of a sibling that Spec was made from; nil for none
}

// Ask is the match spec to solve for: a pin that waits for a solve only asks for its name.
func (d Dependency) Ask() string {
	switch {
	case d.Pin != nil:
		return d.Pin.Name
	case d.Variant != "":
		return d.Variant
	}
	return d.Means()
}

// Means is the match spec of a requirement that is no pin.
func (d Dependency) Means() string {
	if d.Meant != "" {
		return d.Meant
	}
	return d.Spec
}

// Pinned is the pin as the recipe has it, also where Spec already stands in its place; nil for none.
func (d Dependency) Pinned() *Pin {
	if d.Pin != nil {
		return d.Pin
	}
	return d.pinned
}

// Pin is a pin whose package's version is not known yet.
type Pin struct {
	Name       string
	Lower      string // "x.x.x.x.x.x", a version, or empty for none
	Upper      string // "x.x", a version, or empty for none
	Exact      bool
	Build      string // glob for the build string, empty for none
	Subpackage bool   // pin_subpackage of an output that is not rendered here
	CondaBuild bool   // a meta.yaml's: expressions as conda-build counts them
}

// Requirements of one output.
type Requirements struct {
	Build, Host, Run []Dependency
	RunConstraints   []Dependency
	RunExports       RunExports
	IgnoreByName     []string
	IgnoreFrom       []string
	Extras           map[string][]Dependency // groups of optional dependencies, repodata revision 3
}

// RunExports are the entries of packages.RunExports before pins are resolved.
type RunExports struct {
	Weak, Strong, NoArch, WeakConstrains, StrongConstrains []Dependency
}

// Test is one test; exactly one of its kinds is set.
type Test struct {
	Script          *ScriptTest
	Python          *PythonTest
	Perl            *ListTest // uses
	R               *ListTest // libraries
	Ruby            *ListTest // requires
	Downstream      string
	PackageContents *ContentsTest
	Pos             diag.Pos

	words *testWords // nil but for recipe.yaml
}

// ScriptTest runs a script in an environment that holds the package.
type ScriptTest struct {
	Script      Script
	Run, Build  []string // further match specs
	SourceFiles []string // globs, copied from SRC_DIR
	RecipeFiles []string // globs, copied from the recipe's folder
}

// PythonTest imports modules.
type PythonTest struct {
	Imports        []string
	PipCheck       bool
	PythonVersions []string
	Requires       []string // further match specs; of meta.yaml, whose tests share one environment
}

// ListTest loads each of the names in a language.
type ListTest struct{ Names []string }

// ContentsTest asks what the package holds.
type ContentsTest struct {
	Files, SitePackages, Bin, Lib, Include                []string
	NotFiles, NotSitePackages, NotBin, NotLib, NotInclude []string
	Strict                                                bool
}

// About is packages.About before licence files are read.
type About struct {
	packages.About
	LicenseFiles []string // globs, in the work folder first, then in the recipe's
	LicensePos   diag.Pos
}
