package recipes

import (
	"slices"
	"strings"

	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// sources converts the source section. A source whose fields depend on one and the same choice becomes
// an if/then/else of whole sources, as people write it; others choose field by field.
func (c *metaConverter) sources(n *yaml.Node) *yaml.Node {
	if yamlx.IsNull(n) {
		return nil
	}
	b := &itemList{out: listNode()}
	c.comments(b.out, n)
	for _, e := range c.spread(list1(n)) {
		if e.Kind != yaml.MappingNode || len(e.Content) == 0 {
			continue
		}
		order, by := c.fields(e)
		conditions := conditionsOf(order, by)
		if len(conditions) == 0 || !wholeSources(order, by, conditions) {
			if s := c.source1(e, order, by, ""); hasLocation(s) {
				b.add("", s)
			}
			continue
		}
		for _, condition := range conditions {
			b.add(condition, c.source1(e, order, by, condition))
		}
	}
	switch len(b.out.Content) {
	case 0:
		return nil
	case 1:
		if yamlx.Get(b.out.Content[0], "if") == nil && n.Kind == yaml.MappingNode {
			return b.out.Content[0]
		}
	}
	return b.out
}

// spread gives sources what belongs to them while a later one is not there: a selector on its first line
// takes the `- ` away, too, and the lines without one go on with what is before.
func (c *metaConverter) spread(list []*yaml.Node) []*yaml.Node {
	out := slices.Clone(list)
	for i := len(out) - 1; i > 0; i-- {
		if out[i].Kind != yaml.MappingNode || c.lineSelector(out[i].Line) == "" {
			continue
		}
		var always []*yaml.Node
		for k, v := range yamlx.Pairs(out[i]) {
			if c.lineSelector(k.Line) == "" && yamlx.Get(out[i-1], k.Value) == nil {
				always = append(always, k, v)
			}
		}
		if before := out[i-1]; before.Kind == yaml.MappingNode && len(always) > 0 {
			with := *before
			with.Content = slices.Concat(before.Content, always)
			out[i-1] = &with
		}
	}
	return out
}

func conditionsOf(order []string, by map[string][]choice) (conditions []string) {
	for _, k := range order {
		for _, ch := range by[k] {
			if ch.condition != "" && !contains(conditions, ch.condition) {
				conditions = append(conditions, ch.condition)
			}
		}
	}
	return conditions
}

// wholeSources reports whether every field that has choices has one for each of the conditions, and the
// location is among them.
func wholeSources(order []string, by map[string][]choice, conditions []string) bool {
	location := false
	for _, k := range order {
		free := 0
		for _, ch := range by[k] {
			if ch.condition == "" {
				free++
			}
		}
		if free == len(by[k]) {
			continue
		}
		if free > 0 || len(by[k]) != len(conditions) {
			return false
		}
		location = location || k == "url" || k == "git_url" || k == "path"
	}
	return location
}

func hasLocation(n *yaml.Node) bool {
	return yamlx.Get(n, "url") != nil || yamlx.Get(n, "git") != nil || yamlx.Get(n, "path") != nil
}

// sourceFields are the keys of a source and what recipe.yaml calls them.
func sourceFields() map[string]string {
	return map[string]string{"url": "url", "fn": "file_name", "md5": "md5", "sha256": "sha256", "git_url": "git", "git_rev": "rev", "git_tag": "tag", "git_branch": "branch",
		"git_depth": "depth", "path": "path", "folder": "target_directory", "patches": "patches"}
}

// source1 is a source as it is under one condition.
func (c *metaConverter) source1(at *yaml.Node, order []string, by map[string][]choice, condition string) *yaml.Node {
	now, out := sourceFields(), mapNode()
	for _, k := range order {
		list := by[k]
		if condition != "" {
			list = under(list, condition)
		}
		if len(list) == 0 || len(list) == 1 && yamlx.IsNull(list[0].value) {
			continue
		}
		first := list[0].value
		switch {
		case now[k] == "":
			c.lostSource(list[0].key, k, len(by["sha256"]) > 0)
		case k == "patches":
			c.put(out, "patches", list, c.lists(list))
		case k == "url" && first.Kind == yaml.SequenceNode:
			c.put(out, "url", list, c.mirrors(list))
		case k == "url" && len(list) == 1 && !strings.Contains(c.value(first), ":") && !strings.Contains(c.value(first), "{{"): // a file beside the recipe
			c.put(out, "path", list, c.text(first))
		case k == "git_rev" && len(list) == 1 && c.value(first) == "HEAD":
		default:
			c.put(out, now[k], list, c.scalar(list))
		}
	}
	c.comments(out, at)
	return out
}

// mirrors are the URLs of one source; a condition on one of them leaves an empty text, which counts for
// nothing.
func (c *metaConverter) mirrors(list []choice) *yaml.Node {
	urls := listNode()
	for _, ch := range list {
		for _, u := range list1(ch.value) {
			t := c.text(u)
			if s := joinConditions(ch.condition, c.condition(u.Line)); s != "" && t != nil {
				c.lost(u, "a mirror depends on [%s]; give each case a source of its own", s)
			}
			urls.Content = append(urls.Content, t)
		}
	}
	return urls
}

// lostSource says what becomes of a key that a source has not in recipe.yaml. hashed is set where a sha256
// stays, which tells the bytes alone.
func (c *metaConverter) lostSource(key *yaml.Node, k string, hashed bool) {
	system, _, _ := strings.Cut(k, "_")
	switch {
	case hashed && (strings.HasPrefix(k, "sha") || system == "content"):
		c.warn(key, "a source has no %s in recipe.yaml; the sha256 stays", k)
	case k == "no_hoist":
		c.lost(key, "a source has no no_hoist in recipe.yaml: the top folder of an archive is always left out; adapt the build script")
	case !contains(v0Fields("source"), k):
		c.warn(key, "the key %s means nothing in a source; it is left out", k)
	case contains([]string{"path_via_symlink", "content_hash_skip", "svn_ignore_externals"}, k):
		c.warn(key, "a source has no %s in recipe.yaml; it is left out", k)
	case system == "content":
		c.lost(key, "a source has no %s in recipe.yaml; name the commit with expected_commit, or give a url with its sha256", k)
	case system == "hg" || system == "svn":
		c.lost(key, "a source has no %s in recipe.yaml, which takes git, archives and folders; give the url of an archive with its sha256", k)
	default:
		c.lost(key, "a source has no %s in recipe.yaml; fetch the file once, compare this hash, and write its sha256", k)
	}
}

// under are the choices that hold under a condition.
func under(list []choice, condition string) (out []choice) {
	for _, ch := range list {
		if ch.condition == "" || ch.condition == condition {
			ch.condition = ""
			out = append(out, ch)
		}
	}
	return out
}
