package conda

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"forge/digest"
	"forge/packages"
)

// parse reads the members of info/ that mean something to an installation.
func (p *pkg) parse() error {
	steps := []struct {
		name     string
		required bool
		read     func([]byte) error
	}{
		{indexName, true, p.readIndex},
		{pathsName, false, p.readPaths},
		{runExportsName, false, func(b []byte) error { return json.Unmarshal(b, &p.exports) }},
		{linkName, false, p.readLink},
	}
	for _, s := range steps {
		b, ok := p.info[s.name]
		if !ok {
			if s.required {
				return fmt.Errorf("info/%s is missing", s.name)
			}
			continue
		}
		if err := s.read(b); err != nil {
			return fmt.Errorf("info/%s: %w", s.name, err)
		}
	}
	if p.paths == nil {
		if err := p.readOldPaths(); err != nil {
			return err
		}
	}
	return nil
}

// words is a field that is a text in some packages and a list in others.
type words string

func (w *words) UnmarshalJSON(b []byte) error {
	var list []string
	if json.Unmarshal(b, &list) == nil {
		*w = words(strings.Join(list, " "))
		return nil
	}
	return json.Unmarshal(b, (*string)(w))
}

// noarchValue is noarch: old packages say true for generic.
type noarchValue string

func (n *noarchValue) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case "true":
		*n = "generic"
		return nil
	case "false", "null":
		return nil
	}
	return json.Unmarshal(b, (*string)(n))
}

func (p *pkg) readIndex(b []byte) error {
	var x struct {
		packages.Record
		NoArch        noarchValue `json:"noarch"`
		TrackFeatures words       `json:"track_features"`
		Features      words       `json:"features"`
		License       words       `json:"license"`
		Build         string      `json:"build"`
		BuildString   string      `json:"build_string"`
	}
	if err := json.Unmarshal(b, &x); err != nil {
		return err
	}
	r := x.Record
	r.NoArch, r.TrackFeatures, r.Features, r.License = string(x.NoArch), string(x.TrackFeatures), string(x.Features), string(x.License)
	if r.Build = x.Build; r.Build == "" {
		r.Build = x.BuildString
	}
	if r.Depends == nil {
		r.Depends = []string{}
	}
	// Some old packages count seconds; conda takes a number too small for milliseconds for them.
	if r.Timestamp > 0 && r.Timestamp < 253402300800 && r.Timestamp*1000 < 253402300800000 && r.Timestamp < 1e11 {
		r.Timestamp *= 1000
	}
	switch {
	case !packageName().MatchString(r.Name):
		return fmt.Errorf("the name %q is none", r.Name)
	case !packagePart().MatchString(r.Version):
		return fmt.Errorf("the version %q is none", r.Version)
	case !packagePart().MatchString(r.Build):
		return fmt.Errorf("the build string %q is none", r.Build)
	case r.Subdir != "" && !subdirPattern().MatchString(r.Subdir):
		return fmt.Errorf("the subdir %q is none", r.Subdir)
	case r.NoArch != "" && r.NoArch != "generic" && r.NoArch != "python":
		return fmt.Errorf("noarch %q is unknown", r.NoArch)
	}
	p.rec = &r
	return nil
}

func (p *pkg) readPaths(b []byte) error {
	var x paths
	if err := json.Unmarshal(b, &x); err != nil {
		return err
	}
	if x.Version != 1 {
		return fmt.Errorf("version %d, want 1", x.Version)
	}
	p.paths = make(map[string]*pathEntry, len(x.Paths))
	for i := range x.Paths {
		e := &x.Paths[i]
		if err := e.check(); err != nil {
			return fmt.Errorf("%q: %w", e.Path, err)
		}
		if p.paths[e.Path] != nil {
			return fmt.Errorf("%q is listed twice", e.Path)
		}
		p.paths[e.Path] = e
	}
	return nil
}

func (e *pathEntry) check() error {
	if err := packages.CheckPath(e.Path); err != nil {
		return err
	}
	switch e.Type {
	case typeFile, typeLink, typeDir:
	default:
		return fmt.Errorf("path type %q is unknown", e.Type)
	}
	if e.SHA256 != "" {
		if _, err := digest.Parse(e.SHA256); err != nil {
			return err
		}
	}
	switch e.FileMode {
	case packages.NoPrefix, packages.Text, packages.Binary:
	default:
		return fmt.Errorf("file mode %q is unknown", e.FileMode)
	}
	if e.Prefix == "" { // a mode without a placeholder asks for nothing
		e.FileMode = packages.NoPrefix
	} else if e.FileMode == packages.NoPrefix {
		e.FileMode = packages.Text
	}
	if len(e.Prefix) > 4096 || strings.ContainsAny(e.Prefix, "\x00\n") {
		return errors.New("the placeholder is no path")
	}
	return nil
}

func (p *pkg) readLink(b []byte) error {
	var x link
	if err := json.Unmarshal(b, &x); err != nil {
		return err
	}
	if x.NoArch.Type != "python" {
		return nil
	}
	for _, text := range x.NoArch.EntryPoints {
		if _, err := packages.ParseEntryPoint(text); err != nil {
			return err
		}
	}
	p.link = &packages.NoArchLink{EntryPoints: x.NoArch.EntryPoints}
	return nil
}

// oldPlaceholder is what conda-build wrote before it recorded placeholders.
const oldPlaceholder = "/opt/anaconda1anaconda2anaconda3"

// readOldPaths makes do with info/files and info/has_prefix, as packages before 2017 have them.
func (p *pkg) readOldPaths() error {
	list, ok := p.info["files"]
	if !ok {
		return fmt.Errorf("info/%s is missing", pathsName)
	}
	p.paths = map[string]*pathEntry{}
	for _, line := range lines(list) {
		e := &pathEntry{Path: line}
		if err := packages.CheckPath(line); err != nil {
			return fmt.Errorf("info/files: %w", err)
		}
		if p.paths[line] != nil {
			return fmt.Errorf("info/files: %q is listed twice", line)
		}
		p.paths[line] = e
	}
	for _, line := range lines(p.info["has_prefix"]) {
		e := pathEntry{Path: strings.Trim(line, `"`), Prefix: oldPlaceholder, FileMode: packages.Text}
		if f := strings.SplitN(line, " ", 3); len(f) == 3 && (f[1] == "text" || f[1] == "binary") {
			e = pathEntry{Path: strings.Trim(f[2], `"`), Prefix: strings.Trim(f[0], `"`), FileMode: packages.FileMode(f[1])}
		}
		if p.paths[e.Path] == nil || len(e.Prefix) > 4096 {
			return fmt.Errorf("info/has_prefix: %q is not in info/files", e.Path)
		}
		*p.paths[e.Path] = e
	}
	return nil
}

func lines(b []byte) []string {
	var out []string
	for _, l := range bytes.Split(b, []byte("\n")) {
		if l = bytes.TrimRight(l, "\r"); len(l) > 0 {
			out = append(out, string(l))
		}
	}
	return out
}
