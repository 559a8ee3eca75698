package yamlx

import (
	"sort"
	"strings"
	"unicode/utf8"

	"forge/internal/diag"

	"gopkg.in/yaml.v3"
)

// syntax turns the library's error into a diagnostic. The library names the line where the broken
// construct began, or one less; the line where reading stopped is the shortest prefix of the file
// that gives the same error, found by halving.
func (d *Document) syntax(text string, err error) diag.Diagnostic {
	message := withoutLine(err)
	if strings.HasPrefix(message, "exceeded max depth") {
		return d.deep(text)
	}
	lines := strings.SplitAfter(text, "\n")
	line := 1 + sort.Search(len(lines)-1, func(i int) bool {
		return withoutLine(tryParse(strings.Join(lines[:i+1], ""))) == message
	})
	content := strings.TrimRight(lines[line-1], "\r\n")
	column := 1 + utf8.RuneCountInString(content[:wrongAt(message, content)])
	return d.atLine(line, column, "yaml-syntax", plain(message), advice(message, content))
}

// wrongAt is where in its line a mistake is, as far as the line tells: a second colon, an opening quote; else
// where its text begins.
func wrongAt(message, content string) int {
	first := len(content) - len(strings.TrimLeft(content, " \t"))
	switch message {
	case "mapping values are not allowed in this context":
		if i := strings.Index(content, ": "); i >= 0 {
			if j := strings.Index(content[i+1:], ": "); j >= 0 {
				return i + 1 + j
			}
		}
	case "found unexpected end of stream":
		if i := strings.IndexAny(content, "\"'"); i >= 0 {
			return i
		}
	}
	return first
}

// deep reports nesting that the library does not read, at the 201st bracket of the first line that has so
// many, which is what such files are made of.
func (d *Document) deep(text string) diag.Diagnostic {
	line, column, open := 1, 0, 0
	for _, r := range text {
		switch column++; r {
		case '\n':
			line, column, open = line+1, 0, 0
		case '[', '{', '-':
			if open++; open > 200 {
				return d.atLine(line, column, "too-deep", "values are nested more than 200 deep", "no recipe needs this; look for a bracket that is not closed")
			}
		}
	}
	return d.atLine(1, 1, "too-deep", "values are nested more than 200 deep", "no recipe needs this")
}

func tryParse(text string) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errPanic{}
		}
	}()
	var n yaml.Node
	return yaml.Unmarshal([]byte(text), &n)
}

type errPanic struct{}

func (errPanic) Error() string { return "yaml: cannot be read" }

func withoutLine(err error) string {
	if err == nil {
		return ""
	}
	s := strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(s, "line "); ok {
		if _, after, ok := strings.Cut(rest, ": "); ok {
			return after
		}
	}
	return s
}

// plain says the library's terse messages in whole sentences.
func plain(message string) string {
	switch message {
	case "mapping values are not allowed in this context":
		return "a `key: value` may not stand here"
	case "did not find expected key":
		return "a key is expected here; the indentation does not fit the lines above, or a quote is missing"
	case "did not find expected '-' indicator":
		return "a list item (`- `) is expected here; the indentation does not fit the lines above"
	case "did not find expected node content":
		return "a value is expected here"
	case "found character that cannot start any token":
		return "this character cannot start a value"
	case "could not find expected ':'":
		return "a `:` is missing after the key"
	case "found unexpected end of stream":
		return "the file ends inside a quoted text"
	case "did not find expected ',' or ']'":
		return "the list opened by `[` is not closed"
	case "did not find expected ',' or '}'":
		return "the mapping opened by `{` is not closed"
	}
	return message
}

func advice(message, line string) string {
	trimmed := strings.TrimSpace(line)
	switch {
	case strings.HasPrefix(line, "<<<<<<<"), strings.HasPrefix(line, "======="), strings.HasPrefix(line, ">>>>>>>"):
		return "git left a merge conflict here; keep one side and remove the three marks"
	case strings.HasPrefix(strings.TrimLeft(line, " "), "\t") || strings.HasPrefix(line, "\t"):
		return "indent with spaces, not tabs"
	case strings.HasPrefix(trimmed, "{%"):
		return "recipe.yaml has no Jinja statements; use `context:` and `if:`"
	case strings.Contains(line, "{{") && !strings.Contains(line, "${{"):
		return "recipe.yaml writes expressions as ${{ … }}"
	case strings.Contains(message, "cannot start any token"):
		return "put the value in quotes"
	case strings.Contains(message, "did not find expected key") && strings.Contains(strings.TrimPrefix(trimmed, "- "), "\""):
		return "put the whole value in single quotes: it begins like a text in quotes and goes on after it, or holds a `: `"
	case message == "mapping values are not allowed in this context":
		return "put the value in quotes if it holds a `: `, and check the indentation"
	}
	return ""
}
