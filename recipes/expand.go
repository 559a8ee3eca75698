package recipes

import (
	"fmt"
	"sort"
	"strings"

	"forge/internal/diag"
)

// variant is one choice of a value for each used key.
type variant map[string]variantValue

// values is the variant as plain data.
func (v variant) values() map[string]any {
	m := make(map[string]any, len(v))
	for k, x := range v {
		m[k] = x.Value
	}
	return m
}

// axis is one dimension of the product: a key alone, or the keys of a zip group together.
type axis struct {
	keys  []string
	n     int
	group []string // the zip group they are of
}

// axes are the dimensions that the used keys span. Of a zip group only the used keys count.
func (v *variantConfig) axes(used map[string]bool) []axis {
	var out []axis
	zipped := map[string]bool{}
	for _, group := range v.Zip {
		a := axis{group: group}
		for _, key := range group {
			zipped[key] = true
			if values := v.get(key); used[key] && values != nil {
				a.keys = append(a.keys, key)
				if a.n == 0 || len(values) < a.n {
					a.n = len(values)
				}
			}
		}
		if len(a.keys) > 0 {
			out = append(out, a)
		}
	}
	for _, key := range sortedNames(used) {
		if values := v.get(key); values != nil && !zipped[key] {
			out = append(out, axis{keys: []string{key}, n: len(values)})
		}
	}
	return out
}

// expand is the product of the used keys' values, each base varied; it refuses more than limit.
func (v *variantConfig) expand(bases []variant, used map[string]bool, limit int) ([]variant, *diag.Diagnostic) {
	axes := v.axes(used)
	total := len(bases)
	for _, a := range axes {
		if total *= a.n; total > limit {
			return nil, tooMany(axes, limit)
		}
	}
	out := bases
	for _, a := range axes {
		next := make([]variant, 0, len(out)*a.n)
		for _, base := range out {
			for i := range a.n {
				if v.agrees(base, a, i) {
					next = append(next, v.with(base, a, i))
				}
			}
		}
		out = next
	}
	return out, nil
}

// agrees reports whether the i-th values of a zip group go with those that base has of it already.
func (v *variantConfig) agrees(base variant, a axis, i int) bool {
	for _, k := range a.group {
		if x, fixed := base[k]; fixed {
			if values := v.get(k); i < len(values) && values[i].Text != x.Text {
				return false
			}
		}
	}
	return true
}

func (v *variantConfig) with(base variant, a axis, i int) variant {
	c := make(variant, len(base)+len(a.keys))
	for k, x := range base {
		c[k] = x
	}
	for _, k := range a.keys {
		c[k] = v.get(k)[i]
	}
	return c
}

func tooMany(axes []axis, limit int) *diag.Diagnostic {
	var parts []string
	for _, a := range axes {
		if a.n > 1 {
			parts = append(parts, fmt.Sprintf("%s %d", strings.Join(a.keys, "+"), a.n))
		}
	}
	return &diag.Diagnostic{Code: "too-many-variants",
		Summary:    fmt.Sprintf("the variants multiply to more than %d outputs: %s", limit, strings.Join(parts, " × ")),
		Suggestion: "use zip_keys for keys that belong together, or choose values with --variant KEY=VALUE"}
}

// sortVariants puts variants in the peers' order, which is that of their printed values.
func sortVariants(all []variant) {
	printed := make(map[int]string, len(all))
	index := make([]int, len(all))
	for i, v := range all {
		index[i], printed[i] = i, v.order()
	}
	sort.SliceStable(index, func(a, b int) bool { return printed[index[a]] < printed[index[b]] })
	sorted := make([]variant, len(all))
	for i, j := range index {
		sorted[i] = all[j]
	}
	copy(all, sorted)
}

func (v variant) order() string {
	keys := make([]string, 0, len(v))
	for k := range v {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	var b strings.Builder
	for _, k := range keys {
		if s, ok := v[k].Value.(string); ok {
			fmt.Fprintf(&b, "%s: \"%s\", ", k, s)
		} else {
			fmt.Fprintf(&b, "%s: %v, ", k, v[k].Value)
		}
	}
	return b.String()
}
