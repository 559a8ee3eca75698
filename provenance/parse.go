package provenance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"forge/digest"
)

// Parse reads a statement that Statement wrote. Anything more than that, anything missing, and any other
// spelling of the same is an error: what a verifier does not understand it must not accept.
func Parse(data []byte) (Build, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	dec.DisallowUnknownFields()
	var s statement
	if err := dec.Decode(&s); err != nil {
		return Build{}, fmt.Errorf("read a statement of provenance: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return Build{}, errors.New("read a statement of provenance: data follows it")
	}
	b, err := s.build()
	if err != nil {
		return Build{}, fmt.Errorf("read a statement of provenance: %w", err)
	}
	again, err := Statement(b)
	if err != nil {
		return Build{}, fmt.Errorf("read a statement of provenance: %w", err)
	}
	if !bytes.Equal(again, data) {
		return Build{}, errors.New("read a statement of provenance: it is not in the form this version of forge writes")
	}
	return b, nil
}

func (s *statement) build() (Build, error) {
	def, run := s.Predicate.BuildDefinition, s.Predicate.RunDetails
	if s.Type != statementType || s.PredicateType != predicateType || def.BuildType != BuildType {
		return Build{}, fmt.Errorf("it is a %q with a %q of type %q", s.Type, s.PredicateType, def.BuildType)
	}
	if len(s.Subject) != 1 || len(def.ResolvedDependencies) == 0 {
		return Build{}, fmt.Errorf("it has %d subjects and %d materials", len(s.Subject), len(def.ResolvedDependencies))
	}
	sum, err := digest.Parse(s.Subject[0].Digest["sha256"])
	if err != nil {
		return Build{}, err
	}
	recipe := def.ResolvedDependencies[0]
	tree, err := digest.Parse(recipe.Digest[DigestTree])
	if err != nil {
		return Build{}, fmt.Errorf("the recipe's folder: %w", err)
	}
	ext, in := def.ExternalParameters, def.InternalParameters
	b := Build{
		FileName: s.Subject[0].Name, SHA256: sum,
		Recipe: ext.Recipe, RecipeTree: tree, GitCommit: recipe.Digest["gitCommit"],
		GitTree: recipe.Digest["gitTree"], GitRemote: recipe.URI,
		Output: ext.Output, Platform: ext.Platform, Variant: ext.Variant, Unused: ext.Unused, Settings: ext.Settings, Widened: ext.Widened,
		Key: in.Key, Isolation: in.Isolation, Limits: in.Limits, Epoch: in.Epoch, Packer: in.Packer,
		Script: in.Script, Tests: in.Tests,
		BuilderID: run.Builder.ID, BuilderMode: run.Builder.Version["mode"], BuilderVersion: run.Builder.Version["forge"],
	}
	for _, d := range run.Byproducts {
		if d.URI != "" {
			return Build{}, fmt.Errorf("byproduct %q has a URI", d.Name)
		}
		b.Byproducts = append(b.Byproducts, Byproduct{d.Name, d.Digest, d.Annotations})
	}
	for _, d := range def.ResolvedDependencies[1:] {
		kind, _ := d.Annotations["kind"].(string)
		delete(d.Annotations, "kind")
		b.Materials = append(b.Materials, Material{kind, d.URI, d.Name, d.Digest, d.Annotations})
	}
	return b, nil
}
