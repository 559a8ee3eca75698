package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"forge/digest"
	"forge/engine"
	"forge/packages"
	"forge/store"
)

// channelSet is the channels of a request, read once.
type channelSet struct {
	byName  map[string][]*packages.Record
	formats []packages.Format
}

// openChannels reads the output folder and the request's channels.
func (a *app) openChannels(_ context.Context, req *engine.Request, _ *store.Store, formats []packages.Format) (*channelSet, error) {
	set := &channelSet{byName: map[string][]*packages.Record{}, formats: formats}
	for _, channel := range append([]string{req.OutputDir}, req.Channels...) {
		for _, subdir := range []string{req.HostPlatform.String(), "noarch"} {
			if err := set.read(channel, subdir); err != nil {
				return nil, fmt.Errorf("channel %s: %w", channel, err)
			}
		}
	}
	return set, nil
}

func (s *channelSet) read(channel, subdir string) error {
	folder := filepath.Join(strings.TrimPrefix(channel, "file://"), subdir)
	data, err := os.ReadFile(filepath.Join(folder, "repodata.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var file struct {
		Packages map[string]*packages.Record `json:"packages"`
		Conda    map[string]*packages.Record `json:"packages.conda"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return err
	}
	for _, part := range []map[string]*packages.Record{file.Packages, file.Conda} {
		for name, r := range part {
			r.FileName, r.Channel, r.URL = name, channel, filepath.Join(folder, name)
			s.byName[r.Name] = append(s.byName[r.Name], r)
		}
	}
	return nil
}

// Candidates implements resolver.Provider.
func (s *channelSet) Candidates(name string) ([]*packages.Record, error) { return s.byName[name], nil }

// Names implements resolver.Provider.
func (s *channelSet) Names() []string { return sortedNames(s.byName) }

// Archive implements engine.Channels.
func (s *channelSet) Archive(r *packages.Record) (string, error) {
	got, _, err := digest.OfFile(r.URL)
	if err != nil {
		return "", err
	}
	if got.Hex() != r.SHA256 {
		return "", fmt.Errorf("%s: sha256 is %s, its channel says %s", r.URL, got.Hex(), r.SHA256)
	}
	return r.URL, nil
}

// RunExports implements engine.Channels.
func (s *channelSet) RunExports(r *packages.Record) (packages.RunExports, error) {
	path, err := s.Archive(r)
	if err != nil {
		return packages.RunExports{}, err
	}
	pkg, err := opener(s.formats)(path)
	if err != nil {
		return packages.RunExports{}, err
	}
	defer pkg.Close()
	return pkg.RunExports()
}
