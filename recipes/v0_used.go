package recipes

import (
	"regexp"
	"strings"
)

// v0Usage finds which variant keys a recipe uses. conda-build reads them off the text with regular
// expressions (variants.py, find_used_variables_in_text), and the hash depends on what they find, so
// they are followed to the letter, prefixes that match too much included.
type v0Usage struct {
	keys  []string
	res   map[string]*regexp.Regexp
	known map[usageKey][]string
}

type usageKey struct {
	text      string
	selectors bool
}

func newUsage(keys []string) *v0Usage {
	return &v0Usage{keys: keys, res: map[string]*regexp.Regexp{}, known: map[usageKey][]string{}}
}

// in lists the keys that text uses; in its selectors only, or anywhere.
func (u *v0Usage) in(text string, selectorsOnly bool) []string {
	k := usageKey{text, selectorsOnly}
	if found, ok := u.known[k]; ok {
		return found
	}
	found := []string{}
	flat := strings.ReplaceAll(text, "-", "_")
	lines := strings.Split(text, "\n")
	for _, key := range u.keys {
		if u.uses(key, flat, lines, selectorsOnly) {
			found = append(found, key)
		}
	}
	u.known[k] = found
	return found
}

// tool parts c_compiler_version into c and compiler.
func tool(key string) (lang, kind string) {
	for _, kind := range []string{"compiler", "stdlib"} {
		for _, suffix := range []string{"_" + kind, "_" + kind + "_version"} {
			if lang, ok := strings.CutSuffix(key, suffix); ok {
				return lang, kind
			}
		}
	}
	return "", ""
}

func (u *v0Usage) uses(key, flat string, lines []string, selectorsOnly bool) bool {
	name := strings.ReplaceAll(key, "-", "_")
	lang, kind := tool(key)
	isTool := kind != "" && !selectorsOnly
	if key == "cdt_name" || key == "cdt_arch" {
		isTool, lang, kind = true, "cdt(", "cdt("
	}
	if !strings.Contains(flat, name) && !(isTool && strings.Contains(flat, kind)) {
		return false
	}
	var re *regexp.Regexp
	for _, line := range lines {
		if !strings.Contains(strings.ReplaceAll(line, "-", "_"), name) && !(isTool && strings.Contains(line, lang)) {
			continue
		}
		if re == nil {
			re = u.pattern(key, selectorsOnly)
		}
		if re.MatchString(line) {
			return true
		}
	}
	return false
}

func (u *v0Usage) pattern(key string, selectorsOnly bool) *regexp.Regexp {
	id := key
	if selectorsOnly {
		id += " selectors"
	}
	if re := u.res[id]; re != nil {
		return re
	}
	v := regexp.QuoteMeta(key)
	req := strings.NewReplacer("-", "[-_]", "_", "[-_]").Replace(regexp.QuoteMeta(key))
	alternatives := []string{`^[^#\[]*?#?\s\[(?:[^\]]*?\s)?` + v + `\b[^\]]*?\]`}
	if !selectorsOnly {
		alternatives = append(alternatives,
			`\{\s*(?:pin_[a-z]+\(\s*?['"])?`+v+`[^_0-9a-zA-Z].*?\}\}`,
			`^\s+-\s+`+req+`(?:\s+x\.x)?\s*(?:\s[\[#]|$)`,
			`(?:^|[^\{])\{%\s*(?:el)?if\s*.*`+v+`\s*(?:[^%]*?)?%\}`,
			`(?:^|[^\{])\{%\s*(?:for|set)\s.*\b`+v+`\b(?:[^%]*?)?%\}`)
		if lang, kind := tool(key); kind != "" {
			alternatives = append(alternatives, `\{\s*`+kind+`\(['"]`+regexp.QuoteMeta(lang)+`['"][^{]*?\}`)
		}
	}
	if key == "cdt_name" || key == "cdt_arch" {
		alternatives = append(alternatives, `\{\s*cdt\(['"]`)
	}
	re := regexp.MustCompile(strings.Join(alternatives, "|"))
	u.res[id] = re
	return re
}

// inShell lists the keys that a shell script uses: the first variable of a line, followed by white
// space, a bar or a brace.
func (u *v0Usage) inShell(text string) (found []string) {
	for _, key := range u.keys {
		if !strings.Contains(text, key) {
			continue
		}
		re := regexp.MustCompile(`(?ms)^[^$]*?\$\{?\s*` + regexp.QuoteMeta(key) + `\s*[\s|\}]`)
		if re.MatchString(text) {
			found = append(found, key)
		}
	}
	return found
}

// inBatch lists the keys that a batch script uses as %key%.
func (u *v0Usage) inBatch(text string) (found []string) {
	for _, key := range u.keys {
		if strings.Contains(text, "%"+key+"%") {
			found = append(found, key)
		}
	}
	return found
}
