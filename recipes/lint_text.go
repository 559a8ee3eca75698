package recipes

import (
	"fmt"
	"strings"
	"unicode"

	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// textRules look at the file line by line.
func (l *linter) textRules() {
	if l.text == "" {
		return
	}
	block := l.blockLines()
	for i := range l.starts {
		line, from := l.line(i+1), l.starts[i]
		if trimmed := strings.TrimRight(line, " \t"); trimmed != line && !block[i+1] {
			l.sayAt("trailing-space", from+len(trimmed), from+len(line), "spaces at the end of the line", "", Edit{from + len(trimmed), from + len(line), ""})
		}
		indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
		if at := strings.IndexByte(indent, '\t'); at >= 0 && l.format != "recipe.hcl" && !block[i+1] && len(indent) < len(line) {
			l.sayAt("tab-indent", from+at, from+at+1, "a tab in the indentation", "use spaces")
		}
		for at, r := range line {
			if unicode.Is(unicode.Cf, r) && !(r == '\uFEFF' && i == 0 && at == 0) {
				l.sayAt("hidden-character", from+at, from+at+len(string(r)), fmt.Sprintf("the character U+%04X cannot be seen and may hide what the line does", r), "remove it")
			}
		}
		if strings.HasPrefix(line, "<<<<<<< ") || strings.HasPrefix(line, ">>>>>>> ") {
			l.sayAt("merge-conflict", from, from+7, "the marks of a merge that was not finished", "decide which side stays")
		}
	}
	if body := strings.TrimRight(l.text, "\n"); l.text != body+"\n" {
		l.sayAt("final-newline", len(body), len(body), "the file ends without exactly one newline", "", Edit{len(body), len(l.text), "\n"})
	}
}

// blockLines are the lines of block scalars, whose spaces may mean something.
func (l *linter) blockLines() map[int]bool {
	lines := map[int]bool{}
	if l.format == "recipe.hcl" {
		heredoc := ""
		for i := range l.starts {
			line := l.line(i + 1)
			switch {
			case heredoc != "":
				lines[i+1] = true
				if strings.TrimSpace(line) == heredoc {
					heredoc = ""
				}
			case strings.Contains(line, "<<"):
				_, word, _ := strings.Cut(line, "<<")
				if word = strings.TrimPrefix(strings.TrimSpace(word), "-"); word != "" && strings.IndexFunc(word, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) }) < 0 {
					heredoc = word
				}
			}
		}
		return lines
	}
	each(l.root, nil, func(_ []string, n *yaml.Node) {
		if n.Kind == yaml.ScalarNode && n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
			for i, end := n.Line+1, l.blockEnd(n.Line); i <= end; i++ {
				lines[i] = true
			}
		}
	})
	return lines
}

// blockEnd is the last line of the block scalar whose mark is in a line: all that is indented more.
func (o *outline) blockEnd(line int) int {
	head := o.line(line)
	indent := len(head) - len(strings.TrimLeft(head, " "))
	for rest := head[indent:]; strings.HasPrefix(rest, "- "); rest = head[indent:] {
		if i := strings.IndexByte(rest, ':'); i < 0 { // "- |" : the item's own indentation counts
			break
		}
		indent += 2
		indent += len(head[indent:]) - len(strings.TrimLeft(head[indent:], " "))
	}
	last := line
	for i := line + 1; i <= len(o.starts); i++ {
		text := o.line(i)
		if strings.TrimSpace(text) == "" {
			continue
		}
		if len(text)-len(strings.TrimLeft(text, " ")) <= indent {
			break
		}
		last = i
	}
	return last
}

// jinjaRules look at how expressions and selectors are written.
func (l *linter) jinjaRules() {
	for _, p := range l.jinja {
		open := l.text[p.from : p.to-2-len(p.inner)]
		if p.kind == '#' || p.inner == "" || strings.Contains(p.inner, "\n") {
			continue
		}
		inner := strings.TrimLeft(p.inner, "-+")
		mark := p.inner[:len(p.inner)-len(inner)]
		tail := ""
		if t := strings.TrimRight(inner, "-"); strings.HasPrefix(l.text[p.to-2:], "%}") {
			inner, tail = t, inner[len(t):]
		}
		if strings.HasPrefix(inner, " ") && strings.HasSuffix(inner, " ") {
			continue
		}
		end := p.to - 2
		l.sayAt("jinja-spacing", p.from, p.to, "no space inside the brackets of this expression", "write "+open+mark+" "+strings.TrimSpace(inner)+" "+tail+l.text[end:p.to],
			Edit{p.from + len(open), end, mark + " " + strings.TrimSpace(inner) + " " + tail})
	}
	if l.format == "meta.yaml" {
		l.selectorRules()
	}
}

var (
	selectorComment = pattern{src: `^(.*?\S)(\s*)#(\s*)\[([^\[\]]+)\]\s*$`}
	goneSelector    = pattern{src: `\b(py26|py27|py33|py34|py35|py36|py2k|py3k)\b`}
)

func (l *linter) selectorRules() {
	block := l.blockLines()
	for i := range l.starts {
		line := l.line(i + 1)
		m := selectorComment.FindStringSubmatchIndex(line)
		if m == nil || strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		from := l.starts[i]
		if gap, space := line[m[4]:m[5]], line[m[6]:m[7]]; (len(gap) < 2 || space != " ") && !block[i+1] {
			l.sayAt("selector-spacing", from+m[4], from+m[1], "a selector stands two spaces after the value: `  # [selector]`", "",
				Edit{from + m[4], from + m[8] - 1, gap + strings.Repeat(" ", max(0, 2-len(gap))) + "# "})
		}
		condition := line[m[8]:m[9]]
		if g := goneSelector.FindStringIndex(condition); g != nil {
			word := condition[g[0]:g[1]]
			l.sayAt("old-selector", from+m[8]+g[0], from+m[8]+g[1], fmt.Sprintf("the selector %s is for Python versions that are gone", word), "write py<39 or the like, or drop the line")
		}
	}
}

// sectionRules look at the top of a file.
func (l *linter) sectionRules() {
	order := map[string][]string{
		"meta.yaml":   {"package", "source", "build", "requirements", "outputs", "test", "about", "extra"},
		"recipe.yaml": {"schema_version", "context", "package", "recipe", "source", "build", "requirements", "outputs", "tests", "about", "extra"},
	}[l.format]
	rank := map[string]int{}
	for i, s := range order {
		rank[s] = i + 1
	}
	last, lastName := 0, ""
	for k, v := range yamlx.Pairs(l.root) {
		from := l.offset(k.Line, k.Column)
		if r := rank[k.Value]; r > 0 {
			if r < last {
				l.sayAt("section-order", from, from+len(k.Value), fmt.Sprintf("the section %s stands behind %s", k.Value, lastName), "the usual order is "+strings.Join(order, ", "))
			} else {
				last, lastName = r, k.Value
			}
		}
		if yamlx.IsNull(v) && v.Value == "" && rank[k.Value] > 0 && !strings.Contains(l.line(k.Line), "[") {
			start, end := l.lineSpan(k.Line)
			l.sayAt("empty-section", from, from+len(k.Value), fmt.Sprintf("the section %s is empty", k.Value), "remove it", l.removal(start, end)...)
		}
	}
	l.deprecatedKeys()
}

// removal takes lines out, unless Jinja is on them or the next line is indented (then something under
// the key is only there in some variants).
func (l *linter) removal(from, to int) []Edit {
	next := l.text[to:]
	if i := strings.IndexByte(next, '\n'); i >= 0 {
		next = next[:i]
	}
	if strings.ContainsAny(l.text[from:to], "{[") || strings.HasPrefix(next, " ") || strings.HasPrefix(next, "-") || strings.HasPrefix(next, "{%") {
		return nil
	}
	return []Edit{{from, to, ""}}
}

func (l *linter) deprecatedKeys() {
	if l.format != "meta.yaml" {
		return
	}
	old := map[string]string{"noarch_python": "write noarch: python", "msvc_compiler": "write {{ compiler('c') }} among the build requirements",
		"features": "use a mutex package or run_constrained", "requires_features": "use a mutex package or run_constrained",
		"provides_features": "use a mutex package or run_constrained", "preserve_egg_dir": "drop it", "license_url": "give license_file",
		"missing_dso_whitelist": "write missing_dso_allowlist", "runpath_whitelist": "write runpath_allowlist"}
	each(l.root, nil, func(path []string, n *yaml.Node) {
		for k := range yamlx.Pairs(n) {
			if now := old[k.Value]; now != "" && (len(path) == 0 || path[0] != "extra") {
				from := l.offset(k.Line, k.Column)
				l.sayAt("deprecated-key", from, from+len(k.Value), fmt.Sprintf("the key %s should not be used any more", k.Value), now)
			}
		}
	})
}
