package engine

import (
	"slices"
	"strings"

	"forge/recipes"
)

// BuildOrder puts outputs into the order they can be built in: each after those it is built with or pins,
// else as the recipes have them. Skipped and staging outputs are left out. Where outputs go in a circle,
// the order of the recipes stands; a plan says more.
func BuildOrder(outputs []*recipes.Output) []*recipes.Output {
	outputs = slices.DeleteFunc(slices.Clone(outputs), func(o *recipes.Output) bool { return o.Skip })
	l := newLinker(outputs)
	all := l.links()
	var out []*recipes.Output
	seen := make([]bool, len(outputs))
	var visit func(i int)
	visit = func(i int) {
		if seen[i] {
			return
		}
		seen[i] = true
		for _, j := range all[i].hard {
			visit(j)
		}
		for _, d := range outputs[i].Requirements.Run {
			if pin := d.Pinned(); pin != nil && pin.Subpackage {
				for _, j := range l.byName[strings.ToLower(pin.Name)] {
					visit(j)
				}
			}
		}
		if !outputs[i].Staging {
			out = append(out, outputs[i])
		}
	}
	for i := range outputs {
		visit(i)
	}
	return out
}
