// Package packages is the model of a built package.
package packages

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"forge/digest"
)

// Record is what a channel says of one package: an entry of repodata.json, or a planned output or
// external offered to the solver in the same shape (CEP 36, https://github.com/conda/ceps).
type Record struct {
	Name          string   `json:"name"`
	Version       string   `json:"version"`
	Build         string   `json:"build"`
	BuildNumber   int      `json:"build_number"`
	Subdir        string   `json:"subdir"`
	Depends       []string `json:"depends"`
	Constrains    []string `json:"constrains,omitempty"`
	TrackFeatures string   `json:"track_features,omitempty"` // space separated
	Features      string   `json:"features,omitempty"`
	NoArch        string   `json:"noarch,omitempty"` // "", "generic" or "python"
	License       string   `json:"license,omitempty"`
	LicenseFamily string   `json:"license_family,omitempty"`
	Timestamp     int64    `json:"timestamp,omitempty"` // milliseconds since 1970
	Arch          string   `json:"arch,omitempty"`
	Platform      string   `json:"platform,omitempty"`
	MD5           string   `json:"md5,omitempty"`
	SHA256        string   `json:"sha256,omitempty"`
	Size          int64    `json:"size,omitempty"`

	// Of repodata revision 3: dependencies of optional groups, and marks that specs can ask for.
	ExtraDepends map[string][]string `json:"extra_depends,omitempty"`
	Flags        []string            `json:"flags,omitempty"`

	FileName string `json:"-"` // key in repodata.json; empty for what has no archive yet
	Channel  string `json:"-"` // canonical name or URL; ChannelPlanned, ChannelExternal for ours
	URL      string `json:"-"`
}

// The names of the two channels that are not folders or URLs.
const (
	// ChannelPlanned holds the outputs of this run; it has the highest priority.
	ChannelPlanned = "planned"
	// ChannelExternal holds tools of the host; it has the lowest priority.
	ChannelExternal = "external"
)

// String is name-version-build, the stem of the archive's name.
func (r *Record) String() string { return r.Name + "-" + r.Version + "-" + r.Build }

// RunExports are what a package asks of those built with it (conda-build's run_exports).
// Each entry is a match spec.
type RunExports struct {
	Weak             []string `json:"weak,omitempty" yaml:"weak,omitempty"`
	Strong           []string `json:"strong,omitempty" yaml:"strong,omitempty"`
	NoArch           []string `json:"noarch,omitempty" yaml:"noarch,omitempty"`
	WeakConstrains   []string `json:"weak_constrains,omitempty" yaml:"weak_constrains,omitempty"`
	StrongConstrains []string `json:"strong_constrains,omitempty" yaml:"strong_constrains,omitempty"`
}

// IsEmpty reports whether nothing is exported.
func (r RunExports) IsEmpty() bool {
	return len(r.Weak)+len(r.Strong)+len(r.NoArch)+len(r.WeakConstrains)+len(r.StrongConstrains) == 0
}

// About is info/about.json: what a package says of itself to people.
type About struct {
	Home          []string          `json:"home,omitempty"`
	License       string            `json:"license,omitempty"`
	LicenseFamily string            `json:"license_family,omitempty"`
	LicenseURL    string            `json:"license_url,omitempty"`
	Summary       string            `json:"summary,omitempty"`
	Description   string            `json:"description,omitempty"`
	DocURL        []string          `json:"doc_url,omitempty"`
	DevURL        []string          `json:"dev_url,omitempty"`
	Channels      []string          `json:"channels,omitempty"`
	Extra         map[string]any    `json:"extra,omitempty"`
	Tags          map[string]string `json:"-"`
}

// Check refuses control characters, and those that change the direction of text (CVE-2021-42574): what a package says
// of itself is printed by every client that searches for it.
func (a About) Check() error {
	for _, f := range []struct {
		name  string
		texts []string
	}{{"homepage", a.Home}, {"license", []string{a.License, a.LicenseFamily, a.LicenseURL}}, {"summary", []string{a.Summary}},
		{"description", []string{a.Description}}, {"documentation", a.DocURL}, {"repository", a.DevURL}} {
		for _, text := range f.texts {
			text = strings.ReplaceAll(text, "\r\n", "\n")
			if at := strings.IndexFunc(text, func(r rune) bool { return r != '\n' && r != '\t' && unprintable(r) }); at >= 0 {
				r, _ := utf8.DecodeRuneInString(text[at:])
				return fmt.Errorf("about: the %s has the control character %+q, which would reach the terminal of whoever asks for the package; remove it", f.name, r)
			}
		}
	}
	return nil
}

// FileMode says how a placeholder prefix in a file is replaced at installation.
type FileMode string

// The modes of paths.json; NoPrefix where nothing is to be replaced.
const (
	NoPrefix FileMode = ""
	Text     FileMode = "text"
	Binary   FileMode = "binary"
)

// File is one path of a package's payload. Path is relative to the prefix, slash separated and clean.
// Content comes from Source, a file on this machine, or from Data where Source is empty.
type File struct {
	Path     string
	Kind     digest.Kind // File, Exec, Symlink, Dir
	Source   string
	Data     []byte
	Sum      digest.Digest // of the content; for a symlink of the file it leads to, else of nothing
	Size     int64         // of the content; for a symlink the length of its text
	Target   string        // of a symlink
	FileMode FileMode
	Prefix   string // the placeholder found in the content, empty for none
	NoLink   bool
}

// Manifest is one staged package, of which every format is made. It holds all that an archive holds;
// the same manifest always gives the same bytes.
type Manifest struct {
	Record     Record // index.json; without digests and size
	About      About
	RunExports RunExports
	Files      []File            // payload, sorted by path
	Info       map[string][]byte // further members below info/, by path: licenses/…, recipe/…, tests/tests.yaml, link.json, hash_input.json
	Epoch      int64             // seconds since 1970, for every mtime
	NoArchLink *NoArchLink       // for noarch: python
}

// NoArchLink is link.json: how a noarch python package is linked.
type NoArchLink struct {
	EntryPoints []string // "name = module:function"
}

// Artifact is an archive that was written.
type Artifact struct {
	Path     string        `json:"path"` // on this machine
	FileName string        `json:"file_name"`
	Subdir   string        `json:"subdir"`
	SHA256   digest.Digest `json:"sha256"`
	MD5      string        `json:"md5"`
	Size     int64         `json:"size"`
}
