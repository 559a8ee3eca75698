package recipes

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"forge/recipes/internal/pipelines"

	"github.com/google/go-cmp/cmp"
)

var updateDocs = flag.Bool("update-docs", false, "write the reference in docs/recipe-hcl.md anew")

const (
	hclPage        = "../docs/recipe-hcl.md"
	referenceBegin = "<!-- The reader itself wrote what follows: go test ./recipes -run HCLReference -update-docs -->\n"
	referenceEnd   = "<!-- end of the reference -->\n"
)

// TestHCLReference holds the tables of docs/recipe-hcl.md against the reader, both ways: every block,
// attribute, function and pipeline it takes has a row with a text, and no row is of anything else.
func TestHCLReference(t *testing.T) {
	data, err := os.ReadFile(hclPage)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(data), referenceBegin)
	have, after, ended := strings.Cut(rest, referenceEnd)
	if !found || !ended {
		t.Fatal("the page has no reference")
	}
	want := hclReference(t)
	if *updateDocs {
		if err := os.WriteFile(hclPage, []byte(before+referenceBegin+want+referenceEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(want, have); d != "" {
		t.Errorf("(-reader +page); -update-docs writes it anew\n%s", d)
	}
	if m := regexp.MustCompile(`(?m)^\| `+"`"+`.*\|\s*\|$`).FindAllString(want, -1); len(m) > 0 {
		t.Errorf("rows without a text:\n%s", strings.Join(m, "\n"))
	}
}

func hclReference(t *testing.T) string {
	var b strings.Builder
	keys := map[string][]string{}
	for _, line := range strings.Split(strings.TrimSpace(v1KeyList), "\n") {
		at, names, _ := strings.Cut(line, ":")
		keys[at] = strings.Fields(names)
	}
	p := newProber()
	section := func(title string, at string, names []string, more ...[3]string) {
		fmt.Fprintf(&b, "\n#### %s\n\n| | value | |\n|---|---|---|\n", title)
		rows := more
		for _, name := range names {
			path := strings.Split(strings.TrimPrefix(at+"."+name, "."), ".")
			kind := hclKind(p, path, keys)
			rows = append(rows, [3]string{name, kind, keyDoc(path)})
		}
		slices.SortFunc(rows, func(x, y [3]string) int { return strings.Compare(x[0], y[0]) })
		for _, r := range rows {
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", r[0], r[1], r[2])
		}
	}
	below := func(at string) {
		for _, inner := range sortedNames(keys) {
			if inner == "outputs.package" || inner == "outputs.staging" { // the block's label
				continue
			}
			if strings.HasPrefix(inner, at+".") && !(strings.HasPrefix(inner, "tests.package_contents.") && inner != "tests.package_contents.files") {
				section("`"+strings.NewReplacer("tests", "test", "outputs", "output").Replace(inner)+" {}`", inner, keys[inner])
			}
		}
	}
	each := [3]string{"for_each", "list or mapping", "repeat the block for each value, `each.key` and `each.value` in it"}
	name := [3]string{"name", "text", "instead of the block's label, where it is computed"}
	without := func(list []string, drop ...string) (out []string) {
		for _, k := range list {
			if !contains(drop, k) {
				out = append(out, k)
			}
		}
		return out
	}
	b.WriteString("\n### recipe.hcl\n")
	section("`package \"NAME\" {}`", "package", without(keys["package"], "name"), name)
	section("`source {}`", "source", keys["source"], each, [3]string{"signature {}", "block", "who must have signed the source (docs/verify.md)"})
	below("source")
	fmt.Fprint(&b, signatureTable())
	section("`build {}`", "build", keys["build"], [3]string{"pipeline \"NAME\" {}", "block", "ready-made steps"})
	below("build")
	section("`requirements {}`", "requirements", keys["requirements"])
	below("requirements")
	section("`test {}`", "tests", keys["tests"], each)
	below("tests")
	section("`about {}`", "about", keys["about"])
	outputs := without(keys["outputs"], "package", "staging", "source", "tests")
	blocks := [][3]string{{"source {}", "block", "of this output alone; repeat it"}, {"test {}", "block", "of this output; repeat it"}}
	version := [3]string{"version", "text", "the recipe's own where it is not given"}
	section("`output \"NAME\" {}`", "outputs", outputs, append(blocks, each, name, version)...)
	below("outputs")
	section("`staging \"NAME\" {}`", "outputs", without(outputs, "about"), blocks[0], each, name)
	b.WriteString("\n#### `extra {}` and `locals {}`\n\nAny attributes; in `extra`, `recipe-maintainers` lists who looks after the recipe.\n")
	b.WriteString("\n### Functions\n\n| | |\n|---|---|\n")
	functions := map[string]bool{}
	for _, name := range append(sortedNames(hclFunctions()), ownFunctions()...) {
		functions[name] = true
	}
	for _, name := range sortedNames(functions) {
		fmt.Fprintf(&b, "| `%s` | %s |\n", name, hclFunctionDocs()[name])
	}
	for name := range hclFunctionDocs() {
		if !functions[name] {
			t.Errorf("a text for the function %s, which is none", name)
		}
	}
	pipelineReference(&b)
	b.WriteString("\n### forge.hcl\n")
	for _, name := range sortedNames(workspaceBlocks()) {
		block := workspaceBlocks()[name]
		title := name
		if block.named {
			title += ` "NAME"`
		}
		fmt.Fprintf(&b, "\n#### `%s {}`\n\n| | value | |\n|---|---|---|\n", title)
		if block.keys == nil {
			b.WriteString("| any variant key | list | its values |\n| `zip_keys` | list of lists | keys whose values go together |\n")
		}
		for _, key := range sortedNames(block.keys) {
			kind := map[byte]string{'s': "text", 'l': "list", 'b': "true or false", 'm': "mapping of texts"}[block.keys[key]]
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", key, kind, workspaceDocs()[name+"."+key])
		}
	}
	return b.String()
}

// hclKind says what the value of a key is.
func hclKind(p *prober, path []string, keys map[string][]string) string {
	at := p.at(hclSteps(path), nil)
	var kinds []string
	switch {
	case at.words != nil:
		kinds = append(kinds, strings.Join(at.words, " or "))
	case at.scalar == "boolean":
		kinds = append(kinds, "true or false")
	case at.scalar == "integer":
		kinds = append(kinds, "whole number")
	case at.scalar != "":
		kinds = append(kinds, at.scalar)
	}
	if at.list {
		kinds = append(kinds, "list")
	}
	if at.objects != nil || keys[strings.Join(path, ".")] != nil {
		kinds = append(kinds, "block")
	}
	if at.free {
		kinds = append(kinds, "mapping")
	}
	return strings.Join(slices.Compact(kinds), ", ")
}

// hclSteps is the way to a key for the prober: through lists, and with the key that tells the kind.
func hclSteps(path []string) (out []step) {
	for i, key := range path {
		s := step{key: key}
		under := strings.Join(path[:i], ".")
		switch {
		case under == "source" && strings.Contains(" sha256 md5 file_name attestation ", " "+key+" "):
			s.beside = []string{"url"}
		case under == "source" && strings.Contains(" rev tag branch depth lfs submodules expected_commit ", " "+key+" "):
			s.beside = []string{"git"}
		case under == "source" && key == "use_gitignore":
			s.beside = []string{"path"}
		case under == "source" && strings.Contains(" patches target_directory filter ", " "+key+" "):
			s.beside = []string{"url"}
		case under == "tests" && (key == "requirements" || key == "files"):
			s.beside = []string{"script"}
		case under == "outputs" && key != "package" && key != "staging":
			s.beside = []string{"package"}
		}
		out = append(out, s)
		if i+1 < len(path) && strings.Contains(" outputs tests build.steps build.post_process ", " "+strings.Join(path[:i+1], ".")+" ") {
			out = append(out, step{})
		}
		if i == 0 && key == "outputs" {
			out[0].beside = []string{"outputs"}
		}
	}
	if path[0] == "tests" && len(path) == 1 || path[0] == "recipe" {
		out[0].beside = nil
	}
	return out
}

func signatureTable() string {
	var b strings.Builder
	b.WriteString("\n#### `source.signature {}`\n\n| | value | |\n|---|---|---|\n")
	for _, r := range [][3]string{{"allow", "list", "`sha1`: an exception for an old signature"}, {"fingerprint", "text", "the whole fingerprint of the key"},
		{"key", "text", "the key, a file in the recipe's folder"}, {"reason", "text", "why there is an exception; the provenance repeats it"},
		{"url", "text, list", "the signature, `.asc` or `.sig`"}} {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", r[0], r[1], r[2])
	}
	return b.String()
}

// pipelineReference lists the pipelines with their inputs.
func pipelineReference(b *strings.Builder) {
	b.WriteString("\n### Pipelines\n\n| | inputs and their defaults | |\n|---|---|---|\n")
	for _, name := range pipelines.Names() {
		data, _ := pipelines.Get(name)
		first, _, _ := strings.Cut(string(data), "\n")
		var inputs []string
		for _, m := range regexp.MustCompile(`(?m)^input "(\w+)" *\{ default = (.*?) \}`).FindAllStringSubmatch(string(data), -1) {
			inputs = append(inputs, "`"+m[1]+" = "+m[2]+"`")
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", name, strings.Join(inputs, ", "), strings.TrimPrefix(strings.TrimSuffix(first, "."), "# "))
	}
}

func hclFunctionDocs() map[string]string {
	return map[string]string{
		"abs": "number without its sign", "can": "whether an expression has a value", "cdt": "package of the core dependency tree: `cdt(\"mesa-libgl\")`",
		"chomp": "text without the newlines at its end", "coalesce": "first argument that is not null", "compiler": "compiler of a language for the target: `compiler(\"c\")`",
		"concat": "lists one after another", "contains": "whether a list has a value", "distinct": "list without repetitions",
		"env": "variable of the environment, with a default: `env(\"CI\", \"\")`; only those the caller lets through", "file": "text of a file in the recipe's folder",
		"load_from_file": "what a TOML, YAML or JSON file in the recipe's folder says: `load_from_file(\"pyproject.toml\").project.version`",
		"truthy":         "value as recipe.yaml takes it for a condition: nothing, false, 0 and what is empty are false",
		"flatten":        "list of lists as one list", "floor": "next lower whole number", "format": "text after a pattern: `format(\"%s-%d\", a, 1)`",
		"join": "list as a text: `join(\" \", list)`", "keys": "keys of a mapping", "length": "number of items", "lower": "text in small letters",
		"match": "whether a version meets a condition: `match(variant.python, \">=3.11\")`", "max": "greatest number", "merge": "mappings as one; later ones win", "min": "least number",
		"pin_compatible": "pin to the version in the host environment, with bounds as below", "pin_subpackage": "pin to an output of this recipe: `pin_subpackage(\"a\", { upper_bound = \"x.x\" })`; bounds are `lower_bound`, `upper_bound`, `exact`, `build`",
		"regex": "what a pattern finds in a text", "replace": "text with another in place of one", "reverse": "list from its end", "slice": "part of a list: `slice(list, from, to)`",
		"sort": "list of texts in order", "split": "text as a list: `split(\".\", text)`", "stdlib": "C library of a language for the target: `stdlib(\"c\")`", "strlen": "number of characters",
		"substr": "part of a text: `substr(text, from, length)`", "tonumber": "text as a number", "tostring": "value as a text", "trim": "text without some characters at both ends",
		"trimprefix": "text without a beginning", "trimspace": "text without blanks at both ends", "trimsuffix": "text without an end", "try": "first argument that has a value: `try(variant.mpi, \"nompi\")`",
		"upper": "text in capitals", "values": "values of a mapping", "version_to_buildstring": "`3.11.* *_cpython` as `311`",
	}
}

func workspaceDocs() map[string]string {
	return map[string]string{
		"cache.max_age": "what was not used for so long goes: `60d`", "cache.max_size": "no more than this stays: `20GB`",
		"channel.packages": "names that come from this channel and from no other", "channel.url": "URL, or a folder relative to this file",
		"external.env": "variables for builds that use it", "external.files": "patterns of the host's files that it is", "external.packages": "packages of the host's package manager that it is",
		"external.programs": "programs whose version says its own, and that must be there", "external.use": "false: never the host's", "external.version": "its version, instead of asking it",
		"key.file": "the public key", "key.fingerprint": "no other key than this", "key.packages": "names it is trusted for",
		"optimize.layout": "`packages` for a package of each level, the default, or `glibc-hwcaps` for one with libraries of all", "optimize.levels": "CPU levels to build for", "optimize.lto": "optimize while linking", "optimize.packages": "names this holds for",
		"policy.abi": "warn, error or off: libraries that lost symbols", "policy.isolation": "the least isolation that is accepted: full, landlock, appcontainer, none",
		"policy.signatures": "required or optional, for packages of channels", "policy.trusted_root": "trusted_root.json that attestations of sources are verified with, beside forge.hcl (docs/verify.md)", "policy.unhashed": "true: sources without a hash are accepted",
		"toolchain.env": "variables for builds", "toolchain.platform": "the platform it is for",
	}
}
