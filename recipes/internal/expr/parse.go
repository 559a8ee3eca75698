package expr

import (
	"slices"
	"strings"
)

func (d *Dialect) parseTemplate(src string) (t *Template, err error) {
	if strings.IndexByte(src, '\r') >= 0 {
		src = strings.ReplaceAll(strings.ReplaceAll(src, "\r\n", "\n"), "\r", "\n")
	}
	toks, lexErr := d.lexTemplate(src)
	if lexErr != nil {
		return nil, lexErr
	}
	p := &parser{d: d, src: src, toks: toks}
	p.set.add("loop")
	defer p.recover(&err)
	body, _ := p.block()
	return &Template{d: d, src: src, body: body, names: p.names(), set: p.assigned()}, nil
}

// block reads up to one of the closing statements, whose name it returns; the cursor is behind it.
func (p *parser) block(ends ...string) ([]node, string) {
	p.down()
	base := len(p.stack)
	end := p.nodes(ends)
	out := slices.Clone(p.stack[base:])
	p.stack = p.stack[:base]
	p.depth--
	return out, end
}

// nodes reads the nodes of a block to the stack.
func (p *parser) nodes(ends []string) string {
	for {
		t := p.next()
		switch t.kind {
		case tokEOF:
			if len(ends) > 0 {
				p.fail(t.off, "template ends before {%% %s %%}", ends[len(ends)-1])
			}
			return ""
		case tokData:
			p.stack = append(p.stack, p.text(t))
		case tokVarBegin:
			n := &outputNode{t.off, p.tuple(true, false)}
			p.expectEnd(tokVarEnd)
			p.stack = append(p.stack, n)
		case tokBlockBegin:
			name := p.expectName()
			if slices.Contains(ends, name.text) {
				return name.text
			}
			if len(ends) > 0 && strings.HasPrefix(name.text, "end") {
				p.fail(name.off, "{%% %s %%} stands where {%% %s %%} is expected: the block before it is not closed", name.text, ends[len(ends)-1])
			}
			n := p.statement(name)
			p.stack = append(p.stack, n)
		default:
			p.fail(t.off, "unexpected %q", t.text)
		}
	}
}

// text makes a node of text. Every second node is one, so they are made many at a time.
func (p *parser) text(t *token) *textNode {
	if len(p.texts) == cap(p.texts) {
		p.texts = make([]textNode, 0, min(32, 1+(len(p.toks)-p.i)/4))
	}
	p.texts = append(p.texts, textNode{t.off, t.text})
	return &p.texts[len(p.texts)-1]
}

func (p *parser) expectEnd(k tokenKind) {
	if p.cur().kind != k {
		p.unexpected()
	}
	p.next()
}

func (p *parser) statement(name *token) node {
	off := name.off
	switch name.text {
	case "set":
		return p.setStatement(off)
	case "if":
		return p.ifStatement(off)
	case "for":
		return p.forStatement(off)
	case "macro":
		return p.macroStatement(off)
	case "call":
		return p.callStatement(off)
	case "filter":
		return p.filterStatement(off)
	case "with":
		return p.withStatement(off)
	case "include":
		return p.includeStatement(off)
	case "import":
		return p.importStatement(off)
	case "from":
		return p.fromStatement(off)
	case "block":
		n := p.expectName()
		p.expectEnd(tokBlockEnd)
		body, _ := p.block("endblock")
		if p.isName(n.text) {
			p.next()
		}
		p.expectEnd(tokBlockEnd)
		return &scopeNode{off, nil, nil, body}
	}
	if strings.HasPrefix(name.text, "end") || name.text == "else" || name.text == "elif" {
		p.fail(off, "{%% %s %%} without its opening statement", name.text)
	}
	e := syntaxAt(p.src, off, "unknown statement %q", name.text)
	e.Name = name.text
	panic(e)
}

// target reads what is assigned to: a name, names with commas, or namespace.attribute.
func (p *parser) target(withAttr bool) target {
	var t target
	for {
		if p.skipOp("(") {
			inner := p.target(false)
			p.expectOp(")")
			t.parts = append(t.parts, inner)
		} else {
			n := p.expectName()
			one := target{off: n.off, name: n.text}
			if withAttr && p.isOp(".") {
				p.next()
				one.attr = p.expectName().text
			} else {
				p.set.add(n.text)
			}
			t.parts = append(t.parts, one)
		}
		if !p.isOp(",") {
			break
		}
		p.next()
		t.many = true
		if p.isOp("=") || p.isName("in") || p.isOp(")") {
			break
		}
	}
	if !t.many {
		return t.parts[0]
	}
	t.off = t.parts[0].off
	return t
}

func (p *parser) setStatement(off int) node {
	start := p.i
	tg := p.target(true)
	if p.skipOp("=") {
		x := p.tuple(true, false)
		p.expectEnd(tokBlockEnd)
		_ = start
		return &setNode{off, tg, x}
	}
	n := &setBlockNode{off: off, to: tg}
	var x expr = &constExpr{off, nil}
	for p.skipOp("|") {
		x = p.filter(x)
	}
	n.filter = x
	p.expectEnd(tokBlockEnd)
	n.body, _ = p.block("endset")
	p.expectEnd(tokBlockEnd)
	return n
}

func (p *parser) ifStatement(off int) node {
	n := &ifNode{off: off}
	for {
		test := p.tuple(true, false)
		p.expectEnd(tokBlockEnd)
		body, end := p.block("elif", "else", "endif")
		n.tests, n.bodies = append(n.tests, test), append(n.bodies, body)
		if end == "elif" {
			continue
		}
		p.expectEnd(tokBlockEnd)
		if end == "else" {
			n.other, _ = p.block("endif")
			p.expectEnd(tokBlockEnd)
		}
		return n
	}
}

func (p *parser) forStatement(off int) node {
	n := &forNode{off: off}
	n.to = p.target(false)
	if !p.skipName("in") {
		p.fail(p.cur().off, "expected \"in\"")
	}
	n.over = p.tuple(false, false)
	if p.skipName("if") {
		n.cond = p.expression()
	}
	n.recursive = p.skipName("recursive")
	p.expectEnd(tokBlockEnd)
	var end string
	n.body, end = p.block("else", "endfor")
	p.expectEnd(tokBlockEnd)
	if end == "else" {
		n.other, _ = p.block("endfor")
		p.expectEnd(tokBlockEnd)
	}
	return n
}

func (p *parser) params(m *macroNode) {
	p.expectOp("(")
	for first := true; !p.isOp(")"); first = false {
		if !first {
			p.expectOp(",")
		}
		n := p.expectName()
		p.set.add(n.text)
		m.params = append(m.params, n.text)
		var def expr
		if p.skipOp("=") {
			def = p.expression()
		} else if len(m.defaults) > 0 && m.defaults[len(m.defaults)-1] != nil {
			p.fail(n.off, "parameter without default after one with")
		}
		m.defaults = append(m.defaults, def)
	}
	p.expectOp(")")
}

func (p *parser) macroStatement(off int) node {
	n := &macroNode{off: off, name: p.expectName().text}
	p.set.add(n.name)
	for _, s := range []string{"varargs", "kwargs", "caller"} {
		p.set.add(s)
	}
	p.params(n)
	p.expectEnd(tokBlockEnd)
	n.body, _ = p.block("endmacro")
	if p.cur().kind == tokName {
		p.next()
	}
	p.expectEnd(tokBlockEnd)
	return n
}

func (p *parser) callStatement(off int) node {
	n := &callNode{off: off, caller: &macroNode{off: off, name: "caller"}}
	if p.isOp("(") {
		p.params(n.caller)
	}
	x := p.expression()
	c, ok := x.(*callExpr)
	if !ok {
		p.fail(off, "expected a call")
	}
	n.call = c
	p.expectEnd(tokBlockEnd)
	n.caller.body, _ = p.block("endcall")
	p.expectEnd(tokBlockEnd)
	return n
}

func (p *parser) filterStatement(off int) node {
	n := &setBlockNode{off: off, output: true}
	x := p.filter(&constExpr{off, nil})
	for p.skipOp("|") {
		x = p.filter(x)
	}
	n.filter = x
	p.expectEnd(tokBlockEnd)
	n.body, _ = p.block("endfilter")
	p.expectEnd(tokBlockEnd)
	return n
}

func (p *parser) withStatement(off int) node {
	n := &scopeNode{off: off}
	for p.cur().kind != tokBlockEnd {
		if len(n.to) > 0 {
			p.expectOp(",")
		}
		n.to = append(n.to, p.target(false))
		p.expectOp("=")
		n.vals = append(n.vals, p.expression())
	}
	p.expectEnd(tokBlockEnd)
	n.body, _ = p.block("endwith")
	p.expectEnd(tokBlockEnd)
	return n
}

// context skips `with context` and `without context`, which it reports.
func (p *parser) context(with bool) bool {
	t := p.cur()
	if (p.isName("with") || p.isName("without")) && p.toks[p.i+1].text == "context" {
		with = t.text == "with"
		p.next()
		p.next()
	}
	return with
}

func (p *parser) includeStatement(off int) node {
	n := &includeNode{off: off, file: p.expression()}
	if p.isName("ignore") && p.toks[p.i+1].text == "missing" {
		p.next()
		p.next()
		n.optional = true
	}
	n.context = p.context(true)
	p.expectEnd(tokBlockEnd)
	return n
}

func (p *parser) importStatement(off int) node {
	n := &importNode{off: off, file: p.expression()}
	if !p.skipName("as") {
		p.fail(p.cur().off, "expected \"as\"")
	}
	n.as = p.expectName().text
	p.set.add(n.as)
	n.context = p.context(false)
	p.expectEnd(tokBlockEnd)
	return n
}

func (p *parser) fromStatement(off int) node {
	n := &importNode{off: off, file: p.expression()}
	if !p.skipName("import") {
		p.fail(p.cur().off, "expected \"import\"")
	}
	for {
		name := p.expectName().text
		as := name
		if p.skipName("as") {
			as = p.expectName().text
		}
		p.set.add(as)
		n.names, n.asNames = append(n.names, name), append(n.asNames, as)
		if !p.skipOp(",") || p.isName("with") || p.isName("without") || p.cur().kind == tokBlockEnd {
			break
		}
	}
	n.context = p.context(false)
	p.expectEnd(tokBlockEnd)
	return n
}

func (p *parser) assigned() []string { return p.set.names[1:] } // without loop
