package engine

import (
	"context"
	"fmt"
	"path"
	"strings"

	"forge/recipes"
)

// patch applies the recipe's patches inside the sandbox: a patch is as hostile as a script.
func (j *job) patch(ctx context.Context) error {
	text, err := patchScript(j.site.at, j.a.Output.Sources)
	if err != nil || text == "" {
		return err
	}
	result, err := j.run(ctx, []recipes.Script{{Text: text, File: "patches"}})
	if err != nil {
		return err
	}
	if result.ExitCode != 0 {
		return fmt.Errorf("a patch does not apply:\n%s", tail(j.log.Name(), 20))
	}
	return nil
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
