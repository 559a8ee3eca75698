package main

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"forge/channels"
	"forge/engine"
	"forge/packages"
	"forge/sources"
)

// channelSet is the channels of a request, opened once; it implements engine.Channels.
type channelSet struct {
	*channels.Provider
	ctx     context.Context
	loader  *channels.Loader
	exports *channels.ExportReader
	open    channels.OpenFunc
}

// openChannels opens the output folder and the request's channels, in order of priority.
func (a *app) openChannels(ctx context.Context, req *engine.Request, open channels.OpenFunc) (*channelSet, error) {
	loader := &channels.Loader{CacheDir: filepath.Join(req.CacheDir, "channels"), Now: time.Now, Offline: req.Offline,
		Client: sources.NewClient(os.Environ(), a.config.routes(a.insecure))}
	subdirs := channelSubdirs(req)
	var parts []*channels.Repodata
	for _, channel := range append([]string{req.OutputDir}, req.Channels...) {
		opened, err := loader.Open(ctx, channel, subdirs)
		if err != nil {
			return nil, err
		}
		parts = append(parts, opened...)
	}
	return &channelSet{Provider: channels.NewProvider(parts...), ctx: ctx, loader: loader, exports: &channels.ExportReader{Loader: loader}, open: open}, nil
}

// channelSubdirs are those that are read of every channel.
func channelSubdirs(req *engine.Request) []string {
	subdirs := []string{req.HostPlatform.String(), channels.NoArch}
	if b := req.BuildPlatform.String(); b != subdirs[0] {
		subdirs = append([]string{b}, subdirs...)
	}
	return subdirs
}

// Archive implements engine.Channels.
func (s *channelSet) Archive(r *packages.Record) (string, error) { return s.loader.Archive(s.ctx, r) }

// RunExports implements engine.Channels: from the channel's run_exports.json, else from the archive.
func (s *channelSet) RunExports(r *packages.Record) (packages.RunExports, error) {
	if found, ok, err := s.exports.Lookup(s.ctx, r); ok || err != nil {
		return found, err
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
