package provenance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"sort"

	"forge/digest"
)

// The types of our statements.
const (
	statementType = "https://in-toto.io/Statement/v1"
	predicateType = "https://slsa.dev/provenance/v1"
	// BuildType says how to read the parameters: docs/verify.md has the table.
	BuildType = "forge:build/v1"
)

// Names of digests in a material, besides in-toto's own (sha256, sha512, gitCommit, gitTree).
const (
	// DigestTree is digest.Tree of a folder.
	DigestTree = "forgeTree"
	// DigestContent is what a dependent can see of a package.
	DigestContent = "forgeContent"
)

// KindRecipe is the kind of the material that Statement makes of Build.Recipe and its digests.
const KindRecipe = "recipe"

// statement is in-toto's Statement v1 with SLSA's provenance v1, as we write it. The order of the fields
// is that of the JSON.
type statement struct {
	Type          string    `json:"_type"`
	Subject       []subject `json:"subject"`
	PredicateType string    `json:"predicateType"`
	Predicate     predicate `json:"predicate"`
}

type subject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

type predicate struct {
	BuildDefinition buildDefinition `json:"buildDefinition"`
	RunDetails      runDetails      `json:"runDetails"`
}

type buildDefinition struct {
	BuildType            string       `json:"buildType"`
	ExternalParameters   external     `json:"externalParameters"`
	InternalParameters   internal     `json:"internalParameters"`
	ResolvedDependencies []dependency `json:"resolvedDependencies"`
}

type external struct {
	Recipe   string         `json:"recipe"`
	Output   string         `json:"output"`
	Platform string         `json:"platform"`
	Variant  map[string]any `json:"variant,omitempty"`
	Unused   map[string]any `json:"variant_unused,omitempty"`
	Settings map[string]any `json:"variant_settings,omitempty"`
	Widened  []string       `json:"widened,omitempty"`
}

type internal struct {
	Key       digest.Digest `json:"key"`
	Isolation string        `json:"isolation,omitempty"` // left out where no script ran
	Limits    any           `json:"limits,omitempty"`
	Epoch     int64         `json:"epoch"`
	Packer    string        `json:"packer,omitempty"`
	Script    digest.Digest `json:"script,omitzero"`
	Tests     []TestResult  `json:"tests,omitempty"`
}

type dependency struct {
	Name        string            `json:"name,omitempty"`
	URI         string            `json:"uri,omitempty"`
	Digest      map[string]string `json:"digest"`
	Annotations map[string]any    `json:"annotations,omitempty"`
}

type runDetails struct {
	Builder    builder      `json:"builder"`
	Metadata   metadata     `json:"metadata"`
	Byproducts []dependency `json:"byproducts,omitempty"`
}

type builder struct {
	ID      string            `json:"id"`
	Version map[string]string `json:"version"`
}

type metadata struct {
	InvocationID string `json:"invocationId"`
}

// Statement returns the in-toto Statement v1 (https://in-toto.io/Statement/v1) with SLSA provenance v1
// (https://slsa.dev/spec/v1.0/provenance) of one build. The bytes are a function of b alone: no clock is in
// them, and the invocation is named by the action's key. The recipe becomes the first material.
// What SLSA or we need and b lacks, a material without a good digest, and text that only fills a hole
// ("unknown", "n/a") are errors.
func Statement(b Build) ([]byte, error) {
	if err := b.check(); err != nil {
		return nil, fmt.Errorf("state the provenance of %s: %w", b.FileName, err)
	}
	dependencies, err := b.dependencies()
	if err != nil {
		return nil, fmt.Errorf("state the provenance of %s: %w", b.FileName, err)
	}
	s := statement{
		Type:          statementType,
		Subject:       []subject{{b.FileName, map[string]string{"sha256": b.SHA256.Hex()}}},
		PredicateType: predicateType,
		Predicate: predicate{
			BuildDefinition: buildDefinition{
				BuildType:            BuildType,
				ExternalParameters:   external{b.Recipe, b.Output, b.Platform, b.Variant, b.Unused, b.Settings, b.Widened},
				InternalParameters:   internal{b.Key, b.Isolation, b.Limits, b.Epoch, b.Packer, b.Script, b.Tests},
				ResolvedDependencies: dependencies,
			},
			RunDetails: runDetails{
				Builder:    builder{b.BuilderID, map[string]string{"forge": b.BuilderVersion, "mode": b.BuilderMode}},
				Metadata:   metadata{b.Key.Hex()},
				Byproducts: b.byproducts(),
			},
		},
	}
	out, err := encode(s)
	if err != nil {
		return nil, fmt.Errorf("state the provenance of %s: %w", b.FileName, err)
	}
	return out, nil
}

// encode writes compact JSON; keys of maps are sorted by encoding/json.
func encode(v any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// dependencies are the materials, the recipe first, the others sorted; the same one given twice counts once.
func (b *Build) dependencies() ([]dependency, error) {
	list := []dependency{b.recipeDependency()}
	for _, m := range b.Materials {
		if m.Kind == KindRecipe {
			return nil, errors.New("the recipe is a field of the build, not a material")
		}
		annotations := map[string]any{"kind": m.Kind}
		for k, v := range m.Annotations {
			if k == "kind" {
				return nil, fmt.Errorf("material %s: the annotation kind is taken", m.Name)
			}
			annotations[k] = v
		}
		list = append(list, dependency{m.Name, m.URI, m.Digests, annotations})
	}
	lines := make(map[string]dependency, len(list))
	keys := make([]string, 0, len(list))
	for _, d := range list[1:] {
		raw, err := encode(d)
		if err != nil {
			return nil, err
		}
		key := fmt.Sprint(d.Annotations["kind"]) + "\x00" + d.Name + "\x00" + d.URI + "\x00" + string(raw)
		if _, twice := lines[key]; !twice {
			keys = append(keys, key)
		}
		lines[key] = d
	}
	sort.Strings(keys)
	list = list[:1]
	for _, key := range keys {
		list = append(list, lines[key])
	}
	return list, nil
}

func (b *Build) byproducts() []dependency {
	var list []dependency
	for _, p := range b.Byproducts {
		list = append(list, dependency{Name: p.Name, Digest: p.Digests, Annotations: p.Annotations})
	}
	return list
}

func (b *Build) recipeDependency() dependency {
	d := dependency{
		Name:        b.Recipe,
		URI:         b.GitRemote,
		Digest:      map[string]string{DigestTree: b.RecipeTree.Hex()},
		Annotations: map[string]any{"kind": KindRecipe},
	}
	if b.GitCommit != "" {
		d.Digest["gitCommit"] = b.GitCommit
	}
	if b.GitTree != "" {
		d.Digest["gitTree"] = b.GitTree
	}
	return d
}
