package recipes

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"forge/internal/diag"
)

// faultMaker spoils a line of a sound recipe.
type faultMaker struct {
	name    string
	formats string
	find    *regexp.Regexp
	to      string
}

func faultMakers() []faultMaker {
	yaml, all := "meta.yaml recipe.yaml", "meta.yaml recipe.yaml recipe.hcl"
	var out []faultMaker
	add := func(name, formats, find, to string) {
		out = append(out, faultMaker{name: name, formats: formats, find: regexp.MustCompile(find), to: to})
	}
	add("quote", yaml, `^( +(?:- )?[a-z_]+: ")([^"{}]+)"$`, "${1}${2}")
	add("second colon", yaml, `^( +(?:summary|description|license|home|homepage|license_family)): ([A-Za-z][^:#"'\[\]{}|>]*)$`, "${1}: x: ${2}")
	add("tab", yaml, `^  ((?:summary|license|home|homepage|number|license_family|repository|documentation|dev_url|doc_url): [^|>].*)$`, "\t${1}")
	add("bracket", yaml, `^( +[a-z_]+): \[(.*)\]$`, "${1}: [${2}")
	add("unknown key", yaml, `^( +)(summary|license|number): ([^|>].*)$`, "${1}${2}q: ${3}")
	add("type", "recipe.yaml", `^( +)number: .*$`, "${1}number: [one]")
	add("value", yaml, `^( +)number: .*$`, "${1}number: one")
	add("spec", yaml, `^( +- )([a-z][a-z0-9]+)$`, "${1}${2} >=1,,")
	add("expression", "recipe.yaml", `\$\{\{ (\w+) \}\}`, "$${{ ${1} + }}")
	add("name", "recipe.yaml", `\$\{\{ (\w+) \}\}`, "$${{ ${1}q }}")
	add("condition", "recipe.yaml", `^( +- if: )([a-z0-9 _=]+)$`, "${1}${2} and")
	add("hash", "recipe.yaml", `^( +sha256: )[0-9a-f]{64}$`, "${1}abc")
	add("brace", "meta.yaml", `\{\{ (\w+) \}\}`, "{{ ${1} }")
	add("filter", "meta.yaml", `\{\{ (\w+) \}\}`, "{{ ${1} | nofilter }}")
	add("undefined", "meta.yaml", `\{\{ (\w+) \}\}`, "{{ ${1}q }}")
	add("set", "meta.yaml", `^\{% set (\w+) = "([^"]*)" %\}$`, "{% set ${1} = \"${2} %}")
	add("statement", "meta.yaml", `^\{% set (\w+) = "([^"]*)" %\}$`, "{% sett ${1} = \"${2}\" %}")
	add("selector", "meta.yaml", `# \[(\w+)\]$`, "# [${1} and]")
	add("quote", "recipe.hcl", `^( +[a-z_]+ += ")([^"]+)"$`, "${1}${2}")
	add("comma", "recipe.hcl", `^( +[a-z_]+ += "[^"]+")$`, "${1},")
	add("bracket", "recipe.hcl", `^( +[a-z_]+ += \[.*)\]$`, "${1}")
	add("equals", "recipe.hcl", `^( +(?:license|summary|number)) +=`, "${1} ")
	add("unknown key", "recipe.hcl", `^( +)(license|summary|number)( +=)`, "${1}${2}q${3}")
	add("undefined", "recipe.hcl", `\$\{(package|local)\.(\w+)\}`, "$${${1}.${2}q}")
	add("function", "recipe.hcl", `\b(compiler|stdlib)\(`, "${1}q(")
	add("hash", "recipe.hcl", `^( +sha256 += )"[0-9a-f]{64}"$`, "${1}\"abc\"")
	add("no hash", all, `^ +sha256(?:: | += ).*$`, "")
	return out
}

// soundRecipes are the recipes without any mistake beside this file.
func soundRecipes(t *testing.T) (files []string) {
	for _, pattern := range []string{"*/recipe.*", "*/meta.yaml", "testdata/convert/*/meta.yaml", "testdata/convert/*/recipe.*"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	return files
}

// TestNoMistakeHidesAnother spoils several lines of sound recipes, and wants each of them to be reported and
// nothing else: no mistake hides another, and none is said to follow from one.
func TestNoMistakeHidesAnother(t *testing.T) {
	rounds := 4
	if testing.Short() {
		rounds = 3
	}
	makers, files := faultMakers(), soundRecipes(t)
	injected, cases, made := 0, 0, map[string]bool{}
	try := func(file string, random *rand.Rand, makers []faultMaker, n int) {
		for _, name := range spoilOne(t, file, random, makers, n) {
			made[formatOf(file)+" "+name] = true
			injected++
		}
		cases++
	}
	for _, file := range files {
		random := randomOf(file)
		for range rounds {
			try(file, random, makers, 1+random.IntN(5))
		}
	}
	for _, m := range makers { // rare lines, that chance has not met
		for format := range strings.FieldsSeq(m.formats) {
			for _, file := range files {
				if !made[format+" "+m.name] && formatOf(file) == format {
					try(file, randomOf(file), []faultMaker{m}, 1)
				}
			}
			if !made[format+" "+m.name] {
				t.Errorf("no recipe has a line for %q in a %s", m.name, format)
			}
		}
	}
	t.Logf("%d mistakes in %d files", injected, cases)
}

// randomOf is of its own for each file, so that another recipe changes nothing for this one.
func randomOf(file string) *rand.Rand {
	sum := sha256.Sum256([]byte(file))
	return rand.New(rand.NewPCG(4, binary.BigEndian.Uint64(sum[:])))
}

// spoilOne makes mistakes in a recipe that has none, and tells their names.
func spoilOne(t *testing.T, file string, random *rand.Rand, makers []faultMaker, n int) map[int]string {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	opts := linuxOptions().forReading(file)
	if Render(file, data, opts).Diagnostics.HasErrors() {
		return nil
	}
	alone := func(text string, spoiled map[int]string) bool {
		return notSaid(Render(file, []byte(text), opts).Diagnostics, spoiled) == ""
	}
	text, spoiled := spoil(random, makers, formatOf(file), string(data), n, alone)
	if problem := notSaid(Render(file, []byte(text), opts).Diagnostics, spoiled); problem != "" {
		t.Errorf("%s: %s\n%s", file, problem, numbered(text, spoiled))
	}
	return spoiled
}

// spoil makes up to n mistakes, in lines that are not next to each other. It tells the name of each by line.
// Left out are those that are none alone: what is left out on this platform.
func spoil(random *rand.Rand, makers []faultMaker, format, text string, n int, alone func(string, map[int]string) bool) (string, map[int]string) {
	sound := strings.Split(text, "\n")
	lines := strings.Split(text, "\n")
	spoiled := map[int]string{}
	blocks := textsOf(lines)
	for tries := 0; tries < 60 && len(spoiled) < n; tries++ {
		m := makers[random.IntN(len(makers))]
		if !slices.Contains(strings.Fields(m.formats), format) {
			continue
		}
		var places []int
		for i, line := range lines {
			free := spoiled[i] == "" && spoiled[i+1] == "" && spoiled[i+2] == ""
			if free && !blocks[i] && depth(line) >= 0 && m.find.MatchString(line) || free && strings.HasPrefix(line, "{%") && m.find.MatchString(line) {
				if m.name == "selector" && strings.Contains(line, "sha256") { // whether a hash is missing depends on it
					continue
				}
				places = append(places, i)
			}
		}
		if len(places) == 0 {
			continue
		}
		i := places[random.IntN(len(places))]
		at := m.find.FindStringSubmatchIndex(lines[i])
		line := lines[i][:at[0]] + string(m.find.ExpandString(nil, m.to, lines[i], at)) + lines[i][at[1]:]
		one := slices.Clone(sound)
		one[i] = line
		if !alone(strings.Join(one, "\n"), map[int]string{i + 1: m.name}) {
			continue
		}
		lines[i], spoiled[i+1] = line, m.name
	}
	return strings.Join(lines, "\n"), spoiled
}

// notSaid compares the errors with the lines that were spoiled.
func notSaid(list diag.List, spoiled map[int]string) string {
	said := map[int]bool{}
	for _, d := range list {
		if !isError(d) {
			continue
		}
		line := d.Pos.Line
		if d.Code == "missing-hash" { // said at the source, which is above or below
			near := 8
			for n, name := range spoiled {
				if away := max(n-d.Pos.Line, d.Pos.Line-n); name == "no hash" && !said[n] && away < near {
					line, near = n, away
				}
			}
		}
		if spoiled[line] == "" {
			return fmt.Sprintf("said of a sound line: %v", d)
		}
		said[line] = true
	}
	for n, name := range spoiled {
		if !said[n] {
			return fmt.Sprintf("not said: %s in line %d; said is %v", name, n, list)
		}
	}
	return ""
}

func numbered(text string, spoiled map[int]string) string {
	var b strings.Builder
	for i, line := range strings.Split(text, "\n") {
		mark := "  "
		if spoiled[i+1] != "" {
			mark = "! "
		}
		fmt.Fprintf(&b, "%s%3d %s\n", mark, i+1, line)
	}
	return b.String()
}
