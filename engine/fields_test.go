package engine

import (
	"context"
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"forge/internal/plain"
	"forge/platforms"
)

// What keys and packages hold of a rendered output is what encoding/json says of it.
func TestFieldsOfShippedRecipes(t *testing.T) {
	linux, err := platforms.Parse("linux-64")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../recipes/*/recipe.*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recipes: %v", err)
	}
	for _, file := range files {
		outputs, _, err := Render(context.Background(), &Request{Recipes: []string{file}, BuildPlatform: linux,
			HostPlatform: linux, TargetPlatform: linux})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range outputs {
			for _, v := range []any{allFields(*o), o.View(), o} {
				text, err := json.Marshal(v)
				if err != nil {
					t.Fatal(err)
				}
				var want any
				if err := json.Unmarshal(text, &want); err != nil {
					t.Fatal(err)
				}
				got, err := plain.Of(v)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s, %T:\n%s", o, v, diff)
				}
			}
		}
	}
}
