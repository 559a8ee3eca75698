package main

import (
	"io"
	"os"

	"golang.org/x/term"
)

// isTerminal reports whether w is a terminal that a person looks at.
func isTerminal(w io.Writer) bool {
	f, ok := raw(w).(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// widthOf is how many columns the terminal has; 0 where w is none.
func widthOf(w io.Writer) int {
	f, ok := raw(w).(*os.File)
	if !ok {
		return 0
	}
	columns, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return columns
}

// coloured decides by --color, NO_COLOR (https://no-color.org), CLICOLOR, CLICOLOR_FORCE and the terminal.
func (a *app) coloured(w io.Writer) bool {
	switch a.global.color {
	case "always":
		return true
	case "never":
		return false
	}
	if a.getenv("NO_COLOR") != "" {
		return false
	}
	if f := a.getenv("CLICOLOR_FORCE"); f != "" && f != "0" {
		return true
	}
	return isTerminal(w) && a.getenv("TERM") != "dumb" && a.getenv("CLICOLOR") != "0"
}

// painter returns the function that colours a piece of text by its role.
func (a *app) painter(w io.Writer) func(role, text string) string {
	if !a.coloured(w) {
		return func(_, text string) string { return text }
	}
	return func(role, text string) string {
		code := ansi(role)
		if code == "" || text == "" {
			return text
		}
		return "\x1b[" + code + "m" + text + "\x1b[0m"
	}
}

func ansi(role string) string {
	switch role {
	case "error", "failed":
		return "1;31"
	case "warning":
		return "1;33"
	case "note", "help":
		return "36"
	case "pos", "bold":
		return "1"
	case "marker":
		return "31"
	case "built":
		return "32"
	case "reused", "dim", "skipped":
		return "2"
	}
	return ""
}
