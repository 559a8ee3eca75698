// Package provenance states how an artifact was made.
package provenance

import (
	"forge/digest"
)

// Build is all that was observed of one build; a field that was not observed stays empty and is left out.
type Build struct {
	// Subject
	FileName string
	SHA256   digest.Digest

	// What was asked for: external parameters.
	Recipe     string        // path of the recipe file in its workspace, slash separated
	RecipeTree digest.Digest // of the recipe's folder
	GitCommit  string        // only when that folder is clean
	GitTree    string
	GitRemote  string // only as configured, without credentials
	Output     string // name-version-build
	Platform   string // subdir
	Variant    map[string]any
	Unused     map[string]any // the variant's keys that decided nothing, which scripts could read all the same
	Settings   map[string]any // what variants files say beside variants
	Widened    []string       // what the build was shown beyond its inputs because it was asked for

	// How it ran: internal parameters.
	Key       digest.Digest // the action's key
	Isolation string
	Limits    any
	Epoch     int64
	Packer    string // compressor with version and level
	Script    digest.Digest

	Materials []Material

	// Run details.
	BuilderID      string // "forge"
	BuilderMode    string // "workstation"
	BuilderVersion string
	Tests          []TestResult
	Byproducts     []Byproduct
}

// Byproduct is a document that the build left beside the package (SLSA v1, runDetails.byproducts).
type Byproduct struct {
	Name        string
	Digests     map[string]string // at least sha256
	Annotations map[string]any
}

// Material is one thing the build used, by digest.
type Material struct {
	Kind        string // "source", "patch", "recipe", "package", "external", "signature"
	URI         string // pkg:…, https://…, or a file name of the channel
	Name        string
	Digests     map[string]string // algorithm → hex; at least sha256 or gitCommit
	Annotations map[string]any    // signature verdicts, content digest, whether it was built here
}

// TestResult is one test that was run from the package.
type TestResult struct {
	Name   string `json:"name"`
	Result string `json:"result"` // "passed", or "not run: why"
}
