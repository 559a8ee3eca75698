package recipes

import "strings"

// conda-build takes the parts of a recipe's text apart with regular expressions anchored at lines
// (metadata.py, extract_*_text); these are the same cuts by hand.

// heading reports whether line begins with one of the names.
func heading(line string, names ...string) bool {
	for _, n := range names {
		if strings.HasPrefix(line, n) {
			return true
		}
	}
	return false
}

// afterBlanks is what follows the blanks at the beginning.
func afterBlanks(s string) string {
	i := 0
	for i < len(s) && (s[i] == ' ' || s[i] == '\t') {
		i++
	}
	return s[i:]
}

// cutText is the text from the first line that begins to the next line that ends, without the latter.
func cutText(text string, begins, ends func(line string) bool) string {
	start := -1
	for at := 0; at < len(text); {
		end := strings.IndexByte(text[at:], '\n')
		next := len(text)
		line := text[at:]
		if end >= 0 {
			next, line = at+end+1, text[at:at+end]
		}
		switch {
		case start < 0 && begins(line):
			start = at
		case start >= 0 && ends(line):
			return text[start:at]
		}
		at = next
	}
	if start < 0 {
		return ""
	}
	return text[start:]
}

// packageAndBuildText is all before requirements, test, extra, about and outputs.
func packageAndBuildText(text string) string {
	for at := 0; at < len(text); {
		end := strings.IndexByte(text[at:], '\n')
		if heading(text[at:], "requirements:", "test:", "extra:", "about:", "outputs:") {
			return text[:at]
		}
		if end < 0 {
			break
		}
		at += end + 1
	}
	return text
}

// outputsText is the outputs section.
func outputsText(text string) string {
	if !strings.Contains(text, "outputs:") {
		return ""
	}
	return cutText(text, func(l string) bool { return heading(l, "outputs:") },
		func(l string) bool { return heading(l, "test:", "extra:", "about:") })
}

// requirementsText is the top-level requirements of a recipe, or those of one output's text.
func requirementsText(text string) string {
	if strings.Contains(text, "package:") {
		return cutText(text, func(l string) bool { return heading(l, "requirements:") },
			func(l string) bool { return heading(l, "test:", "extra:", "about:", "outputs:") })
	}
	trimmed := func(l string) string { return afterBlanks(l) }
	return cutText(text, func(l string) bool { return heading(trimmed(l), "requirements:") },
		func(l string) bool {
			t := trimmed(l)
			if heading(t, "test:", "extra:", "about:") || heading(l, "outputs:") {
				return true
			}
			rest, ok := strings.CutPrefix(t, "-")
			return ok && rest != trimmed(rest) && heading(trimmed(rest), "name:")
		})
}

// outputTexts are the texts of the outputs: each begins with an indented `- name:` or `- type:`.
func outputTexts(text string) []string {
	var out []string
	if text == "" {
		return out
	}
	start := -1
	at := 0
	for _, line := range strings.SplitAfter(text, "\n") {
		begins := isOutputLine(line)
		word := line != "" && (line[0] == '_' || line[0] >= '0' && line[0] <= '9' || line[0]|0x20 >= 'a' && line[0]|0x20 <= 'z')
		if start >= 0 && (begins || word) {
			out = append(out, text[start:at])
			start = -1
		}
		if begins {
			start = at
		}
		at += len(line)
	}
	if start >= 0 {
		out = append(out, text[start:])
	}
	return out
}

func isOutputLine(line string) bool {
	t := strings.TrimLeft(line, " ")
	rest, ok := strings.CutPrefix(t, "-")
	if !ok || len(t) == len(line) || !strings.HasPrefix(rest, " ") {
		return false
	}
	return heading(strings.TrimLeft(rest, " "), "name:", "type:")
}
