package recipes

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"gopkg.in/yaml.v3"
)

type benchRecipe struct {
	path string
	data []byte
	opts RenderOptions
}

func benchRecipes(b *testing.B) (out []benchRecipe) {
	dir := "../../shared"
	if d := os.Getenv("FORGE_SHARED"); d != "" {
		dir = d
	}
	file := filepath.Join(dir, "vectors/rattler-build/render/emscripten-forge.jsonl")
	if _, err := os.Stat(file); err != nil {
		b.Skip("no folder of shared vectors here (FORGE_SHARED names it)")
	}
	f, err := os.Open(file)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	t := &testing.T{}
	for d := json.NewDecoder(f); d.More(); {
		var w wantRender
		if err := d.Decode(&w); err != nil {
			b.Fatal(err)
		}
		if w.Target != "linux-64" {
			continue
		}
		o := wantOptions(t, dir, &w)
		path := corpusFile(dir, w.Recipe)
		data, err := os.ReadFile(path)
		if err != nil {
			b.Fatal(err)
		}
		out = append(out, benchRecipe{path, data, o})
	}
	return out
}

// BenchmarkRender renders the 513 recipes of emscripten-forge; compare it with BenchmarkParse, which
// only parses their YAML.
func BenchmarkRender(b *testing.B) {
	all := benchRecipes(b)
	for b.Loop() {
		for _, r := range all {
			renderV1(r.path, r.data, r.opts)
		}
	}
	b.ReportMetric(float64(len(all)), "recipes/op")
}

// BenchmarkParse is the floor: yaml.v3 alone.
func BenchmarkParse(b *testing.B) {
	all := benchRecipes(b)
	for b.Loop() {
		for _, r := range all {
			var n yaml.Node
			_ = yaml.Unmarshal(r.data, &n)
		}
	}
}
