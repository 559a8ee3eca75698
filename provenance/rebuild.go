package provenance

import (
	"errors"
	"fmt"
	"strings"

	"forge/digest"
)

// RebuildType is the predicate of a statement about a rebuild: docs/verify.md has the table.
const RebuildType = "forge:rebuild/v1"

// Rebuild is what was seen when a package was built again from its record.
type Rebuild struct {
	FileName string // subject: the package that was rebuilt
	SHA256   digest.Digest

	Verdict     string        // "identical" or "different"
	RecordedKey digest.Digest // of the statement the rebuild went by
	Key         digest.Digest // of the rebuild
	Attempts    any           // each rebuild: sha256, what was varied, isolation
	Differences any           // classified; an empty list where there are none
	Notes       []string      // inputs that were not the recorded ones

	BuilderID, BuilderVersion string
}

type rebuildStatement struct {
	Type          string           `json:"_type"`
	Subject       []subject        `json:"subject"`
	PredicateType string           `json:"predicateType"`
	Predicate     rebuildPredicate `json:"predicate"`
}

type rebuildPredicate struct {
	Verdict     string        `json:"verdict"`
	RecordedKey digest.Digest `json:"recordedKey"`
	Key         digest.Digest `json:"key"`
	SameInputs  bool          `json:"sameInputs"`
	Notes       []string      `json:"notes,omitempty"`
	Rebuilds    any           `json:"rebuilds"`
	Differences any           `json:"differences"`
	Builder     builder       `json:"builder"`
}

// RebuildStatement returns the in-toto Statement v1 about a rebuild. It holds no time of its own. sameInputs
// tells whether the rebuild was made from the recorded inputs: only then does a verdict judge the build.
func RebuildStatement(r Rebuild) ([]byte, error) {
	switch {
	case r.FileName == "" || strings.ContainsAny(r.FileName, "/\\") || r.SHA256.IsZero():
		return nil, fmt.Errorf("state the rebuild of %q: want a file name and its sha256", r.FileName)
	case r.Verdict != "identical" && r.Verdict != "different":
		return nil, fmt.Errorf("state the rebuild of %s: %q is no verdict", r.FileName, r.Verdict)
	case r.Key.IsZero() || r.RecordedKey.IsZero() || r.Attempts == nil || r.Differences == nil:
		return nil, errors.New("state a rebuild: keys, rebuilds and differences must be there")
	}
	return encode(rebuildStatement{
		Type: statementType, Subject: []subject{{r.FileName, map[string]string{"sha256": r.SHA256.Hex()}}}, PredicateType: RebuildType,
		Predicate: rebuildPredicate{Verdict: r.Verdict, RecordedKey: r.RecordedKey, Key: r.Key, SameInputs: r.Key == r.RecordedKey,
			Notes: r.Notes, Rebuilds: r.Attempts, Differences: r.Differences,
			Builder: builder{r.BuilderID, map[string]string{"forge": r.BuilderVersion}}},
	})
}
