package conda

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"

	"forge/digest"
	"forge/packages"
)

// The members of info/ that this package makes itself; a manifest that brings its own is mistaken.
const (
	indexName      = "index.json"
	pathsName      = "paths.json"
	aboutName      = "about.json"
	runExportsName = "run_exports.json"
	linkName       = "link.json"
)

// infoMembers is everything below info/, by path. Keys stand in the order rattler-build 0.73 writes.
func infoMembers(m *packages.Manifest) (map[string][]byte, error) {
	info := map[string][]byte{}
	for name, b := range m.Info {
		if err := packages.CheckPath(name); err != nil {
			return nil, fmt.Errorf("info: %w", err)
		}
		info[name] = b
	}
	own := map[string]any{
		indexName: indexOf(m),
		pathsName: pathsOf(m.Files),
		aboutName: aboutOf(m.About),
	}
	if !m.RunExports.IsEmpty() {
		own[runExportsName] = m.RunExports
	}
	if m.NoArchLink != nil {
		link, err := linkOf(m.NoArchLink)
		if err != nil {
			return nil, err
		}
		own[linkName] = link
	}
	for name, v := range own {
		if _, ok := info[name]; ok {
			return nil, fmt.Errorf("info/%s is made by the format and cannot be given", name)
		}
		b, err := marshal(v)
		if err != nil {
			return nil, fmt.Errorf("info/%s: %w", name, err)
		}
		info[name] = b
	}
	return info, nil
}

// marshal indents by two blanks, escapes nothing but what JSON must, and ends without a newline.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// index is info/index.json; encoding/json keeps the order of the fields, which is the alphabet's.
type index struct {
	Arch          string   `json:"arch,omitempty"`
	Build         string   `json:"build"`
	BuildNumber   int      `json:"build_number"`
	Constrains    []string `json:"constrains,omitempty"`
	Depends       []string `json:"depends"`
	Features      string   `json:"features,omitempty"`
	License       string   `json:"license,omitempty"`
	LicenseFamily string   `json:"license_family,omitempty"`
	Name          string   `json:"name"`
	NoArch        string   `json:"noarch,omitempty"`
	Platform      string   `json:"platform,omitempty"`
	Subdir        string   `json:"subdir"`
	Timestamp     int64    `json:"timestamp,omitempty"`
	TrackFeatures string   `json:"track_features,omitempty"`
	Version       string   `json:"version"`
}

func indexOf(m *packages.Manifest) index {
	r := m.Record
	if r.Timestamp == 0 {
		r.Timestamp = m.Epoch * 1000
	}
	depends := r.Depends
	if depends == nil {
		depends = []string{}
	}
	return index{Arch: r.Arch, Build: r.Build, BuildNumber: r.BuildNumber, Constrains: r.Constrains,
		Depends: depends, Features: r.Features, License: r.License, LicenseFamily: r.LicenseFamily,
		Name: r.Name, NoArch: r.NoArch, Platform: r.Platform, Subdir: r.Subdir, Timestamp: r.Timestamp,
		TrackFeatures: r.TrackFeatures, Version: r.Version}
}

// paths is info/paths.json (CEP "Package metadata files").
type paths struct {
	Paths   []pathEntry `json:"paths"`
	Version int         `json:"paths_version"`
}

type pathEntry struct {
	Path     string            `json:"_path"`
	Type     string            `json:"path_type"`
	NoLink   bool              `json:"no_link,omitempty"`
	FileMode packages.FileMode `json:"file_mode,omitempty"`
	Prefix   string            `json:"prefix_placeholder,omitempty"`
	SHA256   string            `json:"sha256,omitempty"`
	Size     *int64            `json:"size_in_bytes,omitempty"`
}

const (
	typeFile = "hardlink"
	typeLink = "softlink"
	typeDir  = "directory"
)

func pathsOf(files []packages.File) paths {
	p := paths{Paths: []pathEntry{}, Version: 1}
	sorted, _ := sortedFiles(files)
	for _, f := range sorted {
		e := pathEntry{Path: f.Path, Type: typeFile, NoLink: f.NoLink, FileMode: f.FileMode, Prefix: f.Prefix}
		switch f.Kind {
		case digest.Symlink:
			e.Type = typeLink
			if f.Sum.IsZero() {
				f.Sum = digest.Of(nil)
			}
			f.Size = int64(len(f.Target))
		case digest.Dir:
			e.Type = typeDir
		}
		if f.Kind != digest.Dir {
			e.SHA256, e.Size = f.Sum.Hex(), &f.Size
		}
		p.Paths = append(p.Paths, e)
	}
	return p
}

// about is info/about.json.
type about struct {
	Channels      []string       `json:"channels,omitempty"`
	Description   string         `json:"description,omitempty"`
	DevURL        any            `json:"dev_url,omitempty"`
	DocURL        any            `json:"doc_url,omitempty"`
	Extra         map[string]any `json:"extra,omitempty"`
	Home          any            `json:"home,omitempty"`
	License       string         `json:"license,omitempty"`
	LicenseFamily string         `json:"license_family,omitempty"`
	LicenseURL    string         `json:"license_url,omitempty"`
	Summary       string         `json:"summary,omitempty"`
}

func aboutOf(a packages.About) map[string]any {
	b, _ := json.Marshal(about{Channels: a.Channels, Description: a.Description, DevURL: oneOrMany(a.DevURL),
		DocURL: oneOrMany(a.DocURL), Home: oneOrMany(a.Home), License: a.License,
		LicenseFamily: a.LicenseFamily, LicenseURL: a.LicenseURL, Summary: a.Summary})
	all := map[string]any{}
	json.Unmarshal(b, &all)
	if len(a.Extra) > 0 {
		all["extra"] = a.Extra // as it is: numbers keep their form
	}
	for k, v := range a.Tags {
		if _, ok := all[k]; !ok {
			all[k] = v
		}
	}
	return maps.Clone(all)
}

// oneOrMany is a text where there is one and a list where there are more, as rattler writes URLs.
func oneOrMany(list []string) any {
	switch len(list) {
	case 0:
		return nil
	case 1:
		return list[0]
	}
	return list
}

// link is info/link.json (CEP "noarch python").
type link struct {
	NoArch  linkNoArch `json:"noarch"`
	Version int        `json:"package_metadata_version"`
}

type linkNoArch struct {
	Type        string   `json:"type"`
	EntryPoints []string `json:"entry_points,omitempty"`
}

func linkOf(l *packages.NoArchLink) (link, error) {
	out := link{NoArch: linkNoArch{Type: "python"}, Version: 1}
	for _, text := range l.EntryPoints {
		e, err := packages.ParseEntryPoint(text)
		if err != nil {
			return link{}, err
		}
		out.NoArch.EntryPoints = append(out.NoArch.EntryPoints, e.String())
	}
	return out, nil
}
