package expr

import (
	"slices"
	"strings"
)

// HoleName is the name that stands where an expression could not be read. Nothing defines it, so all that
// is said about it follows from a mistake that was reported already.
const HoleName = "__hole"

// Edit replaces src[From:To] by Text, which has as many lines.
type Edit struct {
	From, To int
	Text     string
}

// Fault is one mistake of a template, and the edits that leave a hole in its place. Err is nil where the
// edits only keep the tags around it in pairs.
type Fault struct {
	Err   *Error
	Edits []Edit
}

// Faults lists all mistakes of syntax in a template, each tag read on its own; none where Parse finds none.
// With all edits made the template can be parsed, but for mistakes that no tag alone shows.
func (d *Dialect) Faults(src string) []Fault {
	if strings.IndexByte(src, '\r') >= 0 {
		return nil // offsets would not be those of the text
	}
	m := &mender{d: d, src: src}
	for _, t := range m.scan() {
		m.tag(t)
	}
	for _, o := range slices.Backward(m.open) {
		m.remove(o, syntaxAt(src, o.at, "{%% %s %%} is not closed: {%% end%s %%} is missing", o.word, o.word))
	}
	slices.SortStableFunc(m.faults, func(a, b Fault) int { return a.Edits[0].From - b.Edits[0].From })
	return m.faults
}

// HoleAt makes a hole of the tag that holds an offset.
func (d *Dialect) HoleAt(src string, offset int) []Edit {
	m := &mender{d: d, src: src}
	for _, t := range m.scan() {
		m.tag(t)
		if t.at <= offset && offset < t.end {
			return m.hole(t)
		}
	}
	return nil
}

type mender struct {
	d      *Dialect
	src    string
	open   []*openTag
	faults []Fault
}

// rawTag is one {{ }} or {% %} of a template as it stands there.
type rawTag struct {
	at, end int
	toks    []token // nil where it could not be split
	err     *Error
	word    string // of a statement
}

// openTag is a statement that waits for its end.
type openTag struct {
	*rawTag
	middles []*rawTag // its elif and else
	dead    bool      // it was made an {% if %}, and so must its end
}

// scan finds all tags. One that is broken ends where its line, or the text before the next tag, closes it.
func (m *mender) scan() (tags []*rawTag) {
	open, end := m.d.delims()
	lx := &lexer{d: m.d, src: m.src, open: open, end: end}
	for lx.pos < len(lx.src) {
		at, what := lx.nextTag()
		if at < 0 {
			break
		}
		switch {
		case what == "{#":
			if _, _, err := lx.comment(at); err != nil {
				stop := nextLine(m.src, at)
				m.fault(err, Edit{at, stop, ""})
				lx.pos = stop
			}
			continue
		case what == "{%":
			if n, _, sign := wordTag(m.src[at:], "raw"); n > 0 {
				if _, _, err := lx.raw(at, at+n, sign); err != nil {
					m.fault(err, Edit{at, at + n, ""})
					lx.pos = at + n
				}
				continue
			}
		}
		t := m.split(lx, at, what)
		tags = append(tags, t)
		lx.pos = t.end
	}
	return tags
}

// split reads one tag on its own.
func (m *mender) split(lx *lexer, at int, what string) *rawTag {
	begin, finish, close := tokBlockBegin, tokBlockEnd, "%}"
	if what == lx.open {
		begin, finish, close = tokVarBegin, tokVarEnd, lx.end
	}
	t := &rawTag{at: at}
	read := func(src string) {
		one := &lexer{d: m.d, src: src, open: lx.open, end: lx.end}
		_, _, t.err = one.tag(at, what, close, begin, finish)
		t.toks, t.end = one.toks, one.pos
	}
	if read(m.src); t.err != nil || m.nextOpen(at+len(what), lx.open) < t.end {
		stop := m.nextOpen(at+len(what), lx.open)
		if i := strings.Index(m.src[at:stop], close); i >= 0 {
			stop = at + i + len(close)
		} else {
			stop = min(stop, nextLine(m.src, at))
		}
		if read(m.src[:stop]); t.err != nil {
			if t.toks, t.end = nil, stop; t.err.Offset < stop && m.src[t.err.Offset] == '}' { // half of what closes it
				t.end = t.err.Offset + 1
			}
		}
	}
	if begin == tokBlockBegin {
		inner := strings.TrimLeft(strings.TrimPrefix(strings.TrimPrefix(m.src[at+2:t.end], "-"), "+"), " \t\n")
		t.word = inner[:nameLen(inner)]
	}
	return t
}

// nextOpen is where the next tag opens at or after an offset.
func (m *mender) nextOpen(from int, open string) int {
	next := len(m.src)
	for _, s := range []string{open, "{%", "{#"} {
		if i := strings.Index(m.src[from:next], s); i >= 0 {
			next = from + i
		}
	}
	return next
}

// nextLine is the end of the line that holds an offset.
func nextLine(s string, at int) int {
	if i := strings.IndexByte(s[at:], '\n'); i >= 0 {
		return at + i
	}
	return len(s)
}

func (m *mender) fault(err *Error, edits ...Edit) {
	for i, e := range edits {
		edits[i].Text = e.Text + strings.Repeat("\n", strings.Count(m.src[e.From:e.To], "\n"))
	}
	m.faults = append(m.faults, Fault{err, edits})
}

// tag judges one tag and keeps count of what is open.
func (m *mender) tag(t *rawTag) {
	err := t.err
	if err == nil {
		err = m.header(t)
	}
	switch word := t.word; {
	case word == "":
	case word == "else", word == "elif":
		if n := len(m.open); n == 0 || !m.open[n-1].takes(word) {
			if err == nil {
				err = syntaxAt(m.src, t.at, "{%% %s %%} without its opening statement", word)
			}
			m.fault(err, Edit{t.at, t.end, ""})
			return
		}
		o := m.open[len(m.open)-1]
		o.middles = append(o.middles, t)
	case strings.HasPrefix(word, "end"):
		m.close(t, err)
		return
	case m.opens(t):
		m.open = append(m.open, &openTag{rawTag: t, dead: err != nil && word != "if" && word != "for"})
	}
	if err != nil {
		m.fault(err, m.hole(t)...)
	}
}

func (o *openTag) takes(middle string) bool {
	return o.word == "if" || o.word == "for" && middle == "else" || o.dead
}

// opens reports whether a statement waits for its end.
func (m *mender) opens(t *rawTag) bool {
	switch t.word {
	case "if", "for", "macro", "call", "filter", "with", "block":
		return true
	case "set":
		return !strings.Contains(m.src[t.at:t.end], "=") && strings.Contains(m.src[t.end:], "endset")
	}
	return false
}

// close ends the statement that is open, and those inside of it that were left open.
func (m *mender) close(t *rawTag, err *Error) {
	word := strings.TrimPrefix(t.word, "end")
	i := len(m.open) - 1
	for i >= 0 && m.open[i].word != word {
		i--
	}
	if i < 0 {
		if err == nil {
			err = syntaxAt(m.src, t.at+strings.Index(m.src[t.at:t.end], t.word), "{%% %s %%} without its opening statement", t.word)
		}
		m.fault(err, Edit{t.at, t.end, ""})
		return
	}
	for _, o := range slices.Backward(m.open[i+1:]) {
		m.remove(o, syntaxAt(m.src, t.at+strings.Index(m.src[t.at:t.end], t.word),
			"{%% %s %%} stands where {%% end%s %%} is expected: the block before it is not closed", t.word, o.word))
	}
	dead := m.open[i].dead
	m.open = m.open[:i]
	switch {
	case dead:
		m.fault(err, Edit{t.at, t.end, "{% endif %}"})
	case err != nil:
		m.fault(err, Edit{t.at, t.end, "{% " + t.word + " %}"})
	}
}

// remove takes a statement without an end out of the template.
func (m *mender) remove(o *openTag, err *Error) {
	edits := []Edit{{o.at, o.end, ""}}
	for _, t := range o.middles {
		edits = append(edits, Edit{t.at, t.end, ""})
	}
	for _, e := range edits { // which replaces what was made of them
		m.faults = slices.DeleteFunc(m.faults, func(f Fault) bool { return f.Err == nil && f.Edits[0].From == e.From })
	}
	m.fault(err, edits...)
}

// header parses a tag without what belongs to it.
func (m *mender) header(t *rawTag) (err *Error) {
	toks := slices.Clone(t.toks)
	statement := func(words ...string) {
		toks = append(toks, token{"{%", t.end, tokBlockBegin})
		for _, w := range words {
			toks = append(toks, token{w, t.end, tokName})
		}
		toks = append(toks, token{"%}", t.end, tokBlockEnd})
	}
	switch {
	case t.word == "elif":
		toks[1].text = "if"
		statement("endif")
	case t.word == "else" || strings.HasPrefix(t.word, "end"):
		if named := t.word == "endblock" || t.word == "endmacro"; len(toks) > 3 && !named || len(toks) > 4 {
			return syntaxAt(m.src, toks[2].off, "unexpected %q", toks[2].text)
		}
		return nil
	case m.opens(t):
		statement("end" + t.word)
	}
	p := &parser{d: m.d, src: m.src, toks: append(toks, token{"", t.end, tokEOF})}
	var failed error
	func() {
		defer p.recover(&failed)
		p.block()
	}()
	err, _ = failed.(*Error)
	return err
}

// hole are the edits that leave a tag's place and drop what it says.
func (m *mender) hole(t *rawTag) []Edit {
	open, end := m.d.delims()
	inner := strings.TrimPrefix(strings.TrimLeft(strings.Trim(m.src[t.at+2:t.end], "-+ \t\n"), "-+ "), t.word)
	name := ""
	if s := strings.TrimLeft(inner, " (\t"); s != "" {
		name = s[:nameLen(s)]
	}
	set := ""
	if name != "" {
		set = "{% set " + name + " = " + HoleName + " %}"
	}
	text := ""
	switch t.word {
	case "":
		if text = open + " " + HoleName + " " + end; strings.HasPrefix(m.src[t.at:t.end], "{%") {
			text = ""
		}
	case "set":
		text = set
	case "if", "elif":
		text = "{% " + t.word + " true %}"
	case "for":
		text = m.forHole(inner)
	case "macro":
		text = set + "{% if false %}"
	case "call", "filter", "with", "block":
		text = "{% if true %}"
	case "import", "from":
		if _, as, ok := strings.Cut(inner, " as "); ok {
			as = strings.TrimLeft(as, " ")
			if as = as[:nameLen(as)]; as != "" {
				text = "{% set " + as + " = " + HoleName + " %}"
			}
		}
	}
	return []Edit{{t.at, t.end, text + strings.Repeat("\n", strings.Count(m.src[t.at:t.end], "\n"))}}
}

// forHole is a loop that runs once and knows nothing about its items.
func (m *mender) forHole(inner string) string {
	names, _, _ := strings.Cut(inner, " in ")
	var targets, values []string
	for part := range strings.SplitSeq(names, ",") {
		part = strings.Trim(part, " ()\t\n")
		if n := part[:nameLen(part)]; n != "" && n != "in" {
			targets, values = append(targets, n), append(values, HoleName)
		}
	}
	switch len(targets) {
	case 0:
		return "{% for _ in [1] %}"
	case 1:
		return "{% for " + targets[0] + " in [" + HoleName + "] %}"
	}
	return "{% for " + strings.Join(targets, ", ") + " in [(" + strings.Join(values, ", ") + ")] %}"
}

// Apply makes edits, which do not overlap.
func Apply(src string, edits []Edit) string {
	edits = slices.Clone(edits)
	slices.SortFunc(edits, func(a, b Edit) int { return a.From - b.From })
	var b strings.Builder
	at := 0
	for _, e := range edits {
		if e.From < at {
			continue
		}
		b.WriteString(src[at:e.From] + e.Text)
		at = e.To
	}
	return b.String() + src[at:]
}
