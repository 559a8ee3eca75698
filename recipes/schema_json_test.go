package recipes

import (
	"encoding/json"
	"slices"
	"testing"

	"forge/internal/diag"
	"forge/recipes/internal/yamlx"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"
)

func schemaOf(t *testing.T, kind string) map[string]any {
	t.Helper()
	data, err := Schema(kind)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// schemaCheck is as much of JSON Schema as the schemas use.
type schemaCheck struct{ root map[string]any }

func (s schemaCheck) ok(schema any, n *yaml.Node) bool {
	m, _ := schema.(map[string]any)
	if ref, ok := m["$ref"].(string); ok {
		return s.ok(s.root["$defs"].(map[string]any)[ref[len("#/$defs/"):]], n)
	}
	for _, sub := range anyList(m["allOf"]) {
		if !s.ok(sub, n) {
			return false
		}
	}
	if forms := anyList(m["anyOf"]); forms != nil && !slices.ContainsFunc(forms, func(f any) bool { return s.ok(f, n) }) {
		return false
	}
	if not, ok := m["not"]; ok && s.ok(not, n) {
		return false
	}
	if words := anyList(m["enum"]); words != nil && !slices.ContainsFunc(words, func(w any) bool { return n.Kind == yaml.ScalarNode && asText(w) == n.Value }) {
		return false
	}
	if _, ok := m["pattern"]; ok && !isTemplate(n.Value) {
		return false
	}
	return s.typeOK(m["type"], n) && s.parts(m, n)
}

func asText(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	data, _ := json.Marshal(v)
	return string(data)
}

func (s schemaCheck) typeOK(want any, n *yaml.Node) bool {
	if want == nil {
		return true
	}
	if list := anyList(want); list != nil {
		return slices.ContainsFunc(list, func(w any) bool { return s.typeOK(w, n) })
	}
	switch want {
	case "object":
		return n.Kind == yaml.MappingNode
	case "array":
		return n.Kind == yaml.SequenceNode
	}
	tag := map[any]string{"string": "!!str", "number": "!!float", "integer": "!!int", "boolean": "!!bool", "null": "!!null"}[want]
	return n.Kind == yaml.ScalarNode && (n.ShortTag() == tag || want == "number" && n.ShortTag() == "!!int" || want == "string" && n.ShortTag() == "!!timestamp")
}

func (s schemaCheck) parts(m map[string]any, n *yaml.Node) bool {
	properties, _ := m["properties"].(map[string]any)
	for _, must := range anyList(m["required"]) {
		if yamlx.Get(n, must.(string)) == nil {
			return false
		}
	}
	for k, v := range yamlx.Pairs(n) {
		if p, ok := properties[k.Value]; ok {
			if !s.ok(p, v) {
				return false
			}
		} else if more, ok := m["additionalProperties"]; ok && (more == false || more != true && !s.ok(more, v)) {
			return false
		}
	}
	if items, ok := m["items"]; ok && n.Kind == yaml.SequenceNode {
		for _, e := range n.Content {
			if !s.ok(items, e) {
				return false
			}
		}
	}
	return true
}

// TestSchemaAgrees holds the schema against the reader over the corpus: what the reader takes, it takes.
// What the reader refuses for a key, a type or a missing key, it refuses.
func TestSchemaAgrees(t *testing.T) {
	check := schemaCheck{schemaOf(t, "recipe.yaml")}
	good, bad := 0, 0
	eachCorpusRecipe(t, func(path string, data []byte) {
		if formatOf(path) != "recipe.yaml" {
			return
		}
		doc, list := yamlx.Load(path, data, yamlx.Options{})
		if list.HasErrors() || doc.Root == nil {
			return
		}
		c := &checker{program: newProgram(doc), lang: v1Dialect()}
		recipeShape(c, doc.Root)
		form := slices.ContainsFunc(c.list, func(d diag.Diagnostic) bool {
			return d.Severity == diag.Error && (d.Code == "unknown-key" || d.Code == "wrong-type" || d.Code == "missing-key")
		})
		switch got := check.ok(check.root, doc.Root); {
		case !form && !c.list.HasErrors() && !got:
			t.Errorf("%s: the reader takes it, the schema does not", path)
		case form && got:
			t.Errorf("%s: the schema takes what the reader refuses: %v", path, c.list)
		case got:
			good++
		default:
			bad++
		}
	})
	t.Logf("%d recipes taken by both, %d refused by both", good, bad)
}

// TestSchemaPlaces looks at some places of the schema by hand.
func TestSchemaPlaces(t *testing.T) {
	p := newProber()
	for _, tt := range []struct {
		path []step
		want place
	}{
		{[]step{{key: "build"}, {key: "number"}}, place{scalar: "integer"}},
		{[]step{{key: "build"}, {key: "noarch"}}, place{scalar: "word", words: []string{"python", "generic"}}},
		{[]step{{key: "build"}, {key: "merge_build_and_host_envs"}}, place{scalar: "boolean"}},
		{[]step{{key: "build"}, {key: "dynamic_linking"}, {key: "overlinking_behavior"}}, place{scalar: "word", words: []string{"ignore", "error"}}},
		{[]step{{key: "about"}, {key: "homepage"}}, place{scalar: "text"}},
		{[]step{{key: "about"}, {key: "license"}}, place{scalar: "text"}},
		{[]step{{key: "requirements"}, {key: "run"}}, place{list: true, when: true, null: true}},
		{[]step{{key: "context"}}, place{free: true}},
		{[]step{{key: "extra"}, {key: "x"}}, place{anything: true}},
	} {
		if d := cmp.Diff(tt.want, p.at(tt.path, nil), cmp.AllowUnexported(place{}, object{})); d != "" {
			t.Errorf("%v: %s", tt.path, d)
		}
	}
	var forms []string
	for _, o := range p.at([]step{{key: "source"}}, nil).objects {
		forms = append(forms, o.beside...)
	}
	for _, o := range p.at([]step{{key: "tests"}, {}}, nil).objects {
		forms = append(forms, o.beside...)
	}
	if d := cmp.Diff([]string{"url", "git", "path", "python", "perl", "r", "ruby", "script", "downstream", "package_contents"}, forms); d != "" {
		t.Error(d)
	}
}

func TestSchemaKinds(t *testing.T) {
	for _, kind := range SchemaKinds() {
		m := schemaOf(t, kind)
		if m["$schema"] == nil || m["type"] != "object" {
			t.Errorf("%s: no schema: %v", kind, m)
		}
	}
	if _, err := Schema("x"); err == nil {
		t.Error("a schema for x")
	}
	forge := schemaOf(t, "forge.hcl")["properties"].(map[string]any)
	for name := range workspaceBlocks() {
		if forge[name] == nil {
			t.Errorf("forge.hcl: no %s", name)
		}
	}
}

func anyList(v any) []any { l, _ := v.([]any); return l }
