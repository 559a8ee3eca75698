package recipes

import (
	"strconv"

	"forge/internal/diag"
	"forge/packages"
	"forge/recipes/internal/yamlx"

	"github.com/bmatcuk/doublestar/v4"
	"gopkg.in/yaml.v3"
)

// aboutPart is an about section, evaluated but not yet merged with the recipe's own.
type aboutPart struct {
	homepage, repository, documentation, license, family, summary, description *string
	files                                                                      []string
	hasFiles                                                                   bool
	pos                                                                        diag.Pos
}

func (f *frame) about(n *yaml.Node) aboutPart {
	get := func(key string, check func(string) error) *string {
		v := yamlx.Get(n, key)
		if v == nil {
			return nil
		}
		s := f.checked(v, check)
		return &s
	}
	trimmed := func(key string) *string {
		v := yamlx.Get(n, key)
		if v == nil {
			return nil
		}
		s := f.trimmed(v)
		return &s
	}
	a := aboutPart{homepage: get("homepage", checkURL), repository: get("repository", checkURL), documentation: get("documentation", checkURL),
		license: get("license", checkLicense), family: trimmed("license_family"), summary: trimmed("summary"), description: trimmed("description")}
	if files := yamlx.Get(n, "license_file"); files != nil {
		a.hasFiles, a.pos = true, f.doc.Pos(files)
		a.files = f.late(files, "PREFIX", "BUILD_PREFIX", "SRC_DIR", "RECIPE_DIR", "BUILD_DIR")
		for _, p := range a.files {
			if !doublestar.ValidatePattern(p) {
				f.errorf(files, "bad-glob", "%q is not a pattern of files: a bracket or brace does not close", p)
			}
		}
	}
	return a
}

func (a aboutPart) over(top aboutPart) aboutPart {
	for _, p := range []struct{ mine, theirs **string }{{&a.homepage, &top.homepage}, {&a.repository, &top.repository},
		{&a.documentation, &top.documentation}, {&a.license, &top.license}, {&a.family, &top.family}, {&a.summary, &top.summary}, {&a.description, &top.description}} {
		if *p.mine == nil {
			*p.mine = *p.theirs
		}
	}
	if !a.hasFiles {
		a.files, a.hasFiles, a.pos = top.files, top.hasFiles, top.pos
	}
	return a
}

func (a aboutPart) about() About {
	one := func(s *string) []string {
		if s == nil || *s == "" {
			return nil
		}
		return []string{canonicalURL(*s)}
	}
	str := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	return About{About: packages.About{Home: one(a.homepage), DevURL: one(a.repository), DocURL: one(a.documentation), License: str(a.license),
		LicenseFamily: str(a.family), Summary: str(a.summary), Description: str(a.description)}, LicenseFiles: a.files, LicensePos: a.pos}
}

// extra evaluates the free part of a recipe into plain data.
func (f *frame) extra(n *yaml.Node) any {
	if n == nil {
		return nil
	}
	switch n.Kind {
	case yaml.MappingNode:
		m := map[string]any{}
		for k, v := range yamlx.Pairs(n) {
			m[k.Value] = f.extra(v)
		}
		return m
	case yaml.SequenceNode:
		out := []any{}
		for _, e := range n.Content {
			out = append(out, f.extra(e))
		}
		return out
	}
	if f.tmpl[n] != nil {
		return f.text(n)
	}
	if yamlx.IsNull(n) {
		return nil
	}
	v := typed(n)
	if s, ok := v.(string); ok && !yamlx.IsQuoted(n) && fraction.MatchString(s) {
		if x, err := strconv.ParseFloat(s, 64); err == nil {
			return x
		}
	}
	return v
}

// fraction is a number that is no whole one; only in extra it is one, elsewhere 1.10 is a text.
var fraction = pattern{src: `^[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+[eE])([eE]?[-+]?[0-9]+)?$`}

// extraMap reads extra. What of the variant it names is no part of the hash.
func (f *frame) extraMap(n *yaml.Node) map[string]any {
	read := f.read
	f.read = map[string]bool{}
	m, _ := f.extra(n).(map[string]any)
	f.read = read
	return m
}
