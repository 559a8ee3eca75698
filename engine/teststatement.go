package engine

import (
	"context"
	"fmt"

	"forge/packages"
	"forge/provenance"
	"forge/store"
)

// stateTests is the statement of what came of a's tests, nil where none was run.
func (r *runner) stateTests(ctx context.Context, a *Action, b *Built, built map[*Action]*Built, key store.ActionID, done []TestRecord) ([]byte, error) {
	t := provenance.Tested{FileName: b.FileName, SHA256: b.Archive, Key: key.Digest}
	for _, record := range done {
		switch record.Status {
		case TestPassed:
			t.Passed = append(t.Passed, record.name())
		case TestFailed:
			t.Failed = append(t.Failed, record.name())
		}
		if record.Emulator != "" {
			t.Emulator = record.Emulator
		}
	}
	if len(t.Passed)+len(t.Failed) == 0 {
		return nil, nil
	}
	level, err := r.level(ctx)
	if err != nil {
		return nil, err
	}
	t.Isolation = string(level)
	if t.Environment, err = r.testMaterials(ctx, a, built); err != nil {
		return nil, err
	}
	return provenance.TestStatement(t)
}

// name is how a statement calls the test: its number in the recipe, from 0, and its kind.
func (t TestRecord) name() string {
	name := fmt.Sprintf("%d %s", t.Index, t.Kind)
	if t.Python != "" {
		name += " " + t.Python
	}
	return name
}

// testMaterials are the packages and host tools that a's tests ran with, each once, without a itself.
func (r *runner) testMaterials(ctx context.Context, a *Action, built map[*Action]*Built) ([]provenance.Material, error) {
	var list []provenance.Material
	seen := map[string]bool{a.Record.String(): true}
	for _, plan := range a.Test {
		for _, env := range []Environment{plan.Run, plan.Build} {
			for _, rec := range env.Records {
				if seen[rec.String()] {
					continue
				}
				seen[rec.String()] = true
				if rec.Channel != packages.ChannelExternal {
					list = append(list, r.packageMaterial(rec, built))
					continue
				}
				e, err := r.external(ctx, rec.Name)
				if err != nil {
					return nil, err
				}
				list = append(list, provenance.Material{Kind: "external", URI: "forge:external/" + rec.Name + "@" + rec.Version,
					Name: rec.Name, Digests: map[string]string{provenance.DigestTree: e.Tree.Hex()}})
			}
		}
	}
	return list, nil
}
