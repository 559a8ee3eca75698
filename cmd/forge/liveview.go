package main

import (
	"fmt"
	"strings"

	"golang.org/x/text/width"

	"forge/internal/diag"
)

// liveView is one picture of a run: what is known at that moment, and nothing that is on the screen.
type liveView struct {
	rows                  []liveRow
	ended, total, waiting int
	failed                int
	held                  int     // of those that wait, for memory
	elapsed, left         float64 // seconds; left is 0 where nobody knows
	cpu                   float64 // cores in use by all builds
	memory                int64   // bytes, likewise
	logs, keys            bool    // the ends of the logs are shown; keys are read
	paint                 func(role, text string) string
}

// liveRow is one build or test that runs.
type liveRow struct {
	name, phase       string
	elapsed, expected float64 // seconds; expected is what it took last time, 0 if unknown
	cpu               float64 // cores
	memory            int64
	log               []string // the end of its log
}

// lines draws the view for a terminal of that size; none is wider than it.
func (v liveView) lines(columns, rows int) []string {
	most := max(1, rows-2) // so that what was printed above stays in sight
	shown := v.rows
	hidden := 0
	if len(shown) > most {
		hidden = len(shown) - most + 1
		shown = shown[:len(shown)-hidden]
	}
	room := 0 // lines of log for each
	if v.logs && len(shown) > 0 {
		room = min(8, (most-len(shown))/len(shown))
	}
	names, times := 0, 0
	for _, r := range shown {
		names, times = max(names, columnsOf(diag.Printable(r.name))), max(times, len(r.times()))
	}
	var list []string
	for _, r := range shown {
		list = append(list, v.row(r, columns, names, times))
		for _, l := range r.log[max(0, len(r.log)-room):] {
			list = append(list, v.paint("dim", fit("          | "+strings.ReplaceAll(diag.Printable(diag.WithoutColor(l)), "\t", "    "), columns)))
		}
	}
	if hidden > 0 {
		list = append(list, fit(fmt.Sprintf("%9s and %d more", "", hidden), columns))
	}
	return append(list, v.paint("dim", fit(v.status(columns), columns)))
}

// times is how long it has been running, and of how long.
func (r liveRow) times() string {
	if r.expected >= 1 {
		return clock(r.elapsed) + " of " + clock(r.expected)
	}
	return clock(r.elapsed)
}

// row is "    build  zlib-1.3.1-h0f53e1b_0   12s of 40s  187%  340 MB", with less of it on a narrow terminal, and the
// times beside the longest of the names on a wide one. times is the longest of all rows'.
func (v liveView) row(r liveRow, columns, names, times int) string {
	right := fmt.Sprintf(" %*s", times, r.times())
	if columns >= 70 {
		right = fmt.Sprintf("%14s", r.times())
		usage := ""
		if r.memory > 0 {
			usage = fmt.Sprintf("%4.0f%% %8s", 100*r.cpu, megabytes(r.memory))
		}
		right += fmt.Sprintf("  %-14s", usage)
	}
	phase := cut(r.phase, 11)
	left := max(1, min(columns-len(right)-13, max(names, widestName)))
	name := cut(diag.Printable(r.name), left)
	line := fit(fmt.Sprintf("%11s  %s%s%s", phase, name, strings.Repeat(" ", max(0, left-columnsOf(name))), right), columns)
	head := fit(line, 11)
	return v.paint("note", head) + line[len(head):]
}

// widestName is how many columns names have at least where there is room: times do not jump about with each name.
const widestName = 44

// status is the last line.
func (v liveView) status(columns int) string {
	parts := []string{fmt.Sprintf("%d of %d", v.ended, v.total)}
	if v.failed > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", v.failed))
	}
	if v.waiting > 0 {
		waiting := fmt.Sprintf("%d waiting", v.waiting)
		if v.held > 0 {
			waiting += fmt.Sprintf(" (%d for memory)", v.held)
		}
		parts = append(parts, waiting)
	}
	parts = append(parts, clock(v.elapsed))
	if v.left >= 1 {
		parts = append(parts, "about "+clock(v.left)+" left")
	}
	if v.memory > 0 && columns >= 70 {
		parts = append(parts, fmt.Sprintf("%.0f%% CPU, %s", 100*v.cpu, megabytes(v.memory)))
	}
	if v.keys && columns >= 60 {
		if v.logs {
			parts = append(parts, "l hides logs")
		} else {
			parts = append(parts, "l shows logs")
		}
	}
	return fmt.Sprintf("%11s  %s", "", strings.Join(parts, " · "))
}

// clock writes seconds for people: 9s, 1m05s, 2h03m.
func clock(seconds float64) string {
	s := int(seconds)
	switch {
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 3600:
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	}
	return fmt.Sprintf("%dh%02dm", s/3600, s/60%60)
}

func megabytes(n int64) string {
	if n >= 10e9 {
		return fmt.Sprintf("%.0f GB", float64(n)/1e9)
	}
	if n >= 1e9 {
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	}
	return fmt.Sprintf("%.0f MB", float64(n)/1e6)
}

// columnsOf is how many columns of a terminal a text takes.
func columnsOf(s string) int {
	n := 0
	for _, r := range s {
		n += runeColumns(r)
	}
	return n
}

func runeColumns(r rune) int {
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// fit cuts a text without colours at a number of columns.
func fit(s string, columns int) string {
	n := 0
	for i, r := range s {
		if n += runeColumns(r); n > columns {
			return s[:i]
		}
	}
	return s
}

// cut is fit with a mark where something is missing.
func cut(s string, columns int) string {
	if columnsOf(s) <= columns {
		return s
	}
	return fit(s, max(0, columns-1)) + "…"
}

// wrap breaks a line at a number of columns; what follows is indented like the line's beginning.
func wrap(line string, columns int) string {
	if columns < 20 || columnsOf(line) <= columns {
		return line
	}
	indent := line[:len(line)-len(strings.TrimLeft(line, " |"))]
	var b strings.Builder
	for first := true; line != ""; first = false {
		room := columns
		if !first {
			b.WriteString("\n" + indent)
			room -= columnsOf(indent)
		}
		part := fit(line, max(1, room))
		if part == "" {
			part = line[:1]
		}
		b.WriteString(part)
		line = line[len(part):]
	}
	return b.String()
}
