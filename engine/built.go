package engine

import (
	"forge/digest"
	"forge/internal/fsx"
	"forge/packages"
	"forge/provenance"
)

// packerVersion is raised when the same inputs would give another package.
const packerVersion = "6"

// Built is the recorded result of one action, as the store keeps it.
type Built struct {
	Key        digest.Digest         `json:"key"`
	Record     packages.Record       `json:"record"`
	RunExports packages.RunExports   `json:"run_exports"`
	FileName   string                `json:"file_name,omitempty"`
	Archive    digest.Digest         `json:"archive,omitzero"` // in the store
	Content    digest.Digest         `json:"content,omitzero"` // what a dependent can see
	Statement  digest.Digest         `json:"statement,omitzero"`
	Staged     digest.Digest         `json:"staged,omitzero"`     // of a staging output: archive of prefix and work folder
	Work       digest.Digest         `json:"work,omitzero"`       // archive of what its script changed in a work folder that others begin with; none for nothing
	WorkSeen   bool                  `json:"work_seen,omitempty"` // what its script did to the work folder was looked at
	Debug      digest.Digest         `json:"debug,omitzero"`      // archive of the debug data that was split off
	Materials  []provenance.Material `json:"materials,omitempty"` // sources of a staging output
	Isolation  string                `json:"isolation,omitempty"`
	Inputs     digest.Digest         `json:"inputs,omitzero"` // the document of Inputs, where they were traced
	Epoch      int64                 `json:"epoch"`
	Seconds    float64               `json:"seconds"`
	PeakMemory int64                 `json:"peak_memory,omitempty"` // bytes, of the build script
}

// Status is how an action ended.
type Status string

// The statuses of the closing table.
const (
	StatusBuilt   Status = "built"
	StatusReused  Status = "reused"
	StatusFailed  Status = "failed"
	StatusSkipped Status = "skipped"
)

// Outcome is one row of the closing table.
type Outcome struct {
	Action  *Action
	Status  Status
	Built   *Built
	Path    string // of the package, absolute
	Seconds float64
	Signed  string // key that signed it
	Err     error  // of failed and skipped ones
	Log     string // path of the build log, empty where nothing ran

	// Placed are the stamps of the package and of what lies beside it in the output folder, when they were
	// seen to be right.
	Placed []fsx.Stamp
}
