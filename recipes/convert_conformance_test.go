package recipes

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"forge/platforms"
)

// TestConvertConformance converts every recipe of the corpus and renders original and result with the
// same variants: a feedstock's .ci_support files, else conda-forge's pinning for four platforms. Nothing
// may differ that the conversion did not say.
func TestConvertConformance(t *testing.T) {
	dir := shared(t)
	every := 1
	if only := os.Getenv("FORGE_CONFORMANCE"); only == "" && os.Getenv("FORGE_ONLY") == "" {
		every = 40 // a sample; `make conformance` takes all
	}
	n := 0
	c := newConformance(t)
	err := filepath.WalkDir(filepath.Join(dir, "corpus"), func(path string, d fs.DirEntry, err error) error {
		if base := filepath.Base(path); err == nil && (base == "meta.yaml" || base == "recipe.yaml") {
			for _, only := range strings.Split(os.Getenv("FORGE_ONLY"), ",") {
				if strings.Contains(path, only) {
					if n++; n%every == 0 {
						c.recipe(path)
					}
					break
				}
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	c.print()
}

func newConformance(t *testing.T) *conformance {
	dir := shared(t)
	pinning := filepath.Join(dir, "corpus/conda-forge-pinning/recipe/conda_build_config.yaml")
	data, err := os.ReadFile(pinning)
	if err != nil {
		t.Fatal(err)
	}
	c := &conformance{t: t, dir: dir, pinning: VariantFile{Path: pinning, Data: data}, cache: NewCache()}
	return c
}

// conformance gathers verdicts.
type conformance struct {
	t       *testing.T
	dir     string
	pinning VariantFile
	cache   *Cache
	count   map[string]map[string]int // step and origin → verdict → recipes
	why     map[string]int
	unequal []string // recipes that are not the same, each with its reason
}

func (c *conformance) note(step, path, verdict, detail string) {
	rel, _ := filepath.Rel(filepath.Join(c.dir, "corpus"), path)
	origin, _, _ := strings.Cut(filepath.ToSlash(rel), "/")
	if c.count == nil {
		c.count, c.why = map[string]map[string]int{}, map[string]int{}
	}
	key := step + " " + origin
	if c.count[key] == nil {
		c.count[key] = map[string]int{}
	}
	c.count[key][verdict]++
	if verdict != "equal" {
		c.why[step+" "+verdict+": "+firstWords(detail)]++
		if os.Getenv("FORGE_VERBOSE") != "" {
			c.t.Logf("%s %s: %s: %s", step, rel, verdict, detail)
		}
	}
	if strings.HasPrefix(verdict, "unequal") || verdict == "refused" {
		reason, _, _ := strings.Cut(detail, "\n")
		c.unequal = append(c.unequal, step+" "+rel+": "+reason)
	}
	if verdict == "unequal-silent" {
		c.t.Errorf("%s %s differs silently: %s", step, rel, detail)
	}
}

func (c *conformance) recipe(path string) {
	data, err := os.ReadFile(path)
	if err != nil {
		c.t.Fatal(err)
	}
	if filepath.Base(path) == "recipe.yaml" {
		c.step("recipe.yaml→recipe.hcl", path, data, "recipe.hcl")
		return
	}
	if out := c.step("meta.yaml→recipe.yaml", path, data, "recipe.yaml"); out != nil {
		c.step("meta.yaml→recipe.yaml→recipe.hcl", filepath.Join(filepath.Dir(path), "recipe.yaml"), out, "recipe.hcl")
	}
}

// step converts once and compares.
func (c *conformance) step(step, path string, data []byte, to string) []byte {
	all := c.options(path)
	if filepath.Base(path) == "recipe.yaml" && strings.HasPrefix(step, "meta.yaml") {
		for i := range all {
			all[i].Variants = append([]VariantFile{v0Defaults(&all[i])}, all[i].Variants...)
		}
	}
	out, list := ConvertChecked(path, data, to, all)
	said := map[string]string{}
	for _, d := range list {
		kind := d.Code + " " + d.Severity.String()
		if said[kind] == "" {
			said[kind] = d.Summary + " " + strings.ReplaceAll(d.Detail, "\n", "\n   ")
		}
	}
	differs, rendered := c.differs(path, data, out, to, all)
	switch {
	case rendered == 0 || said["not-compared warning"] != "":
		c.note(step, path, "original does not render", said["not-compared warning"])
		return nil
	case out == nil:
		c.note(step, path, "refused", said["cannot-read error"])
		return nil
	case said["not-carried error"] != "":
		c.note(step, path, "unequal, said by place", said["not-carried error"])
		return nil
	case differs && said["not-equal error"] == "":
		c.note(step, path, "unequal-silent", "")
		return nil
	case differs && strings.HasPrefix(said["not-equal error"], "about of ") && said["not-carried warning"] != "":
		c.note(step, path, "equal but for words, said", said["not-carried warning"])
	case said["not-equal error"] != "":
		c.note(step, path, "unequal, said by rendering", said["not-equal error"])
		return nil
	case said["not-equal note"] != "":
		c.note(step, path, "equal but for hashed keys, said", said["not-equal note"])
	case said["not-carried warning"] != "":
		c.note(step, path, "equal but for words, said", said["not-carried warning"])
	default:
		c.note(step, path, "equal", "")
	}
	return out
}

// differs renders original and result once more.
func (c *conformance) differs(path string, data, out []byte, to string, all []RenderOptions) (differs bool, rendered int) {
	for _, opts := range all {
		opts = opts.converting()
		before := Render(path, data, opts)
		if before.Diagnostics.HasErrors() || len(before.Outputs) == 0 {
			continue
		}
		rendered++
		after, _ := renderConverted(path, out, to, opts)
		for _, d := range compareConverted(before, after) {
			differs = differs || !d.minor
		}
		differs = differs || after.Diagnostics.HasErrors()
	}
	return differs, rendered
}

// options are those the recipe is rendered with.
func (c *conformance) options(path string) (all []RenderOptions) {
	base := RenderOptions{noScripts: true, Cache: c.cache}
	if support, err := RendersFor(path, base); err != nil {
		c.t.Fatal(err)
	} else if exists(filepath.Join(filepath.Dir(path), "../.ci_support")) {
		return support
	}
	beside, err := variantsBeside(path)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, subdir := range []string{"linux-64", "osx-arm64", "win-64", "linux-aarch64"} {
		opts := base
		if opts.Variants = beside; len(beside) == 0 {
			opts.Variants = []VariantFile{c.pinning}
		}
		opts.TargetPlatform, opts.BuildPlatform = c.platform(subdir), c.platform(subdir)
		if strings.Contains(path, "emscripten-forge/") {
			opts.TargetPlatform, opts.BuildPlatform = c.platform("emscripten-wasm32"), c.platform("linux-64")
			file := filepath.Join(c.dir, "vectors/rattler-build/render/inputs/emscripten-variant.yaml")
			data, _ := os.ReadFile(file)
			opts.Variants = []VariantFile{{Path: file, Data: data}}
			return []RenderOptions{opts.withDefaults()}
		}
		all = append(all, opts.withDefaults())
	}
	return all
}

func (c *conformance) platform(subdir string) platforms.Platform {
	p, err := platforms.Parse(subdir)
	if err != nil {
		c.t.Fatal(err)
	}
	return p
}

func (c *conformance) print() {
	keys := sortedNames(c.count)
	c.shares()
	for _, k := range keys {
		var parts []string
		for _, v := range sortedNames(c.count[k]) {
			parts = append(parts, fmt.Sprintf("%s %d", v, c.count[k][v]))
		}
		c.t.Logf("%-60s %s", k, strings.Join(parts, ", "))
	}
	for _, u := range c.unequal {
		c.t.Log("not the same: " + u)
	}
	var why []string
	for k, n := range c.why {
		why = append(why, fmt.Sprintf("%4d %s", n, k))
	}
	sort.Strings(why)
	slices.Reverse(why)
	for _, w := range why[:min(len(why), 150)] {
		c.t.Log(w)
	}
}

// shares holds each step against the share of equal recipes that was reached; all of the corpus is needed
// for that.
func (c *conformance) shares() {
	equal, all := map[string]int{}, map[string]int{}
	for key, verdicts := range c.count {
		step, _, _ := strings.Cut(key, " ")
		for v, n := range verdicts {
			switch {
			case strings.HasPrefix(v, "equal"):
				equal[step] += n
				all[step] += n
			case v != "original does not render":
				all[step] += n
			}
		}
	}
	for step, floor := range map[string]float64{"meta.yaml→recipe.yaml": 0.95, "meta.yaml→recipe.yaml→recipe.hcl": 0.99, "recipe.yaml→recipe.hcl": 0.99} {
		share := float64(equal[step]) / float64(max(1, all[step]))
		c.t.Logf("%-34s %d of %d recipes are equal (%.1f %%), the others said", step, equal[step], all[step], 100*share)
		if os.Getenv("FORGE_CONFORMANCE") != "" && os.Getenv("FORGE_ONLY") == "" && share < floor {
			c.t.Errorf("%s: %.3f of the recipes are equal, less than %.3f", step, share, floor)
		}
	}
}
