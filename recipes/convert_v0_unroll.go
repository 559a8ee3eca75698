package recipes

import (
	"strings"

	"forge/recipes/internal/expr"
)

// unroller writes out what recipe.yaml has no words for: {% for %} over constants, macros, and {% if %}
// inside of a line. What is left are {% set %}, {% if %} around lines, and {{ }}.
type unroller struct {
	outline *outline
	text    string
	parts   []jinjaPart
	consts  map[string]expr.Value // names that are set once, to a constant
	macros  map[string]macro
	out     strings.Builder
	lines   []int              // source line of each line written
	now     map[string][]piece // lists as they are at this place
	looped  map[string]bool    // names that loops went over
	ifs     []arm              // of the {% if %} around
	quiet   bool               // comments were written in an earlier round
	depth   int
	steps   *int // stretches of text written, macros included
	say     func(line int, format string, args ...any)
}

// macro is a {% macro %} of the file.
type macro struct {
	params   []string
	defaults map[string]string
	from, to int // its body among the parts
	body     [2]int
	trim     bool
}

// arm is the arm of an {% if %}: its condition, and that no arm before it was taken.
type arm struct{ now, before string }

const (
	maxUnrolled  = 4 << 20
	maxStretches = 50_000
)

// unroll writes a file out.
func unroll(o *outline, say func(line int, format string, args ...any)) *unroller {
	u := &unroller{outline: o, text: o.text, parts: o.jinja, steps: new(int), macros: map[string]macro{}, consts: constants(o), lines: []int{1},
		now: map[string][]piece{}, looped: map[string]bool{}, say: say}
	u.expand(0, len(o.text), 0, len(o.jinja), nil)
	return u
}

// statement is the first word of a {% %}, and the rest.
func statement(p jinjaPart) (word, rest string) {
	inner := strings.TrimSpace(strings.TrimSuffix(strings.TrimLeft(p.inner, "-+"), "-"))
	end := strings.IndexFunc(inner, func(r rune) bool { return !isAlnum(r) && r != '_' })
	if end < 0 {
		return inner, ""
	}
	return inner[:end], strings.TrimSpace(inner[end:])
}

// write adds text that begins at a place of the file; made text counts for that place's line.
func (u *unroller) write(s string, offset int, verbatim bool) {
	if u.out.Len() > maxUnrolled {
		return
	}
	if u.quiet && verbatim {
		s = withoutComments(s)
	}
	line := u.line(offset)
	if u.out.Len() == 0 || strings.HasSuffix(u.out.String(), "\n") {
		u.lines[len(u.lines)-1] = line
	}
	for _, r := range s {
		if r == '\n' {
			if verbatim {
				line++
			}
			u.lines = append(u.lines, line)
		}
	}
	u.out.WriteString(s)
}

func (u *unroller) line(offset int) int {
	line, _ := u.outline.place(offset)
	return line
}

// expand writes the text between two places with the names of env put in.
func (u *unroller) expand(from, to, first, last int, env map[string]string) {
	if *u.steps++; u.depth > 20 || *u.steps > maxStretches || u.out.Len() > maxUnrolled {
		if *u.steps == maxStretches+1 {
			u.say(u.line(from), "loops and macros make too much text here")
		}
		return
	}
	u.depth++
	defer func() { u.depth-- }()
	at := from
	for i := first; i < last; i++ {
		p := u.parts[i]
		if p.from < at {
			continue
		}
		u.write(u.text[at:p.from], at, true)
		at = p.to
		switch p.kind {
		case '{':
			u.expression(p, env)
		case '#':
			u.comment(p)
		default:
			if end, next := u.statement(i, last, env); end >= 0 {
				i, at = end, next
			}
		}
	}
	if at < to {
		u.write(u.text[at:to], at, true)
	}
}

// comment makes {# … #} on lines of its own a comment of YAML.
func (u *unroller) comment(p jinjaPart) {
	begin := strings.LastIndexByte(u.text[:p.from], '\n') + 1
	if strings.TrimSpace(u.text[begin:p.from]) != "" {
		return
	}
	for i, line := range strings.Split(strings.Trim(strings.Trim(p.inner, "-"), " \n"), "\n") {
		if i > 0 {
			u.write("\n"+u.text[begin:p.from], p.from, false)
		}
		u.write(strings.TrimRight("# "+strings.TrimLeft(strings.TrimSpace(line), "# "), " "), p.from, false)
	}
}

// expression writes {{ }}: a macro's text, a constant that a loop put in, or the expression.
func (u *unroller) expression(p jinjaPart, env map[string]string) {
	inner := strings.TrimSpace(strings.Trim(p.inner, "-"))
	if name, args, ok := strings.Cut(strings.TrimSuffix(inner, ")"), "("); ok && strings.HasSuffix(inner, ")") {
		if m, known := u.macros[strings.TrimSpace(name)]; known {
			u.call(m, args, p, env)
			return
		}
	}
	now := substitute(inner, env)
	if now == inner {
		u.write(u.text[p.from:p.to], p.from, true)
		return
	}
	if v, ok := evaluate(now, nil); ok {
		u.write(expr.Str(v), p.from, false)
		return
	}
	u.write("{{ "+now+" }}", p.from, false)
}

// call writes what a macro makes.
func (u *unroller) call(m macro, args string, p jinjaPart, env map[string]string) {
	inner := map[string]string{}
	for k, v := range m.defaults {
		inner[k] = v
	}
	for i, a := range topLevel(args) {
		a = strings.TrimSpace(a)
		if name, value, named := strings.Cut(a, "="); named && wholeWord.MatchString(strings.TrimSpace(name)) && !strings.HasPrefix(value, "=") {
			inner[strings.TrimSpace(name)] = atom(substitute(strings.TrimSpace(value), env))
		} else if i < len(m.params) {
			inner[m.params[i]] = atom(substitute(a, env))
		}
	}
	sub := unroller{outline: u.outline, steps: u.steps, text: u.text, parts: u.parts, consts: u.consts, macros: u.macros, lines: []int{1}, now: u.now, looped: u.looped, depth: u.depth, say: u.say}
	sub.expand(m.body[0], m.body[1], m.from, m.to, inner)
	text := sub.out.String()
	if m.trim || !strings.Contains(strings.TrimSpace(text), "\n") {
		text = strings.TrimSpace(text)
	}
	u.write(text, p.from, false)
}

var wholeWord = pattern{src: `^[A-Za-z_]\w*$`}

var loopWord = pattern{src: `\bloop\.(index0|index|first|last|length|revindex0|revindex)\b`}

// block finds the end of the block that part i opens: its branches as part numbers, the last one the end.
func (u *unroller) block(i, last int) (marks []int) {
	kind, _ := statement(u.parts[i])
	depth := 0
	for k := i + 1; k < last; k++ {
		if u.parts[k].kind != '%' {
			continue
		}
		switch w, rest := statement(u.parts[k]); {
		case w == "if" || w == "for" || w == "macro" || w == "filter" || w == "call" || w == "with" || w == "set" && !strings.Contains(rest, "="):
			depth++
		case depth == 0 && (w == "elif" || w == "else"):
			marks = append(marks, k)
		case depth == 0 && w == "end"+kind:
			return append(marks, k)
		case strings.HasPrefix(w, "end"):
			depth--
		}
	}
	return nil
}

// statement writes {% %}. It returns the part that was taken last and where the text goes on; -1 where
// only the statement itself was written.
func (u *unroller) statement(i, last int, env map[string]string) (end, next int) {
	p := u.parts[i]
	line := u.line(p.from)
	w, rest := statement(p)
	switch w {
	case "for":
		marks := u.block(i, last)
		if len(marks) == 1 && u.loop(i, marks[0], rest, env) {
			return marks[0], u.parts[marks[0]].to
		}
		if len(marks) > 0 {
			u.say(line, "{%% for %%} goes over what is not known before the build, or has an else; write out what it makes")
			return marks[len(marks)-1], u.parts[marks[len(marks)-1]].to
		}
	case "macro":
		if marks := u.block(i, last); len(marks) == 1 {
			u.define(i, marks[0], rest)
			return marks[0], u.parts[marks[0]].to
		}
	case "if":
		if marks := u.block(i, last); len(marks) > 0 && u.choose(i, marks, env) {
			return marks[len(marks)-1], u.parts[marks[len(marks)-1]].to
		}
	case "set":
		if marks := u.block(i, last); !strings.Contains(rest, "=") && len(marks) == 1 {
			e := u.parts[marks[0]]
			u.write("{% set "+rest+" = "+u.textOf(p.to, e.from, i+1, marks[0], env)+" %}", p.from, false)
			return marks[0], e.to
		}
		u.remember(p, substitute(rest, env))
	case "endif":
		u.ifs = u.ifs[:max(0, len(u.ifs)-1)]
	case "elif", "else":
		if n := len(u.ifs) - 1; n >= 0 {
			a := &u.ifs[n]
			a.now = a.before
			if condition := "(" + substitute(rest, env) + ")"; w == "elif" {
				a.now, a.before = a.before+" and "+condition, a.before+" and not "+condition
			}
		}
	}
	if w == "if" {
		condition := "(" + substitute(rest, env) + ")"
		u.ifs = append(u.ifs, arm{condition, "not " + condition})
	}
	if now := substitute(p.inner, env); now != p.inner {
		u.write("{%"+now+"%}", p.from, false)
	} else {
		u.write(u.text[p.from:p.to], p.from, true)
	}
	return -1, 0
}

func (u *unroller) define(i, end int, head string) {
	name, params, ok := strings.Cut(strings.TrimSuffix(head, ")"), "(")
	if !ok {
		return
	}
	m := macro{defaults: map[string]string{}, from: i + 1, to: end, body: [2]int{u.parts[i].to, u.parts[end].from}, trim: strings.HasSuffix(u.parts[i].inner, "-")}
	for _, p := range topLevel(params) {
		n, def, given := strings.Cut(p, "=")
		m.params = append(m.params, strings.TrimSpace(n))
		if given {
			m.defaults[strings.TrimSpace(n)] = strings.TrimSpace(def)
		}
	}
	u.macros[strings.TrimSpace(name)] = m
}

// choose decides an {% if %} whose condition a loop or macro made constant, and writes one inside of a
// line as an expression.
func (u *unroller) choose(i int, marks []int, env map[string]string) bool {
	open, end := u.parts[i], u.parts[marks[len(marks)-1]]
	all := append([]int{i}, marks...)
	if len(env) > 0 {
		for k, mark := range all[:len(all)-1] {
			w, condition := statement(u.parts[mark])
			yes := true
			if w != "else" {
				now := substitute(condition, env)
				v, ok := evaluate(now, u.consts)
				if !ok || now == condition {
					break
				}
				yes = expr.Truth(v)
			}
			if yes {
				u.expand(u.parts[mark].to, u.parts[all[k+1]].from, mark+1, all[k+1], env)
				return true
			}
			if k == len(all)-2 {
				return true
			}
		}
	}
	if strings.Contains(u.text[open.from:end.to], "\n") {
		return false
	}
	begin := strings.LastIndexByte(u.text[:open.from], '\n') + 1
	rest, _, _ := strings.Cut(u.text[end.to:], "\n")
	if strings.TrimSpace(u.text[begin:open.from]) == "" && strings.TrimSpace(strings.SplitN(rest, "#", 2)[0]) == "" {
		return u.lineChoice(all, u.text[begin:open.from], env)
	}
	s := `""`
	for k := len(all) - 2; k >= 0; k-- {
		w, condition := statement(u.parts[all[k]])
		body := u.textOf(u.parts[all[k]].to, u.parts[all[k+1]].from, all[k]+1, all[k+1], env)
		if w == "else" {
			s = body
		} else {
			s = "(" + body + " if " + substitute(condition, env) + " else " + s + ")"
		}
	}
	u.write("{{ "+s+" }}", open.from, false)
	return true
}

// lineChoice puts an {% if %} that has a line for itself on lines of its own.
func (u *unroller) lineChoice(all []int, indent string, env map[string]string) bool {
	if k := u.parts[all[0]].to; strings.TrimSpace(u.text[k:u.parts[all[1]].from]) == "" {
		return false
	}
	for k, mark := range all {
		p := u.parts[mark]
		u.write("{% "+substitute(strings.TrimSpace(strings.Trim(p.inner, "-")), env)+" %}", p.from, false)
		if k == len(all)-1 {
			break
		}
		u.write("\n"+indent, p.from, false)
		u.expand(p.to, u.parts[all[k+1]].from, mark+1, all[k+1], env)
		u.write("\n"+indent, p.from, false)
	}
	return true
}

// textOf is a stretch of the file as an expression.
func (u *unroller) textOf(from, to, first, last int, env map[string]string) string {
	var parts []string
	at := from
	for i := first; i < last; i++ {
		p := u.parts[i]
		if p.from > at {
			parts = append(parts, expr.Repr(u.text[at:p.from]))
		}
		at = p.to
		if p.kind == '{' {
			parts = append(parts, "("+substitute(strings.TrimSpace(strings.Trim(p.inner, "-")), env)+")")
		}
	}
	if at < to {
		parts = append(parts, expr.Repr(u.text[at:to]))
	}
	if len(parts) == 0 {
		return "''"
	}
	return strings.Join(parts, " ~ ")
}
