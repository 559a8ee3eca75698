package provenance

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"forge/internal/plain"
)

// check refuses a build that lacks what a statement must say.
func (b *Build) check() error {
	for _, f := range []struct {
		what  string
		there bool
	}{
		{"file name", b.FileName != "" && !strings.ContainsAny(b.FileName, "/\\")},
		{"sha256 of the file", !b.SHA256.IsZero()},
		{"path of the recipe", b.Recipe != ""},
		{"digest of the recipe's folder", !b.RecipeTree.IsZero()},
		{"output", b.Output != ""},
		{"platform", b.Platform != ""},
		{"key", !b.Key.IsZero()},
		{"builder", b.BuilderID != ""},
		{"mode of the builder", b.BuilderMode != ""},
		{"version of the builder", b.BuilderVersion != ""},
	} {
		if !f.there {
			return fmt.Errorf("the %s is missing or wrong", f.what)
		}
	}
	if b.GitRemote != "" && hasCredentials(b.GitRemote) {
		return errors.New("the git remote holds credentials")
	}
	for _, m := range b.Materials {
		if err := m.check(); err != nil {
			return err
		}
	}
	for _, p := range b.Byproducts {
		if p.Name == "" {
			return errors.New("a byproduct has no name")
		}
		if err := checkDigests(p.Digests); err != nil {
			return fmt.Errorf("byproduct %s: %w", p.Name, err)
		}
	}
	if err := checkDigests(b.recipeDependency().Digest); err != nil {
		return fmt.Errorf("the recipe: %w", err)
	}
	return b.checkTexts()
}

func (m *Material) check() error {
	if m.Kind == "" || m.Name == "" && m.URI == "" {
		return fmt.Errorf("a material has no kind or no name: %+v", *m)
	}
	if hasCredentials(m.URI) {
		return fmt.Errorf("material %s: its URI holds credentials", m.Name)
	}
	if err := checkDigests(m.Digests); err != nil {
		return fmt.Errorf("material %s %s: %w", m.Kind, m.Name, err)
	}
	return nil
}

// digits are the hex digits of each algorithm we name things by.
var digits = map[string][]int{
	"sha256": {64}, "sha512": {128}, "gitCommit": {40, 64}, "gitTree": {40, 64},
	DigestTree: {64}, DigestContent: {64}, "sha1": {40}, "md5": {32},
}

// checkDigests wants one good digest at least, and all of them well formed.
func checkDigests(digests map[string]string) error {
	strong := false
	for alg, value := range digests {
		lengths, known := digits[alg]
		if !known {
			return fmt.Errorf("the digest algorithm %q is not known", alg)
		}
		if !slices.Contains(lengths, len(value)) || strings.Trim(value, "0123456789abcdef") != "" {
			return fmt.Errorf("%q is not a %s in lower case hex", value, alg)
		}
		strong = strong || alg != "sha1" && alg != "md5" && alg != DigestContent && alg != "gitTree"
	}
	if !strong {
		return errors.New("it has no digest that names it (sha256, sha512, gitCommit or " + DigestTree + ")")
	}
	return nil
}

// hasCredentials tells of a user name or password in a URL.
func hasCredentials(uri string) bool {
	_, rest, ok := strings.Cut(uri, "://")
	if !ok {
		return false
	}
	authority, _, _ := strings.Cut(rest, "/")
	user, _, ok := strings.Cut(authority, "@")
	return ok && user != "git"
}

// checkTexts refuses text that stands where something observed should. The isolation level and what variants
// files say are words of their own ("None" is one, conda-forge's cuda_compiler_version).
func (b *Build) checkTexts() error {
	c := *b
	c.Variant, c.Unused, c.Settings, c.Isolation = nil, nil, nil, ""
	all, err := plain.Of(c)
	if err != nil {
		return err
	}
	if holdsFiller(all) {
		return findFiller("", all)
	}
	for _, said := range []map[string]any{b.Variant, b.Unused, b.Settings} {
		if err := validText(said); err != nil {
			return err
		}
	}
	return validText(map[string]any{"isolation": b.Isolation, "file": b.FileName, "recipe": b.Recipe})
}

var fillers = []string{"unknown", "n/a", "none", "todo", "tbd", "null"}

// holdsFiller is findFiller without a word on where: mostly there is none.
func holdsFiller(v any) bool {
	switch v := v.(type) {
	case string:
		return isFiller(v)
	case []any:
		return slices.ContainsFunc(v, holdsFiller)
	case map[string]any:
		for _, item := range v {
			if holdsFiller(item) {
				return true
			}
		}
	}
	return false
}

// isFiller compares only what may be one: a statement holds thousands of texts.
func isFiller(v string) bool {
	const unknownHost, longest = "https://unknown", len("unknown")
	return len(v) <= longest && slices.Contains(fillers, strings.ToLower(v)) ||
		len(v) >= len(unknownHost) && strings.EqualFold(v[:len(unknownHost)], unknownHost)
}

func findFiller(where string, v any) error {
	switch v := v.(type) {
	case string:
		if isFiller(v) {
			return fmt.Errorf("%s is %q: what was not observed is left out", strings.TrimPrefix(where, "."), v)
		}
	case []any:
		for _, item := range v {
			if err := findFiller(where, item); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if err := findFiller(where+"."+k, v[k]); err != nil {
				return err
			}
		}
	}
	return nil
}

// validText refuses what JSON cannot carry unchanged.
func validText(m map[string]any) error {
	for k, v := range m {
		if s, ok := v.(string); !utf8.ValidString(k) || ok && !utf8.ValidString(s) {
			return fmt.Errorf("%q is not UTF-8", k)
		}
	}
	return nil
}
