package recipes

import (
	"regexp"
	"strings"

	"forge/packages"
	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// recipe converts the sections.
func (c *metaConverter) recipe() *yaml.Node {
	root := mapNode()
	root.HeadComment = c.firstComments()
	addPair(root, "schema_version", plainNode("1"))
	sections, keys := c.gather()
	get := func(name string) *yaml.Node { return sections[name] }
	section := func(name, old string, v *yaml.Node) {
		addPair(root, name, v)
		if v != nil && keys[old] != nil {
			c.comments(root.Content[len(root.Content)-2], keys[old])
		}
	}
	c.packageNames(get("package"), get("build"))
	if len(c.context) > 0 {
		addPair(root, "context", mapNode(c.context...))
	}
	outputs := get("outputs")
	if many := outputs != nil && outputs.Kind == yaml.SequenceNode && len(outputs.Content) > 0; many {
		section("recipe", "package", c.packageNode(get("package")))
		section("source", "source", c.sources(get("source")))
		c.outputs(root, sections)
	} else {
		section("package", "package", c.packageNode(get("package")))
		section("source", "source", c.sources(get("source")))
		top := mapNode()
		c.build(top, get("build"), get("requirements"), true)
		c.requirements(top, get("requirements"))
		c.hints.keys(top, c.constant(c.value(yamlx.Get(get("package"), "name"))))
		c.tests(top, get("test"), true, c.constant(c.value(yamlx.Get(get("package"), "name"))))
		c.about(top, get("about"))
		for k, v := range yamlx.Pairs(top) {
			section(k.Value, strings.Replace(k.Value, "tests", "test", 1), v)
		}
	}
	if extra := get("extra"); !yamlx.IsNull(extra) {
		section("extra", "extra", c.free(extra))
	}
	return root
}

// firstComments are those at the top of the file that belong to no variable and no section.
func (c *metaConverter) firstComments() string {
	var block, all []string
	for i := 1; i <= len(c.starts); i++ {
		line := strings.TrimSpace(c.line(i))
		switch {
		case strings.HasPrefix(line, "#"):
			if !c.taken[line] {
				block = append(block, line)
			}
			continue
		case line == "" || strings.HasPrefix(line, "{%"):
			all = append(all, block...)
			block = nil
			continue
		}
		break
	}
	for _, l := range all {
		c.taken[l] = true
	}
	return strings.Join(all, "\n")
}

// gather finds the sections; one that is there in several arms of an {% if %} is put together.
func (c *metaConverter) gather() (sections, keys map[string]*yaml.Node) {
	sections, keys = map[string]*yaml.Node{}, map[string]*yaml.Node{}
	for k, v := range yamlx.Pairs(c.root) {
		v = plainTree(v, 0)
		if k.Value == "app" || !contains(v0Sections(), k.Value) {
			c.warn(k, "the section %s has no counterpart; it is left out", c.outline.source(k.Value))
			continue
		}
		if s := c.lineSelector(k.Line); s != "" && !c.allConditional(v) {
			c.lost(k, "the section %s depends on [%s], what is below it does not", k.Value, s)
		}
		if old := sections[k.Value]; old != nil && old.Kind == v.Kind && v.Kind != yaml.ScalarNode {
			if c.condition(k.Line) == "" {
				c.lost(k, "the section %s is here twice", k.Value)
			}
			merged := *old
			merged.Content = append(append([]*yaml.Node(nil), old.Content...), v.Content...)
			sections[k.Value] = &merged
			continue
		}
		sections[k.Value], keys[k.Value] = v, k
	}
	return sections, keys
}

// plainTree puts copies in for aliases, which recipe.yaml does not take.
func plainTree(n *yaml.Node, depth int) *yaml.Node {
	if depth > 50 {
		return n
	}
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	out := *n
	out.Anchor, out.Content = "", nil
	for _, e := range n.Content {
		out.Content = append(out.Content, plainTree(e, depth+1))
	}
	return &out
}

// packageNames lets PKG_NAME and the like be written as what they stand for.
func (c *metaConverter) packageNames(pkg, build *yaml.Node) {
	for name, n := range map[string]*yaml.Node{"PKG_NAME": yamlx.Get(pkg, "name"), "PKG_VERSION": yamlx.Get(pkg, "version"), "PKG_BUILDNUM": yamlx.Get(build, "number")} {
		if s, err := c.asExpression(n); err == nil && s != `""` {
			c.w.known[name] = s
		}
		if v := c.constant(c.value(n)); v != "" && !strings.Contains(v, "{{") {
			c.w.consts[name] = v
		}
	}
}

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
		b.WriteString(printedTemplate(s))
	}
	b.WriteString(text[at:])
	return b.String(), problem
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
		for i := n.Line + 1; i <= c.blockEnd(n.Line); i++ {
			if condition := c.lineSelector(i); condition != "" {
				c.lost(&yaml.Node{Line: i, Column: 1}, "a line inside of a text depends on [%s]; make the text a list of lines", condition)
			}
		}
	}
	if c.specs {
		s = c.strictSpec(n, s)
	}
	if n.Style&yaml.LiteralStyle != 0 { // lines that conda-build takes for comments
		s = withoutComments("\n" + s)[1:]
	}
	out := &yaml.Node{Kind: yaml.ScalarNode, Tag: n.Tag, Value: s, Style: n.Style &^ yaml.TaggedStyle}
	if strings.Contains(s, "${{") || out.Style != 0 {
		out.Tag = "!!str"
	}
	if strings.HasPrefix(s, "${{") && out.Style == 0 {
		out.Tag = ""
	}
	if out.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 && strings.HasPrefix(s, "${{") && strings.Count(s, "${{") == 1 && strings.HasSuffix(s, "}}") {
		out.Style, out.Tag = 0, "" // quotes that only Jinja at the beginning needed
	}
	c.comments(out, n)
	return out
}

// pinned is a pin whose first argument is what it pins.
var pinned = regexp.MustCompile(`^\s*pin_(?:subpackage|compatible)\(\s*([^,()]*(?:\([^()]*\))?[^,()]*?)\s*[,)]`)

var expressionIn = regexp.MustCompile(`\$\{\{.*?\}\}`)

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
	masked := expressionIn.ReplaceAllStringFunc(s, func(m string) string { return strings.Repeat("0", len(m)) })
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
var pinAndBuild = regexp.MustCompile(`^(\$\{\{ pin_.*?)\) \}\} +(\S.*)$`)

var toolSpec = regexp.MustCompile(`^\$\{\{ (compiler|stdlib|cdt)\(`)

var exactBuild = regexp.MustCompile(`^([\w.-]+ *)==?((?:[^=<>!\s{}]|\$\{\{.*?\}\})+)=((?:[^=<>!\s{}]|\$\{\{.*?\}\})+)$`)

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

var selectorInComment = regexp.MustCompile(`#?\s*\[[^\[\]]*\][^()]*$`)

// withoutSelector is a comment without the selector it may hold.
func (c *metaConverter) withoutSelector(s string) string {
	var out []string
	for _, l := range strings.Split(c.source(s), "\n") {
		if c.taken[strings.TrimSpace(l)] {
			continue
		}
		if strings.HasPrefix(strings.TrimSpace(l), "#") {
			l = strings.TrimRight(selectorInComment.ReplaceAllString(l, ""), " ")
		}
		if strings.Trim(l, "# ") != "" {
			out = append(out, l)
		}
	}
	return strings.Join(out, "\n")
}

// comments carries comments over, without selectors.
func (c *metaConverter) comments(to, from *yaml.Node) {
	join := func(a, b string) string {
		if a == "" || b == "" || a == b {
			return max(a, b)
		}
		return a + "\n" + b
	}
	to.HeadComment = join(to.HeadComment, c.headComment(from.HeadComment))
	to.FootComment = join(to.FootComment, c.headComment(from.FootComment))
	if to.Kind == yaml.ScalarNode && to.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0 {
		to.LineComment = c.withoutSelector(from.LineComment)
	}
}

// headComment is a comment on lines of its own, which holds no selectors that count.
func (c *metaConverter) headComment(s string) string {
	var out []string
	for _, l := range strings.Split(c.source(s), "\n") {
		if l != "" && !c.taken[strings.TrimSpace(l)] {
			out = append(out, l)
		}
	}
	return strings.Join(out, "\n")
}

// items converts a list (or one value); what has a condition becomes if/then, neighbours of one together.
func (c *metaConverter) items(n *yaml.Node, item func(n *yaml.Node) *yaml.Node) *yaml.Node {
	b := &itemList{out: listNode()}
	c.comments(b.out, n)
	for _, e := range list1(n) {
		v := item(e)
		if v == nil {
			continue
		}
		condition := ""
		if n.Kind == yaml.SequenceNode {
			condition = c.condition(e.Line)
		}
		b.add(condition, v)
	}
	if len(b.out.Content) == 0 {
		return nil
	}
	return b.out
}

// itemList puts neighbours of one condition together, and those of the opposite one under else.
type itemList struct {
	out  *yaml.Node
	last string // condition of the last entry
	arm  string // "then" or "else": where the last item went
}

func (b *itemList) add(condition string, v *yaml.Node) {
	if condition == "" {
		b.out.Content = append(b.out.Content, v)
		b.last = ""
		return
	}
	var entry *yaml.Node
	if b.last != "" {
		entry = b.out.Content[len(b.out.Content)-1]
	}
	switch {
	case b.last == condition && b.arm == "then", entry != nil && b.arm == "else" && opposite(b.last, condition):
		addTo(entry, b.arm, v)
		return
	case entry != nil && b.arm == "then" && opposite(b.last, condition):
		b.arm = "else"
		addPair(entry, "else", v)
		return
	}
	b.last, b.arm = condition, "then"
	m := mapNode()
	m.HeadComment = v.HeadComment
	v.HeadComment = ""
	addPair(m, "if", plainNode(condition))
	addPair(m, "then", v)
	b.out.Content = append(b.out.Content, m)
}

// addTo adds an item to an arm, which becomes a list with the second one.
func addTo(entry *yaml.Node, arm string, v *yaml.Node) {
	then := yamlx.Get(entry, arm)
	if then.Kind != yaml.SequenceNode {
		one := *then
		*then = *listNode(&one)
	}
	then.Content = append(then.Content, v)
}

func (c *metaConverter) texts(n *yaml.Node) *yaml.Node {
	if yamlx.IsNull(n) {
		return nil
	}
	return c.items(n, c.text)
}
