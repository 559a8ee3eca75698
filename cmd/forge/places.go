package main

import (
	"errors"
	"io/fs"
	"path/filepath"

	"forge/digest"
	"forge/engine"
	"forge/internal/diag"
	"forge/internal/fsx"
	"forge/recipes"
	"forge/trust"
)

// cacheDir is FORGE_CACHE, else forge below the user's cache folder (XDG_CACHE_HOME, ~/.cache).
func (a *app) cacheDir() (string, error) {
	if dir := a.getenv("FORGE_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	if dir := a.getenv("XDG_CACHE_HOME"); dir != "" {
		return filepath.Join(dir, "forge"), nil
	}
	home := a.getenv("HOME")
	if home == "" {
		home = a.getenv("LOCALAPPDATA")
	}
	if home == "" {
		return "", errors.New("neither FORGE_CACHE, XDG_CACHE_HOME nor HOME is set: set FORGE_CACHE to a folder for the store")
	}
	return filepath.Join(home, ".cache", "forge"), nil
}

func (a *app) keyDir() (string, error) { return trust.DefaultDir(a.getenv) }

// workspace is what forge.hcl says; without one, the working folder is the workspace and it is silent.
type workspace struct {
	dir  string
	sum  digest.Digest // of the file
	file *recipes.Workspace
}

// workspace looks for forge.hcl in dir and above it.
func (a *app) workspace(dir string) (workspace, error) {
	for d := dir; ; d = filepath.Dir(d) {
		path := filepath.Join(d, "forge.hcl")
		data, err := fsx.ReadRegular(path, mostConfig)
		if err == nil {
			file, list := recipes.ParseWorkspace(path, data)
			for _, w := range list {
				if w.Severity != diag.Error {
					a.printError(&diag.Failure{List: diag.List{w}})
				}
			}
			return workspace{dir: d, sum: digest.Of(data), file: file}, list.Err()
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
			return workspace{}, err
		}
		if filepath.Dir(d) == d {
			return workspace{dir: dir}, nil
		}
	}
}

// apply puts the workspace's word where the command line was silent.
func (w workspace) apply(req *engine.Request) error {
	if w.file == nil {
		return nil
	}
	for _, c := range w.file.Channels {
		channel := channelName(w.dir, c.URL)
		req.Channels = append(req.Channels, channel)
		if len(c.Packages) > 0 {
			req.ChannelPackages = append(req.ChannelPackages, engine.ChannelPackages{Channel: channel, Packages: c.Packages})
		}
	}
	if v, ok := w.file.VariantFile(); ok {
		req.Workspace = []recipes.VariantFile{v}
	}
	o := w.file.Optimize
	req.Optimize = engine.Optimize{Levels: o.Levels, LTO: o.LTO, Layout: o.Layout, Packages: o.Packages, Pos: o.Pos}
	req.SignaturesRequired = w.file.Policy.Signatures == "required"
	if file := w.file.Policy.TrustedRoot; file != "" && req.TrustedRoot.File == "" {
		req.TrustedRoot.File = absolute(w.dir, file, "")
	}
	req.AllowUnhashed = req.AllowUnhashed || w.file.Policy.Unhashed
	if req.ABICheck == "" {
		req.ABICheck = engine.ABICheck(w.file.Policy.ABI)
	}
	return nil
}
