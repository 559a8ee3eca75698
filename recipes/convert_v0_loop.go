package recipes

import (
	"fmt"
	"slices"
	"strings"

	"forge/recipes/internal/expr"
)

// piece is a part of a list, which is there under a condition.
type piece struct {
	condition string
	items     []expr.Value
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
	consts, load := map[string]expr.Value{}, projectLoader(o)
	for _, s := range sets {
		if v, ok := evaluateWith(s.value, consts, load); ok && count[s.name] == 1 {
			consts[s.name] = v
		}
	}
	return consts
}

// evaluate gives the value of an expression of constants alone.
func evaluate(text string, consts map[string]expr.Value) (expr.Value, bool) {
	return evaluateWith(text, consts, func(string) (expr.Value, bool) { return nil, false })
}

// evaluateWith is evaluate with functions.
func evaluateWith(text string, consts map[string]expr.Value, functions func(name string) (expr.Value, bool)) (expr.Value, bool) {
	x, err := v0Language.ParseExpr(strings.TrimSpace(text))
	if err != nil {
		return nil, false
	}
	for _, name := range x.Names() {
		if _, ok := consts[name]; ok || name == "range" || name == "dict" {
			continue
		}
		if _, ok := functions(name); !ok {
			return nil, false
		}
	}
	v, err := x.Eval(&expr.Env{Lookup: func(name string) (expr.Value, bool) {
		if v, ok := consts[name]; ok {
			return v, true
		}
		return functions(name)
	}})
	if _, missing := v.(*expr.Missing); missing || err != nil {
		return nil, false
	}
	return v, true
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
		u.now[name] = slices.Concat(before, withCondition(pieces[len(before):], condition))
	default: // other items
		var rest []piece
		for _, b := range before {
			if !apart(b.condition, condition) {
				b.condition = strings.TrimPrefix(b.condition+" and not ("+condition+")", " and ")
			}
			rest = append(rest, b)
		}
		u.now[name] = append(rest, withCondition(pieces, condition)...)
	}
}

// withCondition puts a condition on parts of a list.
func withCondition(pieces []piece, condition string) (out []piece) {
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
