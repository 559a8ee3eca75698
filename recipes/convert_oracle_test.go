package recipes

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"forge/internal/diag"
)

// oracleScript renders recipes with py-rattler-build, one JSON line each.
const oracleScript = `
import json, sys
from rattler_build import Stage0Recipe, VariantConfig, JinjaConfig, RenderConfig, PlatformConfig
for line in sys.stdin:
    c = json.loads(line)
    try:
        pc = PlatformConfig(target_platform=c["platform"], build_platform=c["platform"], host_platform=c["platform"], experimental=True)
        vc = VariantConfig.from_files_with_context(c["variants"], JinjaConfig(platform=pc))
        out = Stage0Recipe.from_file(c["recipe"]).render(vc, RenderConfig(platform=pc))
        print(json.dumps([v.recipe.to_dict() for v in out]))
    except Exception as e:
        print(json.dumps({"error": str(e)}))
    sys.stdout.flush()
`

// oracleCase is a recipe.yaml to render.
type oracleCase struct {
	name     string
	Recipe   string   `json:"recipe"`
	Platform string   `json:"platform"`
	Variants []string `json:"variants"`
	opts     RenderOptions
}

// TestConvertConformanceRattlerBuild renders converted recipes with rattler-build itself, of PyPI's
// py-rattler-build 0.73, and compares name, version, build string, requirements, source and tests with
// what Forge renders of them. FORGE_PEER_PYTHON names a Python that
// has it; without one, the test is skipped.
func TestConvertConformanceRattlerBuild(t *testing.T) {
	python := os.Getenv("FORGE_PEER_PYTHON")
	if python == "" {
		python = "python3"
	}
	if exec.Command(python, "-c", "import rattler_build").Run() != nil {
		t.Skip("no Python with py-rattler-build here (FORGE_PEER_PYTHON names one)")
	}
	cases := oracleCases(t)
	var in, out bytes.Buffer
	for _, c := range cases {
		line, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		in.Write(append(line, '\n'))
	}
	cmd := exec.Command(python, "-c", oracleScript)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &in, &out, os.Stderr
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	equal, refused, otherTargets := 0, 0, 0
	lines := bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n"))
	if len(lines) != len(cases) {
		t.Fatalf("%d answers to %d recipes", len(lines), len(cases))
	}
	for i, c := range cases {
		data, err := os.ReadFile(c.Recipe)
		if err != nil {
			t.Fatal(err)
		}
		ours := Render(c.Recipe, data, c.opts)
		var failed struct{ Error string }
		if json.Unmarshal(lines[i], &failed) == nil && failed.Error != "" {
			if ours.Diagnostics.HasErrors() {
				refused++
				continue
			}
			t.Logf("%s on %s: rattler-build: %.600s", c.name, c.Platform, failed.Error)
			continue
		}
		if d := cmp.Diff(theirFacts(t, lines[i], passedBy(ours)), ourFacts(ours)); d != "" {
			t.Logf("%s on %s (-rattler-build +forge)\n%s\n%v", c.name, c.Platform, d, firstError(ours.Diagnostics))
			if slices.ContainsFunc(c.opts.Variants, func(f VariantFile) bool { return bytes.Contains(f.Data, []byte("target_platform:")) }) {
				otherTargets++
			}
			continue
		}
		equal++
	}
	// rattler-build's API renders for each value of target_platform in a variants file, Forge for the platform
	// that is asked for. What is left are variants files that it reads otherwise: single values for lists, keys
	// given twice.
	if equal+refused < (len(cases)-otherTargets)*98/100 {
		t.Errorf("fewer than 98 %% are equal")
	}
	t.Logf("%d of %d renderings of converted recipes are rattler-build's, %d more are refused by both, %d are for target_platform in a variants file", equal, len(cases), refused, otherTargets)
}

// oracleCases are the recipes of testdata/convert on three platforms, with FORGE_CONFORMANCE the corpus's,
// too.
func oracleCases(t *testing.T) (cases []oracleCase) {
	dir := t.TempDir()
	add := func(name string, out []byte, renders []RenderOptions) {
		for i, o := range renders {
			folder := filepath.Join(dir, fmt.Sprint(len(cases)))
			if err := os.MkdirAll(folder, 0o755); err != nil {
				t.Fatal(err)
			}
			c := oracleCase{name: name, Recipe: filepath.Join(folder, "recipe.yaml"), Platform: o.TargetPlatform.String()}
			files := append([]VariantFile{v0Defaults(&o)}, o.Variants...)
			for k, f := range files {
				path := filepath.Join(dir, "variants", fmt.Sprint(len(cases)), fmt.Sprint(k), "conda_build_config.yaml")
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, f.Data, 0o644); err != nil {
					t.Fatal(err)
				}
				files[k].Path = path
				c.Variants = append(c.Variants, path)
			}
			o = o.converting()
			o.noScripts = true
			o.Variants = files
			c.opts = o
			if err := os.WriteFile(c.Recipe, out, 0o644); err != nil {
				t.Fatal(err)
			}
			if cases = append(cases, c); i == 2 {
				return
			}
		}
	}
	staged, _ := filepath.Glob("testdata/convert/*/want.yaml")
	for _, file := range staged {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		switch filepath.Base(filepath.Dir(file)) {
		case "file-data": // reads a file beside the recipe
			continue
		case "noarch-platforms": // rattler-build 0.73 takes every noarch package's build.string as on Unix
			continue
		}
		renders, err := RendersFor(file, RenderOptions{Variants: stagedPinning(t)})
		if err != nil {
			t.Fatal(err)
		}
		add(filepath.Dir(file), data, renders)
	}
	if os.Getenv("FORGE_CONFORMANCE") == "" {
		return cases
	}
	corpusCases(t, add)
	return cases
}

func corpusCases(t *testing.T, add func(name string, out []byte, renders []RenderOptions)) {
	c := newConformance(t)
	for _, pattern := range []string{"*/*/recipe/meta.yaml", "*/*/*/*/meta.yaml", "*/*/*/*/*/meta.yaml"} {
		files, _ := filepath.Glob(filepath.Join(c.dir, "corpus", pattern))
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			all := c.options(file)
			out, list := ConvertChecked(file, data, "recipe.yaml", all)
			if out == nil || list.HasErrors() || refusesVariants(list) || hasCode(list, "not-compared") {
				continue
			}
			add(strings.TrimPrefix(file, c.dir), out, all[:1])
		}
	}
}

// refusesVariants reports whether recipe.yaml cannot read the variants file.
func refusesVariants(list diag.List) bool {
	for _, d := range list {
		if strings.HasPrefix(d.Summary, "recipe.yaml does not take this variants file") {
			return true
		}
	}
	return false
}

func hasCode(list diag.List, code string) bool {
	for _, d := range list {
		if d.Code == code {
			return true
		}
	}
	return false
}

// renderFacts is what both renderings say of an output.
type renderFacts struct {
	Name, Version, Build string
	Requirements         map[string][]string
	Sources, Tests       int
}

// passedBy tells of an output's name and build string whether Forge skips it without reading it: rattler-build's API
// renders those, and does not tell which they are. Another variant of the same output may be built.
func passedBy(r *Rendered) func(name, build string) bool {
	skipped, built := map[string]bool{}, map[string]bool{}
	for _, o := range r.Outputs {
		if o.Skip && len(o.Variant) == 0 {
			skipped[o.Name] = true
		} else if !o.Skip {
			built[o.Name+" "+o.BuildString] = true
		}
	}
	return func(name, build string) bool { return skipped[name] && !built[name+" "+build] }
}

func theirFacts(t *testing.T, line []byte, passedBy func(name, build string) bool) (all []renderFacts) {
	t.Helper()
	var outputs []struct {
		Package      struct{ Name, Version string }
		Build        struct{ String string }
		Requirements map[string]json.RawMessage
		Source       []any
		Tests        []any
	}
	if err := json.Unmarshal(line, &outputs); err != nil {
		t.Fatalf("%v: %.300s", err, line)
	}
	seen := map[string]bool{}
	for _, o := range outputs {
		if passedBy(o.Package.Name, o.Build.String) || seen[o.Package.Name+o.Build.String] { // of several variants that make one package
			continue
		}
		seen[o.Package.Name+o.Build.String] = true
		f := renderFacts{Name: o.Package.Name, Version: o.Package.Version, Build: o.Build.String, Requirements: map[string][]string{}, Sources: len(o.Source), Tests: len(o.Tests)}
		for _, k := range []string{"build", "host", "run"} {
			var list []any
			if json.Unmarshal(o.Requirements[k], &list) == nil && len(list) > 0 {
				for _, e := range list {
					f.Requirements[k] = append(f.Requirements[k], theirSpec(e))
				}
			}
		}
		all = append(all, f)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Name+all[i].Build < all[j].Name+all[j].Build })
	return all
}

// theirSpec is a dependency as Forge prints it.
func theirSpec(v any) string {
	m, ok := v.(map[string]any)
	if !ok {
		return fmt.Sprint(v)
	}
	for kind, inner := range m {
		pin, _ := inner.(map[string]any)
		p := Pin{Name: fmt.Sprint(pin["name"]), Subpackage: kind == "pin_subpackage"}
		p.Lower, _ = pin["lower_bound"].(string)
		p.Upper, _ = pin["upper_bound"].(string)
		p.Exact, _ = pin["exact"].(bool)
		return p.String()
	}
	return ""
}

func ourFacts(r *Rendered) (all []renderFacts) {
	seen := map[string]bool{}
	for _, o := range r.Outputs {
		v := o.View()
		if o.Skip && len(o.Variant) == 0 || o.Staging || seen[v.Name+v.Build] {
			continue
		}
		seen[v.Name+v.Build] = true
		f := renderFacts{Name: v.Name, Version: v.Version, Build: v.Build, Requirements: map[string][]string{}, Sources: len(v.Sources), Tests: len(v.Tests)}
		for k, list := range map[string][]string{"build": v.Requirements.Build, "host": v.Requirements.Host, "run": v.Requirements.Run} {
			if len(list) > 0 {
				f.Requirements[k] = list
			}
		}
		all = append(all, f)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Name+all[i].Build < all[j].Name+all[j].Build })
	return all
}
