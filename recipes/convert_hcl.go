package recipes

import (
	"fmt"
	"regexp"
	"sort"
	"strings"

	"forge/internal/diag"
	"forge/recipes/internal/expr"
	"forge/recipes/internal/yamlx"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"gopkg.in/yaml.v3"
)

// recipeToHCL writes a recipe.yaml as recipe.hcl.
func recipeToHCL(path string, data []byte) ([]byte, diag.List) {
	o := readOutline(path, data)
	o.format = "recipe.yaml"
	if o.root == nil || o.root.Kind != yaml.MappingNode {
		return nil, o.unreadable(data)
	}
	c := &hclConverter{metaConverter: metaConverter{outline: o}, lang: v1Dialect(), context: map[string]bool{}, literals: map[string]expr.Value{}}
	c.w.c = c
	c.names()
	c.file()
	c.list.Sort()
	return hclwrite.Format([]byte(c.b.String())), c.list
}

// hclConverter is one conversion of a recipe.yaml.
type hclConverter struct {
	metaConverter
	b        strings.Builder
	w        hclWriter
	inList   int // a heredoc needs its line end, which a list has not
	lang     *expr.Dialect
	context  map[string]bool
	literals map[string]expr.Value // context variables that are constants
}

func (c *hclConverter) names() {
	for k, v := range yamlx.Pairs(c.at("context")) {
		c.context[k.Value] = true
		if v.Kind == yaml.ScalarNode && !isTemplate(v.Value) {
			c.literals[k.Value] = expr.FromGo(typed(v))
		} else if v.Kind == yaml.ScalarNode {
			if s, ok := c.constant(v.Value); ok {
				c.literals[k.Value] = s
			}
		}
	}
}

// constant fills a template in from constants alone.
func (c *hclConverter) constant(text string) (string, bool) {
	t, err := c.lang.Parse(text)
	if err != nil {
		return "", false
	}
	s, err := t.Render(&expr.Env{Lookup: func(name string) (expr.Value, bool) { v, ok := c.literals[name]; return v, ok }})
	return s, err == nil
}

func (c *hclConverter) line1(format string, args ...any) { fmt.Fprintf(&c.b, format+"\n", args...) }

func (c *hclConverter) comment(n *yaml.Node) {
	for _, l := range strings.Split(n.HeadComment, "\n") {
		if l != "" {
			c.line1("%s", l)
		}
	}
}

func (c *hclConverter) block(name, label string, fill func()) {
	if label != "" {
		name += " " + hclQuote(label)
	}
	c.line1("%s {", name)
	fill()
	c.line1("}")
}

// file writes the sections in their usual order.
func (c *hclConverter) file() {
	head := c.at("package")
	if head == nil {
		head = c.at("recipe")
	}
	name, ok := c.constant(valueOf(yamlx.Get(head, "name")))
	if !ok {
		c.lost(head, "the name of a package must be a constant in recipe.hcl")
	}
	if name == "" && c.at("outputs") != nil {
		name = "recipe"
	}
	c.block("package", name, func() { c.attribute("version", yamlx.Get(head, "version")) })
	if context := c.at("context"); context != nil && len(context.Content) > 0 {
		c.line1("")
		c.block("locals", "", func() {
			for k, v := range yamlx.Pairs(context) {
				c.comment(k)
				c.line1("%s = %s", k.Value, c.local(v))
			}
		})
	}
	c.sections(c.root, true)
	if outputs := c.at("outputs"); outputs != nil && outputs.Kind == yaml.SequenceNode {
		for _, e := range outputs.Content {
			c.line1("")
			c.output(e)
		}
	}
	for _, key := range []string{"about", "extra"} {
		if v := c.at(key); v != nil {
			c.line1("")
			c.section(key, v)
		}
	}
}

func valueOf(n *yaml.Node) string {
	if n == nil {
		return ""
	}
	return n.Value
}

// local is a value of the context: text that looks like a number stays a number only where it is one.
func (c *hclConverter) local(n *yaml.Node) string {
	if n.Kind == yaml.SequenceNode {
		return c.listOf(n)
	}
	if n.Kind == yaml.ScalarNode && !isTemplate(n.Value) && !yamlx.IsQuoted(n) {
		switch typed(n).(type) {
		case int, bool:
			return n.Value
		}
	}
	return c.text1(n)
}

func (c *hclConverter) sections(n *yaml.Node, top bool) {
	for _, key := range []string{"source", "build", "requirements", "tests"} {
		if v := yamlx.Get(n, key); v != nil {
			if top {
				c.line1("")
			}
			c.section(key, v)
		}
	}
}

func (c *hclConverter) section(key string, v *yaml.Node) {
	switch key {
	case "source":
		c.repeated("source", v, "")
	case "tests":
		c.repeated("test", v, "")
	case "extra":
		c.block("extra", "", func() {
			for k, e := range yamlx.Pairs(v) {
				c.line1("%s = %s", hclKey(k.Value), c.data(e))
			}
		})
	default:
		if len(v.Content) > 0 {
			c.block(key, "", func() { c.body(v, key) })
		}
	}
}

func hclKey(k string) string {
	if hclIdentifier.MatchString(k) {
		return k
	}
	return hclQuote(k)
}

var hclIdentifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

// repeated writes a list as blocks; what is there under a condition gets a for_each.
func (c *hclConverter) repeated(name string, v *yaml.Node, when string) {
	for _, e := range list1(v) {
		if condition := yamlx.Get(e, "if"); condition != nil {
			now := c.condition1(condition)
			c.repeated(name, orNothing(yamlx.Get(e, "then")), hclAnd(when, now))
			c.repeated(name, orNothing(yamlx.Get(e, "else")), hclAnd(when, "!"+now))
			continue
		}
		if e.Kind != yaml.MappingNode {
			continue
		}
		c.comment(e)
		c.block(name, "", func() {
			if when != "" {
				c.line1("for_each = %s ? [1] : []", when)
			}
			c.body(e, name)
		})
	}
}

func orNothing(n *yaml.Node) *yaml.Node {
	if n == nil {
		return &yaml.Node{Kind: yaml.SequenceNode}
	}
	return n
}

func hclAnd(a, b string) string {
	if a == "" {
		return b
	}
	return "(" + a + " && " + b + ")"
}

// body writes the keys of a mapping: blocks for mappings, attributes for the rest.
func (c *hclConverter) body(n *yaml.Node, where string) {
	for k, v := range yamlx.Pairs(n) {
		c.comment(k)
		switch {
		case v.Kind == yaml.MappingNode && yamlx.Get(v, "if") != nil:
			c.line1("%s = %s", k.Value, c.listOf(&yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{v}}))
		case k.Value == "env" || k.Value == "extras":
			c.line1("%s = %s", k.Value, c.data(v))
		case v.Kind == yaml.MappingNode:
			c.block(k.Value, "", func() { c.body(v, k.Value) })
		case k.Value == "post_process" && v.Kind == yaml.SequenceNode:
			for _, e := range v.Content {
				c.block(k.Value, "", func() { c.body(e, k.Value) })
			}
		case k.Value == "skip":
			c.skip(v)
		case k.Value == "steps":
			c.lost(k, "steps become a list of objects; write it by hand")
		default:
			c.attribute(k.Value, v)
		}
	}
}

func (c *hclConverter) skip(v *yaml.Node) {
	var all []string
	for _, e := range list1(v) {
		text := e.Value
		if t, err := c.lang.Parse(text); err == nil && t.Single() && strings.HasPrefix(text, "${{") {
			text = strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(text, "${{"), "}}"))
		}
		all = append(all, c.condition1(&yaml.Node{Kind: yaml.ScalarNode, Value: text, Line: e.Line, Column: e.Column}))
	}
	c.line1("skip = [%s]", strings.Join(all, ", "))
}

func (c *hclConverter) attribute(key string, v *yaml.Node) {
	if v == nil || v.Kind == yaml.ScalarNode && yamlx.IsNull(v) && v.Value == "" {
		return
	}
	c.line1("%s = %s", key, c.data(v))
}

// data is a value as an expression.
func (c *hclConverter) data(v *yaml.Node) string {
	switch v.Kind {
	case yaml.SequenceNode:
		return c.listOf(v)
	case yaml.MappingNode:
		var b strings.Builder
		b.WriteString("{\n")
		for k, e := range yamlx.Pairs(v) {
			fmt.Fprintf(&b, "%s = %s\n", hclKey(k.Value), c.data(e))
		}
		return b.String() + "}"
	}
	if !yamlx.IsQuoted(v) && !isTemplate(v.Value) {
		switch typed(v).(type) {
		case int, bool:
			if v.Value == "true" || v.Value == "false" || plainNumber.MatchString(v.Value) && (v.Value == "0" || v.Value[0] != '0') {
				return v.Value
			}
		}
	}
	return c.text1(v)
}

// listOf writes a list; items under a condition become `condition ? [items] : [others]`.
func (c *hclConverter) listOf(v *yaml.Node) string {
	c.inList++
	defer func() { c.inList-- }()
	var items []string
	for _, e := range v.Content {
		for _, l := range strings.Split(e.HeadComment, "\n") {
			if l != "" {
				items = append(items, l)
			}
		}
		items = append(items, c.item1(e)+",")
	}
	if len(items) == 0 {
		return "[]"
	}
	if len(items) == 1 && !strings.HasPrefix(items[0], "#") {
		return "[" + strings.TrimSuffix(items[0], ",") + "]"
	}
	return "[\n" + strings.Join(items, "\n") + "\n]"
}

func (c *hclConverter) item1(e *yaml.Node) string {
	condition := yamlx.Get(e, "if")
	if condition == nil {
		return c.data(e)
	}
	branch := func(n *yaml.Node) string {
		if n == nil || yamlx.IsNull(n) {
			return "[]"
		}
		if n.Kind == yaml.SequenceNode {
			return c.listOf(n)
		}
		return "[" + c.item1(n) + "]"
	}
	return c.condition1(condition) + " ? " + branch(yamlx.Get(e, "then")) + " : " + branch(yamlx.Get(e, "else"))
}

func (c *hclConverter) condition1(n *yaml.Node) string {
	x, err := c.lang.ParseExpr(n.Value)
	if err != nil {
		c.lost(n, "the condition cannot be read: %v", err)
		return "false"
	}
	c.w.err = nil
	s := c.w.truth(x.Tree())
	if c.w.err != nil {
		c.lost(n, "the condition %q cannot be written: %v", n.Value, c.w.err)
	}
	return s
}

// text1 is a text, with its expressions.
func (c *hclConverter) text1(n *yaml.Node) string {
	if !isTemplate(n.Value) {
		return c.hclText(n.Value)
	}
	t, err := c.lang.Parse(n.Value)
	parts, ok := []expr.Part(nil), false
	if err == nil {
		parts, ok = t.Parts()
	}
	if !ok {
		c.lost(n, "the text %q cannot be read", n.Value)
		return c.hclText(n.Value)
	}
	c.w.err = nil
	var b strings.Builder
	for _, p := range parts {
		if p.Expr == nil {
			b.WriteString(hclEscape(p.Text))
		} else {
			s := c.w.write(p.Expr)
			if strings.HasPrefix(s, `"$`) && quoteEnd(s) == len(s) && !strings.ContainsAny(s, `{\`) {
				b.WriteString(strings.Trim(s, `"`))
				continue
			}
			if len(parts) == 1 {
				b.Reset()
				b.WriteString("\x00" + bare(s))
				break
			}
			b.WriteString("${" + bare(s) + "}")
		}
	}
	if c.w.err != nil {
		c.lost(n, "%q cannot be written: %v", n.Value, c.w.err)
	}
	if s, single := strings.CutPrefix(b.String(), "\x00"); single {
		return s
	}
	return c.hclDocument(b.String())
}

// hclText is a constant text.
func (c *hclConverter) hclText(s string) string { return c.hclDocument(hclEscape(s)) }

// hclDocument writes a template: several lines as a heredoc, where that is the same text, else in quotes.
func (c *hclConverter) hclDocument(escaped string) string {
	if c.inList == 0 && strings.HasSuffix(escaped, "\n") && !strings.Contains("\n"+escaped, "\nEOT") && !strings.Contains(escaped, "\r") {
		return "<<EOT\n" + escaped + "EOT"
	}
	return `"` + escapeOutside(escaped) + `"`
}

// escapeOutside escapes what quotes need, but inside of ${ }.
func escapeOutside(s string) string {
	escapes := map[byte]string{'"': `\"`, '\\': `\\`, '\n': `\n`, '\t': `\t`, '\r': `\r`}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case strings.HasPrefix(s[i:], "$${"), strings.HasPrefix(s[i:], "%%{"):
			b.WriteString(s[i : i+3])
			i += 2
		case strings.HasPrefix(s[i:], "${"):
			end := i + expressionLength(s[i:])
			b.WriteString(s[i:end])
			i = end - 1
		case escapes[s[i]] != "":
			b.WriteString(escapes[s[i]])
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// expressionLength is the length of the ${ … } that s begins with.
func expressionLength(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			if n := quoteEnd(s[i:]); n > 0 {
				i += n - 1
			}
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

func hclEscape(s string) string {
	return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(s)
}

func hclQuote(s string) string { return `"` + escapeOutside(hclEscape(s)) + `"` }

// output writes an output or a staging output.
func (c *hclConverter) output(e *yaml.Node) {
	kind, head := "output", yamlx.Get(e, "package")
	if s := yamlx.Get(e, "staging"); s != nil {
		kind, head = "staging", s
	}
	name, ok := c.constant(valueOf(yamlx.Get(head, "name")))
	if !ok {
		c.lost(e, "the name of an output must be a constant in recipe.hcl, or come from a for_each")
	}
	c.comment(e)
	c.block(kind, name, func() {
		c.attribute("version", yamlx.Get(head, "version"))
		switch inherit := yamlx.Get(e, "inherit"); {
		case inherit == nil:
		case inherit.Kind == yaml.MappingNode:
			c.block("inherit", "", func() { c.body(inherit, "inherit") })
		default:
			c.attribute("inherit", inherit)
		}
		c.sections(e, false)
		if about := yamlx.Get(e, "about"); about != nil {
			c.section("about", about)
		}
	})
}

// hclWriter writes expressions of recipe.yaml in HCL.
type hclWriter struct {
	c         *hclConverter
	platforms map[string]expr.Value
	err       error
}

func (w *hclWriter) fail(format string, args ...any) string {
	if w.err == nil {
		w.err = fmt.Errorf(format, args...)
	}
	return "null"
}

// truth is an expression as a condition.
func (w *hclWriter) truth(n *expr.Node) string {
	switch n.Kind {
	case "and":
		return "(" + w.truth(n.Args[0]) + " && " + w.truth(n.Args[1]) + ")"
	case "or":
		return "(" + w.truth(n.Args[0]) + " || " + w.truth(n.Args[1]) + ")"
	case "not":
		return "!" + w.truth(n.Args[0])
	}
	return w.write(n)
}

func (w *hclWriter) write(n *expr.Node) string {
	if n == nil {
		return "null"
	}
	arg := func(i int) string {
		if i >= len(n.Args) {
			return w.fail("an argument is missing")
		}
		return w.write(n.Args[i])
	}
	switch n.Kind {
	case "const":
		return w.constant(n.Value)
	case "name":
		return w.name(n.Name)
	case "list", "tuple":
		var items []string
		for i := range n.Args {
			items = append(items, arg(i))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case "cond":
		if n.Args[2] == nil {
			return "(" + w.truth(n.Args[0]) + " ? " + arg(1) + ` : "")`
		}
		return "(" + w.truth(n.Args[0]) + " ? " + arg(1) + " : " + arg(2) + ")"
	case "and", "or", "not":
		return w.truth(n)
	case "compare":
		return w.compare(n, arg(0), arg(1))
	case "bin":
		if n.Op == "+" && (isText(n.Args[0]) || isText(n.Args[1])) {
			return w.joined(n.Args)
		}
		if strings.Contains("+ - * / %", n.Op) {
			return "(" + arg(0) + " " + n.Op + " " + arg(1) + ")"
		}
	case "concat":
		return w.joined(n.Args)
	case "unary":
		return n.Op + arg(0)
	case "item":
		if n.Args[1].Kind == "slice" {
			return w.slice(n)
		}
		if v, ok := n.Args[1].Value.(int64); ok && n.Args[1].Kind == "const" && v >= 0 {
			if w.textual(n.Args[0]) {
				return fmt.Sprintf("substr(%s, %d, 1)", arg(0), v)
			}
			return arg(0) + "[" + fmt.Sprint(v) + "]"
		}
	case "attr":
		if n.Args[0].Kind == "name" && (n.Args[0].Name == "env") {
			return w.fail("env.%s", n.Name)
		}
	case "call":
		return w.call(n)
	case "filter":
		return w.filter(n)
	case "test":
		return w.test(n)
	}
	return w.fail("recipe.hcl has nothing for %s", describeNode(n))
}

func (w *hclWriter) constant(v expr.Value) string {
	switch v := v.(type) {
	case string:
		return hclQuote(v)
	case nil:
		return "null"
	case bool:
		return fmt.Sprint(v)
	}
	return expr.Str(v)
}

func (w *hclWriter) name(name string) string {
	switch {
	case w.c.context[name]:
		return "local." + name
	case w.platform(name):
		return name
	}
	if name == "hash" || name == "build_number" {
		return name
	}
	if strings.ToUpper(name) == name {
		return hclQuote("$" + name) // a variable of the script's shell
	}
	return "variant." + name
}

func (w *hclWriter) platform(name string) bool {
	if w.platforms == nil {
		o := (RenderOptions{}).withDefaults()
		w.platforms = newPlatform(&o).names
	}
	switch w.platforms[name].(type) {
	case bool, string:
		return true
	}
	return false
}

func (w *hclWriter) compare(n *expr.Node, a, b string) string {
	switch n.Op {
	case "in":
		return "contains(" + b + ", " + a + ")"
	case "not in":
		return "!contains(" + b + ", " + a + ")"
	}
	return "(" + a + " " + n.Op + " " + b + ")"
}

func (w *hclWriter) joined(parts []*expr.Node) string {
	var b strings.Builder
	for _, p := range parts {
		if s, ok := p.Value.(string); ok && p.Kind == "const" {
			b.WriteString(strings.Trim(hclQuote(s), `"`))
			continue
		}
		b.WriteString("${" + bare(w.write(p)) + "}")
	}
	return `"` + b.String() + `"`
}

// textual reports whether an expression is a text, as far as can be told.
func (w *hclWriter) textual(n *expr.Node) bool {
	switch n.Kind {
	case "name":
		v, known := w.c.literals[n.Name]
		_, text := v.(string)
		return text || !known
	case "filter":
		return contains([]string{"lower", "upper", "replace", "trim", "join"}, n.Name)
	}
	return false
}

// slice writes x[:2] of a list as a list of its items, of a text with substr().
func (w *hclWriter) slice(n *expr.Node) string {
	s := n.Args[1]
	if bound := func(i int, def int64) (int64, bool) {
		if s.Args[i] == nil {
			return def, true
		}
		v, ok := s.Args[i].Value.(int64)
		return v, ok && v >= 0
	}; w.textual(n.Args[0]) && s.Args[2] == nil {
		from, ok1 := bound(0, 0)
		to, ok2 := bound(1, -1)
		if ok1 && ok2 {
			if to >= 0 {
				to -= from
			}
			return fmt.Sprintf("substr(%s, %d, %d)", w.write(n.Args[0]), from, to)
		}
	}
	if s.Args[0] == nil && s.Args[2] == nil && s.Args[1] != nil && s.Args[1].Kind == "const" && n.Args[0].Kind == "filter" && n.Args[0].Name == "split" {
		if end, ok := s.Args[1].Value.(int64); ok && end > 0 && end < 6 {
			var items []string
			for i := range end {
				items = append(items, fmt.Sprintf("%s[%d]", w.write(n.Args[0]), i))
			}
			return "[" + strings.Join(items, ", ") + "]"
		}
	}
	return w.fail("a slice cannot be written")
}

func (w *hclWriter) call(n *expr.Node) string {
	fn := n.Args[0]
	var args []string
	for _, a := range n.Args[1:] {
		args = append(args, w.write(a))
	}
	if fn.Kind == "attr" && fn.Name == "get" && fn.Args[0].Name == "env" {
		if d := n.Named["default"]; d != nil {
			args = append(args, w.write(d))
		}
		return "env(" + strings.Join(args, ", ") + ")"
	}
	switch fn.Name {
	case "compiler", "stdlib", "cdt", "match":
		return fn.Name + "(" + strings.Join(args, ", ") + ")"
	case "pin_subpackage", "pin_compatible":
		var bounds []string
		for k, v := range n.Named {
			bounds = append(bounds, k+" = "+w.write(v))
		}
		sort.Strings(bounds)
		if len(bounds) > 0 {
			args = append(args, "{ "+strings.Join(bounds, ", ")+" }")
		}
		return fn.Name + "(" + strings.Join(args, ", ") + ")"
	}
	return w.fail("recipe.hcl has no function %s()", fn.Name)
}

func (w *hclWriter) filter(n *expr.Node) string {
	x := w.write(n.Args[0])
	arg := func(i int) string {
		if i+1 >= len(n.Args) {
			return w.fail("%s without an argument", n.Name)
		}
		return w.write(n.Args[i+1])
	}
	switch n.Name {
	case "lower", "upper", "length", "reverse", "sort":
		return n.Name + "(" + x + ")"
	case "trim":
		return "trimspace(" + x + ")"
	case "unique":
		return "distinct(" + x + ")"
	case "replace":
		return "replace(" + x + ", " + arg(0) + ", " + arg(1) + ")"
	case "split":
		if len(n.Args) == 2 {
			return "split(" + arg(0) + ", " + x + ")"
		}
	case "join":
		if len(n.Args) == 1 {
			return `join("", ` + x + ")"
		}
		return "join(" + arg(0) + ", " + x + ")"
	case "first":
		return x + "[0]"
	case "default":
		return "try(" + x + ", " + arg(0) + ")"
	}
	return w.fail("recipe.hcl has nothing for the filter %s", n.Name)
}

func (w *hclWriter) test(n *expr.Node) string {
	x := w.write(n.Args[0])
	switch n.Name {
	case "defined":
		return "can(" + x + ")"
	case "undefined":
		return "!can(" + x + ")"
	case "none":
		return "(" + x + " == null)"
	case "startingwith":
		if s, ok := n.Args[1].Value.(string); ok {
			return fmt.Sprintf("(substr(%s, 0, %d) == %s)", x, len([]rune(s)), hclQuote(s))
		}
	}
	return w.fail("recipe.hcl has nothing for the test `is %s`", n.Name)
}
