package recipes

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
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
	for _, group := range v.Zip {
		a := axis{group: group}
		for _, key := range group {
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
	single := make([]string, 0, 8)
	for key := range used {
		if v.get(key) != nil && !v.zipped(key) {
			single = append(single, key)
		}
	}
	sort.Strings(single)
	for i, key := range single {
		out = append(out, axis{keys: single[i : i+1 : i+1], n: len(v.get(key))})
	}
	return out
}

// zipped reports whether a key is in a zip group.
func (v *variantConfig) zipped(key string) bool {
	return slices.ContainsFunc(v.Zip, func(group []string) bool { return slices.Contains(group, key) })
}

// expand is the product of the used keys' values, each base varied; it refuses more than limit and
// says which axes there are.
func (v *variantConfig) expand(bases []variant, used map[string]bool, limit int) (all []variant, refused []axis) {
	axes := v.axes(used)
	total := len(bases)
	for _, a := range axes {
		if total *= a.n; total > limit {
			return nil, axes
		}
	}
	out := bases
	if total == len(bases) && len(bases) == 1 && len(bases[0]) == 0 { // one variant: no copies on the way to it
		one := make(variant, len(axes)+2)
		for _, a := range axes {
			if !v.agrees(one, a, 0) {
				return nil, nil
			}
			for _, k := range a.keys {
				one[k] = v.get(k)[0]
			}
		}
		return []variant{one}, nil
	}
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

// sortVariants puts variants in the peers' order, which is that of their printed values.
func sortVariants(all []variant) {
	if len(all) < 2 {
		return
	}
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
	b := make([]byte, 0, 40*len(v))
	for _, k := range sortedNames(v) {
		b = append(append(b, k...), ": "...)
		switch x := v[k].Value.(type) {
		case string:
			b = append(append(append(b, '"'), x...), '"')
		case int:
			b = strconv.AppendInt(b, int64(x), 10)
		default:
			b = fmt.Append(b, x)
		}
		b = append(b, ", "...)
	}
	return string(b)
}
