package recipes

import (
	"regexp"
	"strings"

	"forge/recipes/internal/yamlx"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"gopkg.in/yaml.v3"
)

// Completion is one thing that may stand at an offset.
type Completion struct {
	Label  string
	Kind   string // "key", "value", "function", "variable", "filter" or "package"
	Detail string
	Insert string // empty for the label
}

// Complete lists what may stand at an offset, and which stretch it replaces. packages are names that
// requirements may have.
func (a *Assist) Complete(offset int, packages []string) (list []Completion, replaces Range) {
	replaces, _ = a.word(offset)
	replaces.To = offset
	line, _ := a.place(offset)
	before := a.text[a.starts[line-1]:offset]
	switch {
	case a.format == "recipe.hcl":
		return a.completeHCL(offset, before), replaces
	case a.inExpression(offset, before):
		return a.expressionNames(before), replaces
	case keyPosition.MatchString(before):
		list = a.keysAt(line, offset)
		if len(list) == 0 || strings.Contains(before, "- ") {
			list = append(list, a.requirementNames(line, packages)...)
		}
	default:
		if m := valuePosition.FindStringSubmatch(before); m != nil {
			list = a.valuesAt(line, m[1])
		}
	}
	return list, replaces
}

var (
	keyPosition   = pattern{src: `^\s*(- +)*[A-Za-z_$-]*$`}
	valuePosition = pattern{src: `^\s*(?:- +)*([A-Za-z_-]+):\s+\S*$`}
	hclKeyLine    = pattern{src: `^\s*[A-Za-z_-]*$`}
)

// inExpression reports whether an offset is inside of ${{ }}, of {{ }} or {% %}, or behind `if:`.
func (a *Assist) inExpression(offset int, before string) bool {
	open := strings.LastIndex(before, "{{")
	if a.format == "meta.yaml" {
		open = max(open, strings.LastIndex(before, "{%"))
		if i := strings.LastIndex(before, "# ["); i >= 0 && !strings.Contains(before[i:], "]") {
			return true
		}
	}
	if open >= 0 && !strings.Contains(before[open:], "}}") && !strings.Contains(before[open:], "%}") {
		return true
	}
	return a.format == "recipe.yaml" && regexp.MustCompile(`^\s*(- +)*(if|skip):\s`).MatchString(before)
}

// expressionNames are variables, functions and platform names; filters behind a bar.
func (a *Assist) expressionNames(before string) (list []Completion) {
	if regexp.MustCompile(`\|\s*\w*$`).MatchString(before) {
		filters := v1Dialect().Filters
		for _, name := range sortedNames(filters) {
			list = append(list, Completion{Label: name, Kind: "filter"})
		}
		return list
	}
	for _, s := range a.symbols() {
		list = append(list, Completion{Label: s.Name, Kind: "variable", Detail: "variable of this recipe"})
	}
	for name, detail := range map[string]string{`compiler`: "the compiler of a language", `stdlib`: "the C library that a compiler is for", `cdt`: "a package of the core dependency tree",
		`pin_subpackage`: "pin an output of this recipe", `pin_compatible`: "pin what the host environment got", `match`: "compare a version"} {
		if name == "match" && a.format == "meta.yaml" {
			continue
		}
		list = append(list, Completion{Label: name, Kind: "function", Detail: detail, Insert: name + `("`})
	}
	for _, key := range a.variantNames() {
		list = append(list, Completion{Label: key, Kind: "variable", Detail: "variant key"})
	}
	o := a.opts.withDefaults()
	names := newPlatform(&o).names()
	for _, name := range sortedNames(names) {
		list = append(list, Completion{Label: name, Kind: "variable", Detail: "platform"})
	}
	return list
}

func (a *Assist) variantNames() []string {
	found := map[string]bool{}
	files, err := variantsBeside(a.path)
	if err != nil {
		files = nil
	}
	for _, f := range append(files, a.opts.Variants...) {
		for k := range yamlx.Pairs(readOutline("x.yaml", f.Data).root) {
			if k.Value != "zip_keys" && k.Value != "pin_run_as_build" {
				found[normalKey(k.Value)] = true
			}
		}
	}
	return sortedNames(found)
}

// probed is the file with a probe in place of the word at an offset, taken apart.
func (a *Assist) probed(line, offset int, probe string) *outline {
	from := offset
	for from > a.starts[line-1] && !strings.ContainsRune(" \t", rune(a.text[from-1])) {
		from--
	}
	_, end := a.lineSpan(line)
	return readOutline(a.path, []byte(a.text[:from]+probe+"\n"+a.text[end:]))
}

// keysAt are the keys that the mapping at a line may have and has not. The reader is asked.
func (a *Assist) keysAt(line, offset int) (list []Completion) {
	o := a.probed(line, offset, probeKey+": x")
	var path []string
	var mapping *yaml.Node
	each(o.root, nil, func(p []string, n *yaml.Node) {
		for k := range yamlx.Pairs(n) {
			if k.Value == probeKey {
				path, mapping = p, n
			}
		}
	})
	if mapping == nil {
		return nil
	}
	for _, k := range a.known(o, path, mapping) {
		if yamlx.Get(mapping, k) != nil {
			continue
		}
		var keys []string
		for _, p := range append(path[:len(path):len(path)], k) {
			if p != "-" {
				keys = append(keys, p)
			}
		}
		list = append(list, Completion{Label: k, Kind: "key", Detail: keyDoc(keys), Insert: k + ": "})
	}
	return list
}

func (a *Assist) known(o *outline, path []string, mapping *yaml.Node) []string {
	if a.format == "meta.yaml" {
		sections := []string{}
		for _, p := range path {
			if p != "-" {
				sections = append(sections, p)
			}
		}
		if len(sections) == 0 {
			return v0Sections()
		}
		return v0Fields(sections[len(sections)-1])
	}
	c := &checker{program: newProgram(yamlx.Foreign(o.path, nil)), lang: v1Dialect()}
	c.root = o.root
	recipeShape(c, o.root)
	var at *yaml.Node
	for k := range yamlx.Pairs(mapping) {
		if k.Value == probeKey {
			at = k
		}
	}
	for _, d := range c.list {
		if m := knownKeysText.FindStringSubmatch(d.Detail); m != nil && d.Pos.Line == at.Line && d.Code == "unknown-key" {
			keys := strings.Split(m[1], ", ")
			if len(path) == 0 && !contains(keys, "outputs") {
				keys = append(keys, "outputs")
			}
			return keys
		}
	}
	for _, d := range c.list { // a choice that is still open
		if d.Code == "missing-key" && d.Pos.Line == mapping.Line {
			var words []string
			for _, w := range choiceWord.FindAllString(d.Summary, -1) {
				if keyDoc(append(path[:len(path):len(path)], w)) != "" || contains([]string{"url", "git", "path", "python", "perl", "r", "ruby", "script", "downstream", "package_contents", "package", "staging"}, w) {
					words = append(words, w)
				}
			}
			return words
		}
	}
	return nil
}

// valuesAt are the words that a key takes.
func (a *Assist) valuesAt(line int, key string) (list []Completion) {
	if a.format != "recipe.yaml" {
		return nil
	}
	var steps []step
	each(a.root, nil, func(path []string, n *yaml.Node) {
		for k := range yamlx.Pairs(n) {
			if k.Line == line && k.Value == key {
				steps = nil
				for _, p := range append(path[:len(path):len(path)], key) {
					if p == "-" {
						p = ""
					}
					steps = append(steps, step{key: p})
				}
			}
		}
	})
	if steps == nil {
		return nil
	}
	found := newProber().at(steps, nil)
	words := found.words
	if found.scalar == "boolean" {
		words = []string{"true", "false"}
	}
	for _, w := range words {
		list = append(list, Completion{Label: w, Kind: "value"})
	}
	return list
}

// requirementNames are packages and calls, where a line is an item of requirements.
func (a *Assist) requirementNames(line int, packages []string) (list []Completion) {
	in := ""
	for i := line - 1; i > 0; i-- {
		t := strings.TrimSpace(a.line(i))
		if strings.HasSuffix(t, ":") && !strings.HasPrefix(t, "-") {
			in = strings.TrimSuffix(t, ":")
			break
		}
	}
	if !contains([]string{"build", "host", "run", "run_constraints", "run_constrained", "requires", "then", "weak", "strong"}, in) {
		return nil
	}
	open := "${{ "
	if a.format == "meta.yaml" {
		open = "{{ "
	}
	for _, call := range []string{`compiler("c")`, `compiler("cxx")`, `stdlib("c")`} {
		if in == "build" {
			list = append(list, Completion{Label: open + call + " }}", Kind: "function"})
		}
	}
	seen := map[string]bool{}
	for _, name := range packages {
		if !seen[name] {
			seen[name] = true
			list = append(list, Completion{Label: name, Kind: "package"})
		}
	}
	return list
}

// completeHCL lists blocks, attributes and names of a recipe.hcl.
func (a *Assist) completeHCL(offset int, before string) (list []Completion) {
	block := a.blockAt(offset)
	if !hclKeyLine.MatchString(before) {
		if i := strings.LastIndexAny(before, " ([{,="); strings.Contains(before[i+1:], "local.") {
			o := a.outline
			if o.body == nil { // the name is not written yet
				o = readOutline(a.path, []byte(a.text[:offset]+probeKey+a.text[offset:]))
			}
			for _, s := range o.symbols() {
				list = append(list, Completion{Label: s.Name, Kind: "variable"})
			}
			return list
		} else if strings.Contains(before[i+1:], "variant.") {
			for _, k := range a.variantNames() {
				list = append(list, Completion{Label: k, Kind: "variable"})
			}
			return list
		}
		for _, name := range strings.Fields("compiler stdlib cdt pin_subpackage pin_compatible match file env concat contains join split replace lower upper try can") {
			list = append(list, Completion{Label: name, Kind: "function", Insert: name + "("})
		}
		for _, name := range []string{"local", "variant", "package"} {
			list = append(list, Completion{Label: name, Kind: "variable", Insert: name + "."})
		}
		return list
	}
	if len(block) == 0 {
		for _, name := range sortedNames(hclBlocks()) {
			insert := name + " {\n  \n}"
			if hclBlocks()[name].named {
				insert = name + " \"\" {\n  \n}"
			}
			list = append(list, Completion{Label: name, Kind: "key", Insert: insert, Detail: keyDoc([]string{name})})
		}
		return list
	}
	var steps []step
	for i, b := range block {
		switch {
		case b == "test" && i == 0:
			steps = append(steps, step{key: "tests"}, step{})
		case (b == "output" || b == "staging") && i == 0:
			steps = append(steps, step{key: "outputs", beside: []string{"outputs"}}, step{})
		default:
			steps = append(steps, step{key: b})
		}
	}
	seen := map[string]bool{}
	for _, o := range newProber().at(steps, nil).objects {
		for _, k := range o.keys {
			if !seen[k] && k != "name" {
				seen[k] = true
				list = append(list, Completion{Label: k, Kind: "key", Detail: keyDoc(append(block[:len(block):len(block)], k)), Insert: k + " = "})
			}
		}
	}
	return list
}

// blockAt are the blocks that an offset is in, the outermost first. The file may be half written.
func (a *Assist) blockAt(offset int) (blocks []string) {
	tokens, _ := hclsyntax.LexConfig([]byte(a.text[:min(offset, len(a.text))]), a.path, hcl.InitialPos)
	var line []string
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenIdent:
			line = append(line, string(t.Bytes))
		case hclsyntax.TokenOBrace:
			name := ""
			if len(line) > 0 {
				name = line[0]
			}
			blocks = append(blocks, name)
			line = nil
		case hclsyntax.TokenCBrace:
			if len(blocks) > 0 {
				blocks = blocks[:len(blocks)-1]
			}
		case hclsyntax.TokenNewline:
			line = nil
		}
	}
	return blocks
}
