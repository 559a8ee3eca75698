package recipes

import (
	"cmp"
	"slices"
	"strconv"

	"forge/internal/diag"
	"forge/packages"
	"forge/recipes/internal/yamlx"
)

// sortedMigrations puts migrations into the order of the time they name.
func sortedMigrations(files []VariantFile) []VariantFile {
	files = slices.Clone(files)
	stamp := func(f VariantFile) float64 {
		doc, _ := yamlx.Load(f.Path, f.Data, yamlx.Options{Duplicates: diag.Warning})
		if doc == nil {
			return 0
		}
		t, _ := strconv.ParseFloat(scalar(yamlx.Get(doc.Root, "migrator_ts")), 64)
		return t
	}
	slices.SortStableFunc(files, func(a, b VariantFile) int { return cmp.Compare(stamp(a), stamp(b)) })
	return files
}

// migrate applies a migration of conda-forge (conda-smithy, variant_algebra): it raises versions, or adds
// rows to a zip group (operation key_add).
func (v *v0) migrate(f VariantFile) diag.List {
	base := newScope(v.opts, v.cfg.first())
	d := newDecider(base.selector, v.selectors)
	sel, bad := selectMeta(string(f.Data), d.decide)
	for _, e := range bad {
		return diag.List{e.diagnostic(f.Path, "")}
	}
	doc, list := yamlx.Load(f.Path, []byte(sel.text), yamlx.Options{Aliases: yamlx.ExpandAliases, Duplicates: diag.Warning})
	if list.HasErrors() || doc == nil || doc.Root == nil {
		return list
	}
	m := yamlx.Get(doc.Root, "__migrator")
	added := map[string][]string{}
	for k, n := range yamlx.Pairs(doc.Root) {
		if vals := scalars(n); k.Value != "__migrator" && k.Value != "migrator_ts" && k.Value != "zip_keys" && len(vals) > 0 {
			added[k.Value] = vals
		}
	}
	order := func(key string) []string { return scalars(yamlx.Get(yamlx.Get(m, "ordering"), key)) }
	switch scalar(yamlx.Get(m, "operation")) {
	case "key_add":
		joined := v.cfg.addRows(scalar(yamlx.Get(m, "primary_key")), added, order, scalars(yamlx.Get(m, "additional_zip_keys")))
		for k := range yamlx.Pairs(yamlx.Get(m, "ordering")) {
			if !slices.Contains(joined, k.Value) && added[k.Value] != nil {
				v.cfg.raise(k.Value, added[k.Value], order(k.Value))
			}
		}
	case "key_remove":
		v.cfg.removeRows(scalar(yamlx.Get(m, "primary_key")), added)
	default:
		for _, k := range sortedNames(added) {
			v.cfg.raise(k, added[k], order(k))
		}
	}
	return list
}

// raise takes the higher of the old and the new value, place by place; with an order, the last of all
// values, as many as the longer list has.
func (c *v0Config) raise(key string, vals, order []string) {
	old := c.vals[key]
	if len(order) > 0 && len(old) > 0 {
		if all := lastOf(slices.Concat(old, vals), order, max(len(old), len(vals))); all != nil {
			c.set(key, all)
			return
		}
	}
	out := slices.Clone(vals)
	for i, o := range old {
		if i >= len(out) {
			out = append(out, o)
		} else if later(o, out[i], order) {
			out[i] = o
		}
	}
	c.set(key, out)
}

// lastOf are the last n different values; nil if there are fewer.
func lastOf(vals, order []string, n int) []string {
	slices.SortFunc(vals, func(a, b string) int { return cmp.Compare(slices.Index(order, a), slices.Index(order, b)) })
	vals = slices.Compact(vals)
	if len(vals) < n {
		return nil
	}
	return vals[len(vals)-n:]
}

// later reports whether a stands after b, by the order if there is one, else as versions.
func later(a, b string, order []string) bool {
	if len(order) > 0 {
		return slices.Index(order, a) > slices.Index(order, b)
	}
	x, errX := packages.ParseVersion(a)
	y, errY := packages.ParseVersion(b)
	if errX != nil || errY != nil {
		return olderVersion(b, a)
	}
	return x.Compare(y) > 0
}

// addRows adds to the group of the primary key the rows that it lacks, in the order given. What counts is
// the row and not the key alone: a value may be there once more with another value beside it. It returns
// the group.
func (c *v0Config) addRows(primary string, added map[string][]string, order func(string) []string, more []string) []string {
	if len(c.vals[primary]) == 0 || len(added[primary]) == 0 {
		return nil
	}
	group := slices.Clone(c.group(primary))
	for _, k := range more {
		if k != primary && !slices.Contains(group, k) {
			group = c.join(group, k, len(c.vals[primary]), added[k])
		}
	}
	group = slices.DeleteFunc(group, func(k string) bool { return len(c.vals[k]) == 0 })
	var rows [][]string
	for i := range c.vals[primary] {
		rows = append(rows, pick(group, i, c.vals, nil))
	}
	for i := range added[primary] {
		rows = append(rows, pick(group, i, added, c.vals))
	}
	c.setRows(group, sortedRows(rows, slices.Index(group, primary), order(primary)))
	return group
}

// pick is the row of the keys' values at place i, or else of their first values in fallback.
func pick(keys []string, i int, vals, fallback map[string][]string) (row []string) {
	for _, k := range keys {
		if v := vals[k]; len(v) > 0 {
			row = append(row, v[min(i, len(v)-1)])
		} else {
			row = append(row, fallback[k][0])
		}
	}
	return row
}

// sortedRows are the different rows in the order of one column, and where that is the same by their text.
func sortedRows(rows [][]string, column int, order []string) [][]string {
	slices.SortFunc(rows, slices.Compare[[]string])
	rows = slices.CompactFunc(rows, slices.Equal[[]string])
	slices.SortStableFunc(rows, func(a, b []string) int {
		switch {
		case later(a[column], b[column], order):
			return 1
		case later(b[column], a[column], order):
			return -1
		}
		return 0
	})
	return rows
}

func (c *v0Config) setRows(keys []string, rows [][]string) {
	for n, k := range keys {
		var vals []string
		for _, row := range rows {
			vals = append(vals, row[n])
		}
		c.set(k, vals)
	}
}

// join makes key a member of the group; its one value so far goes with every row.
func (c *v0Config) join(group []string, key string, rows int, fallback []string) []string {
	first := ""
	if old := c.vals[key]; len(old) > 0 {
		first = old[0]
	} else if len(fallback) > 0 {
		first = fallback[0]
	}
	if len(c.vals[key]) != rows {
		vals := make([]string, rows)
		for i := range vals {
			vals[i] = first
		}
		c.set(key, vals)
	}
	joined := append(slices.Clone(group), key)
	for i, g := range c.zip {
		if slices.Contains(g, group[0]) {
			c.zip[i] = joined
			return joined
		}
	}
	c.zip = append(c.zip, joined)
	return joined
}

// removeRows takes rows out of the group of the primary key.
func (c *v0Config) removeRows(primary string, gone map[string][]string) {
	for _, value := range gone[primary] {
		at := slices.Index(c.vals[primary], value)
		if at < 0 || len(c.vals[primary]) == 1 {
			continue
		}
		for _, k := range c.group(primary) {
			if at < len(c.vals[k]) {
				c.set(k, slices.Delete(slices.Clone(c.vals[k]), at, at+1))
			}
		}
	}
}
