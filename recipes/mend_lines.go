package recipes

import (
	"maps"
	"slices"
	"strings"

	"forge/internal/diag"
)

// lineMender finds the mistakes of syntax in a text that a parser stops at. It parses each section on its
// own, and puts holes in lines until it can be parsed: of the holes that could be meant it takes the first
// that lets the parser come further.
type lineMender struct {
	lines []string // one may hold several where a bracket was added
	// first is the first mistake of some lines, its line counted among them; nil where there is none.
	first func(text string) *diag.Diagnostic
	// begins reports whether a section begins at a line.
	begins func(i int) bool
	// choices are the holes that may help against a mistake in line at of the section [from, to).
	choices func(from, to, at int, d *diag.Diagnostic) []lineChoice
	faults  []lineFault
	work    *int
}

// lineChoice is a hole of one or more lines.
type lineChoice struct {
	edits map[int]string
	at    int              // the line to speak of; -1 for the parser's
	say   *diag.Diagnostic // what to say; nil for what the parser says
}

// lineFault is a mistake, its line counted from 1, and the lines that became holes.
type lineFault struct {
	d     diag.Diagnostic
	holes []int // from 0
}

// maxLineFaults bounds the mistakes of syntax that are looked for in a section.
const maxLineFaults = 40

// mend goes through all sections. It reports whether the whole can be parsed then.
func (l *lineMender) mend() bool {
	for from := 0; from < len(l.lines); {
		to := from + 1
		for to < len(l.lines) && !l.begins(to) {
			to++
		}
		if !l.section(from, to) {
			return false
		}
		from = to
	}
	return *l.work > 0 && l.first(strings.Join(l.lines, "\n")) == nil
}

func (l *lineMender) parse(from, to int, edits map[int]string) *diag.Diagnostic {
	lines := l.lines[from:to]
	if edits != nil {
		lines = slices.Clone(lines)
		for i, s := range edits {
			lines[i-from] = s
		}
	}
	text := strings.Join(lines, "\n") + "\n"
	*l.work -= len(text)
	d := l.first(text)
	if d != nil {
		*l.work -= 8 * len(text) // the place is looked for by halving
		d.Pos.Line = from + 1 + lineOf(lines, d.Pos.Line)
	}
	return d
}

// lineOf is the index of the line that holds line n of the text; one may hold several.
func lineOf(lines []string, n int) int {
	i := 0
	for i < len(lines)-1 && n > 1+strings.Count(lines[i], "\n") {
		n -= 1 + strings.Count(lines[i], "\n")
		i++
	}
	return i
}

func (l *lineMender) section(from, to int) bool {
	for range maxLineFaults {
		d := l.parse(from, to, nil)
		if d == nil {
			return true
		}
		if !l.one(from, to, d) {
			return false
		}
	}
	return false
}

// one makes the hole for a mistake: of a line or two, or of the whole section.
func (l *lineMender) one(from, to int, d *diag.Diagnostic) bool {
	at := min(max(d.Pos.Line-1, from), to-1)
	for _, c := range l.choices(from, to, at, d) {
		if *l.work <= 0 {
			return false
		}
		// An error before this one was hidden by a quote: what is no token is said first.
		if next := l.parse(from, to, c.edits); next != nil && next.Pos.Line-1 <= max(at, c.at) && !(c.at == at && next.Pos.Line-1 < at) {
			continue
		}
		l.take(c, d)
		return true
	}
	all := lineChoice{edits: map[int]string{}, at: -1}
	for i := from; i < to; i++ {
		if strings.TrimSpace(l.lines[i]) != "" {
			all.edits[i] = ""
		}
	}
	l.take(all, d)
	return len(all.edits) > 0
}

func (l *lineMender) take(c lineChoice, d *diag.Diagnostic) {
	say := *d
	if c.say != nil {
		say = *c.say
	}
	holes := slices.Sorted(maps.Keys(c.edits))
	for _, i := range holes {
		l.lines[i] = c.edits[i]
	}
	l.faults = append(l.faults, lineFault{say, holes})
}
