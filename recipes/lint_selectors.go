package recipes

import (
	"regexp"
	"slices"
	"strings"

	"forge/internal/diag"
	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// platformWords are what selectors and conditions call platforms; misnamed are other names for them.
func platformWords() []string {
	return strings.Fields("linux osx win unix linux64 win64 x86 x86_64 aarch64 arm64 ppc64le emscripten build_platform target_platform host_platform")
}

func misnamed(word string) string {
	return map[string]string{"windows": "win", "win_64": "win64", "mac": "osx", "macos": "osx", "darwin": "osx", "amd64": "x86_64", "x64": "x86_64",
		"linux_64": "linux64", "posix": "unix"}[strings.ToLower(word)]
}

// platformRules look for conditions that never hold, since they name no platform: an undefined name counts
// as false in selectors and in skip.
func (l *linter) platformRules() {
	switch l.format {
	case "meta.yaml":
		for i := range l.starts {
			if m := selectorComment.FindStringSubmatchIndex(l.line(i + 1)); m != nil {
				l.platformNames(l.starts[i]+m[8], l.line(i + 1)[m[8]:m[9]])
			}
		}
	case "recipe.yaml":
		for _, n := range l.skips() {
			if from, to, ok := l.span(n); ok {
				l.platformNames(from, l.text[from:to])
			}
		}
		l.selectorComments()
	}
}

// skips are the conditions of `skip`.
func (l *linter) skips() (out []*yaml.Node) {
	each(l.root, nil, func(path []string, n *yaml.Node) {
		if v := yamlx.Get(n, "skip"); v != nil && len(path) > 0 && path[len(path)-1] == "build" {
			out = append(append(out, v), v.Content...)
		}
	})
	return out
}

var keyAtStart = regexp.MustCompile(`(?m)^([A-Za-z_][\w.-]*):`)

// configured are the keys of all variant files.
func (l *linter) configured() map[string]bool {
	if l.variants == nil {
		l.variants = map[string]bool{}
		for _, f := range l.opts.Variants {
			for _, m := range keyAtStart.FindAllSubmatch(f.Data, -1) {
				l.variants[normalKey(string(m[1]))] = true
			}
		}
	}
	return l.variants
}

// platformNames reports names of a condition that are no platform's and very likely meant to be.
func (l *linter) platformNames(from int, condition string) {
	for _, r := range namesIn(condition) {
		word := condition[r.From:r.To]
		if strings.HasPrefix(strings.TrimLeft(condition[r.To:], " "), "(") { // a function
			continue
		}
		meant := misnamed(word)
		if near := diag.Nearest(word, platformWords()); meant == "" && len(word) > 2 && len(near) > 2 && len(word) <= len(near)+1 && !l.known(word) {
			meant = near
		}
		if meant == "" || l.known(word) {
			continue
		}
		l.sayAt("unknown-selector", from+r.From, from+r.To, "no platform is called "+word+", so this never holds", "did you mean `"+meant+"`?")
	}
}

// known reports whether a name means something: a platform, a variant key, or one of the builtins.
func (l *linter) known(word string) bool {
	if slices.Contains(platformWords(), word) || l.configured()[word] {
		return true
	}
	if _, ok := newScope(&l.opts, v0Variant{}).builtin(word); ok {
		return true
	}
	return hostWords()[word].kind != noWord
}

// selectorComments reports comments that would be selectors in a meta.yaml.
func (l *linter) selectorComments() {
	block := l.blockLines()
	for i := range l.starts {
		line := l.line(i + 1)
		m := selectorComment.FindStringSubmatchIndex(line)
		if m == nil || block[i+1] || strings.HasPrefix(strings.TrimSpace(line), "#") || line[m[4]:m[5]] == "" {
			continue
		}
		condition := line[m[8]:m[9]]
		names := namesIn(condition)
		if len(names) == 0 || slices.ContainsFunc(names, func(r Range) bool {
			word := condition[r.From:r.To]
			return !slices.Contains(platformWords(), word) && !slices.Contains([]string{"py", "np", "not", "and", "or"}, word)
		}) {
			continue
		}
		l.sayAt("selector-comment", l.starts[i]+m[4], l.starts[i]+m[1], "in recipe.yaml a comment selects nothing", "write `if: "+condition+"` and `then:`")
	}
}
