package recipes

import (
	"fmt"
	"math/big"
	"path/filepath"
	"slices"
	"strings"

	"forge/internal/diag"
	"forge/recipes/internal/expr"
	"forge/recipes/internal/yamlx"
)

// tooMany refuses a product of variants, with its factors, the largest first.
func tooMany(axes []axis, limit int) *diag.Diagnostic {
	total := big.NewInt(1)
	var wide []axis
	for _, a := range axes {
		if total.Mul(total, big.NewInt(int64(a.n))); a.n > 1 {
			wide = append(wide, a)
		}
	}
	slices.SortStableFunc(wide, func(a, b axis) int { return b.n - a.n })
	const most = 12
	var parts []string
	for _, a := range wide[:min(most, len(wide))] {
		parts = append(parts, fmt.Sprintf("%s %d", strings.Join(a.keys, "+"), a.n))
	}
	if more := len(wide) - most; more > 0 {
		parts = append(parts, fmt.Sprintf("%d more keys", more))
	}
	return &diag.Diagnostic{Code: "too-many-variants",
		Summary:    fmt.Sprintf("the variants multiply to %s, more than the %d that are allowed: %s", total, limit, strings.Join(parts, " × ")),
		Suggestion: "use zip_keys for keys that belong together, or choose values with --variant KEY=VALUE"}
}

// tooManyOutputs refuses what outputs and variants multiply to, which is known only after some were rendered.
func tooManyOutputs(path string, variants, limit int) diag.Diagnostic {
	d := diag.Diagnostic{Code: "too-many-outputs", Pos: diag.Pos{File: path, Line: 1, Column: 1}, Summary: fmt.Sprintf("the recipe has more than %d outputs", limit)}
	if variants > 1 {
		d.Summary = fmt.Sprintf("the recipe has more than %d outputs, over %d variants", limit, variants)
		d.Suggestion = "choose values with --variant KEY=VALUE, or divide the recipe"
		return d
	}
	d.Suggestion = "divide the recipe; look for a loop with too large a number"
	return d
}

// tooExpensive is what to do about an expression that used up its budget.
func tooExpensive(e *expr.Error) string {
	if e.Hint != "" {
		return e.Hint
	}
	return "look for a loop, a repetition or a nesting that is larger than was meant"
}

// widestAxis is the key of the axis with the most values.
func widestAxis(axes []axis) string {
	key, n := "", 0
	for _, a := range axes {
		if a.n > n && len(a.keys) > 0 {
			key, n = a.keys[0], a.n
		}
	}
	return key
}

// atKey places a diagnostic where the last of the variants files sets a key, or at the recipe.
func atKey(d *diag.Diagnostic, recipe string, files []VariantFile, key string) {
	d.Pos = diag.Pos{File: recipe, Line: 1, Column: 1}
	for _, f := range slices.Backward(files) {
		if filepath.Ext(f.Path) == ".hcl" { // which was written as YAML from what the workspace says
			continue
		}
		text, list := yamlx.Checked(f.Path, f.Data)
		if list.HasErrors() {
			continue
		}
		line := 0
		for s := range strings.SplitSeq(text, "\n") {
			line++
			if name, _, ok := strings.Cut(s, ":"); ok && normalKey(name) == key {
				d.Pos, d.Line, d.Length = diag.Pos{File: f.Path, Line: line, Column: 1}, strings.TrimSuffix(s, "\r"), len(name)
				return
			}
		}
	}
}

// quoteLines fills in the lines that diagnostics speak of, where their finder had only the place.
func quoteLines(list diag.List, recipe string, data []byte, files []VariantFile) {
	texts := map[string][]string{}
	for i, d := range list {
		if d.Line != "" || d.Pos.Line == 0 {
			continue
		}
		lines, known := texts[d.Pos.File]
		if !known {
			lines = linesOf(d.Pos.File, recipe, data, files)
			texts[d.Pos.File] = lines
		}
		if d.Pos.Line <= len(lines) {
			list[i].Line = strings.TrimSuffix(lines[d.Pos.Line-1], "\r")
		}
	}
}

// QuoteLines fills in the lines of recipes that diagnostics speak of and do not have yet, and reads the files for it.
// What cannot be read is left without.
func QuoteLines(list diag.List) {
	texts := map[string][]string{}
	for i, d := range list {
		if d.Line != "" || d.Pos.Line == 0 || renderer(d.Pos.File) == nil {
			continue
		}
		lines, known := texts[d.Pos.File]
		if !known {
			if data, err := ReadFile(d.Pos.File); err == nil {
				lines = linesOf(d.Pos.File, d.Pos.File, data, nil)
			}
			texts[d.Pos.File] = lines
		}
		if d.Pos.Line <= len(lines) {
			list[i].Line = strings.TrimSuffix(lines[d.Pos.Line-1], "\r")
		}
	}
}

func linesOf(path, recipe string, data []byte, files []VariantFile) []string {
	if path != recipe {
		i := slices.IndexFunc(files, func(f VariantFile) bool { return f.Path == path && filepath.Ext(path) != ".hcl" })
		if i < 0 {
			return nil
		}
		data = files[i].Data
	}
	text, _ := yamlx.Checked(path, data)
	return strings.Split(text, "\n")
}
