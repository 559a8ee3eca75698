package recipes

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"forge/internal/diag"

	"gopkg.in/yaml.v3"
)

// hints are what rendering tells about a conversion that its text does not.
type hints struct {
	optional map[string]bool // variant keys that a variant may lack
	truths   map[string]bool // variant keys whose values are the texts true and false
	starred  map[string]bool // packages whose variant value is a version, no spec
	bools    map[string]bool // variant keys that are true or false in recipe.yaml, texts in meta.yaml
	cmd      bool            // variables of the shell are written as cmd wants them on Windows
	textual  bool            // conditions may be texts, which HCL does not take for any
	cdt      bool            // names of core dependency trees are written out
	use      map[string]map[string]bool
	ignore   map[string]map[string]bool // output → variant keys that (do not) tell its variants apart
}

func newHints() *hints {
	return &hints{optional: map[string]bool{}, truths: map[string]bool{}, starred: map[string]bool{}, bools: map[string]bool{}, use: map[string]map[string]bool{}, ignore: map[string]map[string]bool{}}
}

// ConvertChecked is Convert, with the result held against the original: both are rendered with each of
// the options, and what differs is an error at the output it belongs to. What rendering tells helps the
// conversion: variant keys that may be missing, keys that must go on telling variants apart. Without
// options, and where the original does not render, a warning says that nothing was compared.
func ConvertChecked(path string, data []byte, to string, renders []RenderOptions) ([]byte, diag.List) {
	from := formatOf(path)
	if from == "meta.yaml" && to == "recipe.hcl" {
		out, list := ConvertChecked(path, data, "recipe.yaml", renders)
		if out == nil {
			return nil, list
		}
		for i := range renders {
			renders[i].Variants = append([]VariantFile{v0Defaults(&renders[i])}, renders[i].Variants...)
		}
		between := filepath.Join(filepath.Dir(path), "recipe.yaml")
		hcl, more := ConvertChecked(between, out, to, renders)
		return hcl, append(list, more...)
	}
	h := newHints()
	var out []byte
	var list, found diag.List
	for round := 0; ; round++ {
		if out, list = convertWith(path, data, to, h); out == nil || from == to {
			return out, list
		}
		var again bool
		if found, again = checkConversion(path, data, out, to, renders, h); !again || round > 8 {
			break
		}
	}
	list = append(list, found...)
	list.Sort()
	return out, list
}

// checkConversion renders original and result. again is true where h learnt something.
func checkConversion(path string, data, out []byte, to string, renders []RenderOptions, h *hints) (list diag.List, again bool) {
	found, compared, problem := newFindings(), 0, diag.List(nil)
	for _, opts := range renders {
		opts = opts.converting()
		before := Render(path, data, opts)
		if before.Diagnostics.HasErrors() {
			problem = before.Diagnostics
			continue
		}
		if len(before.Outputs) == 0 {
			continue
		}
		compared++
		after, unread := renderConverted(path, out, to, opts)
		if unread != nil {
			found.add(*unread)
		}
		if h.learnErrors(after.Diagnostics) {
			again = true
			continue
		}
		if after.Diagnostics.HasErrors() {
			found.add(unreadable(path, to, after.Diagnostics, &opts))
			continue
		}
		again = h.learnTruths(after) || again
		for _, d := range compareConverted(before, after) {
			again = h.learn(d, before, after) || again
			found.add(d.diagnostic(to, &opts))
		}
	}
	if compared == 0 {
		found.add(notCompared(path, problem))
	}
	return found.list, again
}

// renderConverted renders the result with the variants of the original, also where recipe.yaml cannot
// take the variants file as it is, which is said.
func renderConverted(path string, out []byte, to string, opts RenderOptions) (*Rendered, *diag.Diagnostic) {
	file := filepath.Join(filepath.Dir(path), to)
	if formatOf(path) != "meta.yaml" {
		return Render(file, out, opts), nil
	}
	v := newV0(path, "", opts)
	readable := v.configured()
	if targets := v.cfg.vals["target_platform"]; readable && !slices.Equal(targets, []string{opts.TargetPlatform.String()}) {
		return renderTargets(file, out, v.cfg, opts)
	}
	opts.Variants = append([]VariantFile{v0Defaults(&opts)}, opts.Variants...)
	r := Render(file, out, opts)
	for _, d := range r.Diagnostics {
		if d.Severity != diag.Error || d.Pos.File == file || !readable {
			continue
		}
		d.Severity, d.Code = diag.Warning, "not-carried"
		d.Summary = "recipe.yaml does not take this variants file: " + d.Summary
		opts.Variants = []VariantFile{v.cfg.file()}
		return Render(file, out, opts), &d
	}
	return r, nil
}

// v0Defaults are the variant keys that conda-build sets where no file does.
func v0Defaults(opts *RenderOptions) VariantFile {
	return defaultV0Config(opts.TargetPlatform).file()
}

// file is the configuration as a variants file.
func (c *v0Config) file() VariantFile {
	root := mapNode()
	for _, k := range c.keys {
		if k == "target_platform" {
			continue
		}
		vals := listNode()
		for _, v := range c.vals[k] {
			switch l := strings.ToLower(v); l {
			case "true", "false": // selectors take them for truth values
				vals.Content = append(vals.Content, plainNode(l))
			default:
				vals.Content = append(vals.Content, quotedNode(v))
			}
		}
		addPair(root, k, vals)
	}
	zip := listNode()
	for _, group := range c.zip {
		keys := listNode()
		for _, k := range group {
			keys.Content = append(keys.Content, plainNode(k))
		}
		zip.Content = append(zip.Content, keys)
	}
	if len(zip.Content) > 0 {
		addPair(root, "zip_keys", zip)
	}
	data, err := yaml.Marshal(root)
	if err != nil {
		data = nil
	}
	return VariantFile{Path: "conda_build_config.yaml", Data: data}
}

func notCompared(path string, why diag.List) diag.Diagnostic {
	d := diag.Diagnostic{Severity: diag.Warning, Code: "not-compared", Pos: diag.Pos{File: path}, Summary: "the recipe makes no output on the platforms it was rendered for, so the result was compared with nothing"}
	for _, e := range why {
		if e.Severity == diag.Error {
			d.Pos, d.Line = e.Pos, e.Line
			d.Summary = "the recipe itself does not render, so the result was compared with nothing: " + e.Summary
			d.Suggestion = e.Suggestion
			return d
		}
	}
	return d
}

func unreadable(path, to string, list diag.List, opts *RenderOptions) diag.Diagnostic {
	for _, e := range list {
		if e.Severity == diag.Error {
			return diag.Diagnostic{Code: "not-equal", Pos: diag.Pos{File: path}, Detail: e.String(), Suggestion: e.Suggestion,
				Summary: fmt.Sprintf("the %s does not render for %s: line %d: %s", to, opts.TargetPlatform, e.Pos.Line, e.Summary)}
		}
	}
	return diag.Diagnostic{Code: "not-equal", Pos: diag.Pos{File: path}, Summary: "the result does not render"}
}

// diagnostic says what differs. What only names a package otherwise is a note.
func (d *difference) diagnostic(to string, opts *RenderOptions) diag.Diagnostic {
	out := diag.Diagnostic{Code: "not-equal", Pos: d.pos, Summary: fmt.Sprintf("%s of %s is not the same in %s", d.field, quoted(d.output), to),
		Detail: fmt.Sprintf("on %s\nwas %s\nnow %s", opts.TargetPlatform, orNone(d.before), orNone(d.after))}
	if filepath.Base(d.pos.File) == to {
		out.Pos = diag.Pos{File: filepath.Join(filepath.Dir(d.pos.File), to)}
	}
	switch {
	case d.minor:
		out.Severity = diag.Note
		out.Suggestion = "only the hash in the package's name differs; build.variant.use_keys and ignore_keys choose what is hashed"
	case d.field == "variant" || d.field == "output":
		out.Suggestion = "name the variant keys that tell the packages apart in build.variant.use_keys"
	default:
		out.Suggestion = "correct it by hand"
	}
	return out
}

func orNone(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

var (
	undefinedName = regexp.MustCompile("[`\"]([A-Za-z_][A-Za-z0-9_]*)[`\"] is (?:undefined|not defined|not set)")
	bareVersion   = pattern{src: `dependency "([^" ]+) .*missing range specifier`}
)

// learnErrors learns from why the result does not render.
func (h *hints) learnErrors(list diag.List) (learnt bool) {
	add := func(m map[string]bool, key string) {
		if !m[key] {
			m[key], learnt = true, true
		}
	}
	for _, d := range list {
		if d.Severity != diag.Error {
			continue
		}
		if m := undefinedName.FindStringSubmatch(d.Summary); m != nil {
			add(h.optional, m[1])
		}
		if strings.Contains(d.Summary, "incorrect condition type") && !h.textual {
			h.textual, learnt = true, true
		}
		if m := bareVersion.FindStringSubmatch(d.Summary); m != nil {
			add(h.starred, m[1])
		}
	}
	return learnt
}

// learnTruths finds variant keys that say true and false, as texts or as truth values.
func (h *hints) learnTruths(r *Rendered) (learnt bool) {
	for _, o := range r.Outputs {
		for k, v := range o.Full {
			switch s, _ := v.(string); strings.ToLower(s) {
			case "true", "false":
				learnt = learnt || !h.truths[k]
				h.truths[k] = true
			}
			if _, truth := v.(bool); truth && !h.bools[k] {
				h.bools[k], learnt = true, true
			}
		}
	}
	return learnt
}

// learn finds variant keys that tell the variants of an output apart in one format alone.
func (h *hints) learn(d difference, before, after *Rendered) (learnt bool) {
	if strings.Contains(d.before, "%") && strings.Contains(d.after, "$") && !h.cmd && (d.field == "script" || d.field == "tests") {
		h.cmd = true // variables of cmd's
		return true
	}
	if !h.cdt && strings.HasPrefix(d.field, "requirements/") && treeName.MatchString(d.before) {
		h.cdt = true
		return true
	}
	if d.minor || d.field != "variant" && d.field != "output" {
		return false
	}
	loop := loopKeys(before, after)
	old, _ := usedKeys(before, d.output, loop)
	now, always := usedKeys(after, d.output, loop)
	note := func(m map[string]map[string]bool, key string) {
		if m[d.output] == nil {
			m[d.output] = map[string]bool{}
		}
		if !m[d.output][key] && !h.use[d.output][key] && !h.ignore[d.output][key] {
			m[d.output][key], learnt = true, true
		}
	}
	for k := range old {
		if !always[k] {
			note(h.use, k)
		}
	}
	for k := range now {
		if !old[k] {
			note(h.ignore, k)
		}
	}
	return learnt
}

var treeName = pattern{src: `-cos[0-9]+-`}

// usedKeys are the keys that any variant of an output uses, and those that all do.
func usedKeys(r *Rendered, output string, loop map[string]bool) (used, always map[string]bool) {
	used, always = map[string]bool{}, map[string]bool{}
	count, outputs := map[string]int{}, 0
	for _, o := range r.Outputs {
		if o.Name != output || o.Skip || o.Staging {
			continue
		}
		for k := range o.Variant {
			if loop[normalKey(k)] && !(o.NoArch == "python" && k == "python") {
				used[normalKey(k)] = true
				count[normalKey(k)]++
			}
		}
		outputs++
	}
	for k, n := range count {
		always[k] = n == outputs
	}
	return used, always
}

// of is what is known of an output; where its name depends on the variant, of all that it may stand for.
func of(m map[string]map[string]bool, output string) map[string]bool {
	if !strings.Contains(output, "{{") {
		return m[output]
	}
	var pattern strings.Builder
	at := 0
	for _, place := range templateIn.FindAllStringIndex(output, -1) {
		pattern.WriteString(regexp.QuoteMeta(output[at:place[0]]) + ".*")
		at = place[1]
	}
	pattern.WriteString(regexp.QuoteMeta(output[at:]))
	named, err := regexp.Compile("^" + pattern.String() + "$")
	all := map[string]bool{}
	for name, keys := range m {
		if err != nil || named.MatchString(name) {
			maps.Copy(all, keys)
		}
	}
	return all
}

var templateIn = pattern{src: `\$?\{\{.*?\}\}`}

// keys adds what rendering told to the build section of an output.
func (h *hints) keys(to *yaml.Node, output string) {
	if len(of(h.use, output))+len(of(h.ignore, output)) == 0 {
		return
	}
	use, ignore := of(h.use, output), of(h.ignore, output)
	for key, names := range map[string]map[string]bool{"use_keys": use, "ignore_keys": ignore} {
		list := listNode()
		for _, n := range sortedNames(names) {
			if !(strings.Contains(output, "{{") && mentions(output, n)) && !(use[n] && ignore[n]) { // its name tells anyway; names of several outputs may be alike
				list.Content = append(list.Content, plainNode(n))
			}
		}
		if len(list.Content) == 0 {
			continue
		}
		addItems(within(to, "build", "variant"), key, list)
	}
	if v := within(to, "build", "variant"); len(v.Content) == 4 && strings.Compare(v.Content[0].Value, v.Content[2].Value) < 0 {
		v.Content = slices.Concat(v.Content[2:], v.Content[:2])
	}
	dropEmpty(to)
}
