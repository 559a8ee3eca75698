package recipes

import (
	"fmt"
	"strconv"
	"strings"

	"forge/internal/diag"
	"forge/recipes/internal/expr"
	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// sources evaluates one source section.
func (f *frame) sources(n *yaml.Node) []Source {
	var out []Source
	for _, e := range f.listItems(n) {
		out = append(out, f.source(e))
	}
	return out
}

func (f *frame) source(n *yaml.Node) Source {
	get := func(key string) *yaml.Node { return yamlx.Get(n, key) }
	s := Source{Pos: f.doc.Pos(n), FileName: f.trimmed(get("file_name")), TargetDirectory: f.text(get("target_directory")),
		Patches: f.late(get("patches"), "RECIPE_DIR", "SRC_DIR", "BUILD_DIR")}
	for i, p := range s.Patches {
		s.Patches[i] = strings.TrimPrefix(p, "$RECIPE_DIR/")
	}
	keep := f.globs(get("filter"))
	s.Include, s.Exclude = keep.Include, keep.Exclude
	f.hashes(&s, n)
	switch {
	case get("git") != nil:
		s.Git = f.git(n)
	case get("url") != nil:
		f.urls(&s, get("url"))
		s.Attestation = f.attestation(get("attestation"))
		checkHashed(&s, f.opts, f.doc.Line(s.Pos.Line), f.found.add)
	default:
		s.Path = f.text(get("path"))
		s.UseGitignore = f.boolean(get("use_gitignore"), true)
	}
	return s
}

func (f *frame) hashes(s *Source, n *yaml.Node) {
	for _, h := range []struct {
		name string
		size int
	}{{"sha256", 32}, {"md5", 16}} {
		if sum := f.checked(yamlx.Get(n, h.name), checkHash(h.name, h.size)); sum != "" {
			if s.Hashes == nil {
				s.Hashes = map[string]string{}
			}
			s.Hashes[h.name] = strings.ToLower(sum)
		}
	}
}

// checkHashed reports a URL source without a hash: its bytes would be whatever the server says.
func checkHashed(s *Source, o *RenderOptions, line string, add func(diag.Diagnostic)) {
	weak, lacks := false, "has no sha256"
	for name, sum := range s.Hashes {
		if strings.Trim(sum, "0") == "" { // a placeholder
			lacks = "has zeros in place of its " + name
			continue
		}
		if name != "md5" && name != "sha1" {
			return
		}
		weak = true
	}
	d := diag.Diagnostic{Code: "missing-hash", Pos: s.Pos, Line: line,
		Summary:    "the source " + strings.Join(s.URLs, " ") + " " + lacks,
		Suggestion: "`forge fetch --allow-unhashed` prints that of what comes now: compare it with what its makers publish, and write it here"}
	if weak {
		d.Code, d.Severity = "weak-hash", diag.Warning
		d.Summary = "the source " + strings.Join(s.URLs, " ") + " has only a hash that can be forged; add its sha256"
		d.Suggestion = ""
	}
	if o.AllowUnhashed {
		d.Severity = diag.Warning
	}
	add(d)
}

func (f *frame) urls(s *Source, n *yaml.Node) {
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	for _, e := range items {
		s.URLs = append(s.URLs, f.checked(e, checkURL))
	}
}

// attestation reads who must have attested a source. As with rattler-build, the key is accepted with
// --experimental only.
func (f *frame) attestation(n *yaml.Node) *Attestation {
	if n == nil {
		return nil
	}
	a := &Attestation{BundleURL: f.checked(yamlx.Get(n, "bundle_url"), checkURL)}
	publishers := f.listItems(yamlx.Get(n, "publishers"))
	for _, e := range publishers {
		p, err := parsePublisher(f.text(e))
		if err != nil {
			f.errorf(e, "bad-value", "%s", err)
			continue
		}
		a.Publishers = append(a.Publishers, p)
	}
	if !f.opts.Experimental {
		d := f.doc.At(n, "experimental", "attestation of a source is experimental: accept it with --experimental")
		d.Suggestion = "it is then verified when the source is fetched"
		f.found.add(d)
	}
	if len(publishers) == 0 {
		d := f.doc.At(n, "missing-key", "the attestation names no publisher, and anybody may attest any file")
		d.Suggestion = "name who must have: `publishers: [github:OWNER/REPOSITORY]`"
		f.found.add(d)
	}
	return a
}

// parsePublisher reads PROVIDER:OWNER/REPO[@REF].
func parsePublisher(s string) (Publisher, error) {
	provider, rest, ok := strings.Cut(s, ":")
	rest, ref, _ := strings.Cut(rest, "@")
	owner, repo, both := strings.Cut(rest, "/")
	if !ok || !both || owner == "" || repo == "" || strings.Contains(repo, "/") || provider != "github" && provider != "gitlab" {
		return Publisher{}, fmt.Errorf("%q is no publisher: want github:OWNER/REPOSITORY or gitlab:OWNER/REPOSITORY", s)
	}
	return Publisher{provider, owner, repo, ref}, nil
}

func (f *frame) git(n *yaml.Node) *Git {
	get := func(key string) *yaml.Node { return yamlx.Get(n, key) }
	g := &Git{URL: f.text(get("git")), Depth: -1, LFS: f.boolean(get("lfs"), false), Submodules: f.boolean(get("submodules"), true),
		ExpectedCommit: f.checked(get("expected_commit"), checkCommit), Rev: f.text(get("rev")), Tag: f.text(get("tag")), Branch: f.text(get("branch"))}
	if d := get("depth"); d != nil {
		depth, err := strconv.Atoi(f.trimmed(d))
		if err != nil {
			f.errorf(d, "bad-value", "depth is a whole number, not %q", f.trimmed(d))
		}
		g.Depth = depth
	}
	return g
}

// late reads paths that may begin with a folder only the build knows; it stays as $NAME.
func (f *frame) late(n *yaml.Node, names ...string) []string {
	var out []string
	for _, e := range f.listItems(n) {
		env := f.newEnv()
		looked := env.Looked
		env.Lookup = func(name string) (expr.Value, bool) {
			if v, ok := f.lookup(name); ok {
				return v, true
			}
			for _, known := range names {
				if name == known {
					return "$" + name, true
				}
			}
			return nil, false
		}
		env.Looked = func(name string) {
			for _, known := range names {
				if name == known {
					return
				}
			}
			looked(name)
		}
		s, err := f.try(e, env)
		if err != nil {
			f.found.add(exprDiagnostic(f.doc, e, err))
		}
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}
