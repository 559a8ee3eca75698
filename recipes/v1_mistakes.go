package recipes

import (
	"maps"
	"slices"
	"strings"

	"forge/internal/diag"
	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// evaluationMistakes adds what only evaluation can tell to the mistakes of form, so that a maintainer sees
// both at once. It is left alone where the tree has not the shape that evaluation counts on.
func (r *v1Recipe) evaluationMistakes() {
	form := r.found.list
	if r.root == nil || r.root.Kind != yaml.MappingNode || !slices.ContainsFunc(form, isError) {
		return
	}
	for _, d := range form {
		if isError(d) && !slices.Contains([]string{"unknown-key", "bad-value", "expression-syntax", "missing-key"}, d.Code) {
			return
		}
	}
	said := r.found
	r.found = newFindings()
	r.renderings()
	found := r.found.list
	r.found = said
	for _, d := range otherLines(found, form) {
		if slices.Contains([]string{"undefined", "expression", "missing-hash", "unknown-staging"}, d.Code) {
			r.found.add(d)
		}
	}
}

func isError(d diag.Diagnostic) bool { return d.Severity == diag.Error }

var unknownWord = pattern{src: `^"(\w+)" is undefined$|^there is no function "(\w+)"$`}

// suggestNames adds the nearest name, or where one could come from, to what is said of names that mean
// nothing.
func (r *v1Recipe) suggestNames() {
	var known []string
	for i := range r.found.list {
		d := &r.found.list[i]
		m := unknownWord.FindStringSubmatch(d.Summary)
		if m == nil || d.Code != "undefined" || d.Suggestion != "" {
			continue
		}
		if known == nil {
			known = r.knownNames()
		}
		switch near := orNearest(m[1]+m[2], known); {
		case m[2] != "":
			d.Suggestion = near
		case near != "":
			d.Suggestion = near + " If not, " + undefinedHelp(m[1])
		default:
			d.Suggestion = undefinedHelp(m[1])
		}
	}
}

// knownNames are the variables, variant keys, functions and platform words that expressions may use.
func (r *v1Recipe) knownNames() []string {
	known := strings.Fields("compiler stdlib cdt match pin_subpackage pin_compatible load_from_file is_linux is_osx is_windows is_unix linux osx win unix " +
		"target_platform build_platform host_platform x86_64 aarch64 arm64 env")
	if r.program != nil {
		for k := range yamlx.Pairs(yamlx.Get(r.root, "context")) {
			known = append(known, k.Value)
		}
	}
	if r.config != nil {
		for _, c := range append([]*variantConfig{r.config}, r.config.under...) {
			known = append(known, slices.Collect(maps.Keys(c.Values))...)
		}
	}
	slices.Sort(known)
	return slices.Compact(known)
}
