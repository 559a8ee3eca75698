package recipes

import (
	"fmt"
	"sort"
	"strings"
)

// requirementRules look at each list of requirements.
func (l *linter) requirementRules() {
	first := map[string]entry{}
	for _, e := range l.entries {
		if e.section != "extras" {
			l.requirementFormat(e)
		}
		key := e.list + "\n" + e.when + "\n" + strings.Join(strings.Fields(e.text), " ")
		before, twice := first[key]
		if !twice {
			first[key] = e
			continue
		}
		if strings.Contains(e.when, "jinja") {
			continue
		}
		l.sayAt("duplicate-requirement", e.from, e.to, fmt.Sprintf("%q is here twice; it was first given in line %d", e.text, before.line), "", l.withoutItem(e)...)
	}
	l.unsorted()
}

// withoutItem removes an entry that has a line to itself.
func (l *linter) withoutItem(e entry) []Edit {
	from, to := l.lineSpan(e.line)
	before, after := strings.TrimSpace(l.text[from:e.from]), strings.TrimSpace(l.text[e.to:to])
	if before == "-" && (after == "" || strings.HasPrefix(after, "#")) || before == "" && after == "," {
		return []Edit{{from, to, ""}}
	}
	return nil
}

var (
	glued  = pattern{src: `^([A-Za-z0-9][A-Za-z0-9_.-]*?)((?:[<>=!~]=?|==)[^ ].*)$`}
	spaced = pattern{src: `([<>=!~]=|[<>=])\s+([0-9A-Za-z.*]+)`}
)

// requirementFormat wants `name >=1.2`: a space after the name, none after the sign.
func (l *linter) requirementFormat(e entry) {
	text := e.text
	if strings.ContainsAny(text, "{}$([\"'\\") || strings.Contains(text, "::") || strings.HasPrefix(text, "__") {
		return
	}
	now := spaced.ReplaceAllString(text, "$1$2")
	if m := glued.FindStringSubmatch(now); m != nil && !strings.Contains(m[1], " ") {
		now = m[1] + " " + m[2]
	}
	if now == text {
		return
	}
	fix := []Edit{}
	if at := strings.Index(l.text[e.from:e.to], text); at >= 0 {
		fix = append(fix, Edit{e.from + at, e.from + at + len(text), now})
	}
	l.sayAt("requirement-format", e.from, e.to, fmt.Sprintf("%q has its spaces in unusual places", text), fmt.Sprintf("write %q", now), fix...)
}

func (l *linter) unsorted() {
	lists := map[string][]entry{}
	for _, e := range l.entries {
		lists[e.list] = append(lists[e.list], e)
	}
	for _, key := range sortedNames(lists) {
		list := lists[key]
		var names []string
		for _, e := range list {
			if n := e.name(); n != "" && n != "python" && n != "pip" && e.when == "" {
				names = append(names, n)
			}
		}
		if len(names) > 3 && !sort.StringsAreSorted(names) {
			l.sayAt("unsorted-requirements", list[0].from, list[0].to, fmt.Sprintf("the requirements under %s are in no order", list[0].section), "sort them by name")
		}
	}
}

// toolRules look at compilers.
func (l *linter) toolRules() {
	type set map[string]entry
	compilers, stdlibs := map[int]set{}, map[int]bool{}
	for _, e := range l.entries {
		if lang := e.tool("compiler"); lang != "" {
			if e.section == "build" {
				if compilers[e.output] == nil {
					compilers[e.output] = set{}
				}
				if _, ok := compilers[e.output][lang]; !ok {
					compilers[e.output][lang] = e
				}
			} else if e.section == "host" {
				l.sayAt("compiler-not-build", e.from, e.to, fmt.Sprintf("a compiler runs while building and stands under %s", e.section), "move it to the build requirements")
			}
		}
		if e.tool("stdlib") != "" {
			stdlibs[e.output] = true
		}
		if e.section == "build" || e.section == "host" {
			l.directCompiler(e)
		}
	}
	if l.format == "recipe.hcl" { // Forge's own recipes get the C library with the compiler
		return
	}
	for _, output := range sortedInts(compilers) {
		for _, lang := range sortedNames(compilers[output]) {
			e := compilers[output][lang]
			if (lang == "c" || lang == "cxx" || lang == "fortran" || lang == "rust" || strings.HasPrefix(lang, "go")) && !stdlibs[output] && lang != "go-nocgo" {
				call := `{{ stdlib("c") }}`
				if l.format == "recipe.yaml" {
					call = "$" + call
				}
				l.sayAt("compiler-without-stdlib", e.from, e.to, fmt.Sprintf("the compiler for %s comes without stdlib(\"c\"), so the oldest system it runs on is left open", lang), "add "+call+" beside it")
				break
			}
		}
	}
}

func sortedInts[T any](m map[int]T) []int {
	var keys []int
	for k := range m {
		keys = append(keys, k)
	}
	sort.Ints(keys)
	return keys
}

func (l *linter) directCompiler(e entry) {
	name := e.name()
	for _, base := range []string{"gcc", "gxx", "gfortran", "clang", "clangxx", "vs2015", "vs2017", "vs2019", "vs2022"} {
		for _, platform := range []string{"linux-64", "linux-aarch64", "osx-64", "osx-arm64", "win-64"} {
			if name == base+"_"+platform {
				l.directSay(e)
			}
		}
	}
	switch name {
	case "toolchain", "toolchain3", "gcc", "gxx", "gfortran", "toolchain_c_linux-64":
		l.directSay(e)
	}
}

func (l *linter) directSay(e entry) {
	l.sayAt("direct-compiler", e.from, e.to, fmt.Sprintf("the compiler %s is named itself, so the recipe works on one platform only", e.name()), `write compiler("c"), compiler("cxx") or compiler("fortran")`)
}

// noarchRules look at packages for all platforms.
func (l *linter) noarchRules() {
	noarch, mixed := "", false
	for _, o := range l.packaged() {
		switch {
		case o.NoArch == "":
			mixed = true
		default:
			noarch = o.NoArch
		}
	}
	if noarch == "" || mixed {
		return
	}
	bound := false
	for _, e := range l.entries {
		if e.tool("compiler") != "" && e.section == "build" {
			l.sayAt("noarch-compiler", e.from, e.to, "a noarch package holds nothing that is compiled", "drop noarch or the compiler")
		}
		if strings.Contains(e.text, "python_min") || e.name() == "python" && strings.ContainsAny(e.text, ">=~") {
			bound = bound || e.section == "run"
		}
		if e.when != "" && !strings.Contains(e.when, "jinja") && (e.section == "host" || e.section == "run") && strings.ContainsAny(e.when, "woulip") && platformCondition(e.when) && !strings.HasPrefix(e.name(), "__") {
			l.sayAt("noarch-selector", e.from, e.to, "a noarch package is one for all platforms, so this requirement cannot depend on the one it is built on", "drop the condition, or noarch")
		}
	}
	for _, e := range l.entries {
		if noarch == "python" && e.section == "run" && e.name() == "python" && !bound {
			l.sayAt("noarch-python-min", e.from, e.to, "the oldest Python that the package works with is left open", "write `python >=${{ python_min }}` (in meta.yaml `{{ python_min }}`) or a number")
		}
	}
}

var platformWord = pattern{src: `\b(linux|osx|win|unix|linux64|win64|win32|aarch64|arm64|ppc64le|x86_64|target_platform)\b`}

func platformCondition(when string) bool { return platformWord.MatchString(when) }
