package engine

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"forge/recipes"
)

// variantWord says of a solve that failed which of the demands that it names came from the variant and not
// from the recipe, and how another is asked for; "" for none.
func variantWord(o *recipes.Output, reason string) string {
	var words []string
	for _, d := range slices.Concat(o.Requirements.Build, o.Requirements.Host) {
		spec := d.Ask()
		key, value := variantOf(o, spec)
		if name, _, _ := strings.Cut(spec, " "); key == "" || !strings.Contains(reason, "no solution for "+name+" ") {
			continue
		}
		word := fmt.Sprintf("it is the variant that asks for it (%s = %s): --variant %s=VERSION asks for another, or a variants file, or the variant block of forge.hcl",
			key, value, key)
		if !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	return strings.Join(words, "\nhint: ")
}

// variantOf is the key of the used variant that gave a requirement its version, and its value.
func variantOf(o *recipes.Output, spec string) (key, value string) {
	name, version, _ := strings.Cut(spec, " ")
	gave := func(key string) bool {
		v, ok := o.Variant[key]
		value = fmt.Sprint(v)
		return ok && version != "" && strings.TrimSuffix(strings.TrimLeft(version, "="), ".*") == strings.TrimSuffix(value, ".*")
	}
	if key = strings.ReplaceAll(name, "-", "_"); gave(key) {
		return key, value
	}
	for _, key := range slices.Sorted(maps.Keys(o.Variant)) { // gcc_linux-64 of c_compiler = gcc, which may go without saying
		tool := strings.TrimSuffix(key, "_version")
		if !strings.HasSuffix(tool, "_compiler") && !strings.HasSuffix(tool, "_stdlib") || tool == key {
			continue
		}
		if is, said := o.Variant[tool]; (!said || strings.HasPrefix(name, fmt.Sprint(is)+"_")) && strings.Contains(name, "_") && gave(key) {
			return key, value
		}
	}
	return "", ""
}
