// Package diag holds what Forge has to say about a file, with its place.
package diag

import (
	"errors"
	"fmt"
	"sort"
	"strings"
)

// Severity orders diagnostics: an Error stops what was asked for, the others do not.
type Severity int

// The severities.
const (
	Error Severity = iota
	Warning
	Note
)

func (s Severity) String() string { return [...]string{"error", "warning", "note"}[s] }

// Pos is a place in a file. Line and Column count from 1 in characters; 0 means not known.
type Pos struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
}

// IsZero reports whether no place is known.
func (p Pos) IsZero() bool { return p.File == "" }

// String writes file:line:column, leaving out what is not known.
func (p Pos) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Diagnostic is one thing to say: where, what, why, and what to do about it.
type Diagnostic struct {
	Severity   Severity `json:"severity"`
	Code       string   `json:"code,omitempty"` // stable id, for example "unknown-key"
	Pos        Pos      `json:"pos"`
	Length     int      `json:"length,omitempty"` // characters to underline, 0 for one
	Summary    string   `json:"summary"`
	Detail     string   `json:"detail,omitempty"`
	Suggestion string   `json:"suggestion,omitempty"`
	Line       string   `json:"-"` // the offending line, for the snippet
}

// List is all there is to say, in no particular order until sorted.
type List []Diagnostic

// HasErrors reports whether any is an Error.
func (l List) HasErrors() bool {
	for _, d := range l {
		if d.Severity == Error {
			return true
		}
	}
	return false
}

// Sort orders by file, line, column, then text.
func (l List) Sort() {
	sort.SliceStable(l, func(i, j int) bool {
		a, b := l[i].Pos, l[j].Pos
		if a.File != b.File {
			return a.File < b.File
		}
		if a.Line != b.Line {
			return a.Line < b.Line
		}
		if a.Column != b.Column {
			return a.Column < b.Column
		}
		return l[i].Summary < l[j].Summary
	})
}

// Err returns l as an error if it has errors, else nil.
func (l List) Err() error {
	if !l.HasErrors() {
		return nil
	}
	return &Failure{List: l}
}

// Failure is a List on its way up as an error.
type Failure struct{ List List }

// Error is the plain text of all diagnostics.
func (f *Failure) Error() string {
	var b strings.Builder
	for i, d := range f.List {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(d.String())
	}
	return b.String()
}

// Of returns the diagnostics that err carries, if it carries any.
func Of(err error) (List, bool) {
	var f *Failure
	if errors.As(err, &f) {
		return f.List, true
	}
	return nil, false
}
