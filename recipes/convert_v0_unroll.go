package recipes

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"forge/recipes/internal/expr"
)

// unroller writes out what recipe.yaml has no words for: {% for %} over constants, macros, and {% if %}
// inside of a line. What is left are {% set %}, {% if %} around lines, and {{ }}.
type unroller struct {
	text   string
	parts  []jinjaPart
	consts map[string]expr.Value // names that are set once, to a constant
	macros map[string]macro
	out    strings.Builder
	lines  []int              // source line of each line written
	now    map[string][]piece // lists as they are at this place
	looped map[string]bool    // names that loops went over
	ifs    []arm              // of the {% if %} around
	quiet  bool               // comments were written in an earlier round
	depth  int
	say    func(line int, format string, args ...any)
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

// piece is a part of a list, which is there under a condition.
type piece struct {
	condition string
	items     []expr.Value
}

const maxUnrolled = 4 << 20

// unroll writes a file out.
func unroll(o *outline, say func(line int, format string, args ...any)) *unroller {
	u := &unroller{text: o.text, parts: o.jinja, macros: map[string]macro{}, consts: constants(o), lines: []int{1},
		now: map[string][]piece{}, looped: map[string]bool{}, say: say}
	u.expand(0, len(o.text), 0, len(o.jinja), nil)
	return u
}

// constants are the names that one {% set %} outside of any block gives a value that depends on nothing.
func constants(o *outline) map[string]expr.Value {
	count, depth := map[string]int{}, 0
	type set struct{ name, value string }
	var sets []set
	for _, p := range o.jinja {
		if p.kind != '%' {
			continue
		}
		switch word, rest := statement(p); word {
		case "if", "for", "macro", "filter", "call", "with", "block":
			depth++
		case "set":
			name, value, ok := strings.Cut(rest, "=")
			if !ok {
				depth++
			}
			for _, n := range strings.Split(name, ",") {
				count[strings.TrimSpace(n)]++
			}
			line, _ := o.place(p.from)
			if _, _, _, selected := cutSelector(strings.TrimRight(o.line(line), " \t\r")); ok && depth == 0 && !selected {
				sets = append(sets, set{strings.TrimSpace(name), value})
			}
		default:
			if strings.HasPrefix(word, "end") && depth > 0 {
				depth--
			}
		}
	}
	consts := map[string]expr.Value{}
	for _, s := range sets {
		if v, ok := evaluate(s.value, consts); ok && count[s.name] == 1 {
			consts[s.name] = v
		}
	}
	return consts
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

// evaluate gives the value of an expression of constants alone.
func evaluate(text string, consts map[string]expr.Value) (expr.Value, bool) {
	x, err := v0Language.ParseExpr(strings.TrimSpace(text))
	if err != nil {
		return nil, false
	}
	for _, name := range x.Names() {
		if _, ok := consts[name]; !ok && name != "range" && name != "dict" {
			return nil, false
		}
	}
	v, err := x.Eval(&expr.Env{Lookup: func(name string) (expr.Value, bool) { v, ok := consts[name]; return v, ok }})
	if _, missing := v.(*expr.Missing); missing || err != nil {
		return nil, false
	}
	return v, true
}

// write adds text that begins at a place of the file; made text counts for that place's line.
func (u *unroller) write(s string, offset int, verbatim bool) {
	if u.out.Len() > maxUnrolled {
		return
	}
	if u.quiet && verbatim {
		s = withoutComments(s)
	}
	line := 1 + strings.Count(u.text[:offset], "\n")
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

// withoutComments drops lines that are comments.
func withoutComments(s string) string {
	lines := strings.SplitAfter(s, "\n")
	out := lines[:1]
	for _, l := range lines[1:] {
		if !strings.HasPrefix(strings.TrimSpace(l), "#") {
			out = append(out, l)
		}
	}
	return strings.Join(out, "")
}

// expand writes the text between two places with the names of env put in.
func (u *unroller) expand(from, to, first, last int, env map[string]string) {
	if u.depth++; u.depth > 20 {
		u.depth--
		return
	}
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
	sub := unroller{text: u.text, parts: u.parts, consts: u.consts, macros: u.macros, lines: []int{1}, now: u.now, looped: u.looped, depth: u.depth, say: u.say}
	sub.expand(m.body[0], m.body[1], m.from, m.to, inner)
	text := sub.out.String()
	if m.trim || !strings.Contains(strings.TrimSpace(text), "\n") {
		text = strings.TrimSpace(text)
	}
	u.write(text, p.from, false)
}

// atom puts brackets around what is no single term.
func atom(s string) string {
	if _, constant := evaluate(s, nil); constant || wholeWord.MatchString(s) {
		return s
	}
	return "(" + s + ")"
}

// topLevel cuts at commas outside of brackets and quotes.
func topLevel(s string) []string { return topLevelAt(s, ',') }

func topLevelAt(s string, sign byte) (parts []string) {
	depth, from := 0, 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"', '\'':
			if n := quoteEnd(s[i:]); n > 0 {
				i += n - 1
			}
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		case sign:
			if depth == 0 {
				parts, from = append(parts, s[from:i]), i+1
			}
		}
	}
	if strings.TrimSpace(s[from:]) != "" {
		parts = append(parts, s[from:])
	}
	return parts
}

// substitute puts values in for names.
func substitute(s string, env map[string]string) string {
	if len(env) == 0 {
		return s
	}
	s = loopWord.ReplaceAllStringFunc(s, func(m string) string {
		if v, ok := env[m]; ok {
			return v
		}
		return m
	})
	var b strings.Builder
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '"' || c == '\'':
			n := max(1, quoteEnd(s[i:]))
			b.WriteString(s[i : i+n])
			i += n
		case c == '_' || isAlnum(rune(c)):
			end := i
			for end < len(s) && (s[end] == '_' || isAlnum(rune(s[end]))) {
				end++
			}
			name := s[i:end]
			rest := strings.TrimLeft(s[end:], " ")
			v, ok := env[name]
			attribute := i > 0 && strings.HasSuffix(strings.TrimRight(s[:i], " "), ".")
			keyword := strings.HasPrefix(rest, "=") && !strings.HasPrefix(rest, "==")
			if ok && !attribute && !keyword {
				b.WriteString(v)
			} else {
				b.WriteString(name)
			}
			i = end
		default:
			b.WriteByte(c)
			i++
		}
	}
	return b.String()
}

var wholeWord = regexp.MustCompile(`^[A-Za-z_]\w*$`)

var loopWord = regexp.MustCompile(`\bloop\.(index0|index|first|last|length|revindex0|revindex)\b`)

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
	line := 1 + strings.Count(u.text[:p.from], "\n")
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

// loop writes the body of {% for %} once for each item, where the items are known.
func (u *unroller) loop(i, end int, head string, env map[string]string) bool {
	names, over, ok := strings.Cut(head, " in ")
	if !ok {
		return false
	}
	over, filter, _ := strings.Cut(over, " if ")
	pieces, ok := u.pieces(substitute(over, env))
	if !ok {
		return false
	}
	var vars []string
	for _, n := range strings.Split(names, ",") {
		vars = append(vars, strings.Trim(n, " ()"))
	}
	total := 0
	var rounds [][]map[string]string
	for _, p := range pieces {
		inner, ok := u.rounds(p.items, vars, filter, env)
		if !ok {
			return false
		}
		rounds = append(rounds, inner)
		total += len(inner)
	}
	k, quiet := 0, u.quiet
	for n, p := range pieces {
		if p.condition != "" {
			u.write("{% if "+p.condition+" %}", u.parts[i].from, false)
		}
		for _, inner := range rounds[n] {
			inner["loop.index"], inner["loop.index0"], inner["loop.length"] = fmt.Sprint(k+1), fmt.Sprint(k), fmt.Sprint(total)
			inner["loop.revindex"], inner["loop.revindex0"] = fmt.Sprint(total-k), fmt.Sprint(total-k-1)
			inner["loop.first"], inner["loop.last"] = pythonBool(k == 0), pythonBool(k == total-1)
			u.expand(u.parts[i].to, u.parts[end].from, i+1, end, inner)
			u.quiet = true
			k++
		}
		if p.condition != "" {
			u.write("{% endif %}", u.parts[i].from, false)
		}
	}
	u.quiet = quiet
	return true
}

func pythonBool(b bool) string {
	if b {
		return "True"
	}
	return "False"
}

// rounds are the values that the names of a loop take, one after the other.
func (u *unroller) rounds(items []expr.Value, vars []string, filter string, env map[string]string) (rounds []map[string]string, ok bool) {
	if len(items) > 1000 {
		return nil, false
	}
	for _, it := range items {
		inner := map[string]string{}
		for k, v := range env {
			inner[k] = v
		}
		values := []expr.Value{it}
		if len(vars) > 1 {
			if values, ok = itemsOf(it); !ok || len(values) != len(vars) {
				return nil, false
			}
		}
		for k, name := range vars {
			inner[name] = expr.Repr(values[k])
		}
		if filter != "" {
			keep, ok := evaluate(substitute(filter, inner), u.consts)
			if !ok {
				return nil, false
			}
			if !expr.Truth(keep) {
				continue
			}
		}
		rounds = append(rounds, inner)
	}
	return rounds, true
}

// remember follows the value of a list on its way through the file.
func (u *unroller) remember(p jinjaPart, text string) {
	name, value, ok := strings.Cut(text, "=")
	name = strings.TrimSpace(name)
	if !ok {
		return
	}
	var conditions []string
	for _, a := range u.ifs {
		conditions = append(conditions, a.now)
	}
	end := strings.IndexByte(u.text[p.to:]+"\n", '\n')
	if _, selector, _, selected := cutSelector(strings.TrimRight(u.text[p.from:p.to+end], " \t\r")); selected {
		conditions = append(conditions, "("+selector+")")
	}
	condition := strings.Join(conditions, " and ")
	pieces, ok := u.pieces(value)
	if !ok {
		delete(u.now, name)
		return
	}
	before := u.now[name]
	switch {
	case condition == "":
		u.now[name] = pieces
	case mentions(value, name) && len(pieces) >= len(before): // more items
		u.now[name] = slices.Concat(before, under0(pieces[len(before):], condition))
	default: // other items
		var rest []piece
		for _, b := range before {
			if !apart(b.condition, condition) {
				b.condition = strings.TrimPrefix(b.condition+" and not ("+condition+")", " and ")
			}
			rest = append(rest, b)
		}
		u.now[name] = append(rest, under0(pieces, condition)...)
	}
}

// under0 puts a condition on parts of a list.
func under0(pieces []piece, condition string) (out []piece) {
	for _, p := range pieces {
		out = append(out, piece{strings.TrimPrefix(p.condition+" and "+condition, " and "), p.items})
	}
	return out
}

// apart reports whether two conditions never hold at once, as far as their text tells.
func apart(a, b string) bool {
	return a == "not "+b || b == "not "+a || a == "(unix)" && b == "(win)" || a == "(win)" && b == "(unix)" || a == "(not win)" && b == "(win)" || a == "(win)" && b == "(not win)"
}

// pieces are the parts of a list: constants, names of lists, and `condition * [items]`, with + between.
func (u *unroller) pieces(text string) ([]piece, bool) {
	text = strings.TrimSpace(text)
	if p, ok := u.now[text]; ok {
		u.looped[text] = true
		return p, true
	}
	if v, ok := evaluate(text, u.consts); ok {
		if wholeWord.MatchString(text) {
			u.looped[text] = true
		}
		items, list := itemsOf(v)
		return []piece{{"", items}}, list
	}
	terms := topLevelAt(text, '+')
	if len(terms) < 2 {
		factors := topLevelAt(text, '*')
		if len(factors) != 2 {
			return nil, false
		}
		for i := range factors {
			if v, ok := evaluate(factors[i], u.consts); ok {
				items, list := itemsOf(v)
				return []piece{{strings.TrimSpace(factors[1-i]), items}}, list
			}
		}
		return nil, false
	}
	var all []piece
	for _, t := range terms {
		p, ok := u.pieces(t)
		if !ok {
			return nil, false
		}
		all = append(all, p...)
	}
	return all, true
}

func itemsOf(v expr.Value) ([]expr.Value, bool) {
	switch v := v.(type) {
	case *expr.List:
		return v.Items, true
	case expr.Tuple:
		return v, true
	case *expr.Dict:
		return v.Keys(), true
	}
	return nil, false
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
