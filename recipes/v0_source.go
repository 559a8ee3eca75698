package recipes

import (
	"encoding/hex"
	"path/filepath"
	"strings"

	"forge/internal/diag"
	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// sources reads the source section: one source or a list.
func (p *v0Pass) sources() []Source {
	var out []Source
	for _, n := range list1(p.root("source")) {
		if n.Kind != yaml.MappingNode || len(n.Content) == 0 {
			continue
		}
		if s := p.source(n); len(s.URLs) > 0 || s.Git != nil || s.Path != "" {
			out = append(out, s)
		}
	}
	return out
}

func (p *v0Pass) source(n *yaml.Node) Source {
	get := func(key string) *yaml.Node { return yamlx.Get(n, key) }
	s := Source{Pos: p.place(p.doc, n), FileName: p.text(get("fn")), TargetDirectory: p.text(get("folder")), Path: p.text(get("path")),
		NoHoist: truthy(get("no_hoist")), Patches: p.texts(list1(get("patches")))}
	for i, patch := range s.Patches {
		s.Patches[i] = recipeRelative(patch)
	}
	p.sourceHashes(&s, n)
	switch {
	case get("url") != nil:
		s.URLs = p.texts(list1(get("url")))
		for i, u := range s.URLs {
			if !strings.Contains(u, ":") { // a file, relative to the recipe
				s.URLs[i] = "file://" + filepath.ToSlash(filepath.Join(p.dir, filepath.FromSlash(recipeRelative(u))))
				continue
			}
			if err := checkURL(u); err != nil {
				p.errorf(get("url"), "bad-value", "%s", err)
			}
		}
		if s.FileName == "" && len(s.URLs) == 0 {
			p.errorf(n, "bad-value", "the source's url is empty")
		}
		s.Pos = p.place(p.doc, get("url"))
		checkHashed(&s, p.opts, p.line(s.Pos.Line), p.found.add)
	case get("git_url") != nil:
		s.Git = p.git(n)
	case get("hg_url") != nil: // named, so that fetching can say that it does not know how
		s.URLs = []string{"hg+" + p.text(get("hg_url"))}
	case get("svn_url") != nil:
		s.URLs = []string{"svn+" + p.text(get("svn_url"))}
	case s.Path != "":
		s.Path = recipeRelative(s.Path)
	default: // conda-build passes over it; selectors may have left nothing else
		d := p.at(p.doc, n, "missing-key", "this source has none of `url:`, `git_url:` and `path:`, so nothing is fetched")
		d.Severity = diag.Warning
		p.found.add(d)
	}
	return s
}

// recipeRelative drops the recipe's folder, which paths are relative to anyway.
func recipeRelative(path string) string {
	for _, prefix := range []string{"$RECIPE_DIR/", `%RECIPE_DIR%\`, "%RECIPE_DIR%/"} {
		path = strings.TrimPrefix(path, prefix)
	}
	return path
}

func (p *v0Pass) sourceHashes(s *Source, n *yaml.Node) {
	for _, h := range []struct {
		name string
		size int
	}{{"md5", 16}, {"sha1", 20}, {"sha224", 28}, {"sha256", 32}, {"sha384", 48}, {"sha512", 64}} {
		at := yamlx.Get(n, h.name)
		sum := strings.ToLower(strings.TrimSpace(p.text(at)))
		if sum == "" {
			continue
		}
		if raw, err := hex.DecodeString(sum); err != nil || len(raw) != h.size {
			p.errorf(at, "bad-value", "%q is not a %s: it has %d hex digits", sum, h.name, 2*h.size)
			continue
		}
		if s.Hashes == nil {
			s.Hashes = map[string]string{}
		}
		s.Hashes[h.name] = sum
	}
}

func (p *v0Pass) git(n *yaml.Node) *Git {
	get := func(key string) string { return p.text(yamlx.Get(n, key)) }
	g := &Git{URL: get("git_url"), Rev: get("git_rev"), Tag: get("git_tag"), Branch: get("git_branch"), Depth: -1, Submodules: true}
	if d := yamlx.Get(n, "git_depth"); d != nil {
		v, ok := typed(d).(int)
		if !ok {
			p.errorf(d, "bad-value", "git_depth is a whole number, not %q", p.text(d))
		}
		g.Depth = v
	}
	return g
}
