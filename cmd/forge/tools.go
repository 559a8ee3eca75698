package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"forge/channels"
	"forge/digest"
	"forge/engine"
	"forge/internal/fsx"
	"forge/packages"
	"forge/packages/conda"
	"forge/platforms/toolchain"
	"forge/recipes"
	"forge/resolver"
	"forge/sandbox"
	"forge/sources"
	"forge/store"
	"forge/trust"
)

// tools puts the parts together for one request. finish indexes the output channel; call it at the end.
func (a *app) tools(ctx context.Context, req *engine.Request) (tools engine.Tools, finish func(context.Context) error, err error) {
	fail := func(err error) (engine.Tools, func(context.Context) error, error) { return engine.Tools{}, nil, err }
	st, err := a.open(req.CacheDir)
	if err != nil {
		return fail(err)
	}
	a.sweep(ctx, st)
	formats, err := readFormats()
	if err != nil {
		return fail(err)
	}
	format, err := parseFormat(req.PackageFormat)
	if err != nil {
		return fail(err)
	}
	lock, err := readLock(req.LockFile)
	if err != nil {
		return fail(err)
	}
	externals, err := a.externals(req, st)
	if err != nil {
		return fail(err)
	}
	read, err := a.openChannels(ctx, req, opener(formats))
	if err != nil {
		return fail(err)
	}
	tools = engine.Tools{
		Store: st, Solver: resolver.New(), Channels: read, Fetcher: a.fetcher(req, st), Runner: sandbox.New(time.Now),
		Externals: externals, Format: format, Formats: formats, Lock: lock,
		GitState: gitState(ctx), Version: version, Now: time.Now, CPU: cpuTime,
	}
	finish = func(ctx context.Context) error {
		return channels.IndexFolder(ctx, req.OutputDir, opener(formats), req.TargetPlatform.String())
	}
	return tools, finish, nil
}

// externals finds the host's tools, as the workspace wants them.
func (a *app) externals(req *engine.Request, st *store.Store) (toolchain.Finder, error) {
	cfg := toolchain.Config{Store: st, Now: time.Now}
	maker, err := thisProgram()
	if err != nil {
		cfg.Now = nil // nothing is recorded
	}
	cfg.Maker = maker
	if a.space.file == nil {
		return toolchain.New(cfg), nil
	}
	cfg.Declared, err = own(a.space.file)
	found := toolchain.New(cfg)
	return declared{Finder: found, platform: req.TargetPlatform, file: a.space.file}, err
}

// thisProgram names the file of this program as it is: what another one recorded is not trusted.
func thisProgram() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", err
	}
	stamp, err := fsx.StampOf(path, true)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s %s %v", version, path, stamp), nil
}

// sign gives tools the user's keys, made at the first build.
func (a *app) sign(req *engine.Request, tools *engine.Tools) error {
	keys, err := a.signingKeys()
	if err != nil {
		return err
	}
	public, err := keys.Public()
	if err != nil {
		return err
	}
	tools.Publisher = publisher{&channels.Publisher{Dir: req.OutputDir, Signer: keys, Keys: public, Now: time.Now, Open: opener(tools.Formats)}}
	tools.KeyID = keys.KeyID()
	return nil
}

// readFormats are the archives that can be read.
func readFormats() ([]packages.Format, error) {
	v2, err := conda.New("conda", 0)
	if err != nil {
		return nil, err
	}
	v1, err := conda.New("tar-bz2", 0)
	return []packages.Format{v2, v1}, err
}

// parseFormat reads --package-format: a name, with or without :LEVEL.
func parseFormat(s string) (packages.Format, error) {
	name, level, ok := strings.Cut(s, ":")
	name = peerFormat(name)
	n := 0
	if named, known := namedLevels[level][name]; known {
		n = named
	} else if ok && level != "default" && level != "normal" {
		var err error
		if n, err = strconv.Atoi(level); err != nil {
			return nil, usageError{fmt.Errorf("--package-format %q: the level is a number, min, max or default", s)}
		}
	}
	f, err := conda.New(name, n)
	if err != nil {
		return nil, usageError{fmt.Errorf("--package-format %q: %w", s, err)}
	}
	return f, nil
}

// namedLevels are the words that stand for a level (rattler-build's); default is the zero level.
var namedLevels = map[string]map[string]int{
	"min": least, "lowest": least, "fast": least,
	"max": most, "highest": most,
}

var least, most = map[string]int{conda.V2: -7, conda.V1: 1}, map[string]int{conda.V2: 22, conda.V1: 9}

// peerFormat is a format's name however rattler-build lets it be written: .tar.bz2, tarbz2, Conda.
func peerFormat(name string) string {
	plain := strings.ToLower(strings.Map(func(r rune) rune {
		if strings.ContainsRune(".-_", r) {
			return -1
		}
		return r
	}, name))
	switch plain {
	case "conda":
		return conda.V2
	case "tarbz2":
		return conda.V1
	}
	return name
}

// opener opens a package file by its extension.
func opener(formats []packages.Format) channels.OpenFunc {
	return func(path string) (packages.Package, error) {
		for _, f := range formats {
			if strings.HasSuffix(path, f.Extension()) {
				return f.Open(path)
			}
		}
		// Files of the store have no extension: their content tells what they are.
		return formats[0].Open(path)
	}
}

func (a *app) fetcher(req *engine.Request, st *store.Store) *sources.Getter {
	return sources.New(sources.Config{
		Store: st, Checker: checker{}, Attests: attests{req.TrustedRoot.Data}, Offline: req.Offline, AllowUnhashed: req.AllowUnhashed,
		Client: sources.NewClient(os.Environ(), a.config.routes(a.insecure)), Env: os.Environ(), Now: time.Now, Ignore: []string{req.OutputDir, req.CacheDir},
	})
}

// checker lets sources ask trust for a verdict.
type checker struct{ trust.OpenPGPChecker }

// Check implements sources.SignatureChecker.
func (c checker) Check(data io.Reader, sig, keyring []byte, fingerprint string, allow []string, now time.Time) (sources.SignatureVerdict, error) {
	v, err := c.OpenPGPChecker.Check(data, sig, keyring, fingerprint, allow, now)
	return sources.SignatureVerdict{Fingerprint: v.Fingerprint, Signed: v.Signed, Checked: v.Checked, Notes: v.Notes, Allowed: v.Allowed}, err
}

// publisher shows the engine what it needs of channels.Publisher.
type publisher struct{ *channels.Publisher }

// Put implements engine.Publisher.
func (p publisher) Put(ctx context.Context, file, subdir, fileName string, sum digest.Digest, statement, tested []byte) (string, bool, error) {
	placed, err := p.Publisher.Put(ctx, file, subdir, fileName, sum, statement, tested)
	return placed.Path, placed.Replaced, err
}

// repositories answers the git functions of recipes.
func repositories(offline bool) func(context.Context) recipes.Repositories {
	return func(ctx context.Context) recipes.Repositories {
		return &sources.GitFacts{Context: ctx, Getter: sources.New(sources.Config{Offline: offline, Env: os.Environ()})}
	}
}

func gitState(ctx context.Context) func(string) (engine.GitState, error) {
	return func(dir string) (engine.GitState, error) {
		s, err := sources.GitState(ctx, dir)
		if err != nil || !s.Clean {
			return engine.GitState{}, err
		}
		return engine.GitState{Commit: s.Commit, Tree: s.Tree, Remote: s.Remote}, nil
	}
}
