package engine

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"forge/packages"
	"forge/platforms"
	"forge/provenance"
	"forge/recipes"
)

// recordedOutputs renders the recipe as it was rendered then and finds the output in it. What the command line said of
// build numbers and strings, and whether the variants beside the recipe counted, is told from the result.
func recordedOutputs(ctx context.Context, req *Request, b provenance.Build, rec *packages.Record) (all []*recipes.Output, target *recipes.Output, err error) {
	if err := setRendering(req, b); err != nil {
		return nil, nil, err
	}
	var names []string
	var nearest error
	for _, try := range []struct {
		number *int
		alone  bool
	}{{nil, false}, {&rec.BuildNumber, false}, {nil, true}, {&rec.BuildNumber, true}} {
		req.BuildNumber, req.IgnoreRecipeVariants, req.BuildStringPrefix = try.number, try.alone, ""
		for range 2 { // the second time with the prefix that the first shows
			outputs, _, err := Render(ctx, req)
			if err != nil {
				if nearest == nil {
					nearest = fmt.Errorf("render the recorded recipe: %w", err)
				}
				break
			}
			found, prefix := matching(outputs, b, rec)
			if found != nil {
				all, target = outputs, found
				if sameUnused(found, b) {
					return all, target, nil
				}
				break // as far as a record goes that does not hold all of the variant
			}
			if names == nil {
				names = outputNames(outputs)
			}
			if prefix == "" || req.BuildStringPrefix != "" {
				break
			}
			req.BuildStringPrefix = prefix
		}
		if target != nil {
			break
		}
	}
	switch {
	case target != nil:
		return all, target, nil
	case names == nil:
		return nil, nil, nearest
	}
	return nil, nil, &LackError{[]string{fmt.Sprintf("how %s was rendered: with the recorded variant the recipe gives %s", b.Output, strings.Join(names, ", "))}}
}

func outputNames(outputs []*recipes.Output) []string {
	var names []string
	for _, o := range outputs {
		names = append(names, o.String())
	}
	return names
}

// matching finds the recorded output, or else tells what its build string begins with that the recipe does not say.
func matching(outputs []*recipes.Output, b provenance.Build, rec *packages.Record) (found *recipes.Output, prefix string) {
	for _, o := range outputs {
		if o.Staging || o.Skip || o.Subdir() != b.Platform {
			continue
		}
		if o.String() == b.Output {
			return o, ""
		}
		if p, ok := strings.CutSuffix(rec.Build, "_"+o.BuildString); ok && o.Name == rec.Name && o.Version == rec.Version {
			prefix = p
		}
	}
	return nil, prefix
}

// sameUnused reports whether an output was rendered in the very variant of the record.
func sameUnused(o *recipes.Output, b provenance.Build) bool {
	return maps.EqualFunc(o.Unused(), b.Unused, func(x, y any) bool { return fmt.Sprint(x) == fmt.Sprint(y) })
}

// setRendering makes the request render for the recorded platform, in the recorded variant and no other: what this
// workspace, its configuration or the command line say of variants was not there then.
func setRendering(req *Request, b provenance.Build) error {
	if p, err := platforms.Parse(b.Platform); err == nil && p.String() != "noarch" {
		req.TargetPlatform, req.HostPlatform = p, p
	}
	req.AllowUnhashed = true // accepted then; the key holds the source to what it was
	req.Variant, req.Workspace, req.VariantFiles = map[string][]string{}, nil, nil
	for _, part := range []map[string]any{b.Variant, b.Unused} {
		for name, value := range part {
			if name != "target_platform" { // the request's platform says it; in the variant of a noarch output it is noarch
				req.Variant[name] = []string{fmt.Sprint(value)}
			}
		}
	}
	addWorkVariants(req, b)
	if len(b.Settings) == 0 {
		return nil
	}
	text, err := yamlOf(b.Settings)
	if err != nil {
		return err
	}
	file := filepath.Join(req.WorkDir, "recorded_variant_settings.yaml")
	req.VariantFiles = []string{file}
	return os.WriteFile(file, text, 0o644)
}

// flagOfWidening is the flag that widens a build by what a line of a statement says.
func flagOfWidening(line string) string {
	word, value, _ := strings.Cut(line, " ")
	switch word {
	case "network":
		return "--allow-network"
	case "color-build-log":
		return "--color-build-log"
	case "read", "read-execute", "read-write":
		return "--allow-" + word + " " + value
	case "env-isolation":
		return "--env-isolation " + value
	}
	return ""
}

// checkWidening holds what this run is told to show a build to what was shown then: a record opens nothing of this
// machine that its user does not.
func checkWidening(w Widening, b provenance.Build) error {
	now := w.lines()
	var lacking []string
	for _, l := range b.Widened {
		if slices.Contains(now, l) || strings.HasPrefix(l, "licence ") {
			continue
		}
		if flag := flagOfWidening(l); flag != "" {
			lacking = append(lacking, fmt.Sprintf("it was shown more than its inputs (%s): %s shows it again", l, flag))
		} else {
			lacking = append(lacking, fmt.Sprintf("the %s of the environment it was built in: set it to what it was then", l))
		}
	}
	for _, l := range now {
		if !slices.Contains(b.Widened, l) {
			lacking = append(lacking, fmt.Sprintf("it was not shown %s: leave out %s", l, flagOfWidening(l)))
		}
	}
	if len(lacking) > 0 {
		return &LackError{lacking}
	}
	return nil
}
