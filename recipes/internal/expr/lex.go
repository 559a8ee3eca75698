package expr

import (
	"strings"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tokEOF        tokenKind = iota
	tokData                 // text outside of delimiters
	tokVarBegin             // {{
	tokVarEnd               // }}
	tokBlockBegin           // {%
	tokBlockEnd             // %}
	tokName
	tokInt
	tokFloat
	tokString
	tokOp
)

type token struct {
	text string // operator or name; decoded string; digits of a number
	off  int
	kind tokenKind
}

type lexer struct {
	d         *Dialect
	src       string
	open, end string
	pos       int
	toks      []token
}

func (d *Dialect) delims() (string, string) {
	if d.Vars.Open == "" {
		return "{{", "}}"
	}
	return d.Vars.Open, d.Vars.Close
}

// lexTemplate splits a whole template.
func (d *Dialect) lexTemplate(src string) (toks []token, err *Error) {
	open, end := d.delims()
	lx := &lexer{d: d, src: src, open: open, end: end, toks: make([]token, 0, 8+min(4*strings.Count(src, "{"), len(src)/8))}
	if !d.KeepTrailingNewline {
		lx.src = strings.TrimSuffix(lx.src, "\n")
	}
	strip := false // the tag before said -%}
	trim := false  // trim_blocks
	for lx.pos < len(lx.src) {
		strip, trim, err = lx.chunk(strip, trim)
		if err != nil {
			return nil, err
		}
	}
	lx.add(tokEOF, "", len(lx.src))
	return lx.toks, nil
}

func (lx *lexer) add(kind tokenKind, text string, off int) {
	lx.toks = append(lx.toks, token{text, off, kind})
}

// nextTag finds the first opening delimiter at or after pos.
func (lx *lexer) nextTag() (at int, what string) {
	before := strings.IndexByte(lx.open, '{') // every tag has a brace, ${{ after its first character
	for at = lx.pos; at < len(lx.src); at++ {
		i := strings.IndexByte(lx.src[at:], '{')
		if i < 0 {
			break
		}
		at += i
		rest := lx.src[at:]
		switch {
		case at-before >= lx.pos && strings.HasPrefix(lx.src[at-before:], lx.open):
			return at - before, lx.open
		case strings.HasPrefix(rest, "{%"):
			return at, "{%"
		case strings.HasPrefix(rest, "{#"):
			return at, "{#"
		}
	}
	return -1, ""
}

// chunk reads one piece of text and the tag after it.
func (lx *lexer) chunk(strip, trim bool) (nextStrip, nextTrim bool, err *Error) {
	start := lx.pos
	at, what := lx.nextTag()
	stop := at
	if at < 0 {
		stop = len(lx.src)
	}
	from := start
	if strip {
		for from < stop && isSpace(lx.src[from]) {
			from++
		}
	} else if trim && from < stop && lx.src[from] == '\n' {
		from++
	}
	to := stop
	if at >= 0 {
		to = lx.before(from, at, what)
	}
	if to > from {
		lx.add(tokData, lx.src[from:to], from)
	}
	if at < 0 {
		lx.pos = len(lx.src)
		return false, false, nil
	}
	switch what {
	case "{#":
		return lx.comment(at)
	case "{%":
		if end, _, sign := wordTag(lx.src[at:], "raw"); end > 0 {
			return lx.raw(at, at+end, sign)
		}
		return lx.tag(at, "{%", "%}", tokBlockBegin, tokBlockEnd)
	}
	return lx.tag(at, lx.open, lx.end, tokVarBegin, tokVarEnd)
}

// before is where the text before the tag at `at` ends, given its whitespace control.
func (lx *lexer) before(from, at int, what string) int {
	sign := byte(0)
	if i := at + len(what); i < len(lx.src) {
		sign = lx.src[i]
	}
	to := at
	if sign == '-' {
		for to > from && isSpace(lx.src[to-1]) {
			to--
		}
		return to
	}
	if lx.d.LstripBlocks && sign != '+' && what != lx.open {
		for to > from && (lx.src[to-1] == ' ' || lx.src[to-1] == '\t') {
			to--
		}
		if to > 0 && lx.src[to-1] != '\n' {
			return at
		}
	}
	return to
}

func (lx *lexer) comment(at int) (strip, trim bool, err *Error) {
	i := strings.Index(lx.src[at+2:], "#}")
	if i < 0 {
		return false, false, syntaxAt(lx.src, at, "comment is not closed: #} is missing")
	}
	end := at + 2 + i
	lx.pos = end + 2
	return end > at+2 && lx.src[end-1] == '-', lx.d.TrimBlocks && lx.src[end-1] != '+', nil
}

// wordTag reads {% word %}, blanks and signs allowed, at the beginning of s. It gives its end, 0 where s
// begins with something else, and the signs after {% and before %}, 0 for none.
func wordTag(s, word string) (end int, first, last byte) {
	if !strings.HasPrefix(s, "{%") {
		return 0, 0, 0
	}
	sign := func(i int) (int, byte) {
		if i < len(s) && (s[i] == '-' || s[i] == '+') {
			return i + 1, s[i]
		}
		return i, 0
	}
	blanks := func(i int) int {
		for i < len(s) && isSpace(s[i]) && s[i] != '\v' {
			i++
		}
		return i
	}
	i, first := sign(2)
	if i = blanks(i); !strings.HasPrefix(s[i:], word) {
		return 0, 0, 0
	}
	if i, last = sign(blanks(i + len(word))); !strings.HasPrefix(s[i:], "%}") {
		return 0, 0, 0
	}
	return i + 2, first, last
}

// endRaw finds {% endraw %}: where it begins and ends, and its signs; -1 where there is none.
func endRaw(s string) (at, end int, first, last byte) {
	for at = 0; ; at++ {
		i := strings.Index(s[at:], "{%")
		if i < 0 {
			return -1, 0, 0, 0
		}
		at += i
		if end, first, last = wordTag(s[at:], "endraw"); end > 0 {
			return at, at + end, first, last
		}
	}
}

// raw reads what the {% raw %} at `at` holds; from is where that tag ends, after the sign given.
func (lx *lexer) raw(at, from int, sign byte) (strip, trim bool, err *Error) {
	stop, end, first, last := endRaw(lx.src[from:])
	if stop < 0 {
		return false, false, syntaxAt(lx.src, at, "raw block is not closed: {%% endraw %%} is missing")
	}
	text, off := lx.src[from:from+stop], from
	if sign == '-' {
		t := strings.TrimLeft(text, " \t\r\n\f\v")
		off, text = off+len(text)-len(t), t
	} else if lx.d.TrimBlocks && strings.HasPrefix(text, "\n") {
		off, text = off+1, text[1:]
	}
	if first == '-' {
		text = strings.TrimRight(text, " \t\r\n\f\v")
	} else if lx.d.LstripBlocks {
		if t := strings.TrimRight(text, " \t"); t == "" || strings.HasSuffix(t, "\n") {
			text = t
		}
	}
	if text != "" {
		lx.add(tokData, text, off)
	}
	lx.pos = from + end
	return last == '-', lx.d.TrimBlocks && last != '+', nil
}

// tag reads the inside of {{ }} or {% %}.
func (lx *lexer) tag(at int, open, end string, begin, finish tokenKind) (strip, trim bool, err *Error) {
	lx.pos = at + len(open)
	lx.add(begin, open, at)
	if lx.pos < len(lx.src) && (lx.src[lx.pos] == '-' || lx.src[lx.pos] == '+' && begin == tokBlockBegin) {
		lx.pos++
	}
	var nest []byte
	for {
		lx.space()
		if lx.pos >= len(lx.src) {
			return false, false, syntaxAt(lx.src, at, "%s is not closed: %s is missing", open, end)
		}
		rest := lx.src[lx.pos:]
		if len(nest) == 0 {
			sign := ""
			if (rest[0] == '-' || rest[0] == '+' && begin == tokBlockBegin) && strings.HasPrefix(rest[1:], end) {
				sign, rest = rest[:1], rest[1:]
			}
			if strings.HasPrefix(rest, end) {
				off := lx.pos
				lx.pos += len(sign) + len(end)
				lx.add(finish, end, off)
				return sign == "-", sign != "+" && lx.d.TrimBlocks && begin == tokBlockBegin, nil
			}
		}
		if nest, err = lx.token(nest); err != nil {
			return false, false, err
		}
	}
}

func (lx *lexer) space() {
	for lx.pos < len(lx.src) && isSpace(lx.src[lx.pos]) {
		lx.pos++
	}
}

func isSpace(c byte) bool {
	return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f' || c == '\v'
}

// lexBare splits a bare expression.
func (d *Dialect) lexBare(src string) ([]token, *Error) {
	lx := &lexer{d: d, src: src, toks: make([]token, 0, 2+min(len(src)/3, 32))}
	var nest []byte
	for {
		lx.space()
		if lx.pos >= len(src) {
			break
		}
		var err *Error
		if nest, err = lx.token(nest); err != nil {
			return nil, err
		}
	}
	lx.add(tokEOF, "", len(src))
	return lx.toks, nil
}

const maxNest = 200

// token reads one token of an expression; nest is the stack of brackets that are open, as they will be
// closed.
func (lx *lexer) token(nest []byte) ([]byte, *Error) {
	rest, off := lx.src[lx.pos:], lx.pos
	c := rest[0]
	switch {
	case c == '"' || c == '\'':
		return nest, lx.str(c)
	case c >= '0' && c <= '9':
		lx.number(rest)
		return nest, nil
	case c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= utf8.RuneSelf:
		n := nameLen(rest)
		if n == 0 {
			return nest, syntaxAt(lx.src, off, "unexpected character %q", firstRune(rest))
		}
		lx.take(tokName, n)
		return nest, nil
	}
	if len(rest) > 1 {
		switch rest[:2] {
		case "//", "**", "==", "!=", "<=", ">=":
			lx.take(tokOp, 2)
			return nest, nil
		}
	}
	switch c {
	case '(', '[', '{':
		if len(nest) >= maxNest {
			return nest, at(Limit, lx.src, off, "more than %d brackets inside each other", maxNest)
		}
		nest = append(nest, closing(c))
	case ')', ']', '}':
		if len(nest) == 0 {
			return nest, syntaxAt(lx.src, off, "unexpected %q", c)
		}
		if want := nest[len(nest)-1]; want != c {
			return nest, syntaxAt(lx.src, off, "unexpected %q, expected %q", c, want)
		}
		nest = nest[:len(nest)-1]
	case '+', '-', '/', '*', '%', '~', '.', ':', '|', ',', ';', '=', '<', '>':
	default:
		return nest, syntaxAt(lx.src, off, "unexpected character %q", firstRune(rest))
	}
	lx.take(tokOp, 1)
	return nest, nil
}

// take makes the next n bytes a token.
func (lx *lexer) take(kind tokenKind, n int) {
	lx.add(kind, lx.src[lx.pos:lx.pos+n], lx.pos)
	lx.pos += n
}

func closing(c byte) byte {
	switch c {
	case '(':
		return ')'
	case '[':
		return ']'
	}
	return '}'
}

func firstRune(s string) string {
	_, n := utf8.DecodeRuneInString(s)
	return s[:n]
}

// str reads a quoted string with Python's escapes.
func (lx *lexer) str(quote byte) *Error {
	off := lx.pos
	i := off + 1
	escaped := false
	for {
		if i >= len(lx.src) {
			return syntaxAt(lx.src, off, "string is not closed")
		}
		if lx.src[i] == '\\' {
			escaped = true
			i += 2
			continue
		}
		if lx.src[i] == quote {
			break
		}
		i++
	}
	text := lx.src[off+1 : i]
	if escaped {
		t, err := unescape(text)
		if err != "" {
			return syntaxAt(lx.src, off, "%s", err)
		}
		text = t
	}
	lx.pos = i + 1
	lx.add(tokString, text, off)
	return nil
}

func syntaxAt(src string, off int, format string, args ...any) *Error {
	return at(Syntax, src, off, format, args...)
}
