package recipes

import (
	"os"
	"path/filepath"
	"testing"

	"gopkg.in/yaml.v3"

	"forge/platforms"
)

// BenchmarkV0 renders feedstocks with one of their files of variants; ParseYAML is the floor: one parse
// of a variant's text.
func BenchmarkV0(b *testing.B) {
	dir := ""
	for _, d := range []string{os.Getenv("FORGE_SHARED"), "../../shared", "/work/shared"} {
		if _, err := os.Stat(filepath.Join(d, "corpus")); d != "" && err == nil {
			dir = d
		}
	}
	if dir == "" {
		b.Skip("no shared corpus here")
	}
	p, _ := platforms.Parse("linux-64")
	for _, name := range []string{"zlib", "arrow-cpp", "python", "ctng-compilers", "ffmpeg"} {
		folder := filepath.Join(dir, "corpus/conda-forge-feedstocks", name+"-feedstock")
		files, _ := filepath.Glob(filepath.Join(folder, ".ci_support/linux_64*.yaml"))
		file := filepath.Join(folder, "recipe/meta.yaml")
		text, err := os.ReadFile(file)
		if err != nil || len(files) == 0 {
			b.Fatal(err, name)
		}
		ci, _ := os.ReadFile(files[0])
		own, _ := os.ReadFile(filepath.Join(folder, "recipe/conda_build_config.yaml"))
		opts := RenderOptions{BuildPlatform: p, HostPlatform: p, TargetPlatform: p, AllowUnhashed: true, exclusive: true, noScripts: true,
			Variants: []VariantFile{{files[0], ci}, {filepath.Join(folder, "recipe/conda_build_config.yaml"), own}}}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for range b.N {
				r := renderV0(file, text, opts)
				if r.Diagnostics.HasErrors() {
					b.Fatal(r.Diagnostics.Err())
				}
				n = len(r.Outputs)
			}
			b.ReportMetric(float64(n), "outputs")
		})
		b.Run(name+"/ParseYAML", func(b *testing.B) {
			rendered := onePass(b, file, text, opts)
			b.ResetTimer()
			for range b.N {
				var n yaml.Node
				if err := yaml.Unmarshal([]byte(rendered), &n); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func onePass(b *testing.B, file string, text []byte, opts RenderOptions) string {
	v := newV0(file, string(text), opts)
	v.config()
	v.usage = newUsage(v.cfg.sorted())
	p := v.pass(v.cfg.first())
	if p == nil {
		b.Fatal(v.found.list.Err())
	}
	s, _, _ := p.fill()
	return s
}
