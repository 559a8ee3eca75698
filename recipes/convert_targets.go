package recipes

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"forge/internal/diag"
	"forge/platforms"
)

// renderTargets renders the result for each target_platform that the variants files name: in recipe.yaml
// it is no variant key.
func renderTargets(file string, out []byte, cfg *v0Config, opts RenderOptions) (*Rendered, *diag.Diagnostic) {
	targets := slices.Compact(slices.Sorted(slices.Values(cfg.vals["target_platform"])))
	said := &diag.Diagnostic{Severity: diag.Warning, Code: "not-carried", Pos: targetPlace(opts.Variants),
		Summary:    "target_platform is no variant key in recipe.yaml, which is built for one platform at a time",
		Suggestion: "build it once with each of --target-platform " + strings.Join(targets, ", ") + "; --host-platform is what selectors such as `linux` follow"}
	all := &Rendered{}
	for _, target := range targets {
		p, err := platforms.Parse(target)
		if err != nil {
			said.Severity, said.Code = diag.Error, "not-equal"
			said.Summary = fmt.Sprintf("target_platform is %q, which recipe.yaml has no word for", target)
			said.Suggestion = "name a platform that channels have: " + strings.Join(platforms.Subdirs(), ", ")
			continue
		}
		opts.TargetPlatform = p // selectors go on following the host platform, as conda-build has them
		opts.Variants = []VariantFile{cfg.on(target).file()}
		r := Render(file, out, opts)
		all.Outputs = append(all.Outputs, r.Outputs...)
		all.Diagnostics = append(all.Diagnostics, r.Diagnostics...)
	}
	return all, said
}

// targetPlace is where the variants files name the target platform.
func targetPlace(files []VariantFile) diag.Pos {
	for _, f := range slices.Backward(files) {
		before, _, found := strings.Cut("\n"+string(f.Data), "\ntarget_platform:")
		if found {
			return diag.Pos{File: f.Path, Line: strings.Count(before, "\n") + 1, Column: 1}
		}
	}
	return diag.Pos{}
}

// on is the configuration of one target platform: of its zip group, the rows for others are left out.
func (c *v0Config) on(target string) *v0Config {
	out := *c
	out.vals, out.zip = maps.Clone(c.vals), nil
	for _, group := range c.zip {
		if slices.Contains(group, "target_platform") {
			for _, k := range group {
				out.vals[k] = c.beside(k, "target_platform", target)
			}
			group = slices.DeleteFunc(slices.Clone(group), func(k string) bool { return k == "target_platform" })
		}
		out.zip = append(out.zip, group)
	}
	return &out
}

// beside are the values of a key in those rows of its zip group in which other has the value.
func (c *v0Config) beside(key, other, value string) (vals []string) {
	for i, v := range c.vals[key] {
		if i < len(c.vals[other]) && c.vals[other][i] == value {
			vals = append(vals, v)
		}
	}
	return vals
}
