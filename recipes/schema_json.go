package recipes

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"
)

// SchemaKinds are the files that Schema knows.
func SchemaKinds() []string {
	return []string{"recipe.yaml", "meta.yaml", "variants.yaml", "recipe.hcl", "forge.hcl"}
}

// Schema is the JSON Schema (draft 2020-12) of a kind of file, for editors; of the HCL files it is that of
// HCL's JSON form, which lists blocks and attributes. It comes from the reader: for recipe.yaml each place
// is found out by asking it. An unknown kind is an error.
func Schema(kind string) ([]byte, error) {
	b := &schemaBuilder{p: newProber(), defs: map[string]any{}, names: map[string]string{}}
	var root map[string]any
	switch kind {
	case "recipe.yaml", "recipe.yml":
		root = b.recipe()
	case "meta.yaml":
		root = b.meta()
	case "variants.yaml", "conda_build_config.yaml":
		root = variantsSchema()
	case "recipe.hcl":
		root = b.hcl()
	case "forge.hcl":
		root = workspaceSchema()
	default:
		return nil, fmt.Errorf("no schema for %q; there is one for %s", kind, strings.Join(SchemaKinds(), ", "))
	}
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = kind
	if len(b.defs) > 0 {
		root["$defs"] = b.defs
	}
	return json.MarshalIndent(root, "", "  ")
}

// schemaBuilder turns places into JSON Schema; what is there more than once becomes a definition.
type schemaBuilder struct {
	p     *prober
	defs  map[string]any
	names map[string]string // of definitions by their text
}

type js = map[string]any

func (b *schemaBuilder) recipe() map[string]any {
	b.defs["template"] = js{"type": "string", "pattern": `\$\{\{`, "description": "an expression in ${{ }}"}
	b.defs["text"] = js{"type": []string{"string", "number", "boolean", "null"}}
	one, many := b.object(nil, object{}), b.object(nil, object{beside: []string{"outputs"}})
	many["required"] = []string{"outputs"}
	one["not"] = js{"required": []string{"outputs"}}
	return js{"type": "object", "anyOf": []any{one, many}}
}

// object is the schema of the mapping at a path, in one of its forms; what is known of it is looked up
// where form has no keys.
func (b *schemaBuilder) object(path []step, form object) js {
	if len(form.keys) == 0 {
		if found := b.p.at(path, form.beside); len(found.objects) > 0 {
			form = found.objects[0]
		}
	}
	properties := js{}
	for _, k := range form.keys {
		inner := append(path[:len(path):len(path)], step{key: k, beside: form.beside})
		properties[k] = b.described(inner, b.value(inner))
	}
	out := js{"type": "object", "properties": properties, "additionalProperties": form.open}
	if len(form.must) > 0 {
		sort.Strings(form.must)
		out["required"] = form.must
	}
	return out
}

func (b *schemaBuilder) described(path []step, schema any) any {
	text := keyDoc(stepKeys(path))
	if text == "" {
		return schema
	}
	if m, ok := schema.(js); ok && m["$ref"] == nil {
		m["description"] = text
		return m
	}
	return js{"allOf": []any{schema}, "description": text}
}

func stepKeys(path []step) (keys []string) {
	for _, s := range path {
		if s.key != "" {
			keys = append(keys, s.key)
		}
	}
	return keys
}

const maxSchemaDepth = 12

// value is the schema of what may stand at a path.
func (b *schemaBuilder) value(path []step) any {
	if len(path) > maxSchemaDepth {
		return js{}
	}
	found := b.p.at(path, nil)
	if found.anything {
		return js{}
	}
	var forms []any
	forms = append(forms, b.scalar(found)...)
	if found.free {
		forms = append(forms, js{"type": "object", "additionalProperties": b.value(append(path[:len(path):len(path)], step{key: probeKey}))})
	}
	for _, o := range found.objects {
		forms = append(forms, b.shared(path, b.object(path, o)))
	}
	if found.list {
		item := b.value(append(path[:len(path):len(path)], step{}))
		if found.when {
			item = b.conditional(item)
			if found.scalar != "" || len(found.objects) > 0 { // a list of one may be written without its dash
				forms = append(forms, item)
			}
		}
		forms = append(forms, js{"type": "array", "items": item})
	}
	switch len(forms) {
	case 0:
		return js{}
	case 1:
		return forms[0]
	}
	return b.shared(path, js{"anyOf": forms})
}

// conditional is an item or {if, then, else} of items.
func (b *schemaBuilder) conditional(item any) any {
	text, err := json.Marshal(item)
	if err != nil {
		return item
	}
	key := "conditional " + string(text)
	if name := b.names[key]; name != "" {
		return js{"$ref": "#/$defs/" + name}
	}
	name := fmt.Sprintf("conditional%d", len(b.names))
	b.names[key] = name
	self := js{"$ref": "#/$defs/" + name}
	branch := js{"anyOf": []any{self, js{"type": "array", "items": self}, js{"type": "null"}}}
	b.defs[name] = js{"anyOf": []any{js{"type": "object", "properties": js{"if": js{"$ref": "#/$defs/text"}, "then": branch, "else": branch},
		"required": []string{"if", "then"}, "additionalProperties": false}, item}}
	return self
}

func (b *schemaBuilder) scalar(found place) []any {
	template := js{"$ref": "#/$defs/template"}
	switch found.scalar {
	case "text":
		return []any{js{"$ref": "#/$defs/text"}}
	case "boolean", "integer":
		return []any{js{"type": found.scalar}, template}
	case "word":
		var words []any
		for _, w := range found.words {
			words = append(words, w)
			if w == "1" {
				words = append(words, 1)
			}
		}
		return []any{js{"enum": words}, template}
	}
	if found.null {
		return []any{js{"type": "null"}}
	}
	return nil
}

// shared makes a definition of a schema that is large.
func (b *schemaBuilder) shared(path []step, schema js) any {
	text, err := json.Marshal(schema)
	if err != nil || len(text) < 200 {
		return schema
	}
	if name := b.names[string(text)]; name != "" {
		return js{"$ref": "#/$defs/" + name}
	}
	base := strings.Join(stepKeys(path), "_")
	if keys := stepKeys(path); len(keys) > 0 {
		base = keys[len(keys)-1]
	}
	name := base
	for i := 2; b.defs[name] != nil; i++ {
		name = fmt.Sprintf("%s%d", base, i)
	}
	b.names[string(text)], b.defs[name] = name, schema
	return js{"$ref": "#/$defs/" + name}
}

// meta is the schema of a meta.yaml as YAML: before its Jinja is filled in, values are texts.
func (b *schemaBuilder) meta() map[string]any {
	properties := js{}
	for _, s := range v0Sections() {
		fields := js{}
		for _, f := range v0Fields(s) {
			fields[f] = b.metaField(f)
		}
		section := js{"type": []string{"object", "null"}, "properties": fields, "additionalProperties": s == "extra"}
		switch s {
		case "source", "outputs":
			properties[s] = js{"anyOf": []any{section, js{"type": "array", "items": section}}}
		default:
			properties[s] = section
		}
	}
	return js{"type": "object", "properties": properties, "additionalProperties": false, "required": []string{"package"}}
}

func (b *schemaBuilder) metaField(name string) any {
	if text := keyDoc([]string{"meta", name}); text != "" {
		return js{"description": text}
	}
	return js{}
}

func variantsSchema() map[string]any {
	scalar := js{"type": []string{"string", "number", "boolean", "null"}}
	conditional := js{"type": "object", "properties": js{"if": scalar, "then": js{}, "else": js{}}, "required": []string{"if", "then"}, "additionalProperties": false}
	values := js{"anyOf": []any{scalar, js{"type": "array", "items": js{"anyOf": []any{scalar, conditional}}}}}
	names := js{"type": "array", "items": js{"type": "string"}}
	return js{"type": "object", "additionalProperties": values, "properties": js{
		"zip_keys":               js{"description": "keys whose values go together: the first with the first, and so on", "type": "array", "items": js{"anyOf": []any{names, conditional}}},
		"pin_run_as_build":       js{"description": "conda-build: bounds of run requirements taken from the build environment", "type": "object", "additionalProperties": js{"type": "object"}},
		"extend_keys":            names,
		"ignore_version":         names,
		"ignore_build_only_deps": names,
	}}
}

// workspaceSchema is forge.hcl, from the table that its reader uses.
func workspaceSchema() map[string]any {
	kinds := map[byte]any{'s': js{"type": "string"}, 'b': js{"type": "boolean"}, 'l': js{"type": "array", "items": js{"type": "string"}},
		'm': js{"type": "object", "additionalProperties": js{"type": "string"}}}
	properties := js{}
	for name, block := range workspaceBlocks() {
		keys := js{}
		for k, kind := range block.keys {
			keys[k] = kinds[kind]
		}
		body := js{"type": "object", "properties": keys, "additionalProperties": false}
		if block.keys == nil {
			body["additionalProperties"] = kinds['l']
		}
		properties[name] = body
		if block.named {
			properties[name] = js{"type": "object", "additionalProperties": body, "minProperties": 1}
		}
	}
	return js{"type": "object", "properties": properties, "additionalProperties": false}
}

// hcl is recipe.hcl: its blocks with the keys that recipe.yaml has in their place.
func (b *schemaBuilder) hcl() map[string]any {
	b.defs["template"] = js{"type": "string", "pattern": `\$\{`, "description": "an expression in ${ }"}
	b.defs["text"] = js{"type": []string{"string", "number", "boolean", "null"}}
	output := []step{{key: "outputs", beside: []string{"outputs"}}, {}}
	bodies := map[string]any{
		"package": js{"type": "object", "properties": js{"version": js{"type": "string"}}, "required": []string{"version"}}, "locals": js{"type": "object"},
		"source": b.value([]step{{key: "source"}}), "test": b.value([]step{{key: "tests"}, {}}),
		"output": b.object(output, object{beside: []string{"package"}}), "staging": b.object(output, object{beside: []string{"staging"}}),
	}
	properties := js{}
	for name, kind := range hclBlocks() {
		body, ok := bodies[name]
		if !ok {
			body = b.value([]step{{key: name}})
		}
		if kind.named {
			body = js{"type": "object", "additionalProperties": body, "minProperties": 1}
		}
		if kind.many {
			body = js{"anyOf": []any{body, js{"type": "array", "items": body}}}
		}
		properties[name] = body
	}
	return js{"type": "object", "properties": properties, "additionalProperties": false}
}
