package expr

import (
	"maps"
	"slices"

	"forge/internal/diag"
)

type parser struct {
	d     *Dialect
	src   string
	toks  []token
	i     int
	depth int
	read  nameSet // names read, in order
	set   nameSet // names that the template sets

	stack []node     // of the blocks that are being read
	texts []textNode // to be handed out
}

// nameSet holds names in the order they came; while they are few, looking at all is quicker than a map.
type nameSet struct {
	names []string
	known map[string]bool
}

const fewNames = 16

func (s *nameSet) has(name string) bool {
	if s.known != nil {
		return s.known[name]
	}
	return slices.Contains(s.names, name)
}

func (s *nameSet) add(name string) {
	if s.has(name) {
		return
	}
	if s.names = append(s.names, name); s.known == nil && len(s.names) <= fewNames {
		return
	}
	if s.known == nil {
		s.known = make(map[string]bool, 4*fewNames)
		for _, n := range s.names {
			s.known[n] = true
		}
	}
	s.known[name] = true
}

func (d *Dialect) parseBare(src string) (x *Expr, err error) {
	toks, lexErr := d.lexBare(src)
	if lexErr != nil {
		return nil, lexErr
	}
	p := &parser{d: d, src: src, toks: toks}
	defer p.recover(&err)
	if p.cur().kind == tokEOF {
		p.fail(0, "expression is empty")
	}
	root := p.tuple(true, false)
	if p.cur().kind != tokEOF {
		p.unexpected()
	}
	return &Expr{d: d, src: src, root: root, names: p.names()}, nil
}

func (p *parser) names() []string {
	var out []string
	for _, n := range p.read.names {
		if !p.set.has(n) {
			out = append(out, n)
		}
	}
	return out
}

// recover turns the panic of fail into a returned error.
func (p *parser) recover(err *error) {
	switch r := recover().(type) {
	case nil:
	case *Error:
		*err = r
	default:
		panic(r)
	}
}

func (p *parser) fail(off int, format string, args ...any) {
	panic(syntaxAt(p.src, off, format, args...))
}

func (p *parser) cur() *token { return &p.toks[p.i] }

func (p *parser) next() *token {
	t := &p.toks[p.i]
	if p.i < len(p.toks)-1 {
		p.i++
	}
	return t
}

func (p *parser) unexpected() {
	t := p.cur()
	switch t.kind {
	case tokEOF:
		p.fail(t.off, "unexpected end of expression")
	case tokVarEnd, tokBlockEnd:
		p.fail(t.off, "unexpected end of the tag %s", t.text)
	case tokString:
		p.fail(t.off, "unexpected string %q", t.text)
	default:
		p.fail(t.off, "unexpected %q", t.text)
	}
}

func (p *parser) isOp(s string) bool   { t := p.cur(); return t.kind == tokOp && t.text == s }
func (p *parser) isName(s string) bool { t := p.cur(); return t.kind == tokName && t.text == s }

func (p *parser) skipOp(s string) bool {
	if p.isOp(s) {
		p.next()
		return true
	}
	return false
}

func (p *parser) skipName(s string) bool {
	if p.isName(s) {
		p.next()
		return true
	}
	return false
}

func (p *parser) expectOp(s string) {
	if !p.skipOp(s) {
		if t := p.cur(); t.kind == tokOp || t.kind == tokName {
			p.fail(t.off, "expected %q, found %q", s, t.text)
		}
		p.unexpected()
	}
}

func (p *parser) expectName() *token {
	if p.cur().kind != tokName {
		p.unexpected()
	}
	return p.next()
}

const maxDepth = 500

func (p *parser) down() {
	if p.depth++; p.depth > maxDepth {
		panic(at(Limit, p.src, p.cur().off, "expression is nested more than %d deep", maxDepth))
	}
}

func (p *parser) expression() expr { return p.cond(true) }

func (p *parser) cond(withIf bool) expr {
	p.down()
	x := p.or()
	for withIf && p.isName("if") {
		off := p.next().off
		test := p.or()
		var other expr
		if p.skipName("else") {
			other = p.cond(true)
		}
		x = &condExpr{off, test, x, other}
	}
	p.depth--
	return x
}

// or reads the loosest operators. Most expressions have none of any kind: the operand is read first, and
// if nothing follows that could be one, the levels below are not gone through. Each of them takes the
// operand that it begins with, nil where it is still to be read.
func (p *parser) or() expr {
	if p.isName("not") {
		return p.orAfter(nil)
	}
	x := p.unary(true)
	if p.ended() {
		return x
	}
	return p.orAfter(x)
}

// ended reports whether the next token is none that an operator could be.
func (p *parser) ended() bool {
	t := p.cur()
	if t.kind != tokOp {
		return t.kind != tokName
	}
	switch t.text {
	case ")", ",", "]", "}", ":", "=":
		return true
	}
	return false
}

func (p *parser) orAfter(x expr) expr {
	x = p.and(x)
	for p.isName("or") {
		off := p.next().off
		x = &orExpr{off, x, p.and(nil)}
	}
	return x
}

func (p *parser) and(x expr) expr {
	x = p.not(x)
	for p.isName("and") {
		off := p.next().off
		x = &andExpr{off, x, p.not(nil)}
	}
	return x
}

func (p *parser) not(x expr) expr {
	if x == nil && p.isName("not") {
		off := p.next().off
		p.down()
		x = &notExpr{off, p.not(nil)}
		p.depth--
		return x
	}
	return p.compare(x)
}

func (p *parser) compareOp() string {
	t := p.cur()
	if t.kind == tokOp {
		switch t.text {
		case "==", "!=", "<", "<=", ">", ">=":
			p.next()
			return t.text
		}
		return ""
	}
	if p.isName("in") {
		p.next()
		return "in"
	}
	if p.isName("not") && p.toks[p.i+1].kind == tokName && p.toks[p.i+1].text == "in" {
		p.next()
		p.next()
		return "not in"
	}
	return ""
}

func (p *parser) compare(x expr) expr {
	x = p.sum(x)
	off := p.cur().off
	op := p.compareOp()
	if op == "" {
		return x
	}
	c := &compareExpr{off: off, first: x}
	for op != "" {
		c.ops = append(c.ops, op)
		c.rest = append(c.rest, p.sum(nil))
		op = p.compareOp()
	}
	return c
}

func (p *parser) sum(x expr) expr {
	x = p.concat(x)
	for p.isOp("+") || p.isOp("-") {
		t := p.next()
		x = &binExpr{t.off, t.text, x, p.concat(nil)}
	}
	return x
}

func (p *parser) concat(x expr) expr {
	x = p.product(x)
	if !p.isOp("~") {
		return x
	}
	c := &concatExpr{off: p.cur().off, parts: []expr{x}}
	for p.skipOp("~") {
		c.parts = append(c.parts, p.product(nil))
	}
	return c
}

func (p *parser) product(x expr) expr {
	x = p.power(x)
	for p.isOp("*") || p.isOp("/") || p.isOp("//") || p.isOp("%") {
		t := p.next()
		x = &binExpr{t.off, t.text, x, p.power(nil)}
	}
	return x
}

func (p *parser) power(x expr) expr {
	if x == nil {
		x = p.unary(true)
	}
	for p.isOp("**") {
		t := p.next()
		x = &binExpr{t.off, t.text, x, p.unary(true)}
	}
	return x
}

func (p *parser) call(fn expr) expr {
	t := p.cur()
	args := p.args()
	return &callExpr{t.off, fn, args}
}

func (p *parser) args() argList {
	p.down()
	p.expectOp("(")
	var a argList
	for first := true; !p.isOp(")"); first = false {
		if !first {
			p.expectOp(",")
			if p.isOp(")") {
				break
			}
		}
		p.arg(&a)
	}
	p.expectOp(")")
	p.depth--
	return a
}

func (p *parser) arg(a *argList) {
	t := p.cur()
	switch {
	case p.skipOp("*"):
		a.star = p.expression()
	case p.skipOp("**"):
		a.starStar = p.expression()
	case t.kind == tokName && p.toks[p.i+1].kind == tokOp && p.toks[p.i+1].text == "=":
		p.next()
		p.next()
		a.names = append(a.names, t.text)
		a.named = append(a.named, p.expression())
	default:
		if len(a.names) > 0 || a.starStar != nil {
			p.fail(t.off, "positional argument after keyword arguments")
		}
		a.pos = append(a.pos, p.expression())
	}
}

func (p *parser) filters(x expr) expr {
	for {
		switch t := p.cur(); {
		case t.kind == tokOp && t.text == "|":
			p.next()
			x = p.filter(x)
		case t.kind == tokOp && t.text == "(":
			x = p.call(x)
		case t.kind == tokName && t.text == "is":
			p.next()
			x = p.test(x)
		default:
			return x
		}
	}
}

func (p *parser) dotted() (string, int) {
	t := p.expectName()
	name := t.text
	for p.skipOp(".") {
		name += "." + p.expectName().text
	}
	return name, t.off
}

// orAll is what a dialect has; where it does not say, it is all.
func orAll[T any](some map[string]T, all func() map[string]T) map[string]T {
	if some == nil {
		return all()
	}
	return some
}

// unknown is the error about a filter or test that there is not.
func (p *parser) unknown(off int, kind, name string, known []string) *Error {
	e := syntaxAt(p.src, off, "there is no %s %q", kind, name)
	e.Name, e.Length = name, len(name)
	if near := diag.Nearest(name, known); near != "" {
		e.Hint = "did you mean " + quote(near) + "?"
	}
	return e
}

// filter reads NAME or NAME(args) after the bar.
func (p *parser) filter(x expr) expr {
	name, off := p.dotted()
	f, ok := p.d.filter(name)
	if !ok {
		panic(p.unknown(off, "filter", name, slices.Sorted(maps.Keys(orAll(p.d.Filters, AllFilters)))))
	}
	var a argList
	if p.isOp("(") {
		a = p.args()
	}
	return &filterExpr{off, name, f, x, a}
}

func (p *parser) test(x expr) expr {
	not := p.skipName("not")
	name, off := p.dotted()
	f, ok := p.d.test(name)
	if !ok {
		panic(p.unknown(off, "test", name, slices.Sorted(maps.Keys(orAll(p.d.Tests, AllTests)))))
	}
	var a argList
	t := p.cur()
	switch {
	case p.isOp("("):
		a = p.args()
	case t.kind == tokString, t.kind == tokInt, t.kind == tokFloat, p.isOp("["), p.isOp("{"),
		t.kind == tokName && t.text != "else" && t.text != "or" && t.text != "and" && t.text != "if":
		if t.kind == tokName && t.text == "is" {
			p.fail(t.off, "tests cannot be chained with is")
		}
		if t.kind == tokName && (t.text == "in" || t.text == "not") {
			break
		}
		a.pos = []expr{p.postfix(p.primary())}
	}
	var out expr = &testExpr{off, name, f, x, a}
	if not {
		out = &notExpr{off, out}
	}
	return out
}
