package engine

import (
	"slices"

	"forge/store"
)

// effort is what a package of some name took last time, whatever its version and variant.
type effort struct {
	Seconds float64 `json:"seconds"`
	Memory  int64   `json:"memory,omitempty"` // bytes, at the peak
}

// effortOf is what is recorded of name; nothing where nothing is.
func effortOf(st *store.Store, name string) (e effort) {
	if st == nil || st.Result(effortKey(name), &e) != nil {
		return effort{}
	}
	return e
}

func effortKey(name string) store.ActionID {
	var m Manifest
	m.add("effort", name)
	return m.ID()
}

// Estimate gives every node the seconds that all its variants are expected to take: as given by name,
// else as recorded by the last build with this store (nil for none), else the median of those known.
func (g *RecipeGraph) Estimate(st *store.Store, given map[string]float64) {
	var known []float64
	for _, n := range g.Nodes {
		n.Seconds, n.Known = given[n.Name], given[n.Name] > 0
		if e := effortOf(st, n.Name); !n.Known && e.Seconds > 0 {
			n.Seconds, n.Known = e.Seconds*float64(len(n.Outputs)), true
		}
		if n.Known {
			known = append(known, n.Seconds)
		}
	}
	usual := 1.0
	if len(known) > 0 {
		slices.Sort(known)
		usual = known[len(known)/2]
	}
	for _, n := range g.Nodes {
		if !n.Known {
			n.Seconds = usual
		}
	}
}
