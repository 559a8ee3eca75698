package recipes

import (
	"regexp"
	"strings"

	"forge/packages"
	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// constant fills a text in where it depends on nothing; else it is returned as it is.
func (c *metaConverter) constant(text string) string {
	for _, p := range findJinja(text, "{{") {
		if v, ok := evaluate(p.inner, c.w.consts); ok && p.kind == '{' {
			s, _ := literal(v)
			text = strings.Replace(text, text[p.from:p.to], strings.Trim(s, `"`), 1)
			return c.constant(text)
		}
	}
	return text
}

// template writes a text with {{ }} as one with ${{ }}.
func (c *metaConverter) template(n *yaml.Node) (string, error) {
	text := c.value(n)
	var b strings.Builder
	at := 0
	var problem error
	for _, p := range findJinja(text, "{{") {
		if p.kind != '{' {
			c.lost(n, "a statement stands inside of a value")
			continue
		}
		b.WriteString(text[at:p.from])
		at = p.to
		inner := c.inBuildString(strings.Trim(p.inner, "-"))
		if m := pinned.FindStringSubmatch(inner); m != nil && c.onlyNames {
			inner = m[1]
		}
		s, err := c.expression(n, inner)
		if err != nil && problem == nil {
			problem = err
		}
		if isBuildVariable(s) && !c.inScript && s != "SHLIB_EXT" { // known only to the build
			b.WriteString("$" + s)
			continue
		}
		if whole := strings.TrimSpace(text) == text[p.from:p.to]; isTruth(inner) && (!whole || yamlx.IsQuoted(n)) {
			s = `"True" if ` + s + ` else "False"`
		}
		b.WriteString(printedTemplate(s))
	}
	b.WriteString(text[at:])
	return b.String(), problem
}

// isTruth reports whether an expression is true or false, which Python prints as True and False.
func isTruth(text string) bool {
	x, err := v0Language.ParseExpr(strings.TrimSpace(text))
	if err != nil {
		return false
	}
	switch x.Tree().Kind {
	case "compare", "not", "test":
		return true
	}
	return false
}

// printedTemplate writes an expression into a text: truth values, and variables that are not there, as Python
// prints them.
func printedTemplate(s string) string {
	switch s {
	case "true":
		return "True"
	case "false":
		return "False"
	}
	if before, ok := strings.CutSuffix(s, `, default="")`); ok && strings.HasPrefix(s, "env.get(") && strings.Count(s, "(") == 1 {
		s = before + `, default="None")`
	}
	if strings.HasPrefix(s, `"`) && quoteEnd(s) == len(s) && !strings.ContainsAny(s, `\{`) {
		return strings.Trim(s, `"`)
	}
	return "${{ " + s + " }}"
}

// inBuildString gives the hash and the number of the build the names that they have in build.string.
func (c *metaConverter) inBuildString(text string) string {
	if !c.inString {
		return text
	}
	return substitute(text, map[string]string{"PKG_HASH": "hash", "PKG_BUILDNUM": "build_number"})
}

// asExpression writes a text with {{ }} as an expression, for a place inside of another one.
func (c *metaConverter) asExpression(n *yaml.Node) (string, error) {
	text := c.value(n)
	if !strings.Contains(text, "{{") {
		return quote(text), nil
	}
	var out []string
	at := 0
	var problem error
	for _, p := range findJinja(text, "{{") {
		if p.from > at {
			out = append(out, quote(text[at:p.from]))
		}
		at = p.to
		s, err := c.expression(n, c.inBuildString(strings.Trim(p.inner, "-")))
		if err != nil && problem == nil {
			problem = err
		}
		out = append(out, wrapped(s))
	}
	if at < len(text) {
		out = append(out, quote(text[at:]))
	}
	if len(out) == 1 {
		return out[0], problem
	}
	return "(" + strings.Join(out, " ~ ") + ")", problem
}

// text converts a scalar.
func (c *metaConverter) text(n *yaml.Node) *yaml.Node {
	if n == nil || n.Kind != yaml.ScalarNode {
		return nil
	}
	if yamlx.IsNull(n) {
		out := plainNode("")
		c.comments(out, n)
		return out
	}
	s, err := c.template(n)
	if err != nil {
		c.lost(n, "%q cannot be written: %v", c.value(n), err)
	}
	if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		for i, end := n.Line+1, c.blockEnd(n.Line); i <= end; i++ {
			if condition := c.lineSelector(i); condition != "" {
				c.lost(&yaml.Node{Line: i, Column: 1}, "a line inside of a text depends on [%s]; make the text a list of lines", condition)
			}
		}
	}
	if c.specs {
		s = c.strictSpec(n, s)
	}
	if c.firstWord {
		if i := strings.IndexByte(strings.TrimRight(maskExpressions(s), " "), ' '); i >= 0 {
			s = s[:i]
		}
	}
	if n.Style&yaml.LiteralStyle != 0 { // lines that conda-build takes for comments
		s = withoutComments("\n" + s)[1:]
	}
	out := &yaml.Node{Kind: yaml.ScalarNode, Tag: n.Tag, Value: s, Style: n.Style &^ yaml.TaggedStyle}
	if strings.Contains(s, "${{") || out.Style != 0 {
		out.Tag = "!!str"
	}
	if out.Style == 0 && (strings.HasPrefix(s, "${{") || plainNumber.MatchString(s) && strings.Contains(c.value(n), "{{")) {
		out.Tag = ""
	}
	if out.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 && strings.HasPrefix(s, "${{") && strings.Count(s, "${{") == 1 && strings.HasSuffix(s, "}}") {
		out.Style, out.Tag = 0, "" // quotes that only Jinja at the beginning needed
	}
	c.comments(out, n)
	return out
}

// pinned is a pin whose first argument is what it pins.
var pinned = pattern{src: `^\s*pin_(?:subpackage|compatible)\(\s*([^,()]*(?:\([^()]*\))?[^,()]*?)\s*[,)]`}

var expressionIn = pattern{src: `\$\{\{.*?\}\}`}

// maskExpressions puts one word as long as it in for each ${{ }}.
func maskExpressions(s string) string {
	return expressionIn.ReplaceAllStringFunc(s, func(m string) string { return strings.Repeat("0", len(m)) })
}

// strictSpec writes a match spec as recipe.yaml wants it: conda-build takes `zlib 1.2` for 1.2.*.
func (c *metaConverter) strictSpec(n *yaml.Node, s string) string {
	if m := pinAndBuild.FindStringSubmatch(s); m != nil { // the build string of what is pinned
		if build, err := c.asExpression(&yaml.Node{Kind: yaml.ScalarNode, Value: strings.ReplaceAll(m[2], "${{", "{{"), Line: n.Line}); err == nil {
			return m[1] + ", build=" + bare(build) + ") }}"
		}
	}
	if m := exactBuild.FindStringSubmatch(s); m != nil {
		s = strings.TrimSpace(m[1]) + " ==" + m[2] + " " + m[3]
		if m[2] == "*" {
			s = strings.TrimSpace(m[1]) + " * " + m[3]
		}
	}
	masked := maskExpressions(s)
	fields := strings.Fields(masked)
	if m := xDotX.FindStringSubmatch(s); m != nil && m[1] != "vc" {
		if !c.inRun { // the variant decides
			return m[1]
		}
		return `${{ pin_compatible("` + m[1] + `", lower_bound="x.x", upper_bound="x.x") }}`
	}
	if masked == s && (len(fields) != 2 || strings.ContainsAny(fields[1], "<>=!~|,*")) {
		if _, err := packages.ParseMatchSpecStrict(s); err != nil {
			if m, err := packages.ParseMatchSpec(s); err == nil {
				if _, err := packages.ParseMatchSpecStrict(m.String()); err == nil {
					return m.String()
				}
			}
		}
	}
	if len(fields) < 2 || strings.HasPrefix(s, "${{ pin_") || toolSpec.MatchString(s) {
		return s
	}
	if plain := strings.Fields(c.constant(c.value(n))); len(plain) > 1 && strings.ContainsAny(plain[1], "<>=!~|,*") && !strings.Contains(plain[1], "{") {
		return s
	}
	name := strings.TrimSpace(s[:len(fields[0])])
	rest := strings.TrimSpace(s[len(fields[0]):])
	if strings.ContainsAny(fields[1], "<>=!~|,") {
		if len(fields) > 2 && strings.ContainsAny(fields[1][len(fields[1])-1:], "<>=!~,|") { // `>= 1.2`
			return name + " " + regexp.MustCompile(`([<>=!~,|])\s+`).ReplaceAllString(rest, "$1")
		}
		return s
	}
	if strings.ContainsAny(fields[1], "*") {
		return s
	}
	switch {
	case c.variantValue(rest, name): // a variant's value is a spec already
		return s
	case len(fields) == 2:
		return name + " " + rest + ".*"
	}
	return name + " ==" + rest
}

// exactBuild is `name ==version=build`, whose last sign is a space in recipe.yaml.
var pinAndBuild = pattern{src: `^(\$\{\{ pin_.*?)\) \}\} +(\S.*)$`}

var toolSpec = pattern{src: `^\$\{\{ (compiler|stdlib|cdt)\(`}

var exactBuild = pattern{src: `^([\w.-]+ *)==?((?:[^=<>!\s{}]|\$\{\{.*?\}\})+)=((?:[^=<>!\s{}]|\$\{\{.*?\}\})+)$`}

// variantValue reports whether a version is written as the variant's value of the package.
func (c *metaConverter) variantValue(rest, name string) bool {
	if c.hints.starred[name] {
		return false
	}
	inner := strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(rest, "${{"), "}}"))
	return inner == name || inner == strings.ReplaceAll(name, "-", "_")
}

// specLists is lists for requirements.
func (c *metaConverter) specLists(list []choice, run bool) *yaml.Node {
	c.specs, c.inRun = true, run
	defer func() { c.specs, c.inRun = false, false }()
	return c.lists(list)
}
