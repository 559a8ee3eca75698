package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"forge/engine"
)

// peerFlags are those of rattler-build that a script may give: some need no switch in Forge and are only
// checked, the others widen what a build may see. docs/rattler-build.md has the table.
type peerFlags struct {
	noBuildID, v3, network, noDefaults bool
	sandbox                            bool // see unsandboxed
	widens                             bool // the verb has the flags that widen
	windowsLinks, anyLicence, colorLog bool
	compressionThreads, ioLimit        int
	read, execute, write, insecure     []string
	envIsolation, noarchPlatform       string
}

// register adds what goes with every verb that solves or installs.
func (p *peerFlags) register(fs *pflag.FlagSet) {
	fs.StringArrayVar(&p.insecure, "allow-insecure-host", nil, "do not check the TLS certificate of this host; what comes from it is held to its hash all the same")
	fs.Var(number(&p.compressionThreads, 0), "compression-threads", "threads that compress a package (packages are the same whatever it is)")
	fs.Var(number(&p.ioLimit, 0), "io-concurrency-limit", "most files installed at once (one at a time is never more)")
	fs.BoolVar(&p.v3, "v3", false, "for scripts that give it: what is read of it needs no switch")
	for _, name := range []string{"compression-threads", "io-concurrency-limit", "v3"} {
		fs.Lookup(name).Hidden = true
	}
}

// registerWiden adds what goes with recipes.
func (p *peerFlags) registerWiden(fs *pflag.FlagSet) {
	p.widens = true
	fs.BoolVar(&p.noBuildID, "no-build-id", false, "for scripts that give it: folders of a build never hold a time")
	fs.BoolVar(&p.sandbox, "sandbox", true, "build in a sandbox; --sandbox=false is --isolation none")
	fs.BoolVar(&p.noDefaults, "overwrite-default-sandbox-config", false, "for scripts that give it: nothing of the machine is shown by default")
	fs.Lookup("no-build-id").Hidden = true
	fs.Lookup("overwrite-default-sandbox-config").Hidden = true
	fs.BoolVar(&p.network, "allow-network", false, "let build scripts use the network; recorded in the provenance")
	fs.StringArrayVar(&p.read, "allow-read", nil, "show build scripts this path of the machine, read-only; recorded in the provenance")
	fs.StringArrayVar(&p.execute, "allow-read-execute", nil, "show build scripts this path, to read and run; recorded in the provenance")
	fs.StringArrayVar(&p.write, "allow-read-write", nil, "show build scripts this path, to read and write; recorded in the provenance")
	fs.StringVar(&p.envIsolation, "env-isolation", "strict", "what build scripts see of your environment: strict (nothing), conda-build (CFLAGS, LANG, HOME and the like) or none (all); recorded in the provenance")
	fs.BoolVar(&p.colorLog, "color-build-log", false, "tell the tools of a build to colour their output")
	fs.StringVar(&p.noarchPlatform, "noarch-build-platform", "", "build noarch outputs only where this is the build platform")
	fs.BoolVar(&p.windowsLinks, "allow-symlinks-on-windows", false, "accept symbolic links in packages that are installed on Windows")
	fs.BoolVar(&p.anyLicence, "allow-absolute-license-paths", false, "accept a license_file outside sources and recipe; recorded in the provenance")
}

// unsandboxed reports whether --sandbox=false was given.
func (p *peerFlags) unsandboxed() bool { return p.widens && !p.sandbox }

// apply checks the flags and puts them into the request.
func (p *peerFlags) apply(req *engine.Request) error {
	if p.noarchPlatform != "" {
		platform, err := parsePlatform("--noarch-build-platform", p.noarchPlatform)
		if err != nil {
			return err
		}
		req.NoarchPlatform = platform.String()
	}
	req.WindowsLinks = p.windowsLinks
	w := engine.Widening{Network: p.network, ColorLog: p.colorLog, AnyLicence: p.anyLicence}
	switch p.envIsolation {
	case "strict", "":
	case "conda-build", "none":
		w.EnvMode, w.Env = p.envIsolation, engine.CallerEnv(p.envIsolation, os.Environ())
	default:
		return usageError{fmt.Errorf("--env-isolation %q: want strict, conda-build or none", p.envIsolation)}
	}
	for _, list := range []struct {
		flag  string
		given []string
		to    *[]string
	}{{"allow-read", p.read, &w.Read}, {"allow-read-execute", p.execute, &w.Execute}, {"allow-read-write", p.write, &w.Write}} {
		for _, path := range list.given {
			abs := absolute(req.WorkDir, path, req.WorkDir)
			if _, err := os.Stat(abs); err != nil {
				return usageError{fmt.Errorf("--%s %s: %w", list.flag, path, err)}
			}
			if abs == filepath.Dir(abs) {
				return usageError{fmt.Errorf("--%s %s: the whole machine cannot be shown; name folders", list.flag, path)}
			}
			*list.to = append(*list.to, abs)
		}
	}
	req.Widen = w
	return nil
}
