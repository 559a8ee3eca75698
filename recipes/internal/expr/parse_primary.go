package expr

import (
	"math"
	"strconv"
	"strings"
)

func (p *parser) unary(withFilter bool) expr {
	var x expr
	if t := p.cur(); t.kind == tokOp && (t.text == "-" || t.text == "+") {
		p.next()
		p.down()
		x = &unaryExpr{t.off, t.text == "-", p.unary(false)}
		p.depth--
	} else {
		x = p.primary()
	}
	x = p.postfix(x)
	if withFilter {
		x = p.filters(x)
	}
	return x
}

func (p *parser) primary() expr {
	t := p.cur()
	switch t.kind {
	case tokName:
		p.next()
		switch t.text {
		case "true", "True":
			return &constExpr{t.off, true}
		case "false", "False":
			return &constExpr{t.off, false}
		case "none", "None":
			return &constExpr{t.off, nil}
		}
		p.read.add(t.text)
		return &nameExpr{t.off, t.text}
	case tokString:
		p.next()
		s := t.text
		for p.cur().kind == tokString {
			s += p.next().text
		}
		return &constExpr{t.off, s}
	case tokInt:
		p.next()
		return &constExpr{t.off, p.integer(t)}
	case tokFloat:
		p.next()
		f, err := strconv.ParseFloat(strings.ReplaceAll(t.text, "_", ""), 64)
		if err != nil && !math.IsInf(f, 0) {
			p.fail(t.off, "malformed number %q", t.text)
		}
		return &constExpr{t.off, f}
	}
	switch {
	case p.skipOp("("):
		x := p.tuple(true, true)
		p.expectOp(")")
		return x
	case p.skipOp("["):
		return &listExpr{t.off, p.items("]")}
	case p.skipOp("{"):
		return p.dict(t.off)
	}
	p.unexpected()
	return nil
}

func (p *parser) integer(t *token) int64 {
	s := strings.ReplaceAll(t.text, "_", "")
	base := 10
	if len(s) > 1 && s[0] == '0' {
		base = 0
		if s[1] >= '0' && s[1] <= '9' { // 00
			base = 10
		}
	}
	n, err := strconv.ParseInt(s, base, 64)
	if err != nil {
		p.fail(t.off, "number %s is too large", t.text)
	}
	return n
}

func (p *parser) items(end string) []expr {
	var out []expr
	for !p.isOp(end) {
		if len(out) > 0 {
			p.expectOp(",")
			if p.isOp(end) {
				break
			}
		}
		out = append(out, p.expression())
	}
	p.expectOp(end)
	return out
}

func (p *parser) dict(off int) expr {
	d := &dictExpr{off: off}
	for !p.isOp("}") {
		if len(d.keys) > 0 {
			p.expectOp(",")
			if p.isOp("}") {
				break
			}
		}
		d.keys = append(d.keys, p.expression())
		p.expectOp(":")
		d.vals = append(d.vals, p.expression())
	}
	p.expectOp("}")
	return d
}

// tuple reads expressions with commas between; without a comma the one expression is the result.
func (p *parser) tuple(withIf, parens bool) expr {
	p.down()
	off := p.cur().off
	if p.tupleEnd() {
		if !parens {
			p.unexpected()
		}
		p.depth--
		return &tupleExpr{off, nil}
	}
	x := p.cond(withIf)
	if !p.isOp(",") {
		p.depth--
		return x
	}
	items := []expr{x}
	for p.skipOp(",") && !p.tupleEnd() {
		items = append(items, p.cond(withIf))
	}
	p.depth--
	return &tupleExpr{off, items}
}

func (p *parser) tupleEnd() bool {
	t := p.cur()
	switch t.kind {
	case tokEOF, tokVarEnd, tokBlockEnd:
		return true
	}
	return p.isOp(")") || p.isOp("=") || p.isName("in")
}

func (p *parser) postfix(x expr) expr {
	for {
		t := p.cur()
		if t.kind != tokOp {
			return x
		}
		switch t.text {
		case ".":
			p.next()
			n := p.cur()
			switch n.kind {
			case tokName:
				p.next()
				x = &attrExpr{n.off, x, n.text}
			case tokInt:
				p.next()
				x = &itemExpr{n.off, x, &constExpr{n.off, p.integer(n)}}
			default:
				p.unexpected()
			}
		case "[":
			p.next()
			x = &itemExpr{t.off, x, p.subscript()}
		case "(":
			x = p.call(x)
		default:
			return x
		}
	}
}

func (p *parser) subscript() expr {
	off := p.cur().off
	var items []expr
	for {
		items = append(items, p.slice())
		if !p.skipOp(",") || p.isOp("]") {
			break
		}
	}
	p.expectOp("]")
	if len(items) == 1 {
		return items[0]
	}
	return &tupleExpr{off, items}
}

func (p *parser) slice() expr {
	off := p.cur().off
	var parts [3]expr
	if !p.isOp(":") {
		x := p.expression()
		if !p.isOp(":") {
			return x
		}
		parts[0] = x
	}
	for i := 1; i < 3 && p.skipOp(":"); i++ {
		if !p.isOp(":") && !p.isOp("]") && !p.isOp(",") {
			parts[i] = p.expression()
		}
	}
	return &sliceExpr{off, parts}
}
