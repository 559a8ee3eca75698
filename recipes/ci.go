package recipes

import (
	"path/filepath"
	"slices"

	"forge/internal/diag"

	"gopkg.in/yaml.v3"
)

// CIVariant is what one CI job builds: a recipe with some of its variant keys fixed. It is what
// conda-smithy writes into a file of .ci_support, and a variants file in itself.
type CIVariant struct {
	// Name is that of the file, without .yaml: the platform and the fixed keys with their values.
	Name string
	// Values are the used keys. Keys that only some outputs loop over have several values.
	Values map[string][]string
	// Zip are the groups of keys that go together, Pins is pin_run_as_build.
	Zip  [][]string
	Pins map[string]Pin
}

// CIOptions say for what the jobs are.
type CIOptions struct {
	RenderOptions
	// Migrations are files of conda-forge's form; they apply by the time in them.
	Migrations []VariantFile
	// NoArch says that the platform's jobs build the noarch packages too, which one platform alone does
	// (noarch_platforms of conda-forge.yml, linux_64 where it says nothing).
	NoArch bool
	// GitHubActions says that the jobs run there: they keep the labels of their runners.
	GitHubActions bool
}

// keptKeys are in every job's file where the variants have them, used or not.
var keptKeys = []string{"MACOSX_DEPLOYMENT_TARGET", "MACOSX_SDK_VERSION", "macos_min_version", "macos_machine", "channel_sources",
	"channel_targets", "docker_image", "build_number_decrement"}

// mpiKeys are packages whose versions an MPI recipe takes from the variants by computed names.
var mpiKeys = []string{"impi", "mpi_serial", "mpich", "msmpi", "openmpi"}

// CIVariants divides the variants of the recipe at path into CI jobs for one platform, as conda-smithy
// does: a job for each combination of the keys that the top of the recipe depends on (of a recipe.yaml:
// those that all its outputs use); keys that only some outputs depend on stay lists within a job. Only
// what is not skipped counts, and noarch outputs only with opts.NoArch.
//
// The variants are those of opts, then those of the recipe's own file, then the migrations. An empty
// result means that there is nothing to build for the platform.
func CIVariants(path string, opts CIOptions) ([]CIVariant, diag.List) {
	opts.RenderOptions = opts.withDefaults()
	text, err := ReadFile(path)
	if err != nil {
		return nil, CannotRead(path, err)
	}
	opts.Env = ciEnvironment(opts.RenderOptions, text)
	config, list := ciConfig(path, opts.RenderOptions, opts.Migrations)
	if list.HasErrors() {
		return nil, list
	}
	jobs, more := ciSplit(path, text, opts, config)
	return jobs, append(list, more...)
}

// ciSplit divides what the configuration makes of the recipe.
func ciSplit(path string, text []byte, opts CIOptions, config *v0Config) ([]CIVariant, diag.List) {
	if opts.TargetPlatform.OS() == "osx" {
		config.deploymentTarget()
	}
	j := &ciJobs{config: config, zip: config.zip, opts: opts}
	list := j.render(path, text)
	if list.HasErrors() || len(j.outputs) == 0 {
		return nil, list
	}
	return j.split(), list
}

// deploymentTarget gives the keys for the oldest macOS one meaning: the C library's version is the
// deployment target, and no SDK is older. Without a version of the C library they stay as they are.
func (c *v0Config) deploymentTarget() {
	highest := func(lists ...[]string) (best string) {
		for _, l := range lists {
			for _, v := range l {
				if best == "" || later(v, best, nil) {
					best = v
				}
			}
		}
		return best
	}
	n := len(c.vals["c_stdlib_version"])
	if n == 0 {
		return
	}
	target := highest(c.vals["c_stdlib_version"], c.vals["MACOSX_DEPLOYMENT_TARGET"])
	c.set("c_stdlib_version", slices.Repeat([]string{target}, n))
	c.set("MACOSX_DEPLOYMENT_TARGET", []string{target})
	sdk := slices.Clone(c.vals["MACOSX_SDK_VERSION"])
	if len(sdk) == 0 {
		sdk = []string{target}
	}
	for i := range sdk {
		sdk[i] = highest(sdk[i:i+1], []string{target})
	}
	c.set("MACOSX_SDK_VERSION", sdk)
}

var usesCUDA = pattern{src: `(?m)^[^#\n]*compiler\(\s*["']cuda["']\s*\)`}

// ciEnvironment is what conda-smithy sets for the selectors of conda-forge's variants.
func ciEnvironment(opts RenderOptions, text []byte) func(string) (string, bool) {
	set := map[string]string{"BUILD_PLATFORM": opts.BuildPlatform.String()}
	if usesCUDA.Match(text) {
		set["CF_CUDA_ENABLED"] = "True"
	}
	outer := opts.Env
	return func(name string) (string, bool) {
		if v, ok := set[name]; ok {
			return v, true
		}
		if outer == nil {
			return "", false
		}
		return outer(name)
	}
}

// ciConfig reads all variants. Both formats of recipes take conda-build's reading here.
func ciConfig(path string, opts RenderOptions, migrations []VariantFile) (*v0Config, diag.List) {
	opts.exclusive = true
	if !opts.IgnoreRecipeVariants {
		beside, err := variantsBeside(path)
		if err != nil {
			return nil, failed(path, "the variants file beside the recipe cannot be read: %v", err).Diagnostics
		}
		opts.Variants = append(slices.Clip(opts.Variants), beside...)
	}
	v := newV0(path, "", opts)
	base := v.readBase(v.variantFiles())
	if v.cfg = base.cfg; base.list.HasErrors() {
		return nil, base.list
	}
	list := base.list
	for _, m := range sortedMigrations(migrations) {
		list = append(list, v.migrate(m)...)
	}
	return v.cfg, list
}

// ciJobs divides the outputs of a recipe into jobs.
type ciJobs struct {
	config  *v0Config
	zip     [][]string
	opts    CIOptions
	outputs []*Output
	top     map[string]bool // keys that the jobs differ in
	used    map[string]bool
}

// render renders the recipe with the variants as its only ones, and as if each platform built itself:
// conda-smithy tells the build platform to the selectors of the variants alone, by $BUILD_PLATFORM.
func (j *ciJobs) render(path string, text []byte) diag.List {
	opts := j.opts.RenderOptions
	opts.BuildPlatform = opts.TargetPlatform
	data, err := yaml.Marshal(j.config.plain())
	if err != nil {
		return failed(path, "the variants cannot be written: %v", err).Diagnostics
	}
	opts.Variants = []VariantFile{{Path: "variants.yaml", Data: data}}
	opts.exclusive, opts.AllowUnhashed, opts.noScripts, opts.keepPins, opts.IgnoreRecipeVariants = true, true, true, true, true
	j.top, j.used = map[string]bool{}, map[string]bool{}
	j.usesPythonMin(text)
	var outputs []*Output
	var list diag.List
	if base := filepath.Base(path); base == "meta.yaml" || base == "meta.yml" || base == "conda.yaml" {
		v := newV0(path, string(text), opts)
		outputs, list = v.render(), v.found.list
		for _, k := range slices.Concat(v.topKeys(), v.firstSelectors()) {
			j.used[k] = true
			j.top[k] = j.loops(k)
		}
	} else {
		r := Render(path, text, opts)
		outputs, list = r.Outputs, r.Diagnostics
	}
	if list.HasErrors() {
		return list
	}
	for _, o := range outputs {
		if !o.Skip && !o.Staging && (j.opts.NoArch || o.NoArch == "") {
			j.outputs = append(j.outputs, o)
		}
	}
	for _, o := range j.outputs {
		j.use(o)
	}
	return list
}

var namesPythonMin = pattern{src: `\{\{ python_min \}\}`}

// usesPythonMin counts python_min as used by the recipe's text alone: the noarch outputs that use it are
// those that most platforms leave out.
func (j *ciJobs) usesPythonMin(text []byte) {
	if namesPythonMin.Match(text) && j.config.vals["python_min"] != nil {
		j.used["python_min"] = true
	}
}

// use notes what an output uses. Jobs of a recipe.yaml differ in the keys that all its outputs use.
func (j *ciJobs) use(o *Output) {
	uses := map[string]bool{}
	for k := range o.Variant {
		key := j.spelling(k)
		if key == "" || key == "target_platform" && o.NoArch != "" || o.Recipe.Format != "meta.yaml" && j.isOutput(key) {
			continue
		}
		j.used[key], uses[key] = true, true
		if o.Recipe.Format != "meta.yaml" && o == j.outputs[0] && j.loops(key) {
			j.top[key] = true
		}
	}
	for k := range j.top {
		if o.Recipe.Format != "meta.yaml" && !uses[k] {
			delete(j.top, k)
		}
	}
}

// isOutput reports whether a key is an exact pin of a sibling and no variant.
func (j *ciJobs) isOutput(key string) bool {
	return slices.ContainsFunc(j.outputs, func(o *Output) bool { return normalKey(o.Name) == normalKey(key) })
}

// loops reports whether a key has several values.
func (j *ciJobs) loops(key string) bool {
	if j.config.looped != nil {
		return j.config.looped[key]
	}
	vals := j.config.vals[key]
	return slices.ContainsFunc(vals, func(v string) bool { return v != vals[0] })
}

// spelling is the key as the variants have it; empty for what is none of them.
func (j *ciJobs) spelling(key string) string {
	if j.config.vals[key] != nil {
		return key
	}
	for _, k := range j.config.keys {
		if normalKey(k) == key {
			return k
		}
	}
	return ""
}

// kept are the keys that jobs have.
func (j *ciJobs) kept() []string {
	keep := map[string]bool{}
	for k := range j.used {
		keep[k] = true
	}
	for _, k := range keptKeys {
		keep[k] = j.config.vals[k] != nil
	}
	if j.opts.GitHubActions {
		keep["github_actions_labels"] = j.config.vals["github_actions_labels"] != nil
	}
	if j.used["mpi"] {
		for _, k := range mpiKeys {
			keep[k] = keep[k] || j.config.vals[k] != nil
		}
	}
	var keys []string
	for _, k := range sortedNames(keep) {
		if keep[k] {
			keys = append(keys, k)
		}
	}
	return keys
}

// plain is the configuration as it is written into a .ci_support file.
func (c *v0Config) plain() map[string]any {
	m := map[string]any{}
	for k, v := range c.vals {
		m[k] = v
	}
	var zip [][]string
	for _, g := range c.zip {
		if g = slices.DeleteFunc(slices.Clone(g), func(k string) bool { return c.vals[k] == nil }); len(g) > 1 {
			zip = append(zip, g)
		}
	}
	if zip != nil {
		m["zip_keys"] = zip
	}
	m["pin_run_as_build"] = pinRunAsBuild(c.pins)
	for k, v := range map[string][]string{"ignore_version": c.ignoreVersion, "ignore_build_only_deps": c.ignoreBuildOnly} {
		if len(v) > 0 {
			m[k] = v
		}
	}
	return m
}
