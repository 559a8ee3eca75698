package recipes

import (
	"strings"
)

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
