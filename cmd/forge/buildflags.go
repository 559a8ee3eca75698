package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"forge/engine"
	"forge/platforms"
	"forge/recipes"
	"forge/resolver"
	"forge/sandbox"
)

// buildFlags are the flags of every verb that plans; their names are rattler-build's.
type buildFlags struct {
	unsolved                                                        bool // the verb solves nothing, so what this machine is does not matter
	recipes, channels, variantConfig, variants, extraMeta, upTo     []string
	recipeDir, outputDir, buildPlatform, hostPlatform, target       string
	channelPriority, packageFormat, isolation, test, buildString    string
	excludeNewer, timeout, skipExisting                             string
	jobs, buildNum                                                  int
	keepGoing, continueOnFailure, keepBuild, offline, allowUnhashed bool
	ignoreRecipeVariants, noIncludeRecipe, noTest, errorPrefix      bool
	trustedRoot                                                     string
	locked, traceInputs, experimental                               bool
	memory, disk                                                    sizeFlag
	maxMemory                                                       string
	verifyCache                                                     bool
	abiCheck                                                        string
	shortOutput                                                     string // short name of --output-dir
	peer                                                            peerFlags
}

func (f *buildFlags) register(fs *pflag.FlagSet) {
	fs.StringArrayVarP(&f.recipes, "recipe", "r", nil, "recipe: a folder, a file or a pattern such as ./recipes/... (also as plain arguments)")
	fs.StringVar(&f.recipeDir, "recipe-dir", "", "folder whose recipes are all taken")
	fs.StringArrayVar(&f.upTo, "up-to", nil, "only this output and what it needs")
	fs.StringVarP(&f.outputDir, "output-dir", f.shortOutput, "", "channel that packages are put into (default output)")
	fs.StringVar(&f.buildPlatform, "build-platform", "", "platform the compilers run on (default this machine's)")
	fs.StringVar(&f.hostPlatform, "host-platform", "", "platform the packages run on (default the target's)")
	fs.StringVar(&f.target, "target-platform", "", "platform to build for (default this machine's)")
	fs.StringArrayVarP(&f.channels, "channel", "c", nil, "channel to take dependencies from: a folder or a URL; after the output folder, in order")
	fs.StringVar(&f.channelPriority, "channel-priority", "strict", "strict, flexible or disabled")
	fs.StringArrayVarP(&f.variantConfig, "variant-config", "m", nil, "variants file; a later one wins")
	fs.StringArrayVar(&f.variants, "variant", nil, "variant values, KEY=V[,V]")
	fs.BoolVar(&f.ignoreRecipeVariants, "ignore-recipe-variants", false, "do not read the variants file beside a recipe")
	fs.StringVar(&f.packageFormat, "package-format", "", "conda[:LEVEL] or tar-bz2[:LEVEL]; the level is a number, min, max or default (default conda)")
	fs.StringVar(&f.isolation, "isolation", "", "the least isolation that will do: full, landlock (Linux), seatbelt (macOS), appcontainer (Windows) or none (default full); recorded in the provenance")
	f.buildNum = -1
	fs.Var(number(&f.buildNum, 0), "build-num", "build number of all outputs (default the recipe's)")
	fs.StringVar(&f.buildString, "build-string-prefix", "", "begin every build string with this")
	fs.StringArrayVar(&f.extraMeta, "extra-meta", nil, "KEY=VALUE for about.json")
	fs.StringVar(&f.excludeNewer, "exclude-newer", "", "ignore packages newer than this date (RFC 3339)")
	fs.BoolVar(&f.noIncludeRecipe, "no-include-recipe", false, "leave the recipe out of the package")
	fs.BoolVar(&f.allowUnhashed, "allow-unhashed", false, "accept URL sources without a hash; recorded in the provenance")
	fs.BoolVar(&f.experimental, "experimental", false, "take what rattler-build calls experimental: load_from_file(), git.head_rev() and the like, attestation of sources, which is then verified")
	f.registerTrust(fs)
	fs.StringVar(&f.skipExisting, "skip-existing", "none", "build no output whose package, by name, version and build string, is there: none, local (the output folder) or all (channels, too)")
	fs.Lookup("skip-existing").NoOptDefVal = "local"
	fs.BoolVar(&f.locked, "locked", false, "fail where forge.lock does not hold what is planned")
	fs.BoolVar(&f.offline, "offline", false, "fetch nothing: sources must be in the store (see forge fetch)")
	f.peer.register(fs)
	f.peer.registerWiden(fs)
}

func (f *buildFlags) registerTrust(fs *pflag.FlagSet) {
	fs.StringVar(&f.trustedRoot, "trusted-root", "", "trusted_root.json that attestations of sources are verified with (default policy.trusted_root of forge.hcl, or Sigstore's public-good instance)")
}

func (f *buildFlags) registerRun(fs *pflag.FlagSet) {
	fs.VarP(number(&f.jobs, 1), "jobs", "j", "jobs at once: builds, and what make and ninja start in them (default one a core)")
	fs.BoolVarP(&f.keepGoing, "keep-going", "k", false, "go on with what does not need a failed package")
	fs.BoolVar(&f.continueOnFailure, "continue-on-failure", false, "the same as --keep-going")
	fs.BoolVar(&f.verifyCache, "verify-cache", false, "build again what the cache has, and fail where the two differ, with the class of each difference")
	fs.BoolVar(&f.keepBuild, "keep-build", false, "keep the folders of builds, also of failed ones")
	fs.BoolVar(&f.traceInputs, "trace-inputs", false, "record what the scripts open: unused dependencies, paths that are not there; in output/logs and the provenance")
	fs.StringVar(&f.test, "test", "", "run the packages' tests: skip, native (where this machine can) or native-and-emulated (default native)")
	fs.BoolVar(&f.noTest, "no-test", false, "the same as --test skip")
	fs.StringVar(&f.abiCheck, "abi-check", "", "hold the shared libraries of each package against those of the one before: off, warn or error where programs built with that would fail (default off)")
	fs.Lookup("abi-check").NoOptDefVal = string(engine.ABIError)
	fs.BoolVar(&f.errorPrefix, "error-prefix-in-binary", false, "refuse binaries that hold the placeholder prefix")
	fs.Var(&f.memory, "memory", "most memory a build may use, in bytes or as 2GB")
	fs.Var(&f.disk, "disk", "most that a build's folders may grow by while its script runs, in bytes or as 20GB (Linux)")
	fs.StringVar(&f.maxMemory, "max-memory", "", "start builds together only as far as they fit into so much memory, by what they took last time or declare, for example 12GB")
	fs.StringVar(&f.timeout, "timeout", "", "longest time a script may run, for example 2h")
}

// request completes the flags into the value the engine works on.
func (a *app) request(f *buildFlags, args []string) (*engine.Request, error) {
	return a.requestFor(f, func(req *engine.Request) error { return f.find(a, req, args) })
}

// registerChannels adds the flags of verbs that start from a package instead of a recipe.
func (f *buildFlags) registerChannels(fs *pflag.FlagSet) {
	fs.StringArrayVarP(&f.channels, "channel", "c", nil, "channel to take dependencies from: a folder or a URL; after the package's own, in order")
	fs.StringVar(&f.channelPriority, "channel-priority", "strict", "strict, flexible or disabled")
	fs.StringVarP(&f.outputDir, "output-dir", f.shortOutput, "", "folder of this workspace's packages and logs (default output)")
	fs.StringVar(&f.isolation, "isolation", "", "the least isolation that will do: full, landlock (Linux), seatbelt (macOS), appcontainer (Windows) or none (default full)")
	fs.Var(&f.memory, "memory", "most memory a script may use, in bytes or as 2GB")
	fs.StringVar(&f.timeout, "timeout", "", "longest time a script may run, for example 2h")
	fs.BoolVar(&f.offline, "offline", false, "fetch nothing")
	fs.BoolVar(&f.experimental, "experimental", false, "for scripts that give it: packages need no switch")
	fs.Lookup("experimental").Hidden = true
	f.peer.register(fs)
	f.buildNum = -1
}

// requestFor completes the flags; find, if any, adds the recipes.
func (a *app) requestFor(f *buildFlags, find func(*engine.Request) error) (*engine.Request, error) {
	if err := f.contradiction(); err != nil {
		return nil, err
	}
	wd, err := filepath.Abs(".")
	if err != nil {
		return nil, err
	}
	cache, err := a.cacheDir()
	if err != nil {
		return nil, err
	}
	space, err := a.workspace(wd)
	if err != nil {
		return nil, err
	}
	a.space = space
	a.config.fillFlags(f)
	if v := a.getenv("RATTLER_BUILD_EXPERIMENTAL"); v == "true" || v == "1" {
		f.experimental = true
	}
	output := f.outputDir
	if output == "" {
		output = a.getenv("CONDA_BLD_PATH") // rattler-build's and conda-build's variable
	}
	req := &engine.Request{
		Channels: []string{}, // no null in JSON
		WorkDir:  wd, CacheDir: cache, LockFile: filepath.Join(space.dir, "forge.lock"), Locked: f.locked, OutputDir: absolute(wd, output, filepath.Join(space.dir, "output")),
		VariantFiles: f.variantConfig, IgnoreRecipeVariants: f.ignoreRecipeVariants, BuildStringPrefix: f.buildString,
		AllowUnhashed: f.allowUnhashed, Experimental: f.experimental, Git: repositories(f.offline), KeepGoing: f.keepGoing || f.continueOnFailure, KeepBuild: f.keepBuild, VerifyCache: f.verifyCache, TraceInputs: f.traceInputs, Offline: f.offline,
		PackageFormat: f.packageFormat, IncludeRecipe: !f.noIncludeRecipe, ErrorPrefixBin: f.errorPrefix, UpTo: f.upTo,
		Jobs: f.jobs, CPUs: runtime.NumCPU(),
		Limits: sandbox.Limits{Memory: int64(f.memory), Disk: int64(f.disk), OpenFiles: 65536, Log: 1 << 30},
	}
	if f.trustedRoot != "" {
		req.TrustedRoot.File = absolute(wd, f.trustedRoot, "")
	}
	if req.Jobs <= 0 {
		req.Jobs = runtime.NumCPU()
	}
	if f.buildNum >= 0 {
		req.BuildNumber = &f.buildNum
	}
	if req.KeyDir, err = a.keyDir(); err != nil {
		return nil, err
	}
	for _, step := range []func() error{
		func() error { return f.platforms(req) },
		func() error { return f.words(req) },
		func() error { return f.pairs(req) },
		func() error { a.insecure = f.peer.insecure; return f.peer.apply(req) },
		func() error { return space.apply(req) },
		func() error { return readTrustedRoot(req) },
		func() error { return f.leastIsolation(req, space, a.config.Build.Isolation) },
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	if find != nil {
		if err := find(req); err != nil {
			return nil, err
		}
	}
	if err := a.channels(f, req); err != nil {
		return nil, err
	}
	if !f.unsolved {
		req.Virtual = platforms.DetectVirtual(a.lookupEnv)
	}
	return req, nil
}

// contradiction is an error where two flags say opposite things, of which none can be meant.
func (f *buildFlags) contradiction() error {
	switch {
	case f.noTest && f.test != "" && f.test != "skip":
		return usageError{fmt.Errorf("--no-test and --test %s contradict each other", f.test)}
	case f.peer.unsandboxed() && f.isolation != "" && f.isolation != string(sandbox.None):
		return usageError{fmt.Errorf("--sandbox=false and --isolation %s contradict each other", f.isolation)}
	}
	return nil
}

func absolute(wd, path, fallback string) string {
	if path == "" {
		return fallback
	}
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(wd, path)
}

// channelName makes a folder absolute and leaves URLs alone.
func channelName(wd, c string) string {
	if strings.Contains(c, "://") {
		return strings.TrimSuffix(c, "/")
	}
	return absolute(wd, c, wd)
}

func (f *buildFlags) platforms(req *engine.Request) error {
	req.BuildPlatform = platforms.Host()
	req.TargetPlatform = req.BuildPlatform
	for _, p := range []struct {
		flag, text string
		to         *platforms.Platform
	}{{"--build-platform", f.buildPlatform, &req.BuildPlatform}, {"--target-platform", f.target, &req.TargetPlatform}} {
		if p.text != "" {
			v, err := parsePlatform(p.flag, p.text)
			if err != nil {
				return err
			}
			*p.to = v
		}
	}
	req.HostPlatform = req.TargetPlatform
	if f.hostPlatform != "" {
		v, err := parsePlatform("--host-platform", f.hostPlatform)
		if err != nil {
			return err
		}
		req.HostPlatform = v
	}
	return nil
}

// parsePriority reads --channel-priority.
func parsePriority(word string) (p resolver.ChannelPriority, err error) {
	if err := p.UnmarshalText([]byte(word)); err != nil {
		return p, usageError{fmt.Errorf("--channel-priority %w", err)}
	}
	return p, nil
}

// words reads the flags that take one of a few words.
func (f *buildFlags) words(req *engine.Request) (err error) {
	if req.ChannelPriority, err = parsePriority(f.channelPriority); err != nil {
		return err
	}
	switch f.test {
	case "native", "native-and-emulated", "":
		req.SkipTests, req.Emulate = f.noTest, f.test == "native-and-emulated"
	case "skip":
		req.SkipTests = true
	default:
		return usageError{fmt.Errorf("--test %q: want skip, native or native-and-emulated", f.test)}
	}
	switch s := engine.SkipExisting(f.skipExisting); s {
	case engine.SkipLocal, engine.SkipAll:
		req.SkipExisting = s
	case engine.SkipNone, "":
	default:
		return usageError{fmt.Errorf("--skip-existing %q: want none, local or all", f.skipExisting)}
	}
	if req.ABICheck = engine.ABICheck(f.abiCheck); f.abiCheck != "" {
		if err := oneOf("--abi-check", f.abiCheck, abiWords); err != nil {
			return usageError{err}
		}
	}
	if f.excludeNewer != "" {
		t, err := parseDate(f.excludeNewer)
		if err != nil {
			return usageError{err}
		}
		req.ExcludeNewer = t.UnixMilli()
	}
	if f.maxMemory != "" {
		if req.MaxMemory, err = engine.ParseSize(f.maxMemory); err != nil {
			return usageError{fmt.Errorf("--max-memory: %w", err)}
		}
	}
	if f.timeout != "" {
		d, err := time.ParseDuration(f.timeout)
		if err != nil || d <= 0 {
			return usageError{fmt.Errorf("--timeout %q: want a time such as 90s, 45m or 2h", f.timeout)}
		}
		req.Limits.Wall = d
	}
	return nil
}

var abiWords = []string{string(engine.ABIOff), string(engine.ABIWarn), string(engine.ABIError)}

func parseDate(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("--exclude-newer %q: want a date such as 2026-11-26 or 2026-11-26T12:00:00Z", s)
}

// leastIsolation is the command line's word, else the workspace's policy, else the configuration's, else full.
func (f *buildFlags) leastIsolation(req *engine.Request, space workspace, configured string) error {
	word := f.isolation
	if word == "" && f.peer.unsandboxed() {
		word = string(sandbox.None)
	}
	if word == "" && space.file != nil {
		word = space.file.Policy.Isolation
	}
	if word == "" {
		word = configured
	}
	if word == "" {
		word = string(sandbox.Full)
	}
	level, err := sandbox.ParseIsolation(word)
	if err != nil {
		return usageError{err}
	}
	if space.file != nil {
		if least := sandbox.Isolation(space.file.Policy.Isolation); least != "" && !level.Suffices(least) {
			return usageError{fmt.Errorf("isolation %s: the workspace's forge.hcl accepts no less than %s (policy.isolation)", level, least)}
		}
	}
	req.Isolation = level
	return nil
}

// pairs reads the flags of the form KEY=VALUE.
func (f *buildFlags) pairs(req *engine.Request) error {
	for _, v := range f.variants {
		key, values, ok := strings.Cut(v, "=")
		if !ok || key == "" {
			return usageError{fmt.Errorf("--variant %q: want KEY=VALUE[,VALUE]", v)}
		}
		if req.Variant == nil {
			req.Variant = map[string][]string{}
		}
		req.Variant[key] = strings.Split(values, ",")
	}
	for _, v := range f.extraMeta {
		key, value, ok := strings.Cut(v, "=")
		if !ok || key == "" {
			return usageError{fmt.Errorf("--extra-meta %q: want KEY=VALUE", v)}
		}
		if req.ExtraMeta == nil {
			req.ExtraMeta = map[string]string{}
		}
		req.ExtraMeta[key] = value
	}
	return nil
}

// find resolves patterns to recipe files; without any, the working folder's recipe.
func (f *buildFlags) find(a *app, req *engine.Request, args []string) error {
	given := f.patterns(args)
	if slices.Contains(given, "") {
		return usageError{errors.New("the name of a recipe is empty; write . for this folder")}
	}
	patterns, err := a.withStdin(given, req)
	if err != nil {
		return err
	}
	req.Recipes, err = recipes.Find(patterns, req.WorkDir)
	return err
}

// patterns are where recipes are looked for.
func (f *buildFlags) patterns(args []string) []string {
	patterns := append(append([]string(nil), f.recipes...), args...)
	if f.recipeDir != "" {
		patterns = append(patterns, strings.TrimSuffix(f.recipeDir, "/")+"/...")
	}
	if len(patterns) == 0 {
		patterns = []string{"."}
	}
	return patterns
}
