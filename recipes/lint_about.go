package recipes

import (
	"fmt"
	"slices"
	"strings"

	"forge/internal/diag"
	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// aboutRules look at what is said about the packages.
func (l *linter) aboutRules() {
	for _, o := range l.packaged() {
		at := l.top("about")
		of := " of " + o.Name
		if len(l.packaged()) == 1 {
			of = ""
		}
		a := &o.About
		if a.License == "" {
			l.say("missing-license", at, 0, "the recipe does not say the licence"+of, "give `license` in about")
		} else if err := checkLicense(a.License); err != nil && l.format == "meta.yaml" {
			l.say("license-not-spdx", l.topOf("license", at.Line), 0, err.Error(), "see https://spdx.org/licenses")
		}
		if len(a.LicenseFiles) == 0 {
			l.say("missing-license-file", l.topOf("license", at.Line), 0, "no licence file goes into the package"+of, "name the file in `license_file`: most licences ask for it")
		}
		if a.Summary == "" {
			l.say("missing-summary", at, 0, "there is no summary"+of, "say in one line what the package is")
		}
		if len(a.Home) == 0 {
			key := "homepage"
			if l.format == "meta.yaml" {
				key = "home"
			}
			l.say("missing-home", at, 0, "there is no home page"+of, "give `"+key+"` in about")
		}
	}
	if l.anyBuilt() && !strings.Contains(l.text, "recipe-maintainers") && !strings.Contains(l.text, "maintainers") {
		l.say("missing-maintainers", l.top("extra"), 0, "nobody is named as maintainer", "list names in `extra: recipe-maintainers`; Forge itself does not ask for it")
	}
}

// extraRules want to know what extra.forge says: elsewhere in extra any key is somebody's, there a slip of the pen
// would be an instruction that nobody follows.
func (l *linter) extraRules() {
	for _, o := range l.outputs {
		forge, _ := o.Extra["forge"].(map[string]any)
		l.unknownExtra("extra.forge", forge, "bench", "bootstrap", "cpu_dispatch", "interpreter", "resources", "signatures")
		resources, _ := forge["resources"].(map[string]any)
		l.unknownExtra("extra.forge.resources", resources, "cpus", "memory")
	}
}

func (l *linter) unknownExtra(where string, said map[string]any, known ...string) {
	for _, key := range sortedNames(said) {
		if slices.Contains(known, key) {
			continue
		}
		help := "it has " + strings.Join(known, ", ")
		if near := diag.Nearest(key, known); near != "" {
			help = "did you mean " + near + "?"
		}
		l.say("unknown-extra", l.topOf(key, l.top("extra").Line), 0, fmt.Sprintf("%s has no %q", where, key), help)
	}
}

// topOf is the place of a key at or after a line.
func (l *linter) topOf(key string, line int) diag.Pos {
	for i := line; i <= len(l.starts); i++ {
		if t := strings.TrimLeft(l.line(i), " -"); strings.HasPrefix(t, key+":") || strings.HasPrefix(t, key+" ") {
			return l.pos(l.starts[i-1] + len(l.line(i)) - len(t))
		}
	}
	return diag.Pos{File: l.path, Line: line, Column: 1}
}

var (
	floatVersion = pattern{src: `^[0-9]+(\.[0-9]+)?([eE][0-9]+)?$|^0[0-9]+$|^[0-9]{4}-[0-9]{2}-[0-9]{2}$`}
	setVersion   = pattern{src: `(?m)^\{%-?\s*set\s+(\w*version\w*)\s*=\s*([0-9]+\.[0-9]+|[0-9]+)\s*-?%\}`}
)

// versionRules want versions in quotes where YAML or Jinja would read a number: 1.10 is not 1.1.
func (l *linter) versionRules() {
	say := func(from, to int, text string) {
		l.sayAt("version-quotes", from, to, fmt.Sprintf("the version %s is a number to YAML and Jinja, which lose its last zeros", text), "put it in quotes", Edit{from, from, `"`}, Edit{to, to, `"`})
	}
	each(l.root, nil, func(path []string, n *yaml.Node) {
		for k, v := range yamlx.Pairs(n) {
			if v.Kind != yaml.ScalarNode || v.Style != 0 || !floatVersion.MatchString(v.Value) {
				continue
			}
			inPackage := k.Value == "version" && (len(path) == 0 || path[len(path)-1] == "package" || path[len(path)-1] == "recipe" || path[0] == "outputs" && len(path) == 2)
			inContext := len(path) > 0 && path[0] == "context" && strings.Contains(k.Value, "version")
			if inPackage || inContext {
				if from, to, ok := l.span(v); ok {
					say(from, to, v.Value)
				}
			}
		}
	})
	if l.format == "meta.yaml" {
		for _, m := range setVersion.FindAllStringSubmatchIndex(l.text, -1) {
			if strings.Contains(l.text[m[4]:m[5]], ".") {
				say(m[4], m[5], l.text[m[4]:m[5]])
			}
		}
	}
}

// httpsHosts are known to serve the same over https.
var httpsHosts = pattern{src: `(^|\.)(github\.com|githubusercontent\.com|github\.io|gitlab\.com|bitbucket\.org|gnu\.org|kernel\.org|sourceforge\.net|sourceforge\.io|readthedocs\.io|readthedocs\.org|apache\.org|python\.org|r-project\.org|sqlite\.org|zlib\.net|freedesktop\.org|mozilla\.org|debian\.org|openssl\.org|libpng\.org|cmake\.org|llvm\.org|qt\.io|w3\.org|xiph\.org|postgresql\.org|perl\.org|ruby-lang\.org|gnome\.org|kde\.org)$`}

var urlLine = pattern{src: `^\s*(?:-\s+)?(?:["']?(?:url|home|homepage|dev_url|doc_url|doc_source_url|repository|documentation|git|git_url|license_url)["']?\s*[:=]\s*|["']|-\s+)?["'\[]*\s*["']?(http://([A-Za-z0-9.-]+)[^\s"']*)`}

// urlRules look at the URLs of about and source.
func (l *linter) urlRules() {
	block := l.blockLines()
	section := ""
	for i := range l.starts {
		line := l.line(i + 1)
		if line != "" && line[0] != ' ' && line[0] != '-' && line[0] != '#' && line[0] != '}' {
			section = strings.TrimRight(strings.Fields(line + " x")[0], ":")
		}
		if block[i+1] || section != "about" && section != "source" && section != "outputs" && section != "output" && section != "build" {
			continue
		}
		if m := urlLine.FindStringSubmatchIndex(line); m != nil {
			from, host := l.starts[i]+m[2], line[m[4]:m[5]]
			var fix []Edit
			if httpsHosts.MatchString(host) {
				fix = []Edit{{from, from + 4, "https"}}
			}
			l.sayAt("http-url", from, l.starts[i]+m[3], "anyone on the way can change what this URL gives", "write https:// if "+host+" has it", fix...)
		}
		if m := nameInURL.FindStringSubmatchIndex(line); m != nil {
			l.sayAt("name-in-url", l.starts[i]+m[2], l.starts[i]+m[3], "the package's name is a variable in this URL: whoever copies it for a mirror or a search has to fill it in", "write the name; only the version changes")
		}
	}
}

var nameInURL = pattern{src: `^\s*(?:-\s+)?(?:url\s*:|url\s*=|-)\s*.*?(\{\{\s*name\s*(?:\|[^}]*)?\}\}|\$\{package\.name\})`}
