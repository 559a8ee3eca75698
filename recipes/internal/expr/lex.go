package expr

import (
	"regexp"
	"strings"
	"unicode"
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
	kind tokenKind
	text string // operator or name; decoded string; digits of a number
	off  int
	end  int
}

var (
	nameRE  = regexp.MustCompile(`^[\pL_][\pL\pN_]*`)
	floatRE = regexp.MustCompile(`^(?:[0-9]+_)*[0-9]+(?:(?:\.(?:[0-9]+_)*[0-9]+)?[eE][+-]?(?:[0-9]+_)*[0-9]+|\.(?:[0-9]+_)*[0-9]+)`)
	intRE   = regexp.MustCompile(`^(?:0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[0-9a-fA-F])+|[1-9](?:_?[0-9])*|0(?:_?0)*)`)
	rawEnd  = regexp.MustCompile(`\{%([-+]?)\s*endraw\s*([-+]?)%\}`)
	rawTag  = regexp.MustCompile(`^\{%[-+]?\s*raw\s*([-+]?)%\}`)
)

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
	lx := &lexer{d: d, src: src, open: open, end: end, toks: make([]token, 0, 8+len(src)/16)}
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
	lx.toks = append(lx.toks, token{kind: tokEOF, off: len(lx.src), end: len(lx.src)})
	return lx.toks, nil
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
		lx.toks = append(lx.toks, token{kind: tokData, text: lx.src[from:to], off: from, end: to})
	}
	if at < 0 {
		lx.pos = len(lx.src)
		return false, false, nil
	}
	switch what {
	case "{#":
		return lx.comment(at)
	case "{%":
		if m := rawTag.FindStringSubmatchIndex(lx.src[at:]); m != nil {
			return lx.raw(at, m)
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

func (lx *lexer) raw(at int, m []int) (strip, trim bool, err *Error) {
	from := at + m[1]
	endm := rawEnd.FindStringSubmatchIndex(lx.src[from:])
	if endm == nil {
		return false, false, syntaxAt(lx.src, at, "raw block is not closed: {%% endraw %%} is missing")
	}
	text, off := lx.src[from:from+endm[0]], from
	sign := func(s string, a, b int) string { return s[a:b] }
	if sign(lx.src[at:], m[2], m[3]) == "-" {
		t := strings.TrimLeft(text, " \t\r\n\f\v")
		off, text = off+len(text)-len(t), t
	} else if lx.d.TrimBlocks && strings.HasPrefix(text, "\n") {
		off, text = off+1, text[1:]
	}
	if sign(lx.src[from:], endm[2], endm[3]) == "-" {
		text = strings.TrimRight(text, " \t\r\n\f\v")
	} else if lx.d.LstripBlocks {
		if t := strings.TrimRight(text, " \t"); t == "" || strings.HasSuffix(t, "\n") {
			text = t
		}
	}
	if text != "" {
		lx.toks = append(lx.toks, token{kind: tokData, text: text, off: off, end: off + len(text)})
	}
	lx.pos = from + endm[1]
	s := sign(lx.src[from:], endm[4], endm[5])
	return s == "-", lx.d.TrimBlocks && s != "+", nil
}

// tag reads the inside of {{ }} or {% %}.
func (lx *lexer) tag(at int, open, end string, begin, finish tokenKind) (strip, trim bool, err *Error) {
	lx.pos = at + len(open)
	lx.toks = append(lx.toks, token{kind: begin, text: open, off: at, end: lx.pos})
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
				lx.toks = append(lx.toks, token{kind: finish, text: end, off: off, end: lx.pos})
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
	lx := &lexer{d: d, src: src}
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
	return append(lx.toks, token{kind: tokEOF, off: len(src), end: len(src)}), nil
}

const maxNest = 200

// token reads one token of an expression; nest is the stack of open brackets.
func (lx *lexer) token(nest []byte) ([]byte, *Error) {
	rest, off := lx.src[lx.pos:], lx.pos
	add := func(k tokenKind, n int) {
		lx.toks = append(lx.toks, token{kind: k, text: rest[:n], off: off, end: off + n})
		lx.pos += n
	}
	c := rest[0]
	switch {
	case c == '"' || c == '\'':
		return nest, lx.str(c)
	case c >= '0' && c <= '9':
		return nest, lx.number(rest, add)
	case c == '_' || c >= utf8.RuneSelf || unicode.IsLetter(rune(c)):
		n := nameLen(rest)
		if n == 0 {
			return nest, syntaxAt(lx.src, off, "unexpected character %q", firstRune(rest))
		}
		add(tokName, n)
		return nest, nil
	}
	if len(rest) > 1 {
		switch rest[:2] {
		case "//", "**", "==", "!=", "<=", ">=":
			add(tokOp, 2)
			return nest, nil
		}
	}
	switch c {
	case '(', '[', '{':
		if len(nest) >= maxNest {
			return nest, at(Limit, lx.src, off, "more than %d brackets inside each other", maxNest)
		}
		nest = append(nest, map[byte]byte{'(': ')', '[': ']', '{': '}'}[c])
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
	add(tokOp, 1)
	return nest, nil
}

func firstRune(s string) string {
	_, n := utf8.DecodeRuneInString(s)
	return s[:n]
}

func nameLen(s string) int {
	i := 0
	for i < len(s) && (s[i] == '_' || s[i]|0x20 >= 'a' && s[i]|0x20 <= 'z' || i > 0 && s[i] >= '0' && s[i] <= '9') {
		i++
	}
	if i < len(s) && s[i] >= utf8.RuneSelf {
		return len(nameRE.FindString(s))
	}
	return i
}

func (lx *lexer) number(rest string, add func(tokenKind, int)) *Error {
	if m := floatRE.FindString(rest); m != "" && (lx.pos == 0 || lx.src[lx.pos-1] != '.') {
		add(tokFloat, len(m))
		return nil
	}
	m := intRE.FindString(rest)
	if m == "" {
		return syntaxAt(lx.src, lx.pos, "malformed number")
	}
	add(tokInt, len(m))
	return nil
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
	lx.toks = append(lx.toks, token{kind: tokString, text: text, off: off, end: lx.pos})
	return nil
}

func syntaxAt(src string, off int, format string, args ...any) *Error {
	return at(Syntax, src, off, format, args...)
}
