package recipes

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"forge/internal/diag"
	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// variantValue is one value of a variant key. Text is what the file says: 3.10, where a number would
// be 3.1. Value is typed as recipe.yaml has it: string, int or bool.
type variantValue struct {
	Value any
	Text  string
}

// variantConfig is what all variant files together say. Keys are normal (normalKey).
type variantConfig struct {
	Values map[string][]variantValue
	Zip    [][]string
	// Pos is where a key was given last.
	Pos map[string]diag.Pos
	// under are the files that were read before, the last one first; what is set above them counts.
	under []*variantConfig
}

// get is the values of a key, nil where it is not set.
func (v *variantConfig) get(key string) []variantValue {
	if values := v.Values[key]; values != nil {
		return values
	}
	for _, u := range v.under {
		if values := u.Values[key]; values != nil {
			return values
		}
	}
	return nil
}

func (v *variantConfig) set(key string, values []variantValue) { v.Values[key] = values }

// pos is where a key was given.
func (v *variantConfig) pos(key string) diag.Pos {
	for _, u := range v.under {
		if p, ok := u.Pos[key]; ok {
			return p
		}
	}
	return v.Pos[key]
}

// variantEnv is what reading variant files needs of the recipe format.
type variantEnv struct {
	// Selector decides a `# [selector]` comment of a conda_build_config.yaml.
	Selector func(condition string) (bool, error)
	// If decides an `if:` of a variants.yaml, Fill fills in a ${{ }}; nil where there are none.
	If   func(doc *yamlx.Document, n *yaml.Node) (bool, *diag.Diagnostic)
	Fill func(doc *yamlx.Document, n *yaml.Node) (string, *diag.Diagnostic)
	// Options, if not nil, brings the cache.
	Options *RenderOptions
	// AllText keeps every value as text, and takes a value alone for a list of one, as conda-build does.
	AllText bool
}

// normalKey is a variant key as expressions and hashes write it.
func normalKey(key string) string {
	if strings.IndexByte(key, '-') < 0 && strings.IndexByte(key, '.') < 0 {
		return key
	}
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '.' {
			return '_'
		}
		return r
	}, key)
}

// readVariants reads the files in order; a key of a later one replaces that of an earlier one.
func readVariants(files []VariantFile, set map[string][]string, env variantEnv) (*variantConfig, diag.List) {
	v := newVariantConfig()
	var list diag.List
	for _, f := range files {
		more, problems := env.Options.cache().file(f, env, env.Options)
		list = append(list, problems...)
		v.add(more)
	}
	for _, key := range sortedNames(set) {
		list := []variantValue{}
		for _, s := range set[key] {
			list = append(list, variantValue{s, s})
		}
		v.choose(normalKey(key), list)
	}
	return v, append(list, v.checkZip()...)
}

func newVariantConfig() *variantConfig {
	return &variantConfig{Values: map[string][]variantValue{}, Pos: map[string]diag.Pos{}}
}

// add lays the keys of a later file over those of earlier ones.
func (v *variantConfig) add(w *variantConfig) {
	v.under = append([]*variantConfig{w}, v.under...)
	if w.Zip != nil {
		v.Zip = w.Zip
	}
}

func (o *RenderOptions) cache() *Cache {
	if o == nil {
		return nil
	}
	return o.Cache
}

// readsEnvironment reports whether a variant file may depend on more than the platforms.
func readsEnvironment(data []byte) bool {
	return bytes.Contains(data, []byte("environ")) || bytes.Contains(data, []byte("env."))
}

// isCondaBuildConfig reports whether a file has selectors in comments instead of `if:`.
func isCondaBuildConfig(path string) bool { return filepath.Base(path) == "conda_build_config.yaml" }

func (v *variantConfig) read(f VariantFile, env variantEnv) diag.List {
	data, old := f.Data, env.AllText || isCondaBuildConfig(f.Path)
	o := yamlx.Options{Source: string(f.Data)}
	var list diag.List
	if old {
		data, list = selectLines(f, env.Selector)
		o.Aliases, o.Duplicates = yamlx.ExpandAliases, diag.Warning
	}
	doc, more := yamlx.Load(f.Path, data, o)
	list = append(list, more...)
	if list.HasErrors() || doc.Root == nil {
		return list
	}
	if doc.Root.Kind != yaml.MappingNode {
		return append(list, doc.At(doc.Root, "wrong-type", "a variant file is a mapping of keys to lists, this is %s", yamlx.Kind(doc.Root)))
	}
	r := &variantReader{v: v, doc: doc, env: env, old: old}
	for k, n := range yamlx.Pairs(doc.Root) {
		r.key(k, n)
	}
	return append(list, r.list...)
}

// selectLines drops the lines whose `# [selector]` is false. Lines keep their numbers.
func selectLines(f VariantFile, selector func(string) (bool, error)) ([]byte, diag.List) {
	lines := strings.Split(string(f.Data), "\n")
	var list diag.List
	for i, line := range lines {
		_, comment, ok := strings.Cut(line, "#")
		comment = strings.TrimSpace(comment)
		if !ok || !strings.HasPrefix(comment, "[") || !strings.Contains(comment, "]") {
			continue
		}
		condition := strings.TrimSpace(comment[1:strings.LastIndexByte(comment, ']')])
		keep, err := true, error(nil)
		if condition != "" && selector != nil {
			keep, err = selector(condition)
		}
		if err != nil {
			list = append(list, diag.Diagnostic{Severity: diag.Error, Code: "bad-selector", Line: line,
				Pos: diag.Pos{File: f.Path, Line: i + 1, Column: strings.Index(line, "[") + 1}, Summary: fmt.Sprintf("selector %q: %v", condition, err)})
		}
		if !keep {
			lines[i] = ""
		}
	}
	return []byte(strings.Join(lines, "\n")), list
}

type variantReader struct {
	v    *variantConfig
	doc  *yamlx.Document
	env  variantEnv
	old  bool
	list diag.List
}

func (r *variantReader) key(k, n *yaml.Node) {
	switch k.Value {
	case "zip_keys":
		r.zip(n)
		return
	case "pin_run_as_build": // conda-build's recipes alone use it
		return
	}
	if r.old && yamlx.IsNull(n) {
		return
	}
	var values []variantValue
	switch {
	case n.Kind == yaml.SequenceNode:
		values = r.values(nil, n.Content)
	case r.env.AllText && n.Kind == yaml.ScalarNode:
		values = r.values(nil, []*yaml.Node{n})
	case r.env.AllText && n.Kind == yaml.MappingNode: // extend_keys and the like: settings, not variants
		return
	default:
		d := r.doc.At(n, "wrong-type", "the values of the variant key %q are not a list", k.Value)
		d.Suggestion = fmt.Sprintf("write `%s: [%s]`", k.Value, n.Value)
		r.list = append(r.list, d)
		return
	}
	if len(values) > 0 {
		key := normalKey(k.Value)
		r.v.Values[key], r.v.Pos[key] = values, r.doc.Pos(k)
	}
}

func (r *variantReader) values(out []variantValue, items []*yaml.Node) []variantValue {
	for _, n := range items {
		switch {
		case n.Kind == yaml.ScalarNode && isTemplate(n.Value) && r.env.Fill != nil && !r.old:
			s, d := r.env.Fill(r.doc, n)
			if d != nil {
				r.list = append(r.list, *d)
			} else if s != "" {
				out = append(out, variantValue{s, s})
			}
		case n.Kind == yaml.ScalarNode:
			out = append(out, r.value(n))
		case yamlx.Get(n, "if") != nil && r.env.If != nil && !r.old:
			out = r.conditional(out, n)
		default:
			r.list = append(r.list, r.doc.At(n, "wrong-type", "a variant value is a text, number or boolean, this is %s", yamlx.Kind(n)))
		}
	}
	return out
}

func (r *variantReader) conditional(out []variantValue, n *yaml.Node) []variantValue {
	yes, d := r.env.If(r.doc, yamlx.Get(n, "if"))
	if d != nil {
		r.list = append(r.list, *d)
		return out
	}
	branch := yamlx.Get(n, "else")
	if yes {
		branch = yamlx.Get(n, "then")
	}
	if branch == nil {
		return out
	}
	if branch.Kind == yaml.SequenceNode {
		return r.values(out, branch.Content)
	}
	return r.values(out, []*yaml.Node{branch})
}

func (r *variantReader) value(n *yaml.Node) variantValue {
	v := variantValue{n.Value, n.Value}
	if r.env.AllText || yamlx.IsQuoted(n) {
		return v
	}
	if b, ok := parseBool(n.Value); ok {
		v.Value = b
	} else if i, err := strconv.Atoi(n.Value); err == nil && (!r.old || n.Style&yaml.FlowStyle != 0) {
		v.Value = i
	}
	return v
}

// typed is a plain YAML scalar as recipe.yaml understands it: whole numbers and booleans are such, all
// else is text, 1.10 and 007 too.
func typed(n *yaml.Node) any {
	if yamlx.IsQuoted(n) {
		return n.Value
	}
	if b, ok := parseBool(n.Value); ok {
		return b
	}
	if i, err := strconv.Atoi(n.Value); err == nil && strconv.Itoa(i) == n.Value {
		return i
	}
	return n.Value
}

func (r *variantReader) zip(n *yaml.Node) {
	if n.Kind != yaml.SequenceNode {
		r.list = append(r.list, r.doc.At(n, "wrong-type", "zip_keys is a list of lists of keys"))
		return
	}
	r.v.Zip = nil
	groups := n.Content
	if r.old && len(groups) > 0 && groups[0].Kind == yaml.ScalarNode { // conda-build takes a single group bare
		groups = []*yaml.Node{n}
	}
	for _, g := range groups {
		if g.Kind != yaml.SequenceNode {
			r.list = append(r.list, r.doc.At(g, "wrong-type", "a group of zip_keys is a list of keys"))
			continue
		}
		var keys []string
		for _, k := range g.Content {
			keys = append(keys, normalKey(k.Value))
		}
		r.v.Zip = append(r.v.Zip, keys)
	}
}

// choose is --variant: it replaces a key's values. Of a zip group it chooses rows where they are among its own;
// others, if they are more or fewer, take the key out of the group. rattler-build refuses both.
func (v *variantConfig) choose(key string, values []variantValue) {
	old := v.get(key)
	at := slices.IndexFunc(v.Zip, func(group []string) bool { return slices.Contains(group, key) })
	if at < 0 || old == nil || len(values) == len(old) {
		v.set(key, values)
		return
	}
	var rows []int
	for _, value := range values {
		if i := slices.IndexFunc(old, func(o variantValue) bool { return o.Text == value.Text }); i >= 0 {
			rows = append(rows, i)
		}
	}
	if len(rows) == len(values) {
		for _, k := range v.Zip[at] {
			v.keepRows(k, rows)
		}
		return
	}
	v.Zip = slices.Clone(v.Zip)
	v.Zip[at] = slices.DeleteFunc(slices.Clone(v.Zip[at]), func(k string) bool { return k == key })
	if len(v.Zip[at]) < 2 {
		v.Zip = slices.Delete(v.Zip, at, at+1)
	}
	v.set(key, values)
}

// keepRows leaves a key of a zip group only the values of these rows.
func (v *variantConfig) keepRows(key string, rows []int) {
	all := v.get(key)
	var kept []variantValue
	for _, row := range rows {
		if row < len(all) {
			kept = append(kept, all[row])
		}
	}
	if kept != nil {
		v.set(key, kept)
	}
}

// checkZip reports groups whose keys have different numbers of values.
func (v *variantConfig) checkZip() (list diag.List) {
	for _, group := range v.Zip {
		complete, same := true, true
		for _, key := range group {
			values := v.get(key)
			complete = complete && values != nil
			same = same && len(values) == len(v.get(group[0]))
		}
		if len(group) < 2 {
			list = append(list, diag.Diagnostic{Code: "zip-keys", Summary: fmt.Sprintf("the zip_keys group %q has one key; it takes two or more", strings.Join(group, " "))})
		} else if complete && !same {
			var counts []string
			for _, key := range group {
				counts = append(counts, fmt.Sprintf("%s has %d", key, len(v.get(key))))
			}
			list = append(list, diag.Diagnostic{Code: "zip-keys", Pos: v.pos(group[0]),
				Suggestion: "give each key of the group as many values; --variant KEY=VALUE takes a key out of its group",
				Summary:    "the keys of a zip_keys group have different numbers of values: " + strings.Join(counts, ", ")})
		}
	}
	return list
}
