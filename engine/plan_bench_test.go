package engine

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"forge/packages"
	"forge/platforms"
	"forge/platforms/toolchain"
	"forge/recipes"
	"forge/resolver"
)

// noChannels is a request without channels.
type noChannels struct{}

func (noChannels) Candidates(string) ([]*packages.Record, error) { return nil, nil }
func (noChannels) Names() []string                               { return nil }
func (noChannels) RunExports(*packages.Record) (packages.RunExports, error) {
	return packages.RunExports{}, nil
}
func (noChannels) Archive(*packages.Record) (string, error) { return "", nil }

// noHost offers two compilers.
type noHost struct{}

func (noHost) Names() []string { return []string{"gcc_linux-64", "gxx_linux-64"} }
func (h noHost) Find(_ context.Context, name string) (*toolchain.External, error) {
	for _, n := range h.Names() {
		if n == name {
			return &toolchain.External{Record: packages.Record{Name: n, Version: "12", Build: "0", Channel: packages.ChannelExternal}}, nil
		}
	}
	return nil, nil
}
func (noHost) Looked() ([]toolchain.Looked, [][]byte, bool)       { return nil, nil, true }
func (noHost) Load(context.Context, *toolchain.External) error    { return nil }
func (noHost) Restore(context.Context, *toolchain.External) error { return nil }

// derivedOutputs are the outputs of recipes made of the build graph of the derived universe
// (universe/spack8): 8,631 packages, 33,911 build edges.
func derivedOutputs(b *testing.B) []*recipes.Output {
	shared := os.Getenv("FORGE_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "shared")
	}
	data, err := os.ReadFile(filepath.Join(shared, "universe", "spack8", "graph.json"))
	if err != nil {
		b.Skip("the derived universe is not here: ", err)
	}
	var nodes map[string]struct {
		Build, Link, Run, Langs []string
		Version                 string
	}
	if err := json.Unmarshal(data, &nodes); err != nil {
		b.Fatal(err)
	}
	deps := func(names []string) (list []recipes.Dependency) {
		for _, n := range names {
			if _, ok := nodes[n]; ok || n == "gcc_linux-64" {
				list = append(list, recipes.Dependency{Spec: n})
			}
		}
		return list
	}
	linux, err := platforms.Parse("linux-64")
	if err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	var outputs []*recipes.Output
	for _, name := range sortedKeys(nodes) {
		n := nodes[name]
		o := &recipes.Output{Name: name, Version: strings.ReplaceAll(n.Version, "-", "_"), BuildString: "0", TargetPlatform: linux, Recipe: recipes.Origin{File: name, Dir: dir}}
		o.Requirements.Build = deps(append([]string{"gcc_linux-64"}, n.Build...))
		o.Requirements.Host, o.Requirements.Run = deps(n.Link), deps(n.Run)
		o.Requirements.RunExports.Weak = []recipes.Dependency{{Spec: name}}
		o.Tests = []recipes.Test{{Script: &recipes.ScriptTest{}}}
		outputs = append(outputs, o)
	}
	return outputs
}

// BenchmarkPlan plans the derived universe: all environments of all packages, tests included.
func BenchmarkPlan(b *testing.B) {
	outputs := derivedOutputs(b)
	tools := Tools{Solver: resolver.New(), Channels: noChannels{}, Externals: noHost{}}
	for b.Loop() {
		g, err := Plan(context.Background(), &Request{Jobs: 1}, tools, outputs)
		if err != nil {
			b.Fatal(err)
		}
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.HeapAlloc)/1e6, "MB-live")
		runtime.KeepAlive(g)
	}
}

// BenchmarkRecipeGraph makes the name-level graph of the derived universe and cuts it into shards.
func BenchmarkRecipeGraph(b *testing.B) {
	outputs := derivedOutputs(b)
	for b.Loop() {
		if _, err := NewRecipeGraph(outputs).Shards(8); err != nil {
			b.Fatal(err)
		}
	}
}
