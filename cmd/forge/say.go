package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"forge/internal/diag"
)

// jsonEvent is one line of --log-style json (docs/configuration.md).
type jsonEvent struct {
	Event   string  `json:"event"`
	Text    string  `json:"text"`
	Package string  `json:"package,omitempty"`
	Phase   string  `json:"phase,omitempty"`
	Seconds float64 `json:"seconds,omitempty"`
	Reason  string  `json:"reason,omitempty"`
	Code    string  `json:"code,omitempty"` // of a diagnostic, with its place
	File    string  `json:"file,omitempty"`
	Line    int     `json:"line,omitempty"`
	Column  int     `json:"column,omitempty"`
	Help    string  `json:"help,omitempty"`
}

// String is the line, which nothing in it can break or leave.
func (j jsonEvent) String() string {
	b, err := json.Marshal(j)
	if err != nil {
		return ""
	}
	return string(diag.JSON(b)) + "\n"
}

// diagnosticEvent is what is said of a place in a file.
func diagnosticEvent(d diag.Diagnostic) jsonEvent {
	text := d.Summary
	if d.Detail != "" {
		text += "\n" + d.Detail
	}
	return jsonEvent{Event: d.Severity.String(), Text: text, Code: d.Code, File: d.Pos.File, Line: d.Pos.Line, Column: d.Pos.Column, Help: d.Suggestion}
}

// forPrograms reports whether each line on stderr is a JSON document.
func (a *app) forPrograms() bool { return a.global.logStyle == "json" }

// say writes one thing about the run to stderr: an event with a name for programs, a line for people.
func (a *app) say(event, text string) {
	if a.forPrograms() {
		fmt.Fprint(a.stderr, jsonEvent{Event: event, Text: text})
		return
	}
	if event == "warning" {
		text = "warning: " + text
	}
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = diag.Printable(l)
	}
	for len(lines) > 1 && strings.HasPrefix(lines[0], "  | ") { // the end of a log stands before what is said of it
		fmt.Fprintln(a.stderr, lines[0])
		lines = lines[1:]
	}
	fmt.Fprintf(a.stderr, "forge: %s\n", strings.Join(lines, "\n"))
}
