package engine

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"forge/internal/diag"
	"forge/recipes"
)

// patch applies the recipe's patches inside the sandbox: a patch is as hostile as a script.
func (j *job) patch(ctx context.Context) error {
	if err := patchesThere(j.a.Output); err != nil {
		return err
	}
	text, err := patchScript(j.site.at, j.a.Output.Sources)
	if err != nil || text == "" {
		return err
	}
	result, err := j.run(ctx, []recipes.Script{{Text: text, File: "patches"}})
	if err != nil {
		return err
	}
	if result.ExitCode != 0 {
		return failedPatch(j.a.Output, logTail(j.log.Name(), 20))
	}
	return nil
}

// patchesThere names the patches that the recipe's folder lacks. It is not asked before a build: a recipe can be looked
// at and planned without them.
func patchesThere(o *recipes.Output) error {
	var list diag.List
	for _, s := range o.Sources {
		for _, p := range s.MissingPatches(o.Recipe.Dir) {
			list = append(list, diag.Diagnostic{Code: "missing-file", Pos: s.Pos, Summary: fmt.Sprintf("the patch %s is not in the recipe's folder", p)})
		}
	}
	return list.Err()
}

// failedPatch says which patch does not apply, with what patch(1) said of it.
func failedPatch(o *recipes.Output, log []string) error {
	const applying = "applying patch "
	var said []string
	name := ""
	for _, line := range log {
		if strings.HasPrefix(line, failMark) { // a line of ours, not of the recipe's
			continue
		}
		if p, ok := strings.CutPrefix(line, applying); ok {
			name, said = p, nil
			continue
		}
		said = append(said, line)
	}
	d := diag.Diagnostic{Code: "bad-patch", Summary: "a patch does not apply", Detail: strings.Join(said, "\n")}
	for _, s := range o.Sources {
		if slices.Contains(s.Patches, name) {
			d.Pos, d.Summary = s.Pos, fmt.Sprintf("the patch %s does not apply", name)
		}
	}
	return diag.List{d}.Err()
}

// patchScript applies the patches of all sources, each in its source's folder.
func patchScript(at layout, sources []recipes.Source) (string, error) {
	var script strings.Builder
	for _, s := range sources {
		for _, p := range s.Patches {
			if endsLine(p) || endsLine(s.TargetDirectory) {
				return "", fmt.Errorf("patch %q in folder %q: the name has a control character", p, s.TargetDirectory)
			}
			if at.windows {
				script.WriteString(patchBatch(at, s.TargetDirectory, p))
				continue
			}
			fmt.Fprintf(&script, "printf '%%s\\n' %s\ncd %s\n%s\n", shellQuote("applying patch "+p),
				shellQuote(path.Join(at.work, path.Join("/", s.TargetDirectory))), applyPatch(at.recipe+"/"+p))
		}
	}
	return script.String(), nil
}

// applyPatch tries the strip levels that recipes use, the usual one first, and applies at the first
// that fits (conda-build and rattler-build guess alike).
func applyPatch(patch string) string {
	file := shellQuote(patch)
	return "for forge_p in 1 0 2 3; do\n" +
		"  if patch -p$forge_p --dry-run --force --silent -i " + file + " >/dev/null 2>&1; then\n" +
		"    patch -p$forge_p --force --no-backup-if-mismatch -i " + file + "; forge_p=; break\n  fi\ndone\n" +
		"if [ -n \"$forge_p\" ]; then patch -p1 --dry-run --force -i " + file + "; exit 1; fi"
}
