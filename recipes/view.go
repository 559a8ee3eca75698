package recipes

import (
	"encoding/json"

	"forge/packages"
	"forge/platforms"
)

// View is an output as `forge render` prints it: the same facts under the words of recipe.yaml, without
// places in files.
type View struct {
	Name           string             `json:"name"`
	Version        string             `json:"version,omitempty"`
	Build          string             `json:"build_string,omitempty"`
	Number         int                `json:"build_number"`
	Hash           string             `json:"hash,omitempty"`
	Subdir         string             `json:"subdir"`
	NoArch         string             `json:"noarch,omitempty"`
	Skip           bool               `json:"skip,omitempty"`
	Staging        bool               `json:"staging,omitempty"`
	Inherit        string             `json:"inherit,omitempty"`
	BuildPlatform  platforms.Platform `json:"build_platform"`
	HostPlatform   platforms.Platform `json:"host_platform"`
	TargetPlatform platforms.Platform `json:"target_platform"`
	Variant        map[string]any     `json:"variant"`
	Sources        []SourceView       `json:"source,omitempty"`
	Scripts        []ScriptView       `json:"script,omitempty"`
	Requirements   RequirementsView   `json:"requirements"`
	Tests          []TestView         `json:"tests,omitempty"`
	About          packages.About     `json:"about"`
	LicenseFiles   []string           `json:"license_file,omitempty"`
	Recipe         string             `json:"recipe"`
	Format         string             `json:"format"`
}

// SourceView is a Source to print.
type SourceView struct {
	URL        []string          `json:"url,omitempty"`
	Git        *Git              `json:"git,omitempty"`
	Path       string            `json:"path,omitempty"`
	Hashes     map[string]string `json:"hashes,omitempty"`
	FileName   string            `json:"file_name,omitempty"`
	Target     string            `json:"target_directory,omitempty"`
	Patches    []string          `json:"patches,omitempty"`
	Signatures []SignatureView   `json:"signatures,omitempty"`
}

// SignatureView is a Signature to print.
type SignatureView struct {
	URL         []string `json:"url"`
	Fingerprint string   `json:"fingerprint"`
	Key         string   `json:"key"`
	Allow       []string `json:"allow,omitempty"`
	Reason      string   `json:"reason,omitempty"`
}

// ScriptView is a Script to print.
type ScriptView struct {
	Interpreter string            `json:"interpreter,omitempty"`
	File        string            `json:"file,omitempty"`
	Text        string            `json:"text"`
	Env         map[string]string `json:"env,omitempty"`
	Secrets     []string          `json:"secrets,omitempty"`
	Cwd         string            `json:"cwd,omitempty"`
}

// RequirementsView is Requirements to print; a pin that waits for the solved host environment is
// written pin_compatible(…).
type RequirementsView struct {
	Build          []string            `json:"build,omitempty"`
	Host           []string            `json:"host,omitempty"`
	Run            []string            `json:"run,omitempty"`
	RunConstraints []string            `json:"run_constraints,omitempty"`
	RunExports     map[string][]string `json:"run_exports,omitempty"`
	IgnoreByName   []string            `json:"ignore_by_name,omitempty"`
	IgnoreFrom     []string            `json:"ignore_from_package,omitempty"`
}

// TestView is a Test to print.
type TestView struct {
	Kind   string        `json:"kind"`
	Script *ScriptView   `json:"script,omitempty"`
	Run    []string      `json:"run,omitempty"`
	Build  []string      `json:"build,omitempty"`
	Files  []string      `json:"files,omitempty"`
	Python *PythonTest   `json:"python,omitempty"`
	Names  []string      `json:"names,omitempty"`
	Of     string        `json:"downstream,omitempty"`
	Check  *ContentsTest `json:"package_contents,omitempty"`
}

// View returns o as data to print.
func (o *Output) View() View {
	v := View{Name: o.Name, Version: o.Version, Build: o.BuildString, Number: o.BuildNumber, Hash: o.Hash, Subdir: o.Subdir(), NoArch: o.NoArch,
		Skip: o.Skip, Staging: o.Staging, Inherit: o.Inherit, BuildPlatform: o.BuildPlatform, HostPlatform: o.HostPlatform,
		TargetPlatform: o.TargetPlatform, Variant: o.Variant, Requirements: o.Requirements.view(), About: o.About.About,
		LicenseFiles: o.About.LicenseFiles, Recipe: o.Recipe.File, Format: o.Recipe.Format}
	for i := range o.Sources {
		v.Sources = append(v.Sources, o.Sources[i].view())
	}
	for i := range o.Build.Scripts {
		v.Scripts = append(v.Scripts, o.Build.Scripts[i].view())
	}
	for i := range o.Tests {
		v.Tests = append(v.Tests, o.Tests[i].view())
	}
	return v
}

// MarshalJSON writes the View.
func (o *Output) MarshalJSON() ([]byte, error) { return json.Marshal(o.View()) }

func (s *Source) view() SourceView {
	v := SourceView{URL: s.URLs, Git: s.Git, Path: s.Path, Hashes: s.Hashes, FileName: s.FileName, Target: s.TargetDirectory, Patches: s.Patches}
	for _, g := range s.Signatures {
		v.Signatures = append(v.Signatures, SignatureView{g.URLs, g.Fingerprint, g.Key, g.Allow, g.Reason})
	}
	return v
}

func (s *Script) view() ScriptView {
	return ScriptView{s.Interpreter, s.File, s.Text, s.Env, s.Secrets, s.Cwd}
}

func (r *Requirements) view() RequirementsView {
	e := &r.RunExports
	v := RequirementsView{Build: specTexts(r.Build), Host: specTexts(r.Host), Run: specTexts(r.Run), RunConstraints: specTexts(r.RunConstraints),
		IgnoreByName: r.IgnoreByName, IgnoreFrom: r.IgnoreFrom}
	for _, k := range []struct {
		name string
		list []Dependency
	}{{"weak", e.Weak}, {"strong", e.Strong}, {"noarch", e.NoArch}, {"weak_constraints", e.WeakConstrains}, {"strong_constraints", e.StrongConstrains}} {
		if len(k.list) > 0 {
			if v.RunExports == nil {
				v.RunExports = map[string][]string{}
			}
			v.RunExports[k.name] = specTexts(k.list)
		}
	}
	return v
}

func specTexts(list []Dependency) []string {
	var out []string
	for _, d := range list {
		out = append(out, d.String())
	}
	return out
}

// String is the match spec, or the pin as a recipe writes it.
func (d Dependency) String() string {
	if d.Pin == nil {
		return d.Spec
	}
	return d.Pin.String()
}

// String is the pin as a recipe writes it.
func (p *Pin) String() string {
	kind := "pin_compatible"
	if p.Subpackage {
		kind = "pin_subpackage"
	}
	s := kind + "(" + p.Name
	if p.Exact {
		return s + ", exact)"
	}
	return s + ", lower_bound=" + p.Lower + ", upper_bound=" + p.Upper + ")"
}

func (t *Test) view() TestView {
	switch {
	case t.Script != nil:
		s := t.Script.Script.view()
		return TestView{Kind: "script", Script: &s, Run: t.Script.Run, Build: t.Script.Build, Files: append(append([]string(nil), t.Script.SourceFiles...), t.Script.RecipeFiles...)}
	case t.Python != nil:
		return TestView{Kind: "python", Python: t.Python}
	case t.Perl != nil:
		return TestView{Kind: "perl", Names: t.Perl.Names}
	case t.R != nil:
		return TestView{Kind: "r", Names: t.R.Names}
	case t.Ruby != nil:
		return TestView{Kind: "ruby", Names: t.Ruby.Names}
	case t.PackageContents != nil:
		return TestView{Kind: "package_contents", Check: t.PackageContents}
	}
	return TestView{Kind: "downstream", Of: t.Downstream}
}
