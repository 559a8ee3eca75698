package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"forge/channels"
	"forge/engine"
	"forge/internal/fsx"
	"forge/packages"
	"forge/provenance"
	"forge/sandbox"
	"forge/sources"
	"forge/trust"
)

// channelSet is the channels of a request, opened once; it implements engine.Channels.
type channelSet struct {
	*channels.Provider
	ctx     context.Context
	loader  *channels.Loader
	exports *channels.ExportReader
	open    channels.OpenFunc
	trusted *trust.KeySet     // where the policy wants signatures on packages of channels; nil where it does not
	least   sandbox.Isolation // that the policy accepts of what they were built at; empty where it does not say
	own     string            // the output folder: what is in it was made here
	passed  sync.Map          // sha256 of archives that were found good
}

func (a *app) channelLoader(req *engine.Request) *channels.Loader {
	return &channels.Loader{CacheDir: filepath.Join(req.CacheDir, "channels"), Now: time.Now, Offline: req.Offline,
		Client: sources.NewClient(os.Environ(), a.config.routes(a.insecure))}
}

// openChannels opens the output folder and the request's channels, in order of priority.
func (a *app) openChannels(ctx context.Context, req *engine.Request, open channels.OpenFunc) (*channelSet, error) {
	loader := a.channelLoader(req)
	subdirs := channelSubdirs(req)
	var parts []*channels.Repodata
	for _, channel := range append([]string{req.OutputDir}, req.Channels...) {
		opened, err := loader.Open(ctx, channel, subdirs)
		if err != nil && channel == req.OutputDir {
			err = ownIndexError(err)
		}
		if err != nil {
			return nil, err
		}
		parts = append(parts, opened...)
	}
	set := &channelSet{Provider: channels.NewProvider(parts...), ctx: ctx, loader: loader, exports: &channels.ExportReader{Loader: loader}, open: open, own: req.OutputDir}
	var err error
	if req.SignaturesRequired {
		set.trusted, err = a.trustedKeys(nil)
	}
	if set.trusted != nil && err == nil {
		set.least, err = a.policyIsolation()
	}
	return set, err
}

// ownIndexError adds to an index of the output folder that cannot be read what to do about it. It is not made anew
// unasked: whatever else lies there instead of it may be somebody's.
func ownIndexError(err error) error {
	var file *fs.PathError
	if errors.As(err, &file) || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%w; remove that file, and the next build makes it anew from the packages beside it", err)
}

// channelSubdirs are those that are read of every channel.
func channelSubdirs(req *engine.Request) []string {
	subdirs := []string{req.HostPlatform.String(), channels.NoArch}
	if b := req.BuildPlatform.String(); b != subdirs[0] {
		subdirs = append([]string{b}, subdirs...)
	}
	return subdirs
}

// Archive implements engine.Channels. Where the policy says so, the archive's signatures are checked before
// anybody opens it.
func (s *channelSet) Archive(r *packages.Record) (string, error) {
	path, err := s.loader.Archive(s.ctx, r)
	if err != nil || s.trusted == nil || s.isOwn(path) {
		return path, err
	}
	if _, known := s.passed.Load(r.SHA256); known {
		return path, nil
	}
	if err := s.checkSigned(r, path); err != nil {
		return "", fmt.Errorf("package %s of %s: policy.signatures is required, and it is refused: %w", r, r.Channel, err)
	}
	s.passed.Store(r.SHA256, true)
	return path, nil
}

func (s *channelSet) isOwn(path string) bool {
	rel, err := filepath.Rel(s.own, path)
	return err == nil && filepath.IsLocal(rel)
}

// checkSigned verifies the archive at path with what its channel has beside it.
func (s *channelSet) checkSigned(r *packages.Record, path string) error {
	dir, err := os.MkdirTemp("", "forge-verify-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, filepath.Base(r.FileName)) // statements name the file
	for suffix, limit := range map[string]int64{trust.SuffixOpenPGP: 256 << 10, trust.SuffixStatements: 64 << 20} {
		data, err := s.loader.Beside(s.ctx, r, suffix, limit)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the verdict says what is missing
		}
		if err != nil {
			return err
		}
		if err := os.WriteFile(name+suffix, data, 0o600); err != nil {
			return err
		}
	}
	if err := copyFile(path, name); err != nil {
		return err
	}
	// One good signature by a trusted key will do, of either kind: a publisher need not have both.
	var reason string
	for _, keys := range []*trust.KeySet{s.trusted, s.trusted.Statements(), s.trusted.OpenPGP()} {
		v := trust.VerifyArtifact(s.ctx, name, keys, time.Now())
		if v.Good && s.least != "" {
			v.Good, v.Reason = false, s.notIsolated(v)
			if v.Reason == "" {
				return nil
			}
		}
		if v.Good {
			return nil
		}
		if reason == "" {
			reason = v.Reason
		}
	}
	return errors.New(reason)
}

// notIsolated says why a package whose signatures are good was built with too few walls, or not known to have more.
func (s *channelSet) notIsolated(v trust.Verdict) string {
	if !v.Signed {
		return fmt.Sprintf("no signed statement says at which isolation it was built, and policy.isolation accepts no less than %s", s.least)
	}
	build, err := provenance.Parse(v.Statement)
	if err == nil {
		err = isolated(&build, s.least)
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// copyFile makes a second name for a file, or a copy where that cannot be.
func copyFile(from, to string) error {
	if os.Link(from, to) == nil {
		return nil
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	return fsx.Write(to, 0o600, func(w io.Writer) error { _, err := io.Copy(w, in); return err })
}

// RunExports implements engine.Channels: from the channel's run_exports.json, else from the archive.
func (s *channelSet) RunExports(r *packages.Record) (packages.RunExports, error) {
	if s.trusted == nil { // the channel's own index is not signed, the archive is
		if found, ok, err := s.exports.Lookup(s.ctx, r); ok || err != nil {
			return found, err
		}
	}
	path, err := s.Archive(r)
	if err != nil {
		return packages.RunExports{}, err
	}
	pkg, err := s.open(path)
	if err != nil {
		return packages.RunExports{}, err
	}
	defer pkg.Close()
	return pkg.RunExports()
}
