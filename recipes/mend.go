package recipes

import (
	"slices"
	"strings"
	"unicode/utf8"

	"forge/internal/diag"
	"forge/recipes/internal/expr"
	"forge/recipes/internal/yamlx"
)

const (
	// maxMended is the size of a file whose mistakes are all looked for; a recipe is a few kilobytes.
	maxMended = 128 << 10
	// maxMendRounds bounds how often a file with mistakes is read; each reading makes new holes.
	maxMendRounds = 40
	// maxMendVariants are the variants that are looked at for mistakes of their own.
	maxMendVariants = 16
	// maxMendWork bounds the bytes that are parsed to find where a syntax error comes from.
	maxMendWork = 16 << 20
)

// mender finds all mistakes of a file. It reads it with the ordinary reader, puts a hole in place of each
// mistake, and reads it again, until nothing new is said; what follows from a hole is not a mistake.
type mender struct {
	path   string
	format string
	source []string // the lines of the file
	lines  []string // the same with holes; one may hold several lines where a bracket was added
	holes  map[int]bool
	found  *findings
	round  int
	work   int // bytes left to parse
}

// stuckAt is how far the reading of a meta.yaml came, where it could not be read to its end.
type stuckAt struct {
	selected selection  // after selectors
	filled   *selection // after Jinja; nil where that failed
}

// mended renders a file, and if that fails finds what else is wrong with it.
func mended(render func(string, []byte, RenderOptions) *Rendered) func(string, []byte, RenderOptions) *Rendered {
	return func(path string, data []byte, opts RenderOptions) *Rendered {
		r := render(path, data, opts)
		if !r.Diagnostics.HasErrors() || len(data) > maxMended {
			return r
		}
		text, problem := yamlx.Text(data)
		if problem != "" || strings.Contains(text, "\r") {
			return r
		}
		m := &mender{path: path, format: formatOf(path), source: strings.Split(text, "\n"), holes: map[int]bool{}, found: newFindings(), work: maxMendWork}
		m.lines = slices.Clone(m.source)
		opts.holes = true
		m.all(r, func(text string) *Rendered { return render(path, []byte(text), opts) })
		m.found.list.Sort()
		return &Rendered{Diagnostics: m.found.list}
	}
}

// all goes round until nothing new is found.
func (m *mender) all(r *Rendered, read func(text string) *Rendered) {
	for ; m.round < maxMendRounds; m.round++ {
		if slices.ContainsFunc(r.Diagnostics, isLimit) {
			for _, d := range m.fresh(m.atSource(r.Diagnostics)) {
				m.found.add(d)
			}
			return
		}
		said := m.atSource(r.Diagnostics)
		if slices.ContainsFunc(said, func(d diag.Diagnostic) bool { return d.Code == "bad-selector" }) {
			// What the template is without these lines is another matter.
			said = slices.DeleteFunc(said, func(d diag.Diagnostic) bool { return d.Code == "expression-syntax" })
		}
		before := strings.Join(m.lines, "\n")
		fresh, stopped := m.syntax(r)
		if !stopped {
			fresh = m.fresh(said)
			for _, d := range said {
				if isError(d) && (m.round == 0 || !ofHole(d) && !(d.Code == "undefined" && m.follows(d))) {
					m.punchFor(d)
				}
			}
		}
		for _, d := range fresh {
			m.found.add(d)
		}
		now := strings.Join(m.lines, "\n")
		if m.work -= 16 * len(now); now == before || m.work < 0 {
			return
		}
		r = read(now)
	}
}

// atSource places diagnostics in the file, which may have less lines than what was read.
func (m *mender) atSource(list diag.List) diag.List {
	list = slices.Clone(list)
	for i := range list {
		d := &list[i]
		if d.Pos.File != m.path || d.Pos.Line == 0 {
			continue
		}
		line := lineOf(m.lines, d.Pos.Line)
		d.Pos.Line = line + 1
		if d.Line != "" {
			d.Line = m.source[line]
		}
	}
	return list
}

// fresh are the diagnostics that do not follow from a hole.
func (m *mender) fresh(list diag.List) (out diag.List) {
	for _, d := range list {
		if d.Code == "missing-hash" { // whatever the URL is
			d.Summary = strings.ReplaceAll(markedHole.ReplaceAllString(d.Summary, "…"), expr.HoleName, "…")
			d.Summary = strings.Join(strings.Fields(d.Summary), " ")
		}
		if m.round == 0 && !ofHole(d) || m.round > 0 && isError(d) && !m.follows(d) && !m.said(d) {
			out = append(out, d)
		}
	}
	return out
}

var undefinedText = pattern{src: `^"([^"]+)" is undefined$`}

// said reports whether the same was said of the same place before.
func (m *mender) said(d diag.Diagnostic) bool {
	return slices.ContainsFunc(m.found.list, func(e diag.Diagnostic) bool {
		return e.Code == d.Code && (e.Pos == d.Pos || d.Code == "missing-hash" && e.Pos.Line == d.Pos.Line)
	})
}

// isLimit reports whether a diagnostic is about a file that is hostile, or broken beyond mending.
func isLimit(d diag.Diagnostic) bool {
	return slices.Contains([]string{"too-deep", "too-big", "too-expensive", "too-many-variants", "too-many-outputs", "encoding"}, d.Code)
}

// ofHole reports whether a diagnostic is about what could not be read.
func ofHole(d diag.Diagnostic) bool {
	return strings.Contains(d.Summary+d.Detail+d.Line, expr.HoleName)
}

// ofSeveral reports whether a diagnostic is about what several parts of a file say.
func ofSeveral(d diag.Diagnostic) bool {
	return slices.Contains([]string{"missing-output", "unknown-staging", "dependency-cycle", "cycle", "too-many-variants", "too-many-outputs", "too-expensive"}, d.Code)
}

// identity are the keys that lines elsewhere lean on.
var identity = pattern{src: `^[\s-]*(?:name|version|package|recipe|outputs?|staging)\b`}

var markedHole = pattern{src: undefOpen + `[^` + undefClose + `]*` + undefClose}

// follows reports whether a diagnostic may only be there because of a hole.
func (m *mender) follows(d diag.Diagnostic) bool {
	if d.Pos.File != m.path || d.Pos.Line == 0 || ofHole(d) || ofSeveral(d) {
		return true
	}
	if unhashed := d.Code == "missing-hash" && isPlace(m.source[d.Pos.Line-1]); m.holes[d.Pos.Line] && !unhashed {
		return true
	}
	switch d.Code {
	case "bad-pin":
		return strings.Contains(d.Summary, `version ""`)
	case "missing-key", "unknown-key":
		for n := range m.holes {
			line := m.source[n-1]
			if identity.MatchString(line) && (d.Code == "missing-key" || depth(line) == 0) { // outputs decide what the top may hold
				return true
			}
		}
	case "expression", "bad-value", "bad-spec":
		if m.readsHole(m.source[d.Pos.Line-1]) {
			return true
		}
	case "undefined":
		if name := undefinedText.FindStringSubmatch(d.Summary); name != nil && m.wrote(name[1]) {
			return true
		}
	}
	from, to := d.Pos.Line, m.below(d.Pos.Line)
	if m.format != "recipe.hcl" && (strings.HasPrefix(d.Code, "missing-") || d.Code == "wrong-type" && !m.besideKey(d)) {
		from, to = m.around(d.Pos.Line)
	}
	for n := from; n <= to; n++ {
		if m.holes[n] && !(d.Code == "missing-hash" && isPlace(m.source[n-1])) {
			return true
		}
	}
	return false
}

// besideKey reports whether what a diagnostic is about begins on the line of its key: then no line before it made it
// what it is.
func (m *mender) besideKey(d diag.Diagnostic) bool {
	entry := yamlEntry.FindStringSubmatch(m.source[d.Pos.Line-1])
	return entry != nil && d.Pos.Column > utf8.RuneCountInString(entry[1]+entry[2])
}

// isPlace reports whether a line says where a source is, or is the item of a list that may, and so holds no hash.
func isPlace(line string) bool {
	key := strings.TrimLeft(line, " -")
	return strings.HasPrefix(key, "url") || yamlEntry.FindStringSubmatch(line) == nil && !hclAttribute.MatchString(line)
}

// wrote reports whether a line that is a hole now gave a name its meaning.
func (m *mender) wrote(name string) bool {
	for n := range m.holes {
		line := m.source[n-1]
		if strings.Contains(line, "{%") && findWord(line, name) >= 0 || name == "each" && strings.Contains(line, "for_each") {
			return true
		}
		if key := strings.TrimLeft(line, " -\t"); strings.HasPrefix(key, name) && strings.IndexAny(strings.TrimLeft(key[len(name):], " "), ":=") == 0 {
			return true
		}
	}
	return false
}

// readsHole reports whether an expression in a line names what a hole should have defined.
func (m *mender) readsHole(line string) bool {
	if !strings.Contains(line, "{{") && !strings.Contains(line, "${") {
		return false
	}
	for n := range m.holes {
		if key := yamlEntry.FindStringSubmatch(m.source[n-1]); key != nil && findWord(line, strings.Trim(key[2], " :")) >= 0 {
			return true
		}
	}
	return false
}

// depth is how far a line's text is indented, the dash of a list item included; -1 for none.
func depth(line string) int {
	t := strings.TrimLeft(line, " \t")
	if t == "" || t[0] == '#' || strings.HasPrefix(t, "{%") || strings.HasPrefix(t, "//") {
		return -1
	}
	return len(line) - len(t)
}

// keyDepth is where the key of a line stands, behind the dashes of a list.
func keyDepth(line string) int { return len(line) - len(strings.TrimLeft(line, " \t-")) }

// below is the last line of what line n begins.
func (m *mender) below(n int) int {
	own := keyDepth(m.source[n-1])
	list := depth(m.source[n-1]) == own && strings.HasSuffix(strings.TrimRight(m.source[n-1], " "), ":")
	last := n
	for i := n; i < len(m.source); i++ {
		line := m.source[i]
		k := depth(line)
		if k < 0 {
			continue
		}
		if k < own || k == own && !(list && strings.HasPrefix(line[k:], "-")) && !closesBracket(line[k:]) {
			break
		}
		last = i + 1
	}
	return last
}

func closesBracket(s string) bool { return strings.Trim(s, "]}),") == "" }

// around are the lines of the mapping or list that line n is part of.
func (m *mender) around(n int) (from, to int) {
	own := keyDepth(m.source[n-1])
	from = n
	for i := n - 2; i >= 0; i-- {
		if k := depth(m.source[i]); k >= 0 && keyDepth(m.source[i]) < own {
			break
		}
		if from = i + 1; depth(m.source[i]) >= 0 && depth(m.source[i]) < own { // the item of a list that begins here
			break
		}
	}
	to = n
	for i := n; i < len(m.source); i++ {
		if k := depth(m.source[i]); k >= 0 && k < own {
			break
		}
		to = i + 1
	}
	return from, to
}

// hole is how the format writes an expression of which nothing is known.
func (m *mender) hole() string {
	switch m.format {
	case "recipe.yaml":
		return "${{ " + expr.HoleName + " }}"
	case "meta.yaml":
		return "{{ " + expr.HoleName + " }}"
	}
	return expr.HoleName
}

// set makes a hole of line n.
func (m *mender) set(n int, text string) {
	m.lines[n-1] = text
	m.holes[n] = true
}

// punchFor makes the hole for a mistake that the reader went on after, or that it placed well.
func (m *mender) punchFor(d diag.Diagnostic) {
	n := d.Pos.Line
	if d.Pos.File != m.path || n < 1 || n > len(m.lines) || strings.HasPrefix(d.Code, "missing-") || ofSeveral(d) && d.Code != "cycle" {
		return
	}
	line := m.lines[n-1]
	switch {
	case d.Code == "bad-selector":
		m.punchSelector(n)
	case m.holes[n] && !strings.Contains(line, "{%"): // not even an expression may stand here
		m.clear(n, "")
	case strings.Contains(line, "{%"): // its mistakes are the template's
	case m.format == "recipe.hcl":
		m.punchBlock(n, d)
	case d.Code == "unknown-key" || d.Code == "duplicate-key":
		m.clear(n, "")
	default:
		m.clear(n, punchYAML(line, m.hole()))
	}
}

// clear makes a hole of line n, and of what it begins.
func (m *mender) clear(n int, text string) {
	for i := n + 1; i <= m.below(n); i++ {
		if strings.TrimSpace(m.lines[i-1]) != "" && !strings.Contains(m.lines[i-1], "{%") {
			m.set(i, "")
		}
	}
	if text == "" {
		m.passDash(n)
	}
	m.set(n, text)
}

// passDash lets a list's item begin with its next key, where the first goes.
func (m *mender) passDash(n int) {
	line := m.lines[n-1]
	dash, key := depth(line), keyDepth(line)
	if dash < 0 || dash == key {
		return
	}
	for i := n; i < len(m.lines); i++ {
		if next := m.lines[i]; depth(next) >= 0 {
			if depth(next) == key && next[key] != '-' {
				m.lines[i] = line[:key] + next[key:]
			}
			return
		}
	}
}

// punchSelector drops a line whose selector cannot be decided; without the selector it stays where others
// lean on it.
func (m *mender) punchSelector(n int) {
	before, _, _, ok := cutSelector(strings.TrimRight(m.lines[n-1], " \t"))
	if before = strings.TrimRight(before, " \t"); ok && (strings.HasSuffix(before, ":") || strings.Contains(before, "{%")) {
		m.set(n, before)
		return
	}
	m.set(n, "")
}

// punchBlock makes a hole of an attribute or a block of a recipe.hcl.
func (m *mender) punchBlock(n int, d diag.Diagnostic) {
	h := &hclMender{lineMender: &lineMender{lines: m.lines}, inText: textsOf(m.lines)}
	line := m.lines[n-1]
	var edits map[int]string
	switch {
	case hclAttribute.MatchString(line):
		if edits = h.value(n-1, len(m.lines)); d.Code == "unknown-key" {
			edits[n-1] = ""
		}
	case hclBlock.MatchString(line) && strings.HasSuffix(strings.TrimSpace(line), "{"):
		edits = map[int]string{n - 1: ""}
		for i := n; i < len(m.lines); i++ {
			edits[i] = ""
			if k := depth(m.lines[i]); k >= 0 && k <= depth(line) && !h.inText[i] {
				break
			}
		}
	default:
		edits = map[int]string{n - 1: ""}
	}
	for i, s := range edits {
		if i == n-1 || strings.TrimSpace(m.lines[i]) != "" {
			m.set(i+1, s)
		}
	}
}
