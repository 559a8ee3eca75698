package engine

import (
	"fmt"
	"strings"

	"forge/recipes"
)

// checkScripts refuses what no quoting makes one word: names that a shell would not export, and texts that end the
// line they stand in. A recipe's own are checked when it is read; those of a package's tests come from strangers.
func checkScripts(scripts []recipes.Script, windows bool) error {
	for _, s := range scripts {
		for _, word := range []struct{ what, text string }{{"interpreter", s.Interpreter}, {"cwd", s.Cwd}, {"file", s.File}} {
			if endsLine(word.text) {
				return fmt.Errorf("script: its %s %q has a control character", word.what, word.text)
			}
		}
		for _, a := range s.Arguments {
			if windows || endsLine(a) {
				return fmt.Errorf("script: the interpreter %s cannot be given the argument %q", s.Interpreter, a)
			}
		}
		for _, name := range sortedKeys(s.Env) {
			switch {
			case !shellName().MatchString(name):
				return fmt.Errorf("script: %q cannot be the name of an environment variable", name)
			case windows && endsLine(s.Env[name]) || strings.Contains(s.Env[name], "\x00"):
				return fmt.Errorf("script: the value of %s has a control character: %q", name, s.Env[name])
			}
		}
	}
	return nil
}

// endsLine reports whether cmd.exe or a log would read more than one line in s.
func endsLine(s string) bool { return strings.ContainsAny(s, "\x00\n\r\x1a") }

// checkNames refuses names of a test that are more than names: each becomes a line of a program.
func checkNames(t recipes.Test) error {
	for _, list := range []struct {
		what  string
		names []string
		also  string // signs that end the statement or text the name stands in
	}{
		{"python import", importsOf(t.Python), `;()"'` + "`$\\"},
		{"perl module", namesOf(t.Perl), `;"` + "`$@%&(){}"},
		{"R library", namesOf(t.R), `;()"'` + "`$\\{}"},
		{"ruby require", namesOf(t.Ruby), `;"'` + "`\\#"},
	} {
		for _, name := range list.names {
			if endsLine(name) || strings.ContainsAny(name, list.also) {
				return fmt.Errorf("test: %q is no name of a %s", name, list.what)
			}
		}
	}
	return nil
}

func importsOf(t *recipes.PythonTest) []string {
	if t == nil {
		return nil
	}
	return t.Imports
}

func namesOf(t *recipes.ListTest) []string {
	if t == nil {
		return nil
	}
	return t.Names
}

// batchText keeps a text from being expanded when cmd.exe reads it in a batch file, inside of quotes.
func batchText(s string) string { return strings.ReplaceAll(s, "%", "%%") }

// batchQuote makes s one word in a batch file. A path of Windows never holds a quote; in any other text
// a quote ends nothing when it is doubled.
func batchQuote(s string) string { return `"` + strings.ReplaceAll(batchText(s), `"`, `""`) + `"` }

// batchEscape is s outside of quotes: no sign of it means anything to cmd.exe.
func batchEscape(s string) string {
	var b strings.Builder
	for _, r := range batchText(s) {
		if strings.ContainsRune(`^&|<>()"!`, r) {
			b.WriteByte('^')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// batchSet sets a variable. Between quotes no sign but a quote ends the value; a value with one is written
// without them.
func batchSet(name, value string) string {
	if strings.Contains(value, `"`) {
		return "set " + name + "=" + batchEscape(value) + "\n"
	}
	return "set \"" + name + "=" + batchText(value) + "\"\n"
}
