package expr

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Kind sorts errors by what went wrong.
type Kind int

// The kinds.
const (
	Syntax    Kind = iota
	Undefined      // use of an undefined name; Error.Name is the name
	Runtime        // wrong type, division by zero, an error of a function …
	Limit          // budget or nesting used up
)

// Error is a mistake in a template or expression, with its place in the source given to Parse.
type Error struct {
	Kind   Kind
	Offset int // in bytes, from 0
	Line   int // from 1
	Column int // from 1, in characters
	Length int // characters to underline; 0 if not known
	Msg    string
	Name   string // the undefined name, the unknown filter, test or function
	Hint   string // what to do about it; may be empty
	Err    error  // what a function returned, if that is the cause
}

// Error says line, column and message.
func (e *Error) Error() string { return fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Msg) }

// Unwrap returns the error of the called function.
func (e *Error) Unwrap() error { return e.Err }

// at makes an error whose place is filled in from src.
func at(kind Kind, src string, off int, format string, args ...any) *Error {
	e := &Error{Kind: kind, Msg: fmt.Sprintf(format, args...)}
	e.place(src, off)
	return e
}

func (e *Error) place(src string, off int) {
	off = max(0, min(off, len(src)))
	e.Offset = off
	e.Line = 1 + strings.Count(src[:off], "\n")
	e.Column = 1 + utf8.RuneCountInString(src[strings.LastIndexByte(src[:off], '\n')+1:off])
}
