package recipes

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"sync"

	"forge/internal/diag"
	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// sourcesShape is one source or a list of them.
func sourcesShape(c *checker, n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		c.wrongType(n, "a mapping with `url:`, `git:` or `path:`, or a list of them,")
		return
	}
	listOr(sourceShape)(c, n)
}

func sourceShape(c *checker, n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		c.wrongType(n, "a mapping with `url:`, `git:` or `path:`")
		return
	}
	kinds := sourceKinds()
	switch {
	case yamlx.Get(n, "git") != nil:
		kinds.git(c, n)
		oneRevision(c, n)
	case yamlx.Get(n, "url") != nil:
		kinds.url(c, n)
	case yamlx.Get(n, "path") != nil:
		kinds.path(c, n)
	default:
		for k := range yamlx.Pairs(n) {
			if now := renamedKeys()[k.Value]; now != "" {
				c.unknownKey(k, "a source", []string{"url", "git", "path"})
				return
			}
		}
		c.errorf(n, "missing-key", "a source needs one of `url:`, `git:` and `path:`")
	}
}

// sourceShapes are those of the kinds of sources.
type sourceShapes struct{ git, url, path shape }

var sourceKinds = sync.OnceValue(func() sourceShapes {
	common := []field{{name: "patches", shape: list(text(nil))}, {name: "target_directory", shape: text(nil)}, {name: "filter", shape: globsShape}}
	hashes := []field{{name: "sha256", shape: text(checkHash("sha256", 32))}, {name: "md5", shape: text(checkHash("md5", 16))}, {name: "file_name", shape: text(nil)}}
	with := func(more ...field) []field { return append(common[:len(common):len(common)], more...) }
	hashed := func(more ...field) []field { return append(with(hashes...), more...) }
	return sourceShapes{
		git: mapping("a git source", with(field{name: "git", shape: text(nil)}, field{name: "rev", shape: text(nil)},
			field{name: "tag", shape: text(nil)}, field{name: "branch", shape: text(nil)}, field{name: "depth", shape: text(checkDepth)},
			field{name: "lfs", shape: boolean}, field{name: "submodules", shape: boolean}, field{name: "expected_commit", shape: text(checkCommit)})...),
		url: mapping("a url source", hashed(field{name: "url", shape: urlsShape},
			field{name: "attestation", shape: mapping("attestation", field{name: "publishers", shape: listOr(text(nil))}, field{name: "bundle_url", shape: text(nil)})})...),
		path: mapping("a path source", hashed(field{name: "path", shape: text(nil)}, field{name: "use_gitignore", shape: boolean})...),
	}
})

// urlsShape is one URL or a list of mirrors; unlike other lists it has no conditions.
func urlsShape(c *checker, n *yaml.Node) {
	if n.Kind != yaml.SequenceNode {
		text(checkURL)(c, n)
		return
	}
	if len(n.Content) == 0 {
		c.errorf(n, "bad-value", "the list of URLs is empty")
	}
	for _, e := range n.Content {
		text(checkURL)(c, e)
	}
}

func oneRevision(c *checker, n *yaml.Node) {
	found := 0
	for k := range yamlx.Pairs(n) {
		if k.Value == "rev" || k.Value == "tag" || k.Value == "branch" {
			found++
		}
	}
	if found > 1 {
		c.errorf(n, "bad-value", "a git source takes one of rev, tag and branch")
	}
}

func checkHash(name string, size int) func(string) error {
	return func(s string) error {
		if raw, err := hex.DecodeString(s); s != "" && (err != nil || len(raw) != size) {
			return fmt.Errorf("%q is not a %s: it has %d hex digits", s, name, 2*size)
		}
		return nil
	}
}

func checkCommit(s string) error {
	if _, err := hex.DecodeString(s); err != nil || len(s) != 40 && len(s) != 64 {
		return fmt.Errorf("expected_commit is a full commit of 40 hex digits, not %q", s)
	}
	return nil
}

func checkDepth(s string) error {
	if _, err := strconv.Atoi(s); err != nil {
		return fmt.Errorf("depth is a whole number (-1 for all), not %q", s)
	}
	return nil
}

// testsShape is the list of tests.
func testsShape() shape { return list(testShape) }

func testShape(c *checker, n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		c.wrongType(n, "a mapping with the kind of the test")
		return
	}
	kinds := []string{"python", "perl", "r", "ruby", "script", "downstream", "package_contents"}
	var kind string
	for _, k := range kinds {
		if yamlx.Get(n, k) != nil && kind == "" {
			kind = k
		}
	}
	if kind == "" {
		d := c.doc.At(n, "missing-key", "a test needs one of python, perl, r, ruby, script, downstream, package_contents")
		for k := range yamlx.Pairs(n) {
			if s := didYouMean(k.Value, kinds); s != "" {
				d = c.doc.At(k, "unknown-key", "unknown kind of test %q", k.Value)
				d.Suggestion = s
			}
		}
		c.report(d)
		return
	}
	if kind == "script" {
		scriptTestShape()(c, n)
		return
	}
	for k, v := range yamlx.Pairs(n) { // what else is here is left unread, as by the peers, but said
		if k.Value == kind {
			testKinds()[kind](c, v)
			continue
		}
		d := c.doc.At(k, "unknown-key", "the key %q is not read: the test is of the kind %s", k.Value, kind)
		d.Severity, d.Suggestion = diag.Warning, "make it a test of its own"
		c.report(d)
	}
}

var scriptTestShape = sync.OnceValue(func() shape {
	return mapping("a script test", field{name: "script", shape: scriptShape},
		field{name: "requirements", shape: mapping("the requirements of a test", field{name: "run", shape: list(dependency)}, field{name: "build", shape: list(dependency)})},
		field{name: "files", shape: mapping("the files of a test", field{name: "source", shape: list(text(nil))}, field{name: "recipe", shape: list(text(nil))})})
})

// testKinds are the shapes of the kinds but script, made once.
var testKinds = sync.OnceValue(func() map[string]shape {
	kinds := map[string]shape{}
	for _, kind := range []string{"python", "perl", "r", "ruby", "downstream", "package_contents"} {
		kinds[kind] = testKindShape(kind)
	}
	return kinds
})

func testKindShape(kind string) shape {
	switch kind {
	case "python":
		return mapping("a python test", field{name: "imports", shape: listOr(text(nil))}, field{name: "pip_check", shape: boolean},
			field{name: "python_version", shape: listOr(text(nil))})
	case "perl":
		return mapping("a perl test", field{name: "uses", shape: list(text(nil))})
	case "r":
		return mapping("an r test", field{name: "libraries", shape: list(text(nil))})
	case "ruby":
		return mapping("a ruby test", field{name: "requires", shape: list(text(nil))})
	case "downstream":
		return text(nil)
	}
	check := mapping("a check of files", field{name: "exists", shape: listOr(text(nil))}, field{name: "not_exists", shape: listOr(text(nil))})
	files := func(c *checker, n *yaml.Node) {
		if n.Kind == yaml.MappingNode {
			check(c, n)
			return
		}
		list(text(nil))(c, n)
	}
	return mapping("a package_contents test", field{name: "files", shape: files}, field{name: "site_packages", shape: files},
		field{name: "bin", shape: files}, field{name: "lib", shape: files}, field{name: "include", shape: files}, field{name: "strict", shape: boolean})
}
