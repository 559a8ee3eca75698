package recipes

import "strings"

// conda-build takes the parts of a recipe's text apart with regular expressions anchored at lines
// (metadata.py, extract_*_text); these are the same cuts by hand.

// heading reports whether line begins with one of the names.
func heading(line string, names ...string) bool {
	if line == "" || line[0] == ' ' {
		return false
	}
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

// sectionText is the text from the first line that begins with a name to the next that begins with one of ends,
// without the latter.
func sectionText(text, name string, ends ...string) string {
	start := 0
	if !strings.HasPrefix(text, name) {
		if start = strings.Index(text, "\n"+name) + 1; start == 0 {
			return ""
		}
	}
	for at := start; ; {
		at = nextByte(text, at, '\n') + 1
		if at >= len(text) {
			return text[start:]
		}
		if heading(text[at:], ends...) {
			return text[start:at]
		}
	}
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
	return sectionText(text, "outputs:", "test:", "extra:", "about:")
}

// requirementsText is the top-level requirements of a recipe, or those of one output's text.
func requirementsText(text string) string {
	if strings.Contains(text, "package:") {
		return sectionText(text, "requirements:", "test:", "extra:", "about:", "outputs:")
	}
	start := -1
	for at := 0; at < len(text); {
		end := nextByte(text, at, '\n')
		line := text[at:end]
		switch t := afterBlanks(line); {
		case start < 0:
			if heading(t, "requirements:") {
				start = at
			}
		case heading(t, "test:", "extra:", "about:"), heading(line, "outputs:"):
			return text[start:at]
		case t != "" && t[0] == '-':
			if name := afterBlanks(t[1:]); len(name) < len(t)-1 && heading(name, "name:") {
				return text[start:at]
			}
		}
		at = end + 1
	}
	if start < 0 {
		return ""
	}
	return text[start:]
}

// outputTexts are the texts of the outputs: each begins with an indented `- name:` or `- type:`.
func outputTexts(text string) []string {
	var out []string
	if text == "" {
		return out
	}
	start := -1
	at := 0
	for at < len(text) {
		line := text[at:min(len(text), nextByte(text, at, '\n')+1)]
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
