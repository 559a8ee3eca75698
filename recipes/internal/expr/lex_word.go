package expr

import (
	"unicode"
	"unicode/utf8"
)

// nameLen is the length of the name at the beginning of s: letters, digits and underscores, no digit first.
func nameLen(s string) int {
	i := 0
	for i < len(s) && (s[i] == '_' || s[i]|0x20 >= 'a' && s[i]|0x20 <= 'z' || i > 0 && s[i] >= '0' && s[i] <= '9') {
		i++
	}
	for i < len(s) && s[i] >= utf8.RuneSelf {
		r, n := utf8.DecodeRuneInString(s[i:])
		if !unicode.IsLetter(r) && (i == 0 || !unicode.IsNumber(r)) {
			break
		}
		for i += n; i < len(s) && isWord(s[i]); {
			i++
		}
	}
	return i
}

func isWord(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// number reads the number at the beginning of rest, which begins with a digit.
func (lx *lexer) number(rest string) {
	if n := floatLen(rest); n > 0 && (lx.pos == 0 || lx.src[lx.pos-1] != '.') {
		lx.take(tokFloat, n)
		return
	}
	lx.take(tokInt, intLen(rest))
}

// digits is the length of the digits at the beginning of s, single underscores between them.
func digits(s string, is func(byte) bool) int {
	i := 0
	for i < len(s) && is(s[i]) {
		if i++; i+1 < len(s) && s[i] == '_' && is(s[i+1]) {
			i++
		}
	}
	return i
}

// floatLen is the length of a number with a fraction or an exponent, 0 where s begins with none.
func floatLen(s string) int {
	n := digits(s, isDigit)
	end := 0
	if n < len(s) && s[n] == '.' {
		if d := digits(s[n+1:], isDigit); d > 0 {
			n += 1 + d
			end = n
		}
	}
	if n < len(s) && s[n]|0x20 == 'e' {
		e := n + 1
		if e < len(s) && (s[e] == '+' || s[e] == '-') {
			e++
		}
		if d := digits(s[e:], isDigit); d > 0 {
			end = e + d
		}
	}
	return end
}

// intLen is the length of Python's whole number at the beginning of s, in any of its bases. One that
// begins with 0 is that zero alone.
func intLen(s string) int {
	if s[0] != '0' {
		return digits(s, isDigit)
	}
	if len(s) > 2 {
		var is func(byte) bool
		switch s[1] | 0x20 {
		case 'b':
			is = func(c byte) bool { return c == '0' || c == '1' }
		case 'o':
			is = func(c byte) bool { return c >= '0' && c <= '7' }
		case 'x':
			is = func(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }
		}
		if is != nil {
			from := 2
			if s[2] == '_' {
				from = 3
			}
			if n := digits(s[from:], is); n > 0 {
				return from + n
			}
		}
	}
	return digits(s, func(c byte) bool { return c == '0' })
}
