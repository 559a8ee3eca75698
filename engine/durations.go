package engine

import (
	"slices"

	"forge/store"
)

// durationKey names how long a package of that name took last time, whatever its version and variant.
func durationKey(name string) store.ActionID {
	var m Manifest
	m.add("seconds", name)
	return m.ID()
}

// Estimate gives every node the seconds that all its variants are expected to take: as given by name,
// else as recorded by the last build with this store (nil for none), else the median of those known.
func (g *RecipeGraph) Estimate(st *store.Store, given map[string]float64) {
	var known []float64
	for _, n := range g.Nodes {
		n.Seconds, n.Known = given[n.Name], given[n.Name] > 0
		if !n.Known && st != nil && st.Result(durationKey(n.Name), &n.Seconds) == nil && n.Seconds > 0 {
			n.Seconds, n.Known = n.Seconds*float64(len(n.Outputs)), true
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
