package diag

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// String is the diagnostic as plain text: place, severity, summary, the offending line with a
// marker under it, detail and suggestion. Control characters of hostile input are escaped.
func (d Diagnostic) String() string { return d.text(func(_, s string) string { return s }) }

// Paint is String with each part passed through paint(role, text), where role is one of
// "pos", "error", "warning", "note", "snippet", "marker", "help".
func (d Diagnostic) Paint(paint func(role, text string) string) string { return d.text(paint) }

func (d Diagnostic) text(paint func(role, text string) string) string {
	var b strings.Builder
	if !d.Pos.IsZero() {
		b.WriteString(paint("pos", Printable(d.Pos.String())) + ": ")
	}
	b.WriteString(paint(d.Severity.String(), d.Severity.String()) + ": " + Printable(d.Summary))
	if d.Code != "" {
		b.WriteString(" [" + d.Code + "]")
	}
	if d.Line != "" && d.Pos.Line > 0 {
		b.WriteString("\n" + d.snippet(paint))
	}
	if d.Detail != "" {
		b.WriteString("\n  " + strings.ReplaceAll(printableLines(d.Detail), "\n", "\n  "))
	}
	if d.Suggestion != "" {
		b.WriteString("\n  " + paint("help", "help: ") + Printable(d.Suggestion))
	}
	return b.String()
}

func (d Diagnostic) snippet(paint func(role, text string) string) string {
	const most = 160
	line, col := []rune(strings.ReplaceAll(d.Line, "\t", " ")), d.Pos.Column
	if len(line) > most { // keep the marker in view on very long lines
		from := max(0, min(col-most/2, len(line)-most))
		line, col = line[from:min(len(line), from+most)], col-from
	}
	gutter := fmt.Sprintf("%5d | ", d.Pos.Line)
	text := paint("snippet", gutter+Printable(string(line)))
	if col <= 0 {
		return text
	}
	n := max(1, min(d.Length, len(line)-col+1))
	pad := strings.Repeat(" ", len(gutter)-2) + "| " + strings.Repeat(" ", col-1)
	return text + "\n" + pad + paint("marker", strings.Repeat("^", n))
}

// Printable escapes control and bidirectional characters, so that text from a recipe or an archive
// cannot move the cursor or hide what it says (CVE-2021-42574).
func Printable(s string) string {
	if utf8.ValidString(s) && strings.IndexFunc(s, hidden) < 0 {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		if r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD") {
			fmt.Fprintf(&b, `\x%02x`, s[i])
		} else if hidden(r) {
			q := fmt.Sprintf("%+q", r)
			b.WriteString(q[1 : len(q)-1])
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// hidden holds for control characters, format characters (bidirectional ones among them) and the separators of
// lines and paragraphs, which some viewers take for the end of a line.
func hidden(r rune) bool {
	return r != '\t' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp))
}

func printableLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = Printable(l)
	}
	return strings.Join(lines, "\n")
}

// Nearest returns the candidate that word was most likely meant to be, or "" if none is near.
// Distance counts inserts, deletes, changes and swaps of neighbours (optimal string alignment).
func Nearest(word string, candidates []string) string {
	best, limit := "", len(word)/3+1
	for _, c := range candidates {
		if n := distance(strings.ToLower(word), strings.ToLower(c), limit); n <= limit && c != word {
			if n < limit || best == "" {
				best, limit = c, n
			}
		}
	}
	return best
}

// Distance counts the edits between two words, as Nearest does.
func Distance(a, b string) int {
	return distance(strings.ToLower(a), strings.ToLower(b), len(a)+len(b))
}

func distance(a, b string, limit int) int {
	if d := len(a) - len(b); d > limit || -d > limit || len(a) > 200 {
		return limit + 1
	}
	prev2, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(b)]
}
