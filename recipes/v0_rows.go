package recipes

import (
	"fmt"
	"slices"
	"strings"

	"forge/internal/diag"
)

// checkRows speaks of keys that a variants file gives without the rest of their zip_keys group and that choose
// no row of it: conda-build passes such a key over without a word, and the outputs are not as it says.
func (v *v0) checkRows(outputs []*Output) {
	for _, r := range v.cfg.rows {
		_, set := v.opts.Set[r.key]
		if set || r.pos.IsZero() || slices.ContainsFunc(v.cfg.vals[r.key], func(val string) bool { return slices.Contains(r.vals, val) }) ||
			!slices.ContainsFunc(outputs, func(o *Output) bool { return o.Variant[r.key] != nil }) {
			continue
		}
		value := strings.Join(r.vals, ", ")
		v.found.add(diag.Diagnostic{Severity: diag.Warning, Code: "zip-keys", Pos: r.pos,
			Summary: fmt.Sprintf("%s = %s has no effect: the zip_keys group %s has no such row, only %s", r.key, value,
				strings.Join(v.cfg.zipped(r.key), ", "), strings.Join(v.cfg.vals[r.key], ", ")),
			Suggestion: fmt.Sprintf("`--variant %s=%s` takes the key out of its group; or give all keys of the group here", r.key, strings.Join(r.vals, ","))})
	}
}
