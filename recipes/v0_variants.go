package recipes

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	"forge/internal/diag"
	"forge/platforms"
	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// v0Config is what all conda_build_config.yaml files together say. Every value is text, as conda-build
// has it, and keys keep their spelling.
type v0Config struct {
	keys []string // of vals, in order
	vals map[string][]string
	zip  [][]string
	pins map[string]Pin // pin_run_as_build

	ignoreVersion, ignoreBuildOnly []string
	extend                         map[string]bool // extend_keys: settings, not variants
	lists                          map[string][]string
	rows                           []v0Row         // a zip group that a file gave only in part
	looped                         map[string]bool // keys that CI jobs loop over; nil for those with several values
}

// v0Row keeps only combinations in which key has one of vals.
type v0Row struct {
	key  string
	vals []string
	pos  diag.Pos
}

// defaultV0Config holds conda-build's own defaults (variants.py, DEFAULT_VARIANTS) but for the address of
// R's archive, with the Python that conda-build 26.7 was run with for the vectors.
func defaultV0Config(target platforms.Platform) *v0Config {
	c := &v0Config{vals: make(map[string][]string, 32), keys: make([]string, 0, 32), pins: map[string]Pin{}, extend: map[string]bool{}, lists: map[string][]string{}}
	for _, kv := range [][2]string{{"python", "3.11"}, {"numpy", "1.23"}, {"perl", "5.26.2"}, {"lua", "5"}, {"r_base", "3.5"},
		{"cpu_optimization_target", "nocona"}, {"target_platform", target.String()}} {
		c.set(kv[0], []string{kv[1]})
	}
	for _, kv := range defaultCompilers(target) {
		c.set(kv[0]+"_compiler", []string{kv[1]})
	}
	if target.IsWindows() {
		c.set("vc", []string{"14"})
	}
	for _, p := range usualPins {
		c.pins[p.Name] = p
	}
	c.ignoreBuildOnly = slices.Clone(usualBuildOnly[:])
	for _, k := range []string{"pin_run_as_build", "ignore_version", "ignore_build_only_deps", "extend_keys"} {
		c.extend[k] = true
	}
	return c
}

// What conda-build pins and ignores where no variants file says anything.
var (
	usualPins      = [...]Pin{{Name: "python", Lower: "x.x", Upper: "x.x"}, {Name: "r-base", Lower: "x.x", Upper: "x.x"}}
	usualBuildOnly = [...]string{"python", "numpy"}
)

func defaultCompilers(p platforms.Platform) [][2]string {
	switch p.OS() {
	case "win":
		return [][2]string{{"c", "vs2017"}, {"cxx", "vs2017"}, {"fortran", "gfortran"}}
	case "osx":
		return [][2]string{{"c", "clang"}, {"cxx", "clangxx"}, {"fortran", "gfortran"}}
	}
	if p.OS() == "emscripten" {
		return [][2]string{{"c", "emscripten"}, {"cxx", "emscripten"}, {"fortran", "gfortran"}}
	}
	return [][2]string{{"c", "gcc"}, {"cxx", "gxx"}, {"fortran", "gfortran"}}
}

func (c *v0Config) set(key string, vals []string) {
	if _, ok := c.vals[key]; !ok {
		c.keys = append(c.keys, key)
	}
	c.vals[key] = vals
}

// read adds one file; its keys replace those of earlier files, its groups and settings add to them.
func (c *v0Config) read(f VariantFile, decide func(string) (bool, error), cache *Cache) diag.List {
	sel, bad := selectMeta(string(f.Data), decide)
	if len(bad) > 0 {
		lines := strings.Split(string(f.Data), "\n")
		var list diag.List
		for _, e := range bad {
			list = append(list, e.diagnostic(f.Path, lines[e.line-1]))
		}
		return list
	}
	doc, list := cache.selected(f, sel)
	list = append(slices.Clip(list), lostLists(f, sel)...)
	if list.HasErrors() || doc == nil || yamlx.IsNull(doc.Root) {
		return list
	}
	if doc.Root.Kind != yaml.MappingNode {
		return append(list, doc.At(doc.Root, "wrong-type", "a variant file is a mapping of keys to lists, this is %s", yamlx.Kind(doc.Root)))
	}
	if n := yamlx.Get(doc.Root, "extend_keys"); n != nil {
		for _, k := range scalars(n) {
			c.extend[k] = true
		}
	}
	if n := yamlx.Get(doc.Root, "zip_keys"); n != nil {
		c.readZip(n)
	}
	spec := map[string][]string{}
	var order []string
	for k, n := range yamlx.Pairs(doc.Root) {
		if c.setting(k.Value, n) || yamlx.IsNull(n) {
			continue
		}
		if n.Kind == yaml.MappingNode {
			list = append(list, doc.At(n, "wrong-type", "the values of the variant key %q are a list of texts, this is a mapping", k.Value))
			continue
		}
		if bad := slices.IndexFunc(n.Content, func(e *yaml.Node) bool { return e.Kind == yaml.MappingNode }); bad >= 0 {
			d := doc.At(n.Content[bad], "wrong-type", "the values of the variant key %q are texts, this is a mapping", k.Value)
			d.Suggestion = "meta.yaml takes selectors in comments (`- 3.11  # [unix]`), not `if:`"
			list = append(list, d)
			continue
		}
		if vals := scalars(n); len(vals) > 0 {
			spec[k.Value] = vals
			order = append(order, k.Value)
		}
	}
	return append(list, c.merge(doc, spec, order)...)
}

// mapLines gives the source line of a line of text that was made from the file; the last one for lines
// beyond it, 0 where nothing is left of the file.
func mapLines(lines []int) func(int) int {
	return func(n int) int {
		if n < 1 || len(lines) == 0 {
			return 0
		}
		return lines[min(n, len(lines))-1]
	}
}

func (c *v0Config) readZip(n *yaml.Node) {
	groups := n.Content
	if len(groups) > 0 && groups[0].Kind == yaml.ScalarNode {
		groups = []*yaml.Node{n}
	}
	for _, g := range groups {
		keys := scalars(g)
		if len(keys) > 0 && !slices.ContainsFunc(c.zip, func(z []string) bool { return slices.Equal(z, keys) }) {
			c.zip = append(c.zip, keys)
		}
	}
}

// setting takes the keys that are no variants.
func (c *v0Config) setting(key string, n *yaml.Node) bool {
	switch key {
	case "zip_keys":
	case "pin_run_as_build":
		for name, b := range yamlx.Pairs(n) {
			p := Pin{Name: name.Value, Lower: "x.x.x.x.x.x", Upper: "x"}
			if b.Kind == yaml.ScalarNode {
				p.Lower, p.Upper = b.Value, b.Value
			}
			for k, v := range yamlx.Pairs(b) {
				switch k.Value {
				case "min_pin", "lower_bound":
					p.Lower = v.Value
				case "max_pin", "upper_bound":
					p.Upper = v.Value
				}
			}
			c.pins[name.Value] = p
		}
	case "ignore_version":
		c.ignoreVersion = append(c.ignoreVersion, scalars(n)...)
	case "ignore_build_only_deps":
		c.ignoreBuildOnly = append(c.ignoreBuildOnly, scalars(n)...)
	case "extend_keys", "replacements":
	default:
		if c.extend[key] {
			c.lists[key] = append(c.lists[key], scalars(n)...)
			return true
		}
		return false
	}
	return true
}

// merge takes the keys of one file. A key of a zip group replaces only together with its whole group;
// alone it chooses among the group's rows.
func (c *v0Config) merge(doc *yamlx.Document, spec map[string][]string, order []string) (list diag.List) {
	for _, k := range order {
		group := c.group(k)
		whole := true
		for _, g := range group {
			_, ok := spec[g]
			whole = whole && ok
		}
		if !whole && c.vals[k] != nil {
			c.rows = append(c.rows, v0Row{k, spec[k], doc.Pos(yamlx.Get(doc.Root, k))})
			continue
		}
		c.set(k, spec[k])
	}
	for _, group := range c.zip {
		var counts []string
		same := true
		for _, k := range group {
			if vals, ok := c.vals[k]; ok {
				same = same && len(vals) == len(c.vals[group[0]])
				counts = append(counts, fmt.Sprintf("%s has %d", k, len(vals)))
			}
		}
		if !same && c.vals[group[0]] != nil {
			list = append(list, diag.Diagnostic{Code: "zip-keys", Pos: doc.Pos(yamlx.Get(doc.Root, "zip_keys")),
				Suggestion: "give each key of the group as many values",
				Summary:    "the keys of a zip_keys group have different numbers of values: " + strings.Join(counts, ", ")})
		}
	}
	return list
}

// choose is --variant: it replaces a key's values; of a zip group it chooses rows where it can, else the
// key leaves the group.
func (c *v0Config) choose(key string, vals []string) {
	group := c.group(key)
	if len(group) > 1 && !slices.ContainsFunc(vals, func(v string) bool { return !slices.Contains(c.vals[key], v) }) {
		c.rows = append(c.rows, v0Row{key: key, vals: vals})
		return
	}
	for i, g := range c.zip {
		c.zip[i] = slices.DeleteFunc(slices.Clone(g), func(k string) bool { return k == key })
	}
	c.set(key, vals)
}

func (c *v0Config) group(key string) []string {
	if g := c.zipped(key); g != nil {
		return g
	}
	return []string{key}
}

// zipped is the zip group of a key, nil where it is in none.
func (c *v0Config) zipped(key string) []string {
	for _, g := range c.zip {
		if slices.Contains(g, key) {
			return g
		}
	}
	return nil
}

// scalars are the texts of a list, or the one text.
func scalars(n *yaml.Node) []string {
	if n == nil || yamlx.IsNull(n) {
		return nil
	}
	if n.Kind == yaml.ScalarNode {
		return []string{n.Value}
	}
	var out []string
	for _, e := range n.Content {
		if e.Kind == yaml.ScalarNode {
			out = append(out, e.Value)
		} else {
			out = append(out, scalars(e)...)
		}
	}
	return out
}

// v0Variant is one value for every key.
type v0Variant map[string]string

// first is the variant of all first values.
func (c *v0Config) first() v0Variant {
	v := make(v0Variant, len(c.keys))
	for _, k := range c.keys {
		v[k] = c.vals[k][0]
	}
	return v
}

// expand is the product over the keys that are used and their groups, each other key as in first.
func (c *v0Config) expand(first v0Variant, used func(key string) bool, limit int) (all []v0Variant, refused []axis) {
	var axes []axis
	done := map[string]bool{}
	total := 1
	for i, k := range c.keys {
		group := c.zipped(k)
		if group == nil {
			group = c.keys[i : i+1]
		}
		if done[k] || !slices.ContainsFunc(group, used) {
			continue
		}
		a := axis{n: len(c.vals[k])}
		for _, g := range group {
			if vals, ok := c.vals[g]; ok && !done[g] {
				done[g] = true
				a.keys, a.n = append(a.keys, g), min(a.n, len(vals))
			}
		}
		if a.n < 2 {
			continue
		}
		axes = append(axes, a)
		if total <= limit {
			total *= a.n
		}
	}
	if total > limit {
		return nil, axes
	}
	out := []v0Variant{first}
	for _, a := range axes {
		next := make([]v0Variant, 0, len(out)*a.n)
		for _, base := range out {
			for i := range a.n {
				v := maps.Clone(base)
				for _, k := range a.keys {
					v[k] = c.vals[k][i]
				}
				next = append(next, v)
			}
		}
		out = next
	}
	return c.filter(out), nil
}

func (c *v0Config) filter(all []v0Variant) []v0Variant {
	for _, r := range c.rows {
		var keep []v0Variant
		for _, v := range all {
			if slices.Contains(r.vals, v[r.key]) {
				keep = append(keep, v)
			}
		}
		if len(keep) > 0 {
			all = keep
		}
	}
	return all
}

// sorted lists the keys in alphabetical order.
func (c *v0Config) sorted() []string {
	keys := append([]string(nil), c.keys...)
	sort.Strings(keys)
	return keys
}
