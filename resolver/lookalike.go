package resolver

import (
	"slices"
	"strings"

	"forge/packages"
)

// Lookalikes returns, for each of the records whose name the eye may take for another of the names, a
// line that names both. Names are compared as they look: 0 and o, 1 and l and i, rn and m, vv and w.
func Lookalikes(records []*packages.Record, names []string) []string {
	mine := map[string]string{}
	for _, r := range records {
		mine[skeleton(r.Name)] = r.Name
	}
	var out []string
	for _, name := range names {
		if chosen, ok := mine[skeleton(name)]; ok && chosen != name {
			out = append(out, chosen+" looks like "+name+", which is another package")
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// skeleton is a name with letters that look alike made the same.
func skeleton(name string) string {
	return strings.NewReplacer("0", "o", "1", "l", "i", "l", "rn", "m", "vv", "w").Replace(name)
}
