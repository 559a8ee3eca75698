package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// TestCommandsInDocs holds every forge command in our pages and in the help of the verbs to the verbs and
// flags that there are: what a page says can be typed.
func TestCommandsInDocs(t *testing.T) {
	root := newRootCommand(&app{lookupEnv: func(string) (string, bool) { return "", false }})
	checked := 0
	check := func(where, code string) {
		for _, line := range strings.Split(code, "\n") {
			for _, words := range forgeCommands(line) {
				checked++
				if problem := notTypable(root, words); problem != "" {
					t.Errorf("%s: forge %s: %s", where, strings.Join(words, " "), problem)
				}
			}
		}
	}
	for _, pattern := range []string{"README.md", "CONTRIBUTING.md", "docs/*.md", "examples/*.md", "examples/*/README.md"} {
		pages, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(pattern)))
		if err != nil || len(pages) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, page := range pages {
			text, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			for _, code := range codeOf(string(text)) {
				check(page, code)
			}
		}
	}
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		check("help of "+c.CommandPath(), c.Example)
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(root)
	if checked < 150 {
		t.Errorf("only %d commands were found", checked)
	}
}

var (
	codeBlock   = regexp.MustCompile("(?s)\n *```[a-z]*\n(.*?)\n *```")
	codeInline  = regexp.MustCompile("`([^`\n]+)`")
	callOfForge = regexp.MustCompile("(?:^|[\\s(`])(?:bin/|\\./bin/)?forge ")
)

// codeOf returns what a page sets as code: its blocks, and what stands between back quotes.
func codeOf(page string) []string {
	var code []string
	for _, m := range codeBlock.FindAllStringSubmatch(page, -1) {
		code = append(code, m[1])
	}
	for _, m := range codeInline.FindAllStringSubmatch(codeBlock.ReplaceAllString(page, ""), -1) {
		code = append(code, m[1])
	}
	return code
}

// forgeCommands finds the calls of forge in a line of shell and returns the words of each.
func forgeCommands(line string) [][]string {
	var all [][]string
	for _, at := range callOfForge.FindAllStringIndex(line, -1) {
		if words := shellWords(line[at[1]:]); len(words) > 0 {
			all = append(all, words)
		}
	}
	return all
}

// shellWords are the words up to the end of a simple command, to a comment, or to the gap before a remark.
func shellWords(text string) []string {
	var words []string
	word, quote, started := strings.Builder{}, rune(0), false
	end := func() {
		if started {
			words = append(words, word.String())
		}
		word.Reset()
		started = false
	}
	for i, r := range text {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, started = r, true
		case r == ' ' || r == '\t':
			if !started && len(words) > 0 || strings.HasPrefix(text[i:], "  ") || strings.HasPrefix(text[i:], " #") {
				end()
				return words
			}
			end()
		case strings.ContainsRune("|;&<>()`", r):
			end()
			return words
		default:
			word.WriteRune(r)
			started = true
		}
	}
	end()
	return words
}

// notTypable says what is wrong with a command, if anything is: an unknown verb or flag.
func notTypable(root *cobra.Command, words []string) string {
	c := root
	for i := 0; i < len(words); i++ {
		name, isFlag := strings.CutPrefix(words[i], "--")
		switch {
		case words[i] == "--" || strings.ContainsAny(words[i], "…"):
			return ""
		case isFlag:
			name, _, hasValue := strings.Cut(name, "=")
			f := lookupFlag(c, name)
			if f == nil && name != "help" && name != "version" {
				return c.CommandPath() + " has no flag --" + name
			}
			if f != nil && !hasValue && f.NoOptDefVal == "" {
				i++ // its value
			}
		case len(words[i]) > 1 && words[i][0] == '-':
			f := c.Flags().ShorthandLookup(words[i][1:2])
			if f == nil {
				f = c.InheritedFlags().ShorthandLookup(words[i][1:2])
			}
			if f == nil && words[i] != "-h" {
				return c.CommandPath() + " has no flag " + words[i]
			}
			if f != nil && f.NoOptDefVal == "" && len(words[i]) == 2 {
				i++
			}
		case c.HasSubCommands():
			if words[i] == "help" {
				return ""
			}
			sub, _, err := c.Find([]string{words[i]})
			if err != nil || sub == c {
				if strings.ToUpper(words[i]) == words[i] { // a placeholder: VERB
					return ""
				}
				return c.CommandPath() + " has no verb " + words[i]
			}
			c = sub
		}
	}
	return ""
}

func lookupFlag(c *cobra.Command, name string) *pflag.Flag {
	if f := c.Flags().Lookup(name); f != nil {
		return f
	}
	return c.InheritedFlags().Lookup(name)
}

func TestNotTypable(t *testing.T) {
	root := newRootCommand(&app{lookupEnv: func(string) (string, bool) { return "", false }})
	for line, want := range map[string]string{
		"$ forge build -n ./... | head":                       "",
		"forge cache ls --json && forge render ./zlib":        "",
		"bin/forge build --nosuch x":                          "forge build has no flag --nosuch",
		"cd x; forge biuld":                                   "forge has no verb biuld",
		"forge cache list":                                    "forge cache has no verb list",
		"forge solve -c chan 'a --b'  --not-a-flag, a remark": "",
		"forge sandbox run -- ls --color":                     "",
		"forge solve -Z":                                      "forge solve has no flag -Z",
	} {
		var got string
		for _, words := range forgeCommands(line) {
			got += notTypable(root, words)
		}
		if got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}
