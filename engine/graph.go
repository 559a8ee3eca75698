package engine

import (
	"fmt"
	"slices"

	"forge/digest"
	"forge/internal/diag"
	"forge/packages"
	"forge/recipes"
)

// Graph is the plan: every action of a run with its solved environments. Nothing was built for it.
type Graph struct {
	Actions  []*Action // each after the actions it needs
	Skipped  []*recipes.Output
	Existing []Existing // outputs that are not built because a channel has them
	Notes    diag.List  // notes and warnings
	Broken   diag.List  // why others are left out, where the request goes on without them
	Missing  []Missing  // what others need and nobody offers, by name
}

// Missing is a dependency that no recipe, channel or external offers.
type Missing struct {
	Name     string   `json:"name"`
	Platform string   `json:"platform,omitempty"` // of a cross build: where it has to run
	NeededBy []string `json:"needed_by"`
}

// Action builds one output.
type Action struct {
	Output *recipes.Output
	Record packages.Record // what the built package will say, without digests
	Build  Environment
	Host   Environment
	// Test is the environment of its tests: the package itself with its run dependencies.
	Test []TestPlan

	RunExports packages.RunExports
	Origins    map[string]Origin // where match specs come from that the recipe has not in these words
	Staging    *Action           // what it starts from
	After      *Action           // whose script runs before its own in the work folder that they share
	DebugOf    *Action           // whose debug data it packages
	Levels     []*Action         // that build its libraries for higher CPU levels, the lowest first
	Needs      []*Action         // hard edges: must be built before this one starts
	TestNeeds  []*Action         // soft edges: must be built before its tests run
	RunNeeds   [][]*Action       // for each dependency that only this run's packages meet: those that do
	RecipeTree digest.Digest

	apart map[string]bool // names that are taken from a channel or the host to begin a loop
}

// Origin is where a match spec of an action comes from: a pin of its recipe, or what a package of its
// build or host environment exports.
type Origin struct {
	Pin         *recipes.Pin // nil for an export
	Environment string       // "build" or "host"
	Package     string       // that exports it
}

// note keeps the first origin of a match spec.
func (a *Action) note(spec string, o Origin) {
	if _, known := a.Origins[spec]; known {
		return
	}
	if a.Origins == nil {
		a.Origins = map[string]Origin{}
	}
	a.Origins[spec] = o
}

// Needed are the actions that must be built before a is.
func (a *Action) Needed() []*Action {
	if a.After == nil || slices.Contains(a.Needs, a.After) {
		return a.Needs
	}
	return append(slices.Clip(a.Needs), a.After)
}

// Name is name-version-build.
func (a *Action) Name() string { return a.Output.String() }

// Environment is one solved environment: its lock.
type Environment struct {
	Specs   []string
	Records []*packages.Record // install order
}

// TestPlan is the environment of one test.
type TestPlan struct {
	Index      int // in Output.Tests
	Run        Environment
	Build      Environment
	Python     string // the version to test with, empty for the environment's own
	Downstream bool
	NotRun     string // why it is not run here; another test of the package is

	// Of a test recorded in a package: what it is called, its working folder below the prefix, and what
	// lies in it.
	label  string
	folder string
	files  map[string][]byte
}

func (p TestPlan) name() string {
	if p.label != "" {
		return p.label
	}
	return fmt.Sprintf("test %d", p.Index) // as --test-index counts
}

// find returns the record of that name, or nil.
func (e Environment) find(name string) *packages.Record {
	for _, r := range e.Records {
		if r.Name == name {
			return r
		}
	}
	return nil
}
